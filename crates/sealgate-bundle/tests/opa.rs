//! Real OPA takes what we write: it evaluates the archive, serves it, signs it; and we take its modules and signatures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{key, options};
use sealgate_bundle::{BundleContents, BundleFile, UnverifiedBundle, archive, fs, verify_bytes};
use sealgate_testkit::{Opa, require};
use serde_json::{Value, json};

const REGO: &str = "package sealgate.policy

default decision := {\"allow\": false}

decision := {\"allow\": true} if {
	input.tool == \"search\"
	data.acme.on == true
}
";
// Numbers and strings whose canonical form OPA's signatures depend on.
const DATA: &str = "{\"acme\": {\"on\": true, \"z\": [1e5, 1E+2, 1.50, -0.0, 12345678901234567890, \"é\\u2028<>&\\u0001\\u007f\\/\"], \"a\": {}}}";

/// Sources named so that a careless layout would make OPA read them as data.
fn contents(opa: &Opa, folder: &Path) -> BundleContents {
    std::fs::write(folder.join("p.rego"), REGO).unwrap();
    let built = opa
        .run(folder, &["build", "-t", "wasm", "-e", "sealgate/policy/decision", "p.rego", "-o", "w.tar.gz"], "")
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let files = archive::read_tar_gz(&std::fs::read(folder.join("w.tar.gz")).unwrap(), &Default::default()).unwrap();
    let wasm = files.into_iter().find(|file| file.name == "policy.wasm").unwrap().bytes;
    BundleContents::new("acme/support", wasm)
        .unwrap()
        .with_rego(REGO)
        .with_data(DATA)
        .with_entrypoints(["sealgate/policy/decision"])
        .with_roots(["sealgate/policy", "acme"])
        .with_source("data.yaml", "on: false\n")
        .with_source("x.rego", "package broken {\n")
        .with_source("patch.json", "{}")
        .with_source("my.signatures.json", "{}")
}

#[test]
fn opa_evaluates_the_archive_and_we_verify_its_module() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let bytes = contents(&opa, folder.path()).sign(&key(1)).unwrap().tar_gz().unwrap();
    verify_bytes(&bytes, &options(&key(1))).unwrap();
    std::fs::write(folder.path().join("x.tar.gz"), &bytes).unwrap();
    // With entrypoints in its `.manifest`, OPA answers from the Wasm module.
    for (tool, allow) in [("search", true), ("pay", false)] {
        let input = json!({ "tool": tool }).to_string();
        let args = ["eval", "--bundle", "x.tar.gz", "--stdin-input", "data.sealgate.policy.decision"];
        let output = opa.run(folder.path(), &args, &input).unwrap();
        assert!(output.status.success(), "{output:?}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["result"][0]["expressions"][0]["value"], json!({ "allow": allow }), "{tool}");
    }
}

#[test]
fn opa_serves_the_archive_with_our_revision() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = key(1);
    let signed = contents(&opa, folder.path()).sign(&key).unwrap();
    std::fs::write(folder.path().join("x.tar.gz"), signed.tar_gz().unwrap()).unwrap();
    let server = Server::start(&opa, folder.path(), &["--bundle", "x.tar.gz"]);
    let decided =
        server.post("/v1/data/sealgate/policy/decision?provenance=true", &json!({ "input": { "tool": "search" } }));
    assert_eq!(decided["result"], json!({ "allow": true }));
    assert_eq!(decided["provenance"]["bundles"]["x.tar.gz"]["revision"], signed.revision().to_string());
}

#[test]
fn a_signature_file_that_opa_made_is_checked_here_and_by_opa() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = key(1);
    let bytes = contents(&opa, folder.path()).sign(&key).unwrap().tar_gz().unwrap();
    std::fs::write(folder.path().join("x.tar.gz"), &bytes).unwrap();
    let mut files = archive::read_tar_gz(&bytes, &Default::default()).unwrap();
    let args = ["sign", "--signing-alg", "HS256", "--signing-key", "secret", "--bundle", "x.tar.gz"];
    let signed = opa.run(folder.path(), &args, "").unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let signatures = std::fs::read(folder.path().join(".signatures.json")).unwrap();
    files.push(BundleFile::new(".signatures.json", signatures));
    let bytes = archive::write_tar_gz(&files).unwrap();
    verify_bytes(&bytes, &options(&key)).unwrap();
    // OPA itself serves it with verification on.
    std::fs::write(folder.path().join("signed.tar.gz"), &bytes).unwrap();
    let flags = ["--verification-key", "secret", "--signing-alg", "HS256", "--bundle", "signed.tar.gz"];
    let server = Server::start(&opa, folder.path(), &flags);
    assert_eq!(
        server.post("/v1/data/sealgate/policy/decision", &json!({ "input": {} }))["result"],
        json!({ "allow": false })
    );
    // A file that the signature file does not know is refused, though the signed manifest is not even reached by OPA.
    let last = files.len() - 1;
    files[last].bytes = std::fs::read(folder.path().join(".signatures.json")).unwrap();
    files.retain(|file| file.name != "source.yaml");
    assert_eq!(
        verify_bytes(&archive::write_tar_gz(&files).unwrap(), &options(&key)).unwrap_err().code(),
        "missing_file"
    );
}

#[test]
fn a_bundle_folder_of_opa_itself_is_unsigned_and_nothing_more() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    contents(&opa, folder.path());
    let bytes = std::fs::read(folder.path().join("w.tar.gz")).unwrap();
    assert_eq!(verify_bytes(&bytes, &options(&key(1))).unwrap_err().code(), "unsigned");
    assert!(UnverifiedBundle::read(&bytes).is_ok());
    assert!(fs::load(&folder.path().join("w.tar.gz"), &options(&key(1))).is_err());
}

/// A running `opa run --server`, ended when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(opa: &Opa, folder: &Path, flags: &[&str]) -> Self {
        // OPA does not say which port it was given: take a free one, and ask until it answers.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = std::fs::File::create(folder.join("opa.log")).unwrap();
        let child = Command::new(opa.program())
            .args(["run", "--server", "--addr", &address])
            .args(flags)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { child, address };
        for _ in 0..300 {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", std::fs::read_to_string(folder.join("opa.log")).unwrap());
            if TcpStream::connect(&server.address).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("opa did not serve: {}", std::fs::read_to_string(folder.join("opa.log")).unwrap());
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (_, json) = response.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(json).unwrap_or_else(|_| panic!("{response}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
