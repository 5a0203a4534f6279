//! Exit codes, and failures that carry one.

use std::process::ExitCode;

use crate::output::{self, note};

/// How a command ended. The numbers are part of the command line's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `decide`: allow.
    Ok = 0,
    /// Anything that no other code names.
    Other = 1,
    /// The command line itself is wrong; of `test`, as of `opa test`: a test did not pass.
    Usage = 2,
    /// The policy or the bundle is refused.
    Refused = 3,
    /// The decision is deny.
    Deny = 10,
    /// The decision is that a person decides.
    NeedsApproval = 11,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked; the text goes to standard error.
#[derive(Debug)]
pub enum Failure {
    /// The policy or the bundle is refused; the text is rendered already.
    Refused(String),
    /// The command line asks for something that cannot be.
    Usage(String),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    /// The refusal of `what`, with the error and its causes.
    pub fn refused(what: impl std::fmt::Display, error: impl Into<anyhow::Error>) -> Self {
        Self::Refused(output::visible(&format!("error: {what}: {}", with_causes(&error.into()))).into_owned())
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(&self) -> Exit {
        match self {
            Self::Refused(text) => {
                output::write_rendered(&format!("{}\n", text.trim_end()));
                Exit::Refused
            }
            Self::Usage(text) => {
                note!("error: {text}");
                Exit::Usage
            }
            Self::Other(error) => {
                note!("error: {}", with_causes(error));
                Exit::Other
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// An error and its causes, without those that it has said itself.
fn with_causes(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.ends_with(&cause) {
            said += ": ";
            said += &cause;
        }
    }
    said
}
