//! Tokens to templates: the one that the text is, named as Go's builtin names it, and those that it defines.

use std::collections::BTreeMap;

use super::lexer::{self, Keyword, Token};
use super::number::{self, Number};
use super::{MAX_DEPTH, TemplateError, functions, wrong};

/// The name of the template that the text itself is.
pub(super) const ROOT: &str = "template";

/// Templates by name.
pub(super) type Templates = BTreeMap<String, Vec<Node>>;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

/// A condition or what is ranged over, what is done, and what else.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each given the value of the one before as its last argument.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Variables that are declared, or assigned to.
    pub(super) variables: Vec<String>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// An operand and its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) head: Operand,
    pub(super) args: Vec<Operand>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Str(String),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`
    Variable(String, Vec<String>),
    Function(String),
    Pipe(Box<Pipe>),
    /// `(…).a.b`
    Chain(Box<Operand>, Vec<String>),
}

/// Parses a template's text.
pub(super) fn parse(text: &str) -> Result<Templates, TemplateError> {
    let mut parser = Parser {
        tokens: lexer::tokens(text)?,
        at: 0,
        templates: BTreeMap::new(),
        variables: root_scope(),
        ranges: 0,
        depth: 0,
    };
    let mut root = Vec::new();
    while *parser.peek_beyond_spaces() != Token::End {
        match parser.item()? {
            Item::Node(node) => root.push(node),
            Item::Nothing => {}
            Item::End | Item::Else => return Err(wrong("unexpected {{end}} or {{else}}")),
        }
    }
    parser.add(ROOT.to_owned(), root)?;
    Ok(parser.templates)
}

fn root_scope() -> Vec<String> {
    vec!["$".to_owned()]
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    templates: Templates,
    variables: Vec<String>,
    /// Ranges that are open.
    ranges: usize,
    depth: usize,
}

enum Item {
    Node(Node),
    /// A definition.
    Nothing,
    End,
    Else,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn peek_beyond_spaces(&mut self) -> &Token {
        while *self.peek() == Token::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn next_beyond_spaces(&mut self) -> Token {
        self.peek_beyond_spaces();
        self.next()
    }

    fn close(&mut self) -> Result<(), TemplateError> {
        match self.next_beyond_spaces() {
            Token::Close => Ok(()),
            token => Err(unexpected(&token)),
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, TemplateError>) -> Result<T, TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::Halt("it is nested too deeply"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Adds a template. One that is blank does not replace another, and may be replaced.
    fn add(&mut self, name: String, nodes: Vec<Node>) -> Result<(), TemplateError> {
        let blank = |nodes: &[Node]| {
            nodes.iter().all(|node| matches!(node, Node::Text(text) if text.chars().all(char::is_whitespace)))
        };
        match self.templates.get(&name) {
            Some(known) if !blank(known) && blank(&nodes) => Ok(()),
            Some(known) if !blank(known) => Err(wrong(format!("multiple definition of template {name:?}"))),
            _ => {
                self.templates.insert(name, nodes);
                Ok(())
            }
        }
    }

    fn item(&mut self) -> Result<Item, TemplateError> {
        match self.next_beyond_spaces() {
            Token::Text(text) => Ok(Item::Node(Node::Text(text))),
            Token::Open => self.action(),
            token => Err(unexpected(&token)),
        }
    }

    /// Nodes up to an `{{end}}` or `{{else}}`; whether it was the latter.
    fn list(&mut self) -> Result<(Vec<Node>, bool), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            if *self.peek_beyond_spaces() == Token::End {
                return Err(wrong("unexpected EOF"));
            }
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                // Definitions stand at the top.
                Item::Nothing => return Err(wrong("unexpected {{define}}")),
                Item::End => return Ok((nodes, false)),
                Item::Else => return Ok((nodes, true)),
            }
        }
    }

    fn list_to_end(&mut self) -> Result<Vec<Node>, TemplateError> {
        match self.list()? {
            (nodes, false) => Ok(nodes),
            _ => Err(wrong("unexpected {{else}}")),
        }
    }

    fn action(&mut self) -> Result<Item, TemplateError> {
        let Token::Keyword(keyword) = *self.peek_beyond_spaces() else {
            return self.pipe("command", &Token::Close).map(|pipe| Item::Node(Node::Action(pipe)));
        };
        self.next();
        let node = match keyword {
            Keyword::End => {
                self.close()?;
                return Ok(Item::End);
            }
            Keyword::Else => {
                // `{{else if}}` goes on with its `if`.
                if !matches!(self.peek_beyond_spaces(), Token::Keyword(Keyword::If | Keyword::With)) {
                    self.close()?;
                }
                return Ok(Item::Else);
            }
            Keyword::Define => {
                // Only at the top, and with names of its own.
                if self.depth > 0 {
                    return Err(wrong("unexpected {{define}}"));
                }
                let name = self.template_name()?;
                self.close()?;
                let nodes = self.of_its_own(Self::list_to_end)?;
                self.add(name, nodes)?;
                return Ok(Item::Nothing);
            }
            Keyword::Block => {
                let name = self.template_name()?;
                let pipe = self.pipe("block clause", &Token::Close)?;
                let nodes = self.of_its_own(Self::list_to_end)?;
                self.add(name.clone(), nodes)?;
                Node::Template { name, pipe: Some(pipe) }
            }
            Keyword::Template => {
                let name = self.template_name()?;
                let pipe = if *self.peek_beyond_spaces() == Token::Close {
                    self.next();
                    None
                } else {
                    Some(self.pipe("template clause", &Token::Close)?)
                };
                Node::Template { name, pipe }
            }
            Keyword::If => Node::If(self.branch(Keyword::If)?),
            Keyword::With => Node::With(self.branch(Keyword::With)?),
            Keyword::Range => Node::Range(self.branch(Keyword::Range)?),
            Keyword::Break | Keyword::Continue => {
                self.close()?;
                if self.ranges == 0 {
                    return Err(wrong("{{break}} or {{continue}} outside {{range}}"));
                }
                if keyword == Keyword::Break { Node::Break } else { Node::Continue }
            }
        };
        Ok(Item::Node(node))
    }

    /// Parses a template with variables and ranges of its own.
    fn of_its_own<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, TemplateError>) -> Result<T, TemplateError> {
        let variables = std::mem::replace(&mut self.variables, root_scope());
        let ranges = std::mem::take(&mut self.ranges);
        let parsed = self.deeper(parse);
        self.variables = variables;
        self.ranges = ranges;
        parsed
    }

    fn template_name(&mut self) -> Result<String, TemplateError> {
        match self.next_beyond_spaces() {
            Token::Str(name) => Ok(name),
            token => Err(unexpected(&token)),
        }
    }

    fn branch(&mut self, kind: Keyword) -> Result<Branch, TemplateError> {
        self.deeper(|parser| {
            let variables = parser.variables.len();
            let range = kind == Keyword::Range;
            let pipe = parser.pipe(if range { "range" } else { "condition" }, &Token::Close)?;
            parser.ranges += usize::from(range);
            let (body, more) = parser.list()?;
            parser.ranges -= usize::from(range);
            let otherwise = match (more, kind, parser.peek()) {
                (false, ..) => Vec::new(),
                (true, Keyword::If, Token::Keyword(Keyword::If)) => {
                    parser.next();
                    vec![Node::If(parser.branch(Keyword::If)?)]
                }
                (true, Keyword::With, Token::Keyword(Keyword::With)) => {
                    parser.next();
                    vec![Node::With(parser.branch(Keyword::With)?)]
                }
                (true, ..) => parser.list_to_end()?,
            };
            parser.variables.truncate(variables);
            Ok(Branch { pipe, body, otherwise })
        })
    }

    fn pipe(&mut self, context: &str, end: &Token) -> Result<Pipe, TemplateError> {
        let (variables, assigns) = self.declarations(context)?;
        let mut commands: Vec<Command> = Vec::new();
        loop {
            if self.peek_beyond_spaces() == end {
                self.next();
                break;
            }
            let command = self.command()?;
            let constant = matches!(
                command.head,
                Operand::Dot | Operand::Nil | Operand::Bool(_) | Operand::Number(_) | Operand::Str(_)
            );
            if constant && !commands.is_empty() {
                return Err(wrong("non executable command in pipeline"));
            }
            commands.push(command);
        }
        if commands.is_empty() {
            return Err(wrong(format!("missing value for {context}")));
        }
        Ok(Pipe { variables, assigns, commands })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), TemplateError> {
        let mut variables = Vec::new();
        loop {
            self.peek_beyond_spaces();
            let back = self.at;
            let Token::Variable(name) = self.peek().clone() else {
                return Ok((variables, false));
            };
            self.next();
            let token = self.peek_beyond_spaces().clone();
            match token {
                Token::Assign | Token::Declare => {
                    self.next();
                    self.variables.push(name.clone());
                    variables.push(name);
                    return Ok((variables, token == Token::Assign));
                }
                Token::Char(',') => {
                    self.next();
                    self.variables.push(name.clone());
                    variables.push(name);
                    if context != "range" || variables.len() >= 2 {
                        return Err(wrong(format!("too many declarations in {context}")));
                    }
                    match self.peek_beyond_spaces() {
                        Token::Variable(_) | Token::Close | Token::RightParen => {}
                        _ => return Err(wrong("range can only initialize variables")),
                    }
                }
                _ => {
                    self.at = back;
                    return Ok((variables, false));
                }
            }
        }
    }

    fn command(&mut self) -> Result<Command, TemplateError> {
        let mut operands = Vec::new();
        loop {
            self.peek_beyond_spaces();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            match self.peek() {
                Token::Space => {
                    self.next();
                }
                Token::Pipe => {
                    self.next();
                    break;
                }
                Token::Close | Token::RightParen => break,
                token => return Err(unexpected(token)),
            }
        }
        if operands.is_empty() {
            return Err(wrong("empty command"));
        }
        let args = operands.split_off(1);
        match operands.pop() {
            Some(head) => Ok(Command { head, args }),
            None => Err(wrong("empty command")),
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let mut fields = Vec::new();
        while let Token::Field(name) = self.peek() {
            fields.push(name.clone());
            self.next();
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        match &mut operand {
            Operand::Field(path) | Operand::Variable(_, path) => {
                path.append(&mut fields);
                Ok(Some(operand))
            }
            Operand::Bool(_) | Operand::Str(_) | Operand::Number(_) | Operand::Nil | Operand::Dot => {
                Err(wrong("unexpected . after term"))
            }
            _ => Ok(Some(Operand::Chain(Box::new(operand), fields))),
        }
    }

    fn term(&mut self) -> Result<Option<Operand>, TemplateError> {
        let back = self.at;
        Ok(Some(match self.next_beyond_spaces() {
            Token::Identifier(name) if functions::exists(&name) => Operand::Function(name),
            Token::Identifier(name) => return Err(wrong(format!("function {name:?} not defined"))),
            Token::Dot => Operand::Dot,
            Token::Nil => Operand::Nil,
            Token::Bool(value) => Operand::Bool(value),
            Token::Number(text) => Operand::Number(number::parse(&text)?),
            Token::Rune(c) => Operand::Number(Number::Int(i64::from(u32::from(c)))),
            Token::Str(text) => Operand::Str(text),
            Token::Field(name) => Operand::Field(vec![name]),
            Token::Variable(name) if self.variables.contains(&name) => Operand::Variable(name, Vec::new()),
            Token::Variable(name) => return Err(wrong(format!("undefined variable {name:?}"))),
            Token::LeftParen => {
                let pipe = self.deeper(|parser| parser.pipe("parenthesized pipeline", &Token::RightParen))?;
                Operand::Pipe(Box::new(pipe))
            }
            _ => {
                self.at = back;
                return Ok(None);
            }
        }))
    }
}

fn unexpected(token: &Token) -> TemplateError {
    wrong(format!("unexpected {token:?}"))
}
