//! Sealgate.

pub mod toolchain;
