//! The tables of the live view.

use std::cmp::Ordering;

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Text;
use ratatui::widgets::{Cell, Row, Table};
use report::CallSight;
use report::render::{millis, percent, shorten};
use topology::NodeKind;
use trace::rows::{OriginRow, StrategyRow};

use super::draw::Look;
use super::state::{Place, Run, State};
use Kind::{Name, Number, Word};

/// Between two columns.
const GAP: u16 = 2;

/// A table, as much of which is shown as there is room for.
pub(super) struct Section {
    columns: Vec<Column>,
    rows: Vec<Line>,
}

struct Column {
    head: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The one that takes what the others leave.
    Name,
    /// So wide.
    Word(u16),
    /// So wide, to the right.
    Number(u16),
}

impl Kind {
    /// How wide it is in a table of this width; words give way to names where that is less than usual.
    fn width(self, table: u16) -> Option<u16> {
        match self {
            Self::Name => None,
            Self::Word(width) if table < 80 => Some(width.min(table / 4)),
            Self::Word(width) | Self::Number(width) => Some(width),
        }
    }
}

struct Line {
    cells: Vec<String>,
    /// The cell that tells of failures.
    bad: Option<usize>,
    /// Where not all have room, those with the highest weight stay.
    weight: f64,
}

impl Section {
    /// How many lines it has.
    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.rows.len() + 1).unwrap_or(u16::MAX)
    }

    /// Draws it. The first column is of names, and all others but it are numbers or short words.
    pub(super) fn draw(&self, look: Look, frame: &mut Frame<'_>, area: Rect) {
        let room = usize::from(area.height.saturating_sub(1));
        let (kept, left) = self.kept(room);
        let fixed: u16 = self
            .columns
            .iter()
            .filter_map(|column| column.kind.width(area.width))
            .map(|width| width + GAP)
            .sum();
        let names = usize::from(area.width.saturating_sub(fixed).max(8));
        let width =
            |column: &Column| column.kind.width(area.width).map_or(Constraint::Fill(1), Constraint::Length);
        let mut rows: Vec<Row<'_>> =
            kept.iter().map(|line| self.row(look, line, names, area.width)).collect();
        if left > 0 {
            let more = look.ascii_or(format!("… and {left} more"), "...");
            rows.push(Row::new([Cell::from(more)]).style(look.dim()));
        }
        let heads = self.columns.iter().map(|column| cell(column, column.head.to_owned()));
        let table = Table::new(rows, self.columns.iter().map(width))
            .header(Row::new(heads).style(look.head()))
            .column_spacing(GAP);
        frame.render_widget(table, area);
    }

    /// The rows that have room, in their order, and how many have not.
    fn kept(&self, room: usize) -> (Vec<&Line>, usize) {
        if self.rows.len() <= room {
            return (self.rows.iter().collect(), 0);
        }
        // The last line says that there are more.
        let room = room.saturating_sub(1);
        let mut places: Vec<usize> = (0..self.rows.len()).collect();
        places.sort_by(|&a, &b| {
            self.rows[b].weight.partial_cmp(&self.rows[a].weight).unwrap_or(Ordering::Equal)
        });
        places.truncate(room);
        places.sort_unstable();
        (places.into_iter().map(|place| &self.rows[place]).collect(), self.rows.len() - room)
    }

    fn row(&self, look: Look, line: &Line, names: usize, table: u16) -> Row<'static> {
        let cells = self.columns.iter().zip(&line.cells).enumerate().map(|(place, (column, text))| {
            let width = column.kind.width(table).map_or(names, usize::from);
            let cell = cell(column, look.ascii_or(shorten(text, width), "~"));
            if line.bad == Some(place) { cell.style(look.bad()) } else { cell }
        });
        Row::new(cells)
    }
}

fn cell(column: &Column, text: String) -> Cell<'static> {
    let text = Text::from(text);
    Cell::from(if matches!(column.kind, Number(_)) { text.right_aligned() } else { text })
}

/// What each node is asked, and how full it is.
pub(super) fn nodes(run: &Run) -> Section {
    let columns = columns(&[
        ("node", Name),
        ("req/s", Number(8)),
        ("failed/s", Number(8)),
        ("in flight", Number(9)),
        ("queued", Number(7)),
    ]);
    let row = |place: &Place| {
        let node = run.scenario.topology.node(place.node);
        let sight = run.sight.nodes.get(place.node.index()).copied().unwrap_or_default();
        let rates = run.rates(place.node);
        let is_client = node.kind == NodeKind::Client;
        let full = |n: u32| if is_client { String::new() } else { n.to_string() };
        let rate = |of: f64| if of > 0.0 && of < 1.0 { format!("{of:.1}") } else { format!("{of:.0}") };
        let rates = rates.map(|rates| (rates.requests, rates.failed));
        let failing = rates.is_some_and(|(_, failed)| failed > 0.0);
        Line {
            cells: vec![
                format!("{}{}", "  ".repeat(place.depth.min(12)), node.name),
                rates.map(|(requests, _)| rate(requests)).unwrap_or_default(),
                rates.map(|(_, failed)| rate(failed)).unwrap_or_default(),
                full(sight.in_flight),
                full(sight.queued),
            ],
            bad: failing.then_some(2),
            weight: rates.map_or(0.0, |(requests, failed)| failed * 1e6 + requests)
                + f64::from(sight.queued) * 1e3,
        }
    };
    Section { columns, rows: run.tree.iter().map(row).collect() }
}

/// Where failures were born so far.
pub(super) fn origins(run: &Run) -> Section {
    let columns = columns(&[
        ("failures born at", Name),
        ("status", Word(6)),
        ("mechanism", Word(26)),
        ("failed", Number(8)),
        ("masked", Number(8)),
    ]);
    let row = |row: &OriginRow| Line {
        cells: vec![
            row.origin.to_string(),
            row.status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
            format!("{}: {}", row.cause, row.mechanism),
            row.surfaced.to_string(),
            row.masked.to_string(),
        ],
        bad: None,
        weight: row.surfaced as f64 + row.masked as f64 * 1e-9,
    };
    Section { columns, rows: run.sight.origins.iter().map(row).collect() }
}

/// What strategies have shown so far.
pub(super) fn results(state: &State) -> Section {
    let columns = columns(&[
        ("so far", Name),
        ("calls", Number(9)),
        ("success", Number(8)),
        ("p99", Number(9)),
        ("attempts", Number(8)),
        ("load", Number(6)),
    ]);
    let row = |row: &StrategyRow| Line {
        cells: vec![
            crate::session::name_of(&row.strategy).to_owned(),
            row.calls.to_string(),
            row.success_rate.map(percent).unwrap_or_default(),
            row.p99_ms.map(millis).unwrap_or_default(),
            format!("{:.2}", row.attempts_per_call),
            format!("{:.2}", row.amplification),
        ],
        bad: None,
        weight: row.success_rate.unwrap_or_default(),
    };
    Section { columns, rows: state.results.iter().map(row).collect() }
}

/// The calls that ended last.
pub(super) fn latest(run: &Run) -> Section {
    let columns = columns(&[
        ("latest, begun at", Name),
        ("status", Word(6)),
        ("took", Number(8)),
        ("attempts", Number(8)),
        ("failure born at", Word(34)),
    ]);
    let row = |(place, call): (usize, &CallSight)| {
        let born = call.origin.as_ref().map(|(origin, mechanism)| format!("{origin} ({mechanism})"));
        Line {
            cells: vec![
                format!("{:.3}s", call.start.as_secs_f64()),
                call.status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
                millis(call.latency.as_secs_f64() * 1e3),
                call.attempts.to_string(),
                born.unwrap_or_default(),
            ],
            bad: call.origin.is_some().then_some(4),
            weight: -(place as f64),
        }
    };
    Section { columns, rows: run.sight.latest.iter().enumerate().map(row).collect() }
}

/// Columns of these kinds.
fn columns(columns: &[(&'static str, Kind)]) -> Vec<Column> {
    columns.iter().map(|&(head, kind)| Column { head, kind }).collect()
}
