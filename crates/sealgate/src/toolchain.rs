//! From policy texts to a signed bundle, in one process and without a clock: what the command line and `xtask` share.

pub mod sources;
pub mod suite;
