//! The build toolchain: `cargo xtask …`. Thin: one module per command, over the same library calls as the `sealgate`
//! command.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use sealgate_cli::{Exit, Failure};

mod bench;
mod build_bundle;
mod build_kernel;
mod builtins;
mod conformance;
mod count;
mod fuzz;
mod sbom;

/// Builds and checks Sealgate.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Measure Sealgate against other ways to decide.
    Bench(bench::Args),
    /// Compile policies to signed bundles, verify them, and decide their calls.
    BuildBundle(Box<build_bundle::Args>),
    /// Compile the kernel to WebAssembly.
    BuildKernel {
        /// Compare with the committed object instead of writing it.
        #[arg(long)]
        check: bool,
    },
    /// Write the table of builtins in the documentation.
    Builtins(builtins::Args),
    /// Run OPA's compliance cases through compiler, Wasm and runtime.
    Conformance(conformance::Args),
    /// Count the instructions of a decision, and compare them with those that are kept.
    Count(count::Args),
    /// Run the fuzz targets for a while.
    Fuzz(fuzz::Args),
    /// List what a release is made of, in CycloneDX.
    Sbom(sbom::Args),
}

fn main() -> ExitCode {
    sealgate_cli::finish(run(Task::parse())).into()
}

fn run(task: Task) -> Result<Exit, Failure> {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        return Err(Failure::Usage("xtask does not lie in the workspace".to_owned()));
    };
    match task {
        Task::Bench(args) => args.run(root),
        Task::BuildBundle(args) => args.run(root),
        Task::BuildKernel { check } => Ok(build_kernel::run(root, check).map(|()| Exit::Ok)?),
        Task::Builtins(args) => args.run(root),
        Task::Conformance(args) => args.run(root),
        Task::Count(args) => args.run(root),
        Task::Fuzz(args) => args.run(root),
        Task::Sbom(args) => args.run(root),
    }
}
