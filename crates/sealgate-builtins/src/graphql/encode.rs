//! Syntax trees as Rego values. Lists and objects that are empty are left out, places too; texts, numbers and booleans
//! are always there, as OPA has it.

use super::ast::{
    Argument, ArgumentDefinition, ChildValue, Comment, Comments, Definition, Directive, DirectiveDefinition, EnumValue,
    Field, FieldDefinition, Fragment, FragmentSpread, InlineFragment, Operation, OperationType, QueryDocument,
    SchemaDefinition, SchemaDocument, Selection, Type, Value as Literal, VariableDefinition,
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

    fn maybe<T: Encode>(self, name: &str, item: Option<&T>) -> Self {
        match item {
            Some(item) => self.part(name, item.encode()),
            None => self,
        }
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

fn object() -> Object {
    Object::default()
}

impl Encode for QueryDocument {
    fn encode(&self) -> Value {
        object()
            .list("Operations", &self.operations)
            .list("Fragments", &self.fragments)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for Operation {
    fn encode(&self) -> Value {
        object()
            .with("Operation", self.operation.as_str())
            .with("Name", self.name.as_str())
            .list("VariableDefinitions", &self.variables)
            .list("Directives", &self.directives)
            .list("SelectionSet", &self.selections)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for VariableDefinition {
    fn encode(&self) -> Value {
        object()
            .with("Variable", self.variable.as_str())
            .part("Type", self.ty.encode())
            .maybe("DefaultValue", self.default.as_ref())
            .list("Directives", &self.directives)
            .comment("Comment", &self.comment)
            .with("Used", self.used)
            .done()
    }
}

impl Encode for Fragment {
    fn encode(&self) -> Value {
        object()
            .with("Name", self.name.as_str())
            .list("VariableDefinition", &self.variables)
            .with("TypeCondition", self.type_condition.as_str())
            .list("Directives", &self.directives)
            .list("SelectionSet", &self.selections)
            .comment("Comment", &self.comment)
            .done()
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

impl Encode for Field {
    fn encode(&self) -> Value {
        object()
            .with("Alias", self.alias.as_str())
            .with("Name", self.name.as_str())
            .list("Arguments", &self.arguments)
            .list("Directives", &self.directives)
            .list("SelectionSet", &self.selections)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for FragmentSpread {
    fn encode(&self) -> Value {
        object()
            .with("Name", self.name.as_str())
            .list("Directives", &self.directives)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for InlineFragment {
    fn encode(&self) -> Value {
        object()
            .with("TypeCondition", self.type_condition.as_str())
            .list("Directives", &self.directives)
            .list("SelectionSet", &self.selections)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for Argument {
    fn encode(&self) -> Value {
        object()
            .with("Name", self.name.as_str())
            .part("Value", self.value.encode())
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for Directive {
    fn encode(&self) -> Value {
        object()
            .with("Name", self.name.as_str())
            .list("Arguments", &self.arguments)
            .with("Location", self.location.as_str())
            .done()
    }
}

impl Encode for Type {
    fn encode(&self) -> Value {
        object()
            .with("NamedType", self.named.as_str())
            .maybe("Elem", self.element.as_deref())
            .with("NonNull", self.non_null)
            .done()
    }
}

impl Encode for Literal {
    fn encode(&self) -> Value {
        object()
            .with("Raw", self.raw.as_str())
            .list("Children", &self.children)
            .with("Kind", self.kind as i64)
            .comment("Comment", &self.comment)
            .with("ExpectedTypeHasDefault", self.expected_type_has_default)
            .done()
    }
}

impl Encode for ChildValue {
    fn encode(&self) -> Value {
        object()
            .with("Name", self.name.as_str())
            .part("Value", self.value.encode())
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for SchemaDocument {
    fn encode(&self) -> Value {
        object()
            .list("Schema", &self.schema)
            .list("SchemaExtension", &self.schema_extensions)
            .list("Directives", &self.directives)
            .list("Definitions", &self.definitions)
            .list("Extensions", &self.extensions)
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for SchemaDefinition {
    fn encode(&self) -> Value {
        object()
            .with("Description", self.description.as_str())
            .list("Directives", &self.directives)
            .list("OperationTypes", &self.operation_types)
            .comments(&self.comments)
            .done()
    }
}

impl Encode for OperationType {
    fn encode(&self) -> Value {
        object()
            .with("Operation", self.operation.as_str())
            .with("Type", self.ty.as_str())
            .comment("Comment", &self.comment)
            .done()
    }
}

impl Encode for DirectiveDefinition {
    fn encode(&self) -> Value {
        object()
            .with("Description", self.description.as_str())
            .with("Name", self.name.as_str())
            .list("Arguments", &self.arguments)
            .names("Locations", &self.locations)
            .with("IsRepeatable", self.repeatable)
            .comments(&self.comments)
            .done()
    }
}

impl Encode for Definition {
    fn encode(&self) -> Value {
        object()
            .with("Kind", self.kind.as_str())
            .with("Description", self.description.as_str())
            .with("Name", self.name.as_str())
            .list("Directives", &self.directives)
            .names("Interfaces", &self.interfaces)
            .list("Fields", &self.fields)
            .names("Types", &self.types)
            .list("EnumValues", &self.enum_values)
            .with("BuiltIn", self.built_in)
            .comments(&self.comments)
            .done()
    }
}

impl Encode for FieldDefinition {
    fn encode(&self) -> Value {
        object()
            .with("Description", self.description.as_str())
            .with("Name", self.name.as_str())
            .list("Arguments", &self.arguments)
            .maybe("DefaultValue", self.default.as_ref())
            .part("Type", self.ty.encode())
            .list("Directives", &self.directives)
            .comments(&self.comments)
            .done()
    }
}

impl Encode for ArgumentDefinition {
    fn encode(&self) -> Value {
        object()
            .with("Description", self.description.as_str())
            .with("Name", self.name.as_str())
            .maybe("DefaultValue", self.default.as_ref())
            .part("Type", self.ty.encode())
            .list("Directives", &self.directives)
            .comments(&self.comments)
            .done()
    }
}

impl Encode for EnumValue {
    fn encode(&self) -> Value {
        object()
            .with("Description", self.description.as_str())
            .with("Name", self.name.as_str())
            .list("Directives", &self.directives)
            .comments(&self.comments)
            .done()
    }
}
