//! Retry presets: what a product or a piece of code does, by name. The entries are data, in
//! `presets.yaml` beside this file.

use std::sync::LazyLock;

use serde::Deserialize;

use super::de;
use super::file::StrategyFile;
use super::tree::Tree;

const DATA: &str = include_str!("presets.yaml");

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
    /// The policy as written in the data.
    #[serde(skip)]
    yaml: String,
}

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| read(DATA).expect("a test reads the same data"));

fn read(data: &str) -> Result<Vec<Preset>, String> {
    let tree: Tree = serde_yaml::from_str(data).map_err(|e| e.to_string())?;
    let mut presets: Vec<Preset> = de::from_tree(&tree).map_err(|e| e.to_string())?;
    let raw: Vec<serde_yaml::Mapping> = serde_yaml::from_str(data).map_err(|e| e.to_string())?;
    for (preset, raw) in presets.iter_mut().zip(raw) {
        preset.yaml = serde_yaml::to_string(&raw["policy"]).map_err(|e| e.to_string())?;
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
    pub(super) fn strategy(&self) -> &StrategyFile {
        &self.policy
    }

    /// What it is in a scenario's own words, as one strategy of the same name.
    pub fn to_yaml(&self) -> String {
        let mut text = format!("strategies:\n  {}:", self.name);
        if self.yaml.trim() == "{}" {
            text.push_str(" {}\n");
            return text;
        }
        for line in self.yaml.lines() {
            text.push_str("\n    ");
            text.push_str(line);
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests;
