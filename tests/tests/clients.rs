//! Real clients decide as the policy's calls expect: every example, in every host that speaks OPA's Wasm ABI, and in the
//! ancestor.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use sealgate::bundle::keys::file::write_pair;
use sealgate::bundle::opa::OpaSigner;
use sealgate::bundle::{SigningKey, TrustStore, UnixSeconds, VerifyOptions, fs, verify_bytes};
use sealgate::toolchain::pack::{PackOptions, pack};
use sealgate::{Policy, RuntimeOptions};
use sealgate_testkit::{Evaluation, Opa, require};
use sealgate_tests::{
    Client, ENTRYPOINT, ask, compile_rego, document_core, examples, expected_document, policy_example,
};
use serde_json::{Value, json};

/// Holds one Wasm host against every example.
fn host_decides(client: Client) {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("policy.wasm");
        std::fs::write(&module, &example.compiled.wasm).unwrap();
        let Some(said) = require(ask(client, &[&module], Some(ENTRYPOINT), &example.inputs())) else { return };
        let documents: Vec<Value> = serde_json::from_str(&said.unwrap()).unwrap();
        assert_eq!(documents.len(), example.suite.calls.len());
        for (call, document) in example.suite.calls.iter().zip(&documents) {
            assert_eq!(document_core(document), expected_document(call), "{}: {}", example.name, call.name);
        }
    }
}

/// A module whose builtins are all in the kernel: no host has to add any.
#[test]
fn kernel_builtins_of_every_family_run_in_npm_opa_wasm_as_in_opa() {
    let rego = include_str!("../fixtures/families.rego");
    let module = compile_rego(rego, &["families/ok", "families/all_ok"]);
    assert_eq!(module.builtins, Vec::<String>::new());
    let input = serde_json::json!({"host": "api.example.com", "word": "aaa"});

    let Some(opa) = require(Opa::find()) else { return };
    let evaluation = Evaluation { modules: &[("families.rego", rego)], ..Evaluation::default() };
    let expected = opa.eval(evaluation, "data.families.ok", Some(&input)).unwrap().unwrap();
    assert_eq!(opa.eval(evaluation, "data.families.all_ok", Some(&input)).unwrap(), Some(Value::Bool(true)));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("families.wasm");
    std::fs::write(&path, &module.wasm).unwrap();
    let Some(said) = require(ask(Client::Npm, &[&path], Some("families/ok"), &[input])) else { return };
    let documents: Vec<Value> = serde_json::from_str(&said.unwrap()).unwrap();
    assert_eq!(documents, [expected]);
}

#[test]
fn npm_opa_wasm_decides_every_example() {
    host_decides(Client::Npm);
}

#[test]
fn pypi_opa_wasmtime_decides_every_example() {
    host_decides(Client::OpaWasmtime);
}

#[test]
fn pypi_opa_py_wasm_decides_every_example() {
    host_decides(Client::OpaPyWasm);
}

#[test]
fn opa_decides_every_example_by_its_rego() {
    let Some(opa) = require(Opa::find()) else { return };
    for example in examples() {
        let modules = [("policy.rego", example.compiled.rego.as_str())];
        let evaluation = Evaluation { modules: &modules, ..Evaluation::default() };
        let documents = opa.eval_inputs(evaluation, "data.sealgate.policy.decision", &example.inputs()).unwrap();
        for (call, document) in example.suite.calls.iter().zip(documents) {
            let document = document.unwrap();
            assert_eq!(document_core(&document), expected_document(call), "{}: {}", example.name, call.name);
        }
    }
}

#[test]
fn opa_decides_every_example_by_its_archive() {
    let Some(opa) = require(Opa::find()) else { return };
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bundle.tar.gz"), example.archive()).unwrap();
        for call in &example.suite.calls {
            let args = [
                "eval",
                "--bundle",
                "bundle.tar.gz",
                "--stdin-input",
                "--format",
                "json",
                "data.sealgate.policy.decision",
            ];
            let output = opa.run(folder.path(), &args, &call.input().to_string()).unwrap();
            let said: Value = serde_json::from_slice(&output.stdout).unwrap();
            let document = &said["result"][0]["expressions"][0]["value"];
            assert_eq!(document_core(document), expected_document(call), "{}: {}: {said}", example.name, call.name);
        }
    }
}

/// One archive with both signatures: a server of OPA's that verifies its own, and we, who verify ours, decide alike.
#[test]
fn a_server_of_opas_that_verifies_decides_every_example_by_its_archive() {
    let Some(opa) = require(Opa::find()) else { return };
    let key = SigningKey::generate().unwrap();
    let keys = [("ES256", P256_PEM, P256_PUBLIC_PEM), ("RS256", RSA_PEM, RSA_PUBLIC_PEM)];
    for (example, (algorithm, private, public)) in examples().into_iter().zip(keys.into_iter().cycle()) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let signer = OpaSigner::from_pem(private, "k1").unwrap();
        let contents = pack(&example.files, &example.compiled, &PackOptions::default()).unwrap();
        let archive = contents.sign(&key).unwrap().with_opa_signer(&signer).tar_gz().unwrap();
        write("bundle.tar.gz", &archive);
        write("public.pem", public.as_bytes());
        let flags = ["--verification-key", "public.pem", "--verification-key-id", "k1", "--signing-alg", algorithm];
        let flags = [&flags[..], &["--bundle", "bundle.tar.gz"]].concat();
        let server = opa.serve(folder.path(), &flags).unwrap();
        let options = VerifyOptions::new(TrustStore::of(key.public_key()), UnixSeconds::system_now());
        let policy = Policy::load(&verify_bytes(&archive, &options).unwrap(), &RuntimeOptions::default()).unwrap();
        for call in &example.suite.calls {
            let input = call.input();
            let theirs = server.post("/v1/data/sealgate/policy/decision", &json!({ "input": input })).unwrap();
            assert_eq!(document_core(&theirs["result"]), expected_document(call), "{}: {}", example.name, call.name);
            let ours = policy.decide_json(input.to_string().as_bytes()).unwrap();
            assert_eq!(
                ours.is_allowed(),
                theirs["result"]["allow"] == true && theirs["result"]["requires_approval"] != true
            );
        }
        drop(server);
        // With verification on, a bundle without that signature is not served.
        let contents = pack(&example.files, &example.compiled, &PackOptions::default()).unwrap();
        write("bundle.tar.gz", &contents.sign(&key).unwrap().tar_gz().unwrap());
        assert!(opa.serve(folder.path(), &flags).is_err(), "{}", example.name);
    }
}

/// Key pairs that are no secret.
const P256_PEM: &str = include_str!("../../crates/sealgate-runtime/tests/common/p256-of-no-secret.pem");
const P256_PUBLIC_PEM: &str = include_str!("../../crates/sealgate-runtime/tests/common/p256-of-no-secret.public.pem");
const RSA_PEM: &str = include_str!("../../crates/sealgate-bundle/tests/common/rsa-of-no-secret.pem");
const RSA_PUBLIC_PEM: &str = include_str!("../../crates/sealgate-bundle/tests/common/rsa-of-no-secret.public.pem");

/// A policy that is not among the examples: the folder form, in the ancestor's package.
#[test]
fn the_ancestor_verifies_a_folder_and_decides_by_it() {
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/travel-desk");
    let example = policy_example(&fixture, "hexgate.policy");
    let key = SigningKey::generate().unwrap();
    let desk = tempfile::tempdir().unwrap();
    let (_, public) = write_pair(&desk.path().join("k"), &key, false).unwrap();
    let contents = pack(&example.files, &example.compiled, &PackOptions::default()).unwrap();
    let folder = desk.path().join("bundle");
    fs::write_folder(&folder, &contents.sign(&key).unwrap().folder(&example.files.stem).unwrap()).unwrap();

    let Some(said) = require(ask(Client::Manifest, &[&folder, &public], None, &[])) else { return };
    said.unwrap();
    let Some(said) = require(ask(Client::Hexgate, &[&folder, &public], None, &example.inputs())) else { return };
    let documents: Vec<Value> = serde_json::from_str(&said.unwrap()).unwrap();
    for (call, document) in example.suite.calls.iter().zip(&documents) {
        assert_eq!(document_core(document), expected_document(call), "{}", call.name);
    }

    // The same two, after one byte of the module has changed.
    let module = folder.join("policy.wasm");
    let mut bytes = std::fs::read(&module).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&module, bytes).unwrap();
    assert!(require(ask(Client::Manifest, &[&folder, &public], None, &[])).unwrap().is_err());
    assert!(require(ask(Client::Hexgate, &[&folder, &public], None, &example.inputs())).unwrap().is_err());
}
