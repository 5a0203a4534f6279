//! GraphQL text to a syntax tree. Accepts what OPA's parser accepts, and refuses the rest with its words; bounded in text
//! and nesting.

mod query;
mod schema;

use super::ast::{
    Argument, ChildValue, Comment, Directive, Ids, Position, QueryDocument, SchemaDocument, Type, Value, ValueKind,
};
use super::error::{MAX_NESTING, MAX_TEXT, Refused, quote};
use super::lexer::{Kind, Lexer, Token};

type Parsed<T> = Result<T, Refused>;

/// # Errors
/// [`Refused`] for text that is no query document, or over the bounds.
pub(super) fn parse_query(text: &str) -> Parsed<QueryDocument> {
    let mut parser = Parser::new(text, false)?;
    let mut document = parser.query_document()?;
    document.counts = parser.ids.0;
    Ok(document)
}

/// # Errors
/// [`Refused`] for text that is no schema document, or over the bounds.
pub(super) fn parse_schema(text: &str) -> Parsed<SchemaDocument> {
    Parser::new(text, false)?.schema_document()
}

/// The definitions that every schema has.
///
/// # Errors
/// None in practice.
pub(super) fn parse_prelude(text: &str) -> Parsed<SchemaDocument> {
    let mut document = Parser::new(text, true)?.schema_document()?;
    for definition in &mut document.definitions {
        definition.built_in = true;
    }
    Ok(document)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that was looked at, with the comments before it.
    peeked: Option<(Token, Comment)>,
    previous: Option<Token>,
    nesting: usize,
    ids: Ids,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, prelude: bool) -> Parsed<Self> {
        if text.len() > MAX_TEXT {
            return Err(Refused::Bound(format!("GraphQL text has {} bytes, more than {MAX_TEXT}", text.len())));
        }
        let ids = Ids::default();
        Ok(Self { lexer: Lexer::new(text, prelude), peeked: None, previous: None, nesting: 0, ids })
    }

    fn look(&mut self) -> &(Token, Comment) {
        let lexer = &mut self.lexer;
        self.peeked.get_or_insert_with(|| {
            let mut comments = Vec::new();
            loop {
                let token = lexer.read();
                if token.kind != Kind::Comment {
                    return (token, (!comments.is_empty()).then_some(comments));
                }
                comments.push(token.value);
            }
        })
    }

    fn kind(&mut self) -> Kind {
        self.look().0.kind
    }

    fn position(&mut self) -> Option<Position> {
        Some(self.look().0.position)
    }

    /// The comments before the next token.
    fn comment(&mut self) -> Comment {
        self.look().1.clone()
    }

    fn is_name(&mut self, name: &str) -> bool {
        let token = &self.look().0;
        token.kind == Kind::Name && token.value == name
    }

    /// Whether the next token's text is this, be it a name or a string.
    fn is_text(&mut self, text: &str) -> bool {
        self.look().0.value == text
    }

    fn next(&mut self) -> Parsed<Token> {
        self.look();
        let Some((mut token, _)) = self.peeked.take() else { return Err(Refused::Shape(String::new())) };
        if let Some(problem) = token.problem.take() {
            return Err(Refused::One(problem));
        }
        self.previous = Some(token.clone());
        Ok(token)
    }

    fn expected<T>(&mut self, what: &str, found: &str) -> Parsed<T> {
        Err(Refused::at(self.position(), format!("Expected {what}, found {found}")))
    }

    fn unexpected<T>(&mut self) -> Parsed<T> {
        let token = &self.look().0;
        Err(Refused::at(Some(token.position), format!("Unexpected {}", token.shown())))
    }

    fn expect(&mut self, kind: Kind) -> Parsed<Token> {
        let found = self.kind();
        if found == kind { self.next() } else { self.expected(kind.text(), found.text()) }
    }

    /// Gives the comments before the keyword.
    fn expect_keyword(&mut self, word: &str) -> Parsed<Comment> {
        if self.is_name(word) {
            let comment = self.comment();
            self.next()?;
            return Ok(comment);
        }
        let found = self.look().0.shown();
        self.expected(&quote(word), &found)
    }

    fn maybe(&mut self, kind: Kind) -> Parsed<bool> {
        let found = self.kind() == kind;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Items between two brackets, or nothing at all; gives the comments before the closing one.
    fn some(&mut self, open: Kind, close: Kind, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<Comment> {
        if !self.maybe(open)? {
            return Ok(None);
        }
        if self.kind() == close {
            let message = format!("expected at least one definition, found {}", close.text());
            return Err(Refused::at(self.position(), message));
        }
        self.many(close, &mut item)
    }

    /// Items up to the closing bracket.
    fn many(&mut self, close: Kind, item: &mut dyn FnMut(&mut Self) -> Parsed<()>) -> Parsed<Comment> {
        while self.kind() != close {
            item(self)?;
        }
        let comment = self.comment();
        self.next()?;
        Ok(comment)
    }

    /// Runs `inner` as deep as the levels of the value that it makes.
    fn nested<T>(&mut self, levels: usize, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let before = self.nesting;
        self.nesting = before.saturating_add(levels);
        if self.nesting > MAX_NESTING {
            return Err(Refused::Bound(format!(
                "GraphQL text nests more than {MAX_NESTING} levels of its syntax tree"
            )));
        }
        let result = inner(self);
        self.nesting = before;
        result
    }

    fn name(&mut self) -> Parsed<String> {
        Ok(self.expect(Kind::Name)?.value)
    }

    fn ty(&mut self) -> Parsed<Type> {
        let (mut named, mut element) = (String::new(), None);
        let position;
        if self.maybe(Kind::BracketL)? {
            position = self.position();
            element = Some(Box::new(self.nested(1, Self::ty)?));
            self.expect(Kind::BracketR)?;
        } else {
            position = self.position();
            named = self.name()?;
        }
        let non_null = self.maybe(Kind::Bang)?;
        Ok(Type { named, element, non_null, position })
    }

    /// `constant` literals hold no variables.
    fn directives(&mut self, constant: bool) -> Parsed<Vec<Directive>> {
        let mut directives = Vec::new();
        while self.maybe(Kind::At)? {
            let position = self.position();
            let name = self.name()?;
            let arguments = self.nested(3, |parser| parser.arguments(constant))?;
            directives.push(Directive { name, arguments, position, location: String::new() });
        }
        Ok(directives)
    }

    fn arguments(&mut self, constant: bool) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let (position, comment) = (parser.position(), parser.comment());
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            let value = parser.nested(3, |parser| parser.value(constant))?;
            arguments.push(Argument { name, value, position, comment });
            Ok(())
        })?;
        Ok(arguments)
    }

    fn value(&mut self, constant: bool) -> Parsed<Value> {
        let (position, comment) = (self.position(), self.comment());
        let (mut raw, mut children, mut kept) = (String::new(), Vec::new(), None);
        let kind = match self.kind() {
            Kind::BracketL => {
                self.next()?;
                self.many(Kind::BracketR, &mut |parser| {
                    let value = parser.nested(3, |parser| parser.value(constant))?;
                    children.push(ChildValue { name: String::new(), value, position: None, comment: None });
                    Ok(())
                })?;
                kept = comment;
                ValueKind::List
            }
            Kind::BraceL => {
                self.next()?;
                self.many(Kind::BraceR, &mut |parser| {
                    let (position, comment) = (parser.position(), parser.comment());
                    let name = parser.name()?;
                    parser.expect(Kind::Colon)?;
                    let value = parser.nested(3, |parser| parser.value(constant))?;
                    children.push(ChildValue { name, value, position, comment });
                    Ok(())
                })?;
                kept = comment;
                ValueKind::Object
            }
            Kind::Dollar if !constant => {
                raw = self.variable()?;
                ValueKind::Variable
            }
            kind => {
                let kind = match kind {
                    Kind::Int => ValueKind::Int,
                    Kind::Float => ValueKind::Float,
                    Kind::String => ValueKind::String,
                    Kind::BlockString => ValueKind::Block,
                    Kind::Name if self.is_text("true") || self.is_text("false") => ValueKind::Boolean,
                    Kind::Name if self.is_text("null") => ValueKind::Null,
                    Kind::Name => ValueKind::Enum,
                    _ => return self.unexpected(),
                };
                raw = self.next()?.value;
                kind
            }
        };
        let id = self.ids.value();
        // The comments before a literal without parts are lost.
        Ok(Value { id, raw, children, kind, position, comment: kept, expected_type_has_default: false })
    }

    fn variable(&mut self) -> Parsed<String> {
        self.expect(Kind::Dollar)?;
        self.name()
    }

    fn operation_type(&mut self) -> Parsed<String> {
        let token = self.next()?;
        match token.value.as_str() {
            "query" | "mutation" | "subscription" => Ok(token.value),
            _ => Err(Refused::at(Some(token.position), format!("Unexpected {}", token.shown()))),
        }
    }
}
