//! A schema document to subschemas: every keyword checked, every reference followed once.

use std::collections::BTreeMap;

use super::keywords::{get, invalid, is_schema, string, wrong};
use super::model::{Schema, Sub, SubId};
use super::reference::{self, follow, split};
use super::{MAX_DEPTH, MAX_SCHEMAS, SchemaError};
use crate::deadline::Deadline;
use crate::value::Value;

/// Which draft's keywords count. A schema that does not say takes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    Any,
}

impl Schema {
    pub(super) fn compile(document: &Value, deadline: Deadline) -> Result<Self, SchemaError> {
        let draft = draft(document)?;
        let mut document = document.clone();
        let mut pool = BTreeMap::new();
        absolute(&mut document, "", &mut Vec::new(), &mut pool)?;
        let mut compiler = Compiler {
            document: &document,
            pool,
            subs: Vec::new(),
            references: BTreeMap::new(),
            draft,
            depth: 0,
            deadline,
        };
        let root = compiler.sub(&document)?;
        Ok(Self { subs: compiler.subs, root })
    }
}

fn draft(document: &Value) -> Result<Draft, SchemaError> {
    let Value::Object(keywords) = document else {
        return match document {
            Value::Bool(_) => Ok(Draft::Any),
            _ => Err(wrong("schema is invalid")),
        };
    };
    let named = match keywords.get(&Value::from("$schema")) {
        None => return Ok(Draft::Any),
        Some(Value::String(uri)) => uri,
        Some(_) => return Err(wrong("$schema must be of type string")),
    };
    reference::check(named)?;
    Ok(match named.strip_suffix('#').unwrap_or(named) {
        "http://json-schema.org/draft-04/schema" => Draft::Four,
        "http://json-schema.org/draft-06/schema" => Draft::Six,
        "http://json-schema.org/draft-07/schema" => Draft::Seven,
        _ => Draft::Any,
    })
}

/// A step from a document to a part of it.
#[derive(Debug, Clone)]
enum Step {
    Member(Value),
    Item(usize),
}

/// Makes every reference absolute, and notes which parts have URIs.
fn absolute(
    node: &mut Value,
    base: &str,
    path: &mut Vec<Step>,
    pool: &mut BTreeMap<String, Vec<Step>>,
) -> Result<(), SchemaError> {
    if path.len() > 2 * MAX_DEPTH {
        return Err(SchemaError::Halt("the schema is nested too deeply"));
    }
    match node {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(Step::Item(index));
                absolute(item, base, path, pool)?;
                path.pop();
            }
        }
        Value::Object(keywords) => {
            let mut base = base.to_owned();
            let id = keywords.get(&Value::from("id")).or_else(|| keywords.get(&Value::from("$id")));
            if let Some(Ok(uri)) = id.and_then(Value::as_str).map(|id| reference::resolve(&base, id)) {
                if pool.insert(uri.clone(), path.clone()).is_some() {
                    return Err(wrong(format!("Reference already exists: \"{uri}\"")));
                }
                base = uri;
            }
            if let Some(Value::String(target)) = keywords.get_mut(&Value::from("$ref"))
                && let Ok(uri) = reference::resolve(&base, target)
            {
                *target = uri;
            }
            for (key, value) in keywords {
                path.push(Step::Member(key.clone()));
                match key.as_str() {
                    Some("const" | "enum") => {}
                    // Their keys are names, not keywords.
                    Some("properties" | "dependencies" | "patternProperties") => {
                        if let Value::Object(children) = value {
                            for (name, child) in children {
                                path.push(Step::Member(name.clone()));
                                absolute(child, &base, path, pool)?;
                                path.pop();
                            }
                        }
                    }
                    _ => absolute(value, &base, path, pool)?,
                }
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

pub(super) struct Compiler<'a> {
    document: &'a Value,
    pool: BTreeMap<String, Vec<Step>>,
    subs: Vec<Sub>,
    /// Followed references.
    references: BTreeMap<String, SubId>,
    pub(super) draft: Draft,
    depth: usize,
    deadline: Deadline,
}

impl<'a> Compiler<'a> {
    pub(super) fn sub(&mut self, node: &'a Value) -> Result<SubId, SchemaError> {
        let id = self.reserve()?;
        self.fill(id, node)
    }

    fn reserve(&mut self) -> Result<SubId, SchemaError> {
        if self.subs.len() >= MAX_SCHEMAS {
            return Err(SchemaError::Halt("the schema has too many subschemas"));
        }
        // Every one may have a regular expression, which takes far longer than to look at the clock.
        self.deadline.check().map_err(|_| SchemaError::Timeout)?;
        self.subs.push(Sub::default());
        Ok(SubId(self.subs.len() - 1))
    }

    fn fill(&mut self, id: SubId, node: &'a Value) -> Result<SubId, SchemaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SchemaError::Halt("the schema is nested too deeply"));
        }
        let sub = self.read(node)?;
        self.depth -= 1;
        if let Some(place) = self.subs.get_mut(id.0) {
            *place = sub;
        }
        Ok(id)
    }

    fn read(&mut self, node: &'a Value) -> Result<Sub, SchemaError> {
        let mut sub = Sub::default();
        let keywords = match node {
            Value::Bool(pass) if self.draft >= Draft::Six => {
                sub.pass = Some(*pass);
                return Ok(sub);
            }
            Value::Object(keywords) => keywords,
            _ => return Err(wrong("Expected: Valid Schema, given: Invalid JSON")),
        };
        let id = match self.draft {
            Draft::Four => "id",
            Draft::Any if get(keywords, "id").is_some() => "id",
            _ => "$id",
        };
        if let Some(id) = string(keywords, id)? {
            reference::check(id)?;
        }
        match get(keywords, "definitions") {
            None => {}
            Some(Value::Object(definitions)) => {
                for definition in definitions.values() {
                    if !is_schema(definition) {
                        return Err(invalid("Array Of Schemas", "definitions"));
                    }
                    self.sub(definition)?;
                }
            }
            Some(_) => return Err(invalid("Array Of Schemas", "definitions")),
        }
        string(keywords, "title")?;
        string(keywords, "description")?;
        if let Some(target) = string(keywords, "$ref")? {
            reference::check(target)?;
            let target = target.strip_suffix('#').unwrap_or(target);
            match self.references.get(target) {
                Some(known) => sub.reference = Some(*known),
                None => {
                    sub.reference = Some(self.follow(target)?);
                    return Ok(sub);
                }
            }
        }
        self.read_types(keywords, &mut sub)?;
        self.read_objects(keywords, &mut sub)?;
        self.read_items(keywords, &mut sub)?;
        self.read_numbers(keywords, &mut sub)?;
        self.read_sizes(keywords, &mut sub)?;
        self.read_combinations(keywords, &mut sub)?;
        Ok(sub)
    }

    fn follow(&mut self, target: &str) -> Result<SubId, SchemaError> {
        let id = self.reserve()?;
        self.references.insert(target.to_owned(), id);
        let node = self.find(target)?;
        if !is_schema(node) {
            return Err(wrong("Valid Schema must be of type object"));
        }
        self.fill(id, node)
    }

    fn find(&self, target: &str) -> Result<&'a Value, SchemaError> {
        if let Some(path) = self.pool.get(target).filter(|_| !target.is_empty()) {
            return Ok(self.walk(path));
        }
        let (document, fragment) = split(target);
        let document = match self.pool.get(document) {
            Some(path) if !document.is_empty() => self.walk(path),
            _ if document.is_empty() => self.document,
            _ if !reference::is_absolute(target) => {
                return Err(wrong(format!("Reference {target} must be canonical")));
            }
            _ => return Err(wrong(format!("remote reference loading disabled: {target}"))),
        };
        follow(document, fragment)
    }

    fn walk(&self, path: &[Step]) -> &'a Value {
        path.iter().fold(self.document, |node, step| {
            let found = match (node, step) {
                (Value::Object(members), Step::Member(key)) => members.get(key),
                (Value::Array(items), Step::Item(index)) => items.get(*index),
                _ => None,
            };
            // The path was noted on the way through this document.
            found.unwrap_or(node)
        })
    }
}
