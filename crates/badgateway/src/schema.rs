//! `badgateway schema`: the JSON Schema of a scenario, or of what `--format json` prints.

use clap::ValueEnum;

use crate::exit::{Exit, Failure};
use crate::output;

/// What there is a schema of.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum What {
    /// A scenario, for editors.
    #[default]
    Scenario,
    /// What `--format json` prints of a run or a comparison.
    Report,
}

pub(crate) fn schema(what: What) -> Result<Exit, Failure> {
    let schema = match what {
        What::Scenario => topology::scenario::json_schema(),
        What::Report => report::json_schema(),
    };
    output::result(|out| {
        serde_json::to_writer_pretty(&mut *out, &schema)?;
        writeln!(out)
    })?;
    Ok(Exit::Well)
}
