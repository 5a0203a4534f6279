//! The commands, one module each: its arguments and what it does.

pub mod build;
mod decide;
mod eval;
mod keygen;
mod keys;
mod show_rego;
mod sign;
mod test;
mod validate;
mod verify;

use crate::{Exit, Failure};

/// What `sealgate` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a key pair: PREFIX.private (mode 0600) and PREFIX.public.
    Keygen(keygen::Args),
    /// List, import and revoke trusted keys.
    Keys(keys::Args),
    /// Check policies and say everything that is wrong with them.
    Validate(validate::Args),
    /// Print the Rego that a policy compiles to.
    ShowRego(show_rego::Args),
    /// Compile policies and sign a bundle for each.
    Build(build::Args),
    /// Sign a bundle again: with another key, serial or validity.
    Sign(sign::Args),
    /// Verify a bundle's signature and content and say what it holds.
    Verify(verify::Args),
    /// Decide one call; the exit code is the outcome.
    Decide(decide::Args),
    /// Evaluate Rego: an entrypoint of a bundle or of sources, or any query.
    Eval(eval::Args),
    /// Run the tests of Rego, or decide the calls of a YAML policy.
    Test(test::Args),
}

impl Command {
    /// Runs it.
    pub fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Keygen(args) => args.run(),
            Self::Keys(args) => args.run(),
            Self::Validate(args) => args.run(),
            Self::ShowRego(args) => args.run(),
            Self::Build(args) => args.run(),
            Self::Sign(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Decide(args) => args.run(),
            Self::Eval(args) => args.run(),
            Self::Test(args) => args.run(),
        }
    }
}
