//! The static linker: takes the kernel's relocatable object and generated functions, gives one finished Wasm module.
//!
//! Of the object it keeps what the exports and the generated functions reach, code and data alike, so that a policy pays
//! only for what it uses. Memory, from address 0: the shadow stack (growing down, so that overflow traps instead of
//! overwriting), generated code's zeroed memory and static data, the kernel's data, zeroed data, the heap.
//!
//! It knows the object format of LLVM's wasm32 target as far as a kernel needs it (no threads, no position-independent
//! code) and refuses the rest. It does not know what a policy is. Same input, same bytes.

mod generated;
mod memory;
mod object;
mod reach;
mod relocate;
mod write;

pub use generated::{Body, Generated, GeneratedFunction, Signature, Target, ValueType};
pub use object::Object;

use memory::Memory;
use reach::Reached;

/// Bytes of the shadow stack.
pub const STACK_SIZE: u32 = 32 * 1024;
/// Where generated code's memory begins: its zeroed bytes, then its static data.
pub const STATIC_BASE: u32 = STACK_SIZE;
/// Pages of memory that a host must offer at most: some offer no more. A module that needs more grows it by itself.
pub const MOST_DECLARED_PAGES: u64 = 2;
/// Bytes of heap within the memory that is declared: a decision on a small input needs no more.
pub const DECLARED_HEAP: u64 = 16 * 1024;
/// Bytes of a page.
pub const PAGE_SIZE: u32 = 64 * 1024;

/// The functions that a module exports, kernel's or generated.
#[derive(Clone, Copy, Debug)]
pub struct Exports<'a> {
    /// Names; each must be defined by the kernel or by a generated function.
    pub functions: &'a [&'a str],
    /// Those of the kernel's `functions` that hosts call only when no other call is under way, and the module never. They
    /// reset the shadow stack, which a trap in an earlier call may have left in use.
    pub outermost: &'a [&'a str],
    /// Exported immutable i32 globals and their values.
    pub constants: &'a [(&'a str, i32)],
    /// Functions that may be imported from the host, module `env`.
    pub imports: &'a [&'a str],
}

/// Why linking failed. A kernel object that comes with the compiler gives none of these but `TooLarge`.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The object is not Wasm.
    #[error("malformed kernel object: {0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    /// The object has an index out of range or overlapping parts.
    #[error("inconsistent kernel object: {0}")]
    Inconsistent(&'static str),
    /// The object uses a part of the format that kernels have no need of.
    #[error("unsupported in a kernel object: {0}")]
    Unsupported(String),
    /// Neither the object nor generated code nor the host defines a symbol.
    #[error("undefined symbol `{0}`")]
    Undefined(String),
    /// The module's data do not fit the address space.
    #[error("static data of {0} bytes exceed what a module may hold")]
    TooLarge(u64),
}

/// Links generated functions with what they and the exports need of the kernel.
///
/// # Errors
/// See [`LinkError`].
pub fn link(object: &Object<'_>, generated: &Generated, exports: &Exports<'_>) -> Result<Vec<u8>, LinkError> {
    let reached = Reached::from(object, generated, exports)?;
    let memory = Memory::lay_out(object, generated, &reached)?;
    write::module(object, generated, exports, &reached, &memory)
}
