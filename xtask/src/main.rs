//! The build toolchain.
fn main() {}
