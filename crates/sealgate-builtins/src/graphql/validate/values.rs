//! Rules for literals and variables.

use std::collections::BTreeSet;

use super::{Checked, ValueNote, Walker, suggest};
use crate::graphql::ast::{Definition, Type, Value, ValueKind, kind};
use crate::graphql::error::Refused;

/// The scalars whose literals are checked; others take anything.
const CHECKED_SCALARS: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];
/// How far defaults of variables are followed.
const MAX_DEFAULTS: usize = 8;

impl<'a> Walker<'a> {
    pub(super) fn on_value(&mut self, value: &'a Value) -> Checked {
        self.undefined_variable(value)?;
        self.unique_input_fields(value)?;
        self.value_of_correct_type(value)?;
        self.variable_in_allowed_position(value)?;
        self.variables_of_one_of(value)
    }

    /// `NoUndefinedVariables`
    fn undefined_variable(&mut self, value: &'a Value) -> Checked {
        let Some(operation) = self.operation else { return Ok(()) };
        if value.kind != ValueKind::Variable || self.notes.value(value).variable.is_some() {
            return Ok(());
        }
        let message = if operation.name.is_empty() {
            format!(r#"Variable "{value}" is not defined."#)
        } else {
            format!(r#"Variable "{value}" is not defined by operation "{}"."#, operation.name)
        };
        self.report(value.position, message)
    }

    /// `UniqueInputFieldNames`
    fn unique_input_fields(&mut self, value: &'a Value) -> Checked {
        if value.kind != ValueKind::Object {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for field in &value.children {
            if !seen.insert(&field.name) {
                let message = format!(r#"There can be only one input field named "{}"."#, field.name);
                self.report(field.position, message)?;
            }
        }
        Ok(())
    }

    /// `ValuesOfCorrectType`
    fn value_of_correct_type(&mut self, value: &'a Value) -> Checked {
        let ValueNote { definition: Some(definition), expected: Some(expected), .. } = self.notes.value(value) else {
            return Ok(());
        };
        let is = |names: &[&str]| names.contains(&definition.name.as_str());
        if value.kind == ValueKind::Null && expected.non_null {
            self.report(value.position, format!(r#"Expected value of type "{expected}", found {value}."#))?;
        }
        if definition.kind == kind::SCALAR && !is(&CHECKED_SCALARS) {
            return Ok(());
        }
        if !self.converts(value, 0)? {
            self.unexpected_type(value, definition, expected)?;
        }
        match value.kind {
            ValueKind::Null | ValueKind::Variable => Ok(()),
            ValueKind::List if expected.element.is_none() => self.unexpected_type(value, definition, expected),
            ValueKind::Int if !is(&["Int", "Float", "ID"]) => self.unexpected_type(value, definition, expected),
            ValueKind::Float if !is(&["Float"]) => self.unexpected_type(value, definition, expected),
            ValueKind::Boolean if !is(&["Boolean"]) => self.unexpected_type(value, definition, expected),
            ValueKind::String | ValueKind::Block => {
                if definition.kind == kind::ENUM {
                    let message = format!(r#"Enum "{expected}" cannot represent non-enum value: {value}."#);
                    let near = self.near_enum_value(value, definition)?;
                    self.report(value.position, message + &near)
                } else if is(&["String", "ID"]) {
                    Ok(())
                } else {
                    self.unexpected_type(value, definition, expected)
                }
            }
            ValueKind::Enum => {
                if definition.kind != kind::ENUM {
                    return self.unexpected_type(value, definition, expected);
                }
                self.budget.spend(definition.enum_values.len())?;
                if definition.enum_values.iter().any(|known| known.name == value.raw) {
                    return Ok(());
                }
                let message = format!(r#"Value "{value}" does not exist in "{expected}" enum."#);
                let near = self.near_enum_value(value, definition)?;
                self.report(value.position, message + &near)
            }
            ValueKind::Object => self.object_of_correct_type(value, definition),
            ValueKind::List | ValueKind::Int | ValueKind::Float | ValueKind::Boolean => Ok(()),
        }
    }

    fn near_enum_value(&mut self, value: &Value, definition: &Definition) -> Result<String, Refused> {
        let options = definition.enum_values.iter().map(|known| known.name.as_str());
        suggest::suggestion("Did you mean the enum value", &value.raw, options, &mut self.budget)
    }

    fn object_of_correct_type(&mut self, value: &'a Value, definition: &'a Definition) -> Checked {
        let name = &definition.name;
        for field in definition.fields.iter().filter(|field| field.ty.non_null && field.default.is_none()) {
            self.budget.spend(value.children.len())?;
            if value.child(&field.name).is_none() {
                let (field, ty) = (&field.name, &field.ty);
                let message = format!(r#"Field "{name}.{field}" of required type "{ty}" was not provided."#);
                self.report(value.position, message)?;
            }
        }
        for _ in definition.directives.iter().filter(|directive| directive.name == "oneOf") {
            match value.children.as_slice() {
                [only] if only.value.kind == ValueKind::Null => {
                    // The reference names the first field, whichever was given.
                    let field = definition.fields.first().map_or("", |field| &field.name);
                    self.report(only.value.position, format!(r#"Field "{name}.{field}" must be non-null."#))?;
                }
                [_] => {}
                _ => {
                    let message = format!(r#"OneOf Input Object "{name}" must specify exactly one key."#);
                    self.report(value.position, message)?;
                }
            }
        }
        for given in &value.children {
            self.budget.spend(definition.fields.len())?;
            if definition.field(&given.name).is_some() {
                continue;
            }
            let message = format!(r#"Field "{}" is not defined by type "{name}"."#, given.name);
            let options = definition.fields.iter().map(|field| field.name.as_str());
            let near = suggest::suggestion("Did you mean", &given.name, options, &mut self.budget)?;
            self.report(given.position, message + &near)?;
        }
        Ok(())
    }

    /// Whether Go's conversions take every number and boolean in the literal.
    fn converts(&mut self, value: &'a Value, defaults: usize) -> Result<bool, Refused> {
        self.budget.enter()?;
        let fine = match value.kind {
            ValueKind::Int => value.raw.parse::<i64>().is_ok(),
            ValueKind::Float => value.raw.parse::<f64>().is_ok_and(f64::is_finite),
            ValueKind::Boolean => ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"]
                .contains(&value.raw.as_str()),
            ValueKind::Variable => {
                match self.notes.value(value).variable.and_then(|variable| variable.default.as_ref()) {
                    Some(default) if defaults < MAX_DEFAULTS => self.converts(default, defaults.saturating_add(1))?,
                    Some(_) => {
                        return Err(Refused::Bound("defaults of GraphQL variables refer to each other".to_owned()));
                    }
                    None => true,
                }
            }
            ValueKind::List | ValueKind::Object => {
                let mut fine = true;
                for child in &value.children {
                    fine = fine && self.converts(&child.value, defaults)?;
                }
                fine
            }
            ValueKind::String | ValueKind::Block | ValueKind::Null | ValueKind::Enum => true,
        };
        self.budget.leave();
        Ok(fine)
    }

    fn unexpected_type(&mut self, value: &Value, definition: &Definition, expected: &Type) -> Checked {
        let out_of_range = || {
            let digits = value.raw.strip_prefix(['-', '+']).unwrap_or(&value.raw);
            let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            number && value.raw.parse::<i32>().is_err()
        };
        let message = match expected.to_string().as_str() {
            "Int" | "Int!" if out_of_range() => {
                format!("Int cannot represent non 32-bit signed integer value: {value}")
            }
            "Int" | "Int!" => format!("Int cannot represent non-integer value: {value}"),
            "String" | "String!" | "[String]" => format!("String cannot represent a non string value: {value}"),
            "Boolean" | "Boolean!" => format!("Boolean cannot represent a non boolean value: {value}"),
            "Float" | "Float!" => format!("Float cannot represent non numeric value: {value}"),
            "ID" | "ID!" => format!("ID cannot represent a non-string and non-integer value: {value}"),
            other if definition.kind == kind::ENUM => {
                format!(r#"Enum "{other}" cannot represent non-enum value: {value}."#)
            }
            other => format!(r#"Expected value of type "{other}", found {value}."#),
        };
        self.report(value.position, message)
    }

    /// `VariablesInAllowedPosition`
    fn variable_in_allowed_position(&mut self, value: &'a Value) -> Checked {
        let ValueNote { expected: Some(expected), variable: Some(variable), has_default, .. } = self.notes.value(value)
        else {
            return Ok(());
        };
        if value.kind != ValueKind::Variable || self.operation.is_none() {
            return Ok(());
        }
        let own_default = variable.default.as_ref().is_some_and(|default| default.kind != ValueKind::Null);
        let mut wanted = expected.clone();
        wanted.non_null &= !own_default && !has_default;
        if variable.ty.is_compatible(&wanted) {
            return Ok(());
        }
        let ty = &variable.ty;
        let message = format!(r#"Variable "{value}" of type "{ty}" used in position expecting type "{expected}"."#);
        self.report(value.position, message)
    }

    /// `VariablesInAllowedPosition`, for input objects of which exactly one field must be given.
    fn variables_of_one_of(&mut self, value: &'a Value) -> Checked {
        let Some(definition) = self.notes.value(value).definition else { return Ok(()) };
        let one_of = definition.directives.iter().any(|directive| directive.name == "oneOf");
        if value.kind != ValueKind::Object || !one_of {
            return Ok(());
        }
        for child in &value.children {
            let Some(variable) = self.notes.value(&child.value).variable else { continue };
            if child.value.kind != ValueKind::Variable || variable.ty.non_null {
                continue;
            }
            let (given, ty, name) = (&child.value, &variable.ty, &definition.name);
            let message = format!(
                r#"Variable "{given}" is of type "{ty}" but must be non-nullable to be used for OneOf Input Object "{name}"."#
            );
            self.report(variable.position.or(given.position), message)?;
        }
        Ok(())
    }
}
