//! Charts: plotters draws them as SVG; colours are given by the page's style sheet.
//!
//! Plotters writes colours into the marks. Here each colour stands for a role, and becomes the class
//! of that role: one drawing is then right in light, in dark and in print.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// How wide a chart is, in the units of its own.
pub(super) const WIDTH: u32 = 960;
const LEFT: u32 = 56;
const RIGHT: i32 = 12;
const BOTTOM: u32 = 26;

/// What a mark means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ink,
    Grid,
    Ok,
    Status502,
    OtherStatus,
    NoResponse,
    Masked,
    Fault,
    Rule,
    /// One of several alike: a node, a strategy.
    Series(u8),
}

/// How many series can be told apart by colour and by the pattern of their lines.
pub(super) const SERIES: u8 = 8;

impl Role {
    fn number(self) -> u8 {
        match self {
            Self::Ink => 1,
            Self::Grid => 2,
            Self::Ok => 3,
            Self::Status502 => 4,
            Self::OtherStatus => 5,
            Self::NoResponse => 6,
            Self::Masked => 7,
            Self::Fault => 8,
            Self::Rule => 9,
            Self::Series(series) => 16 + series % SERIES,
        }
    }

    /// The class that its marks have.
    pub(super) fn class(self) -> String {
        format!("r{}", self.number())
    }

    pub(super) fn colour(self) -> RGBColor {
        RGBColor(1, 2, self.number())
    }

    fn fill(self) -> ShapeStyle {
        self.colour().filled()
    }
}

/// The part of a chart that marks go into.
pub(super) type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A chart's frame.
pub(super) struct Frame<'a> {
    /// For those who do not see it.
    pub(super) label: &'a str,
    pub(super) height: u32,
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
    /// How a value is written below or beside an axis; none: no labels.
    pub(super) x_text: Option<&'a dyn Fn(f64) -> String>,
    pub(super) y_text: Option<&'a dyn Fn(f64) -> String>,
}

/// Something to be pointed at: from one x to another, with an explanation.
pub(super) struct Hit {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) tip: String,
}

/// Draws a chart.
pub(super) fn draw(frame: &Frame<'_>, hits: &[Hit], marks: impl FnOnce(&mut Plane<'_, '_>)) -> Markup {
    let mut svg = String::new();
    let mut targets = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, frame.height)).into_drawing_area();
        let mut builder = ChartBuilder::on(&root);
        builder
            .margin_top(8)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, if frame.x_text.is_some() { BOTTOM } else { 6 });
        let (x, y) = (wide(frame.x), wide(frame.y));
        // A text takes whatever is drawn; there is no other error than the target's.
        let Ok(mut chart) = builder.build_cartesian_2d(x.0..x.1, y.0..y.1) else { return html! {} };
        axes(&mut chart, frame);
        marks(&mut chart);
        let plane = chart.plotting_area();
        for (number, hit) in hits.iter().enumerate() {
            let (left, bottom) = plane.map_coordinate(&(hit.from.max(x.0), y.0));
            let (right, top) = plane.map_coordinate(&(hit.to.min(x.1), y.1));
            if right > left {
                let (width, height) = (right - left, bottom - top);
                let target = html! {
                    rect class="hit" data-bin=(number) x=(left) y=(top) width=(width) height=(height)
                        data-tip=(hit.tip) {}
                };
                targets.push_str(&target.into_string());
            }
        }
        let _ = root.present();
    }
    let open = html! { (PreEscaped("<svg role=\"img\" class=\"chart\" ")) }.into_string();
    let label = html! { i aria-label=(frame.label) {} }.into_string();
    let label = label.trim_start_matches("<i ").trim_end_matches("></i>");
    let body = svg.split_once(">\n").map_or("", |(_, body)| body);
    let body = body.rsplit_once("</svg>").map_or(body, |(body, _)| body);
    let size = format!(" viewBox=\"0 0 {WIDTH} {}\">", frame.height);
    let drawing = format!("{open}{label}{size}{}{targets}</svg>", themed(body));
    html! { div.wide role="group" aria-label="Chart, scrollable" { (PreEscaped(drawing)) } }
}

/// A range of which something can be drawn.
fn wide((from, to): (f64, f64)) -> (f64, f64) {
    if to > from { (from, to) } else { (from, from + 1.0) }
}

fn axes(chart: &mut Plane<'_, '_>, frame: &Frame<'_>) {
    let none = |_: &f64| String::new();
    let font = ("sans-serif", 12).into_font().color(&Role::Ink.colour());
    let x_text = |x: &f64| frame.x_text.map_or_else(String::new, |text| text(*x));
    let y_text = |y: &f64| frame.y_text.map_or_else(String::new, |text| text(*y));
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(Role::Grid.colour())
        .axis_style(Role::Grid.colour())
        .label_style(font)
        .x_labels(if frame.x_text.is_some() { 9 } else { 0 })
        .y_labels(if frame.y_text.is_some() { (frame.height / 40).max(2) as usize } else { 0 })
        .set_tick_mark_size(LabelAreaPosition::Left, 0)
        .set_tick_mark_size(LabelAreaPosition::Bottom, if frame.x_text.is_some() { 4 } else { 0 });
    if frame.x_text.is_some() {
        mesh.x_label_formatter(&x_text);
    } else {
        mesh.x_label_formatter(&none);
    }
    if frame.y_text.is_some() {
        mesh.y_label_formatter(&y_text);
    } else {
        mesh.y_label_formatter(&none).disable_y_mesh();
    }
    let _ = mesh.draw();
}

/// Puts classes in the place of colours.
fn themed(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    for line in svg.lines() {
        let mut line = line.replace(" opacity=\"1\"", "").replace(" stroke-width=\"1\"", "");
        line = line.replace(" font-family=\"sans-serif\"", "").replace(" stroke=\"none\"", "");
        for (attribute, of) in [("fill", 'f'), ("stroke", 's')] {
            while let Some(from) = line.find(&format!("{attribute}=\"#0102")) {
                let digits = from + attribute.len() + 7;
                let number = line.get(digits..digits + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                let mut class = String::new();
                let _ = write!(class, "class=\"{of} r{}\"", number.unwrap_or(1));
                line.replace_range(from..digits + 3, &class);
            }
        }
        out.push_str(&line);
    }
    out
}

/// Draws a box.
pub(super) fn block(plane: &mut Plane<'_, '_>, role: Role, x: (f64, f64), y: (f64, f64)) {
    let _ = plane.draw_series(std::iter::once(Rectangle::new([(x.0, y.0), (x.1, y.1)], role.fill())));
}

/// Draws a line through points; where there is none, it is interrupted.
pub(super) fn line(plane: &mut Plane<'_, '_>, role: Role, points: &[(f64, Option<f64>)]) {
    let style = role.colour().stroke_width(2);
    for piece in points.split(|(_, y)| y.is_none()) {
        let piece: Vec<(f64, f64)> = piece.iter().filter_map(|&(x, y)| y.map(|y| (x, y))).collect();
        match piece.as_slice() {
            [] => {}
            [one] => {
                let _ = plane.draw_series(std::iter::once(Circle::new(*one, 2, role.fill())));
            }
            _ => {
                let _ = plane.draw_series(std::iter::once(PathElement::new(piece, style)));
            }
        }
    }
}

/// Draws a point.
pub(super) fn dot(plane: &mut Plane<'_, '_>, role: Role, at: (f64, f64)) {
    let _ = plane.draw_series(std::iter::once(Circle::new(at, 5, role.fill())));
}

/// Writes a text that begins (or, with `end`, ends) at a point.
pub(super) fn text(plane: &mut Plane<'_, '_>, at: (f64, f64), end: bool, words: &str) {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let anchor = Pos::new(if end { HPos::Right } else { HPos::Left }, VPos::Center);
    let ink = Role::Ink.colour();
    let style = TextStyle::from(("sans-serif", 12).into_font()).color(&ink).pos(anchor);
    let _ = plane.draw_series(std::iter::once(Text::new(words.to_owned(), at, style)));
}

/// A number that an axis can end with: a bit more than the largest.
pub(super) fn top(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.fold(0.0, f64::max);
    if most > 0.0 { most * 1.08 } else { 1.0 }
}

/// What the roles look like, for the chart's legend.
pub(super) fn legend<S: AsRef<str>>(entries: impl IntoIterator<Item = (Role, S)>) -> Markup {
    html! {
        ul.legend {
            @for (role, name) in entries {
                li {
                    svg aria-hidden="true" viewBox="0 0 26 12" width="26" height="12" {
                        @if matches!(role, Role::Series(_) | Role::Rule) {
                            path class={ "s " (role.class()) } d="M1 6H25" stroke-width="2" fill="none" {}
                        } @else {
                            rect class={ "f " (role.class()) } x="4" y="1" width="18" height="10" {}
                        }
                    }
                    (name.as_ref())
                }
            }
        }
    }
}
