//! Syntax trees that a policy passes as values. Reads them as OPA does, which reads JSON into its structures: names of
//! members regardless of case, unknown members ignored, absent ones empty, null as absent; every selection whose members
//! fit a field is a field, and comments of operations, fragments and fields are dropped.
//!
//! What validation has to say about a node (`Definition`, `ObjectDefinition`, `ExpectedType` …) is not taken from a value.

use std::collections::BTreeMap;

use super::ast::{
    Argument, ArgumentDefinition, ChildValue, Comment, Comments, Definition, Directive, DirectiveDefinition, EnumValue,
    Field, FieldDefinition, Fragment, FragmentSpread, Ids, InlineFragment, Operation, OperationType, QueryDocument,
    SchemaDefinition, SchemaDocument, Selection, Type, Value as Literal, ValueKind, VariableDefinition,
};
use super::error::{MAX_NESTING, Refused};
use crate::value::Value;

type Decoded<T> = Result<T, Refused>;

/// # Errors
/// [`Refused`] for a value that is not such a document.
pub(super) fn query(value: &Value) -> Decoded<QueryDocument> {
    let mut reader = Reader::default();
    let object = reader.members(value)?;
    let operations = reader.list(&object, "Operations", Reader::operation)?;
    let fragments = reader.list(&object, "Fragments", Reader::fragment)?;
    let comment = reader.comment(&object, "Comment")?;
    Ok(QueryDocument { operations, fragments, comment, counts: reader.ids.0 })
}

/// # Errors
/// [`Refused`] for a value that is not such a document.
pub(super) fn schema(value: &Value) -> Decoded<SchemaDocument> {
    let mut reader = Reader::default();
    let object = reader.members(value)?;
    Ok(SchemaDocument {
        schema: reader.list(&object, "Schema", Reader::schema_definition)?,
        schema_extensions: reader.list(&object, "SchemaExtension", Reader::schema_definition)?,
        directives: reader.list(&object, "Directives", Reader::directive_definition)?,
        definitions: reader.list(&object, "Definitions", Reader::definition)?,
        extensions: reader.list(&object, "Extensions", Reader::definition)?,
        comment: reader.comment(&object, "Comment")?,
    })
}

/// An object's members by name.
struct Members<'v> {
    by_name: BTreeMap<&'v str, &'v Value>,
    /// Whether names are looked up as written only.
    exact: bool,
}

impl<'v> Members<'v> {
    /// The member, unless it is null.
    fn get(&self, name: &str) -> Option<&'v Value> {
        let found = self.by_name.get(name).copied();
        let mut alike = self.by_name.iter().filter(|(key, _)| !self.exact && key.eq_ignore_ascii_case(name));
        found.or_else(|| alike.next().map(|(_, value)| *value)).filter(|value| !matches!(value, Value::Null))
    }

    fn text(&self, name: &str) -> Decoded<String> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => wrong(name, "string", other),
        }
    }

    fn flag(&self, name: &str) -> Decoded<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => wrong(name, "boolean", other),
        }
    }

    fn texts(&self, name: &str) -> Decoded<Vec<String>> {
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(String::new()),
            other => wrong(name, "string", other),
        };
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(items @ (Value::Array(_) | Value::Set(_))) => {
                items.elements().into_iter().flatten().map(text).collect()
            }
            Some(other) => wrong(name, "array", other),
        }
    }
}

fn wrong<T>(name: &str, wanted: &str, got: &Value) -> Decoded<T> {
    Err(Refused::Shape(format!("GraphQL syntax tree: `{name}` must be {wanted} but is {}", got.type_name())))
}

#[derive(Default)]
struct Reader {
    ids: Ids,
    nesting: usize,
}

impl Reader {
    fn members<'v>(&self, value: &'v Value) -> Decoded<Members<'v>> {
        match value {
            Value::Object(fields) => {
                let by_name = fields.iter().filter_map(|(key, value)| Some((key.as_str()?, value))).collect();
                Ok(Members { by_name, exact: false })
            }
            other => wrong("node", "object", other),
        }
    }

    /// The members of a node whose names count as written.
    fn exact<'v>(&self, value: &'v Value) -> Decoded<Members<'v>> {
        Ok(Members { exact: true, ..self.members(value)? })
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        self.nesting = self.nesting.saturating_add(1);
        if self.nesting > MAX_NESTING {
            return Err(Refused::Bound(format!("GraphQL syntax tree nests more than {MAX_NESTING} levels")));
        }
        let result = inner(self);
        self.nesting = self.nesting.saturating_sub(1);
        result
    }

    fn list<T>(
        &mut self,
        object: &Members<'_>,
        name: &str,
        item: impl Fn(&mut Self, &Value) -> Decoded<T>,
    ) -> Decoded<Vec<T>> {
        match object.get(name) {
            None => Ok(Vec::new()),
            Some(items @ (Value::Array(_) | Value::Set(_))) => self
                .nested(|reader| items.elements().into_iter().flatten().map(|element| item(reader, element)).collect()),
            Some(other) => wrong(name, "array", other),
        }
    }

    /// A member that must be there.
    fn needed<T>(
        &mut self,
        object: &Members<'_>,
        name: &str,
        item: impl Fn(&mut Self, &Value) -> Decoded<T>,
    ) -> Decoded<T> {
        match object.get(name) {
            Some(value) => self.nested(|reader| item(reader, value)),
            None => Err(Refused::Shape(format!("GraphQL syntax tree: a node has no `{name}`"))),
        }
    }

    fn maybe<T>(
        &mut self,
        object: &Members<'_>,
        name: &str,
        item: impl Fn(&mut Self, &Value) -> Decoded<T>,
    ) -> Decoded<Option<T>> {
        object.get(name).map(|value| self.nested(|reader| item(reader, value))).transpose()
    }

    fn comment(&mut self, object: &Members<'_>, name: &str) -> Decoded<Comment> {
        let group = self.maybe(object, name, |reader, value| {
            let group = reader.members(value)?;
            reader.list(&group, "List", |reader, line| reader.members(line)?.text("Value"))
        })?;
        Ok(group.filter(|lines| !lines.is_empty()))
    }

    fn comments(&mut self, object: &Members<'_>) -> Decoded<Comments> {
        Ok(Comments {
            before_description: self.comment(object, "BeforeDescriptionComment")?,
            after_description: self.comment(object, "AfterDescriptionComment")?,
            end: None,
        })
    }

    fn definition_comments(&mut self, object: &Members<'_>) -> Decoded<Comments> {
        let end = self.comment(object, "EndOfDefinitionComment")?;
        Ok(Comments { end, ..self.comments(object)? })
    }

    fn operation(&mut self, value: &Value) -> Decoded<Operation> {
        let object = self.exact(value)?;
        let operation = object.text("Operation")?;
        if !["", "query", "mutation", "subscription"].contains(&operation.as_str()) {
            return Err(Refused::Shape(format!("GraphQL syntax tree: unknown operation type `{operation}`")));
        }
        Ok(Operation {
            operation,
            name: object.text("Name")?,
            variables: self.list(&object, "VariableDefinitions", Self::variable)?,
            directives: self.list(&object, "Directives", Self::directive)?,
            selections: self.selections(&object)?,
            position: None,
            comment: None,
        })
    }

    fn fragment(&mut self, value: &Value) -> Decoded<Fragment> {
        let object = self.exact(value)?;
        Ok(Fragment {
            name: object.text("Name")?,
            variables: self.list(&object, "VariableDefinition", Self::variable)?,
            type_condition: object.text("TypeCondition")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            selections: self.selections(&object)?,
            position: None,
            comment: None,
        })
    }

    fn variable(&mut self, value: &Value) -> Decoded<VariableDefinition> {
        let object = self.members(value)?;
        Ok(VariableDefinition {
            id: self.ids.variable(),
            variable: object.text("Variable")?,
            ty: self.needed(&object, "Type", Self::ty)?,
            default: self.maybe(&object, "DefaultValue", Self::literal)?,
            directives: self.list(&object, "Directives", Self::directive)?,
            position: None,
            comment: self.comment(&object, "Comment")?,
            used: object.flag("Used")?,
        })
    }

    fn selections(&mut self, object: &Members<'_>) -> Decoded<Vec<Selection>> {
        let found = self.list(object, "SelectionSet", Self::selection)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What is neither is left out.
    fn selection(&mut self, value: &Value) -> Decoded<Option<Selection>> {
        let value = if matches!(value, Value::Null) { &Value::Object(BTreeMap::new()) } else { value };
        let nesting = self.nesting;
        let mut tried = [
            |reader: &mut Self, value: &Value| reader.field(value).map(Selection::Field),
            |reader: &mut Self, value: &Value| reader.spread(value).map(Selection::Spread),
            |reader: &mut Self, value: &Value| reader.inline(value).map(Selection::Inline),
        ]
        .into_iter();
        loop {
            let Some(attempt) = tried.next() else { return Ok(None) };
            match attempt(self, value) {
                Ok(selection) => return Ok(Some(selection)),
                Err(Refused::Bound(problem)) => return Err(Refused::Bound(problem)),
                Err(_) => self.nesting = nesting,
            }
        }
    }

    fn field(&mut self, value: &Value) -> Decoded<Field> {
        let object = self.exact(value)?;
        Ok(Field {
            id: self.ids.field(),
            alias: object.text("Alias")?,
            name: object.text("Name")?,
            arguments: self.list(&object, "Arguments", Self::argument)?,
            directives: self.list(&object, "Directives", Self::directive)?,
            selections: self.selections(&object)?,
            position: None,
            comment: None,
        })
    }

    fn spread(&mut self, value: &Value) -> Decoded<FragmentSpread> {
        let object = self.members(value)?;
        Ok(FragmentSpread {
            id: self.ids.spread(),
            name: object.text("Name")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            position: None,
            comment: self.comment(&object, "Comment")?,
        })
    }

    fn inline(&mut self, value: &Value) -> Decoded<InlineFragment> {
        let object = self.exact(value)?;
        Ok(InlineFragment {
            type_condition: object.text("TypeCondition")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            selections: self.selections(&object)?,
            position: None,
            comment: None,
        })
    }

    fn argument(&mut self, value: &Value) -> Decoded<Argument> {
        let object = self.members(value)?;
        Ok(Argument {
            name: object.text("Name")?,
            value: self.needed(&object, "Value", Self::literal)?,
            position: None,
            comment: self.comment(&object, "Comment")?,
        })
    }

    fn directive(&mut self, value: &Value) -> Decoded<Directive> {
        let object = self.members(value)?;
        Ok(Directive {
            name: object.text("Name")?,
            arguments: self.list(&object, "Arguments", Self::argument)?,
            position: None,
            location: object.text("Location")?,
        })
    }

    fn ty(&mut self, value: &Value) -> Decoded<Type> {
        let object = self.members(value)?;
        let named = object.text("NamedType")?;
        let element = self.maybe(&object, "Elem", Self::ty)?.map(Box::new);
        if named.is_empty() && element.is_none() {
            return Err(Refused::Shape("GraphQL syntax tree: a type has neither name nor element".to_owned()));
        }
        Ok(Type { named, element, non_null: object.flag("NonNull")?, position: None })
    }

    fn literal(&mut self, value: &Value) -> Decoded<Literal> {
        let object = self.members(value)?;
        let kind = match object.get("Kind") {
            None => Some(ValueKind::Variable),
            Some(Value::Number(number)) => {
                let index = number.as_i64().and_then(|number| usize::try_from(number).ok());
                index.and_then(|index| ValueKind::ALL.get(index).copied())
            }
            Some(other) => return wrong("Kind", "number", other),
        };
        let Some(kind) = kind else {
            return Err(Refused::Shape("GraphQL syntax tree: unknown kind of value".to_owned()));
        };
        Ok(Literal {
            id: self.ids.value(),
            raw: object.text("Raw")?,
            children: self.list(&object, "Children", Self::child)?,
            kind,
            position: None,
            comment: self.comment(&object, "Comment")?,
            expected_type_has_default: object.flag("ExpectedTypeHasDefault")?,
        })
    }

    fn child(&mut self, value: &Value) -> Decoded<ChildValue> {
        let object = self.members(value)?;
        Ok(ChildValue {
            name: object.text("Name")?,
            value: self.needed(&object, "Value", Self::literal)?,
            position: None,
            comment: self.comment(&object, "Comment")?,
        })
    }

    fn schema_definition(&mut self, value: &Value) -> Decoded<SchemaDefinition> {
        let object = self.members(value)?;
        Ok(SchemaDefinition {
            description: object.text("Description")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            operation_types: self.list(&object, "OperationTypes", Self::operation_type)?,
            position: None,
            comments: self.definition_comments(&object)?,
        })
    }

    fn operation_type(&mut self, value: &Value) -> Decoded<OperationType> {
        let object = self.members(value)?;
        Ok(OperationType {
            operation: object.text("Operation")?,
            ty: object.text("Type")?,
            position: None,
            comment: self.comment(&object, "Comment")?,
        })
    }

    fn directive_definition(&mut self, value: &Value) -> Decoded<DirectiveDefinition> {
        let object = self.members(value)?;
        Ok(DirectiveDefinition {
            description: object.text("Description")?,
            name: object.text("Name")?,
            arguments: self.list(&object, "Arguments", Self::argument_definition)?,
            locations: object.texts("Locations")?,
            repeatable: object.flag("IsRepeatable")?,
            position: None,
            comments: self.comments(&object)?,
        })
    }

    fn definition(&mut self, value: &Value) -> Decoded<Definition> {
        let object = self.members(value)?;
        Ok(Definition {
            kind: object.text("Kind")?,
            description: object.text("Description")?,
            name: object.text("Name")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            interfaces: object.texts("Interfaces")?,
            fields: self.list(&object, "Fields", Self::field_definition)?,
            types: object.texts("Types")?,
            type_positions: Vec::new(),
            enum_values: self.list(&object, "EnumValues", Self::enum_value)?,
            position: None,
            built_in: object.flag("BuiltIn")?,
            comments: self.definition_comments(&object)?,
        })
    }

    fn field_definition(&mut self, value: &Value) -> Decoded<FieldDefinition> {
        let object = self.members(value)?;
        Ok(FieldDefinition {
            description: object.text("Description")?,
            name: object.text("Name")?,
            arguments: self.list(&object, "Arguments", Self::argument_definition)?,
            default: self.maybe(&object, "DefaultValue", Self::literal)?,
            ty: self.needed(&object, "Type", Self::ty)?,
            directives: self.list(&object, "Directives", Self::directive)?,
            position: None,
            comments: self.comments(&object)?,
        })
    }

    fn argument_definition(&mut self, value: &Value) -> Decoded<ArgumentDefinition> {
        let object = self.members(value)?;
        Ok(ArgumentDefinition {
            description: object.text("Description")?,
            name: object.text("Name")?,
            default: self.maybe(&object, "DefaultValue", Self::literal)?,
            ty: self.needed(&object, "Type", Self::ty)?,
            directives: self.list(&object, "Directives", Self::directive)?,
            position: None,
            comments: self.comments(&object)?,
        })
    }

    fn enum_value(&mut self, value: &Value) -> Decoded<EnumValue> {
        let object = self.members(value)?;
        Ok(EnumValue {
            description: object.text("Description")?,
            name: object.text("Name")?,
            directives: self.list(&object, "Directives", Self::directive)?,
            position: None,
            comments: self.comments(&object)?,
        })
    }
}
