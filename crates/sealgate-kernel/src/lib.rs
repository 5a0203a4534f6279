//! The value runtime that is linked into every compiled policy.
//!
//! Takes JSON (or Rego value) text and the calls of generated code, gives values, comparisons, collections, JSON text and
//! the pure builtins. It does no IO and knows nothing of policies, bundles or hosts.
//!
//! The crate is built twice. For `wasm32-unknown-unknown` it is a `no_std` static library (`cargo xtask build-kernel`), its
//! memory is the module's own, and [`mod@abi`] exports the OPA ABI and the `sg_*` functions that generated code calls. For
//! the machine at hand it is an ordinary library over an [`Arena`], so that tests, fuzzers and hosts run the same code, and
//! [`layout`] tells the compiler how a value lies in memory.
//!
//! Memory is bump-allocated from a [`Heap`] and never freed one by one: a [`Value`] lives as long as its heap.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
pub mod abi;
pub mod builtins;
mod bytes;
mod collection;
mod compact;
mod compare;
mod heap;
#[cfg(target_arch = "wasm32")]
mod identity;
pub mod index;
pub mod input;
mod intern;
pub mod json;
pub mod layout;
mod list;
pub mod number;
pub mod paths;
mod text;
mod value;

pub use collection::{ArrayBuilder, ObjectBuilder, SetBuilder};
#[cfg(not(target_arch = "wasm32"))]
pub use heap::Arena;
pub use heap::Heap;
pub use list::List;
pub use number::Number;
pub use text::Text;
pub use value::{Kind, Pair, Value, View};

/// What a call ends with natively where an evaluation in Wasm would be ended; see [`caught`].
#[cfg(not(target_arch = "wasm32"))]
struct Aborted(&'static core::ffi::CStr);

/// Runs `call` natively; the message where a bound of the kernel ended it.
///
/// # Errors
/// The message that a policy would be ended with.
#[cfg(not(target_arch = "wasm32"))]
pub fn caught<R>(call: impl FnOnce() -> R) -> Result<R, &'static core::ffi::CStr> {
    // Nothing that the call has touched is looked at again but its arena, which an unfinished call leaves as it is.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).map_err(|payload| {
        match payload.downcast::<Aborted>() {
            Ok(aborted) => aborted.0,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Ends the evaluation with `message`: through `env.opa_abort` in Wasm, natively by unwinding to [`caught`]. It is for states
/// that no caller can mend (memory exhausted, a bound of the kernel); bad input is an error value everywhere.
pub(crate) fn abort(message: &'static core::ffi::CStr) -> ! {
    #[cfg(target_arch = "wasm32")]
    {
        abi::abort(message)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        std::panic::resume_unwind(alloc::boxed::Box::new(Aborted(message)))
    }
}
