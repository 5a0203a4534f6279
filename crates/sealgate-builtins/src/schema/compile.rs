//! A schema document to subschemas: every keyword checked, every reference followed once.

use std::collections::BTreeMap;

use regex::Regex;

use super::reference::{self, follow, split};
use super::{MAX_DEPTH, MAX_SCHEMAS, SchemaError};
use crate::deadline::Deadline;
use crate::json;
use crate::number::Number;
use crate::pattern;
use crate::value::Value;

/// A subschema by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SubId(usize);

/// A schema that documents can be held against.
#[derive(Debug)]
pub(super) struct Schema {
    subs: Vec<Sub>,
    pub(super) root: SubId,
}

/// What one subschema asks for.
#[derive(Debug, Default)]
pub(super) struct Sub {
    /// `true` or `false` instead of a schema.
    pub(super) pass: Option<bool>,
    /// What is asked instead of all else.
    pub(super) reference: Option<SubId>,
    pub(super) types: Vec<&'static str>,
    pub(super) properties: Vec<(String, SubId)>,
    pub(super) pattern_properties: Vec<(Regex, SubId)>,
    pub(super) additional_properties: Option<Additional>,
    pub(super) property_names: Option<SubId>,
    pub(super) dependencies: BTreeMap<String, Dependency>,
    pub(super) required: Vec<String>,
    pub(super) items: Items,
    pub(super) additional_items: Option<Additional>,
    pub(super) contains: Option<SubId>,
    pub(super) unique_items: bool,
    pub(super) multiple_of: Option<Number>,
    pub(super) minimum: Option<Number>,
    pub(super) exclusive_minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_maximum: Option<Number>,
    pub(super) length: Bounds,
    pub(super) property_count: Bounds,
    pub(super) item_count: Bounds,
    /// The pattern as written, and compiled.
    pub(super) pattern: Option<(String, Regex)>,
    pub(super) format: Option<String>,
    /// Constants as JSON with all numbers in floating point.
    pub(super) constant: Option<String>,
    pub(super) one_of_values: Option<Vec<String>>,
    pub(super) one_of: Vec<SubId>,
    pub(super) any_of: Vec<SubId>,
    pub(super) all_of: Vec<SubId>,
    pub(super) not: Option<SubId>,
    pub(super) condition: Option<SubId>,
    pub(super) then: Option<SubId>,
    pub(super) otherwise: Option<SubId>,
}

#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    Any,
    /// One schema for all.
    All(SubId),
    /// One for each place.
    Each(Vec<SubId>),
}

#[derive(Debug)]
pub(super) enum Additional {
    Allowed(bool),
    Schema(SubId),
}

#[derive(Debug)]
pub(super) enum Dependency {
    Properties(Vec<String>),
    Schema(SubId),
}

/// The least and the most of something.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

/// Which draft's keywords count. A schema that does not say takes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
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

    pub(super) fn get(&self, id: SubId) -> Option<&Sub> {
        self.subs.get(id.0)
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

struct Compiler<'a> {
    document: &'a Value,
    pool: BTreeMap<String, Vec<Step>>,
    subs: Vec<Sub>,
    /// Followed references.
    references: BTreeMap<String, SubId>,
    draft: Draft,
    depth: usize,
    deadline: Deadline,
}

type Keywords = BTreeMap<Value, Value>;

impl<'a> Compiler<'a> {
    fn sub(&mut self, node: &'a Value) -> Result<SubId, SchemaError> {
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

    fn read_types(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];
        let mut add = |name: &str| {
            let Some(known) = TYPES.iter().find(|known| **known == name) else {
                return Err(wrong(format!(
                    "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{}]",
                    TYPES.join(" ")
                )));
            };
            if sub.types.contains(known) {
                return Err(wrong(format!("{name} type is duplicated")));
            }
            sub.types.push(known);
            Ok(())
        };
        let bad = || invalid("type", "string/Array Of Strings");
        match get(keywords, "type") {
            None => Ok(()),
            Some(Value::String(name)) => add(name),
            Some(Value::Array(names)) => names.iter().try_for_each(|name| add(name.as_str().ok_or_else(bad)?)),
            Some(_) => Err(bad()),
        }
    }

    fn read_objects(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        match get(keywords, "properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, property) in properties {
                    let id = self.sub(property)?;
                    sub.properties.push((name.as_str().unwrap_or_default().to_owned(), id));
                }
            }
            Some(_) => return Err(wrong("Properties must be of type object")),
        }
        sub.additional_properties = self.additional(keywords, "additionalProperties")?;
        match get(keywords, "patternProperties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, property) in properties {
                    let name = name.as_str().unwrap_or_default();
                    let regex =
                        pattern::compile(name).ok_or_else(|| wrong(format!("Invalid regex pattern '{name}'")))?;
                    let id = self.sub(property)?;
                    sub.pattern_properties.push((regex, id));
                }
            }
            Some(_) => return Err(invalid("Valid Schema", "patternProperties")),
        }
        if self.draft >= Draft::Six
            && let Some(names) = get(keywords, "propertyNames")
        {
            if !is_schema(names) {
                return Err(invalid("Valid Schema", "patternProperties"));
            }
            sub.property_names = Some(self.sub(names)?);
        }
        let bad = || wrong("Dependency must be of type Schema Or Array Of Strings");
        match get(keywords, "dependencies") {
            None => {}
            Some(Value::Object(dependencies)) => {
                for (name, dependency) in dependencies {
                    let dependency = match dependency {
                        Value::Array(names) if names.is_empty() => continue,
                        Value::Array(names) => {
                            let names = names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(bad));
                            Dependency::Properties(names.collect::<Result<_, _>>()?)
                        }
                        schema if is_schema(schema) => Dependency::Schema(self.sub(schema)?),
                        _ => return Err(bad()),
                    };
                    sub.dependencies.insert(name.as_str().unwrap_or_default().to_owned(), dependency);
                }
            }
            Some(_) => return Err(wrong("dependencies must be of type object")),
        }
        Ok(())
    }

    fn additional(&mut self, keywords: &'a Keywords, key: &str) -> Result<Option<Additional>, SchemaError> {
        Ok(match get(keywords, key) {
            None => None,
            Some(Value::Bool(allowed)) => Some(Additional::Allowed(*allowed)),
            Some(schema @ Value::Object(_)) => Some(Additional::Schema(self.sub(schema)?)),
            Some(_) => return Err(invalid("boolean/Valid Schema", key)),
        })
    }

    fn read_items(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        let bad = || invalid("Valid Schema/Array Of Schemas", "items");
        match get(keywords, "items") {
            None => {}
            Some(Value::Array(schemas)) => {
                let mut each = Vec::with_capacity(schemas.len());
                for schema in schemas {
                    if !is_schema(schema) {
                        return Err(bad());
                    }
                    each.push(self.sub(schema)?);
                }
                sub.items = Items::Each(each);
            }
            Some(schema) if is_schema(schema) => sub.items = Items::All(self.sub(schema)?),
            Some(_) => return Err(bad()),
        }
        sub.additional_items = self.additional(keywords, "additionalItems")?;
        Ok(())
    }

    fn read_numbers(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        if let Some(value) = get(keywords, "multipleOf") {
            let number = value.as_number().ok_or_else(|| invalid("Number", "multipleOf"))?;
            if *number <= Number::from(0) {
                return Err(wrong("multipleOf must be strictly greater than 0"));
            }
            sub.multiple_of = Some(number.clone());
        }
        (sub.minimum, sub.exclusive_minimum) = self.limit(keywords, "minimum", "exclusiveMinimum")?;
        (sub.maximum, sub.exclusive_maximum) = self.limit(keywords, "maximum", "exclusiveMaximum")?;
        Ok(())
    }

    /// A limit that may be reached, and one that may not: in draft 4 the second is said of the first.
    fn limit(
        &self,
        keywords: &Keywords,
        key: &str,
        exclusive: &str,
    ) -> Result<(Option<Number>, Option<Number>), SchemaError> {
        let limit = match get(keywords, key) {
            None => None,
            Some(Value::Number(number)) => Some(number.clone()),
            Some(_) => return Err(wrong(format!("{key} must be of a Number"))),
        };
        match (get(keywords, exclusive), self.draft) {
            (None, _) => Ok((limit, None)),
            (Some(Value::Bool(excluded)), Draft::Four | Draft::Any) => match (limit, *excluded) {
                (None, _) => Err(wrong(format!("{exclusive} cannot be used without {key}"))),
                (limit, true) => Ok((None, limit)),
                (limit, false) => Ok((limit, None)),
            },
            (Some(Value::Number(number)), Draft::Six | Draft::Seven | Draft::Any) => Ok((limit, Some(number.clone()))),
            (_, Draft::Four) => Err(invalid("boolean", exclusive)),
            (_, Draft::Any) => Err(invalid("boolean/number", exclusive)),
            _ => Err(invalid("number", exclusive)),
        }
    }

    fn read_sizes(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        sub.length = bounds(keywords, "minLength", "maxLength", true)?;
        if let Some(text) = string(keywords, "pattern")? {
            let regex = pattern::compile(text).ok_or_else(|| wrong("pattern must be a valid regex"))?;
            sub.pattern = Some((text.to_owned(), regex));
        }
        sub.format = string(keywords, "format")?.map(str::to_owned);
        sub.property_count = bounds(keywords, "minProperties", "maxProperties", true)?;
        for name in list(keywords, "required")? {
            let name = name.as_str().ok_or_else(|| invalid("string", "required"))?;
            if sub.required.iter().any(|known| known == name) {
                return Err(wrong("required items must be unique"));
            }
            sub.required.push(name.to_owned());
        }
        sub.item_count = bounds(keywords, "minItems", "maxItems", false)?;
        match get(keywords, "uniqueItems") {
            None => {}
            Some(Value::Bool(unique)) => sub.unique_items = *unique,
            Some(_) => return Err(wrong("uniqueItems must be of a boolean")),
        }
        if self.draft >= Draft::Six
            && let Some(contains) = get(keywords, "contains")
        {
            sub.contains = Some(self.sub(contains)?);
        }
        Ok(())
    }

    fn read_combinations(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
        if self.draft >= Draft::Six
            && let Some(constant) = get(keywords, "const")
        {
            sub.constant = Some(json::marshal_floats(constant).ok_or_else(too_large)?);
        }
        if get(keywords, "enum").is_some() {
            let mut values = Vec::new();
            for value in list(keywords, "enum")? {
                let value = json::marshal_floats(value).ok_or_else(too_large)?;
                if values.contains(&value) {
                    return Err(wrong("enum items must be unique"));
                }
                values.push(value);
            }
            sub.one_of_values = Some(values);
        }
        sub.one_of = self.all(keywords, "oneOf")?;
        sub.any_of = self.all(keywords, "anyOf")?;
        sub.all_of = self.all(keywords, "allOf")?;
        sub.not = self.schema(keywords, "not")?;
        if self.draft >= Draft::Seven {
            sub.condition = self.schema(keywords, "if")?;
            sub.then = self.schema(keywords, "then")?;
            sub.otherwise = self.schema(keywords, "else")?;
        }
        Ok(())
    }

    fn all(&mut self, keywords: &'a Keywords, key: &str) -> Result<Vec<SubId>, SchemaError> {
        list(keywords, key)?.iter().map(|schema| self.sub(schema)).collect()
    }

    fn schema(&mut self, keywords: &'a Keywords, key: &str) -> Result<Option<SubId>, SchemaError> {
        match get(keywords, key) {
            None => Ok(None),
            Some(schema) if is_schema(schema) => self.sub(schema).map(Some),
            Some(_) => Err(wrong(format!("{key} must be of an object"))),
        }
    }
}

fn get<'a>(keywords: &'a Keywords, key: &str) -> Option<&'a Value> {
    keywords.get(&Value::from(key))
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Object(_))
}

fn string<'a>(keywords: &'a Keywords, key: &str) -> Result<Option<&'a str>, SchemaError> {
    match get(keywords, key) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| invalid("string", key)),
    }
}

fn list<'a>(keywords: &'a Keywords, key: &str) -> Result<&'a [Value], SchemaError> {
    match get(keywords, key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(format!("{key} must be of an array"))),
    }
}

/// A least and a most, which must be in order if `ordered`.
fn bounds(keywords: &Keywords, least_key: &str, most_key: &str, ordered: bool) -> Result<Bounds, SchemaError> {
    let read = |key: &str| {
        let Some(value) = get(keywords, key) else { return Ok(None) };
        // As written: `1.0` is none.
        let number: Option<i64> = value.as_number().and_then(|number| number.to_string().parse().ok());
        let number = number.ok_or_else(|| wrong(format!("{key} must be of an integer")))?;
        let size = usize::try_from(number);
        size.map(Some).map_err(|_| wrong(format!("{key} must be greater than or equal to 0")))
    };
    let (least, most) = (read(least_key)?, read(most_key)?);
    match (least, most) {
        (Some(least), Some(most)) if ordered && least > most => {
            Err(wrong(format!("{least_key} cannot be greater than {most_key}")))
        }
        _ => Ok(Bounds { least, most }),
    }
}

fn invalid(expected: &str, given: &str) -> SchemaError {
    wrong(format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn too_large() -> SchemaError {
    wrong("a number is too large")
}

fn wrong(problem: impl Into<String>) -> SchemaError {
    SchemaError::Wrong(problem.into())
}
