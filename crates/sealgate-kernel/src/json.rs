//! Text to values and back: JSON, and Rego's own notation of values, which adds sets and keys of any type.

mod dump;
mod intern;
mod parse;
pub(crate) mod parts;
mod scan;

pub(crate) use dump::as_go_writes;
pub use dump::{dump, write};
pub use parse::{MAX_DEPTH, ParseError, parse, parse_prefix};

/// Which notation text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// JSON, RFC 8259. Written, a set is an array, and a key that is not a string is the string of its JSON text.
    Json,
    /// Rego: also sets (`{1, 2}`, `set()`) and keys of any type. Written, a space follows every `,` and `:`.
    Rego,
}
