//! The keywords of a schema, each checked and read.

use std::collections::BTreeMap;

use super::SchemaError;
use super::compile::{Compiler, Draft};
use super::model::{Additional, Bounds, Dependency, Items, Sub, SubId};
use crate::json;
use crate::number::Number;
use crate::pattern;
use crate::value::Value;

/// An object that is a schema.
pub(super) type Keywords = BTreeMap<Value, Value>;

impl<'a> Compiler<'a> {
    pub(super) fn read_types(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

    pub(super) fn read_objects(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

    pub(super) fn read_items(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

    pub(super) fn read_numbers(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

    pub(super) fn read_sizes(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

    pub(super) fn read_combinations(&mut self, keywords: &'a Keywords, sub: &mut Sub) -> Result<(), SchemaError> {
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

pub(super) fn get<'a>(keywords: &'a Keywords, key: &str) -> Option<&'a Value> {
    keywords.get(&Value::from(key))
}

pub(super) fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Object(_))
}

pub(super) fn string<'a>(keywords: &'a Keywords, key: &str) -> Result<Option<&'a str>, SchemaError> {
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

pub(super) fn invalid(expected: &str, given: &str) -> SchemaError {
    wrong(format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn too_large() -> SchemaError {
    wrong("a number is too large")
}

pub(super) fn wrong(problem: impl Into<String>) -> SchemaError {
    SchemaError::Wrong(problem.into())
}
