//! The signed manifest: what it says, how it is written (JSON, two spaces, sorted keys, one trailing line break) and how
//! it is read strictly. It checks the manifest against itself only; files and keys are checked in [`crate::verify`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::json;
use crate::keys::KeyId;
use crate::names;
use crate::time::UnixSeconds;

/// The `schema` of every manifest that this crate writes and reads.
pub const SCHEMA: &str = "sealgate.bundle/1";

/// Largest serial: 2^53 - 1, so that every JSON reader keeps it exactly.
pub const MAX_SERIAL: u64 = (1 << 53) - 1;

/// Why a manifest is refused. Texts quote the manifest's own words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not strict JSON, or a member is missing or of a wrong type.
    #[error("the manifest does not read: {0}")]
    Json(#[from] serde_json::Error),
    /// More bytes than the limits allow.
    #[error("the manifest has {size} bytes, more than {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The `schema` or `version` is another format's.
    #[error("the manifest's `{member}` is not this format's")]
    Format {
        /// `schema` or `version`.
        member: &'static str,
    },
    /// A member has a value that it may not have.
    #[error("the manifest's `{member}` may not be `{}`", names::shown(.value))]
    Value {
        /// The member.
        member: &'static str,
        /// What it says.
        value: String,
    },
    /// A file is listed twice.
    #[error("the manifest lists `{}` twice", names::shown(.0))]
    DuplicateFile(String),
    /// None or more than one file of a kind that must be there once.
    #[error("the manifest lists {count} files of kind `{kind}` instead of one")]
    KindCount {
        /// The kind.
        kind: FileKind,
        /// How many there are.
        count: usize,
    },
    /// One of the ancestor's digests differs from the digest of the file that it speaks of.
    #[error("the manifest's `{member}` differs from the digest of the file it speaks of")]
    AncestorDigest {
        /// `source_hash`, `rego_hash` or `wasm_hash`.
        member: &'static str,
    },
}

/// What a file of a bundle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// The compiled module. Exactly one.
    Wasm,
    /// The Rego text that the module was compiled from. At most one.
    Rego,
    /// The data document, JSON. At most one.
    Data,
    /// A source as its author wrote it.
    Source,
    /// The list of the sources, where there is not exactly one. At most one.
    SourceIndex,
    /// OPA's `.manifest`. At most one.
    OpaManifest,
    /// Anything else.
    Other,
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wasm => "wasm",
            Self::Rego => "rego",
            Self::Data => "data",
            Self::Source => "source",
            Self::SourceIndex => "source_index",
            Self::OpaManifest => "opa_manifest",
            Self::Other => "other",
        })
    }
}

/// One file as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    // Fields in the order of their names: the written form has sorted keys.
    /// What the file is for.
    pub kind: FileKind,
    /// Its name in the bundle.
    pub name: String,
    /// For a source: the file name that its author gave it, before escaping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The signed manifest of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    // Fields in the order of their names: the written form has sorted keys.
    /// The builtins that the host must supply, sorted.
    pub builtins: Vec<String>,
    /// The compiler that made the module: name and version.
    pub compiler: String,
    /// The entrypoints of the module, in the order of their ids.
    pub entrypoints: Vec<String>,
    /// The first second at which the bundle is no longer valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixSeconds>,
    /// Every file except the manifest, its signature and `.signatures.json`, sorted by name.
    #[serde(deserialize_with = "json::objects")]
    pub files: Vec<FileEntry>,
    /// The kernel that is linked into the module: name and version.
    pub kernel: String,
    /// The id of the key that signed; absent in a bundle that is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// What the bundle is for.
    pub name: String,
    /// The first second at which the bundle is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixSeconds>,
    /// The ancestor's key: the digest of the Rego text.
    #[serde(default)]
    pub rego_hash: Option<Sha256Digest>,
    /// A digest of the content: the same files give the same revision, in both formats and whoever signs.
    pub revision: Sha256Digest,
    /// [`SCHEMA`].
    pub schema: String,
    /// Grows with every release of the bundle; 0 where nobody counts.
    pub serial: u64,
    /// The ancestor's key: the name of the source, or of the list of sources.
    pub source: String,
    /// The ancestor's key: the digest of that file.
    pub source_hash: Sha256Digest,
    /// The ancestor's key: always 1.
    pub version: u64,
    /// The ancestor's key: the digest of the module.
    pub wasm_hash: Sha256Digest,
}

/// What is read of a manifest before its signature is checked: which key it asks for, and nothing more.
#[derive(Deserialize)]
struct Claim {
    #[serde(default)]
    key_id: Option<KeyId>,
}

/// The key id that an unverified manifest names.
pub(crate) fn claimed_key(bytes: &[u8]) -> Result<Option<KeyId>, ManifestError> {
    Ok(json::from_slice::<Claim>(bytes)?.key_id)
}

impl Manifest {
    /// Reads a manifest strictly and checks it against itself. Members that are not named here are ignored.
    ///
    /// # Errors
    /// [`ManifestError`], the first that is found.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The bytes that are signed.
    ///
    /// # Errors
    /// None in practice: every member can be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The one file of `kind`, where it is listed.
    pub fn file(&self, kind: FileKind) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.kind == kind)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let value = |member, value: &dyn ToString| Err(ManifestError::Value { member, value: value.to_string() });
        if self.schema != SCHEMA {
            return Err(ManifestError::Format { member: "schema" });
        }
        if self.version != 1 {
            return Err(ManifestError::Format { member: "version" });
        }
        if !names::is_bundle_name(&self.name) {
            return value("name", &self.name);
        }
        if self.serial > MAX_SERIAL {
            return value("serial", &self.serial);
        }
        if let (Some(not_before), Some(expires)) = (self.not_before, self.expires)
            && expires <= not_before
        {
            return value("expires", &expires);
        }
        if let Some(bad) = self.entrypoints.iter().find(|entrypoint| !names::is_entrypoint(entrypoint)) {
            return value("entrypoints", bad);
        }
        self.check_files()
    }

    fn check_files(&self) -> Result<(), ManifestError> {
        let mut seen = BTreeSet::new();
        for file in &self.files {
            let meta = file.name == names::OPA_SIGNATURES || manifest_of(&file.name).is_some();
            if !names::is_path(&file.name) || meta {
                return Err(ManifestError::Value { member: "files", value: file.name.clone() });
            }
            if !seen.insert(file.name.as_str()) {
                return Err(ManifestError::DuplicateFile(file.name.clone()));
            }
        }
        let count = |kind| self.files.iter().filter(|file| file.kind == kind).count();
        for kind in [FileKind::Wasm, FileKind::Rego, FileKind::Data, FileKind::SourceIndex, FileKind::OpaManifest] {
            let found = count(kind);
            if found > 1 || (found == 0 && kind == FileKind::Wasm) {
                return Err(ManifestError::KindCount { kind, count: found });
            }
        }
        let digest = |kind| self.file(kind).map(|file| file.sha256);
        if digest(FileKind::Wasm) != Some(self.wasm_hash) {
            return Err(ManifestError::AncestorDigest { member: "wasm_hash" });
        }
        if digest(FileKind::Rego) != self.rego_hash {
            return Err(ManifestError::AncestorDigest { member: "rego_hash" });
        }
        let index = digest(FileKind::SourceIndex);
        let sources = count(FileKind::Source);
        if index.is_none() && sources != 1 {
            return Err(ManifestError::KindCount { kind: FileKind::Source, count: sources });
        }
        let source = index.or_else(|| digest(FileKind::Source));
        if source != Some(self.source_hash) {
            return Err(ManifestError::AncestorDigest { member: "source_hash" });
        }
        Ok(())
    }
}

/// The name of the signed manifest, for a file that is one (at the top, `*.bundle.json` with something before it) or the
/// signature of one.
pub(crate) fn manifest_of(name: &str) -> Option<&str> {
    let manifest = name.strip_suffix(names::SIGNATURE_SUFFIX).unwrap_or(name);
    let stem = manifest.strip_suffix(names::MANIFEST_SUFFIX)?;
    (!stem.is_empty() && !stem.contains('/')).then_some(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_sorted() {
        let digest = Sha256Digest::of(b"x");
        let entry = FileEntry {
            kind: FileKind::Wasm,
            name: "policy.wasm".into(),
            origin: Some("o".into()),
            sha256: digest,
            size: 1,
        };
        let manifest = Manifest {
            builtins: vec![],
            compiler: "c 1".into(),
            entrypoints: vec!["a/b".into()],
            expires: Some(UnixSeconds(2)),
            files: vec![entry],
            kernel: "k 1".into(),
            key_id: KeyId::parse(&"0".repeat(32)),
            name: "n".into(),
            not_before: Some(UnixSeconds(1)),
            rego_hash: None,
            revision: digest,
            schema: SCHEMA.into(),
            serial: 0,
            source: "s".into(),
            source_hash: digest,
            version: 1,
            wasm_hash: digest,
        };
        let text = String::from_utf8(manifest.to_bytes().unwrap()).unwrap();
        for (indent, stop) in [("  \"", 3), ("      \"", 7)] {
            let keys: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with(indent))
                .map(|line| line[stop..].split('"').next().unwrap())
                .collect();
            assert!(keys.len() > 4 && keys.is_sorted(), "{keys:?}");
        }
        assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    }
}
