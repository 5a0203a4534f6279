//! Definitions of types, directives and the schema, and extensions of them.

use super::{Parsed, Parser};
use crate::graphql::ast::{
    ArgumentDefinition, Comment, Comments, Definition, DirectiveDefinition, EnumValue, FieldDefinition, OperationType,
    Position, SchemaDefinition, SchemaDocument, kind,
};
use crate::graphql::error::Refused;
use crate::graphql::lexer::Kind;

const LOCATIONS: [&str; 19] = [
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

/// A description and the comments before it.
#[derive(Default)]
struct Description {
    text: String,
    comment: Comment,
}

/// Which definition a keyword begins.
fn kind_of(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "scalar" => kind::SCALAR,
        "type" => kind::OBJECT,
        "interface" => kind::INTERFACE,
        "union" => kind::UNION,
        "enum" => kind::ENUM,
        "input" => kind::INPUT_OBJECT,
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn schema_document(&mut self) -> Parsed<SchemaDocument> {
        let mut document = SchemaDocument::default();
        while self.kind() != Kind::Eof {
            let description = self.description()?;
            if self.kind() != Kind::Name {
                return self.unexpected();
            }
            let keyword = self.look().0.value.clone();
            match keyword.as_str() {
                "schema" => {
                    let comment = self.expect_keyword("schema")?;
                    let definition = self.schema_definition(description, comment)?;
                    document.schema.push(definition);
                }
                "directive" => {
                    let definition = self.directive_definition(description)?;
                    document.directives.push(definition);
                }
                "extend" => {
                    if !description.text.is_empty()
                        && let Some(text) = self.previous.clone()
                    {
                        return Err(Refused::at(Some(text.position), format!("Unexpected {}", text.shown())));
                    }
                    self.extension(&mut document)?;
                }
                other => match kind_of(other) {
                    Some(kind) => {
                        let comment = self.expect_keyword(other)?;
                        let definition = self.definition(kind, false, description, comment)?;
                        document.definitions.push(definition);
                    }
                    None => return self.unexpected(),
                },
            }
        }
        document.comment = self.comment();
        Ok(document)
    }

    fn description(&mut self) -> Parsed<Description> {
        if !matches!(self.kind(), Kind::String | Kind::BlockString) {
            return Ok(Description::default());
        }
        let comment = self.comment();
        Ok(Description { text: self.next()?.value, comment })
    }

    fn extension(&mut self, document: &mut SchemaDocument) -> Parsed<()> {
        let comment = self.expect_keyword("extend")?;
        let keyword = self.look().0.value.clone();
        if keyword == "schema" {
            self.expect_keyword("schema")?;
            let definition = self.schema_definition(Description::default(), comment)?;
            if definition.directives.is_empty() && definition.operation_types.is_empty() {
                return self.unexpected();
            }
            document.schema_extensions.push(definition);
            return Ok(());
        }
        let Some(kind) = kind_of(&keyword) else { return self.unexpected() };
        self.expect_keyword(&keyword)?;
        let definition = self.definition(kind, true, Description::default(), comment)?;
        let says_nothing = definition.interfaces.is_empty()
            && definition.directives.is_empty()
            && definition.fields.is_empty()
            && definition.types.is_empty()
            && definition.enum_values.is_empty();
        if says_nothing {
            return self.unexpected();
        }
        document.extensions.push(definition);
        Ok(())
    }

    fn schema_definition(&mut self, description: Description, comment: Comment) -> Parsed<SchemaDefinition> {
        let position = self.position();
        let directives = self.directives(true)?;
        let mut operation_types = Vec::new();
        let end = self.some(Kind::BraceL, Kind::BraceR, |parser| {
            let (position, comment) = (parser.position(), parser.comment());
            let operation = parser.operation_type()?;
            parser.expect(Kind::Colon)?;
            let ty = parser.name()?;
            operation_types.push(OperationType { operation, ty, position, comment });
            Ok(())
        })?;
        let comments = Comments { before_description: description.comment, after_description: comment, end };
        Ok(SchemaDefinition { description: description.text, directives, operation_types, position, comments })
    }

    /// What follows the keyword of a type's definition or extension.
    fn definition(
        &mut self,
        kind: &str,
        extends: bool,
        description: Description,
        comment: Comment,
    ) -> Parsed<Definition> {
        let position = self.position();
        let name = self.name()?;
        let comments = Comments { before_description: description.comment, after_description: comment, end: None };
        let mut definition = Definition {
            kind: kind.to_owned(),
            description: description.text,
            name,
            position,
            comments,
            ..Definition::default()
        };
        if kind == kind::OBJECT || (kind == kind::INTERFACE && !extends) {
            definition.interfaces = self.interfaces()?;
        }
        // The one place where the reference takes variables in a schema.
        definition.directives = self.directives(!(kind == kind::INPUT_OBJECT && extends))?;
        match kind {
            kind::OBJECT | kind::INTERFACE => {
                definition.comments.end = self.some(Kind::BraceL, Kind::BraceR, |parser| {
                    definition.fields.push(parser.field_definition(false)?);
                    Ok(())
                })?;
            }
            kind::INPUT_OBJECT => {
                definition.comments.end = self.some(Kind::BraceL, Kind::BraceR, |parser| {
                    definition.fields.push(parser.field_definition(true)?);
                    Ok(())
                })?;
            }
            kind::ENUM => {
                definition.comments.end = self.some(Kind::BraceL, Kind::BraceR, |parser| {
                    definition.enum_values.push(parser.enum_value()?);
                    Ok(())
                })?;
            }
            kind::UNION => (definition.types, definition.type_positions) = self.union_members()?,
            _ => {}
        }
        Ok(definition)
    }

    fn interfaces(&mut self) -> Parsed<Vec<String>> {
        let mut interfaces = Vec::new();
        if self.is_text("implements") {
            self.next()?;
            self.maybe(Kind::Amp)?;
            interfaces.push(self.name()?);
            while self.maybe(Kind::Amp)? {
                interfaces.push(self.name()?);
            }
        }
        Ok(interfaces)
    }

    fn union_members(&mut self) -> Parsed<(Vec<String>, Vec<Option<Position>>)> {
        let (mut names, mut positions) = (Vec::new(), Vec::new());
        if self.maybe(Kind::Equals)? {
            self.maybe(Kind::Pipe)?;
            loop {
                positions.push(self.position());
                names.push(self.name()?);
                if !self.maybe(Kind::Pipe)? {
                    break;
                }
            }
        }
        Ok((names, positions))
    }

    /// The description of a part, whose comments count only where it has one, and those after it.
    fn part(&mut self) -> Parsed<(String, Comments)> {
        let description = self.description()?;
        let before_description = if description.text.is_empty() { None } else { description.comment };
        Ok((description.text, Comments { before_description, after_description: self.comment(), end: None }))
    }

    /// A field of an object, or of an input object: that one has no arguments and may have a default.
    fn field_definition(&mut self, input: bool) -> Parsed<FieldDefinition> {
        let (description, comments) = self.part()?;
        let position = self.position();
        let name = self.name()?;
        let arguments = if input { Vec::new() } else { self.argument_definitions()? };
        self.expect(Kind::Colon)?;
        let ty = self.nested(6, Self::ty)?;
        let default =
            if input && self.maybe(Kind::Equals)? { Some(self.nested(6, |parser| parser.value(true))?) } else { None };
        let directives = self.directives(true)?;
        Ok(FieldDefinition { description, name, arguments, default, ty, directives, position, comments })
    }

    fn argument_definitions(&mut self) -> Parsed<Vec<ArgumentDefinition>> {
        let mut arguments = Vec::new();
        self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let (description, comments) = parser.part()?;
            let position = parser.position();
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            let ty = parser.nested(8, Self::ty)?;
            let default =
                if parser.maybe(Kind::Equals)? { Some(parser.nested(8, |parser| parser.value(true))?) } else { None };
            let directives = parser.directives(true)?;
            arguments.push(ArgumentDefinition { description, name, default, ty, directives, position, comments });
            Ok(())
        })?;
        Ok(arguments)
    }

    fn enum_value(&mut self) -> Parsed<EnumValue> {
        let (description, comments) = self.part()?;
        let position = self.position();
        let name = self.name()?;
        let directives = self.directives(true)?;
        Ok(EnumValue { description, name, directives, position, comments })
    }

    fn directive_definition(&mut self, description: Description) -> Parsed<DirectiveDefinition> {
        let comment = self.expect_keyword("directive")?;
        self.expect(Kind::At)?;
        let position = self.position();
        let name = self.name()?;
        let arguments = self.argument_definitions()?;
        let repeatable = self.is_name("repeatable");
        if repeatable {
            self.next()?;
        }
        self.expect_keyword("on")?;
        self.maybe(Kind::Pipe)?;
        let mut locations = vec![self.location()?];
        while self.maybe(Kind::Pipe)? {
            locations.push(self.location()?);
        }
        let comments = Comments { before_description: description.comment, after_description: comment, end: None };
        let description = description.text;
        Ok(DirectiveDefinition { description, name, arguments, locations, repeatable, position, comments })
    }

    fn location(&mut self) -> Parsed<String> {
        let token = self.expect(Kind::Name)?;
        if LOCATIONS.contains(&token.value.as_str()) {
            return Ok(token.value);
        }
        Err(Refused::at(Some(token.position), format!("Unexpected {}", token.shown())))
    }
}
