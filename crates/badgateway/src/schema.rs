//! `badgateway schema`: the scenario's JSON Schema.

use crate::exit::{Exit, Failure};
use crate::output;

pub(crate) fn schema() -> Result<Exit, Failure> {
    let schema = topology::scenario::json_schema();
    output::result(|out| {
        serde_json::to_writer_pretty(&mut *out, &schema)?;
        writeln!(out)
    })?;
    Ok(Exit::Well)
}
