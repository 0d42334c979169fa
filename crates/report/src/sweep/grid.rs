//! All combinations of what is varied, numbered.

use super::values::Axis;

/// How many points a grid may have.
pub const POINTS_MAX: u64 = 1_000_000;

/// The grid of all combinations; the last axis changes fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    axes: Vec<Axis>,
    points: u64,
}

impl Grid {
    /// The grid over these axes.
    ///
    /// # Errors
    /// If it is too large, or an axis is there twice.
    pub fn new(axes: Vec<Axis>) -> Result<Self, String> {
        for (i, axis) in axes.iter().enumerate() {
            if axes[..i].iter().any(|other| other.path == axis.path) {
                return Err(format!("{} is varied twice: write all its values into one --vary", axis.path));
            }
        }
        let points = axes.iter().try_fold(1_u64, |points, axis| points.checked_mul(axis.values.len() as u64));
        match points.filter(|&points| points <= POINTS_MAX) {
            Some(points) => Ok(Self { axes, points }),
            None => Err(format!("the grid has more than {POINTS_MAX} points: vary less, or in fewer steps")),
        }
    }

    /// What is varied.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many points there are.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// The place of a point's value on each axis.
    pub fn places(&self, point: u64) -> Vec<usize> {
        let mut rest = point;
        let mut places: Vec<usize> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let values = axis.values.len().max(1);
            #[expect(clippy::cast_possible_truncation, reason = "it is below a length")]
            places.push((rest % values as u64) as usize);
            rest /= values as u64;
        }
        places.reverse();
        places
    }

    /// A point's values, one for each axis.
    pub fn values(&self, point: u64) -> impl Iterator<Item = &str> {
        self.axes.iter().zip(self.places(point)).map(|(axis, place)| &*axis.values[place])
    }

    /// A point as changes of the scenario.
    pub fn settings(&self, point: u64) -> Vec<(String, String)> {
        self.axes
            .iter()
            .zip(self.values(point))
            .map(|(axis, value)| (axis.path.clone(), value.to_owned()))
            .collect()
    }

    /// Some points among which each value is at least once: all of a grid that has no more than
    /// `most`, else the first point and those that differ from it in one value.
    pub fn cover(&self, most: u64) -> Vec<u64> {
        if self.points <= most {
            return (0..self.points).collect();
        }
        let mut points = vec![0];
        let mut stride = self.points;
        for axis in &self.axes {
            let values = axis.values.len().max(1) as u64;
            stride /= values;
            points.extend((1..values).map(|place| place * stride));
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn grid(axes: &[&str]) -> Result<Grid, String> {
        Grid::new(axes.iter().map(|axis| axis.parse().unwrap()).collect())
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        let grid = grid(&["a=1,2", "b=x,y,z"]).unwrap();
        let all: Vec<String> =
            (0..grid.points()).map(|p| grid.values(p).collect::<Vec<_>>().join("")).collect();
        assert_eq!(all, ["1x", "1y", "1z", "2x", "2y", "2z"]);
        assert_eq!(grid.settings(4), [("a".into(), "2".into()), ("b".into(), "y".into())]);
    }

    #[test]
    fn a_cover_has_each_value() {
        let grid = grid(&["a=1..30/30", "b=1..20/20", "c=1,2,3"]).unwrap();
        assert_eq!(grid.cover(1800).len(), 1800);
        let cover = grid.cover(1799);
        assert_eq!(cover.len(), 1 + 29 + 19 + 2);
        for (i, axis) in grid.axes().iter().enumerate() {
            let seen: BTreeSet<usize> = cover.iter().map(|&point| grid.places(point)[i]).collect();
            assert_eq!(seen.len(), axis.values.len());
        }
    }

    #[test]
    fn too_many_points_and_doubled_axes_are_refused() {
        assert_eq!(grid(&["a=1..1000/1000", "b=1..1000/1000"]).unwrap().points(), POINTS_MAX);
        let axes: Vec<String> = (0..12).map(|i| format!("a{i}=1..1000000/1000000")).collect();
        let many: Vec<&str> = axes.iter().map(|axis| &**axis).collect();
        assert!(grid(&many[..4]).unwrap_err().contains("more than 1000000 points"));
        assert!(grid(&["a=1", "a=2"]).unwrap_err().contains("varied twice"));
    }
}
