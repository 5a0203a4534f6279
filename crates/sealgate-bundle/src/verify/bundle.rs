//! A bundle that passed every check, and what it carries. Made by [`super::UnverifiedBundle`] alone.

use super::Trust;
use crate::BundleFile;
use crate::contents::ContentsError;
use crate::digest::Sha256Digest;
use crate::keys::{KeyId, ManifestSigner};
use crate::manifest::{FileKind, Manifest};
use crate::time::UnixSeconds;

/// What [`VerifiedBundle::resign`] changes beside the signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resigning {
    /// Another serial.
    pub serial: Option<u64>,
    /// Another first second of validity.
    pub not_before: Option<UnixSeconds>,
    /// Another first second after it.
    pub expires: Option<UnixSeconds>,
}

/// A bundle that passed every check. The only thing that a runtime takes.
#[derive(Clone, Debug)]
pub struct VerifiedBundle {
    manifest: Manifest,
    trust: Trust,
    files: Vec<BundleFile>,
    /// The name of the signed manifest; empty where there is none.
    manifest_name: String,
}

impl VerifiedBundle {
    /// `files` are sorted by name and are what `manifest` lists.
    pub(crate) fn new(manifest: Manifest, trust: Trust, files: Vec<BundleFile>) -> Self {
        Self { manifest, trust, files, manifest_name: String::new() }
    }

    pub(super) fn named(mut self, manifest_name: String) -> Self {
        self.manifest_name = manifest_name;
        self
    }

    /// What the bundle is for.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The digest of its content.
    pub fn revision(&self) -> Sha256Digest {
        self.manifest.revision
    }

    /// Its serial.
    pub fn serial(&self) -> u64 {
        self.manifest.serial
    }

    /// Why it counts as trusted.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether a trusted key signed it; false where the host dangerously went without.
    pub fn is_signed(&self) -> bool {
        self.trust != Trust::Unsigned
    }

    /// The key that signed its manifest; `None` where it has none, or the host dangerously went without.
    pub fn key_id(&self) -> Option<KeyId> {
        match self.trust {
            Trust::Signed(id) => Some(id),
            Trust::SignedByOpa { .. } | Trust::Unsigned => None,
        }
    }

    /// The signed manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The first second at which it is no longer valid; a host that keeps it loaded checks this again.
    pub fn expires(&self) -> Option<UnixSeconds> {
        self.manifest.expires
    }

    /// The module's entrypoints in the order of their ids.
    pub fn entrypoints(&self) -> &[String] {
        &self.manifest.entrypoints
    }

    /// The builtins that the manifest says the module needs. A host that loads the module compares them with what the
    /// module itself asks for, unless [`VerifiedBundle::declared_builtins`] has none.
    pub fn builtins(&self) -> &[String] {
        &self.manifest.builtins
    }

    /// As [`VerifiedBundle::builtins`]; `None` for OPA's own bundles, whose manifests do not name them.
    pub fn declared_builtins(&self) -> Option<&[String]> {
        match self.trust {
            Trust::SignedByOpa { .. } => None,
            Trust::Signed(_) | Trust::Unsigned => Some(self.builtins()),
        }
    }

    /// The module.
    pub fn wasm(&self) -> &[u8] {
        self.bytes_of(FileKind::Wasm).unwrap_or_default()
    }

    /// The SHA-256 of [`VerifiedBundle::wasm`], which is what it was checked against.
    pub fn wasm_digest(&self) -> Option<Sha256Digest> {
        self.manifest.file(FileKind::Wasm).map(|entry| entry.sha256)
    }

    /// The Rego text, where the bundle carries it.
    pub fn rego(&self) -> Option<&[u8]> {
        self.bytes_of(FileKind::Rego)
    }

    /// The data document as JSON text, where the bundle carries one.
    pub fn data(&self) -> Option<&[u8]> {
        self.bytes_of(FileKind::Data)
    }

    /// The sources as (their authors' file name, bytes), by name.
    pub fn sources(&self) -> Vec<(&str, &[u8])> {
        let entries = self.manifest.files.iter().filter(|entry| entry.kind == FileKind::Source);
        let mut sources: Vec<_> = entries
            .filter_map(|entry| Some((entry.origin.as_deref().unwrap_or(&entry.name), self.file(&entry.name)?)))
            .collect();
        sources.sort_unstable();
        sources
    }

    /// The bytes of the file that the manifest lists under `name`.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        let at = self.files.binary_search_by(|file| file.name.as_str().cmp(name)).ok()?;
        self.files.get(at).map(|file| file.bytes.as_slice())
    }

    /// The same content under another signature: the manifest with the signer's key id and, where they are given, another
    /// serial and other times. The files come in the order in which they are written; OPA's signature file is left out,
    /// because it speaks of the old manifest. [`None`] for a bundle without a signed manifest of Sealgate's.
    ///
    /// # Errors
    /// [`ContentsError`] where the signer fails or the manifest would contradict itself.
    pub fn resign(
        &self,
        signer: &dyn ManifestSigner,
        changes: &Resigning,
    ) -> Option<Result<Vec<BundleFile>, ContentsError>> {
        if self.manifest_name.is_empty() {
            return None;
        }
        let mut manifest = self.manifest.clone();
        manifest.key_id = Some(signer.public_key().id());
        manifest.serial = changes.serial.unwrap_or(manifest.serial);
        manifest.not_before = changes.not_before.or(manifest.not_before);
        manifest.expires = changes.expires.or(manifest.expires);
        Some(crate::contents::with_manifest(self.files.clone(), &self.manifest_name, &manifest, Some(signer)))
    }

    fn bytes_of(&self, kind: FileKind) -> Option<&[u8]> {
        self.file(&self.manifest.file(kind)?.name)
    }
}
