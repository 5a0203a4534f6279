//! Attacks on the signature, the manifest and the files that it lists.

use sealgate_bundle::{BundleFile, UnixSeconds};
use serde_json::json;

use crate::common::{NOW, contents, key};
use crate::forge::{
    MANIFEST, SIGNATURE, changed, changed_file, file, files, pack, resigned, resigned_text, sign, with_opa_signatures,
};
use crate::{REVOKED, Sample, TRUSTED, UNTRUSTED, accepted, refused};

pub fn signatures() -> Vec<Sample> {
    let signature = |change: fn(&mut Vec<u8>)| changed_file(SIGNATURE, change);
    vec![
        refused(
            "signature-63",
            "a signature one byte short",
            "signature_length",
            signature(|bytes| bytes.truncate(63)),
        ),
        refused(
            "signature-65",
            "a signature with a line break",
            "signature_length",
            signature(|bytes| bytes.push(b'\n')),
        ),
        refused("signature-empty", "an empty signature", "signature_length", signature(Vec::clear)),
        refused(
            "signature-hex",
            "a signature in hex",
            "signature_length",
            signature(|bytes| *bytes = hex::encode(&bytes).into_bytes()),
        ),
        refused(
            "stripped",
            "the signature stripped",
            "unsigned",
            changed(|files| files.retain(|file| file.name != SIGNATURE)),
        ),
        refused(
            "stripped-both",
            "the signed manifest stripped too, as a plain OPA bundle",
            "unsigned",
            changed(|files| files.retain(|file| !file.name.starts_with("sealgate."))),
        ),
        refused(
            "only-signature",
            "a signature of nothing",
            "missing_manifest",
            changed(|files| files.retain(|file| file.name != MANIFEST)),
        ),
        refused(
            "two-manifests",
            "a second manifest",
            "several_manifests",
            changed(|files| files.push(BundleFile::new("policy.bundle.json", "{}"))),
        ),
        refused(
            "signature-of-other-stem",
            "a signature that belongs to another manifest",
            "several_manifests",
            changed(|files| file(files, SIGNATURE).name = "x.bundle.json.sig".into()),
        ),
        refused("unknown-key", "signed by somebody else", "unknown_key", pack(&signed_by(UNTRUSTED))),
        refused("revoked-key", "signed by a key that is revoked", "revoked_key", pack(&signed_by(REVOKED))),
        refused(
            "no-key-id",
            "a manifest that names no key",
            "unknown_key",
            resigned(&key(TRUSTED), |manifest| drop(manifest.as_object_mut().unwrap().remove("key_id"))),
        ),
        refused(
            "borrowed-key-id",
            "signed by somebody else in a trusted key's name",
            "bad_signature",
            resigned(&key(UNTRUSTED), |_| {}),
        ),
        refused(
            "other-trusted-key",
            "signed by another trusted key than the manifest names",
            "bad_signature",
            resigned(&key(2), |_| {}),
        ),
        refused(
            "signature-flipped",
            "one bit of the signature changed",
            "bad_signature",
            signature(|bytes| bytes[10] ^= 4),
        ),
        refused(
            "signature-malleable",
            "the second encoding of the same signature",
            "bad_signature",
            signature(|bytes| add_group_order(bytes)),
        ),
        refused("signature-zero", "64 zeros", "bad_signature", signature(|bytes| bytes.fill(0))),
        refused(
            "serial-raised",
            "the serial raised without signing",
            "bad_signature",
            changed_file(MANIFEST, |bytes| replace(bytes, "\"serial\": 7", "\"serial\": 9")),
        ),
        refused(
            "manifest-reformatted",
            "the same manifest in other bytes",
            "bad_signature",
            changed_file(MANIFEST, |bytes| bytes.push(b'\n')),
        ),
        refused("signature-replayed", "the signature of another bundle", "bad_signature", replayed()),
    ]
}

pub fn manifests() -> Vec<Sample> {
    let trusted = key(TRUSTED);
    let text = |change: fn(String) -> String| resigned_text(&key(TRUSTED), change);
    vec![
        refused("manifest-not-json", "a manifest that is no JSON", "manifest", text(|text| text.replace('{', "["))),
        refused("manifest-list", "a list of values in the order of the members", "manifest", text(|_| "[]".to_owned())),
        refused(
            "manifest-file-list",
            "a file written as a list of its values",
            "manifest",
            resigned(&trusted, |manifest| {
                let file = &manifest["files"][0];
                manifest["files"][0] = json!([file["kind"], file["name"], null, file["sha256"], file["size"]]);
            }),
        ),
        refused(
            "manifest-bom",
            "a manifest with a byte order mark",
            "manifest",
            text(|text| format!("\u{feff}{text}")),
        ),
        refused(
            "manifest-twice-named",
            "a member named twice, of which readers take one or the other",
            "manifest",
            text(|text| text.replace("\"serial\": 7", "\"serial\": 7,\n  \"serial\": 9")),
        ),
        refused(
            "manifest-twice-named-escaped",
            "the same, one of them escaped",
            "manifest",
            text(|text| text.replace("\"serial\": 7", "\"serial\": 7,\n  \"s\\u0065rial\": 9")),
        ),
        refused(
            "manifest-twice-named-unknown",
            "an unknown member named twice",
            "manifest",
            text(|text| text.replace("\"serial\": 7", "\"serial\": 7,\n  \"x\": 1,\n  \"x\": 1")),
        ),
        refused(
            "manifest-deep",
            "a member nested very deeply",
            "manifest",
            text(|text| {
                text.replace(
                    "\"serial\": 7",
                    &format!("\"serial\": 7, \"x\": {}{}", "[".repeat(5000), "]".repeat(5000)),
                )
            }),
        ),
        refused(
            "manifest-serial-fraction",
            "a serial that is no integer",
            "manifest",
            text(|text| text.replace("\"serial\": 7", "\"serial\": 7.0")),
        ),
        refused(
            "manifest-serial-large",
            "a serial that not every reader keeps exactly",
            "manifest",
            text(|text| text.replace("\"serial\": 7", "\"serial\": 9007199254740992")),
        ),
        refused(
            "manifest-other-schema",
            "a schema of the future",
            "manifest",
            resigned(&trusted, |manifest| manifest["schema"] = json!("sealgate.bundle/2")),
        ),
        refused(
            "manifest-no-digest",
            "a file listed without its digest",
            "manifest",
            resigned(&trusted, |manifest| drop(manifest["files"][0].as_object_mut().unwrap().remove("sha256"))),
        ),
        refused(
            "manifest-upper-case",
            "a digest in capitals",
            "manifest",
            resigned(&trusted, |manifest| {
                manifest["wasm_hash"] = json!(manifest["wasm_hash"].as_str().unwrap().to_uppercase())
            }),
        ),
        refused(
            "manifest-other-wasm-hash",
            "the ancestor's digest of another module",
            "manifest",
            resigned(&trusted, |manifest| manifest["wasm_hash"] = json!("0".repeat(64))),
        ),
        refused(
            "manifest-lists-twice",
            "a file listed twice",
            "manifest",
            resigned(&trusted, |manifest| {
                let file = manifest["files"][0].clone();
                manifest["files"].as_array_mut().unwrap().push(file);
            }),
        ),
        refused(
            "manifest-lists-itself",
            "the manifest in its own list",
            "manifest",
            resigned(&trusted, |manifest| {
                let entry = json!({ "kind": "other", "name": MANIFEST, "sha256": "0".repeat(64), "size": 1 });
                manifest["files"].as_array_mut().unwrap().push(entry);
            }),
        ),
        refused(
            "manifest-two-modules",
            "two files that are the module",
            "manifest",
            resigned(&trusted, |manifest| manifest["files"][1]["kind"] = json!("wasm")),
        ),
        refused(
            "manifest-window",
            "expiry before not-before",
            "manifest",
            resigned(&trusted, |manifest| {
                manifest["not_before"] = json!(20);
                manifest["expires"] = json!(20);
            }),
        ),
        accepted(
            "manifest-unknown-member",
            "a member that this version does not know is ignored",
            resigned(&trusted, |manifest| manifest["x-note"] = json!({ "a": [1, 2.5e3] })),
        ),
    ]
}

pub fn digests() -> Vec<Sample> {
    vec![
        refused(
            "module-changed",
            "one bit of the module changed",
            "digest_mismatch",
            changed_file("policy.wasm", |bytes| bytes[20] ^= 1),
        ),
        refused(
            "module-longer",
            "bytes appended to the module",
            "size_mismatch",
            changed_file("policy.wasm", |bytes| bytes.push(0)),
        ),
        refused(
            "rego-changed",
            "other Rego than was compiled",
            "digest_mismatch",
            changed_file("policy.rego", |bytes| replace(bytes, "search", "refund")),
        ),
        refused(
            "source-changed",
            "another YAML source",
            "digest_mismatch",
            changed_file("source/support.yaml", |bytes| replace(bytes, "allow", "denyy")),
        ),
        refused(
            "opa-manifest-changed",
            "other roots for OPA",
            "digest_mismatch",
            changed_file(".manifest", |bytes| replace(bytes, "sealgate/policy\"]", "sealgate/polic_\"]")),
        ),
        refused(
            "data-missing",
            "the data document left out",
            "missing_file",
            changed(|files| files.retain(|file| file.name != "data.json")),
        ),
        refused(
            "source-missing",
            "the source left out",
            "missing_file",
            changed(|files| files.retain(|file| !file.name.starts_with("source/"))),
        ),
        refused(
            "unlisted",
            "a file that nobody signed",
            "unlisted_file",
            changed(|files| files.push(BundleFile::new("README", "x"))),
        ),
        refused(
            "unlisted-rego",
            "a second Rego module, which OPA would load",
            "unlisted_file",
            changed(|files| files.push(BundleFile::new("z.rego", "package sealgate.policy\n"))),
        ),
        refused(
            "unlisted-manifest",
            "a signed manifest in a sub-folder",
            "unlisted_file",
            changed(|files| files.push(BundleFile::new("x/sealgate.bundle.json", "{}"))),
        ),
        refused(
            "renamed",
            "the module under another name",
            "missing_file",
            changed(|files| file(files, "policy.wasm").name = "Policy.wasm".into()),
        ),
        accepted(
            "opa-signatures",
            "a true signature file for OPA, by a trusted key",
            with_opa_signatures(&key(TRUSTED), |_| {}),
        ),
        accepted(
            "opa-signatures-stranger",
            "a true one by a key that nobody here knows",
            with_opa_signatures(&key(UNTRUSTED), |_| {}),
        ),
        refused(
            "opa-signatures-digest",
            "a signature file with a wrong digest",
            "opa_signatures",
            with_opa_signatures(&key(TRUSTED), |listed| listed[2]["hash"] = json!("0".repeat(64))),
        ),
        refused(
            "opa-signatures-fewer",
            "one that leaves a file out",
            "opa_signatures",
            with_opa_signatures(&key(TRUSTED), |listed| drop(listed.pop())),
        ),
        refused(
            "opa-signatures-more",
            "one that lists a file that is not there",
            "opa_signatures",
            with_opa_signatures(&key(TRUSTED), |listed| {
                listed.push(json!({ "name": "x", "hash": "0".repeat(64), "algorithm": "SHA-256" }));
            }),
        ),
        refused(
            "opa-signatures-md5",
            "one with a broken digest algorithm",
            "opa_signatures",
            with_opa_signatures(&key(TRUSTED), |listed| listed[0]["algorithm"] = json!("MD5")),
        ),
        refused(
            "opa-signatures-revoked",
            "one by a key that is revoked",
            "opa_signatures",
            with_opa_signatures(&key(REVOKED), |_| {}),
        ),
        refused("opa-signatures-forged", "one in a trusted key's name", "opa_signatures", forged_token()),
        refused(
            "opa-signatures-none",
            "one that holds no token",
            "opa_signatures",
            changed(|files| files.push(BundleFile::new(".signatures.json", "{\"signatures\": []}"))),
        ),
    ]
}

pub fn expectations() -> Vec<Sample> {
    let build = |contents: sealgate_bundle::BundleContents| contents.sign(&key(TRUSTED)).unwrap().tar_gz().unwrap();
    let at = |seconds: u64| Some(UnixSeconds(seconds));
    let window = |from, to| build(contents().with_validity(from, to));
    let named = |name: &str| resigned(&key(TRUSTED), |manifest| manifest["name"] = json!(name));
    vec![
        accepted("good", "nothing: the bundle that the others are made of", build(contents())),
        accepted(
            "good-second-key",
            "nothing: signed by the second trusted key, as while keys rotate",
            pack(&signed_by(2)),
        ),
        accepted("in-its-last-second", "nothing: valid for this second alone", window(at(NOW.0), at(NOW.0 + 1))),
        refused("other-name", "another agent's bundle", "wrong_name", named("acme/billing")),
        refused("other-name-case", "the name in other letters", "wrong_name", named("Acme/Support")),
        refused("not-yet-valid", "a bundle of the future", "not_yet_valid", window(at(NOW.0 + 1), None)),
        refused("expired", "a bundle of the past", "expired", window(None, at(NOW.0))),
        refused("rollback", "an older bundle replayed", "rollback", build(contents().with_serial(4))),
        refused("rollback-to-none", "a bundle without a serial replayed", "rollback", build(contents().with_serial(0))),
        refused(
            "order-name-before-time",
            "another agent's bundle that has expired: the name is looked at first",
            "wrong_name",
            resigned(&key(TRUSTED), |manifest| {
                manifest["name"] = json!("x");
                manifest["expires"] = json!(1);
            }),
        ),
        refused(
            "order-digest-before-name",
            "another agent's bundle that was changed: the digest is looked at first",
            "digest_mismatch",
            {
                let mut files = contents_named("x");
                file(&mut files, "policy.rego").bytes[0] ^= 1;
                pack(&files)
            },
        ),
        refused(
            "order-time-before-serial",
            "an older bundle that has expired: the time is looked at first",
            "expired",
            build(contents().with_serial(1).with_validity(None, at(1))),
        ),
        refused(
            "order-length-before-key",
            "a bundle by somebody else whose signature is cut: the length is looked at first",
            "signature_length",
            {
                let mut files = signed_by(UNTRUSTED);
                file(&mut files, SIGNATURE).bytes.pop();
                pack(&files)
            },
        ),
    ]
}

fn signed_by(seed: u8) -> Vec<BundleFile> {
    crate::forge::unpack(&contents().sign(&key(seed)).unwrap().tar_gz().unwrap())
}

fn contents_named(name: &str) -> Vec<BundleFile> {
    let mut files = files();
    let manifest = file(&mut files, MANIFEST);
    replace(&mut manifest.bytes, "\"name\": \"acme/support\"", &format!("\"name\": \"{name}\""));
    sign(&mut files, &key(TRUSTED));
    files
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from), "`{from}` is not in {text}");
    *bytes = text.replacen(from, to, 1).into_bytes();
}

fn replayed() -> Vec<u8> {
    let mut other = crate::forge::unpack(&contents().with_serial(9).sign(&key(TRUSTED)).unwrap().tar_gz().unwrap());
    let signature = file(&mut other, SIGNATURE).bytes.clone();
    changed_file(SIGNATURE, |bytes| *bytes = signature)
}

/// S + L in place of S: the equation holds for both, and only the smaller is the signature.
fn add_group_order(signature: &mut [u8]) {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, order) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn forged_token() -> Vec<u8> {
    let mut files = crate::forge::unpack(&with_opa_signatures(&key(TRUSTED), |_| {}));
    let signatures = file(&mut files, ".signatures.json");
    let text = String::from_utf8(signatures.bytes.clone()).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let swapped: String = signature
        .chars()
        .map(|c| {
            if c == 'A' {
                'Q'
            } else if c == 'Q' {
                'A'
            } else {
                c
            }
        })
        .collect();
    assert_ne!(signature, swapped);
    signatures.bytes = format!("{signed}.{swapped}").into_bytes();
    pack(&files)
}
