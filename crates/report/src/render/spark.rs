//! Numbers as a row of bars, one character each.

/// Which characters can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Those of Unicode.
    #[default]
    Unicode,
    /// Those of ASCII alone.
    Ascii,
}

impl Charset {
    /// From the lowest bar to the highest.
    const fn bars(self) -> [char; 8] {
        match self {
            Self::Unicode => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Self::Ascii => ['.', ':', '-', '=', '+', '*', '#', '@'],
        }
    }
}

impl Charset {
    /// A bar of Unicode in ASCII; any other character is left as it is.
    pub(super) fn bar_in_ascii(c: char) -> char {
        let height = Self::Unicode.bars().iter().position(|&bar| bar == c);
        height.map_or(c, |height| Self::Ascii.bars()[height])
    }
}

/// A bar for each value, of which the highest stands for `max`. Nothing is blank, and the least that is
/// more than nothing can be seen.
pub fn spark(values: &[f64], max: f64, charset: Charset) -> String {
    let bars = charset.bars();
    let bar = |&value: &f64| {
        if value <= 0.0 || max <= 0.0 {
            return ' ';
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float's conversion is capped"
        )]
        let height = (value / max * bars.len() as f64).ceil() as usize;
        bars[height.clamp(1, bars.len()) - 1]
    };
    values.iter().map(bar).collect()
}

/// So many values instead of these, each the mean of its share of them.
pub fn means(values: &[f64], width: usize) -> Vec<f64> {
    let width = width.max(1);
    let mean = |place: usize| {
        let (from, to) = (place * values.len() / width, (place + 1) * values.len() / width);
        let share = values.get(from..to.max(from + 1)).unwrap_or_default();
        share.iter().sum::<f64>() / share.len().max(1) as f64
    };
    (0..width).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_seen_and_nothing_is_blank() {
        assert_eq!(spark(&[0.0, 0.01, 4.0, 8.0, 99.0], 8.0, Charset::Unicode), " ▁▄██");
        assert_eq!(spark(&[0.0, 0.01, 4.0, 8.0], 8.0, Charset::Ascii), " .=@");
        assert_eq!(spark(&[0.0, 0.0], 0.0, Charset::Unicode), "  ");
    }

    #[test]
    fn fewer_or_more_values_show_the_same_course() {
        assert_eq!(means(&[1.0, 3.0, 5.0, 7.0], 2), [2.0, 6.0]);
        assert_eq!(means(&[1.0, 2.0], 4), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(means(&[], 2), [0.0, 0.0]);
    }
}
