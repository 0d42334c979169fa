//! `badgateway explain`: one failed call, hop by hop.

use std::path::PathBuf;

use report::explain::{self, Selection};
use report::render::Format;
use trace::{CallId, RunDir};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

pub(crate) fn explain(
    run: PathBuf,
    call: Option<CallId>,
    format: Format,
    output: &Output,
) -> Result<Exit, Failure> {
    let selection = call.map_or(Selection::OnePerOrigin, Selection::Call);
    let calls = explain::read(&RunDir::open(run)?, selection)?;
    output::result(|out| explain::write(&calls, format, output.result_colour(), out))?;
    Ok(Exit::Well)
}
