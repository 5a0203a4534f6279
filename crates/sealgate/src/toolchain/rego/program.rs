//! Modules parsed and resolved together, the entrypoints asked of them, and the Wasm that they become.
//!
//! Takes [`RegoFiles`], gives a [`Program`] or every finding. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use sealgate_compiler::{CodegenOptions, CompiledModule, ir, plan};
use sealgate_diagnostics::{Diagnostic, Diagnostics, Sources};
use sealgate_rego::ast::{Module, Version};
use sealgate_rego::resolved::{DocumentKind, ResolvedModules, RuleTree};
use sealgate_rego::{Capabilities, ParseOptions, ResolveOptions, parse_module, resolve};

use super::data;
use super::files::RegoFiles;
use crate::toolchain::compile::{CompileError, OWN_COMPILER};

/// Code of findings about what was asked for rather than what was written.
pub const ENTRYPOINT_ERROR: &str = "sealgate_entrypoint_error";
/// How many close names a finding shows.
const MAX_CLOSE: usize = 5;

/// Which Rego modules are read as. A manifest's word on a file, and `import rego.v1`, go before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// That of OPA 1.0 and later.
    #[default]
    V1,
    /// That before OPA 1.0.
    V0,
    /// Each module as v1, or else, where it is none but is good v0, as that.
    Either,
}

/// How to compile Rego.
#[derive(Clone, Debug, Default)]
pub struct RegoOptions {
    /// Which Rego.
    pub dialect: Dialect,
    /// Entrypoints asked for, as `a/b/c`, on top of those that annotations and manifests name.
    pub entrypoints: Vec<String>,
    /// Whether `print` is compiled to calls of the host's `internal.print`.
    pub print: bool,
    /// OPA's strict mode.
    pub strict: bool,
    /// Whether a builtin's error ends an evaluation instead of being undefined.
    pub strict_builtin_errors: bool,
    /// The builtins that may be used; all that there are, if `None`.
    pub capabilities: Option<Capabilities>,
}

/// Modules that belong together, resolved.
#[derive(Debug)]
pub struct Program {
    /// What the modules define.
    pub resolved: ResolvedModules,
    /// Names of modules that are read as v0 although nobody said so.
    pub read_as_v0: Vec<String>,
    strict_builtin_errors: bool,
}

/// Rego through every stage.
#[derive(Debug)]
pub struct CompiledRego {
    /// The entrypoints, in the order of their ids.
    pub entrypoints: Vec<String>,
    /// The plan.
    pub plan: ir::Policy,
    /// The module.
    pub wasm: Vec<u8>,
    /// The builtins that it asks its host for.
    pub builtins: Vec<String>,
}

/// Parses every module; the spans are those of `sources`.
///
/// # Errors
/// Every syntax error of every module.
pub fn parse(
    files: &RegoFiles,
    sources: &mut Sources,
    dialect: Dialect,
) -> Result<(Vec<Module>, Vec<String>), Diagnostics> {
    let mut found = Diagnostics::new();
    let (mut modules, mut read_as_v0) = (Vec::with_capacity(files.modules.len()), Vec::new());
    for file in &files.modules {
        let id = sources.add(&file.path, file.text.as_str());
        let read = |version| parse_module(sources, id, ParseOptions { version });
        let version = match (file.version, dialect) {
            (Some(version), _) => version,
            (None, Dialect::V0) => Version::V0,
            (None, Dialect::V1 | Dialect::Either) => Version::V1,
        };
        let parsed = read(version).or_else(|errors| {
            if version == Version::V0 || file.version.is_some() {
                return Err(errors);
            }
            match (read(Version::V0), dialect) {
                (Ok(module), Dialect::Either) => {
                    read_as_v0.push(file.path.clone());
                    Ok(module)
                }
                (Ok(_), _) => Err(with_help(errors, "the module is good Rego of before OPA 1.0: compile with `--v0`")),
                (Err(_), _) => Err(errors),
            }
        });
        match parsed {
            Ok(module) => modules.push(module),
            Err(errors) => found.extend(errors),
        }
    }
    if found.has_errors() { Err(found) } else { Ok((modules, read_as_v0)) }
}

/// The syntax trees of all modules, as OPA's JSON.
///
/// # Errors
/// As [`parse`].
pub fn ast(files: &RegoFiles, sources: &mut Sources, dialect: Dialect) -> Result<serde_json::Value, Diagnostics> {
    let (modules, _) = parse(files, sources, dialect)?;
    let tree = |module: &Module| {
        let source = sources.get(module.package.span.source)?;
        Some(sealgate_rego::ast_json::to_json(module, source))
    };
    Ok(modules.iter().filter_map(tree).collect())
}

/// Gives the first finding a help text.
fn with_help(errors: Diagnostics, help: &str) -> Diagnostics {
    let mut all = Diagnostics::new();
    for (at, error) in errors.into_iter().enumerate() {
        all.push(if at == 0 { error.help(help) } else { error });
    }
    all
}

impl Program {
    /// Parses and resolves, and holds base data against rules and roots against packages.
    ///
    /// # Errors
    /// Every finding.
    pub fn new(files: &RegoFiles, sources: &mut Sources, options: &RegoOptions) -> Result<Self, Diagnostics> {
        sealgate_compiler::prepare();
        let (modules, read_as_v0) = parse(files, sources, options.dialect)?;
        Self::of_modules(&modules, files, options, read_as_v0)
    }

    /// As [`Program::new`], of modules that are parsed already.
    ///
    /// # Errors
    /// Every finding.
    pub fn of_modules(
        modules: &[Module],
        files: &RegoFiles,
        options: &RegoOptions,
        read_as_v0: Vec<String>,
    ) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::new();
        let resolve_options = ResolveOptions { strict: options.strict, print: options.print };
        let resolved = resolve(modules, resolve_options, &mut found);
        if let Some(roots) = &files.roots {
            for (module, file) in modules.iter().zip(&files.modules) {
                let path: Vec<&str> = module.package.path.iter().map(|name| name.text.as_str()).collect();
                let path = path.join("/");
                // A module beside the bundle is bound by no manifest; one in it says in which.
                if file.version.is_some() && !roots.iter().any(|root| super::manifest::contains(root, &path)) {
                    let message = format!("the bundle's roots `{}` do not permit `{path}`", roots.join("`, `"));
                    found.push(Diagnostic::error(sealgate_rego::COMPILE_ERROR, message).at(module.package.span));
                }
            }
        }
        let Some(resolved) = resolved else { return Err(found) };
        if let Some(capabilities) = &options.capabilities {
            capabilities.check(&resolved, &mut found);
        }
        data::conflicts(&resolved, &files.data, &mut found);
        if found.has_errors() {
            return Err(found);
        }
        Ok(Self { resolved, read_as_v0, strict_builtin_errors: options.strict_builtin_errors })
    }

    /// The entrypoints that options, annotations and manifests ask for, as paths.
    ///
    /// # Errors
    /// Every one that no rule and no package defines, with the names that are close; or that there are none.
    pub fn entrypoints(&self, files: &RegoFiles, asked: &[String]) -> Result<Vec<Vec<Arc<str>>>, Diagnostics> {
        let mut paths: BTreeSet<Vec<Arc<str>>> = self.resolved.entrypoints.iter().cloned().collect();
        let mut found = Diagnostics::new();
        let names = asked.iter().map(|name| (name, false)).chain(files.entrypoints.iter().map(|name| (name, true)));
        for (name, of_manifest) in names {
            let path = parse_entrypoint(name);
            if self.defines(&path) {
                paths.insert(path);
                continue;
            }
            let whose = if of_manifest { ", which the bundle's manifest names," } else { "" };
            let message = format!("entrypoint `{name}`{whose} is defined by no rule");
            let help = match self.close_to(&path) {
                close if close.is_empty() => {
                    "an entrypoint is a rule or package, with `/` between the names: `a/b/allow`".to_owned()
                }
                close => format!("there is `{}`", close.join("`, `")),
            };
            found.push(Diagnostic::error(ENTRYPOINT_ERROR, message).help(help));
        }
        if found.is_empty() && paths.is_empty() {
            let some: Vec<String> = self.names().take(MAX_CLOSE).collect();
            let help = format!(
                "name one with `--entrypoint`, or mark a rule with `entrypoint: true` in its metadata; there is `{}`",
                some.join("`, `")
            );
            found.push(Diagnostic::error(ENTRYPOINT_ERROR, "no entrypoint is named").help(help));
        }
        if found.has_errors() { Err(found) } else { Ok(paths.into_iter().collect()) }
    }

    /// Whether a path leads to a package, to a document, or into one.
    pub fn defines(&self, path: &[Arc<str>]) -> bool {
        let mut node = RuleTree::ROOT;
        for (at, key) in path.iter().enumerate() {
            let Some(child) = self.resolved.tree.child(node, key) else { return false };
            node = child;
            let document = self.resolved.tree.node(node).document.and_then(|id| self.resolved.document(id));
            if let Some(document) = document {
                let whole = at + 1 == path.len();
                return document.arity() == 0 && (whole || document.kind != DocumentKind::Set);
            }
        }
        !path.is_empty()
    }

    /// The paths of all documents that are no functions.
    fn names(&self) -> impl Iterator<Item = String> {
        self.resolved.documents.iter().filter(|document| document.arity() == 0).map(|document| document.path.join("/"))
    }

    fn close_to(&self, path: &[Arc<str>]) -> Vec<String> {
        let wanted = path.join("/");
        let last = path.last().map_or("", |key| &**key);
        let mut close: Vec<(usize, String)> = self
            .names()
            .filter_map(|name| {
                let same_rule = name.rsplit('/').next() == Some(last);
                let distance = distance(&wanted, &name);
                let near = distance <= 1 + wanted.chars().count() / 4;
                (near || same_rule).then_some((distance, name))
            })
            .collect();
        close.sort();
        close.dedup();
        close.into_iter().take(MAX_CLOSE).map(|(_, name)| name).collect()
    }

    /// Compiles a plan as the program's options say.
    pub(super) fn compile_plan(&self, plan: &ir::Policy) -> Result<CompiledModule, sealgate_compiler::CompileError> {
        let options = CodegenOptions { strict_builtin_errors: self.strict_builtin_errors, ..CodegenOptions::default() };
        sealgate_compiler::compile_plan_with(plan, options)
    }

    /// Compiles for entrypoints.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile(&self, sources: &Sources, entrypoints: &[Vec<Arc<str>>]) -> Result<CompiledRego, CompileError> {
        let plan = plan::plan(&self.resolved, sources, entrypoints).map_err(CompileError::Refused)?;
        let module = self.compile_plan(&plan)?;
        Ok(CompiledRego {
            entrypoints: plan.plans.iter().map(|plan| plan.name.clone()).collect(),
            plan,
            wasm: module.wasm,
            builtins: module.builtins,
        })
    }
}

impl CompiledRego {
    /// The compiler that made the module, with its version.
    pub fn compiler(&self) -> &'static str {
        OWN_COMPILER
    }

    /// The module as WebAssembly text.
    ///
    /// # Errors
    /// [`sealgate_compiler::CompileError`] where the module cannot be printed.
    pub fn wat(&self) -> Result<String, sealgate_compiler::CompileError> {
        sealgate_compiler::wat(&self.wasm)
    }
}

/// `a/b/c`, and `data.a.b.c` too, as a path below `data`.
pub fn parse_entrypoint(name: &str) -> Vec<Arc<str>> {
    let name = name.trim_matches('/');
    match name.strip_prefix("data.") {
        Some(rest) if !name.contains('/') => rest.split('.').map(Arc::from).collect(),
        _ => name.split('/').map(Arc::from).collect(),
    }
}

/// How many characters must be put in, left out or replaced to make one name of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(256).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, char) in a.chars().take(256).enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        let mut next = vec![left];
        for (other, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(*other != char)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::rego::files::RegoFile;
    use sealgate_diagnostics::Color;
    use serde_json::json;

    fn files(texts: &[&str]) -> RegoFiles {
        let module = |(at, text): (usize, &&str)| {
            let name = format!("m{at}.rego");
            RegoFile { path: name.clone(), name, text: (*text).to_owned(), version: None }
        };
        RegoFiles { modules: texts.iter().enumerate().map(module).collect(), ..RegoFiles::default() }
    }

    fn refused(files: &RegoFiles, options: &RegoOptions) -> String {
        let mut sources = Sources::new();
        let found = Program::new(files, &mut sources, options)
            .and_then(|program| program.entrypoints(files, &options.entrypoints).map(drop))
            .unwrap_err();
        found.render(&sources, Color::Never)
    }

    #[test]
    fn missing_entrypoints_are_all_named_with_close_ones() {
        let files = files(&["package app.authz\nallow if input.x\ndeny contains 1\nf(x) := x"]);
        let entrypoints = ["app/authz/alow", "authz/allow", "zzz/qqq", "app/authz/f"];
        let asked = RegoOptions { entrypoints: entrypoints.map(str::to_owned).to_vec(), ..RegoOptions::default() };
        let text = refused(&files, &asked);
        for name in entrypoints {
            assert!(text.contains(&format!("entrypoint `{name}` is defined by no rule")), "{text}");
        }
        assert!(text.contains("there is `app/authz/allow`"), "{text}");
        assert!(refused(&files, &RegoOptions::default()).contains("no entrypoint is named"));
    }

    #[test]
    fn base_data_and_rules_do_not_share_a_path() {
        let mut files = files(&["package a.b\np := 1\nq.r := 2"]);
        for (data, conflict) in [
            (json!({"a": {"b": {"p": 1}}}), Some("a/b/p")),
            (json!({"a": {"b": {"q": {"r": 1}}}}), Some("a/b/q/r")),
            (json!({"a": {"b": 7}}), Some("a/b/p")),
            (json!({"a": {"b": {"z": 1, "q": {"s": 1}}}, "c": 1}), None),
        ] {
            files.data = data.as_object().unwrap().clone();
            let result = Program::new(&files, &mut Sources::new(), &RegoOptions::default());
            match (result, conflict) {
                (Ok(_), None) => {}
                (Err(found), Some(path)) => {
                    let text = found.iter().next().unwrap().message.clone();
                    assert_eq!(text, format!("conflicting rule for data path `{path}` found"));
                }
                (result, _) => panic!("{data}: {result:?}"),
            }
        }
    }

    #[test]
    fn modules_of_both_dialects_go_together() {
        let mut files =
            files(&["package a\np { input.x }", "package b\nq if input.x", "package c\nimport rego.v1\nr if 1"]);
        let with = |dialect| RegoOptions { dialect, ..RegoOptions::default() };
        assert!(refused(&files, &with(Dialect::V1)).contains("`--v0`"));
        let program = Program::new(&files, &mut Sources::new(), &with(Dialect::Either)).unwrap();
        assert_eq!(program.read_as_v0, ["m0.rego"]);
        files.modules[0].version = Some(Version::V0);
        assert!(Program::new(&files, &mut Sources::new(), &with(Dialect::V1)).is_ok());
    }

    #[test]
    fn names_are_as_far_apart_as_they_differ() {
        assert_eq!(distance("allow", "alow"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
