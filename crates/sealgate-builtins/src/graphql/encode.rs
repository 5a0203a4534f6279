//! Syntax trees as Rego values. Lists and objects that are empty are left out, places too; texts, numbers and booleans
//! are always there, as OPA has it.

use super::ast::{
    Argument, ArgumentDefinition, ChildValue, Comment, Comments, Definition, Directive, DirectiveDefinition, EnumValue,
    Field, FieldDefinition, Fragment, FragmentSpread, InlineFragment, Operation, OperationType, QueryDocument,
    SchemaDefinition, SchemaDocument, Selection, Type, Value as Literal, ValueKind, VariableDefinition,
};
use crate::value::Value;

/// What a node becomes.
pub(super) trait Encode {
    fn encode(&self) -> Value;
}

/// An object under construction.
#[derive(Default)]
struct Object(std::collections::BTreeMap<Value, Value>);

impl Object {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Left out if there is nothing in it.
    fn part(self, name: &str, value: Value) -> Self {
        let empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if empty { self } else { self.with(name, value) }
    }

    fn list<T: Encode>(self, name: &str, items: &[T]) -> Self {
        let items = items.iter().map(Encode::encode);
        let full = items.filter(|item| !matches!(item, Value::Object(fields) if fields.is_empty()));
        self.part(name, Value::Array(full.collect()))
    }

    fn names(self, name: &str, items: &[String]) -> Self {
        self.part(name, Value::Array(items.iter().map(|item| item.as_str().into()).collect()))
    }

    fn node<T: Encode>(self, name: &str, item: &T) -> Self {
        self.part(name, item.encode())
    }

    fn maybe<T: Encode>(self, name: &str, item: &Option<T>) -> Self {
        match item {
            Some(item) => self.node(name, item),
            None => self,
        }
    }

    fn text(self, name: &str, text: &str) -> Self {
        self.with(name, text)
    }

    fn flag(self, name: &str, flag: &bool) -> Self {
        self.with(name, *flag)
    }

    fn kind(self, name: &str, kind: &ValueKind) -> Self {
        self.with(name, *kind as i64)
    }

    fn comment(self, name: &str, comment: &Comment) -> Self {
        let lines = comment.iter().flatten().map(|line| Self::default().with("Value", line.as_str()).done());
        self.part(name, Self::default().part("List", Value::Array(lines.collect())).done())
    }

    fn comments(self, comments: &Comments) -> Self {
        self.comment("BeforeDescriptionComment", &comments.before_description)
            .comment("AfterDescriptionComment", &comments.after_description)
            .comment("EndOfDefinitionComment", &comments.end)
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self) -> Value {
        (**self).encode()
    }
}

impl Encode for Selection {
    fn encode(&self) -> Value {
        match self {
            Self::Field(field) => field.encode(),
            Self::Spread(spread) => spread.encode(),
            Self::Inline(fragment) => fragment.encode(),
        }
    }
}

/// Writes [`Encode`] for kinds of nodes: the name of each member, how [`Object`] writes it, and the field that holds it.
macro_rules! encode {
    ($($node:ident { $($name:literal: $how:ident $field:ident,)* } $(+ $comments:ident)?)*) => {$(
        impl Encode for $node {
            fn encode(&self) -> Value {
                Object::default()$(.$how($name, &self.$field))*$(.comments(&self.$comments))?.done()
            }
        }
    )*};
}

encode! {
    QueryDocument {
        "Operations": list operations,
        "Fragments": list fragments,
        "Comment": comment comment,
    }

    Operation {
        "Operation": text operation,
        "Name": text name,
        "VariableDefinitions": list variables,
        "Directives": list directives,
        "SelectionSet": list selections,
        "Comment": comment comment,
    }

    VariableDefinition {
        "Variable": text variable,
        "Type": node ty,
        "DefaultValue": maybe default,
        "Directives": list directives,
        "Comment": comment comment,
        "Used": flag used,
    }

    Fragment {
        "Name": text name,
        "VariableDefinition": list variables,
        "TypeCondition": text type_condition,
        "Directives": list directives,
        "SelectionSet": list selections,
        "Comment": comment comment,
    }

    Field {
        "Alias": text alias,
        "Name": text name,
        "Arguments": list arguments,
        "Directives": list directives,
        "SelectionSet": list selections,
        "Comment": comment comment,
    }

    FragmentSpread {
        "Name": text name,
        "Directives": list directives,
        "Comment": comment comment,
    }

    InlineFragment {
        "TypeCondition": text type_condition,
        "Directives": list directives,
        "SelectionSet": list selections,
        "Comment": comment comment,
    }

    Argument {
        "Name": text name,
        "Value": node value,
        "Comment": comment comment,
    }

    Directive {
        "Name": text name,
        "Arguments": list arguments,
        "Location": text location,
    }

    Type {
        "NamedType": text named,
        "Elem": maybe element,
        "NonNull": flag non_null,
    }

    Literal {
        "Raw": text raw,
        "Children": list children,
        "Kind": kind kind,
        "Comment": comment comment,
        "ExpectedTypeHasDefault": flag expected_type_has_default,
    }

    ChildValue {
        "Name": text name,
        "Value": node value,
        "Comment": comment comment,
    }

    SchemaDocument {
        "Schema": list schema,
        "SchemaExtension": list schema_extensions,
        "Directives": list directives,
        "Definitions": list definitions,
        "Extensions": list extensions,
        "Comment": comment comment,
    }

    SchemaDefinition {
        "Description": text description,
        "Directives": list directives,
        "OperationTypes": list operation_types,
    } + comments

    OperationType {
        "Operation": text operation,
        "Type": text ty,
        "Comment": comment comment,
    }

    DirectiveDefinition {
        "Description": text description,
        "Name": text name,
        "Arguments": list arguments,
        "Locations": names locations,
        "IsRepeatable": flag repeatable,
    } + comments

    Definition {
        "Kind": text kind,
        "Description": text description,
        "Name": text name,
        "Directives": list directives,
        "Interfaces": names interfaces,
        "Fields": list fields,
        "Types": names types,
        "EnumValues": list enum_values,
        "BuiltIn": flag built_in,
    } + comments

    FieldDefinition {
        "Description": text description,
        "Name": text name,
        "Arguments": list arguments,
        "DefaultValue": maybe default,
        "Type": node ty,
        "Directives": list directives,
    } + comments

    ArgumentDefinition {
        "Description": text description,
        "Name": text name,
        "DefaultValue": maybe default,
        "Type": node ty,
        "Directives": list directives,
    } + comments

    EnumValue {
        "Description": text description,
        "Name": text name,
        "Directives": list directives,
    } + comments
}
