//! A bundle that passed every check, and what it carries. Made by [`super::UnverifiedBundle`] alone.

use super::Trust;
use crate::BundleFile;
use crate::digest::Sha256Digest;
use crate::keys::KeyId;
use crate::manifest::{FileKind, Manifest};
use crate::time::UnixSeconds;

/// A bundle that passed every check. The only thing that a runtime takes.
#[derive(Clone, Debug)]
pub struct VerifiedBundle {
    manifest: Manifest,
    trust: Trust,
    files: Vec<BundleFile>,
}

impl VerifiedBundle {
    /// `files` are sorted by name and are what `manifest` lists.
    pub(super) fn new(manifest: Manifest, trust: Trust, files: Vec<BundleFile>) -> Self {
        Self { manifest, trust, files }
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
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// The key that signed it; `None` where the host dangerously went without.
    pub fn key_id(&self) -> Option<KeyId> {
        match self.trust {
            Trust::Signed(id) => Some(id),
            Trust::Unsigned => None,
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
    /// module itself asks for.
    pub fn builtins(&self) -> &[String] {
        &self.manifest.builtins
    }

    /// The module.
    pub fn wasm(&self) -> &[u8] {
        self.bytes_of(FileKind::Wasm).unwrap_or_default()
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

    fn bytes_of(&self, kind: FileKind) -> Option<&[u8]> {
        self.file(&self.manifest.file(kind)?.name)
    }
}
