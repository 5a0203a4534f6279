//! Sealgate's bundles: what a compiled policy travels in.
//!
//! This crate takes the artifacts of a build and gives signed, reproducible bundle bytes ([`BundleContents`]); it takes
//! untrusted bytes and a set of trusted keys and gives a [`VerifiedBundle`] or the first reason to refuse
//! ([`VerifyError`]). It makes, stores and reads the Ed25519 keys for both.
//!
//! It compiles nothing, runs nothing and never sees a Wasm engine: a module is looked at by a parser only. All work is
//! done on bytes in memory; files are touched by [`fs`] and [`keys::file`] alone.
//!
//! ```
//! use sealgate_bundle::{BundleContents, SigningKey, TrustStore, UnixSeconds, UnverifiedBundle, VerifyOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SigningKey::generate()?;
//! let wasm = *b"\0asm\x01\0\0\0\x02\x0f\x01\x03env\x06memory\x02\0\x01"; // imports a memory, nothing more
//! let bytes = BundleContents::new("support", wasm)?.with_rego("package sealgate.policy\n").sign(&key)?.tar_gz()?;
//!
//! let options = VerifyOptions::new(TrustStore::of(key.public_key()), UnixSeconds(1_800_000_000)).expect_name("support");
//! let bundle = UnverifiedBundle::read(&bytes)?.verify(&options)?;
//! assert_eq!(bundle.name(), "support");
//! # Ok(()) }
//! ```
//!
//! The format is specified field by field in `docs/bundle-format.md`.

pub mod archive;
pub mod contents;
pub mod digest;
pub mod fs;
pub mod json;
pub mod keys;
pub mod limits;
pub mod manifest;
pub mod module;
pub mod names;
pub mod opa;
pub mod opa_signatures;
pub mod time;
pub mod verify;

pub use archive::ArchiveError;
pub use contents::{BundleContents, ContentsError, SignedContents};
pub use digest::Sha256Digest;
pub use keys::{KeyError, KeyId, ManifestSigner, PublicKey, SigningKey, TrustStore};
pub use limits::Limits;
pub use manifest::{FileKind, Manifest, ManifestError};
pub use module::{ModuleError, ModuleLimits};
pub use time::UnixSeconds;
pub use verify::{Resigning, Trust, UnverifiedBundle, VerifiedBundle, VerifyError, VerifyOptions, verify_bytes};

/// One file of a bundle: its name inside the bundle (no leading slash, `/` between components) and its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// The name inside the bundle, as the signed manifest spells it: `policy.wasm`, `source/support.yaml`.
    pub name: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

impl BundleFile {
    /// A file from its name and bytes.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl std::fmt::Debug for BundleFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BundleFile({:?}, {} bytes)", self.name, self.bytes.len())
    }
}
