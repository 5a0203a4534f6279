//! Policies named on the command line: read, checked and compiled, with every finding on standard error.

use std::io::IsTerminal;
use std::path::Path;

use sealgate::toolchain::compile::{CompileError, CompileOptions, Compiled, compile, load};
use sealgate::toolchain::diagnostics::{Color, Diagnostics, Sources};
use sealgate::toolchain::policy::PolicySet;
use sealgate::toolchain::sources::{PolicyFiles, SourceError};

use crate::Failure;
use crate::output;

/// Reads and validates a policy; warnings are printed, errors are the failure.
pub fn load_policy(path: &Path) -> Result<(PolicyFiles, PolicySet), Failure> {
    let files = read(path)?;
    let mut sources = Sources::new();
    match load(&files, &mut sources) {
        Ok((policy, warnings)) => {
            warn(&warnings, &sources);
            Ok((files, policy))
        }
        Err(errors) => Err(refusal(&errors, &sources)),
    }
}

/// Reads, validates and compiles a policy; warnings are printed, errors are the failure.
pub fn compile_policy(path: &Path, options: &CompileOptions) -> Result<(PolicyFiles, Compiled), Failure> {
    let files = read(path)?;
    let mut sources = Sources::new();
    match compile(&files, &mut sources, options) {
        Ok(compiled) => {
            warn(&compiled.warnings, &sources);
            Ok((files, compiled))
        }
        Err(CompileError::Refused(errors)) => Err(refusal(&errors, &sources)),
        Err(error @ (CompileError::Package(_) | CompileError::StrictOpa)) => Err(Failure::Usage(error.to_string())),
        Err(other) => Err(Failure::Other(other.into())),
    }
}

/// Reads a policy's files.
pub fn read(path: &Path) -> Result<PolicyFiles, Failure> {
    PolicyFiles::read(path).map_err(|error| match error {
        SourceError::Io { .. } => Failure::Other(error.into()),
        other => Failure::refused("policy refused", other),
    })
}

/// Colours where standard error is a terminal and nobody asked for none.
pub fn color() -> Color {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stderr().is_terminal() && !plain { Color::Always } else { Color::Never }
}

fn warn(warnings: &Diagnostics, sources: &Sources) {
    if !warnings.is_empty() {
        output::write_rendered(&warnings.render(sources, color()));
    }
}

fn refusal(errors: &Diagnostics, sources: &Sources) -> Failure {
    let count = errors.errors();
    let plural = if count == 1 { "" } else { "s" };
    Failure::Refused(format!("{}\npolicy refused: {count} error{plural}", errors.render(sources, color())))
}
