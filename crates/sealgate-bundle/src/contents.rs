//! What goes into a bundle, and the two formats that it is written in. Takes artifacts in memory and a signer, gives
//! the same bytes for the same inputs; reads no clock, no file and no randomness.

mod layout;

use std::collections::BTreeSet;

use crate::BundleFile;
use crate::archive;
use crate::digest::Sha256Digest;
use crate::keys::{KeyError, KeyId, ManifestSigner};
use crate::manifest::{MAX_SERIAL, Manifest, ManifestError, SCHEMA};
use crate::names;
use crate::opa::OpaSigner;
use crate::time::UnixSeconds;
use layout::{Digests, Format};

/// Why contents make no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// The name cannot name a bundle.
    #[error("`{0}` cannot name a bundle: 1 to 128 of `A-Z a-z 0-9 . _ - /`, a letter or digit first")]
    Name(String),
    /// The stem cannot name the files of a folder.
    #[error("`{0}` cannot name the files of a bundle folder: 1 to 60 of `A-Z a-z 0-9 . _ -`, a letter or digit first")]
    Stem(String),
    /// The serial is larger than JSON numbers hold exactly.
    #[error("the serial {0} is larger than 2^53 - 1")]
    Serial(u64),
    /// The bundle would expire before it is valid.
    #[error("the bundle would expire at {expires}, not after its not-before at {not_before}")]
    Window {
        /// The first second of validity.
        not_before: UnixSeconds,
        /// The first second after it.
        expires: UnixSeconds,
    },
    /// An entrypoint is no path of names.
    #[error("`{0}` is no entrypoint: a path like `sealgate/policy/decision`")]
    Entrypoint(String),
    /// The data document is not JSON.
    #[error("the data document is not a JSON object: {0}")]
    Data(serde_json::Error),
    /// Two sources have the same name.
    #[error("two sources are named `{0}`")]
    DuplicateSource(String),
    /// A source's name is empty or too long once it is escaped.
    #[error("`{0}` is too long, or empty, for the name of a source in a bundle")]
    SourceName(String),
    /// The archive could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(#[from] std::io::Error),
    /// The key could not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The manifest that was made would not be accepted.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// The artifacts of a build and what the manifest says of them. Made with [`BundleContents::new`] and the `with_…`
/// methods, then [`BundleContents::sign`].
#[derive(Clone, Debug)]
pub struct BundleContents {
    name: String,
    wasm: Vec<u8>,
    rego: Option<String>,
    data: Option<Vec<u8>>,
    sources: Vec<BundleFile>,
    entrypoints: Vec<String>,
    builtins: BTreeSet<String>,
    roots: Vec<String>,
    serial: u64,
    not_before: Option<UnixSeconds>,
    expires: Option<UnixSeconds>,
    compiler: String,
    kernel: String,
}

impl BundleContents {
    /// A bundle called `name` around the compiled module `wasm`.
    ///
    /// # Errors
    /// [`ContentsError::Name`].
    pub fn new(name: impl Into<String>, wasm: impl Into<Vec<u8>>) -> Result<Self, ContentsError> {
        let name = name.into();
        if !names::is_bundle_name(&name) {
            return Err(ContentsError::Name(name));
        }
        Ok(Self {
            name,
            wasm: wasm.into(),
            rego: None,
            data: None,
            sources: Vec::new(),
            entrypoints: Vec::new(),
            builtins: BTreeSet::new(),
            roots: vec![String::new()],
            serial: 0,
            not_before: None,
            expires: None,
            compiler: String::new(),
            kernel: String::new(),
        })
    }

    /// The Rego text that the module was compiled from.
    #[must_use]
    pub fn with_rego(mut self, rego: impl Into<String>) -> Self {
        self.rego = Some(rego.into());
        self
    }

    /// The data document, a JSON object; without it OPA is given an empty one.
    #[must_use]
    pub fn with_data(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.data = Some(json.into());
        self
    }

    /// Adds a source under the file name that its author gave it: `support.yaml`. A folder of role files is several
    /// sources, one call each, in any order.
    #[must_use]
    pub fn with_source(mut self, file_name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.sources.push(BundleFile::new(file_name, bytes));
        self
    }

    /// The module's entrypoints in the order of their ids: `sealgate/policy/decision`.
    #[must_use]
    pub fn with_entrypoints<T: Into<String>>(mut self, entrypoints: impl IntoIterator<Item = T>) -> Self {
        self.entrypoints = entrypoints.into_iter().map(Into::into).collect();
        self
    }

    /// The builtins that the module asks its host for; order and repetition do not matter.
    #[must_use]
    pub fn with_builtins<T: Into<String>>(mut self, builtins: impl IntoIterator<Item = T>) -> Self {
        self.builtins = builtins.into_iter().map(Into::into).collect();
        self
    }

    /// The parts of OPA's `data` that the bundle owns, as paths: `sealgate/policy`. All of it unless given.
    #[must_use]
    pub fn with_roots<T: Into<String>>(mut self, roots: impl IntoIterator<Item = T>) -> Self {
        self.roots = roots.into_iter().map(Into::into).collect();
        self
    }

    /// The serial, which a release raises so that an older bundle cannot take its place. 0 unless given.
    #[must_use]
    pub fn with_serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// The first second at which the bundle is valid, and the first at which it no longer is.
    #[must_use]
    pub fn with_validity(mut self, not_before: Option<UnixSeconds>, expires: Option<UnixSeconds>) -> Self {
        self.not_before = not_before;
        self.expires = expires;
        self
    }

    /// What made the module: `sealgate-compiler 0.1.0`, `sealgate-kernel 0.1.0`.
    #[must_use]
    pub fn with_toolchain(mut self, compiler: impl Into<String>, kernel: impl Into<String>) -> Self {
        self.compiler = compiler.into();
        self.kernel = kernel.into();
        self
    }

    /// Checks the contents and binds them to a signer. Nothing is signed yet: each format's manifest is signed when
    /// that format is written.
    ///
    /// # Errors
    /// [`ContentsError`] for whatever would make the bundle unreadable.
    pub fn sign<'a>(self, signer: &'a dyn ManifestSigner) -> Result<SignedContents<'a>, ContentsError> {
        self.bind(Some(signer))
    }

    /// The same without a signature. Such a bundle loads only where the host dangerously asks for it.
    ///
    /// # Errors
    /// As [`BundleContents::sign`].
    pub fn dangerous_unsigned(self) -> Result<SignedContents<'static>, ContentsError> {
        self.bind(None)
    }

    fn bind<'a>(mut self, signer: Option<&'a dyn ManifestSigner>) -> Result<SignedContents<'a>, ContentsError> {
        if self.serial > MAX_SERIAL {
            return Err(ContentsError::Serial(self.serial));
        }
        if let (Some(not_before), Some(expires)) = (self.not_before, self.expires)
            && expires <= not_before
        {
            return Err(ContentsError::Window { not_before, expires });
        }
        if let Some(bad) = self.entrypoints.iter().find(|entrypoint| !names::is_entrypoint(entrypoint)) {
            return Err(ContentsError::Entrypoint(bad.clone()));
        }
        if let Some(data) = &self.data {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(data).map_err(ContentsError::Data)?;
        }
        self.sources.sort_by(|a, b| a.name.cmp(&b.name));
        for (source, next) in self.sources.iter().zip(self.sources.iter().skip(1)) {
            if source.name == next.name {
                return Err(ContentsError::DuplicateSource(source.name.clone()));
            }
        }
        let digests = Digests::of(&self);
        let revision = layout::revision(&self, &digests);
        Ok(SignedContents { contents: self, digests, revision, signer, opa_signer: None })
    }
}

/// Checked contents with their signer, ready to be written in either format.
pub struct SignedContents<'a> {
    contents: BundleContents,
    digests: Digests,
    revision: Sha256Digest,
    signer: Option<&'a dyn ManifestSigner>,
    opa_signer: Option<&'a OpaSigner>,
}

impl<'a> SignedContents<'a> {
    /// Writes OPA's `.signatures.json` into archives as well, so that OPA verifies them too.
    #[must_use]
    pub fn with_opa_signer(mut self, signer: &'a OpaSigner) -> Self {
        self.opa_signer = Some(signer);
        self
    }

    /// The bundle's name.
    pub fn name(&self) -> &str {
        &self.contents.name
    }

    /// The digest of the content: sources, Rego, module, data, entrypoints.
    pub fn revision(&self) -> Sha256Digest {
        self.revision
    }

    /// The id of the key that signs.
    pub fn key_id(&self) -> Option<KeyId> {
        self.signer.map(|signer| signer.public_key().id())
    }

    /// An OPA bundle: the bytes of a `.tar.gz`.
    ///
    /// # Errors
    /// [`ContentsError`].
    pub fn tar_gz(&self) -> Result<Vec<u8>, ContentsError> {
        Ok(archive::write_tar_gz(&self.files(&Format::Opa)?)?)
    }

    /// The files of the ancestor's folder: `{stem}.yaml`, `.rego`, `.wasm`, `.bundle.json`, `.bundle.json.sig` and the rest.
    ///
    /// # Errors
    /// [`ContentsError`].
    pub fn folder(&self, stem: &str) -> Result<Vec<BundleFile>, ContentsError> {
        if !names::is_stem(stem) {
            return Err(ContentsError::Stem(stem.to_owned()));
        }
        self.files(&Format::Folder { stem })
    }

    /// Every file of a format in the order in which it is written: the manifest and its signature last.
    fn files(&self, format: &Format<'_>) -> Result<Vec<BundleFile>, ContentsError> {
        let laid = layout::lay_out(&self.contents, &self.digests, self.revision, format)?;
        let manifest = Manifest {
            builtins: self.contents.builtins.iter().cloned().collect(),
            compiler: self.contents.compiler.clone(),
            entrypoints: self.contents.entrypoints.clone(),
            expires: self.contents.expires,
            files: laid.entries,
            kernel: self.contents.kernel.clone(),
            key_id: self.key_id(),
            name: self.contents.name.clone(),
            not_before: self.contents.not_before,
            rego_hash: laid.rego_hash,
            revision: self.revision,
            schema: SCHEMA.to_owned(),
            serial: self.contents.serial,
            source: laid.source,
            source_hash: laid.source_hash,
            version: 1,
            wasm_hash: laid.wasm_hash,
        };
        let files = with_manifest(laid.files, &format.manifest_name(), &manifest, self.signer)?;
        match (self.opa_signer, format) {
            (Some(opa), Format::Opa) => with_opa_signatures(files, opa),
            _ => Ok(files),
        }
    }
}

/// `files`, then their manifest and its signature.
pub(crate) fn with_manifest(
    mut files: Vec<BundleFile>,
    name: &str,
    manifest: &Manifest,
    signer: Option<&dyn ManifestSigner>,
) -> Result<Vec<BundleFile>, ContentsError> {
    let bytes = manifest.to_bytes()?;
    // What this crate writes it must also read: a mistake shows here and not at a host.
    Manifest::parse(&bytes)?;
    let signature = signer.map(|signer| sign(signer, &bytes)).transpose()?;
    files.push(BundleFile::new(name, bytes));
    files.extend(signature.map(|signature| BundleFile::new(format!("{name}{}", names::SIGNATURE_SUFFIX), signature)));
    Ok(files)
}

/// `files`, with OPA's signature file over all of them in front, where OPA's own tools put it.
///
/// # Errors
/// [`ContentsError::Key`] where a document that OPA reads as JSON is none.
pub fn with_opa_signatures(mut files: Vec<BundleFile>, signer: &OpaSigner) -> Result<Vec<BundleFile>, ContentsError> {
    let signatures = signer.sign(&files)?;
    files.insert(0, signatures);
    Ok(files)
}

fn sign(signer: &dyn ManifestSigner, message: &[u8]) -> Result<[u8; 64], KeyError> {
    let signature = signer.sign(message)?;
    if signer.public_key().verifies(message, &signature) { Ok(signature) } else { Err(KeyError::SignerMismatch) }
}
