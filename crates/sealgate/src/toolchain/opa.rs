//! The Wasm step by an installed `opa`, for those who want its compiler instead of ours.
//!
//! Takes Rego text, gives the module of `opa build -t wasm`. Runs a program; every other step of the toolchain is pure.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name that the program goes by on `PATH`; `SEALGATE_OPA` names another.
const PROGRAM: &str = "opa";
/// The largest bundle that is taken from `opa`, in bytes.
const MAX_BUNDLE_BYTES: u64 = 256 << 20;

/// Why `opa` gave no module.
#[derive(Debug, thiserror::Error)]
pub enum OpaError {
    /// It is not installed.
    #[error("opa is not installed; `{INSTALL}` installs it, or leave out `--compiler opa`")]
    Missing,
    /// A file could not be written or read, or the program not be started.
    #[error("running opa: {0}")]
    Io(#[from] std::io::Error),
    /// It refused the Rego.
    #[error("opa refused the policy:\n{0}")]
    Refused(String),
    /// What it built holds no module.
    #[error("opa built a bundle without `/policy.wasm`")]
    NoModule,
}

const INSTALL: &str = "CGO_ENABLED=1 go install -tags opa_wasm github.com/open-policy-agent/opa@v1.20.2";

/// Where `opa` lies.
///
/// # Errors
/// [`OpaError::Missing`], which says how to get it.
pub fn find() -> Result<PathBuf, OpaError> {
    if let Some(named) = std::env::var_os("SEALGATE_OPA") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file()).ok_or(OpaError::Missing);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file()).ok_or(OpaError::Missing)
}

/// Compiles one module with one entrypoint (`a/b/decision`) to Wasm.
///
/// # Errors
/// [`OpaError`].
pub fn compile(opa: &Path, rego: &str, entrypoint: &str) -> Result<Vec<u8>, OpaError> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("policy.rego"), rego)?;
    let output = Command::new(opa)
        .args(["build", "--target", "wasm", "--entrypoint", entrypoint, "--output", "bundle.tar.gz", "policy.rego"])
        .current_dir(folder.path())
        .output()?;
    if !output.status.success() {
        return Err(OpaError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let bundle = std::fs::File::open(folder.path().join("bundle.tar.gz"))?;
    let unpacked = flate2::read::GzDecoder::new(bundle).take(MAX_BUNDLE_BYTES);
    for entry in tar::Archive::new(unpacked).entries()? {
        let mut entry = entry?;
        if entry.path()?.as_ref() == Path::new("/policy.wasm") {
            let mut wasm = Vec::new();
            entry.read_to_end(&mut wasm)?;
            return Ok(wasm);
        }
    }
    Err(OpaError::NoModule)
}
