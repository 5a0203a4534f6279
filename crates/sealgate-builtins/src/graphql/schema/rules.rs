//! The rules that a schema must keep, in the order and with the words of OPA's validator; the first that is broken ends it.

use std::collections::BTreeSet;

use super::{Schema, repeated};
use crate::graphql::ast::{
    ArgumentDefinition, Definition, Directive, DirectiveDefinition, FieldDefinition, Position, Type, ValueKind,
    argument, kind,
};
use crate::graphql::error::{Budget, Refused, quote};

type Checked = Result<(), Refused>;

const OUTPUT_KINDS: [&str; 5] = [kind::SCALAR, kind::OBJECT, kind::INTERFACE, kind::UNION, kind::ENUM];
const INPUT_KINDS: [&str; 3] = [kind::SCALAR, kind::ENUM, kind::INPUT_OBJECT];

/// # Errors
/// [`Refused`] names the first rule that is broken.
pub(super) fn check(schema: &Schema, budget: &mut Budget) -> Checked {
    for definition in schema.types.values() {
        check_definition(schema, definition, budget)?;
    }
    for directive in schema.directives.values() {
        check_name(directive.position, &directive.name)?;
        arguments(schema, &directive.arguments, Some(&directive.name), budget)?;
    }
    Ok(())
}

fn refuse(position: Option<Position>, message: String) -> Checked {
    Err(Refused::at(position, message))
}

fn check_definition(schema: &Schema, definition: &Definition, budget: &mut Budget) -> Checked {
    let (kind, name, position) = (definition.kind.as_str(), &definition.name, definition.position);
    for field in &definition.fields {
        check_name(field.position, &field.name)?;
        check_type(schema, &field.ty, budget)?;
        arguments(schema, &field.arguments, None, budget)?;
        let location = if kind == kind::INPUT_OBJECT { "INPUT_FIELD_DEFINITION" } else { "FIELD_DEFINITION" };
        directives(schema, &field.directives, location, None, true, budget)?;
    }
    for member in &definition.types {
        match schema.get(member) {
            None => return refuse(position, format!("Undefined type {}.", quote(member))),
            Some(found) if found.kind != kind::OBJECT => {
                return refuse(position, format!("{kind} type {} must be {}.", quote(member), kind::OBJECT));
            }
            Some(_) => {}
        }
    }
    for interface in &definition.interfaces {
        implements(schema, definition, interface, budget)?;
    }
    match kind {
        kind::OBJECT | kind::INTERFACE => {
            if definition.fields.is_empty() {
                return refuse(position, format!("{kind} {name}: must define one or more fields."));
            }
            if let Some((field, _)) = field_of_other_kind(schema, definition, &OUTPUT_KINDS) {
                let kinds = OUTPUT_KINDS.join(", ");
                return refuse(field.position, format!("{kind} {name}: field must be one of {kinds}."));
            }
        }
        kind::ENUM => check_enum(schema, definition, budget)?,
        kind::INPUT_OBJECT => {
            if definition.fields.is_empty() {
                return refuse(position, format!("{kind} {name}: must define one or more input fields."));
            }
            if let Some((field, found)) = field_of_other_kind(schema, definition, &INPUT_KINDS) {
                let (found, name, kinds) = (&found.kind, &field.name, INPUT_KINDS.join(", "));
                return refuse(field.position, format!("{found} {name}: field must be one of {kinds}."));
            }
        }
        _ => {}
    }
    check_unique(definition)?;
    if !definition.built_in {
        check_name(position, name)?;
    }
    // Merged from the definition and its extensions, which are different places.
    directives(schema, &definition.directives, kind, None, false, budget)
}

fn field_of_other_kind<'a>(
    schema: &'a Schema,
    definition: &'a Definition,
    kinds: &[&str],
) -> Option<(&'a FieldDefinition, &'a Definition)> {
    let mut fields = definition.fields.iter().filter_map(|field| Some((field, schema.get(field.ty.name())?)));
    fields.find(|(_, found)| !found.is(kinds))
}

fn check_enum(schema: &Schema, definition: &Definition, budget: &mut Budget) -> Checked {
    let (kind, name, position) = (&definition.kind, &definition.name, definition.position);
    if definition.enum_values.is_empty() {
        return refuse(position, format!("{kind} {name}: must define one or more unique enum values."));
    }
    for value in &definition.enum_values {
        if ["true", "false", "null"].contains(&value.name.as_str()) {
            return refuse(position, format!("{kind} {name}: non-enum value {}.", value.name));
        }
        directives(schema, &value.directives, "ENUM_VALUE", None, true, budget)?;
    }
    Ok(())
}

fn check_unique(definition: &Definition) -> Checked {
    let name = &definition.name;
    if let Some(field) = repeated(&definition.fields, |field| &field.name) {
        return refuse(field.position, format!("Field {name}.{} can only be defined once.", field.name));
    }
    if let Some(value) = repeated(&definition.enum_values, |value| &value.name) {
        return refuse(value.position, format!("Enum value {name}.{} can only be defined once.", value.name));
    }
    let members: Vec<(usize, &String)> = definition.types.iter().enumerate().collect();
    if let Some((index, member)) = repeated(&members, |(_, member)| member.as_str()) {
        let aligned = definition.type_positions.len() == definition.types.len();
        let position = definition.type_positions.get(*index).copied().flatten().filter(|_| aligned);
        let message = format!("Union type {name} can only include type {member} once.");
        return refuse(position.or(definition.position), message);
    }
    Ok(())
}

fn check_name(position: Option<Position>, name: &str) -> Checked {
    if name.starts_with("__") {
        let message = format!(r#"Name "{name}" must not begin with "__", which is reserved by GraphQL introspection."#);
        return refuse(position, message);
    }
    Ok(())
}

fn check_type(schema: &Schema, ty: &Type, budget: &mut Budget) -> Checked {
    budget.spend(1)?;
    match schema.get(ty.name()) {
        Some(_) => Ok(()),
        None => refuse(ty.position, format!("Undefined type {}.", ty.name())),
    }
}

/// `inside` is the directive whose arguments these are.
fn arguments(
    schema: &Schema,
    definitions: &[ArgumentDefinition],
    inside: Option<&str>,
    budget: &mut Budget,
) -> Checked {
    for definition in definitions {
        check_name(definition.position, &definition.name)?;
        check_type(schema, &definition.ty, budget)?;
        if let Some(found) = schema.get(definition.ty.name())
            && !found.is_input()
        {
            let (ty, name, kind) = (&definition.ty, &definition.name, &found.kind);
            let message = format!("cannot use {ty} as argument {name} because {kind} is not a valid input type");
            return refuse(definition.position, message);
        }
        directives(schema, &definition.directives, "ARGUMENT_DEFINITION", inside, true, budget)?;
    }
    Ok(())
}

/// `once` says that they stand in one place, where a directive may not be repeated.
///
/// # Errors
/// [`Refused`] names the first rule that is broken.
pub(super) fn directives(
    schema: &Schema,
    directives: &[Directive],
    location: &str,
    inside: Option<&str>,
    once: bool,
    budget: &mut Budget,
) -> Checked {
    let mut seen = BTreeSet::new();
    for directive in directives {
        let (name, position) = (&directive.name, directive.position);
        budget.spend(1)?;
        check_name(position, name)?;
        if inside == Some(name) {
            return refuse(position, format!("Directive {name} cannot refer to itself."));
        }
        let Some(definition) = schema.directives.get(name) else {
            return refuse(position, format!("Undefined directive {name}."));
        };
        if once && !seen.insert(name) && !definition.repeatable {
            return refuse(position, format!("The directive {name} can only be used once at this location."));
        }
        if !definition.locations.iter().any(|allowed| allowed == location) {
            return refuse(position, format!("Directive {name} is not applicable on {location}."));
        }
        directive_arguments(directive, definition, budget)?;
    }
    Ok(())
}

fn directive_arguments(directive: &Directive, definition: &DirectiveDefinition, budget: &mut Budget) -> Checked {
    let name = &directive.name;
    for given in &directive.arguments {
        budget.spend(definition.arguments.len())?;
        if argument(&definition.arguments, &given.name).is_none() {
            return refuse(given.position, format!("Undefined argument {} for directive {name}.", given.name));
        }
    }
    for wanted in &definition.arguments {
        budget.spend(directive.arguments.len())?;
        if !wanted.ty.non_null || wanted.default.is_some() {
            continue;
        }
        let given = directive.arguments.iter().find(|given| given.name == wanted.name);
        if given.is_none_or(|given| given.value.kind == ValueKind::Null) {
            let message = format!("Argument {} for directive {name} cannot be null.", wanted.name);
            return refuse(directive.position, message);
        }
    }
    Ok(())
}

fn implements(schema: &Schema, definition: &Definition, interface: &str, budget: &mut Budget) -> Checked {
    let (name, position) = (&definition.name, definition.position);
    let Some(interface) = schema.get(interface) else {
        return refuse(position, format!("Undefined type {}.", quote(interface)));
    };
    if interface.kind != kind::INTERFACE {
        return refuse(position, format!("{} is a non interface type {}.", quote(&interface.name), interface.kind));
    }
    for required in &interface.fields {
        budget.spend(definition.fields.len())?;
        let Some(found) = definition.field(&required.name) else {
            let message =
                format!("For {name} to implement {} it must have a field called {}.", interface.name, required.name);
            return refuse(position, message);
        };
        check_field(schema, definition, interface, required, found, budget)?;
    }
    for ancestor in &interface.interfaces {
        budget.spend(definition.interfaces.len())?;
        if !definition.interfaces.contains(ancestor) {
            let interface = &interface.name;
            return refuse(
                position,
                if ancestor == name {
                    format!("Type {name} cannot implement {interface} because it would create a circular reference.")
                } else {
                    format!("Type {name} must implement {ancestor} because it is implemented by {interface}.")
                },
            );
        }
    }
    Ok(())
}

fn check_field(
    schema: &Schema,
    definition: &Definition,
    interface: &Definition,
    required: &FieldDefinition,
    found: &FieldDefinition,
    budget: &mut Budget,
) -> Checked {
    let so = format!("For {} to implement {}", definition.name, interface.name);
    if !is_covariant(schema, &required.ty, &found.ty, budget)? {
        let message = format!("{so} the field {} must have type {}.", required.name, required.ty);
        return refuse(found.position, message);
    }
    for wanted in &required.arguments {
        budget.spend(found.arguments.len())?;
        let field = &required.name;
        let Some(given) = argument(&found.arguments, &wanted.name) else {
            let message =
                format!("{so} the field {field} must have the same arguments but it is missing {}.", wanted.name);
            return refuse(found.position, message);
        };
        if !wanted.ty.is_compatible(&given.ty) {
            let message =
                format!("{so} the field {field} must have the same arguments but {} has the wrong type.", wanted.name);
            return refuse(given.position, message);
        }
    }
    for given in &found.arguments {
        budget.spend(required.arguments.len())?;
        let extra = argument(&required.arguments, &given.name).is_none();
        if extra && given.ty.non_null && given.default.is_none() {
            let message = format!(
                "{so} any additional arguments on {} must be optional or have a default value but {} is required.",
                found.name, given.name
            );
            return refuse(given.position, message);
        }
    }
    Ok(())
}

fn is_covariant(schema: &Schema, required: &Type, actual: &Type, budget: &mut Budget) -> Result<bool, Refused> {
    if required.non_null && !actual.non_null {
        return Ok(false);
    }
    if !required.named.is_empty() {
        let possible = schema.possible.get(&required.named).map_or(&[][..], Vec::as_slice);
        budget.spend(possible.len())?;
        return Ok(required.named == actual.named || possible.contains(&actual.named));
    }
    match (&required.element, &actual.element) {
        (Some(required), Some(actual)) => is_covariant(schema, required, actual, budget),
        _ => Ok(false),
    }
}
