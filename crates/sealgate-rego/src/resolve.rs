//! Name resolution and checks: takes parsed modules, gives [`ResolvedModules`], or says what is wrong with them.
//!
//! All findings of all modules are gathered. Knows nothing of plans.

mod captured;
mod comprehension_index;
mod declare;
mod globals;
mod hoist;
mod lower;
mod metadata;
mod order;
mod recursion;
mod scope;
mod vars;

use std::sync::Arc;

use foldhash::HashSet;
use sealgate_diagnostics::{Diagnostic, Diagnostics};

use crate::ast::{self, HeadKind, Module, Version};
use crate::check::{self, TypeTree};
use crate::resolved::{RefHead, ResolvedModules, ResolvedQuery, TermKind};

use declare::{Declarations, declare};
use globals::Globals;
use lower::{Lowering, Noted, Unit};
use metadata::{Asker, Metadata};

/// Code of findings about names, calls and definitions that do not fit each other.
pub const TYPE_ERROR: &str = "rego_type_error";
/// Code of findings about things that Rego does not allow.
pub const COMPILE_ERROR: &str = "rego_compile_error";
/// Code of findings about variables that nothing binds.
pub const UNSAFE_VAR_ERROR: &str = "rego_unsafe_var_error";
/// Code of findings about rules that need themselves.
pub const RECURSION_ERROR: &str = "rego_recursion_error";

/// How many names the path of a rule or package may have.
pub const MAX_PATH: usize = 256;

/// What is checked beyond what OPA always checks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResolveOptions {
    /// OPA's strict mode: unused imports, parameters and assigned variables are errors.
    pub strict: bool,
    /// Whether calls of `print` stay, as calls of the host's `internal.print`. Otherwise they hold and print nothing.
    pub print: bool,
}

/// A query and the names it may use.
#[derive(Clone, Debug)]
pub struct QueryContext<'a> {
    /// The query.
    pub body: &'a [ast::Expr],
    /// The package whose rules the query may name without `data`, as a path below `data`.
    pub package: Option<&'a [&'a str]>,
    /// Which Rego it is written in.
    pub version: Version,
}

/// Resolves modules; findings are added to `found`, and any error among them means that there is no result.
pub fn resolve(modules: &[Module], options: ResolveOptions, found: &mut Diagnostics) -> Option<ResolvedModules> {
    let mut own = Diagnostics::new();
    let all = declare(modules, &mut own);
    let metadata = Metadata::read(modules, &all.packages, &mut own);
    let mut rules = Vec::with_capacity(all.rules.len());
    let mut printing = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        let globals = Globals::of(module, index, &all, options.strict, &mut own);
        let unit = Unit {
            tree: &all.tree,
            documents: &all.documents,
            globals: &globals,
            version: module.version,
            strict: options.strict,
            metadata: Some(&metadata),
        };
        let mut noted = Noted::default();
        for declared in all.rules.iter().skip(rules.len()).take_while(|declared| declared.module == index) {
            check_head(declared.rule, unit.guards_roots(), &mut own);
            let findings = own.len();
            let (mut rule, captures) = Lowering::new(&unit, &mut own, &mut noted).rule(declared);
            if let Some(named) = captures {
                captured::rule(&rule, &named, &mut own);
                printing.push(rules.len());
            }
            // A name that could not be declared would be reported as unsafe on top.
            if own.len() == findings {
                order::rule(&mut rule, &mut own);
            }
            hoist::rule(&mut rule);
            rules.push(rule);
        }
        if options.strict {
            report_unused_imports(module, &noted.used, &mut own);
        }
    }
    let entrypoints = entrypoints(modules, &all);
    let types = TypeTree::default();
    let mut resolved = ResolvedModules { rules, documents: all.documents, tree: all.tree, entrypoints, types };
    let (order, needs) = recursion::check(&resolved, &mut own);
    // Types make sense only of what is otherwise right.
    if !own.has_errors() {
        let has_schemas = metadata.has_schemas();
        let schemas = |rule: usize| {
            let Some(declared) = all.rules.get(rule).filter(|_| has_schemas) else { return Vec::new() };
            let document = resolved.document(declared.document).into_iter().flat_map(|document| &document.path);
            let path = document.chain(&declared.below).cloned().collect();
            metadata.schemas(&Asker { module: declared.module, rule: Some(declared.index), path })
        };
        resolved.types = check::rules(&resolved, &order, needs, schemas, &mut own);
    }
    let printing = if options.print { Vec::new() } else { printing };
    for index in printing {
        if let Some(rule) = resolved.rules.get_mut(index) {
            captured::strip_rule(rule);
        }
    }
    if !own.has_errors() {
        resolved.rules.iter_mut().for_each(comprehension_index::rule);
    }
    let whole = !own.has_errors();
    found.extend(own);
    whole.then_some(resolved)
}

/// Reports the rules whose paths base data also has a value at; `exists` says whether there is one at a path below `data`.
pub fn check_data_conflicts(modules: &ResolvedModules, exists: impl Fn(&[Arc<str>]) -> bool, found: &mut Diagnostics) {
    let mut seen = HashSet::default();
    for rule in &modules.rules {
        let Some(document) = modules.document(rule.document) else { continue };
        let below = rule.tail.iter().map_while(|key| match &key.kind {
            TermKind::String(key) => Some(key),
            _ => None,
        });
        let path: Vec<Arc<str>> = document.path.iter().chain(below).cloned().collect();
        if !seen.contains(&path) && exists(&path) {
            let message = format!("conflicting rule for data path `{}` found", path.join("/"));
            found.push(Diagnostic::error(COMPILE_ERROR, message).at(rule.span).help("data has a value there too"));
        }
        seen.insert(path);
    }
}

/// Resolves a query against resolved modules; findings are added to `found`, and any error means that there is no result.
pub fn resolve_query(
    query: &QueryContext<'_>,
    modules: &ResolvedModules,
    found: &mut Diagnostics,
) -> Option<ResolvedQuery> {
    let mut own = Diagnostics::new();
    let mut globals = Globals::default();
    if let Some(package) = query.package
        && let Some(node) = modules.tree.find(package.iter().copied())
    {
        for name in modules.tree.node(node).children.keys() {
            let path = package.iter().map(|key| Arc::from(*key)).chain([Arc::clone(name)]).collect();
            globals.import(name, RefHead::Data, path);
        }
    }
    let unit = Unit {
        tree: &modules.tree,
        documents: &modules.documents,
        globals: &globals,
        version: query.version,
        strict: false,
        metadata: None,
    };
    let (mut resolved, named) = Lowering::new(&unit, &mut own, &mut Noted::default()).query(query.body);
    captured::query(&resolved.body, &resolved.vars, &named, &mut own);
    if own.is_empty() {
        order::query(&mut resolved.body, &resolved.vars, &mut own);
    }
    hoist::query(&mut resolved.body, &mut resolved.vars);
    if !own.has_errors() {
        check::query(&resolved, modules, &mut own);
    }
    captured::strip_query(&mut resolved);
    if !own.has_errors() {
        comprehension_index::query(&mut resolved.body, &resolved.vars);
    }
    let whole = !own.has_errors();
    found.extend(own);
    whole.then_some(resolved)
}

fn check_head(rule: &ast::Rule, guards_roots: bool, found: &mut Diagnostics) {
    let ast::TermKind::Var(name) = &rule.head.reference.head.kind else { return };
    if guards_roots && matches!(name.text.as_str(), "input" | "data") {
        found.push(
            Diagnostic::error(COMPILE_ERROR, format!("rules must not shadow `{}`", name.text))
                .at(rule.head.span)
                .help("use a different rule name"),
        );
    }
    if rule.default {
        let value = match &rule.head.kind {
            HeadKind::Value { value, .. } => value.as_ref(),
            HeadKind::Contains { key } => Some(key),
        };
        if let Some(value) = value
            && let Some(what) = not_constant(value)
        {
            let message = format!("illegal default rule (value cannot contain {what})");
            found.push(Diagnostic::error("rego_parse_error", message).at(value.span));
        }
    }
}

fn not_constant(term: &ast::Term) -> Option<&'static str> {
    match &term.kind {
        ast::TermKind::Var(_) => Some("var"),
        ast::TermKind::Ref(_) => Some("ref"),
        ast::TermKind::Call(_) => Some("call"),
        ast::TermKind::Array(items) | ast::TermKind::Set(items) => items.iter().find_map(not_constant),
        ast::TermKind::Object(pairs) => {
            pairs.iter().find_map(|(key, value)| not_constant(key).or_else(|| not_constant(value)))
        }
        _ => None,
    }
}

fn report_unused_imports(module: &Module, used: &HashSet<usize>, found: &mut Diagnostics) {
    for (index, import) in module.imports.iter().enumerate() {
        let from_document = import.path.first().is_some_and(|root| matches!(root.text.as_str(), "input" | "data"));
        if from_document && !used.contains(&index) {
            let path: Vec<_> = import.path.iter().map(|name| name.text.as_str()).collect();
            let message = format!("import `{}` unused", path.join("."));
            found.push(Diagnostic::error(COMPILE_ERROR, message).at(import.span));
        }
    }
}

/// The paths that `entrypoint: true` annotations name.
fn entrypoints(modules: &[Module], all: &Declarations<'_>) -> Vec<Vec<Arc<str>>> {
    let mut paths = Vec::new();
    for (module, package) in modules.iter().zip(&all.packages) {
        for annotations in &module.annotations {
            let marked = annotations
                .yaml
                .lines()
                .any(|line| line.split('#').next().unwrap_or("").trim_end() == "entrypoint: true");
            let path = match annotations.target {
                _ if !marked => continue,
                ast::AnnotationTarget::Package => package.clone(),
                ast::AnnotationTarget::Import => continue,
                ast::AnnotationTarget::Rule(index) => {
                    let Some(rule) = module.rules.get(index) else { continue };
                    package.iter().cloned().chain(declare::names_of(rule)).collect()
                }
            };
            paths.push(path);
        }
    }
    paths.sort();
    paths.dedup();
    paths
}
