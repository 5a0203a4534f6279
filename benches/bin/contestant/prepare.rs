//! Writes what contestants are started with.

use std::fs;
use std::path::Path;

use sealgate_bench_protocol::Failure;
use sealgate_benches::{Size, cedar_policy, compile, refund_policy, sample_calls};
use serde_json::json;

/// The largest policy that is written for the peers too.
const PEERS_UP_TO: usize = 10_000;

/// Writes the policy's files and its calls to `folder`; prints the size of its module.
///
/// # Errors
/// Where the policy is refused, or as the file system fails.
pub(crate) fn run(size: Size, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let yaml = refund_policy(size);
    fs::write(folder.join("refunds.yaml"), &yaml)?;
    let compiled = compile(&yaml)?;
    fs::write(folder.join("refunds.tar.gz"), &compiled.archive)?;
    if size.rules() <= PEERS_UP_TO {
        fs::write(folder.join("refunds.rego"), &compiled.rego)?;
        fs::write(folder.join("refunds.cedar"), cedar_policy(size))?;
    }
    fs::write(folder.join("calls.jsonl"), sample_calls(size).join("\n"))?;
    println!("{}", json!({"wasm_bytes": compiled.wasm.len(), "archive_bytes": compiled.archive.len()}));
    Ok(())
}
