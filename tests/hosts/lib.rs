//! Nothing but tests: the crate `opa-wasm` as a second host.
