//! What `--vary` says: a path, and the values it takes.

use std::collections::HashSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many values one path may take.
const VALUES_MAX: usize = 1_000_000;

/// One thing that is varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Where in the scenario, as `--set` has it.
    pub path: String,
    /// The values, in order.
    pub values: Vec<String>,
}

impl FromStr for Axis {
    type Err = String;

    /// Reads `PATH=VALUES`: a list such as `none,10%,20%`, or a range such as `10ms..100ms/10`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, values) = text
            .split_once('=')
            .map(|(path, values)| (path.trim(), values.trim()))
            .filter(|(path, _)| !path.is_empty())
            .ok_or("write it as path=values, such as load[0].rate=100..2000/20")?;
        let values = range(values)?.map_or_else(|| list(values), Ok)?;
        let mut seen = HashSet::new();
        if let Some(double) = values.iter().find(|value| !seen.insert(*value)) {
            return Err(format!("the value {double} is there twice"));
        }
        Ok(Self { path: path.to_owned(), values })
    }
}

/// The values between commas; a comma within brackets or quotes is part of a value.
fn list(text: &str) -> Result<Vec<String>, String> {
    let mut values = vec![String::new()];
    let (mut depth, mut quote) = (0_usize, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        values.last_mut().expect("there is one from the start").push(c);
    }
    let values: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
    if values.iter().any(String::is_empty) {
        return Err("a value is empty; write \"\" for a text without letters".to_owned());
    }
    Ok(values)
}

/// A number with its unit; `None` if it does not begin with a number.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, unit) = text.split_at(text.len() - digits.len() + end);
    number.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| (number, unit))
}

/// The points of `from..to/steps`; `None` if it is no range.
fn range(text: &str) -> Result<Option<Vec<String>>, String> {
    let Some((from, rest)) = text.split_once("..") else { return Ok(None) };
    let Some((from, unit)) = quantity(from) else { return Ok(None) };
    let (to, steps) = rest
        .rsplit_once('/')
        .and_then(|(to, steps)| Some((quantity(to)?, steps.trim().parse::<usize>().ok()?)))
        .ok_or("write a range as from..to/points, such as 100..2000/20 or 10ms..100ms/10")?;
    let (to, unit_of_to) = to;
    if unit != unit_of_to {
        return Err(format!(
            "the ends of a range need the same unit, and these have `{unit}` and `{unit_of_to}`"
        ));
    }
    if !(2..=VALUES_MAX).contains(&steps) {
        return Err(format!("a range has 2 to {VALUES_MAX} points, both ends included"));
    }
    let last = (steps - 1) as f64;
    let at = |i: usize| from + (to - from) * (i as f64 / last);
    Ok(Some((0..steps).map(|i| format!("{}{unit}", plain(at(i)))).collect()))
}

/// Twelve digits of a number: without what the binary fraction adds to its end.
fn plain(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        text.parse::<Axis>().unwrap().values
    }

    #[test]
    fn a_range_has_both_ends_and_keeps_the_unit() {
        let rates = values("load[0].rate=100..2000/20");
        assert_eq!((rates.len(), &*rates[0], &*rates[1], &*rates[19]), (20, "100", "200", "2000"));
        assert_eq!(values("x=1%..5%/5"), ["1%", "2%", "3%", "4%", "5%"]);
        assert_eq!(values("x=100/s..300/s/3"), ["100/s", "200/s", "300/s"]);
        assert_eq!(values("x=0.1..0.7/4"), ["0.1", "0.3", "0.5", "0.7"]);
        assert_eq!(values("x=30ms..10ms/3"), ["30ms", "20ms", "10ms"]);
        assert_eq!(values("x=-1..1/3"), ["-1", "0", "1"]);
        assert_eq!(values("x=0..1/4"), ["0", "0.333333333333", "0.666666666667", "1"]);
    }

    #[test]
    fn a_list_is_split_at_its_own_commas_only() {
        let axis: Axis = " a.b = none, 10%,20% ".parse().unwrap();
        assert_eq!(
            (&*axis.path, axis.values.as_slice()),
            ("a.b", &["none", "10%", "20%"].map(String::from)[..])
        );
        assert_eq!(values("x={a: 1, b: [2, 3]},\"p, q\",5"), ["{a: 1, b: [2, 3]}", "\"p, q\"", "5"]);
        assert_eq!(values("x=a=b,c"), ["a=b", "c"]);
        assert_eq!(values("x=/a../b/3"), ["/a../b/3"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            ("a", "write it as path=values"),
            ("=1", "write it as path=values"),
            ("a=", "empty"),
            ("a=1,,2", "empty"),
            ("a=1,2,1", "there twice"),
            ("a=5..5/2", "there twice"),
            ("a=1..5", "from..to/points"),
            ("a=1..5/x", "from..to/points"),
            ("a=1..y/3", "from..to/points"),
            ("a=500ms..2s/4", "`ms` and `s`"),
            ("a=1..5/1", "2 to 1000000"),
            ("a=1..5/9999999999", "2 to 1000000"),
        ];
        for (text, told) in cases {
            let error = text.parse::<Axis>().unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
