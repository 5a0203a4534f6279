//! Rego as people have it: files, folders and OPA bundles to one module, and what can be asked of it.
//!
//! | module | what it does |
//! |---|---|
//! | [`files`] | finds and reads modules and data: paths to [`files::RegoFiles`] |
//! | `manifest` | OPA's `.manifest` |
//! | `archive` | OPA's `.tar.gz` |
//! | `data` | base documents: merged by path, held against roots and rules |
//! | [`program`] | modules parsed and resolved together; entrypoints; Wasm |
//! | [`query`] | any query, as `opa eval` takes it |
//! | [`tester`] | `test_*` rules, compiled and run |
//!
//! Only [`files`] and what it calls touch the file system.

mod archive;
mod data;
pub mod files;
mod manifest;
pub mod program;
pub mod query;
pub mod tester;
