//! Where OPA's compliance cases lie.

use std::path::PathBuf;

use crate::Missing;

/// The folder with `rego/` and `plans/`: `SEALGATE_CONFORMANCE`, else `shared/conformance` beside the repository.
pub fn conformance_dir() -> Result<PathBuf, Missing> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let folder = std::env::var_os("SEALGATE_CONFORMANCE").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    if folder.join("rego").is_dir() {
        return Ok(folder);
    }
    Err(Missing {
        what: "the folder of OPA's compliance cases".to_owned(),
        how: "set SEALGATE_CONFORMANCE to a folder with rego/ and plans/".to_owned(),
    })
}
