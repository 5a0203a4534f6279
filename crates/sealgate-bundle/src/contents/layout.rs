//! Where each artifact lies in each format, and what the manifest says of it. Pure: names, bytes and digests.

use serde::Serialize;

use super::{BundleContents, ContentsError};
use crate::BundleFile;
use crate::digest::Sha256Digest;
use crate::manifest::{FileEntry, FileKind};
use crate::names;

/// The two formats.
pub(super) enum Format<'a> {
    /// An OPA bundle with fixed names.
    Opa,
    /// The ancestor's folder, whose names begin with a stem.
    Folder { stem: &'a str },
}

impl Format<'_> {
    pub(super) fn manifest_name(&self) -> String {
        match self {
            Self::Opa => format!("sealgate{}", names::MANIFEST_SUFFIX),
            Self::Folder { stem } => format!("{stem}{}", names::MANIFEST_SUFFIX),
        }
    }

    fn artifact(&self, extension: &str) -> String {
        match self {
            Self::Opa => format!("policy.{extension}"),
            Self::Folder { stem } => format!("{stem}.{extension}"),
        }
    }

    fn data(&self) -> String {
        match self {
            Self::Opa => "data.json".to_owned(),
            Self::Folder { stem } => format!("{stem}.data.json"),
        }
    }

    /// The only source: in the folder the name is the ancestor's, whatever its author called it.
    fn only_source(&self, name: &str) -> String {
        match self {
            Self::Opa => self.source(name),
            Self::Folder { stem } => format!("{stem}.yaml"),
        }
    }

    fn source(&self, name: &str) -> String {
        let escaped = names::escape_source_name(name);
        match self {
            Self::Opa => format!("source/{escaped}"),
            Self::Folder { stem } => format!("{stem}.source.{escaped}"),
        }
    }

    fn source_index(&self) -> String {
        match self {
            Self::Opa => "source.yaml".to_owned(),
            Self::Folder { stem } => format!("{stem}.yaml"),
        }
    }
}

/// A format's files in the order in which they are written, and the manifest members that follow from them.
pub(super) struct Laid {
    pub(super) files: Vec<BundleFile>,
    pub(super) entries: Vec<FileEntry>,
    pub(super) source: String,
    pub(super) source_hash: Sha256Digest,
    pub(super) rego_hash: Option<Sha256Digest>,
    pub(super) wasm_hash: Sha256Digest,
}

/// The digests of the artifacts, which every format names.
pub(super) struct Digests {
    data: Option<Sha256Digest>,
    rego: Option<Sha256Digest>,
    wasm: Sha256Digest,
    /// In the order of the sources.
    sources: Vec<Sha256Digest>,
}

impl Digests {
    pub(super) fn of(contents: &BundleContents) -> Self {
        Self {
            data: contents.data.as_deref().map(Sha256Digest::of),
            rego: contents.rego.as_ref().map(|rego| Sha256Digest::of(rego.as_bytes())),
            wasm: Sha256Digest::of(&contents.wasm),
            sources: contents.sources.iter().map(|source| Sha256Digest::of(&source.bytes)).collect(),
        }
    }
}

/// Lays the contents out in `format`.
pub(super) fn lay_out(
    contents: &BundleContents,
    digests: &Digests,
    revision: Sha256Digest,
    format: &Format<'_>,
) -> Result<Laid, ContentsError> {
    let mut laid = Files::default();
    if matches!(format, Format::Opa) {
        laid.add(FileKind::OpaManifest, ".manifest".to_owned(), opa_manifest(contents, revision)?);
        if contents.data.is_none() {
            laid.add(FileKind::Data, format.data(), b"{}\n".to_vec());
        }
    }
    if let (Some(data), Some(digest)) = (&contents.data, digests.data) {
        laid.add_known(FileKind::Data, format.data(), data.clone(), digest);
    }
    if let (Some(rego), Some(digest)) = (&contents.rego, digests.rego) {
        laid.add_known(FileKind::Rego, format.artifact("rego"), rego.clone().into_bytes(), digest);
    }
    laid.add_known(FileKind::Wasm, format.artifact("wasm"), contents.wasm.clone(), digests.wasm);
    let (source, source_hash) = match (contents.sources.as_slice(), digests.sources.as_slice()) {
        ([only], [hash]) => {
            let name = format.only_source(&only.name);
            laid.add_source(name, only, *hash)?;
            let source = if matches!(format, Format::Opa) { only.name.clone() } else { format.source_index() };
            (source, *hash)
        }
        (several, hashes) => {
            let index = source_index(several, hashes);
            for (source, hash) in several.iter().zip(hashes) {
                laid.add_source(format.source(&source.name), source, *hash)?;
            }
            (format.source_index(), laid.add(FileKind::SourceIndex, format.source_index(), index.into_bytes()))
        }
    };
    let Files { mut files, mut entries } = laid;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Laid { files, entries, source, source_hash, rego_hash: digests.rego, wasm_hash: digests.wasm })
}

/// The digest of the content: of one line `DIGEST SIZE ROLE` per artifact, where the role is the artifact's place in
/// an OPA bundle, then one line `entrypoint NAME` each.
pub(super) fn revision(contents: &BundleContents, digests: &Digests) -> Sha256Digest {
    let mut text = String::from("sealgate.revision/1\n");
    let mut line = |role: &str, digest: Sha256Digest, size: usize| {
        text.push_str(&format!("{digest} {size} {role}\n"));
    };
    if let (Some(data), Some(digest)) = (&contents.data, digests.data) {
        line("data.json", digest, data.len());
    }
    if let (Some(rego), Some(digest)) = (&contents.rego, digests.rego) {
        line("policy.rego", digest, rego.len());
    }
    line("policy.wasm", digests.wasm, contents.wasm.len());
    for (source, digest) in contents.sources.iter().zip(&digests.sources) {
        line(&format!("source/{}", names::escape_source_name(&source.name)), *digest, source.bytes.len());
    }
    for entrypoint in &contents.entrypoints {
        text.push_str(&format!("entrypoint {entrypoint}\n"));
    }
    Sha256Digest::of(text.as_bytes())
}

#[derive(Default)]
struct Files {
    files: Vec<BundleFile>,
    entries: Vec<FileEntry>,
}

impl Files {
    fn add(&mut self, kind: FileKind, name: String, bytes: Vec<u8>) -> Sha256Digest {
        let sha256 = Sha256Digest::of(&bytes);
        self.add_known(kind, name, bytes, sha256);
        sha256
    }

    /// Adds a file whose digest is known.
    fn add_known(&mut self, kind: FileKind, name: String, bytes: Vec<u8>, sha256: Sha256Digest) {
        self.entries.push(FileEntry { kind, name: name.clone(), origin: None, sha256, size: bytes.len() as u64 });
        self.files.push(BundleFile { name, bytes });
    }

    fn add_source(&mut self, name: String, source: &BundleFile, sha256: Sha256Digest) -> Result<(), ContentsError> {
        if source.name.is_empty() || name.len() >= names::MAX_PATH_LEN {
            return Err(ContentsError::SourceName(source.name.clone()));
        }
        self.add_known(FileKind::Source, name, source.bytes.clone(), sha256);
        if let Some(entry) = self.entries.last_mut() {
            entry.origin = Some(source.name.clone());
        }
        Ok(())
    }
}

/// The list of the sources as a small YAML document that is no policy: each with its digest.
fn source_index(sources: &[BundleFile], digests: &[Sha256Digest]) -> String {
    let mut text =
        String::from("# The sources of this bundle. Each lies beside this list as a file of its own.\nsources:");
    if sources.is_empty() {
        text.push_str(" []");
    }
    for (source, digest) in sources.iter().zip(digests) {
        // A JSON string is a YAML string, whatever the name holds.
        let name = serde_json::Value::from(source.name.as_str());
        text.push_str(&format!("\n- name: {name}\n  sha256: {digest}\n  size: {}", source.bytes.len()));
    }
    text.push('\n');
    text
}

#[derive(Serialize)]
struct OpaManifest<'a> {
    revision: String,
    rego_version: u8,
    roots: &'a [String],
    wasm: Vec<OpaWasm<'a>>,
}

#[derive(Serialize)]
struct OpaWasm<'a> {
    entrypoint: &'a str,
    module: &'static str,
}

fn opa_manifest(contents: &BundleContents, revision: Sha256Digest) -> Result<Vec<u8>, ContentsError> {
    let wasm = contents.entrypoints.iter().map(|entrypoint| OpaWasm { entrypoint, module: "/policy.wasm" }).collect();
    let manifest = OpaManifest { revision: revision.to_string(), rego_version: 1, roots: &contents.roots, wasm };
    let mut bytes = serde_json::to_vec(&manifest).map_err(ContentsError::Data)?;
    bytes.push(b'\n');
    Ok(bytes)
}
