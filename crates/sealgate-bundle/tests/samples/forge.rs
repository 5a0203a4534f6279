//! Tools to forge bundles: files changed with or without a new signature, tars and gzip members built byte by byte.

use std::io::Write;

use sealgate_bundle::{BundleFile, ManifestSigner, Sha256Digest, SigningKey, archive};
use serde_json::Value;

use crate::common::{contents, key};

pub const MANIFEST: &str = "sealgate.bundle.json";
pub const SIGNATURE: &str = "sealgate.bundle.json.sig";

/// The good bundle's files, signed by key 1.
pub fn files() -> Vec<BundleFile> {
    unpack(&contents().sign(&key(1)).unwrap().tar_gz().unwrap())
}

pub fn unpack(bytes: &[u8]) -> Vec<BundleFile> {
    archive::read_tar_gz(bytes, &Default::default()).unwrap()
}

pub fn pack(files: &[BundleFile]) -> Vec<u8> {
    archive::write_tar_gz(files).unwrap()
}

/// The good bundle with its files changed and the signature as it was.
pub fn changed(change: impl FnOnce(&mut Vec<BundleFile>)) -> Vec<u8> {
    let mut files = files();
    change(&mut files);
    pack(&files)
}

/// The good bundle with one file's bytes changed and the signature as it was.
pub fn changed_file(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    changed(|files| change(&mut file(files, name).bytes))
}

/// The good bundle with its manifest changed, then signed again.
pub fn resigned(signer: &SigningKey, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(|files| {
        let manifest = file(files, MANIFEST);
        let mut value = serde_json::from_slice(&manifest.bytes).unwrap();
        change(&mut value);
        manifest.bytes = serde_json::to_vec_pretty(&value).unwrap();
        manifest.bytes.push(b'\n');
        sign(files, signer);
    })
}

/// The good bundle with its manifest's text changed, then signed again.
pub fn resigned_text(signer: &SigningKey, change: impl FnOnce(String) -> String) -> Vec<u8> {
    changed(|files| {
        let manifest = file(files, MANIFEST);
        manifest.bytes = change(String::from_utf8(manifest.bytes.clone()).unwrap()).into_bytes();
        sign(files, signer);
    })
}

pub fn sign(files: &mut [BundleFile], signer: &SigningKey) {
    let signature = signer.sign(&file(files, MANIFEST).bytes).unwrap();
    file(files, SIGNATURE).bytes = signature.to_vec();
}

pub fn file<'a>(files: &'a mut [BundleFile], name: &str) -> &'a mut BundleFile {
    files.iter_mut().find(|file| file.name == name).unwrap()
}

/// The good bundle with OPA's `.signatures.json`, whose list of files is changed and whose token is signed by `signer`
/// under its own key id.
pub fn with_opa_signatures(signer: &SigningKey, change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    changed(|files| {
        let mut listed: Vec<_> = files
            .iter()
            .map(|file| {
                // OPA takes the digest of the canonical form of what it reads as JSON: here, without the line break.
                let bytes = if file.name == ".manifest" || file.name == "data.json" {
                    serde_json::to_vec(&serde_json::from_slice::<Value>(&file.bytes).unwrap()).unwrap()
                } else {
                    file.bytes.clone()
                };
                serde_json::json!({ "name": file.name, "hash": Sha256Digest::of(&bytes).to_string(), "algorithm": "SHA-256" })
            })
            .collect();
        change(&mut listed);
        let header = serde_json::json!({ "alg": "EdDSA", "kid": signer.public_key().id().to_string() }).to_string();
        let payload = serde_json::json!({ "files": listed }).to_string();
        let signed = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
        let token = format!("{signed}.{}", base64(&signer.sign(signed.as_bytes()).unwrap()));
        let text = serde_json::json!({ "signatures": [token] }).to_string();
        files.push(BundleFile::new(".signatures.json", text));
    })
}

/// One tar entry: header, bytes, padding.
pub fn entry(name: &[u8], kind: u8, bytes: &[u8]) -> Vec<u8> {
    entry_with(name, kind, bytes, |_| {})
}

/// One tar entry whose header is changed before its checksum is taken.
pub fn entry_with(name: &[u8], kind: u8, bytes: &[u8], change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    change(header.as_mut_bytes());
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// The good bundle's entries, then `more`, as one tar with its end.
pub fn good_tar_and(more: &[Vec<u8>]) -> Vec<u8> {
    let good = files().iter().flat_map(|file| entry(format!("/{}", file.name).as_bytes(), b'0', &file.bytes)).collect();
    end(more.iter().fold(good, |mut tar: Vec<u8>, entry| {
        tar.extend_from_slice(entry);
        tar
    }))
}

pub fn end(mut tar: Vec<u8>) -> Vec<u8> {
    tar.extend_from_slice(&[0; 1024]);
    tar
}

/// One gzip member with a plain header, as other tools write it.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().operating_system(3).write(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
