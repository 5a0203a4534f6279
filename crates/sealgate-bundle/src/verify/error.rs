//! Every cause for which a bundle is refused, in the order in which they are looked for.

use crate::archive::ArchiveError;
use crate::digest::Sha256Digest;
use crate::keys::KeyId;
use crate::manifest::ManifestError;
use crate::module::ModuleError;
use crate::names;
use crate::opa_signatures::OpaSignatureError;
use crate::time::UnixSeconds;

/// Why a bundle is refused. The variants stand in the order in which the checks are made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The container is over its bounds or not in its strict form.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is more than one signed manifest.
    #[error("there are two signed manifests, `{}` and `{}`", names::shown(.0), names::shown(.1))]
    SeveralManifests(String, String),
    /// The signature is not exactly 64 raw bytes.
    #[error("the signature has {0} bytes instead of 64")]
    SignatureLength(usize),
    /// There is no signature.
    #[error("the bundle is not signed")]
    Unsigned,
    /// There is a signature but no manifest under it.
    #[error("the bundle holds no signed manifest")]
    MissingManifest,
    /// The manifest cannot be read, or contradicts itself.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest names no key, or one that is not trusted.
    #[error("the bundle is signed with the key `{}`, which is not trusted", .0.map_or("(none named)".to_owned(), |id| id.to_string()))]
    UnknownKey(Option<KeyId>),
    /// The manifest names a key that is revoked.
    #[error("the bundle is signed with the key `{0}`, which is revoked")]
    RevokedKey(KeyId),
    /// The signature is not that key's over this manifest.
    #[error("the signature does not verify with the key `{0}`")]
    BadSignature(KeyId),
    /// A file of the manifest is not there.
    #[error("`{}` is missing", names::shown(.0))]
    MissingFile(String),
    /// A file has another size than the manifest says.
    #[error("`{}` has {found} bytes, and the manifest says {expected}", names::shown(.name))]
    SizeMismatch {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A file has another digest than the manifest says.
    #[error("`{}` is not what was signed: its sha256 is {found}, and the manifest says {expected}", names::shown(.name))]
    DigestMismatch {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: Sha256Digest,
        /// What is there.
        found: Sha256Digest,
    },
    /// A file that the manifest does not list.
    #[error("`{}` is not listed in the signed manifest", names::shown(.0))]
    UnlistedFile(String),
    /// OPA's signature file contradicts the bundle.
    #[error("`.signatures.json`: {0}")]
    OpaSignatures(#[from] OpaSignatureError),
    /// The bundle is another one than the host expects.
    #[error("the bundle is `{found}`, and `{expected}` is expected")]
    WrongName {
        /// What the host expects.
        expected: String,
        /// What the manifest says.
        found: String,
    },
    /// The bundle is not valid yet.
    #[error("the bundle is not valid before {not_before} (Unix time; it is {now})")]
    NotYetValid {
        /// The first second of validity.
        not_before: UnixSeconds,
        /// The host's time.
        now: UnixSeconds,
    },
    /// The bundle is no longer valid.
    #[error("the bundle expired at {expires} (Unix time; it is {now})")]
    Expired {
        /// The first second after its validity.
        expires: UnixSeconds,
        /// The host's time.
        now: UnixSeconds,
    },
    /// The bundle is older than one that was accepted before.
    #[error("the bundle's serial {serial} is lower than {minimum}, which was accepted already")]
    Rollback {
        /// What the manifest says.
        serial: u64,
        /// The lowest that the host accepts.
        minimum: u64,
    },
    /// The module is beyond what a policy may be.
    #[error(transparent)]
    Module(#[from] ModuleError),
}

impl VerifyError {
    /// A stable word for the refusal, for status, metrics and the samples' table: `digest_mismatch`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.code(),
            Self::SeveralManifests(..) => "several_manifests",
            Self::SignatureLength(_) => "signature_length",
            Self::Unsigned => "unsigned",
            Self::MissingManifest => "missing_manifest",
            Self::Manifest(_) => "manifest",
            Self::UnknownKey(_) => "unknown_key",
            Self::RevokedKey(_) => "revoked_key",
            Self::BadSignature(_) => "bad_signature",
            Self::MissingFile(_) => "missing_file",
            Self::SizeMismatch { .. } => "size_mismatch",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::UnlistedFile(_) => "unlisted_file",
            Self::OpaSignatures(_) => "opa_signatures",
            Self::WrongName { .. } => "wrong_name",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
            Self::Rollback { .. } => "rollback",
            Self::Module(_) => "module",
        }
    }
}
