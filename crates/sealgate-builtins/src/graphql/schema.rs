//! A schema that queries can be held against: a schema document with the specification's own definitions, its extensions
//! merged, its roots found, and every rule for schemas kept.

mod rules;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::ast::{
    ArgumentDefinition, Definition, DirectiveDefinition, FieldDefinition, SchemaDefinition, SchemaDocument, Type, kind,
};
use super::error::{Budget, Refused};
use super::parser::parse_prelude;
use crate::deadline::Deadline;

/// Directives that a schema may define again; the last definition counts.
const STANDARD_DIRECTIVES: [&str; 6] = ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"];

/// A schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) types: BTreeMap<String, Definition>,
    pub(super) directives: BTreeMap<String, DirectiveDefinition>,
    /// By the name of an interface or union: the names of the types that a value of it may have. An object has itself.
    possible: BTreeMap<String, Vec<String>>,
    query: Option<String>,
    mutation: Option<String>,
    subscription: Option<String>,
}

impl Schema {
    /// # Errors
    /// [`Refused`] names the first rule that the document breaks.
    pub(super) fn new(document: SchemaDocument, deadline: Deadline) -> Result<Self, Refused> {
        let mut budget = Budget::new(deadline);
        let mut schema = Self::default();
        let prelude = prelude()?;
        let order = schema.add_types(prelude.definitions.iter().cloned().chain(document.definitions))?;
        let order = schema.extend(order, document.extensions)?;
        schema.find_possible(&order);
        schema.add_directives(prelude.directives.iter().cloned().chain(document.directives))?;
        if let Some(second) = document.schema.get(1) {
            let message = "Cannot have multiple schema entry points, consider schema extensions instead.";
            return Err(Refused::at(second.position, message));
        }
        for part in document.schema.iter().chain(&document.schema_extensions) {
            schema.add_roots(part)?;
            rules::directives(&schema, &part.directives, "SCHEMA", None, true, &mut budget)?;
        }
        rules::check(&schema, &mut budget)?;
        if document.schema.is_empty() {
            schema.infer_roots();
        }
        schema.add_introspection();
        Ok(schema)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Definition> {
        self.types.get(name)
    }

    /// The type that operations of this kind start from.
    pub(super) fn root(&self, operation: &str) -> Option<&Definition> {
        let name = match operation {
            "" | "query" => &self.query,
            "mutation" => &self.mutation,
            "subscription" => &self.subscription,
            _ => &None,
        };
        self.get(name.as_deref()?)
    }

    /// The types that a value of this type may have.
    pub(super) fn possible_types(&self, name: &str) -> impl Iterator<Item = &Definition> {
        self.possible.get(name).into_iter().flatten().filter_map(|name| self.get(name))
    }

    fn add_types(&mut self, definitions: impl Iterator<Item = Definition>) -> Result<Vec<String>, Refused> {
        let mut order = Vec::new();
        for definition in definitions {
            if self.types.contains_key(&definition.name) {
                let message = format!("Cannot redeclare type {}.", definition.name);
                return Err(Refused::at(definition.position, message));
            }
            order.push(definition.name.clone());
            self.types.insert(definition.name.clone(), definition);
        }
        Ok(order)
    }

    /// An extension of what is not defined defines it.
    fn extend(&mut self, mut order: Vec<String>, extensions: Vec<Definition>) -> Result<Vec<String>, Refused> {
        for extension in extensions {
            let base = self.types.entry(extension.name.clone()).or_insert_with(|| {
                order.push(extension.name.clone());
                Definition {
                    kind: extension.kind.clone(),
                    name: extension.name.clone(),
                    position: extension.position,
                    ..Definition::default()
                }
            });
            if base.kind != extension.kind {
                let (name, found, wanted) = (&extension.name, &base.kind, &extension.kind);
                let message = format!("Cannot extend type {name} because the base type is a {found}, not {wanted}.");
                return Err(Refused::at(extension.position, message));
            }
            base.directives.extend(extension.directives);
            base.interfaces.extend(extension.interfaces);
            base.fields.extend(extension.fields);
            base.types.extend(extension.types);
            base.type_positions.extend(extension.type_positions);
            base.enum_values.extend(extension.enum_values);
        }
        Ok(order)
    }

    fn find_possible(&mut self, order: &[String]) {
        for definition in order.iter().filter_map(|name| self.types.get(name)) {
            let name = &definition.name;
            let mut add = |group: &String, member: &String| {
                self.possible.entry(group.clone()).or_default().push(member.clone());
            };
            match definition.kind.as_str() {
                kind::UNION => definition.types.iter().for_each(|member| add(name, member)),
                kind::INPUT_OBJECT | kind::OBJECT => {
                    definition.interfaces.iter().for_each(|interface| add(interface, name));
                    add(name, name);
                }
                kind::INTERFACE => definition.interfaces.iter().for_each(|interface| add(interface, name)),
                _ => {}
            }
        }
    }

    fn add_directives(&mut self, definitions: impl Iterator<Item = DirectiveDefinition>) -> Result<(), Refused> {
        for definition in definitions {
            let name = &definition.name;
            if self.directives.contains_key(name) && !STANDARD_DIRECTIVES.contains(&name.as_str()) {
                return Err(Refused::at(definition.position, format!("Cannot redeclare directive {name}.")));
            }
            self.directives.insert(name.clone(), definition);
        }
        Ok(())
    }

    fn add_roots(&mut self, part: &SchemaDefinition) -> Result<(), Refused> {
        for root in &part.operation_types {
            if !self.types.contains_key(&root.ty) {
                let (operation, ty) = (&root.operation, &root.ty);
                let message = format!("Schema root {operation} refers to a type {ty} that does not exist.");
                return Err(Refused::at(root.position, message));
            }
            match root.operation.as_str() {
                "query" => self.query = Some(root.ty.clone()),
                "mutation" => self.mutation = Some(root.ty.clone()),
                "subscription" => self.subscription = Some(root.ty.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Without a `schema` the roots are found by their names.
    fn infer_roots(&mut self) {
        let named = |name: &str| self.types.contains_key(name).then(|| name.to_owned());
        let (query, mutation, subscription) = (named("Query"), named("Mutation"), named("Subscription"));
        self.query = self.query.take().or(query);
        self.mutation = self.mutation.take().or(mutation);
        self.subscription = self.subscription.take().or(subscription);
    }

    fn add_introspection(&mut self) {
        let Some(query) = self.query.as_ref().and_then(|name| self.types.get_mut(name)) else { return };
        let name = ArgumentDefinition {
            description: String::new(),
            name: "name".to_owned(),
            default: None,
            ty: Type::new("String", true),
            directives: Vec::new(),
            position: None,
            comments: super::ast::Comments::default(),
        };
        query.fields.push(implicit_field("__schema", Type::new("__Schema", true), Vec::new()));
        query.fields.push(implicit_field("__type", Type::new("__Type", false), vec![name]));
    }
}

/// A field that no document defines.
pub(super) fn implicit_field(name: &str, ty: Type, arguments: Vec<ArgumentDefinition>) -> FieldDefinition {
    FieldDefinition {
        description: String::new(),
        name: name.to_owned(),
        arguments,
        default: None,
        ty,
        directives: Vec::new(),
        position: None,
        comments: super::ast::Comments::default(),
    }
}

fn prelude() -> Result<&'static SchemaDocument, Refused> {
    static PRELUDE: OnceLock<SchemaDocument> = OnceLock::new();
    if let Some(prelude) = PRELUDE.get() {
        return Ok(prelude);
    }
    let parsed = parse_prelude(include_str!("prelude.graphql"))?;
    Ok(PRELUDE.get_or_init(|| parsed))
}

/// The second of the first items that share a name.
fn repeated<'a, T>(items: &'a [T], name: impl Fn(&'a T) -> &'a str) -> Option<&'a T> {
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    for (index, item) in items.iter().enumerate() {
        if let Some(before) = first.insert(name(item), index) {
            second.entry(before).or_insert(item);
        }
    }
    second.into_values().next()
}
