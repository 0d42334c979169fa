//! Where nodes and edges go: rust-sugiyama says, for layers from top to bottom; callers are on the
//! left here.

use rust_sugiyama::configure::Config;

pub(super) const NODE_WIDTH: f64 = 172.0;
pub(super) const NODE_HEIGHT: f64 = 52.0;
/// Between two nodes of a layer, and between two layers, where the edges' labels stand.
const BESIDE: f64 = 34.0;
const BETWEEN: f64 = 92.0;
const MARGIN: f64 = 16.0;

#[derive(Debug)]
pub(super) struct Layout {
    centres: Vec<(f64, f64)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An edge's line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) d: String,
    pub(super) middle: (f64, f64),
}

impl Layout {
    pub(super) fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let mut centres = vec![(0.0, 0.0); nodes];
        let id = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        // The layers lie across: a node's height is its width there.
        let size = (NODE_HEIGHT + BESIDE, 1.0);
        let vertices: Vec<_> = (0..nodes).map(|place| (id(place), size)).collect();
        let mut lines: Vec<_> = edges.iter().filter(|(a, b)| a != b).map(|&(a, b)| (id(a), id(b))).collect();
        lines.sort_unstable();
        lines.dedup();
        let config = Config { vertex_spacing: 1.0, ..Config::default() };
        let mut below = 0.0;
        for (places, _, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &lines, &config) {
            let mut layers: Vec<f64> = places.iter().map(|(_, (_, layer))| *layer).collect();
            layers.sort_by(f64::total_cmp);
            layers.dedup_by(|a, b| (*a - *b).abs() < 1e-6);
            let first = places.iter().map(|(_, (across, _))| *across).fold(f64::MAX, f64::min);
            let mut last = 0.0_f64;
            // Layers may be counted from either end; callers come first.
            let flipped = lines.iter().any(|(from, to)| {
                let layer = |id: u32| places.iter().find(|(v, _)| *v == id as usize).map(|(_, (_, l))| *l);
                matches!((layer(*from), layer(*to)), (Some(a), Some(b)) if a > b)
            });
            for (vertex, (across, layer)) in &places {
                let mut column = layers.iter().position(|l| (l - layer).abs() < 1e-6).unwrap_or(0);
                if flipped {
                    column = layers.len() - 1 - column;
                }
                let x = column as f64 * (NODE_WIDTH + BETWEEN);
                let y = below + across - first;
                last = last.max(y);
                if let Some(centre) = centres.get_mut(*vertex) {
                    *centre = (x + NODE_WIDTH / 2.0 + MARGIN, y + NODE_HEIGHT / 2.0 + MARGIN);
                }
            }
            below = last + NODE_HEIGHT + BESIDE;
        }
        let most = |of: fn(&(f64, f64)) -> f64| centres.iter().map(of).fold(0.0, f64::max);
        let (width, height) = (most(|c| c.0), most(|c| c.1));
        Self {
            width: width + NODE_WIDTH / 2.0 + MARGIN,
            height: height + NODE_HEIGHT / 2.0 + MARGIN,
            centres,
        }
    }

    pub(super) fn at(&self, node: usize) -> (f64, f64) {
        self.centres[node]
    }

    /// The line from one node to another.
    pub(super) fn edge(&self, from: usize, to: usize) -> Line {
        let ((fx, fy), (tx, ty)) = (self.at(from), self.at(to));
        let half = NODE_WIDTH / 2.0;
        let (x1, x2) = if tx > fx { (fx + half, tx - half - 6.0) } else { (fx - half, tx + half + 6.0) };
        let bend = (x2 - x1) / 2.0;
        let d = format!("M{x1:.1} {fy:.1}C{:.1} {fy:.1} {:.1} {ty:.1} {x2:.1} {ty:.1}", x1 + bend, x2 - bend);
        Line { d, middle: (f64::midpoint(x1, x2), f64::midpoint(fy, ty)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_left_of_whom_they_call() {
        for edges in [
            vec![(0, 1), (1, 2), (2, 3)],
            vec![(3, 2), (2, 1), (1, 0)],
            vec![(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)],
            vec![(0, 1), (2, 3)],
        ] {
            let layout = Layout::new(4, &edges);
            for &(from, to) in &edges {
                assert!(layout.at(from).0 < layout.at(to).0, "{edges:?}");
            }
        }
    }

    #[test]
    fn nodes_do_not_overlap() {
        let edges: Vec<_> = (1..20).map(|to| (to / 3, to)).collect();
        let layout = Layout::new(20, &edges);
        for a in 0..20 {
            for b in 0..a {
                let ((ax, ay), (bx, by)) = (layout.at(a), layout.at(b));
                let apart = (ax - bx).abs() >= NODE_WIDTH || (ay - by).abs() >= NODE_HEIGHT;
                assert!(apart, "{a} {b}");
            }
        }
    }

    #[test]
    fn odd_graphs_have_a_layout_too() {
        for (nodes, edges) in [(0, vec![]), (1, vec![(0, 0)]), (2, vec![]), (2, vec![(0, 1), (1, 0), (0, 1)])]
        {
            let layout = Layout::new(nodes, &edges);
            assert!(layout.width.is_finite() && layout.height.is_finite());
        }
    }
}
