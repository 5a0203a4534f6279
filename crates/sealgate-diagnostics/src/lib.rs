//! Diagnostics: what a front end says of a text that it refuses.
//!
//! Takes sources (a name and a text) and findings at byte spans of them; gives text with the source line, a caret and a
//! help line, or one JSON object per finding. Does no IO and knows no language: the YAML policy reader, the Rego
//! front end and the compiler all report through it.

mod diagnostic;
mod render;
mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use render::{Color, Rendered};
pub use source::{Position, Source, SourceId, Sources, Span};
