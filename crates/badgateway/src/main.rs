//! badgateway: where do my 502s come from, and what would a retry have done about them?

mod agree;
mod beside;
mod check;
mod cli;
mod compare;
mod count_line;
mod diagnose;
mod diff;
mod exit;
mod explain;
mod export;
mod interrupt;
mod logs;
mod manifest;
mod merge;
mod monitor;
mod new;
mod output;
mod presets;
mod progress;
mod report_command;
mod rounds;
mod run;
mod scenario;
mod schema;
mod session;
mod shown;
mod sweep;
mod up;
mod view;
mod warmup;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().into()
}
