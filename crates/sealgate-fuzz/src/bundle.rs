//! What meets an untrusted bundle first: container, manifest, OPA's signature file, keys.

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealgate_bundle::keys::{ManifestSigner, jwks};
use sealgate_bundle::opa::{Algorithm, OpaExpectations, OpaKey, OpaSigner, OpaTrust, VerificationKey};
use sealgate_bundle::{
    BundleContents, BundleFile, KeyId, Limits, Manifest, PublicKey, SigningKey, TrustStore, UnixSeconds,
    UnverifiedBundle, VerifyOptions, archive, verify_bytes,
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// Bounds that keep one run short.
fn limits() -> Limits {
    Limits { archive_bytes: 1 << 20, unpacked_bytes: 4 << 20, file_bytes: 1 << 20, entries: 256, ..Limits::default() }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn options() -> VerifyOptions {
    let mut options = VerifyOptions::new(TrustStore::of(key().public_key()), NOW);
    options.limits = limits();
    options
}

/// The files of a good bundle, manifest and signature among them.
static GOOD: LazyLock<Vec<BundleFile>> = LazyLock::new(|| {
    let wasm = *b"\0asm\x01\0\0\0\x02\x0f\x01\x03env\x06memory\x02\0\x01";
    let contents = BundleContents::new("fuzz", wasm).unwrap().with_rego("package a\n").with_source("a.yaml", "x");
    let bytes = contents.with_entrypoints(["a/b"]).sign(&key()).unwrap().tar_gz().unwrap();
    archive::read_tar_gz(&bytes, &Limits::default()).unwrap()
});

/// An archive: as it is, or (first byte odd) as the tar in a sound gzip member.
pub fn archive(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let bytes = if first & 1 == 0 { rest.to_vec() } else { gzip(rest) };
    if let Ok(files) = archive::read_tar_gz(&bytes, &limits()) {
        assert!(files.len() <= limits().entries);
        // What can be read can be written, unless a name is too long for the one form, and reads back the same.
        if let Ok(written) = archive::write_tar_gz(&files) {
            assert_eq!(archive::read_tar_gz(&written, &limits()).expect("what was written reads"), files);
        }
    }
    if let Ok(bundle) = verify_bytes(&bytes, &options()) {
        assert!(bundle.key_id() == Some(key().public_key().id()));
    }
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// A signed manifest: alone, then signed in place of a good bundle's.
pub fn manifest(data: &[u8]) {
    if let Ok(manifest) = Manifest::parse(data) {
        let bytes = manifest.to_bytes().expect("a manifest can be written");
        assert_eq!(Manifest::parse(&bytes).expect("what was written reads"), manifest);
    }
    let signature = key().sign(data).unwrap();
    let files = replaced("sealgate.bundle.json", data, Some(&signature));
    // The signature is true: a refusal is on account of what the manifest says.
    if let Err(error) = UnverifiedBundle::from_files(files.clone(), &limits()).unwrap().verify(&options()) {
        assert!(!matches!(error.code(), "bad_signature" | "unsigned" | "signature_length"), "{error}");
    }
    let unsigned = UnverifiedBundle::from_files(files, &limits()).unwrap();
    let _ = unsigned.dangerous_without_signature(&options());
}

fn replaced(name: &str, data: &[u8], signature: Option<&[u8]>) -> Vec<BundleFile> {
    let mut files = GOOD.clone();
    for file in &mut files {
        if file.name == name {
            file.bytes = data.to_vec();
        } else if let (Some(signature), true) = (signature, file.name.ends_with(".sig")) {
            file.bytes = signature.to_vec();
        }
    }
    files
}

/// The same key, as one for OPA's tokens.
fn opa_expectations() -> OpaExpectations {
    let mut trust = OpaTrust::new();
    let key = OpaKey::new(VerificationKey::Ed25519(self::key().public_key()), Algorithm::EdDsa, "").unwrap();
    trust.add("k", key).unwrap();
    OpaExpectations { limits: limits(), ..OpaExpectations::new("fuzz", trust) }
}

/// OPA's `.signatures.json`: as it is, or (first byte 1 or 2 modulo 3) as the payload or the header of a token.
pub fn signatures(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let text = match first % 3 {
        0 => rest.to_vec(),
        1 => token(format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, key().public_key().id()).as_bytes(), rest),
        _ => token(rest, br#"{"files":[]}"#),
    };
    let mut files = GOOD.clone();
    files.push(BundleFile::new(".signatures.json", text.clone()));
    if let Err(error) = UnverifiedBundle::from_files(files, &limits()).unwrap().verify(&options()) {
        assert_eq!(error.code(), "opa_signatures", "{error}");
    }
    let alone = vec![BundleFile::new(".signatures.json", text)];
    let alone = UnverifiedBundle::from_files(alone, &limits()).unwrap();
    assert!(alone.verify_opa(&opa_expectations()).is_err(), "there is no module");
}

/// A bundle of OPA's own, truly signed: one of its files (the first byte says which) is the data, or all of it a delta bundle.
pub fn opa_bundle(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let wasm = *b"\0asm\x01\0\0\0\x02\x0f\x01\x03env\x06memory\x02\0\x01";
    let manifest = br#"{"revision":"r","roots":["a"],"wasm":[{"entrypoint":"a/b","module":"/policy.wasm"}]}"#;
    let mut files = vec![BundleFile::new("policy.wasm", wasm), BundleFile::new("a/b/data.json", "1")];
    match first % 4 {
        0 => files.push(BundleFile::new(".manifest", rest)),
        1 => files.extend([BundleFile::new(".manifest", *manifest), BundleFile::new("data.json", rest)]),
        2 => files.extend([BundleFile::new(".manifest", *manifest), BundleFile::new("a/c/data.json", rest)]),
        _ => files = vec![BundleFile::new(".manifest", *manifest), BundleFile::new("patch.json", rest)],
    }
    let listed: Vec<_> = files
        .iter()
        .map(|file| {
            let canonical = serde_json::from_slice::<serde_json::Value>(&file.bytes).ok();
            let json = file.name.ends_with("data.json") || file.name == ".manifest";
            let bytes = match canonical {
                // Sorted and without spaces, which is the canonical form of most documents; others are refused.
                Some(value) if json => value.to_string().into_bytes(),
                _ => file.bytes.clone(),
            };
            let hash = sealgate_bundle::Sha256Digest::of(&bytes).to_string();
            serde_json::json!({ "name": file.name, "hash": hash, "algorithm": "SHA-256" })
        })
        .collect();
    let payload = serde_json::json!({ "files": listed }).to_string();
    files.push(BundleFile::new(".signatures.json", token(br#"{"alg":"EdDSA","kid":"k"}"#, payload.as_bytes())));
    let unverified = UnverifiedBundle::from_files(files, &limits()).unwrap();
    if first % 4 == 3 {
        if let Ok(delta) = unverified.verify_opa_delta(&opa_expectations()) {
            let before = br#"{"a":{"b":{"c":[1,{"d":2}],"e/f":3}}}"#;
            if let Ok(after) = delta.apply(before) {
                serde_json::from_slice::<serde_json::Value>(&after).expect("changed data is JSON");
            }
        }
        return;
    }
    if let Ok(bundle) = unverified.verify_opa(&opa_expectations()) {
        serde_json::from_slice::<serde_json::Value>(bundle.data().unwrap()).expect("data is JSON");
    }
}

fn token(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key().sign(signed.as_bytes()).unwrap();
    format!(r#"{{"signatures":["{signed}.{}"]}}"#, URL_SAFE_NO_PAD.encode(signature)).into_bytes()
}

/// The text of a key, of a key's id, of a set of keys, of OPA's keys.
pub fn keys(data: &[u8]) {
    if let Ok(keys) = jwks::parse(data) {
        for key in keys {
            let algorithm = key.algorithm.unwrap_or_else(|| key.key.default_algorithm());
            assert!(key.key.suits(algorithm) && !key.key.verifies(algorithm, b"message", &[0; 64]));
        }
    }
    if let Ok(trust) = OpaTrust::parse(data) {
        assert!(trust.ids().all(|id| trust.get(id).is_some()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = VerificationKey::from_pem(text);
    if let Ok(signer) = OpaSigner::from_pem(text, "k") {
        assert!(signer.verification_key().unwrap().suits(signer.algorithm()));
        signer.sign(&[]).expect("a key that was read signs");
    }
    if let Ok(key) = PublicKey::parse(text) {
        assert_eq!(text.trim_end_matches(['\r', '\n']), key.to_string());
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
    }
    if let Ok(key) = SigningKey::parse(text) {
        assert_eq!(text.trim_end_matches(['\r', '\n']), key.expose_text().as_str());
        let signature = key.sign(b"message").unwrap();
        assert!(key.public_key().verifies(b"message", &signature));
    }
    if let Some(id) = KeyId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
}
