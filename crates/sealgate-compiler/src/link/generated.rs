//! What the code generator hands to the linker: function bodies with holes where indices go.

use std::borrow::Cow;

/// The opcode of a constant number.
pub(super) const I32_CONST: u8 = 0x41;

/// Type of a parameter, result or local.
pub use wasm_encoder::ValType as ValueType;

/// Parameters and results of a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    /// How many i32 parameters.
    pub params: u32,
    /// Whether there is an i32 result.
    pub result: bool,
}

/// What a hole in a body stands for. None of its bytes are in the body: the linker writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The index of a generated function, by its place in [`Generated::functions`].
    Function(u32),
    /// The index of a function by its name, the place in [`Generated::names`]: of the kernel or the host.
    Named(u32),
    /// The index of the type of a signature, by its place in [`Generated::signatures`].
    Type(u32),
    /// The index of a generated global, counted from 0.
    Global(u32),
}

/// A function body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Body {
    /// How many i32 locals there are besides the parameters.
    pub locals: u32,
    /// Instructions without the final `end`.
    pub code: Vec<u8>,
    /// Holes, by offset in `code`, in rising order.
    pub holes: Vec<(u32, Target)>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct GeneratedFunction {
    /// The name under which the kernel or the exports refer to it, or that debuggers show.
    pub name: Cow<'static, str>,
    /// The place of its signature in [`Generated::signatures`].
    pub signature: u32,
    /// Its body.
    pub body: Body,
}

impl GeneratedFunction {
    /// The number that the function gives, if it does nothing else.
    pub(super) fn constant(&self) -> Option<i32> {
        let Body { locals: 0, code, holes } = &self.body else { return None };
        let (opcode, number) = code.split_first()?;
        let mut reader = wasmparser::BinaryReader::new(number, 0);
        let value = reader.read_var_i32().ok()?;
        (*opcode == I32_CONST && holes.is_empty() && reader.eof()).then_some(value)
    }
}

/// Everything that was generated for a policy.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// The functions. All of them end up in the module.
    pub functions: Vec<GeneratedFunction>,
    /// Names of kernel and host functions that [`Target::Named`] refers to.
    pub names: Vec<Cow<'static, str>>,
    /// Signatures, each once.
    pub signatures: Vec<Signature>,
    /// How many mutable i32 globals, 0 at first.
    pub globals: u32,
    /// Bytes of zeroed memory from [`super::STATIC_BASE`] on, a multiple of 8.
    pub zeroed: u32,
    /// Static data, which follows directly.
    pub data: Vec<u8>,
    /// Places in `functions` of what the table holds, from table index 1.
    pub table: Vec<u32>,
}
