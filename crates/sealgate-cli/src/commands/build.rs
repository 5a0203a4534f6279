//! `sealgate build`: policies to signed bundles. `cargo xtask build-bundle` runs the same code.
//!
//! Where any path is Rego (a `.rego` file, a folder with one or with a `.manifest` in it, an OPA bundle), all paths are one
//! policy, the others being its data. Otherwise each path is a YAML policy and makes a bundle of its own.
//!
//! Everything is built in memory first; only when every policy of the run is accepted is anything written, and each
//! file is written beside its place and then renamed.

mod outputs;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use sealgate::bundle::keys::ManifestSigner;
use sealgate::bundle::{KeyId, UnixSeconds};
use sealgate::toolchain::compile::{Capabilities, CompileOptions, Compiler, DEFAULT_PACKAGE};
use sealgate::toolchain::opa;
use sealgate::toolchain::pack::{PackOptions, pack, pack_rego};
use sealgate::toolchain::rego::files;
use sealgate::toolchain::rego::program::{Dialect, RegoOptions};

pub use outputs::Written;

use crate::output;
use crate::rego::RegoArgs;
use crate::signing::{OpaSigning, Signer, SignerCheck};
use crate::{Exit, Failure, policies, table, text_file};

/// What to build and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// YAML policies (files, or folders of role files), or Rego: `.rego` files, folders with them and with
    /// `data.json|yaml`, OPA bundles, data files.
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    check: SignerCheck,
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
    /// The Rego package that a YAML policy becomes; the entrypoint is its rule `decision`.
    #[arg(long, default_value = DEFAULT_PACKAGE)]
    package: String,
    /// A rule or package of the Rego to decide with, such as `app/authz/allow`; may be repeated. Rules with
    /// `entrypoint: true` in their metadata are entrypoints too.
    #[arg(long, short, value_name = "PATH")]
    entrypoint: Vec<String>,
    #[command(flatten)]
    rego: RegoArgs,
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
    #[command(flatten)]
    opa: OpaSigning,
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

/// What a policy is made of.
#[derive(Clone, Debug)]
pub enum MadeOf {
    /// A YAML policy.
    Policy {
        /// Its roles.
        roles: usize,
        /// Distinct tools over all roles.
        tools: usize,
    },
    /// Rego.
    Rego {
        /// Its modules.
        modules: usize,
        /// The entrypoints.
        entrypoints: Vec<String>,
    },
}

/// One policy, built and written.
#[derive(Debug)]
pub struct Built {
    /// Where the policy was read from.
    pub source: PathBuf,
    /// What was written.
    pub written: Written,
    /// What the policy is made of.
    pub made_of: MadeOf,
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
        let key = self.signer.signer(&self.check)?;
        let built = build_all(&self.policies, &self.options, &*key)?;
        let id = key.public_key().id();
        output::print(format_args!("{}", if self.options.json { json(&built, id)? } else { summary(&built, id) }));
        Ok(Exit::Ok)
    }
}

/// Builds every policy, then writes every bundle.
pub fn build_all(paths: &[PathBuf], options: &Options, key: &dyn ManifestSigner) -> Result<Vec<Built>, Failure> {
    let opa = options.opa.signer()?;
    if paths.iter().any(|path| files::is_rego(path)) {
        let start = Instant::now();
        let made = compile_rego(paths, options)?;
        let outputs = outputs::render(made, options, key, opa.as_ref())?;
        let source = paths.first().map(PathBuf::as_path).unwrap_or(Path::new("."));
        return Ok(vec![outputs.write(source, options, start.elapsed())?]);
    }
    if let Some(entrypoint) = options.entrypoint.first() {
        return Err(Failure::Usage(format!("--entrypoint {entrypoint} needs Rego, and there is no `.rego` file")));
    }
    if options.name.is_some() && paths.len() > 1 {
        return Err(Failure::Usage("--name names one bundle; give one policy".to_owned()));
    }
    let compile_options = options.compile_options()?;
    let mut ready = Vec::new();
    for path in paths {
        let start = Instant::now();
        let made = compile_policy(path, &compile_options, options)?;
        let outputs = outputs::render(made, options, key, opa.as_ref())?;
        ready.push((path, outputs, start.elapsed()));
    }
    for (at, (path, outputs, _)) in ready.iter().enumerate() {
        if let Some((other, ..)) = ready.iter().take(at).find(|(_, earlier, _)| earlier.name == outputs.name) {
            let (path, other) = (path.display(), other.display());
            return Err(Failure::Usage(format!("`{other}` and `{path}` both build the bundle `{}`", outputs.name)));
        }
    }
    ready.into_iter().map(|(path, outputs, elapsed)| outputs.write(path, options, elapsed)).collect()
}

fn compile_policy(path: &Path, compile: &CompileOptions, options: &Options) -> Result<outputs::Made, Failure> {
    let (files, compiled) = policies::compile_policy(path, compile)?;
    let usage = |error: sealgate::bundle::ContentsError| Failure::Usage(error.to_string());
    let summary = compiled.policy.summary();
    Ok(outputs::Made {
        contents: pack(&files, &compiled, &options.pack_options()).map_err(usage)?,
        wat: if options.emits(Emit::Wat) { Some(compiled.wat()?) } else { None },
        ast: if options.emits(Emit::Ast) { Some(compiled.ast()?) } else { None },
        stem: files.stem,
        made_of: MadeOf::Policy { roles: summary.roles.len(), tools: summary.tools },
        rego: compiled.rego,
        plan: compiled.plan,
        wasm: compiled.wasm,
    })
}

fn compile_rego(paths: &[PathBuf], options: &Options) -> Result<outputs::Made, Failure> {
    if options.compiler == Backend::Opa {
        return Err(Failure::Usage("`--compiler opa` takes YAML policies; `opa build` takes Rego".to_owned()));
    }
    let rego = RegoOptions {
        strict_builtin_errors: options.strict_builtin_errors,
        capabilities: options.capabilities.as_deref().map(read_capabilities).transpose()?,
        ..options.rego.rego_options(Dialect::V1, &options.entrypoint)
    };
    let (files, compiled) = crate::rego::compile(paths, &options.rego, &rego)?;
    let usage = |error: sealgate::bundle::ContentsError| Failure::Usage(error.to_string());
    let texts = files.modules.iter().map(|module| format!("# {}\n{}", module.name, module.text));
    Ok(outputs::Made {
        contents: pack_rego(&files, &compiled, &options.pack_options()).map_err(usage)?,
        wat: if options.emits(Emit::Wat) { Some(compiled.wat()?) } else { None },
        ast: if options.emits(Emit::Ast) { Some(crate::rego::ast(&files, &rego)?) } else { None },
        made_of: MadeOf::Rego { modules: files.modules.len(), entrypoints: compiled.entrypoints },
        rego: texts.collect::<Vec<_>>().join("\n"),
        stem: files.stem,
        plan: Some(compiled.plan),
        wasm: compiled.wasm,
    })
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
    let text = text_file::read(path).map_err(|error| Failure::Usage(format!("`{name}` cannot be read: {error}")))?;
    Capabilities::parse(&text).map_err(|error| Failure::Usage(format!("`{name}`: {error}")))
}

/// The table that a build ends with.
pub fn summary(built: &[Built], key: KeyId) -> String {
    let rows: Vec<Vec<String>> = built
        .iter()
        .map(|built| {
            vec![
                built.written.main().display().to_string(),
                match &built.made_of {
                    MadeOf::Policy { roles, tools } => format!("{roles} roles x {tools} tools"),
                    MadeOf::Rego { modules, entrypoints } => {
                        format!("{modules} modules, {} entrypoints", entrypoints.len())
                    }
                },
                kib(built.wasm_bytes),
                kib(built.archive_bytes),
                built.revision.get(..12).unwrap_or(&built.revision).to_owned(),
                format!("{:.1} ms", built.elapsed.as_secs_f64() * 1e3),
            ]
        })
        .collect();
    let header = ["bundle", "of", "wasm", "archive", "revision", "time"];
    table::render(&header, &rows, &[2, 3, 5]) + &format!("signed with key {key}\n")
}

/// What was built, as one JSON array.
pub fn json(built: &[Built], key: KeyId) -> Result<String, Failure> {
    let rows: Vec<serde_json::Value> = built
        .iter()
        .map(|built| {
            let mut row = serde_json::json!({
                "policy": built.source.display().to_string(),
                "name": built.written.name,
                "archive": built.written.archive.as_ref().map(|path| path.display().to_string()),
                "folder": built.written.folder.as_ref().map(|path| path.display().to_string()),
                "emitted": built.written.emitted.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
                "wasm_bytes": built.wasm_bytes,
                "archive_bytes": built.archive_bytes,
                "revision": built.revision,
                "key_id": key.to_string(),
                "milliseconds": built.elapsed.as_secs_f64() * 1e3,
            });
            let made_of = match &built.made_of {
                MadeOf::Policy { roles, tools } => serde_json::json!({"roles": roles, "tools": tools}),
                MadeOf::Rego { modules, entrypoints } => {
                    serde_json::json!({"modules": modules, "entrypoints": entrypoints})
                }
            };
            if let (Some(row), serde_json::Value::Object(made_of)) = (row.as_object_mut(), made_of) {
                row.extend(made_of);
            }
            row
        })
        .collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

fn kib(bytes: usize) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}
