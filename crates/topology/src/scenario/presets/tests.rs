use super::super::Scenario;
use super::*;

/// A scenario in which this strategy is in force.
fn scenario(name: &str, strategies: &str) -> String {
    format!(
        "name: x\nnodes: {{ c: {{ kind: client }}, s: {{ kind: server }} }}\nedges: [c -> s]\n\
         load: [{{ users: 1 }}]\nstrategy: {name}\n{strategies}"
    )
}

#[test]
fn the_data_can_be_read_and_every_preset_makes_sense() {
    let presets = read(DATA).unwrap();
    assert!(presets.len() > 60, "{}", presets.len());
    for preset in &presets {
        let text = scenario(&preset.name, "");
        let by_name = Scenario::parse(&text, &preset.name).unwrap_or_else(|problems| panic!("{problems}"));
        // As `presets NAME` shows it, and as it is written out with all defaults.
        let text = scenario(&preset.name, &preset.to_yaml());
        let shown =
            Scenario::parse(&text, &preset.name).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let again = Scenario::parse(&shown.to_yaml(), &preset.name).unwrap();
        let policy = |scenario: &Scenario| scenario.topology.edges().next().unwrap().1.policy.clone();
        assert_eq!(policy(&by_name), policy(&shown), "{}", preset.name);
        assert_eq!(policy(&shown), policy(&again), "{}", preset.name);
    }
}

#[test]
fn names_are_unique_and_texts_are_sentences() {
    let mut seen = std::collections::BTreeSet::new();
    for preset in all() {
        for name in preset.aliases.iter().chain([&preset.name]) {
            assert!(seen.insert(name.as_str()), "{name}");
            assert_eq!(find(name).unwrap().name, preset.name);
        }
        assert!(preset.about.ends_with('.'), "{}", preset.name);
        let known = ["measured", "read", "documented"];
        assert!(known.iter().any(|word| preset.source.starts_with(word)), "{}", preset.name);
    }
}
