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

/// Lays the contents out in `format`.
pub(super) fn lay_out(
    contents: &BundleContents,
    revision: Sha256Digest,
    format: &Format<'_>,
) -> Result<Laid, ContentsError> {
    let mut laid = Files::default();
    if matches!(format, Format::Opa) {
        laid.add(FileKind::OpaManifest, ".manifest".to_owned(), opa_manifest(contents, revision)?);
        laid.add(FileKind::Data, format.data(), contents.data.clone().unwrap_or_else(|| b"{}\n".to_vec()));
    } else if let Some(data) = &contents.data {
        laid.add(FileKind::Data, format.data(), data.clone());
    }
    let rego_hash =
        contents.rego.as_ref().map(|rego| laid.add(FileKind::Rego, format.artifact("rego"), rego.clone().into_bytes()));
    let wasm_hash = laid.add(FileKind::Wasm, format.artifact("wasm"), contents.wasm.clone());
    let (source, source_hash) = match contents.sources.as_slice() {
        [only] => {
            let name = format.only_source(&only.name);
            let hash = laid.add_source(name, only)?;
            let source = if matches!(format, Format::Opa) { only.name.clone() } else { format.source_index() };
            (source, hash)
        }
        several => {
            let index = source_index(several);
            for source in several {
                laid.add_source(format.source(&source.name), source)?;
            }
            (format.source_index(), laid.add(FileKind::SourceIndex, format.source_index(), index.into_bytes()))
        }
    };
    let Files { mut files, mut entries } = laid;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Laid { files, entries, source, source_hash, rego_hash, wasm_hash })
}

/// The digest of the content: of one line `DIGEST SIZE ROLE` per artifact, where the role is the artifact's place in
/// an OPA bundle, then one line `entrypoint NAME` each.
pub(super) fn revision(contents: &BundleContents) -> Sha256Digest {
    let mut text = String::from("sealgate.revision/1\n");
    let mut line = |role: &str, bytes: &[u8]| {
        text.push_str(&format!("{} {} {role}\n", Sha256Digest::of(bytes), bytes.len()));
    };
    if let Some(data) = &contents.data {
        line("data.json", data);
    }
    if let Some(rego) = &contents.rego {
        line("policy.rego", rego.as_bytes());
    }
    line("policy.wasm", &contents.wasm);
    for source in &contents.sources {
        line(&format!("source/{}", names::escape_source_name(&source.name)), &source.bytes);
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
        self.entries.push(FileEntry { kind, name: name.clone(), origin: None, sha256, size: bytes.len() as u64 });
        self.files.push(BundleFile { name, bytes });
        sha256
    }

    fn add_source(&mut self, name: String, source: &BundleFile) -> Result<Sha256Digest, ContentsError> {
        if source.name.is_empty() || name.len() >= names::MAX_PATH_LEN {
            return Err(ContentsError::SourceName(source.name.clone()));
        }
        let sha256 = self.add(FileKind::Source, name, source.bytes.clone());
        if let Some(entry) = self.entries.last_mut() {
            entry.origin = Some(source.name.clone());
        }
        Ok(sha256)
    }
}

/// The list of the sources as a small YAML document that is no policy: each with its digest.
fn source_index(sources: &[BundleFile]) -> String {
    let mut text =
        String::from("# The sources of this bundle. Each lies beside this list as a file of its own.\nsources:");
    if sources.is_empty() {
        text.push_str(" []");
    }
    for source in sources {
        // A JSON string is a YAML string, whatever the name holds.
        let name = serde_json::Value::from(source.name.as_str());
        text.push_str(&format!(
            "\n- name: {name}\n  sha256: {}\n  size: {}",
            Sha256Digest::of(&source.bytes),
            source.bytes.len()
        ));
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
