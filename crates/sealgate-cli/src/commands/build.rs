//! `sealgate build`: policies to signed bundles. `cargo xtask build-bundle` runs the same code.
//!
//! Everything is built in memory first; only when every policy of the run is accepted is anything written, and each
//! file is written beside its place and then renamed.

mod outputs;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use sealgate::bundle::keys::file::read_signing_key;
use sealgate::bundle::{SigningKey, UnixSeconds};
use sealgate::toolchain::compile::{Capabilities, CompileOptions, Compiled, Compiler, DEFAULT_PACKAGE};
use sealgate::toolchain::opa;
use sealgate::toolchain::pack::{PackOptions, pack};
use sealgate::toolchain::sources::PolicyFiles;

pub use outputs::Written;

use crate::{Exit, Failure, policies, table};

/// What to build and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Policies: files, or folders of role files.
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// The private key that signs (see `sealgate keygen`).
    #[arg(long, value_name = "FILE")]
    sign_key: PathBuf,
}

/// How policies are built, whichever they are.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where bundles are written.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
    /// An OPA archive, a folder, or both.
    #[arg(long, value_enum, default_value_t = Format::Tar)]
    format: Format,
    /// The Rego package; the entrypoint is its rule `decision`.
    #[arg(long, default_value = DEFAULT_PACKAGE)]
    package: String,
    /// The bundle's name; without it the policy's own, else its file's.
    #[arg(long)]
    name: Option<String>,
    /// The serial: hosts refuse one lower than they accepted before.
    #[arg(long, value_name = "N", default_value_t = 0)]
    serial: u64,
    /// The first second at which the bundle is valid, in Unix time.
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
    /// The first second at which the bundle is no longer valid, in Unix time.
    #[arg(long, value_name = "SECONDS")]
    expires: Option<u64>,
    /// What compiles Rego to Wasm.
    #[arg(long, value_enum, default_value_t = Backend::Sealgate)]
    compiler: Backend,
    /// Let a builtin's error end the decision, with OPA's code, instead of being undefined.
    #[arg(long)]
    strict_builtin_errors: bool,
    /// OPA's `capabilities.json`: a policy that uses a builtin which is not in it is refused.
    #[arg(long, value_name = "FILE")]
    capabilities: Option<PathBuf>,
    /// Write these intermediate forms beside the bundle too.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORM,…")]
    emit: Vec<Emit>,
    /// Print what was built as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The forms of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Tar,
    Dir,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// Sealgate's own compiler.
    Sealgate,
    /// An installed `opa`.
    Opa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Emit {
    Rego,
    /// The Rego's syntax tree, as OPA's JSON.
    Ast,
    Plan,
    Wat,
    Wasm,
}

/// One policy, built and written.
#[derive(Debug)]
pub struct Built {
    /// Where the policy was read from.
    pub source: PathBuf,
    /// What was written.
    pub written: Written,
    /// Roles and tools of the policy.
    pub roles: usize,
    /// Distinct tools over all roles.
    pub tools: usize,
    /// Bytes of the module.
    pub wasm_bytes: usize,
    /// Bytes of the archive.
    pub archive_bytes: usize,
    /// The digest of the content.
    pub revision: String,
    /// From reading the policy to the signed bytes.
    pub elapsed: Duration,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let key = read_signing_key(&self.sign_key)?;
        let built = build_all(&self.policies, &self.options, &key)?;
        print!("{}", if self.options.json { json(&built, &key)? } else { summary(&built, &key) });
        Ok(Exit::Ok)
    }
}

/// Builds every policy, then writes every bundle.
pub fn build_all(paths: &[PathBuf], options: &Options, key: &SigningKey) -> Result<Vec<Built>, Failure> {
    if options.name.is_some() && paths.len() > 1 {
        return Err(Failure::Usage("--name names one bundle; give one policy".to_owned()));
    }
    let compile_options = options.compile_options()?;
    let mut ready = Vec::new();
    for path in paths {
        let start = Instant::now();
        let (files, compiled) = policies::compile_policy(path, &compile_options)?;
        let outputs = outputs::render(&files, &compiled, options, key)?;
        ready.push((path, compiled, outputs, start.elapsed()));
    }
    for (at, (path, _, outputs, _)) in ready.iter().enumerate() {
        if let Some((other, ..)) = ready.iter().take(at).find(|(_, _, earlier, _)| earlier.name == outputs.name) {
            let (path, other) = (path.display(), other.display());
            return Err(Failure::Usage(format!("`{other}` and `{path}` both build the bundle `{}`", outputs.name)));
        }
    }
    ready
        .into_iter()
        .map(|(path, compiled, outputs, elapsed)| outputs.write(path, &compiled, options, elapsed))
        .collect()
}

impl Options {
    /// The folder that bundles are written to.
    pub fn out(&self) -> &Path {
        &self.out
    }

    fn compile_options(&self) -> Result<CompileOptions, Failure> {
        let mut options = CompileOptions::new(&self.package);
        options.strict_builtin_errors = self.strict_builtin_errors;
        options.capabilities = self.capabilities.as_deref().map(read_capabilities).transpose()?;
        if self.compiler == Backend::Opa {
            if self.capabilities.is_some() {
                return Err(Failure::Usage("--capabilities are kept by Sealgate's own compiler only".to_owned()));
            }
            options.compiler = Compiler::Opa(opa::find().map_err(|error| Failure::Other(error.into()))?);
        }
        Ok(options)
    }

    fn pack_options(&self) -> PackOptions {
        PackOptions {
            name: self.name.clone(),
            serial: self.serial,
            not_before: self.not_before.map(UnixSeconds),
            expires: self.expires.map(UnixSeconds),
        }
    }

    fn emits(&self, form: Emit) -> bool {
        self.emit.contains(&form)
    }
}

fn read_capabilities(path: &Path) -> Result<Capabilities, Failure> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("`{name}` cannot be read: {error}")))?;
    Capabilities::parse(&text).map_err(|error| Failure::Usage(format!("`{name}`: {error}")))
}

/// The table that a build ends with.
pub fn summary(built: &[Built], key: &SigningKey) -> String {
    let rows: Vec<Vec<String>> = built
        .iter()
        .map(|built| {
            vec![
                built.written.main().display().to_string(),
                format!("{} x {}", built.roles, built.tools),
                kib(built.wasm_bytes),
                kib(built.archive_bytes),
                built.revision.get(..12).unwrap_or(&built.revision).to_owned(),
                format!("{:.1} ms", built.elapsed.as_secs_f64() * 1e3),
            ]
        })
        .collect();
    let header = ["bundle", "roles x tools", "wasm", "archive", "revision", "time"];
    table::render(&header, &rows, &[2, 3, 5]) + &format!("signed with key {}\n", key.public_key().id())
}

/// What was built, as one JSON array.
pub fn json(built: &[Built], key: &SigningKey) -> Result<String, Failure> {
    let rows: Vec<serde_json::Value> = built
        .iter()
        .map(|built| {
            serde_json::json!({
                "policy": built.source.display().to_string(),
                "name": built.written.name,
                "archive": built.written.archive.as_ref().map(|path| path.display().to_string()),
                "folder": built.written.folder.as_ref().map(|path| path.display().to_string()),
                "emitted": built.written.emitted.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
                "roles": built.roles,
                "tools": built.tools,
                "wasm_bytes": built.wasm_bytes,
                "archive_bytes": built.archive_bytes,
                "revision": built.revision,
                "key_id": key.public_key().id().to_string(),
                "milliseconds": built.elapsed.as_secs_f64() * 1e3,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

fn kib(bytes: usize) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}
