//! Rego named on the command line: read, resolved and compiled, with every finding on standard error.

use std::path::PathBuf;

use sealgate::toolchain::compile::CompileError;
use sealgate::toolchain::diagnostics::{Diagnostics, Sources};
use sealgate::toolchain::rego::files::{FolderMode, ReadError, ReadOptions, RegoFiles};
use sealgate::toolchain::rego::program::{self, CompiledRego, Dialect, Program, RegoOptions};

use crate::output::note;
use crate::{Failure, policies};

/// How many of the files that were left out are named.
const MAX_NOTES: usize = 5;

/// How Rego is read, whatever is done with it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RegoArgs {
    /// Leave out files and folders of this name, or at this path below a folder: a glob; may be repeated.
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<String>,
    /// Read Rego as OPA did before 1.0, unless a module imports `rego.v1` or its bundle says otherwise.
    #[arg(long, alias = "v0-compatible", conflicts_with = "v1")]
    v0: bool,
    /// Read Rego as OPA 1.0 and later do, unless a bundle says otherwise.
    #[arg(long, alias = "v1-compatible")]
    v1: bool,
    /// Read modules called `*_test.rego` too.
    #[arg(long)]
    tests: bool,
    /// OPA's strict mode: what is unused is an error.
    #[arg(long, short = 'S')]
    strict: bool,
}

impl RegoArgs {
    /// How files are read.
    pub(crate) fn read_options(&self, folders: FolderMode, tests: bool) -> ReadOptions {
        ReadOptions { folders, ignore: self.ignore.clone(), tests: tests || self.tests }
    }

    /// How modules are compiled; `otherwise` where neither dialect was asked for.
    pub(crate) fn rego_options(&self, otherwise: Dialect, entrypoints: &[String]) -> RegoOptions {
        let dialect = match (self.v0, self.v1) {
            (true, _) => Dialect::V0,
            (_, true) => Dialect::V1,
            _ => otherwise,
        };
        let entrypoints = entrypoints.to_vec();
        RegoOptions { dialect, entrypoints, strict: self.strict, ..RegoOptions::default() }
    }

    /// Whether Rego is v0 where nothing else is said.
    pub(crate) fn is_v0(&self) -> bool {
        self.v0
    }
}

/// Reads Rego; what was left out is noted on standard error.
pub(crate) fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<RegoFiles, Failure> {
    let files = RegoFiles::read(paths, options).map_err(unreadable)?;
    for note in files.notes.iter().take(MAX_NOTES) {
        note!("note: {note}");
    }
    if files.notes.len() > MAX_NOTES {
        note!("note: and {} more", files.notes.len() - MAX_NOTES);
    }
    Ok(files)
}

/// Reads and compiles Rego for the entrypoints asked for and those that it names itself.
pub(crate) fn compile(
    paths: &[PathBuf],
    args: &RegoArgs,
    options: &RegoOptions,
) -> Result<(RegoFiles, CompiledRego), Failure> {
    let files = RegoFiles::read_modules(paths, &args.read_options(FolderMode::Bundle, false)).map_err(unreadable)?;
    let mut sources = Sources::new();
    let compiled = Program::new(&files, &mut sources, options)
        .and_then(|program| Ok((program.entrypoints(&files, &options.entrypoints)?, program)))
        .map_err(CompileError::Refused)
        .and_then(|(paths, program)| program.compile(&sources, &paths));
    match compiled {
        Ok(compiled) => Ok((files, compiled)),
        Err(CompileError::Refused(found)) => Err(refusal(&found, &sources)),
        Err(other) => Err(Failure::Other(other.into())),
    }
}

/// The syntax trees of modules, as OPA's JSON.
pub(crate) fn ast(files: &RegoFiles, options: &RegoOptions) -> Result<serde_json::Value, Failure> {
    let mut sources = Sources::new();
    program::ast(files, &mut sources, options.dialect).map_err(|found| refusal(&found, &sources))
}

fn unreadable(error: ReadError) -> Failure {
    match error {
        ReadError::Io { .. } => Failure::Other(error.into()),
        other => Failure::refused("policy refused", other),
    }
}

/// Reads and resolves Rego, for queries.
pub(crate) fn resolve(
    files: &RegoFiles,
    args: &RegoArgs,
    strict_builtin_errors: bool,
    sources: &mut Sources,
) -> Result<Program, Failure> {
    let options = RegoOptions { strict_builtin_errors, ..args.rego_options(Dialect::Either, &[]) };
    let program = Program::new(files, sources, &options).map_err(|found| refusal(&found, sources))?;
    note_v0(&program.read_as_v0);
    Ok(program)
}

/// Says which modules were read as v0 although nobody said so.
pub(crate) fn note_v0(modules: &[String]) {
    if let Some(first) = modules.first() {
        let others = modules.len() - 1;
        let more = if others == 0 { String::new() } else { format!(" and {others} more") };
        note!("note: `{first}`{more} read as Rego v0; `--v0` says so for all");
    }
}

/// Everything that is wrong, rendered.
pub(crate) fn refusal(found: &Diagnostics, sources: &Sources) -> Failure {
    let count = found.errors();
    let plural = if count == 1 { "" } else { "s" };
    Failure::Refused(format!("{}\npolicy refused: {count} error{plural}", found.render(sources, policies::color())))
}
