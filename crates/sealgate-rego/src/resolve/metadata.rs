//! `# METADATA` blocks: checked, as constants for `rego.metadata.rule()` and `rego.metadata.chain()`, and as the schemas that
//! hold in a rule.

mod fields;

use std::sync::Arc;

use foldhash::HashMap;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};
use serde_json::{Map, Value, json};

use crate::ast::{AnnotationTarget, Annotations, Module};
use crate::resolved::{Term, TermKind};

use super::TYPE_ERROR;
use super::declare::Path;
use crate::check::Given;
use fields::Schema;

/// The code of findings about blocks that say what they must not.
const PARSE_ERROR: &str = "rego_parse_error";

/// The `# METADATA` blocks of all modules.
#[derive(Debug)]
pub(super) struct Metadata<'a> {
    packages: &'a [Path],
    /// In the order written.
    blocks: Vec<Block>,
    /// Those before a rule of a module.
    of_rule: HashMap<(usize, usize), Vec<usize>>,
    /// The others.
    of_path: HashMap<(Scope, Path), usize>,
}

/// The rule that asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Its module.
    pub(super) module: usize,
    /// Its position in the module; none of an `else`, which no block stands before.
    pub(super) rule: Option<usize>,
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
    schemas: Vec<Schema>,
    span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    Rule,
    Document,
    Package,
    Subpackages,
}

impl<'a> Metadata<'a> {
    /// Reads the blocks of all modules and says what is wrong with them.
    pub(super) fn read(modules: &[Module], packages: &'a [Path], found: &mut Diagnostics) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        for (index, (module, package)) in modules.iter().zip(packages).enumerate() {
            for block in &module.annotations {
                match read(block, index, module, package) {
                    Ok(block) => blocks.push(block),
                    Err(message) => found.push(Diagnostic::error(PARSE_ERROR, message).at(block.span)),
                }
            }
        }
        let mut all = Self { packages, blocks: Vec::new(), of_rule: HashMap::default(), of_path: HashMap::default() };
        for block in blocks {
            let at = all.blocks.len();
            if let (Scope::Rule, Some(rule)) = (block.scope, block.rule) {
                all.of_rule.entry((block.module, rule)).or_default().push(at);
            } else if let Some(first) = all.of_path.insert((block.scope, block.path.clone()), at) {
                let message = format!("{} annotation redeclared", block.scope.name());
                let finding = Diagnostic::error(TYPE_ERROR, message).at(block.span);
                let first = all.blocks.get(first).map_or(block.span, |first| first.span);
                found.push(finding.label(first, "declared here too"));
            }
            for error in block.schemas.iter().filter_map(|schema| schema.as_ref().err()) {
                found.push(Diagnostic::error(TYPE_ERROR, error).at(block.span));
            }
            all.blocks.push(block);
        }
        all
    }

    /// Whether there is nothing to say of schemas.
    pub(super) fn has_schemas(&self) -> bool {
        self.blocks.iter().any(|block| !block.schemas.is_empty())
    }

    /// What `rego.metadata.rule()` gives in a rule.
    pub(super) fn rule(&self, asker: &Asker, span: Span) -> Term {
        let own = self.of_rule(asker).next();
        own.map_or_else(|| constant(&json!({}), span), |block| constant(&block.annotations, span))
    }

    /// The schemas that hold in a rule, those of the outermost scope first.
    pub(super) fn schemas(&self, asker: &Asker) -> Vec<Given> {
        let package = self.packages.get(asker.module).map_or(&[][..], Vec::as_slice);
        let outer = (0..=package.len()).filter_map(|len| self.of_path(Scope::Subpackages, package.get(..len)?));
        let outer =
            outer.chain(self.of_path(Scope::Package, package)).chain(self.of_path(Scope::Document, &asker.path));
        outer.chain(self.of_rule(asker)).flat_map(|block| &block.schemas).flatten().cloned().collect()
    }

    /// What `rego.metadata.chain()` gives in a rule.
    pub(super) fn chain(&self, asker: &Asker, span: Span) -> Term {
        let package = self.packages.get(asker.module).map_or(&[][..], Vec::as_slice);
        let mut links: Vec<Value> = self.of_rule(asker).rev().map(Block::link).collect();
        if links.is_empty() {
            links.push(json!({ "path": texts(&asker.path) }));
        }
        let of_path = |scope, path| self.of_path(scope, path).map(Block::link);
        links.extend(of_path(Scope::Document, &asker.path));
        links.extend(of_path(Scope::Package, package));
        for len in (1..=package.len()).rev() {
            links.extend(package.get(..len).and_then(|path| of_path(Scope::Subpackages, path)));
        }
        constant(&Value::Array(links), span)
    }

    /// The blocks before a rule, in the order written.
    fn of_rule(&self, asker: &Asker) -> impl DoubleEndedIterator<Item = &Block> {
        let blocks = asker.rule.and_then(|rule| self.of_rule.get(&(asker.module, rule)));
        blocks.into_iter().flatten().filter_map(|at| self.blocks.get(*at))
    }

    /// The block of a scope for a path.
    fn of_path(&self, scope: Scope, path: &[Arc<str>]) -> Option<&Block> {
        self.blocks.get(*self.of_path.get(&(scope, path.to_vec()))?)
    }
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Document => "document",
            Self::Package => "package",
            Self::Subpackages => "subpackages",
        }
    }
}

impl Block {
    fn link(&self) -> Value {
        json!({ "path": texts(&self.path), "annotations": self.annotations })
    }
}

fn texts(path: &[Arc<str>]) -> Vec<&str> {
    path.iter().map(|key| &**key).collect()
}

fn read(block: &Annotations, index: usize, module: &Module, package: &Path) -> Result<Block, String> {
    let yaml: Value = serde_saphyr::from_str(&block.yaml).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        format!("the metadata block is no YAML: {}", first.strip_prefix("error: ").unwrap_or(first))
    })?;
    let fields = match yaml {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err("a metadata block must be a mapping".to_owned()),
    };
    let schemas = fields::check(&fields)?;
    let entrypoint = fields.get("entrypoint") == Some(&Value::Bool(true));
    let (rule, default) = match block.target {
        AnnotationTarget::Package => (None, Scope::Package),
        AnnotationTarget::Rule(rule) if entrypoint => (Some(rule), Scope::Document),
        AnnotationTarget::Rule(rule) => (Some(rule), Scope::Rule),
        AnnotationTarget::Import => {
            return Err("a metadata block must stand before a rule or the package, not before an import".to_owned());
        }
    };
    let scope = match fields.get("scope").and_then(Value::as_str) {
        None | Some("") => default,
        Some("rule") => Scope::Rule,
        Some("document") => Scope::Document,
        Some("package") => Scope::Package,
        Some("subpackages") => Scope::Subpackages,
        Some(other) => return Err(format!("invalid metadata scope `{other}`")),
    };
    match (scope, rule) {
        (Scope::Rule | Scope::Document, None) => {
            return Err(format!("annotation scope `{}` must be applied to a rule", scope.name()));
        }
        (Scope::Package | Scope::Subpackages, Some(_)) => {
            return Err(format!("annotation scope `{}` must be applied to a package", scope.name()));
        }
        _ => {}
    }
    if entrypoint && !matches!(scope, Scope::Document | Scope::Package) {
        return Err(format!("`entrypoint` cannot go with the scope `{}`", scope.name()));
    }
    let mut path = package.clone();
    if let (Some(rule), Scope::Rule | Scope::Document) = (rule.and_then(|rule| module.rules.get(rule)), scope) {
        path.extend(super::declare::names_of(rule));
    }
    let annotations = annotations(&fields, scope);
    Ok(Block { scope, module: index, rule, path, annotations, schemas, span: block.span })
}

/// The fields as OPA shows them: empty ones left out, authors and resources as objects.
fn annotations(fields: &Map<String, Value>, scope: Scope) -> Value {
    let mut shown = Map::new();
    shown.insert("scope".to_owned(), scope.name().into());
    for key in ["title", "description", "entrypoint", "organizations", "labels", "custom"] {
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
        if let Some(Value::Array(items)) = fields.get(key)
            && !items.is_empty()
        {
            shown.insert(key.to_owned(), items.iter().map(show).collect());
        }
    }
    if let Some(Value::Array(pairs)) = fields.get("schemas")
        && !pairs.is_empty()
    {
        let pairs = pairs.iter().filter_map(|pair| pair.as_object()?.iter().next());
        shown.insert("schemas".to_owned(), pairs.map(|(path, schema)| schema_of(path, schema)).collect());
    }
    Value::Object(shown)
}

/// The schema of a document, by its name or as written, with references as lists of their parts.
fn schema_of(path: &str, schema: &Value) -> Value {
    let path = fields::parts(path);
    match schema {
        Value::String(name) => json!({ "path": path, "schema": fields::parts(name) }),
        other => json!({ "path": path, "definition": other }),
    }
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
