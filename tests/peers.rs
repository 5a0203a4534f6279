//! Real clients of the formats that Sealgate writes: where their programs lie, and how to ask them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealgate_testkit::{Missing, find_program};
use serde_json::Value;

/// A client that a driver in `tests/clients` wraps.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// npm's `@open-policy-agent/opa-wasm`.
    Npm,
    /// PyPI's `opa-wasmtime`.
    OpaWasmtime,
    /// PyPI's `opa-py-wasm`.
    OpaPyWasm,
    /// PyPI's `hexgate`, the ancestor.
    Hexgate,
    /// Python's `hashlib` and `cryptography`, checking a folder's manifest.
    Manifest,
}

impl Client {
    fn driver(self) -> &'static str {
        match self {
            Self::Npm => "opa-wasm.mjs",
            Self::OpaWasmtime => "opa_wasmtime_client.py",
            Self::OpaPyWasm => "opa_py_wasm_client.py",
            Self::Hexgate => "hexgate_client.py",
            Self::Manifest => "check_manifest.py",
        }
    }

    /// The program that runs the driver, where the client is installed.
    fn program(self) -> Result<PathBuf, Missing> {
        let tools = tools();
        let (program, proof) = match self {
            Self::Npm => {
                (find_program("node", "SEALGATE_NODE"), tools.join("node/node_modules/@open-policy-agent/opa-wasm"))
            }
            Self::Hexgate => (Some(tools.join("hexgate/bin/python")), tools.join("hexgate/bin/python")),
            _ => (Some(tools.join("python/bin/python")), tools.join("python/bin/python")),
        };
        program.filter(|_| proof.exists()).ok_or_else(|| Missing {
            what: format!("the client of {}", self.driver()),
            how: ".ci/install-peers".to_owned(),
        })
    }
}

/// Runs a client's driver with these arguments and inputs; gives what it prints, or what went wrong as the error.
///
/// # Errors
/// [`Missing`] where the client is not installed.
pub fn ask(
    client: Client,
    args: &[&Path],
    entrypoint: Option<&str>,
    inputs: &[Value],
) -> Result<Result<String, String>, Missing> {
    let program = client.program()?;
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(client.driver());
    let mut child = Command::new(program)
        .arg(driver)
        .args(args)
        .args(entrypoint)
        .env("SEALGATE_NODE_ROOT", tools().join("node"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = serde_json::to_vec(inputs).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    // A driver that fails early reads nothing; its own message is the one that counts.
    let _ = writer.join().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) })
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools")
}
