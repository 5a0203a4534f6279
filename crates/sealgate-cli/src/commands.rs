//! The commands, one module each: its arguments and what it does.

pub mod build;
mod decide;
mod keygen;
mod show_rego;
mod validate;
mod verify;

use crate::{Exit, Failure};

/// What `sealgate` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a key pair: PREFIX.private (mode 0600) and PREFIX.public.
    Keygen(keygen::Args),
    /// Check policies and say everything that is wrong with them.
    Validate(validate::Args),
    /// Print the Rego that a policy compiles to.
    ShowRego(show_rego::Args),
    /// Compile policies and sign a bundle for each.
    Build(build::Args),
    /// Verify a bundle's signature and content and say what it holds.
    Verify(verify::Args),
    /// Decide one call; the exit code is the outcome.
    Decide(decide::Args),
}

impl Command {
    /// Runs it.
    pub fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Keygen(args) => args.run(),
            Self::Validate(args) => args.run(),
            Self::ShowRego(args) => args.run(),
            Self::Build(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Decide(args) => args.run(),
        }
    }
}
