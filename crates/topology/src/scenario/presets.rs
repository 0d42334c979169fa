//! Retry presets: what a product or a piece of code does, by name. The entries are data, in
//! `presets.yaml` beside this file.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_yaml::Value;

use super::de;
use super::file::StrategyFile;
use super::lower::{Around, fill_defaults, own_policy};
use super::tree::Tree;
use crate::policy::Policy;

const DATA: &str = include_str!("presets.yaml");
/// How wide a line is.
const LINE: usize = 80;

/// What a client, a proxy or a library does about failures, with its source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// As written in a scenario.
    pub name: String,
    /// Other names of the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One sentence: what it does.
    pub about: String,
    /// What of, in which version.
    pub of: String,
    /// Where it comes from.
    pub source: String,
    /// What the real thing does beyond what a policy can say.
    #[serde(default)]
    pub differs: Option<String>,
    policy: StrategyFile,
    /// The policy as written in the data, line by line.
    #[serde(skip)]
    lines: Vec<String>,
}

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| read(DATA).expect("a test reads the same data"));

fn read(data: &str) -> Result<Vec<Preset>, String> {
    let tree: Tree = serde_yaml::from_str(data).map_err(|e| e.to_string())?;
    let mut presets: Vec<Preset> = de::from_tree(&tree).map_err(|e| e.to_string())?;
    let mut raw: Value = serde_yaml::from_str(data).map_err(|e| e.to_string())?;
    raw.apply_merge().map_err(|e| e.to_string())?;
    for (preset, raw) in presets.iter_mut().zip(raw.as_sequence().into_iter().flatten()) {
        preset.lines = lines(&raw["policy"], 4);
    }
    Ok(presets)
}

/// Every preset.
pub fn all() -> &'static [Preset] {
    &ALL
}

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    all().iter().map(|preset| preset.name.as_str())
}

/// A preset by its name or another name of it.
pub fn find(name: &str) -> Option<&'static Preset> {
    all().iter().find(|p| p.name == name || p.aliases.iter().any(|alias| alias == name))
}

impl Preset {
    /// What a gateway with it does over an edge that says nothing, whose callee has so many replicas.
    pub(super) fn strategy_over(&self, replicas: u32) -> StrategyFile {
        let mut file = self.policy.clone();
        if replicas < 2 {
            // No product takes its only server for down after a failed request.
            file.breaker = None;
        }
        file
    }

    /// The same as a policy.
    pub(crate) fn policy_over(&self, replicas: u32) -> Policy {
        let mut file = self.strategy_over(replicas);
        fill_defaults(&mut file);
        own_policy(&file, &Around { replicas, fallback: Vec::new() })
    }

    pub(super) fn strategy(&self) -> &StrategyFile {
        &self.policy
    }

    /// What it is in a scenario's own words, as one strategy of the same name.
    pub fn to_yaml(&self) -> String {
        if self.lines.is_empty() {
            return format!("strategies:\n  {}: {{}}\n", self.name);
        }
        format!("strategies:\n  {}:\n{}\n", self.name, self.lines.join("\n"))
    }
}

/// A mapping as YAML, so far to the right: what fits into a line is in one.
fn lines(value: &Value, indent: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in value.as_mapping().into_iter().flatten() {
        let key = flow(key);
        let short = format!("{:indent$}{key}: {}", "", flow(value));
        if short.len() <= LINE || !value.is_mapping() {
            all.push(short);
        } else {
            all.push(format!("{:indent$}{key}:", ""));
            all.extend(lines(value, indent + 2));
        }
    }
    all
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Mapping(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Mapping(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", flow(key), flow(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        scalar => serde_yaml::to_string(scalar).unwrap_or_default().trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests;
