//! `sealgate show-rego`: the Rego that a policy compiles to.

use std::path::PathBuf;

use sealgate::toolchain::compile::{DEFAULT_PACKAGE, emit};

use crate::output;
use crate::{Exit, Failure, policies};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A policy file, or a folder of role files.
    policy: PathBuf,
    /// The Rego package; the entrypoint is its rule `decision`.
    #[arg(long, default_value = DEFAULT_PACKAGE)]
    package: String,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (_, policy) = policies::load_policy(&self.policy)?;
        let rego = emit(&policy, &self.package).map_err(|error| Failure::Usage(error.to_string()))?;
        output::print(format_args!("{}", rego.text));
        Ok(Exit::Ok)
    }
}
