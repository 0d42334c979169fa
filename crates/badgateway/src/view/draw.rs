//! Draws the live view: first what always has room, then the tables, which share what is left.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use report::render::{Charset, spark};
use unicode_width::UnicodeWidthStr;

use super::history::Course;
use super::state::{Run, State};
use super::tables::{self, Section};

/// Before a course, and after it.
const LABEL: usize = 10;
const FIGURE: usize = 10;
/// No table is less high than this: its head, a row, and how many more there are.
const TABLE_LEAST: u16 = 3;

/// What may be used to set one thing off from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    colour: bool,
    charset: Charset,
}

impl Look {
    pub(super) fn head(self) -> Style {
        self.style(Style::new().add_modifier(Modifier::BOLD))
    }

    pub(super) fn dim(self) -> Style {
        self.style(Style::new().add_modifier(Modifier::DIM))
    }

    pub(super) fn bad(self) -> Style {
        self.style(Style::new().fg(Color::Red))
    }

    fn warning(self) -> Style {
        self.style(Style::new().fg(Color::Yellow))
    }

    fn good(self) -> Style {
        self.style(Style::new().fg(Color::Green))
    }

    fn style(self, style: Style) -> Style {
        if self.colour { style } else { Style::new() }
    }

    /// A text that begins with an ellipsis, with these dots for it where there is none.
    pub(super) fn ascii_or(self, text: String, dots: &str) -> String {
        match self.charset {
            Charset::Unicode => text,
            Charset::Ascii => text.replace('…', dots),
        }
    }
}

/// Draws all of it, or what of it fits.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let look = Look { colour: state.colour, charset: state.charset };
    let area = frame.area();
    let mut lines = vec![title(look, state, area.width)];
    lines.extend(state.count.iter().map(|count| Line::from(count.clone())));
    lines.extend(state.entries.iter().map(|entry| Line::from(entry.clone())));
    if let Some(run) = &state.run {
        lines.extend(courses(look, run, area.width));
    }
    let mut place = Place { area, used: 0 };
    for line in lines {
        place.line(frame, line);
    }
    let sections = sections(state);
    let room = place.left().saturating_sub(1);
    for (section, height) in sections.iter().zip(heights(&sections, room)) {
        if let Some(area) = place.take(height) {
            section.draw(look, frame, area);
        }
    }
    let hint = Line::styled("Ctrl-C ends it; what was measured until then is kept.", look.dim());
    if place.left() > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        frame.render_widget(hint, last);
    }
}

/// What is free of the screen.
struct Place {
    area: Rect,
    used: u16,
}

impl Place {
    fn left(&self) -> u16 {
        self.area.height.saturating_sub(self.used)
    }

    fn line(&mut self, frame: &mut Frame<'_>, line: Line<'_>) {
        if self.left() > 0 {
            frame.render_widget(line, Rect { y: self.area.y + self.used, height: 1, ..self.area });
            self.used += 1;
        }
    }

    /// So many lines after a blank one.
    fn take(&mut self, height: u16) -> Option<Rect> {
        let height = height.min(self.left().saturating_sub(1));
        if height == 0 {
            return None;
        }
        let taken = Rect { y: self.area.y + self.used + 1, height, ..self.area };
        self.used += height + 1;
        Some(taken)
    }
}

fn sections(state: &State) -> Vec<Section> {
    let mut sections = Vec::new();
    if !state.results.is_empty() {
        sections.push(tables::results(state));
    }
    if let Some(run) = &state.run {
        sections.push(tables::nodes(run));
        if !run.sight.origins.is_empty() {
            sections.push(tables::origins(run));
        }
        if !state.entries.is_empty() && !run.sight.latest.is_empty() {
            sections.push(tables::latest(run));
        }
    }
    sections
}

/// How high each is: as high as it wants to be, or else the highest give way. Where there is no room for
/// all, the last are left out.
fn heights(sections: &[Section], room: u16) -> Vec<u16> {
    // A blank line is before each.
    let fits = usize::from(room / (TABLE_LEAST + 1));
    let mut heights: Vec<u16> = sections.iter().take(fits.max(1)).map(Section::height).collect();
    let room = room.saturating_sub(u16::try_from(heights.len()).unwrap_or(u16::MAX));
    while heights.iter().map(|&height| u32::from(height)).sum::<u32>() > u32::from(room) {
        match heights.iter_mut().max() {
            Some(highest) if *highest > 1 => {
                // Thousands of nodes are not taken away one by one.
                *highest = (*highest - 1).min(room.max(1));
            }
            _ => break,
        }
    }
    heights
}

/// What runs, and how far it is.
fn title(look: Look, state: &State, width: u16) -> Line<'static> {
    let what = match (&state.turn, &state.run) {
        (Some(turn), _) => format!(", {turn}"),
        (None, Some(run)) => format!(", {} engine, seed {}", state.engine, run.scenario.seed),
        (None, None) => format!(", {} engine", state.engine),
    };
    let right = state.run.as_ref().map(time).unwrap_or_default();
    let room = usize::from(width).saturating_sub(right.width() + 2);
    // The name gives way first.
    let name = report::render::shorten(&state.scenario, room.saturating_sub(what.width()).max(7));
    let left = look.ascii_or(report::render::shorten(&format!("{name}{what}"), room), "~");
    let gap = " ".repeat(usize::from(width).saturating_sub(left.width() + right.width()));
    Line::from(vec![Span::styled(left, look.head()), Span::raw(gap), Span::raw(right)])
}

fn time(run: &Run) -> String {
    let elapsed = run.progress.elapsed;
    let Some(duration) = run.duration else { return seconds(elapsed) };
    if elapsed >= duration {
        return format!("{}, now the last calls", seconds(duration));
    }
    let left = run.left.map(|left| format!(", {} left", seconds(left))).unwrap_or_default();
    format!("{} of {}{left}", seconds(elapsed), seconds(duration))
}

/// Whole seconds, as people read them.
fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(10) && duration.subsec_millis() > 0 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

/// Calls and failures over time, and what breaks them.
fn courses(look: Look, run: &Run, width: u16) -> Vec<Line<'static>> {
    let room = usize::from(width).saturating_sub(LABEL + FIGURE);
    let Course { calls, failures } = run.history.course(room);
    let highest = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let progress = &run.progress;
    let client = run.tree.first().and_then(|first| run.rates(first.node));
    let rate = |rate: Option<f64>| rate.map(|rate| format!("{rate:>8.0}/s")).unwrap_or_default();
    let course = |label: &str, rates: &[f64], style: Style, now: Option<f64>| {
        let bars = format!("{:<room$}", spark(rates, highest(rates), look.charset));
        Line::from(vec![
            Span::raw(format!("{label:<LABEL$}")),
            Span::styled(bars, style),
            Span::raw(rate(now)),
        ])
    };
    let mut lines = vec![
        course("calls", &calls, look.good(), client.map(|rates| rates.requests)),
        course("failures", &failures, look.bad(), client.map(|rates| rates.failed)),
    ];
    lines.extend(faults(look, run, room));
    let warm = if run.is_warm() { "" } else { "; this is the warm-up, which does not count" };
    lines.push(Line::from(format!(
        "{} calls: {} ok, {} failed, {} in flight{warm}",
        progress.started, progress.ok, progress.failed, progress.in_flight
    )));
    lines
}

/// When faults are active, and which are now.
fn faults(look: Look, run: &Run, room: usize) -> Vec<Line<'static>> {
    let faults = &run.scenario.faults;
    if faults.is_empty() {
        return Vec::new();
    }
    let active = &run.progress.active_faults;
    let now = match active.as_slice() {
        [] => Line::from("no fault is active"),
        some => Line::from(vec![Span::raw("active now: "), Span::styled(some.join(", "), look.warning())]),
    };
    let Some(duration) = run.duration else { return vec![now] };
    let (on, off) = match look.charset {
        Charset::Unicode => ('▀', ' '),
        Charset::Ascii => ('^', ' '),
    };
    let is_active = |place: usize| {
        let (from, to) = (at(duration, place, room), at(duration, place + 1, room));
        faults.iter().any(|fault| fault.schedule.active_within(from, to))
    };
    let marks: String = (0..room).map(|place| if is_active(place) { on } else { off }).collect();
    let when =
        Line::from(vec![Span::raw(format!("{:<LABEL$}", "faults")), Span::styled(marks, look.warning())]);
    vec![when, now]
}

/// The moment at which a column of so many begins.
fn at(duration: Duration, place: usize, columns: usize) -> Duration {
    duration.mul_f64(place as f64 / columns.max(1) as f64)
}

#[cfg(test)]
mod tests;
