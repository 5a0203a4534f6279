//! The build toolchain.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;

mod build_kernel;

/// Builds, checks and measures Sealgate.
#[derive(Debug, Parser)]
enum Task {
    /// Compile the kernel to WebAssembly.
    BuildKernel {
        /// Compare with the committed object instead of writing it.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    match Task::parse() {
        Task::BuildKernel { check } => build_kernel::run(root, check),
    }
}
