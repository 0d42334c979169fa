//! The shape of circuit breakers.

use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize};

use super::retry::WhenItem;
use super::short::{OrNone, Short, around_long, seconds, short_forms};
use crate::units::{DurationText, Share};

/// When a callee that fails is left alone; a bare number is `consecutive`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct BreakerFile(pub(in crate::scenario) BreakerLong);

/// A circuit breaker, or outlier ejection where there are replicas: each has one of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Breaker")]
pub(in crate::scenario) struct BreakerLong {
    /// What counts as a failure, in the words of `retry.when`.
    pub(in crate::scenario) when: Vec<WhenItem>,
    /// So many failures in a row open it.
    pub(in crate::scenario) consecutive: OrNone<u32>,
    /// So large a share of failures opens it.
    pub(in crate::scenario) rate: OrNone<RateFile>,
    /// How long it stays open.
    pub(in crate::scenario) open_for: GrowthFile,
    /// Half-open, so many attempts at once may find out whether the callee is well again.
    pub(in crate::scenario) probes: u32,
    /// So many of them must succeed to close it.
    pub(in crate::scenario) close_after: u32,
    /// At most this share of the replicas may be left alone at once.
    pub(in crate::scenario) max_ejected: Share,
}

impl Default for BreakerLong {
    fn default() -> Self {
        Self {
            when: ["5xx", "transport"].map(|word| WhenItem::Word(word.to_owned())).to_vec(),
            consecutive: OrNone(None),
            rate: OrNone(None),
            open_for: GrowthFile(GrowthLong { base: seconds(30), factor: 1.0, max: seconds(300) }),
            probes: 1,
            close_after: 1,
            max_ejected: Share::ONE,
        }
    }
}

/// A share of failures, among the last `calls` attempts or those of the last `window`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FailureRate")]
pub(in crate::scenario) struct RateFile {
    /// At least this share fails.
    pub(in crate::scenario) share: Share,
    /// Of the last so many attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) calls: Option<u32>,
    /// Of the attempts of the last so long. Default: 10s, without `calls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) window: Option<DurationText>,
    /// If there are so many.
    #[serde(default = "default_min_calls")]
    pub(in crate::scenario) min_calls: u32,
}

fn default_min_calls() -> u32 {
    20
}

/// A time that may grow; a bare duration does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct GrowthFile(pub(in crate::scenario) GrowthLong);

/// A time that grows each time it is used again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Growth")]
pub(in crate::scenario) struct GrowthLong {
    /// The first.
    pub(in crate::scenario) base: DurationText,
    /// What each next one is multiplied by.
    #[serde(default = "one")]
    pub(in crate::scenario) factor: f64,
    /// The longest.
    #[serde(default = "default_longest")]
    pub(in crate::scenario) max: DurationText,
}

fn one() -> f64 {
    1.0
}

fn default_longest() -> DurationText {
    seconds(300)
}

impl Short for BreakerFile {
    type Long = BreakerLong;
    const EXPECTED: &'static str =
        "`none`, a number of failures in a row, or `{ rate: { share: 50%, window: 10s }, open_for: 5s }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let failures = text.parse().map_err(|_| format!("`{text}` is not a number of failures"))?;
        Ok(Self(BreakerLong { consecutive: OrNone(Some(failures)), ..BreakerLong::default() }))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: BreakerLong) -> Self {
        Self(long)
    }
}

impl Short for GrowthFile {
    type Long = GrowthLong;
    const EXPECTED: &'static str = "a duration, or `{ base: 1s, factor: 2, max: 60s }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let base: DurationText = text.parse()?;
        Ok(Self(GrowthLong {
            base,
            factor: 1.0,
            max: if base.0 > default_longest().0 { base } else { default_longest() },
        }))
    }

    fn from_long(long: GrowthLong) -> Self {
        Self(long)
    }
}

short_forms!(BreakerFile, GrowthFile);
around_long!(BreakerFile, BreakerLong, "BreakerOrNumber", |generator| {
    json_schema!({ "type": "integer", "minimum": 1 })
});
around_long!(GrowthFile, GrowthLong, "GrowthOrDuration", |generator| generator
    .subschema_for::<DurationText>());
