//! The `sealgate` command.

use std::process::ExitCode;

/// A build makes hundreds of thousands of small values within milliseconds; the system's allocator would take a third of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sealgate_cli::run().into()
}
