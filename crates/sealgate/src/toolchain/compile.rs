//! From a policy's texts to Wasm: every stage in its order, each one's result kept for whoever wants to look.
//!
//! Takes texts, gives a [`Compiled`] policy or everything that is wrong. Does no IO, unless `opa` is to make the module.

use std::path::PathBuf;
use std::sync::Arc;

use sealgate_compiler::{CodegenOptions, ir};
use sealgate_diagnostics::{Diagnostics, Sources};
use sealgate_policy::{EmitError, EmitOptions, EmittedRego, PolicySet, PolicySource, emit_rego};
use sealgate_rego::resolved::ResolvedModules;
use sealgate_rego::{ParseOptions, ResolveOptions, parse_module, resolve};

pub use sealgate_rego::Capabilities;

use super::opa::{self, OpaError};
use super::sources::PolicyFiles;

/// The package that policies are compiled in unless another is named.
pub const DEFAULT_PACKAGE: &str = "sealgate.policy";

/// Sealgate's own compiler, with its version.
pub(super) const OWN_COMPILER: &str = concat!("sealgate-compiler ", env!("CARGO_PKG_VERSION"));

/// How to compile.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// The Rego package, names joined by dots; the entrypoint is its rule `decision`.
    pub package: String,
    /// What makes the Wasm.
    pub compiler: Compiler,
    /// Whether a builtin's error ends the decision instead of being undefined. Only Sealgate's own compiler can do that.
    pub strict_builtin_errors: bool,
    /// The builtins that the policy may use; all that there are, if `None`.
    pub capabilities: Option<Capabilities>,
}

/// What makes Wasm of Rego.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// Sealgate's own compiler.
    Sealgate,
    /// The `opa` at this path.
    Opa(PathBuf),
}

impl CompileOptions {
    /// Sealgate's compiler, and this package.
    pub fn new(package: impl Into<String>) -> Self {
        Self { package: package.into(), compiler: Compiler::Sealgate, strict_builtin_errors: false, capabilities: None }
    }
}

/// A policy through every stage.
#[derive(Debug)]
pub struct Compiled {
    /// What the policy calls itself.
    pub name: Option<String>,
    /// The policy, as its author wrote it but resolved.
    pub policy: PolicySet,
    /// The Rego that it became.
    pub rego: String,
    /// The path of the rule that decides: `sealgate/policy/decision`.
    pub entrypoint: String,
    /// The part of OPA's `data` that the policy owns: `sealgate/policy`.
    pub root: String,
    /// The plan; none where `opa` made the module.
    pub plan: Option<ir::Policy>,
    /// The module.
    pub wasm: Vec<u8>,
    /// The builtins that the module asks its host for.
    pub builtins: Vec<String>,
    /// The compiler that made the module, with its version.
    pub compiler: String,
    /// The kernel that is linked into the module, with its version.
    pub kernel: String,
    /// What is odd about the policy but no error.
    pub warnings: Diagnostics,
}

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The policy is refused; the findings say where and why.
    #[error("the policy is refused with {} errors", .0.errors())]
    Refused(Diagnostics),
    /// The package's name is none.
    #[error(transparent)]
    Package(#[from] EmitError),
    /// The module could not be made although the policy is good.
    #[error(transparent)]
    Module(#[from] sealgate_compiler::CompileError),
    /// `opa` makes no modules that are strict about errors of builtins.
    #[error("modules that `opa` makes cannot be strict about builtin errors")]
    StrictOpa,
    /// `opa` made none.
    #[error(transparent)]
    Opa(#[from] OpaError),
}

/// Reads and validates a policy: the policy with its warnings, or everything that is wrong with it.
///
/// # Errors
/// Every finding, warnings included, in source order.
pub fn load(files: &PolicyFiles, sources: &mut Sources) -> Result<(PolicySet, Diagnostics), Diagnostics> {
    let mut texts: Vec<_> = files.files.iter().map(|file| PolicySource::new(&file.path, &file.text)).collect();
    let texts = match texts.pop() {
        Some(text) if !files.folder => sealgate_policy::PolicyFiles::Single(text),
        last => sealgate_policy::PolicyFiles::Folder(texts.into_iter().chain(last).collect()),
    };
    PolicySet::load(sources, texts)
}

/// The Rego that a policy becomes.
///
/// # Errors
/// [`EmitError`] where the package's name is none.
pub fn emit(policy: &PolicySet, package: &str) -> Result<EmittedRego, EmitError> {
    emit_rego(policy, &EmitOptions { package: package.to_owned() })
}

/// Compiles a policy. Its texts, and the Rego that they become, are added to `sources`.
///
/// # Errors
/// [`CompileError`].
pub fn compile(files: &PolicyFiles, sources: &mut Sources, options: &CompileOptions) -> Result<Compiled, CompileError> {
    if options.compiler == Compiler::Sealgate {
        sealgate_compiler::prepare();
    }
    let (policy, warnings) = load(files, sources).map_err(CompileError::Refused)?;
    let EmittedRego { text: rego, entrypoint } = emit(&policy, &options.package)?;
    let root = options.package.replace('.', "/");
    let module = match &options.compiler {
        Compiler::Opa(_) if options.strict_builtin_errors => return Err(CompileError::StrictOpa),
        Compiler::Sealgate => own_module(&rego, &entrypoint, sources, options)?,
        Compiler::Opa(program) => Module {
            plan: None,
            wasm: opa::compile(program, &rego, &entrypoint)?,
            builtins: Vec::new(),
            compiler: "opa".to_owned(),
            kernel: "opa".to_owned(),
        },
    };
    let Module { plan, wasm, builtins, compiler, kernel } = module;
    let name = policy.name().map(str::to_owned);
    Ok(Compiled { name, policy, rego, entrypoint, root, plan, wasm, builtins, compiler, kernel, warnings })
}

/// A module with what the manifest says of it.
struct Module {
    plan: Option<ir::Policy>,
    wasm: Vec<u8>,
    builtins: Vec<String>,
    compiler: String,
    kernel: String,
}

fn own_module(
    rego: &str,
    entrypoint: &str,
    sources: &mut Sources,
    options: &CompileOptions,
) -> Result<Module, CompileError> {
    let resolved = resolved(rego, sources)?;
    let mut found = Diagnostics::new();
    if let Some(capabilities) = &options.capabilities {
        capabilities.check(&resolved, &mut found);
        if found.has_errors() {
            return Err(CompileError::Refused(found));
        }
    }
    let path: Vec<Arc<str>> = entrypoint.split('/').map(Arc::from).collect();
    let plan = sealgate_compiler::plan::plan(&resolved, sources, &[path]).map_err(CompileError::Refused)?;
    // Each stage gives back what it was made of: the next one takes up the room.
    drop(resolved);
    let codegen = CodegenOptions { strict_builtin_errors: options.strict_builtin_errors, ..CodegenOptions::default() };
    let module = sealgate_compiler::compile_plan_with(&plan, codegen)?;
    Ok(Module {
        plan: Some(plan),
        wasm: module.wasm,
        builtins: module.builtins,
        compiler: OWN_COMPILER.to_owned(),
        kernel: sealgate_compiler::kernel().to_owned(),
    })
}

fn resolved(rego: &str, sources: &mut Sources) -> Result<ResolvedModules, CompileError> {
    let id = sources.add("policy.rego", rego);
    let parsed = parse_module(sources, id, ParseOptions::default()).map_err(CompileError::Refused)?;
    let mut found = Diagnostics::new();
    resolve(&[parsed], ResolveOptions::default(), &mut found).ok_or(CompileError::Refused(found))
}

impl Compiled {
    /// The syntax tree of the Rego, as OPA's JSON.
    ///
    /// # Errors
    /// [`CompileError::Refused`] for Rego that does not parse, which no policy becomes.
    pub fn ast(&self) -> Result<serde_json::Value, CompileError> {
        let mut sources = Sources::new();
        let id = sources.add("policy.rego", self.rego.as_str());
        let module = parse_module(&sources, id, ParseOptions::default()).map_err(CompileError::Refused)?;
        let tree = sources.get(id).map(|source| sealgate_rego::ast_json::to_json(&module, source));
        Ok(tree.unwrap_or_default())
    }

    /// The module as WebAssembly text.
    ///
    /// # Errors
    /// [`sealgate_compiler::CompileError`] where the module cannot be printed.
    pub fn wat(&self) -> Result<String, sealgate_compiler::CompileError> {
        sealgate_compiler::wat(&self.wasm)
    }
}
