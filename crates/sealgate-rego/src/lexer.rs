//! Characters to tokens: takes one module's text, gives every token with its place, the comments, and what is wrong
//! with the text.
//!
//! Keywords that depend on imports (`in`, `if` …) get a token kind of their own; whether they are in force is the
//! parser's business. Literals are delimited here and decoded by the parser.

mod scan;
mod unicode;

pub(crate) use scan::lex;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Illegal,
    Eof,
    Ident,
    Number,
    /// `"…"`.
    Text,
    /// `` `…` ``.
    RawText,
    /// From `$"` or `}` to `{`.
    TemplatePart,
    /// From `$"` or `}` to the closing quote.
    TemplateEnd,
    RawTemplatePart,
    RawTemplateEnd,

    Package,
    Import,
    As,
    Default,
    Else,
    Not,
    Some,
    With,
    Null,
    True,
    False,
    // These four, `And` and `Or` are identifiers where no import puts them in force.
    In,
    Every,
    Contains,
    If,
    And,
    Or,

    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    Comma,
    Colon,
    Semicolon,
    Dot,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Ampersand,
    Pipe,
    Unify,
    Assign,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// One token; its text is the source's between the offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// White space or a comment stands before it.
    pub(crate) spaced: bool,
    /// A line break stands between it and the token before.
    pub(crate) newline: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// For a bracket, the index of the token that closes it or opened it; `u32::MAX` where it has no partner.
    pub(crate) partner: u32,
}

/// Something wrong with the text itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LexError {
    pub(crate) message: &'static str,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A comment that starts in the first column, without its `#` and line break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Line number from 0.
    pub(crate) line: u32,
}

/// All that a text holds.
#[derive(Debug)]
pub(crate) struct Lexed {
    /// Ends with one [`Kind::Eof`].
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    /// In source order.
    pub(crate) errors: Vec<LexError>,
}

impl Kind {
    /// The keyword that a word may be.
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "package" => Self::Package,
            "import" => Self::Import,
            "as" => Self::As,
            "default" => Self::Default,
            "else" => Self::Else,
            "not" => Self::Not,
            "some" => Self::Some,
            "with" => Self::With,
            "null" => Self::Null,
            "true" => Self::True,
            "false" => Self::False,
            "in" => Self::In,
            "every" => Self::Every,
            "contains" => Self::Contains,
            "if" => Self::If,
            "and" => Self::And,
            "or" => Self::Or,
            _ => Self::Ident,
        }
    }

    /// Whether the token is a word: an identifier or a keyword, in force or not.
    pub(crate) fn is_word(self) -> bool {
        self == Self::Ident || self.is_keyword()
    }

    /// Whether the token is spelled as a keyword, in force or not.
    pub(crate) fn is_keyword(self) -> bool {
        self.is_hard_keyword() || self.is_soft_keyword()
    }

    /// Whether the token is a keyword in every dialect.
    pub(crate) fn is_hard_keyword(self) -> bool {
        matches!(
            self,
            Self::Package
                | Self::Import
                | Self::As
                | Self::Default
                | Self::Else
                | Self::Not
                | Self::Some
                | Self::With
                | Self::Null
                | Self::True
                | Self::False
        )
    }

    /// Whether the token is a keyword only where an import or the dialect says so.
    pub(crate) fn is_soft_keyword(self) -> bool {
        matches!(self, Self::In | Self::Every | Self::Contains | Self::If | Self::And | Self::Or)
    }

    /// Whether the token opens a bracket.
    pub(crate) fn opens(self) -> bool {
        matches!(self, Self::OpenBrace | Self::OpenBracket | Self::OpenParen)
    }

    /// Whether the token closes a bracket.
    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::CloseBrace | Self::CloseBracket | Self::CloseParen)
    }

    /// How messages call the token.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Illegal => "illegal token",
            Self::Eof => "end of file",
            Self::Ident => "identifier",
            Self::Number => "number",
            Self::Text | Self::RawText => "string",
            Self::TemplatePart | Self::TemplateEnd | Self::RawTemplatePart | Self::RawTemplateEnd => "template string",
            Self::Package => "keyword `package`",
            Self::Import => "keyword `import`",
            Self::As => "keyword `as`",
            Self::Default => "keyword `default`",
            Self::Else => "keyword `else`",
            Self::Not => "keyword `not`",
            Self::Some => "keyword `some`",
            Self::With => "keyword `with`",
            Self::Null => "keyword `null`",
            Self::True => "keyword `true`",
            Self::False => "keyword `false`",
            Self::In => "keyword `in`",
            Self::Every => "keyword `every`",
            Self::Contains => "keyword `contains`",
            Self::If => "keyword `if`",
            Self::And => "keyword `and`",
            Self::Or => "keyword `or`",
            Self::OpenBracket => "`[`",
            Self::CloseBracket => "`]`",
            Self::OpenBrace => "`{`",
            Self::CloseBrace => "`}`",
            Self::OpenParen => "`(`",
            Self::CloseParen => "`)`",
            Self::Comma => "`,`",
            Self::Colon => "`:`",
            Self::Semicolon => "`;`",
            Self::Dot => "`.`",
            Self::Plus => "`+`",
            Self::Minus => "`-`",
            Self::Star => "`*`",
            Self::Slash => "`/`",
            Self::Percent => "`%`",
            Self::Ampersand => "`&`",
            Self::Pipe => "`|`",
            Self::Unify => "`=`",
            Self::Assign => "`:=`",
            Self::Equal => "`==`",
            Self::NotEqual => "`!=`",
            Self::Less => "`<`",
            Self::LessEqual => "`<=`",
            Self::Greater => "`>`",
            Self::GreaterEqual => "`>=`",
        }
    }
}
