//! What a sweep is: `sweep.json`, by which a folder is known again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use topology::units::Share;

use super::grid::{Grid, POINTS_MAX};
use super::values::Axis;

/// Which part of a sweep: of `of` shards the one with this number, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, from 1.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether a point is one of its own.
    pub fn has(self, point: u64) -> bool {
        point % self.of == self.number - 1
    }

    /// Whether its numbers are as they should be.
    pub(super) fn is_sound(self) -> bool {
        (1..=self.of).contains(&self.number) && self.of <= POINTS_MAX
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
        numbers
            .map(|(number, of)| Self { number, of })
            .filter(|shard| shard.is_sound())
            .ok_or_else(|| "write it as k/n, from 1/n to n/n, such as 3/8".to_owned())
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a sweep is. Equal manifests and equal scenario texts make equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepManifest {
    /// The version of the program.
    pub version: String,
    /// The scenario's name; its text is beside this file.
    pub scenario: String,
    /// What drives time.
    pub engine: String,
    /// What is set at all points.
    pub set: Vec<(String, String)>,
    /// What is varied.
    pub vary: Vec<Axis>,
    /// Strategies beside the scenario's own.
    pub strategies: Vec<String>,
    /// How many seeds each strategy has at each point, at most.
    pub seeds: u64,
    /// How narrow the intervals have to be for fewer seeds to do, as a fraction of the mean.
    pub precision: Option<Share>,
    /// Which part of the sweep the folder is for.
    pub shard: Shard,
}

impl SweepManifest {
    /// The grid of its points.
    ///
    /// # Errors
    /// If there can be no such grid.
    pub fn grid(&self) -> Result<Grid, String> {
        Grid::new(self.vary.clone())
    }

    /// The first thing in which another one differs.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let vary = |manifest: &Self| -> Vec<String> {
            manifest.vary.iter().map(|axis| format!("{}={}", axis.path, axis.values.join(","))).collect()
        };
        let set = |manifest: &Self| -> Vec<String> {
            manifest.set.iter().map(|(path, value)| format!("{path}={value}")).collect()
        };
        let precision =
            |manifest: &Self| manifest.precision.map_or_else(|| "none".to_owned(), |p| p.to_string());
        let shown = |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(" ") };
        let all = [
            ("the program's version", self.version.clone(), other.version.clone()),
            ("the scenario", self.scenario.clone(), other.scenario.clone()),
            ("the engine", self.engine.clone(), other.engine.clone()),
            ("what is set", shown(set(self)), shown(set(other))),
            ("what is varied", shown(vary(self)), shown(vary(other))),
            ("--strategy", shown(self.strategies.clone()), shown(other.strategies.clone())),
            ("--seeds", self.seeds.to_string(), other.seeds.to_string()),
            ("--precision", precision(self), precision(other)),
            ("--shard", self.shard.to_string(), other.shard.to_string()),
        ];
        all.into_iter()
            .find(|(_, own, others)| own != others)
            .map(|(what, own, others)| format!("{what} is {} there and {} here", brief(&own), brief(&others)))
    }
}

/// So much of a text as fits into a sentence.
fn brief(text: &str) -> String {
    const MAX: usize = 60;
    if text.chars().count() <= MAX {
        text.to_owned()
    } else {
        text.chars().take(MAX).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!((shard, shard.to_string()), (Shard { number: 3, of: 8 }, "3/8".to_owned()));
        assert!(shard.has(2) && shard.has(10) && !shard.has(3));
        for text in ["", "3", "0/8", "1/18446744073709551615", "9/8", "0/0", "-1/2", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
