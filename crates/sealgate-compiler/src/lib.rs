//! The compiler: takes resolved Rego modules and entrypoints, or a plan, and gives one Wasm module with the OPA ABI.
//!
//! Stages, each a module with one named result: `plan` (modules -> [`ir::Policy`]), `codegen` (plan -> functions),
//! `link` (functions + kernel -> module). Pure: no IO, no clock, and the same input gives the same bytes.

pub mod codegen;
pub mod ir;
pub mod link;
pub mod plan;

mod compile;

pub use codegen::CodegenOptions;
pub use compile::{
    ABI_VERSION, CompileError, CompiledModule, compile_plan, compile_plan_with, is_in_kernel, kernel, prepare, wat,
};
