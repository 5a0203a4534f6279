//! The crate `opa-wasm` loads our modules and our archives, and decides as the policy's calls expect.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use opa_wasm::wasmtime::{Config, Engine, Module, Store};
use opa_wasm::{Runtime, read_bundle};
use sealgate_tests::{ENTRYPOINT, document_core, examples, expected_document};
use serde_json::Value;

async fn decide(wasm: &[u8], inputs: &[Value]) -> Vec<Value> {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, ());
    let policy = Runtime::new(&mut store, &module).await.unwrap().without_data(&mut store).await.unwrap();
    let mut documents = Vec::new();
    for input in inputs {
        let rows: Value = policy.evaluate(&mut store, ENTRYPOINT, input).await.unwrap();
        documents.push(rows[0]["result"].clone());
    }
    documents
}

#[tokio::test(flavor = "current_thread")]
async fn every_example_decides_its_calls() {
    for example in examples() {
        let documents = decide(&example.compiled.wasm, &example.inputs()).await;
        for (call, document) in example.suite.calls.iter().zip(documents) {
            assert_eq!(expected_document(call), document_core(&document), "{}: {}", example.name, call.name);
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn its_loader_finds_the_module_in_our_archive() {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.tar.gz");
        std::fs::write(&path, example.archive()).unwrap();
        let module = read_bundle(&path).await.unwrap();
        assert_eq!(module, example.compiled.wasm, "{}", example.name);
    }
}
