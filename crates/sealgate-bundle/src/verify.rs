//! From untrusted bytes to a bundle that a host may run. The order of the checks is part of the format: each refusal
//! means that every earlier check passed, and nothing is looked at before the check that makes it safe to.

mod bundle;
mod error;

use std::collections::BTreeSet;

use crate::BundleFile;
use crate::archive::{self, ArchiveError};
use crate::digest::Sha256Digest;
use crate::keys::{KeyId, KeyStatus, TrustStore};
use crate::limits::Limits;
use crate::manifest::{self, Manifest, ManifestError};
use crate::module::{self, ModuleLimits};
use crate::names;
use crate::opa::OpaTrust;
use crate::opa_signatures;
use crate::time::UnixSeconds;

pub use bundle::{Resigning, VerifiedBundle};
pub use error::VerifyError;

/// What a host expects of a bundle.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The keys whose signatures count.
    pub trust: TrustStore,
    /// The host's time, for not-before and expiry.
    pub now: UnixSeconds,
    /// The bundle's name; without it any name passes.
    pub expected_name: Option<String>,
    /// The lowest serial that is accepted; without it any passes.
    pub minimum_serial: Option<u64>,
    /// Keys for `.signatures.json`, which is checked where it names one of them.
    pub opa: OpaTrust,
    /// Bounds on the container.
    pub limits: Limits,
    /// Bounds on the module, and the builtins that the host supplies.
    pub module: ModuleLimits,
}

impl VerifyOptions {
    /// Any name and serial, default bounds, the host's builtins unchecked here.
    pub fn new(trust: TrustStore, now: UnixSeconds) -> Self {
        Self {
            trust,
            now,
            expected_name: None,
            minimum_serial: None,
            opa: OpaTrust::new(),
            limits: Limits::default(),
            module: ModuleLimits::default(),
        }
    }

    /// Accepts only the bundle called `name`.
    #[must_use]
    pub fn expect_name(mut self, name: impl Into<String>) -> Self {
        self.expected_name = Some(name.into());
        self
    }

    /// Accepts only serials from `minimum` on.
    #[must_use]
    pub fn minimum_serial(mut self, minimum: u64) -> Self {
        self.minimum_serial = Some(minimum);
        self
    }

    /// Accepts only modules that need no other builtins than these.
    #[must_use]
    pub fn allow_builtins<T: Into<String>>(mut self, builtins: impl IntoIterator<Item = T>) -> Self {
        self.module.builtins = Some(builtins.into_iter().map(Into::into).collect());
        self
    }
}

/// Why a bundle counts as trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A trusted key signed its manifest.
    Signed(KeyId),
    /// `opa sign` signed it with a key that the host trusts for that.
    SignedByOpa {
        /// The id of the key, as the host has it.
        key_id: String,
        /// The revision in OPA's `.manifest`.
        revision: String,
    },
    /// The host dangerously asked for it without a signature.
    Unsigned,
}

/// Files of a container that kept its bounds, and nothing more: no signature, digest or name has been checked.
#[derive(Clone, Debug)]
pub struct UnverifiedBundle {
    files: Vec<BundleFile>,
}

/// Reads and verifies a `.tar.gz` in one go.
///
/// # Errors
/// [`VerifyError`], the first in the format's order.
pub fn verify_bytes(bytes: &[u8], options: &VerifyOptions) -> Result<VerifiedBundle, VerifyError> {
    UnverifiedBundle::read_with(bytes, &options.limits)?.verify(options)
}

impl UnverifiedBundle {
    /// Reads a `.tar.gz` within the default limits.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        Self::read_with(bytes, &Limits::default())
    }

    /// Reads a `.tar.gz` within `limits`.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn read_with(bytes: &[u8], limits: &Limits) -> Result<Self, ArchiveError> {
        Ok(Self { files: archive::read_tar_gz(bytes, limits)? })
    }

    /// Takes the files of a folder, as [`crate::fs::read_folder`] lists them.
    ///
    /// # Errors
    /// [`ArchiveError`] where names, sizes or their number are beyond `limits`.
    pub fn from_files(files: Vec<BundleFile>, limits: &Limits) -> Result<Self, ArchiveError> {
        archive::check_files(&files, limits)?;
        Ok(Self { files })
    }

    /// The files, unverified.
    pub(crate) fn into_files(self) -> Vec<BundleFile> {
        self.files
    }

    /// Checks everything that makes a bundle trustworthy, in the format's order.
    ///
    /// # Errors
    /// [`VerifyError`], the first in the format's order.
    pub fn verify(self, options: &VerifyOptions) -> Result<VerifiedBundle, VerifyError> {
        let signed = Parts::find(self.files)?;
        let signature = match signed.signature.as_ref().map(|file| <[u8; 64]>::try_from(file.bytes.as_slice())) {
            Some(Ok(signature)) => signature,
            Some(Err(_)) => {
                return Err(VerifyError::SignatureLength(signed.signature.map_or(0, |file| file.bytes.len())));
            }
            None => return Err(VerifyError::Unsigned),
        };
        let manifest_bytes = signed.manifest_bytes(&options.limits)?;
        let claimed = manifest::claimed_key(manifest_bytes)?;
        let key = match claimed.map(|id| (id, options.trust.status(id))) {
            Some((_, KeyStatus::Trusted(key))) => key,
            Some((id, KeyStatus::Revoked)) => return Err(VerifyError::RevokedKey(id)),
            Some((_, KeyStatus::Unknown)) | None => return Err(VerifyError::UnknownKey(claimed)),
        };
        if !key.verifies(manifest_bytes, &signature) {
            return Err(VerifyError::BadSignature(key.id()));
        }
        signed.check(Trust::Signed(key.id()), options)
    }

    /// Makes every check but those of the signature: for development, never for what came over a network. Whatever
    /// signature there is is ignored, and the result says [`Trust::Unsigned`].
    ///
    /// # Errors
    /// [`VerifyError`], the first in the format's order.
    pub fn dangerous_without_signature(self, options: &VerifyOptions) -> Result<VerifiedBundle, VerifyError> {
        Parts::find(self.files)?.check(Trust::Unsigned, options)
    }
}

/// A container's files told apart by their names.
struct Parts {
    manifest: Option<BundleFile>,
    signature: Option<BundleFile>,
    opa_signatures: Option<BundleFile>,
    /// The rest, by name.
    files: Vec<BundleFile>,
}

impl Parts {
    fn find(mut files: Vec<BundleFile>) -> Result<Self, VerifyError> {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        // A signature alone still names the manifest that it belongs to, so that two stems never pass as one bundle.
        let names: BTreeSet<_> =
            files.iter().filter_map(|file| manifest::manifest_of(&file.name)).map(str::to_owned).collect();
        let mut names = names.into_iter();
        let name = names.next();
        if let (Some(name), Some(other)) = (&name, names.next()) {
            return Err(VerifyError::SeveralManifests(name.clone(), other));
        }
        let signature_name = name.as_ref().map(|name| format!("{name}{}", names::SIGNATURE_SUFFIX));
        let mut take = |name: Option<&str>| {
            let at = files.iter().position(|file| Some(file.name.as_str()) == name)?;
            Some(files.remove(at))
        };
        let manifest = take(name.as_deref());
        let signature = take(signature_name.as_deref());
        let opa_signatures = take(Some(names::OPA_SIGNATURES));
        Ok(Self { manifest, signature, opa_signatures, files })
    }

    fn manifest_bytes(&self, limits: &Limits) -> Result<&[u8], VerifyError> {
        let bytes = &self.manifest.as_ref().ok_or(VerifyError::MissingManifest)?.bytes;
        if bytes.len() as u64 > limits.manifest_bytes {
            return Err(ManifestError::TooLarge { size: bytes.len() as u64, limit: limits.manifest_bytes }.into());
        }
        Ok(bytes)
    }

    /// Every check from the manifest's content on.
    fn check(self, trust: Trust, options: &VerifyOptions) -> Result<VerifiedBundle, VerifyError> {
        let manifest = Manifest::parse(self.manifest_bytes(&options.limits)?)?;
        check_digests(&manifest, &self.files)?;
        if let Some(signatures) = &self.opa_signatures {
            let meta = self.manifest.iter().chain(&self.signature);
            let others = self.files.iter().chain(meta);
            opa_signatures::check(signatures, others, &options.trust, &options.opa, &options.limits)?;
        }
        check_expectations(&manifest, options)?;
        let manifest_name = self.manifest.map(|file| file.name).unwrap_or_default();
        let bundle = VerifiedBundle::new(manifest, trust, self.files).named(manifest_name);
        module::check(bundle.wasm(), bundle.builtins(), &options.module)?;
        Ok(bundle)
    }
}

/// Every file is listed and is what the list says. `files` are sorted by name.
fn check_digests(manifest: &Manifest, files: &[BundleFile]) -> Result<(), VerifyError> {
    let mut entries: Vec<_> = manifest.files.iter().collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in &entries {
        let Ok(at) = files.binary_search_by(|file| file.name.cmp(&entry.name)) else {
            return Err(VerifyError::MissingFile(entry.name.clone()));
        };
        let bytes = files.get(at).map(|file| file.bytes.as_slice()).unwrap_or_default();
        if bytes.len() as u64 != entry.size {
            let (expected, found) = (entry.size, bytes.len() as u64);
            return Err(VerifyError::SizeMismatch { name: entry.name.clone(), expected, found });
        }
        let found = Sha256Digest::of(bytes);
        if found != entry.sha256 {
            return Err(VerifyError::DigestMismatch { name: entry.name.clone(), expected: entry.sha256, found });
        }
    }
    match files.iter().find(|file| entries.binary_search_by(|entry| entry.name.cmp(&file.name)).is_err()) {
        Some(unlisted) => Err(VerifyError::UnlistedFile(unlisted.name.clone())),
        None => Ok(()),
    }
}

/// Name, time, serial.
fn check_expectations(manifest: &Manifest, options: &VerifyOptions) -> Result<(), VerifyError> {
    if let Some(expected) = &options.expected_name
        && *expected != manifest.name
    {
        return Err(VerifyError::WrongName { expected: expected.clone(), found: manifest.name.clone() });
    }
    let now = options.now;
    match (manifest.not_before, manifest.expires) {
        (Some(not_before), _) if now < not_before => return Err(VerifyError::NotYetValid { not_before, now }),
        (_, Some(expires)) if now >= expires => return Err(VerifyError::Expired { expires, now }),
        _ => {}
    }
    match options.minimum_serial {
        Some(minimum) if manifest.serial < minimum => Err(VerifyError::Rollback { serial: manifest.serial, minimum }),
        _ => Ok(()),
    }
}
