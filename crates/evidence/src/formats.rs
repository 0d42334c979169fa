//! The formats: which one a file has, and its reader.

mod access;
mod envoy;
mod fields;
mod haproxy;
mod ids;
mod jaeger;
mod nginx;
mod nginx_error;
mod otlp;
mod recognise;
mod spans;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::build::Known;
use crate::observation::{Observation, Visit};
use fields::Fields;
use nginx::LogFormat;
use nginx_error::Trouble;

/// How many lines that could not be read are shown.
const BAD_SHOWN: usize = 5;
/// How much of one is shown.
const BAD_WIDTH: usize = 60;

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Our own access log.
    Access,
    /// nginx's access log, of any `log_format`.
    Nginx,
    /// nginx's error log.
    NginxError,
    /// nginx's configuration, for its `log_format`s.
    NginxConfiguration,
    /// HAProxy's HTTP log.
    Haproxy,
    /// Envoy's access log: its default format, or Istio's.
    Envoy,
    /// One JSON object a line, with the names that nginx, Envoy or applications give to things.
    Json,
    /// OTLP's JSON form.
    Otlp,
    /// Jaeger's JSON.
    Jaeger,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Access,
        Self::Nginx,
        Self::NginxError,
        Self::NginxConfiguration,
        Self::Haproxy,
        Self::Envoy,
        Self::Json,
        Self::Otlp,
        Self::Jaeger,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "badgateway",
            Self::Nginx => "nginx",
            Self::NginxError => "nginx-error",
            Self::NginxConfiguration => "nginx-conf",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Json => "json",
            Self::Otlp => "otlp",
            Self::Jaeger => "jaeger",
        }
    }

    /// What it is, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Access => "badgateway's access log",
            Self::Nginx => "nginx's access log",
            Self::NginxError => "nginx's error log",
            Self::NginxConfiguration => "nginx's configuration",
            Self::Haproxy => "HAProxy's HTTP log",
            Self::Envoy => "Envoy's access log",
            Self::Json => "JSON lines",
            Self::Otlp => "OTLP traces",
            Self::Jaeger => "Jaeger's traces",
        }
    }

    /// What a node is called whose log has this format.
    fn node(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxError | Self::NginxConfiguration => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Access | Self::Json | Self::Otlp | Self::Jaeger => "app",
        }
    }
}

/// A file to be read.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// What its node is called, if its format does not say so.
    pub node: Option<&'a str>,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// All files have this format; if none, each has the one that its content shows.
    pub format: Option<Format>,
    /// nginx's `log_format`, if it is another than `combined`.
    pub log_format: Option<String>,
    /// What addresses are called.
    pub names: Vec<(String, String)>,
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// Its name.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// How many lines or records it has.
    pub records: u64,
    /// How many of these could not be read.
    pub bad: u64,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The file and the line.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its begin.
    pub text: String,
}

/// Files that cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A file's format is none that is known.
    #[error("{name} has none of the formats that are known ({}): say which with `--as`", titles())]
    UnknownFormat {
        /// The file.
        name: String,
    },
    /// The given `log_format` cannot be used.
    #[error("`{format}` cannot be used as a log_format: {reason}")]
    LogFormat {
        /// As it was given.
        format: String,
        /// Why.
        reason: String,
    },
}

fn titles() -> String {
    Format::ALL.map(Format::title).join(", ")
}

/// What all files say.
#[derive(Debug, Default)]
pub(crate) struct Everything {
    pub(crate) observations: Vec<Observation>,
    pub(crate) known: Known,
    pub(crate) files: Vec<FileRead>,
    pub(crate) bad: Vec<Bad>,
    troubles: Vec<Trouble>,
}

/// A file that is being read.
struct Reading<'a> {
    all: &'a mut Everything,
    node: String,
    log_formats: &'a [LogFormat],
}

impl Reading<'_> {
    fn add(&mut self, mut observation: Observation) {
        observation.each_name(clean);
        self.all.observations.push(observation);
    }

    /// It is known when this node's process is down.
    fn supervised(&mut self, node: &str) {
        if !self.all.known.supervised.contains(node) {
            self.all.known.supervised.insert(node.to_owned());
        }
    }

    /// This node tells also of requests that never ended.
    fn unended(&mut self, node: &str) {
        if !self.all.known.unended.contains(node) {
            self.all.known.unended.insert(node.to_owned());
        }
    }

    fn line(&mut self, format: Format, place: &str, line: &str) -> Result<(), String> {
        let observation = match format {
            Format::Nginx => {
                let fields = self.log_formats.iter().find_map(|format| format.fields(line));
                let fields = fields.ok_or_else(|| {
                    "it is not of the log_format (say which with `--log-format`)".to_owned()
                })?;
                match fields.observed(&self.node, place)? {
                    Observation::Visit(visit, tries) if !visit.tells_tries => {
                        let advice = Some(fields::TELL_UPSTREAMS);
                        Observation::Visit(Box::new(Visit { advice, ..*visit }), tries)
                    }
                    other => other,
                }
            }
            Format::NginxError => {
                self.all.troubles.extend(nginx_error::line(line)?);
                return Ok(());
            }
            Format::Haproxy => match haproxy::line(&self.node, place, line) {
                // It tells also of itself: that it started, that a server is down.
                Err(_) if haproxy::is_message(line) => return Ok(()),
                read => read?,
            },
            Format::Envoy => match envoy::line(&self.node, place, line) {
                Err(_) if envoy::is_message(line) => return Ok(()),
                read => read?,
            },
            Format::Access | Format::Json => {
                let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                if access::is_ours(&value) {
                    return access::line(self, value);
                }
                if format == Format::Access {
                    return Err("it is no line of badgateway's access log".to_owned());
                }
                self.json(place, value)?
            }
            Format::NginxConfiguration | Format::Otlp | Format::Jaeger => return Ok(()),
        };
        self.add(observation);
        Ok(())
    }

    fn json(&self, place: &str, value: Value) -> Result<Observation, String> {
        let Value::Object(map) = value else { return Err("it is no JSON object".to_owned()) };
        let mut fields = BTreeMap::new();
        flat(&mut fields, "", map);
        if envoy::is_json(&fields) {
            return envoy::json(&self.node, place, &fields);
        }
        Fields(fields).observed(&self.node, place)
    }
}

/// What was asked for, as observations have it: of the target its path alone.
fn asked(method: &str, target: &str) -> String {
    format!("{method} {}", access::path(target))
}

/// How deep objects may lie in each other.
const DEPTH_MAX: usize = 4;

/// An object's values by their names in lower case; what lies deeper has the names above before it.
fn flat(fields: &mut BTreeMap<String, String>, above: &str, map: serde_json::Map<String, Value>) {
    for (name, value) in map {
        let name = format!("{above}{}", name.to_ascii_lowercase());
        match value {
            Value::String(text) => drop(fields.insert(name, text)),
            Value::Number(number) => drop(fields.insert(name, number.to_string())),
            Value::Bool(truth) => drop(fields.insert(name, truth.to_string())),
            Value::Object(inner) if above.matches('.').count() < DEPTH_MAX => {
                flat(fields, &format!("{name}."), inner);
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

/// How long a name or an id may be.
const NAME_MAX: usize = 200;

/// Takes out of a name what would do something to a terminal.
fn clean(name: &mut String) {
    if name.contains(|c: char| c.is_control() || c == '?') || name.len() > NAME_MAX {
        let words: Vec<_> = name.split(' ').map(trace::redact::url).collect();
        *name = words.join(" ").chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    }
    if name.is_empty() {
        "(no name)".clone_into(name);
    }
}

/// The products of whom it is known how they show failures.
fn product(format: Format) -> Option<&'static str> {
    matches!(format, Format::Nginx | Format::Haproxy | Format::Envoy).then(|| format.node())
}

pub(crate) fn read(inputs: &[Input<'_>], options: &Options) -> Result<Everything, ReadError> {
    let mut all = Everything::default();
    all.known.names.clone_from(&options.names);
    let texts: Vec<_> = inputs.iter().map(|input| String::from_utf8_lossy(input.bytes)).collect();
    let log_formats = log_formats(&texts, options)?;
    for (input, text) in inputs.iter().zip(&texts) {
        let format = options.format.or_else(|| recognise::format(text, &log_formats));
        let format = format.ok_or_else(|| ReadError::UnknownFormat { name: input.name.to_owned() })?;
        let node = node(input, format, inputs.len());
        if let Some(product) = product(format) {
            all.known.products.insert(node.clone(), product);
        }
        let file = FileRead { name: input.name.to_owned(), format, records: 0, bad: 0 };
        let mut reading = Reading { all: &mut all, node, log_formats: &log_formats };
        let file = match format {
            Format::Otlp | Format::Jaeger => reading.documents(file, text),
            Format::NginxConfiguration => FileRead { records: log_formats.len() as u64, ..file },
            _ => reading.lines(file, text),
        };
        all.files.push(file);
    }
    let troubles = std::mem::take(&mut all.troubles);
    nginx_error::tell(&mut all.observations, troubles);
    Ok(all)
}

impl Reading<'_> {
    fn lines(&mut self, mut file: FileRead, text: &str) -> FileRead {
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            file.records += 1;
            let place = format!("{}:{}", file.name, n + 1);
            if let Err(reason) = self.line(file.format, &place, line) {
                file.bad += 1;
                self.all.bad(place, reason, line);
            }
        }
        file
    }

    /// One document, or one a line.
    fn documents(&mut self, mut file: FileRead, text: &str) -> FileRead {
        let name = file.name.clone();
        let documents: Vec<(String, &str)> = if serde_json::from_str::<IgnoredAny>(text).is_ok() {
            vec![(name, text)]
        } else {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(n, line)| (format!("{name}:{}", n + 1), line)).collect()
        };
        for (place, line) in documents {
            let value: Value = match serde_json::from_str(line) {
                Ok(value) => value,
                Err(error) => {
                    file.records += 1;
                    file.bad += 1;
                    self.all.bad(place, error.to_string(), line);
                    continue;
                }
            };
            let (read, bad) = match file.format {
                Format::Jaeger => jaeger::document(self, &value),
                _ => otlp::batch(self, &value),
            };
            file.records += read;
            file.bad += bad.len() as u64;
            for reason in bad {
                self.all.bad(place.clone(), reason, line);
            }
        }
        file
    }
}

/// The `log_format`s that are given, those of configurations among the files, and nginx's own.
fn log_formats(texts: &[std::borrow::Cow<'_, str>], options: &Options) -> Result<Vec<LogFormat>, ReadError> {
    let mut formats = Vec::new();
    if let Some(format) = &options.log_format {
        let read = LogFormat::read(format);
        formats.push(read.map_err(|reason| ReadError::LogFormat { format: format.clone(), reason })?);
    }
    for text in texts {
        // One that cannot be used is one of another log.
        formats
            .extend(nginx::of_configuration(text).iter().filter_map(|format| LogFormat::read(format).ok()));
    }
    formats.extend(LogFormat::read(nginx::COMBINED).ok());
    Ok(formats)
}

/// What a file's node is called: as the user says; else the product, if it is the only file, or the file.
fn node(input: &Input<'_>, format: Format, files: usize) -> String {
    if let Some(node) = input.node {
        return node.to_owned();
    }
    if product(format).is_some() || files == 1 {
        return format.node().to_owned();
    }
    let file = input.name.rsplit(['/', '\\']).next().unwrap_or(input.name);
    file.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(file).to_owned()
}

impl Everything {
    fn bad(&mut self, place: String, reason: String, text: &str) {
        if self.bad.len() < BAD_SHOWN {
            let words = text.split(' ').map(trace::redact::url).collect::<Vec<_>>().join(" ");
            let shown = words.chars().filter(|c| !c.is_control()).take(BAD_WIDTH).collect();
            self.bad.push(Bad { place, reason, text: shown });
        }
    }
}
