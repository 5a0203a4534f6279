//! Real OPA takes what we write: it evaluates the archive, serves it, signs it; and we take its modules and signatures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::path::Path;

use common::{key, options};
use sealgate_bundle::opa::{Algorithm, OpaExpectations, OpaSigner, OpaTrust};
use sealgate_bundle::{BundleContents, BundleFile, Trust, UnverifiedBundle, archive, fs, verify_bytes};
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
    let server = opa.serve(folder.path(), &["--bundle", "x.tar.gz"]).unwrap();
    let decided =
        server.post("/v1/data/sealgate/policy/decision?provenance=true", &json!({ "input": { "tool": "search" } }));
    let decided = decided.unwrap();
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
    let server = opa.serve(folder.path(), &flags).unwrap();
    assert_eq!(
        server.post("/v1/data/sealgate/policy/decision", &json!({ "input": {} })).unwrap()["result"],
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

/// A key pair in PEM: private, public.
fn pems(algorithm: &str) -> (String, String) {
    use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
    let private: Box<dyn Fn() -> (String, String)> = match algorithm {
        "ES256" => Box::new(|| {
            let key = p256::SecretKey::from_slice(&[5; 32]).unwrap();
            (
                key.to_pkcs8_pem(Default::default()).unwrap().to_string(),
                key.public_key().to_public_key_pem(Default::default()).unwrap(),
            )
        }),
        "ES384" => Box::new(|| {
            let key = p384::SecretKey::from_slice(&[5; 48]).unwrap();
            (
                key.to_pkcs8_pem(Default::default()).unwrap().to_string(),
                key.public_key().to_public_key_pem(Default::default()).unwrap(),
            )
        }),
        "EdDSA" => Box::new(|| {
            let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
            (
                key.to_pkcs8_pem(Default::default()).unwrap().to_string(),
                key.verifying_key().to_public_key_pem(Default::default()).unwrap(),
            )
        }),
        _ => Box::new(|| {
            use rsa::pkcs8::DecodePrivateKey as _;
            let text = include_str!("common/rsa-of-no-secret.pem");
            let key = rsa::PrivateKey::from_pkcs8_pem(text).unwrap();
            (text.to_owned(), key.to_public_key().to_public_key_pem(Default::default()).unwrap())
        }),
    };
    private()
}

/// OPA's configuration of one key.
fn trust(algorithm: &str, scope: &str) -> OpaTrust {
    let configured = json!({ "k1": { "key": pems(algorithm).1, "algorithm": algorithm, "scope": scope } });
    OpaTrust::parse(configured.to_string().as_bytes()).unwrap()
}

/// What `opa build` makes of a folder with data in two places and two entrypoints, signed in the same step.
fn built_by_opa(opa: &Opa, folder: &Path, algorithm: &str, claims: &str) -> Vec<u8> {
    let source = folder.join("source");
    std::fs::create_dir_all(source.join("acme/limits")).unwrap();
    std::fs::write(source.join("p.rego"), REGO).unwrap();
    std::fs::write(source.join("q.rego"), "package sealgate.policy\n\nother := data.acme.limits\n").unwrap();
    std::fs::write(source.join("data.json"), r#"{"acme": {"on": true}}"#).unwrap();
    std::fs::write(source.join("acme/limits/data.json"), r#"{"agent": 50}"#).unwrap();
    std::fs::write(source.join(".manifest"), r#"{"revision": "r1", "roots": ["sealgate/policy", "acme"]}"#).unwrap();
    std::fs::write(folder.join("key.pem"), pems(algorithm).0).unwrap();
    let mut args =
        vec!["build", "-t", "wasm", "-e", "sealgate/policy/decision", "-e", "sealgate/policy/other", "-b", "source"];
    args.extend(["-o", "built.tar.gz", "--signing-key", "key.pem", "--signing-alg", algorithm]);
    std::fs::write(folder.join("claims.json"), claims).unwrap();
    args.extend(["--claims-file", "claims.json"]);
    let built = opa.run(folder, &args, "").unwrap();
    assert!(built.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&built.stderr));
    std::fs::read(folder.join("built.tar.gz")).unwrap()
}

#[test]
fn bundles_that_opa_built_and_signed_verify_here() {
    let Some(opa) = require(Opa::find()) else { return };
    let claims = r#"{"keyid": "k1", "scope": "write"}"#;
    for algorithm in ["ES256", "ES384", "RS256", "RS512", "PS256", "EdDSA"] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = built_by_opa(&opa, folder.path(), algorithm, claims);
        let read = || UnverifiedBundle::read(&bytes).unwrap();
        let expected = OpaExpectations::new("acme", trust(algorithm, "write"));
        let bundle = read().verify_opa(&expected).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(bundle.entrypoints(), ["sealgate/policy/decision", "sealgate/policy/other"]);
        let data: Value = serde_json::from_slice(bundle.data().unwrap()).unwrap();
        assert_eq!(data, json!({ "acme": { "on": true, "limits": { "agent": 50 } } }));
        let by = Trust::SignedByOpa { key_id: "k1".to_owned(), revision: "r1".to_owned() };
        assert_eq!((bundle.trust(), bundle.is_signed(), bundle.name()), (&by, true, "acme"));

        let refused = |expected: &OpaExpectations| read().verify_opa(expected).unwrap_err();
        assert_eq!(refused(&OpaExpectations::new("acme", trust(algorithm, "read"))).code(), "opa_signatures");
        assert_eq!(refused(&OpaExpectations::new("acme", OpaTrust::new())).code(), "opa_signatures");
        let mut revoked = expected.clone();
        revoked.trust.revoke("k1");
        assert!(refused(&revoked).to_string().contains("revoked"));
        let mut other = expected.clone();
        other.revision = Some("r2".to_owned());
        assert_eq!(refused(&other).code(), "wrong_revision");
        let other = if algorithm == "ES256" { "ES384" } else { "ES256" };
        assert_eq!(refused(&OpaExpectations::new("acme", trust(other, "write"))).code(), "opa_signatures");

        let files = archive::read_tar_gz(&bytes, &Default::default()).unwrap();
        let changed = |change: &dyn Fn(&mut Vec<BundleFile>)| {
            let mut files = files.clone();
            change(&mut files);
            UnverifiedBundle::from_files(files, &Default::default()).unwrap().verify_opa(&expected).unwrap_err().code()
        };
        assert_eq!(changed(&|files| files.retain(|file| file.name != ".signatures.json")), "unsigned");
        assert_eq!(changed(&|files| files.retain(|file| file.name != "policy.wasm")), "opa_signatures");
        assert_eq!(changed(&|files| files.push(BundleFile::new("x/data.json", "{}"))), "opa_signatures");
        let flip = |files: &mut Vec<BundleFile>| {
            let wasm = files.iter_mut().find(|file| file.name == "policy.wasm").unwrap();
            let last = wasm.bytes.len() - 1;
            wasm.bytes[last] ^= 1;
        };
        assert_eq!(changed(&flip), "opa_signatures");
        // It is no bundle of Sealgate's: without a signed manifest it stays unsigned there.
        assert_eq!(verify_bytes(&bytes, &options(&key(1))).unwrap_err().code(), "unsigned");
    }
}

#[test]
fn opa_verifies_the_signature_file_that_we_write_and_serves_the_bundle() {
    let Some(opa) = require(Opa::find()) else { return };
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS512"] {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = pems(algorithm);
        let signer = OpaSigner::from_pem(&private, "k1").unwrap().with_scope("read");
        let signer = signer.with_algorithm(Algorithm::parse(algorithm).unwrap()).unwrap();
        assert!(!format!("{signer:?}").contains("PRIVATE"));
        let key = key(1);
        let contents = contents(&opa, folder.path());
        let bytes = contents.sign(&key).unwrap().with_opa_signer(&signer).tar_gz().unwrap();
        let mut options = options(&key);
        options.opa = trust(algorithm, "read");
        verify_bytes(&bytes, &options).unwrap();
        std::fs::write(folder.path().join("x.tar.gz"), &bytes).unwrap();
        std::fs::write(folder.path().join("public.pem"), public).unwrap();
        let flags = [
            "--verification-key",
            "public.pem",
            "--verification-key-id",
            "k1",
            "--signing-alg",
            algorithm,
            "--scope",
            "read",
        ];
        let server = opa.serve(folder.path(), &[&flags[..], &["--bundle", "x.tar.gz"]].concat()).unwrap();
        let decided = server.post("/v1/data/sealgate/policy/decision", &json!({ "input": { "tool": "search" } }));
        assert_eq!(decided.unwrap()["result"], json!({ "allow": true }), "{algorithm}");
        // A bit changed is refused by OPA and here.
        let mut files = archive::read_tar_gz(&bytes, &Default::default()).unwrap();
        files.iter_mut().find(|file| file.name == "policy.rego").unwrap().bytes.push(b'\n');
        let changed = archive::write_tar_gz(&files).unwrap();
        assert!(verify_bytes(&changed, &options).is_err());
        std::fs::write(folder.path().join("x.tar.gz"), changed).unwrap();
        assert!(opa.serve(folder.path(), &[&flags[..], &["--bundle", "x.tar.gz"]].concat()).is_err(), "{algorithm}");
    }
    for (key, algorithm) in [("RS256", "ES256"), ("ES256", "ES384"), ("EdDSA", "RS256"), ("ES384", "ES256")] {
        let signer = OpaSigner::from_pem(&pems(key).0, "k1").unwrap();
        assert_eq!(signer.algorithm().as_str(), key);
        assert!(signer.with_algorithm(Algorithm::parse(algorithm).unwrap()).is_err(), "{key} {algorithm}");
    }
    assert!(OpaSigner::from_pem(&pems("RS256").1, "k1").is_err(), "a public key signs nothing");
}

#[test]
fn delta_bundles_change_the_data_of_the_one_before() {
    let Some(opa) = require(Opa::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let signer = OpaSigner::from_pem(&pems("ES256").0, "k1").unwrap();
    let expected = OpaExpectations::new("acme", trust("ES256", ""));
    let snapshot = UnverifiedBundle::read(&built_by_opa(&opa, folder.path(), "ES256", r#"{"keyid": "k1"}"#)).unwrap();
    let snapshot = snapshot.verify_opa(&expected).unwrap();
    let delta = |patch: &str| {
        let manifest = r#"{"revision": "r2", "roots": ["sealgate/policy", "acme"]}"#;
        let files = vec![BundleFile::new(".manifest", manifest), BundleFile::new("patch.json", patch)];
        let signed = signer.sign(&files).unwrap();
        let files = files.into_iter().chain([signed]).collect();
        UnverifiedBundle::from_files(files, &Default::default()).unwrap()
    };
    let patch = r#"{"data": [{"op": "upsert", "path": "/acme/limits/lead", "value": 500}, {"op": "remove", "path": "acme/on"}]}"#;
    let change = delta(patch).verify_opa_delta(&expected).unwrap();
    assert_eq!((change.revision(), change.key_id(), change.operations().len()), ("r2", "k1", 2));
    let after: Value = serde_json::from_slice(&change.apply(snapshot.data().unwrap()).unwrap()).unwrap();
    assert_eq!(after, json!({ "acme": { "limits": { "agent": 50, "lead": 500 } } }));
    assert_eq!(delta(patch).verify_opa(&expected).unwrap_err().code(), "delta");
    for bad in [
        r#"{"data": [{"op": "upsert", "path": "/other", "value": 1}]}"#,
        r#"{"data": [{"op": "remove", "path": "/acme/no"}]}"#,
    ] {
        let change = delta(bad).verify_opa_delta(&expected).unwrap();
        assert!(change.apply(snapshot.data().unwrap()).is_err(), "{bad}");
    }
    assert!(delta("[]").verify_opa_delta(&expected).is_err());
    let unsigned = vec![BundleFile::new("patch.json", patch)];
    let unsigned = UnverifiedBundle::from_files(unsigned, &Default::default()).unwrap();
    assert_eq!(unsigned.verify_opa_delta(&expected).unwrap_err().code(), "unsigned");
}
