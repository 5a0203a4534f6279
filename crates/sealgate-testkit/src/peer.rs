//! Finding a peer's program, and skipping a test where it is missing.

use std::io::Write;
use std::path::PathBuf;

/// A peer that is not there, and how to get it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} is not installed ({how})")]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// How to get it.
    pub how: String,
}

/// The peer, or `None` after a loud line on stderr. With `SEALGATE_REQUIRE_PEERS=1` a missing peer fails the test.
pub fn require<T>(peer: Result<T, Missing>) -> Option<T> {
    match peer {
        Ok(peer) => Some(peer),
        Err(missing) => {
            assert!(
                std::env::var_os("SEALGATE_REQUIRE_PEERS").is_none_or(|value| value != "1"),
                "{missing}, and SEALGATE_REQUIRE_PEERS=1 forbids skipping"
            );
            let thread = std::thread::current();
            // Past the harness, which keeps what a passing test prints to itself. Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "SKIPPED {}: {missing}", thread.name().unwrap_or("a test"));
            None
        }
    }
}

/// A program by the environment variable that names it, in the repository's `.tools/bin`, on `PATH`, or where
/// `go install` puts it.
pub fn find_program(name: &str, variable: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/bin"));
    std::iter::once(PathBuf::from(tools))
        .chain(std::env::split_paths(&path))
        .chain(home)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
