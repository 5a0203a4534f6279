//! JSON Schema as types, and what schemas say of `input` and `data` as a layer over what is known.
//!
//! Of a schema the checker takes in `type`, `properties`, `items`, `anyOf`, `allOf` and references to definitions in the same
//! schema, which must be there; a reference back into what it is part of, or out of the schema, can be anything. Everything
//! else constrains values, not types.

use serde_json::{Map, Value};

use crate::resolved::RefHead;
use crate::types::{Constant, Type};

use super::env::{Layers, TypeTree};

/// How deeply schemas may nest.
const MAX_DEPTH: usize = 64;
/// How many schemas one schema may lead to.
const MAX_SCHEMAS: usize = 1 << 14;
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What a schema says of a document.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// `input` or `data`.
    pub(crate) head: RefHead,
    /// The names below it.
    pub(crate) path: Vec<Constant>,
    /// The type there.
    pub(crate) of: Type,
}

/// A layer that says what schemas say, in the order given.
pub(super) fn layer(given: &[Given], base: &TypeTree) -> TypeTree {
    let mut layer = TypeTree::default();
    for Given { head, path, of } in given {
        if path.is_empty() {
            layer.put(*head, path, of.clone());
            continue;
        }
        let own = std::sync::Arc::new(layer.clone());
        let whole = Layers { base: Some(base), over: vec![own] }.at_names(*head, &[]);
        layer.put(*head, &[], with(whole.as_ref(), path, of));
    }
    layer
}

/// A type in which another one lies at a path.
fn with(of: Option<&Type>, path: &[Constant], leaf: &Type) -> Type {
    let Some((key, below)) = path.split_first() else { return leaf.clone() };
    let anything = || Some((Some(Type::Any), Some(Type::Any)));
    let Some(Type::Object(object)) = of else {
        let inner = if below.is_empty() { leaf.clone() } else { with(None, below, leaf) };
        return Type::object(vec![(key.clone(), Some(inner))], anything());
    };
    let mut fixed = object.fixed.clone();
    match fixed.iter_mut().find(|(known, _)| known == key) {
        Some((_, value)) => *value = Some(with(value.as_ref(), below, leaf)),
        None => fixed.push((key.clone(), Some(with(None, below, leaf)))),
    }
    Type::object(fixed, object.rest.clone())
}

/// The type that a schema describes.
///
/// # Errors
/// What is wrong with the schema.
pub(crate) fn type_of(schema: &Value) -> Result<Type, String> {
    let mut reader = Reader { root: schema, open: Vec::new(), read: 0 };
    reader.check(schema, 0)?;
    reader.read = 0;
    reader.schema(schema, 0)
}

struct Reader<'a> {
    root: &'a Value,
    /// The references that are being followed.
    open: Vec<&'a str>,
    read: usize,
}

/// The parts of a schema that say what type it is of.
#[derive(Clone, Debug, Default)]
struct Shape<'a> {
    types: Vec<&'a str>,
    properties: Vec<(&'a str, &'a Value)>,
    items: Items<'a>,
}

#[derive(Clone, Debug, Default)]
enum Items<'a> {
    #[default]
    Unsaid,
    All(&'a Value),
    Each(Vec<&'a Value>),
}

impl<'a> Reader<'a> {
    fn step(&mut self, depth: usize) -> Result<(), String> {
        self.read += 1;
        if depth > MAX_DEPTH || self.read > MAX_SCHEMAS {
            return Err("the schema is too large".to_owned());
        }
        Ok(())
    }

    /// Refuses what is no schema.
    fn check(&mut self, schema: &'a Value, depth: usize) -> Result<(), String> {
        self.step(depth)?;
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(_) => return Ok(()),
            _ => return Err("a schema must be a mapping".to_owned()),
        };
        match members.get("type") {
            None => {}
            Some(Value::String(name)) => known_type(name)?,
            Some(Value::Array(names)) => {
                for name in names {
                    known_type(name.as_str().ok_or("`type` must name types")?)?;
                }
            }
            Some(_) => return Err("`type` must name a type or several".to_owned()),
        }
        for key in ["properties", "definitions", "$defs"] {
            match members.get(key) {
                None => {}
                Some(Value::Object(schemas)) => {
                    schemas.values().try_for_each(|schema| self.check(schema, depth + 1))?;
                }
                Some(_) => return Err(format!("`{key}` must be a mapping")),
            }
        }
        for key in ["anyOf", "allOf", "oneOf"] {
            match members.get(key) {
                None => {}
                Some(Value::Array(schemas)) if !schemas.is_empty() => {
                    schemas.iter().try_for_each(|schema| self.check(schema, depth + 1))?;
                }
                Some(_) => return Err(format!("`{key}` must be a list of schemas")),
            }
        }
        match members.get("items") {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(Value::Array(schemas)) => schemas.iter().try_for_each(|schema| self.check(schema, depth + 1)),
            Some(schema @ Value::Object(_)) => self.check(schema, depth + 1),
            Some(_) => Err("`items` must be a schema or a list of them".to_owned()),
        }
    }

    fn schema(&mut self, schema: &'a Value, depth: usize) -> Result<Type, String> {
        self.step(depth)?;
        let Value::Object(members) = schema else { return Ok(Type::Any) };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            if self.open.contains(&reference) {
                return Ok(Type::Any);
            }
            let Some(target) = self.referred(reference)? else { return Ok(Type::Any) };
            self.open.push(reference);
            let of = self.schema(target, depth + 1);
            self.open.pop();
            return of;
        }
        if let Some(Value::Array(alternatives)) = members.get("anyOf") {
            return self.any_of(members, alternatives, depth);
        }
        if let Some(Value::Array(parts)) = members.get("allOf") {
            return self.all_of(members, parts, depth);
        }
        self.shape(&Shape::of(members), depth)
    }

    fn any_of(
        &mut self,
        members: &'a Map<String, Value>,
        alternatives: &'a [Value],
        depth: usize,
    ) -> Result<Type, String> {
        let own = Shape::of(members);
        let mut union = None;
        if !own.types.is_empty() {
            let core = self.shape(&own, depth)?;
            if matches!(&core, Type::Object(object) if object.rest.is_none()) {
                union = Some(core);
            }
        }
        for alternative in alternatives {
            union = Type::or(Some(self.schema(alternative, depth + 1)?), union);
        }
        Ok(union.unwrap_or(Type::Any))
    }

    fn all_of(&mut self, members: &'a Map<String, Value>, parts: &'a [Value], depth: usize) -> Result<Type, String> {
        let mut merged: Option<Shape<'a>> = None;
        for part in parts {
            let Some(part) = self.target(part)? else { continue };
            let shape = Shape::of(part);
            let plain = shape.types.is_empty() && shape.properties.is_empty() && matches!(shape.items, Items::Unsaid);
            if plain && part.contains_key("anyOf") {
                continue;
            }
            merged = Some(match merged {
                None => shape.settled(),
                Some(merged) => merged.merge(shape.settled())?,
            });
        }
        let Some(mut merged) = merged else { return Ok(Type::Any) };
        let own = Shape::of(members);
        if !own.types.is_empty() {
            let both = |name| own.types.contains(&name) && merged.types.contains(&name);
            if both("object") || both("array") {
                merged = merged.merge(own.settled())?;
            } else if own.types != merged.types {
                return Err("the schemas of `allOf` cannot be merged".to_owned());
            }
        }
        self.shape(&merged, depth)
    }

    /// A schema's members, references followed.
    fn target(&self, schema: &'a Value) -> Result<Option<&'a Map<String, Value>>, String> {
        let Some(mut members) = schema.as_object() else { return Ok(None) };
        for _ in 0..MAX_DEPTH {
            let Some(reference) = members.get("$ref").and_then(Value::as_str) else { return Ok(Some(members)) };
            match self.referred(reference)?.and_then(Value::as_object) {
                Some(referred) => members = referred,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The schema that a reference leads to; none where it leads out of this one, or is spelled so that it may.
    fn referred(&self, reference: &str) -> Result<Option<&'a Value>, String> {
        match reference.strip_prefix('#') {
            Some(pointer) if pointer.contains('%') => Ok(None),
            Some(pointer) if pointer.starts_with('/') => match self.root.pointer(pointer) {
                Some(referred) => Ok(Some(referred)),
                None => Err(format!("the reference `{reference}` leads to nothing")),
            },
            Some(_) => Ok(Some(self.root)),
            None if reference.contains("://") || ["$id", "id"].iter().any(|key| self.root.get(key).is_some()) => {
                Ok(None)
            }
            None => Err(format!("the reference `{reference}` must begin with `#`, or be a whole URL")),
        }
    }

    fn shape(&mut self, shape: &Shape<'a>, depth: usize) -> Result<Type, String> {
        let shape = shape.clone().settled();
        let is = |name| shape.types.contains(&name);
        if is("boolean") {
            return Ok(Type::Boolean);
        }
        if is("string") {
            return Ok(Type::String);
        }
        if is("integer") || is("number") {
            return Ok(Type::Number);
        }
        if is("object") {
            if shape.properties.is_empty() {
                return Ok(Type::any_object());
            }
            let mut fixed: Vec<(Constant, Option<Type>)> = Vec::with_capacity(shape.properties.len());
            for (name, schema) in shape.properties {
                let key = Constant::String(name.into());
                let of = self.schema(schema, depth + 1)?;
                match fixed.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => *known = Some(of),
                    None => fixed.push((key, Some(of))),
                }
            }
            return Ok(Type::object(fixed, None));
        }
        if is("array") {
            return Ok(match shape.items {
                Items::Unsaid => Type::array(Vec::new(), Some(Type::Any)),
                Items::All(schema) => Type::array(Vec::new(), Some(self.schema(schema, depth + 1)?)),
                Items::Each(schemas) => {
                    let schemas = schemas.into_iter().map(|schema| self.schema(schema, depth + 1).map(Some));
                    Type::array(schemas.collect::<Result<_, _>>()?, None)
                }
            });
        }
        Ok(Type::Any)
    }
}

impl<'a> Shape<'a> {
    fn of(members: &'a Map<String, Value>) -> Self {
        let types = match members.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let properties = match members.get("properties") {
            Some(Value::Object(properties)) => {
                properties.iter().map(|(name, schema)| (name.as_str(), schema)).collect()
            }
            _ => Vec::new(),
        };
        let items = match members.get("items") {
            Some(Value::Array(schemas)) if !schemas.is_empty() => Items::Each(schemas.iter().collect()),
            Some(schema @ Value::Object(_)) => Items::All(schema),
            _ => Items::Unsaid,
        };
        Self { types, properties, items }
    }

    /// Names the type that properties or items ask for.
    fn settled(mut self) -> Self {
        if !self.properties.is_empty() {
            if !self.types.contains(&"object") {
                self.types.push("object");
            }
        } else if !matches!(self.items, Items::Unsaid) && !self.types.contains(&"array") {
            self.types.push("array");
        }
        self
    }

    fn merge(mut self, other: Self) -> Result<Self, String> {
        if self.types != other.types {
            let message = "schemas of types `{}` and `{}` cannot be merged";
            return Err(message.replacen("{}", &self.types.join(","), 1).replacen("{}", &other.types.join(","), 1));
        }
        if self.types.contains(&"object") && !self.properties.is_empty() {
            self.properties.extend(other.properties);
        } else if let (Items::Each(own), Items::Each(others)) = (&mut self.items, other.items) {
            let more = others.into_iter().skip(own.len());
            own.extend(more);
        }
        Ok(self)
    }
}

fn known_type(name: &str) -> Result<(), String> {
    if TYPES.contains(&name) { Ok(()) } else { Err(format!("unknown type `{name}` in a schema")) }
}
