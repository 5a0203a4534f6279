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
pub mod index;
pub mod input;
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

/// Ends the evaluation with `message`: through `env.opa_abort` in Wasm, by aborting the process natively. It is for states
/// that no caller can mend (memory exhausted, a broken calling convention); bad input is an error value everywhere.
pub(crate) fn abort(message: &'static core::ffi::CStr) -> ! {
    #[cfg(target_arch = "wasm32")]
    {
        abi::abort(message)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        eprintln!("sealgate-kernel: {}", message.to_string_lossy());
        std::process::abort()
    }
}
