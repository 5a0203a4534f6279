//! `rego.metadata.rule()` and `rego.metadata.chain()`: `# METADATA` blocks as constants.
//!
//! The blocks are read when the first call asks for them. `schemas` are left out.

use std::cell::OnceCell;
use std::sync::Arc;

use sealgate_diagnostics::Span;
use serde_json::{Map, Value, json};

use crate::ast::{AnnotationTarget, Annotations, Module};
use crate::resolved::{Term, TermKind};

use super::declare::Path;

/// The `# METADATA` blocks of all modules.
#[derive(Debug)]
pub(super) struct Metadata<'a> {
    modules: &'a [Module],
    packages: &'a [Path],
    blocks: OnceCell<Result<Vec<Block>, (Span, String)>>,
}

/// The rule that asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Its module.
    pub(super) module: usize,
    /// Its position in the module.
    pub(super) rule: usize,
    /// The document's path and the names below it.
    pub(super) path: Path,
}

#[derive(Debug)]
struct Block {
    scope: Scope,
    module: usize,
    /// The rule that follows the block.
    rule: Option<usize>,
    path: Path,
    annotations: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Rule,
    Document,
    Package,
    Subpackages,
}

impl<'a> Metadata<'a> {
    pub(super) fn new(modules: &'a [Module], packages: &'a [Path]) -> Self {
        Self { modules, packages, blocks: OnceCell::new() }
    }

    /// What `rego.metadata.rule()` gives in a rule, or what is wrong with a block and where.
    pub(super) fn rule(&self, asker: &Asker, span: Span) -> Result<Term, (Span, String)> {
        let own = self.blocks()?.iter().find(|block| block.is_of(asker));
        Ok(own.map_or_else(|| constant(&json!({}), span), |block| constant(&block.annotations, span)))
    }

    /// What `rego.metadata.chain()` gives in a rule, or what is wrong with a block and where.
    pub(super) fn chain(&self, asker: &Asker, span: Span) -> Result<Term, (Span, String)> {
        let blocks = self.blocks()?;
        let package = self.packages.get(asker.module).map_or(&[][..], Vec::as_slice);
        let mut links: Vec<Value> = blocks.iter().rev().filter(|block| block.is_of(asker)).map(Block::link).collect();
        if links.is_empty() {
            links.push(json!({ "path": texts(&asker.path) }));
        }
        let of_path = |scope, path: &[Arc<str>]| {
            blocks.iter().find(move |block| block.scope == scope && block.path == path).map(Block::link)
        };
        links.extend(of_path(Scope::Document, &asker.path));
        links.extend(of_path(Scope::Package, package));
        for len in (1..=package.len()).rev() {
            links.extend(package.get(..len).and_then(|path| of_path(Scope::Subpackages, path)));
        }
        Ok(constant(&Value::Array(links), span))
    }

    fn blocks(&self) -> Result<&[Block], (Span, String)> {
        let blocks = self.blocks.get_or_init(|| {
            let mut blocks = Vec::new();
            for (index, (module, package)) in self.modules.iter().zip(self.packages).enumerate() {
                for block in &module.annotations {
                    blocks.extend(read(block, index, module, package).map_err(|error| (block.span, error))?);
                }
            }
            Ok(blocks)
        });
        blocks.as_deref().map_err(Clone::clone)
    }
}

impl Block {
    fn is_of(&self, asker: &Asker) -> bool {
        self.scope == Scope::Rule && self.module == asker.module && self.rule == Some(asker.rule)
    }

    fn link(&self) -> Value {
        json!({ "path": texts(&self.path), "annotations": self.annotations })
    }
}

fn texts(path: &[Arc<str>]) -> Vec<&str> {
    path.iter().map(|key| &**key).collect()
}

fn read(block: &Annotations, index: usize, module: &Module, package: &Path) -> Result<Option<Block>, String> {
    let yaml: Value = serde_saphyr::from_str(&block.yaml).map_err(|error| error.to_string())?;
    let Value::Object(fields) = yaml else { return Err("a metadata block must be a mapping".to_owned()) };
    let entrypoint = fields.get("entrypoint") == Some(&Value::Bool(true));
    let (rule, default) = match block.target {
        AnnotationTarget::Package => (None, Scope::Package),
        AnnotationTarget::Rule(rule) if entrypoint => (Some(rule), Scope::Document),
        AnnotationTarget::Rule(rule) => (Some(rule), Scope::Rule),
        AnnotationTarget::Import => return Ok(None),
    };
    let scope = match fields.get("scope").and_then(Value::as_str) {
        None => default,
        Some("rule") => Scope::Rule,
        Some("document") => Scope::Document,
        Some("package") => Scope::Package,
        Some("subpackages") => Scope::Subpackages,
        Some(other) => return Err(format!("invalid metadata scope `{other}`")),
    };
    let mut path = package.clone();
    if let (Some(rule), Scope::Rule | Scope::Document) = (rule.and_then(|rule| module.rules.get(rule)), scope) {
        path.extend(super::declare::names_of(rule));
    }
    Ok(Some(Block { scope, module: index, rule, path, annotations: annotations(&fields, scope) }))
}

/// The fields as OPA shows them: empty ones left out, authors and resources as objects.
fn annotations(fields: &Map<String, Value>, scope: Scope) -> Value {
    let name = match scope {
        Scope::Rule => "rule",
        Scope::Document => "document",
        Scope::Package => "package",
        Scope::Subpackages => "subpackages",
    };
    let mut shown = Map::new();
    shown.insert("scope".to_owned(), name.into());
    for key in ["title", "description", "entrypoint", "organizations", "custom"] {
        let Some(value) = fields.get(key) else { continue };
        let empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Bool(true) | Value::Number(_) => false,
        };
        if !empty {
            shown.insert(key.to_owned(), value.clone());
        }
    }
    for (key, show) in [("authors", author as fn(&Value) -> Value), ("related_resources", resource)] {
        if let Some(Value::Array(items)) = fields.get(key) {
            shown.insert(key.to_owned(), items.iter().map(show).collect());
        }
    }
    Value::Object(shown)
}

/// `Jane Doe <jane@example.com>` as name and email.
fn author(author: &Value) -> Value {
    let Value::String(text) = author else { return author.clone() };
    let (name, email) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, email)) => (name.trim(), email.trim()),
        None => (text.trim(), ""),
    };
    let mut shown = Map::new();
    for (key, value) in [("name", name), ("email", email)] {
        if !value.is_empty() {
            shown.insert(key.to_owned(), value.into());
        }
    }
    Value::Object(shown)
}

fn resource(resource: &Value) -> Value {
    match resource {
        Value::String(text) => json!({ "ref": text }),
        other => other.clone(),
    }
}

fn constant(value: &Value, span: Span) -> Term {
    let kind = match value {
        Value::Null => TermKind::Null,
        Value::Bool(value) => TermKind::Bool(*value),
        Value::Number(number) => TermKind::Number(Arc::from(number.to_string())),
        Value::String(text) => TermKind::String(Arc::from(text.as_str())),
        Value::Array(items) => TermKind::Array(items.iter().map(|item| constant(item, span)).collect()),
        Value::Object(members) => {
            let key = |key: &String| Term { kind: TermKind::String(Arc::from(key.as_str())), span };
            TermKind::Object(members.iter().map(|(name, value)| (key(name), constant(value, span))).collect())
        }
    };
    Term { kind, span }
}
