//! Operations, fragments and selections.

use super::{Parsed, Parser};
use crate::graphql::ast::{
    Field, Fragment, FragmentSpread, InlineFragment, Operation, QueryDocument, Selection, VariableDefinition,
};
use crate::graphql::lexer::Kind;

impl Parser<'_> {
    pub(super) fn query_document(&mut self) -> Parsed<QueryDocument> {
        let mut document = QueryDocument::default();
        loop {
            match self.kind() {
                Kind::Eof => return Ok(document),
                Kind::BraceL => {
                    let position = self.position();
                    let selections = self.selections()?;
                    let operation = "query".to_owned();
                    document.operations.push(Operation { operation, position, selections, ..Operation::default() });
                }
                Kind::Name if ["query", "mutation", "subscription"].iter().any(|word| self.is_text(word)) => {
                    let operation = self.operation()?;
                    document.operations.push(operation);
                }
                Kind::Name if self.is_text("fragment") => {
                    let fragment = self.fragment()?;
                    document.fragments.push(fragment);
                }
                _ => return self.unexpected(),
            }
        }
    }

    fn operation(&mut self) -> Parsed<Operation> {
        let (position, comment) = (self.position(), self.comment());
        let operation = self.operation_type()?;
        let name = if self.kind() == Kind::Name { self.next()?.value } else { String::new() };
        let variables = self.variable_definitions()?;
        let directives = self.directives(false)?;
        let selections = self.selections()?;
        Ok(Operation { operation, name, variables, directives, selections, position, comment })
    }

    fn variable_definitions(&mut self) -> Parsed<Vec<VariableDefinition>> {
        let mut definitions = Vec::new();
        self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let (position, comment) = (parser.position(), parser.comment());
            let variable = parser.variable()?;
            parser.expect(Kind::Colon)?;
            let ty = parser.nested(4, Self::ty)?;
            let default =
                if parser.maybe(Kind::Equals)? { Some(parser.nested(4, |parser| parser.value(true))?) } else { None };
            let directives = parser.directives(false)?;
            let id = parser.ids.variable();
            definitions.push(VariableDefinition {
                id,
                variable,
                ty,
                default,
                directives,
                position,
                comment,
                used: false,
            });
            Ok(())
        })?;
        Ok(definitions)
    }

    /// A selection set, which must be there.
    fn selections(&mut self) -> Parsed<Vec<Selection>> {
        let found = self.kind();
        if found != Kind::BraceL {
            return self.expected(Kind::BraceL.text(), found.text());
        }
        let mut selections = Vec::new();
        self.nested(2, |parser| {
            parser.some(Kind::BraceL, Kind::BraceR, |parser| {
                selections.push(parser.selection()?);
                Ok(())
            })
        })?;
        Ok(selections)
    }

    fn selection(&mut self) -> Parsed<Selection> {
        if self.kind() == Kind::Spread { self.spread() } else { Ok(Selection::Field(self.field()?)) }
    }

    fn field(&mut self) -> Parsed<Field> {
        let (position, comment) = (self.position(), self.comment());
        let alias = self.name()?;
        let name = if self.maybe(Kind::Colon)? { self.name()? } else { alias.clone() };
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let selections = if self.kind() == Kind::BraceL { self.selections()? } else { Vec::new() };
        let id = self.ids.field();
        Ok(Field { id, alias, name, arguments, directives, selections, position, comment })
    }

    fn spread(&mut self) -> Parsed<Selection> {
        let comment = self.comment();
        self.expect(Kind::Spread)?;
        let position = self.position();
        if self.kind() == Kind::Name && !self.is_text("on") {
            let name = self.fragment_name()?;
            let directives = self.directives(false)?;
            let id = self.ids.spread();
            return Ok(Selection::Spread(FragmentSpread { id, name, directives, position, comment }));
        }
        let mut type_condition = String::new();
        if self.is_text("on") {
            self.next()?;
            type_condition = self.name()?;
        }
        let directives = self.directives(false)?;
        let selections = self.selections()?;
        Ok(Selection::Inline(InlineFragment { type_condition, directives, selections, position, comment }))
    }

    fn fragment(&mut self) -> Parsed<Fragment> {
        let (position, comment) = (self.position(), self.comment());
        self.expect_keyword("fragment")?;
        let name = self.fragment_name()?;
        let variables = self.variable_definitions()?;
        self.expect_keyword("on")?;
        let type_condition = self.name()?;
        let directives = self.directives(false)?;
        let selections = self.selections()?;
        Ok(Fragment { name, variables, type_condition, directives, selections, position, comment })
    }

    fn fragment_name(&mut self) -> Parsed<String> {
        if self.is_text("on") { self.unexpected() } else { self.name() }
    }
}
