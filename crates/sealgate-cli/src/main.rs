//! The `sealgate` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sealgate_cli::run().into()
}
