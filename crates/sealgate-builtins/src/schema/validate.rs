//! Holds a document against a schema. Where several schemas are tried, the errors of the one that came closest are told.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::errors::{At, Finding, Findings};
use super::model::{Additional, Bounds, Dependency, Items, Schema, Sub, SubId};
use super::{MAX_DEPTH, MAX_STEPS, SchemaError, formats, number};
use crate::deadline::Deadline;
use crate::json;
use crate::number::Number;
use crate::value::Value;

type Checked = Result<(), SchemaError>;

impl Schema {
    /// What is wrong with a document.
    pub(super) fn validate(&self, document: &Value, deadline: Deadline) -> Result<Vec<Finding>, SchemaError> {
        let mut validator = Validator { schema: self, steps: 0, depth: 0, deadline };
        Ok(validator.check(self.root, document, &At::root())?.errors)
    }
}

struct Validator<'a> {
    schema: &'a Schema,
    steps: usize,
    depth: usize,
    deadline: Deadline,
}

impl Validator<'_> {
    /// The findings of one schema alone.
    fn check(&mut self, id: SubId, value: &Value, at: &Rc<At>) -> Result<Findings, SchemaError> {
        let mut found = Findings::default();
        self.check_into(id, value, at, &mut found)?;
        Ok(found)
    }

    fn check_into(&mut self, id: SubId, value: &Value, at: &Rc<At>, found: &mut Findings) -> Checked {
        let schema = self.schema;
        let Some(sub) = schema.get(id) else { return Ok(()) };
        self.steps += 1;
        self.depth += 1;
        if self.steps > MAX_STEPS {
            return Err(SchemaError::Halt("the validation takes too many steps"));
        }
        self.deadline.check_at(self.steps).map_err(|_| SchemaError::Timeout)?;
        if self.depth > MAX_DEPTH {
            return Err(SchemaError::Halt("the schema refers to itself without end"));
        }
        self.check_sub(sub, value, at, found)?;
        self.depth -= 1;
        Ok(())
    }

    fn check_sub(&mut self, sub: &Sub, value: &Value, at: &Rc<At>, found: &mut Findings) -> Checked {
        if let Some(pass) = sub.pass {
            if !pass {
                found.add("false", at, "False always fails validation");
            }
            return Ok(());
        }
        if let Some(reference) = sub.reference {
            return self.check_into(reference, value, at, found);
        }
        let given = type_of(value);
        let fits = sub.types.contains(&given) || (given == "integer" && sub.types.contains(&"number"));
        if !sub.types.is_empty() && !fits {
            let expected = match sub.types.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("[{}]", many.join(",")),
            };
            found.add("invalid_type", at, format!("Invalid type. Expected: {expected}, given: {given}"));
            return Ok(());
        }
        self.check_combinations(sub, value, at, found)?;
        // The order, and what counts for how close a document comes, are OPA's.
        match value {
            Value::Array(items) => {
                self.check_items(sub, items, at, found)?;
                check_values(sub, value, at, found)?;
            }
            Value::Object(members) => {
                self.check_members(sub, members, at, found)?;
                check_values(sub, value, at, found)?;
                for (name, property) in &sub.properties {
                    if let Some(member) = members.get(&Value::from(name.as_str())) {
                        self.check_into(*property, member, &at.inner(name), found)?;
                    }
                }
            }
            Value::Number(number) => {
                check_number(sub, number, at, found)?;
                check_values(sub, value, at, found)?;
            }
            Value::String(text) => {
                check_values(sub, value, at, found)?;
                check_string(sub, text, at, found);
            }
            _ => check_values(sub, value, at, found)?,
        }
        found.pass();
        Ok(())
    }

    fn check_combinations(&mut self, sub: &Sub, value: &Value, at: &Rc<At>, found: &mut Findings) -> Checked {
        if !sub.any_of.is_empty() {
            let mut best: Option<Findings> = None;
            let mut valid = false;
            for id in &sub.any_of {
                let tried = self.check(*id, value, at)?;
                valid = tried.is_valid();
                if valid {
                    break;
                }
                closer(&mut best, tried);
            }
            if !valid {
                found.add("number_any_of", at, "Must validate at least one schema (anyOf)");
                best.into_iter().for_each(|best| found.merge(best));
            }
        }
        if !sub.one_of.is_empty() {
            let mut best: Option<Findings> = None;
            let mut valid = 0;
            for id in &sub.one_of {
                let tried = self.check(*id, value, at)?;
                if tried.is_valid() {
                    valid += 1;
                } else if valid == 0 {
                    closer(&mut best, tried);
                }
            }
            if valid != 1 {
                found.add("number_one_of", at, "Must validate one and only one schema (oneOf)");
                best.into_iter().filter(|_| valid == 0).for_each(|best| found.merge(best));
            }
        }
        if !sub.all_of.is_empty() {
            let mut all = true;
            for id in &sub.all_of {
                let tried = self.check(*id, value, at)?;
                all &= tried.is_valid();
                found.merge(tried);
            }
            if !all {
                found.add("number_all_of", at, "Must validate all the schemas (allOf)");
            }
        }
        if let Some(id) = sub.not
            && self.check(id, value, at)?.is_valid()
        {
            found.add("number_not", at, "Must not validate the schema (not)");
        }
        if let Value::Object(members) = value {
            for (name, dependency) in &sub.dependencies {
                if !members.contains_key(&Value::from(name.as_str())) {
                    continue;
                }
                match dependency {
                    Dependency::Properties(names) => {
                        for name in names.iter().filter(|name| !members.contains_key(&Value::from(name.as_str()))) {
                            found.add("missing_dependency", at, format!("Has a dependency on {name}"));
                        }
                    }
                    Dependency::Schema(id) => self.check_into(*id, value, at, found)?,
                }
            }
        }
        if let Some(condition) = sub.condition {
            let (branch, kind, problem) = if self.check(condition, value, at)?.is_valid() {
                (sub.then, "condition_then", "Must validate \"then\" as \"if\" was valid")
            } else {
                (sub.otherwise, "condition_else", "Must validate \"else\" as \"if\" was not valid")
            };
            if let Some(branch) = branch {
                let tried = self.check(branch, value, at)?;
                if !tried.is_valid() {
                    found.add(kind, at, problem);
                    found.merge(tried);
                }
            }
        }
        found.pass();
        Ok(())
    }

    fn check_items(&mut self, sub: &Sub, items: &[Value], at: &Rc<At>, found: &mut Findings) -> Checked {
        match &sub.items {
            Items::Any => {}
            Items::All(id) => {
                for (index, item) in items.iter().enumerate() {
                    let tried = self.check(*id, item, &at.inner(index))?;
                    found.merge(tried);
                }
            }
            Items::Each(ids) if ids.is_empty() => {}
            Items::Each(ids) => {
                for (index, (item, id)) in items.iter().zip(ids).enumerate() {
                    let tried = self.check(*id, item, &at.inner(index))?;
                    found.merge(tried);
                }
                match &sub.additional_items {
                    Some(Additional::Allowed(false)) if ids.len() < items.len() => {
                        found.add("array_no_additional_items", at, "No additional items allowed on array");
                    }
                    Some(Additional::Schema(id)) => {
                        for (index, item) in items.iter().enumerate().skip(ids.len()) {
                            let tried = self.check(*id, item, &at.inner(index))?;
                            found.merge(tried);
                        }
                    }
                    _ => {}
                }
            }
        }
        let Bounds { least, most } = sub.item_count;
        if let Some(least) = least.filter(|least| items.len() < *least) {
            found.add("array_min_items", at, format!("Array must have at least {least} items"));
        }
        if let Some(most) = most.filter(|most| items.len() > *most) {
            found.add("array_max_items", at, format!("Array must have at most {most} items"));
        }
        if sub.unique_items {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(before) = seen.insert(floats(item)?, index) {
                    found.add("unique", at, format!("array items[{before},{index}] must be unique"));
                }
            }
        }
        if let Some(id) = sub.contains {
            let mut best: Option<Findings> = None;
            let mut one = false;
            for (index, item) in items.iter().enumerate() {
                let tried = self.check(id, item, &at.inner(index))?;
                one = tried.is_valid();
                if one {
                    break;
                }
                closer(&mut best, tried);
            }
            if !one {
                found.add("contains", at, "At least one of the items must match");
                best.into_iter().for_each(|best| found.merge(best));
            }
        }
        found.pass();
        Ok(())
    }

    fn check_members(
        &mut self,
        sub: &Sub,
        members: &BTreeMap<Value, Value>,
        at: &Rc<At>,
        found: &mut Findings,
    ) -> Checked {
        let Bounds { least, most } = sub.property_count;
        if let Some(least) = least.filter(|least| members.len() < *least) {
            found.add("array_min_properties", at, format!("Must have at least {least} properties"));
        }
        if let Some(most) = most.filter(|most| members.len() > *most) {
            found.add("array_max_properties", at, format!("Must have at most {most} properties"));
        }
        for name in &sub.required {
            if members.contains_key(&Value::from(name.as_str())) {
                found.pass();
            } else {
                found.add("required", at, format!("{name} is required"));
            }
        }
        for (name, member) in members {
            let name = name.as_str().unwrap_or_default();
            let described = sub.properties.iter().any(|(known, _)| known == name);
            let matched = self.check_patterns(sub, name, member, at, found)?;
            if described || matched {
                continue;
            }
            match &sub.additional_properties {
                Some(Additional::Allowed(false)) => {
                    let problem = format!("Additional property {name} is not allowed");
                    found.add("additional_property_not_allowed", at, problem);
                }
                Some(Additional::Schema(id)) => {
                    let tried = self.check(*id, member, &at.inner(name))?;
                    found.merge(tried);
                }
                _ => {}
            }
        }
        if let Some(id) = sub.property_names {
            for name in members.keys() {
                let tried = self.check(id, name, at)?;
                if !tried.is_valid() {
                    let name = name.as_str().unwrap_or_default();
                    found.add("invalid_property_name", at, format!("Property name of \"{name}\" does not match"));
                    found.merge(tried);
                }
            }
        }
        found.pass();
        Ok(())
    }

    /// Holds a member against the patterns that its name matches; whether there was one.
    fn check_patterns(
        &mut self,
        sub: &Sub,
        name: &str,
        member: &Value,
        at: &Rc<At>,
        found: &mut Findings,
    ) -> Result<bool, SchemaError> {
        let mut matched = false;
        for (regex, id) in &sub.pattern_properties {
            if regex.is_match(name) {
                matched = true;
                let tried = self.check(*id, member, &at.inner(name))?;
                found.merge(tried);
            }
        }
        if matched {
            found.pass();
        }
        Ok(matched)
    }
}

/// Keeps the findings that tell of a closer match; of equals, the first.
fn closer(best: &mut Option<Findings>, tried: Findings) {
    if best.as_ref().is_none_or(|best| tried.score > best.score) {
        *best = Some(tried);
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_integer() => "integer",
        other => other.type_name(),
    }
}

fn floats(value: &Value) -> Result<String, SchemaError> {
    json::marshal_floats(value).ok_or_else(|| SchemaError::Wrong("a number is too large".to_owned()))
}

/// Constants and formats.
fn check_values(sub: &Sub, value: &Value, at: &At, found: &mut Findings) -> Checked {
    if let Some(constant) = &sub.constant
        && floats(value)? != *constant
    {
        found.add("const", at, format!("{} does not match: {constant}", at.field()));
    }
    if let Some(values) = &sub.one_of_values
        && !values.contains(&floats(value)?)
    {
        let allowed = values.join(", ");
        found.add("enum", at, format!("{} must be one of the following: {allowed}", at.field()));
    }
    if let (Some(format), Value::String(text)) = (&sub.format, value)
        && !formats::fits(format, text)
    {
        found.add("format", at, format!("Does not match format '{format}'"));
    }
    found.pass();
    Ok(())
}

fn check_string(sub: &Sub, text: &str, at: &At, found: &mut Findings) {
    let Bounds { least, most } = sub.length;
    if let Some(least) = least.filter(|least| text.chars().count() < *least) {
        found.add("string_gte", at, format!("String length must be greater than or equal to {least}"));
    }
    if let Some(most) = most.filter(|most| text.chars().count() > *most) {
        found.add("string_lte", at, format!("String length must be less than or equal to {most}"));
    }
    if let Some((pattern, regex)) = &sub.pattern
        && !regex.is_match(text)
    {
        found.add("pattern", at, format!("Does not match pattern '{pattern}'"));
    }
    found.pass();
}

fn check_number(sub: &Sub, value: &Number, at: &At, found: &mut Findings) -> Checked {
    if let Some(of) = &sub.multiple_of
        && !number::is_multiple(value, of)?
    {
        found.add("multiple_of", at, format!("Must be a multiple of {}", number::shown(of)));
    }
    if let Some(most) = sub.maximum.as_ref().filter(|most| value > most) {
        found.add("number_lte", at, format!("Must be less than or equal to {}", number::shown(most)));
    }
    if let Some(most) = sub.exclusive_maximum.as_ref().filter(|most| value >= most) {
        found.add("number_lt", at, format!("Must be less than {}", number::shown(most)));
    }
    if let Some(least) = sub.minimum.as_ref().filter(|least| value < least) {
        found.add("number_gte", at, format!("Must be greater than or equal to {}", number::shown(least)));
    }
    if let Some(least) = sub.exclusive_minimum.as_ref().filter(|least| value <= least) {
        found.add("number_gt", at, format!("Must be greater than {}", number::shown(least)));
    }
    found.pass();
    Ok(())
}
