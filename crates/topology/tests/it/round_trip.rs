//! A scenario written out with all defaults is the same scenario.

use topology::Scenario;

#[track_caller]
fn parse(text: &str) -> Scenario {
    Scenario::parse(text, "test.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn design() {
    let scenario = parse(include_str!("scenarios/design.yaml"));
    println!("{}", scenario.to_yaml());
    let again = parse(&scenario.to_yaml());
    assert_eq!(scenario.to_yaml(), again.to_yaml());
}

#[test]
fn everything() {
    let scenario = parse(include_str!("scenarios/everything.yaml"));
    println!("{}", scenario.to_yaml());
    let again = parse(&scenario.to_yaml());
    assert_eq!(scenario.to_yaml(), again.to_yaml());
}
