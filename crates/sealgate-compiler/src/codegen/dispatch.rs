//! Dispatch.
use super::{CodegenError, Module};
use crate::ir::Func;
use crate::link::Body;

pub(super) fn record_offset(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(0) * 4
}

pub(super) fn compile(module: &mut Module<'_>, func: &Func, memo: Option<u32>) -> Result<Body, CodegenError> {
    super::function::compile(module, func, memo)
}
