//! A scenario as a file again.

use std::sync::Arc;

use super::file::{ScenarioFile, WarmupFile};
use super::lower::{Around, fill_defaults, overridden};
use super::presets;
use super::{Scenario, Strategy};
use crate::EdgeId;
use crate::policy::Policy;
use crate::units::DurationText;

/// The file that a scenario comes from, every default filled in.
#[derive(Debug, Clone, Default)]
pub struct Written(Option<Arc<Origin>>);

#[derive(Debug)]
struct Origin {
    file: ScenarioFile,
    /// The clients' edges' own policies, for strategies that come later.
    own: Vec<(EdgeId, Policy, Around)>,
}

impl Written {
    pub(super) fn new(file: ScenarioFile, own: Vec<(EdgeId, Policy, Around)>) -> Self {
        Self(Some(Arc::new(Origin { file, own })))
    }

    /// The strategy of a preset's name.
    pub(super) fn preset_strategy(&self, name: &str) -> Option<Strategy> {
        let preset = presets::find(name)?;
        let mut file = preset.strategy().clone();
        fill_defaults(&mut file);
        let policies = self.0.as_ref()?.own.iter();
        let policies = policies.map(|(edge, own, around)| (*edge, overridden(own, &file, around)));
        Some(Strategy { name: preset.name.clone(), policies: policies.collect() })
    }

    pub(super) fn to_yaml(&self, now: &Scenario) -> String {
        let Some(origin) = &self.0 else { return String::new() };
        let mut file = origin.file.clone();
        // These may have been changed since.
        file.name.clone_from(&now.name);
        file.description.clone_from(&now.description);
        file.seed = now.seed;
        file.duration = DurationText(now.duration);
        file.warmup =
            if now.finds_warmup { WarmupFile::Auto } else { WarmupFile::Given(DurationText(now.warmup)) };
        file.strategy = (!now.strategy.is_empty()).then(|| now.strategy.clone());
        let mut out = Vec::new();
        serde_yaml::with::singleton_map_recursive::serialize(
            &file,
            &mut serde_yaml::Serializer::new(&mut out),
        )
        .expect("the file's shapes are texts, numbers, lists and mappings with text keys");
        String::from_utf8(out).expect("YAML is written as UTF-8")
    }
}
