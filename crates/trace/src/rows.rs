//! The rows of a run's CSV files, one struct for each file. The columns are a contract: add at the
//! end, never rename.
//!
//! Empty fields are `None` or an empty text. Times count from the start of the run; the unit is the
//! last part of a column's name.

mod field;

use std::borrow::Cow;
use std::sync::Arc;

use field::Field;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{CallId, HopId};

/// A name that many rows share.
pub type Name = Arc<str>;

/// A row of one of the files.
pub trait Row: Serialize + DeserializeOwned {
    /// The file's name within the run's folder.
    const FILE: &'static str;
    /// The columns, in order.
    const COLUMNS: &'static [&'static str];
    /// What they hold, and whether it may be missing.
    const TYPES: &'static [(Kind, bool)];

    /// Adds the row's line to what is to be written.
    fn write(&self, lines: &mut Vec<u8>);

    /// Hands over the row's values one by one; those that are missing are `None`.
    fn each(&self, take: impl FnMut(Option<Value<'_>>));
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text that is often the same.
    Text,
    /// A text that tells one row from the others.
    Id,
    /// A whole number of 16 bits, 0 at least; the next ones have more bits.
    U16,
    /// Of 32 bits.
    U32,
    /// Of 64 bits.
    U64,
    /// A number of floating point.
    Number,
    /// True or false.
    Flag,
}

/// What one field of a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Of [`Kind::Text`] and [`Kind::Id`].
    Text(Cow<'a, str>),
    /// Of all whole numbers.
    Whole(u64),
    /// Of [`Kind::Number`].
    Number(f64),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

macro_rules! rows {
    ($(
        $(#[$doc:meta])*
        $file:literal => $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }

        impl Row for $name {
            const FILE: &'static str = $file;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
            const TYPES: &'static [(Kind, bool)] =
                &[$((<$type as Field>::KIND, <$type as Field>::OPTIONAL)),+];

            fn write(&self, lines: &mut Vec<u8>) {
                $(
                    self.$field.put(lines);
                    lines.push(b',');
                )+
                // The last comma ends the line.
                if let Some(end) = lines.last_mut() {
                    *end = b'\n';
                }
            }

            fn each(&self, mut take: impl FnMut(Option<Value<'_>>)) {
                $(take(self.$field.value());)+
            }
        }
    )+};
}

rows! {
    /// Where failures were born. Over all rows, `surfaced` adds up to the failed calls exactly.
    "origins.csv" => OriginRow {
        /// The strategy in force; empty if the clients' own policy was.
        strategy: Name,
        /// What the client got (for a masked failure: what the attempt's caller saw); empty: no
        /// response.
        status: Option<u16>,
        /// The node or edge at which the failure was born.
        origin: Name,
        /// `node` or `edge`.
        origin_kind: Name,
        /// One of the causes.
        cause: Name,
        /// The concrete way; empty if unknown.
        mechanism: Name,
        /// How many calls failed by it.
        surfaced: u64,
        /// How many failures of this kind a retry, hedge or fallback hid.
        masked: u64,
        /// `surfaced` as a fraction of all failed calls.
        share: f64,
        /// When the first failure of this kind, surfaced or masked, began.
        first_ms: f64,
        /// When the last one began.
        last_ms: f64,
    }
    /// What each node made of its requests.
    "layers.csv" => LayerRow {
        /// The strategy in force.
        strategy: Name,
        /// The node.
        node: Name,
        /// Requests that arrived; for a client, its calls.
        requests: u64,
        /// Those that were answered in whole with a status below 400.
        ok: u64,
        /// 502 that the node itself made.
        generated_502: u64,
        /// 502 that the node passed on.
        forwarded_502: u64,
        /// 500 to 599 that the node itself made, 502 included.
        generated_5xx: u64,
        /// 500 to 599 that the node passed on, 502 included.
        forwarded_5xx: u64,
        /// Requests (for a client, calls) that went well although one of the node's own attempts
        /// had failed.
        absorbed: u64,
    }
    /// The ledger of faults: `injected = masked + surfaced + harmless`.
    "faults.csv" => FaultRow {
        /// The strategy in force.
        strategy: Name,
        /// The fault.
        fault: Name,
        /// Its place, as written.
        target: Name,
        /// Its cause.
        cause: Name,
        /// Its mechanism.
        mechanism: Name,
        /// Attempts at its place, in its time and of its kind; at least `injected`. Unlike the
        /// others it counts the warm-up too.
        matched: u64,
        /// Attempts of finished calls that it changed.
        injected: u64,
        /// Those that failed, and whose failure did not reach the client.
        masked: u64,
        /// Those that a failed call's verdict leads through.
        surfaced: u64,
        /// Those that ended well.
        harmless: u64,
    }
    /// One strategy's figures, over all seeds. The columns from `pairs` on compare it with the first
    /// strategy, and are empty for that one, and in a run that compares nothing.
    "strategies.csv" => StrategyRow {
        /// The strategy; empty if the clients' own policy was in force.
        strategy: Name,
        /// Calls, those of the warm-up left out.
        calls: u64,
        /// Those that got a whole response with a status below 400.
        succeeded: u64,
        /// `succeeded / calls`; empty if there was no call. The same goes for the next two.
        success_rate: Option<f64>,
        /// The lower end of the rate's 95% Wilson interval.
        success_low: Option<f64>,
        /// The upper end of it.
        success_high: Option<f64>,
        /// The median latency of all calls, failed ones included, to three significant digits as
        /// all percentiles; empty if there was no call.
        p50_ms: Option<f64>,
        /// The 90th percentile.
        p90_ms: Option<f64>,
        /// The 99th percentile.
        p99_ms: Option<f64>,
        /// The 99.9th percentile.
        p999_ms: Option<f64>,
        /// The longest; exact.
        max_ms: Option<f64>,
        /// Attempts that clients made, per call.
        attempts_per_call: f64,
        /// Attempts that were sent to the deepest nodes, per call.
        amplification: f64,
        /// The share of the servers' working time that went into answers nobody used.
        wasted_work: f64,
        /// Calls that succeeded, per second of the load outside the warm-up.
        goodput_per_s: f64,
        /// The place among the strategies compared, from 1; those that cannot be told apart by success
        /// share one.
        rank: u32,
        /// The most attempts that one call can make at the deepest nodes.
        #[serde(default)]
        bound: Option<u64>,
        /// No strategy of this rank or a better one sends less to the deepest nodes; empty in a run
        /// that compares nothing.
        #[serde(default)]
        pareto: Option<bool>,
        /// Calls that were made under both strategies.
        #[serde(default)]
        pairs: Option<u64>,
        /// How much larger the share of these that succeeded is.
        #[serde(default)]
        success_vs: Option<f64>,
        /// The lower end of that difference's 95% interval.
        #[serde(default)]
        success_vs_low: Option<f64>,
        /// The upper end of it.
        #[serde(default)]
        success_vs_high: Option<f64>,
        /// How much larger `amplification` is, as a fraction of the first strategy's.
        #[serde(default)]
        load_vs: Option<f64>,
        /// How much larger `p99_ms` is.
        #[serde(default)]
        p99_vs_ms: Option<f64>,
        /// The tokens of prompts that model servers took in; empty without model servers, as are the
        /// others.
        #[serde(default)]
        prompt_tokens: Option<u64>,
        /// The tokens of completions that they made.
        #[serde(default)]
        completion_tokens: Option<u64>,
        /// Those of both that went into answers nobody used.
        #[serde(default)]
        wasted_tokens: Option<u64>,
        /// What all of them cost, at the prices of the model servers.
        #[serde(default)]
        money: Option<f64>,
        /// What those cost that went into answers nobody used.
        #[serde(default)]
        wasted_money: Option<f64>,
    }
    /// One call. The columns from `born` on are empty for a call that succeeded.
    "calls.csv" => CallRow {
        /// The strategy in force.
        strategy: Name,
        /// The call: its number, after the number of its load and a dot for all loads but the first.
        #[serde(with = "text")]
        #[schemars(with = "String")]
        call: CallId,
        /// Its client.
        client: Name,
        /// When it should have begun.
        start_ms: f64,
        /// From then to its end.
        latency_ms: f64,
        /// The status that the client got.
        status: Option<u16>,
        /// What it got instead of a whole response; see `Failure::name`.
        error: Name,
        /// How many attempts the client made.
        attempts: u32,
        /// The node or edge at which the failure was born; empty if the call succeeded.
        origin: Name,
        /// The failure's cause.
        cause: Name,
        /// Its mechanism, if known.
        mechanism: Name,
        /// From where it was born up to the client.
        path: String,
        /// The hop at which it was born; empty if at none.
        #[serde(default, with = "optional_text")]
        #[schemars(with = "Option<String>")]
        born: Option<HopId>,
        /// What the verdict rests on.
        #[serde(default)]
        evidence: String,
        /// What an operator would do next.
        #[serde(default)]
        next_step: Name,
        /// The seed that the call was made under.
        #[serde(default)]
        seed: u64,
        /// How the failure shows at the gateway that met it first, if it is the product of its profile.
        #[serde(default)]
        sign: String,
    }
    /// One attempt over one edge.
    "hops.csv" => HopRow {
        /// The strategy in force.
        strategy: Name,
        /// The call.
        #[serde(with = "text")]
        #[schemars(with = "String")]
        call: CallId,
        /// The attempt's identity.
        #[serde(with = "text")]
        #[schemars(with = "String")]
        hop: HopId,
        /// The hop that its caller was serving; the call's root if the caller is the client.
        #[serde(with = "text")]
        #[schemars(with = "String")]
        parent: HopId,
        /// From 1.
        attempt: u16,
        /// The caller.
        from: Name,
        /// The callee.
        to: Name,
        /// When it began.
        start_us: u64,
        /// How long it took.
        duration_us: u64,
        /// The status that the caller saw.
        status: Option<u16>,
        /// What it saw instead of a whole response; see `Failure::name`.
        error: Name,
        /// The node that made the status; empty if there is none.
        generated_by: Name,
        /// The callee saw the request.
        seen_by_callee: bool,
        /// It went over a connection that had been used before.
        reused: bool,
        /// The injector's marks: the faults' names, separated by `;`.
        faults: String,
        /// The seed that its call was made under.
        #[serde(default)]
        seed: u64,
        /// The tokens of the prompt that the callee took in, if it is a model server.
        #[serde(default)]
        prompt_tokens: Option<u32>,
        /// The tokens of the completion that it made.
        #[serde(default)]
        completion_tokens: Option<u32>,
    }
    /// One strategy under one seed.
    "seeds.csv" => SeedRow {
        /// The strategy in force.
        strategy: Name,
        /// The seed.
        seed: u64,
        /// Calls.
        calls: u64,
        /// Those that succeeded.
        succeeded: u64,
        /// As of `strategies.csv`; so are the others.
        success_rate: Option<f64>,
        /// The median latency.
        p50_ms: Option<f64>,
        /// The 90th percentile.
        p90_ms: Option<f64>,
        /// The 99th percentile.
        p99_ms: Option<f64>,
        /// Attempts that clients made for a call.
        attempts_per_call: f64,
        /// Attempts that reached for the deepest nodes for a call.
        amplification: f64,
        /// The share of the servers' time spent on answers nobody waited for.
        wasted_work: f64,
        /// Calls that succeeded, per second.
        goodput_per_s: f64,
    }
    /// One node in one second. Unlike the other figures it has the warm-up too.
    "timeline.csv" => TimelineRow {
        /// The strategy in force.
        strategy: Name,
        /// The second, from 0.
        second: u64,
        /// The node.
        node: Name,
        /// Requests (for a client, calls) that ended in it.
        requests: u64,
        /// Those that were answered in whole with a status below 400.
        ok: u64,
        /// Those that were answered with 502.
        status_502: u64,
        /// All others.
        other_errors: u64,
        /// The most requests inside at once that were seen.
        in_flight: u32,
        /// The most that waited for a worker.
        queued: u32,
        /// The 99th percentile of the time from arrival to end, to two significant digits; empty if
        /// none ended.
        p99_ms: Option<f64>,
        /// The seed of the run that the second is of.
        #[serde(default)]
        seed: u64,
    }
}

impl StrategyRow {
    /// The same as the row of one seed.
    pub fn of_seed(&self, seed: u64) -> SeedRow {
        SeedRow {
            strategy: self.strategy.clone(),
            seed,
            calls: self.calls,
            succeeded: self.succeeded,
            success_rate: self.success_rate,
            p50_ms: self.p50_ms,
            p90_ms: self.p90_ms,
            p99_ms: self.p99_ms,
            attempts_per_call: self.attempts_per_call,
            amplification: self.amplification,
            wasted_work: self.wasted_work,
            goodput_per_s: self.goodput_per_s,
        }
    }
}

/// A value as the text that it prints and parses.
mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: std::fmt::Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The same for a value that may be missing: an empty text.
mod optional_text {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<T: std::fmt::Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(serde::de::Error::custom)
    }
}
