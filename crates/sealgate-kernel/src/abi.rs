//! What the Wasm build exports: the OPA ABI, and the `sg_*` functions that generated code calls. All parameters and results
//! are i32; address 0 is *undefined*. It exists in the Wasm build only.
#![allow(unsafe_code, reason = "the boundary to generated code and the host: symbols and raw addresses")]

use core::ffi::CStr;

mod eval;
mod generated;
mod index;
mod memory;
mod values;

unsafe extern "C" {
    fn opa_abort(message: *const core::ffi::c_char);
}

/// Tells the host `message` and traps.
pub(crate) fn abort(message: &CStr) -> ! {
    // SAFETY: the host reads the NUL-terminated text and either does not return or returns without an effect.
    unsafe { opa_abort(message.as_ptr()) };
    core::arch::wasm32::unreachable()
}

/// Nothing in the kernel panics on purpose; what the compiler cannot prove unreachable traps.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
