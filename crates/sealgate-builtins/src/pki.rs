//! What the cryptographic builtins share: encodings as Go reads them, keys, signatures.
//!
//! Takes bytes that nobody has looked at, gives checked keys and yes or no. Every size is bounded before any arithmetic.

pub(crate) mod base64;
pub(crate) mod der;
pub(crate) mod json;
pub(crate) mod pem;
pub(crate) mod private;
pub(crate) mod public;
pub(crate) mod signature;

/// Bytes of text (a token, PEM blocks, a key) that are looked at.
pub(crate) const MAX_TEXT: usize = 1 << 20;
