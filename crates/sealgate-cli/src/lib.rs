//! The `sealgate` command line, as a library so that `xtask` runs the same code.
//!
//! Parses arguments, calls the facade, prints, and gives an [`Exit`] code. Decides nothing by itself.

pub mod commands;
mod exit;
mod grants;
mod json_argument;
mod output;
pub mod policies;
mod rego;
pub mod signing;
pub mod table;
mod text_file;

use std::io::ErrorKind;

use anyhow::anyhow;
use clap::Parser;

pub use exit::{Exit, Failure};

/// Signed, sandboxed policy decisions: from a YAML policy to a bundle, from a bundle to a decision.
#[derive(Debug, Parser)]
#[command(name = "sealgate", version, about, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 allow or done, 2 usage or a test that did not pass, 3 the policy or bundle is refused, 10 deny, \
11 needs approval, 1 anything else.";

/// Runs the command line of this process.
pub fn run() -> Exit {
    finish(Cli::parse().command.run())
}

/// Reports a failure and gives the exit code. A command whose output was lost has not done what it was asked.
pub fn finish(result: Result<Exit, Failure>) -> Exit {
    let exit = result.unwrap_or_else(|failure| failure.report());
    match output::finish() {
        Ok(()) => exit,
        // Who reads no further has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Other,
        Err(error) => Failure::Other(anyhow!("the output cannot be written: {error}")).report(),
    }
}
