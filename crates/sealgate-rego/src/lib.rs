//! The Rego front end: takes module texts, gives resolved, checked modules or diagnostics.
//!
//! Pure: no IO. Knows nothing of plans or Wasm; `sealgate-compiler` goes on from here.

pub mod ast;
pub mod ast_json;
pub mod builtins;
pub mod capabilities;
mod check;
mod display;
mod lexer;
mod parser;
mod resolve;
pub mod resolved;
mod types;

pub use builtins::Builtin;
pub use capabilities::{Capabilities, CapabilitiesError};
pub use parser::{
    MAX_DEPTH, MAX_NUMBER, MAX_OPERANDS, MAX_SOURCE, ParseOptions, parse_module, parse_query, parse_term,
};
pub use resolve::{
    COMPILE_ERROR, MAX_PATH, QueryContext, RECURSION_ERROR, ResolveOptions, TYPE_ERROR, UNSAFE_VAR_ERROR,
    check_data_conflicts, resolve, resolve_query,
};
