//! Bundles that `opa build` made and `opa sign` signed: verified by their `.signatures.json`, as OPA verifies them, and
//! stricter where OPA is lax.
//!
//! Such a bundle has no name, serial or time of its own. The host says what it calls it; nothing here protects against an
//! older one that the same key signed.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::data::{self, DataError};
use super::keys::OpaTrust;
use crate::BundleFile;
use crate::digest::Sha256Digest;
use crate::json;
use crate::limits::Limits;
use crate::manifest::{FileEntry, FileKind, Manifest, SCHEMA};
use crate::module::{self, ModuleError, ModuleLimits};
use crate::names;
use crate::opa_signatures::{self, OpaSignatureError, Scope};
use crate::verify::{Trust, UnverifiedBundle, VerifiedBundle};

/// What a host expects of a bundle that OPA signed.
#[derive(Clone, Debug)]
pub struct OpaExpectations {
    /// What the host calls the bundle; decisions give it as the bundle's name.
    pub name: String,
    /// The keys whose tokens count.
    pub trust: OpaTrust,
    /// The scope that the token must state; without it the key's own.
    pub scope: Option<String>,
    /// The only revision that is accepted; without it any.
    pub revision: Option<String>,
    /// Bounds on the container.
    pub limits: Limits,
    /// Bounds on the module, and the builtins that the host supplies.
    pub module: ModuleLimits,
}

impl OpaExpectations {
    /// Default bounds, the keys' own scopes.
    pub fn new(name: impl Into<String>, trust: OpaTrust) -> Self {
        Self {
            name: name.into(),
            trust,
            scope: None,
            revision: None,
            limits: Limits::default(),
            module: ModuleLimits::default(),
        }
    }
}

/// Why a bundle of OPA's is refused, in the order in which it is looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpaBundleError {
    /// There is no `.signatures.json`.
    #[error("the bundle is not signed: it holds no `.signatures.json`")]
    Unsigned,
    /// Its signature or digests are wrong, or its key does not count.
    #[error("`.signatures.json`: {0}")]
    Signatures(#[from] OpaSignatureError),
    /// The `.manifest` does not read.
    #[error("`.manifest` does not read: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The `.manifest` contradicts the bundle.
    #[error("`.manifest`: {0}")]
    Contradiction(String),
    /// The data does not come together.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Another revision than the host expects.
    #[error("the bundle's revision is `{found}`, and `{expected}` is expected")]
    WrongRevision {
        /// What the host expects.
        expected: String,
        /// What `.manifest` says.
        found: String,
    },
    /// There is no `policy.wasm`, or more than one.
    #[error("the bundle holds {0} Wasm modules instead of one; build it with `opa build -t wasm`")]
    Modules(usize),
    /// The module is beyond what a policy may be.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// It is a delta bundle, which changes another one and decides nothing by itself.
    #[error("it is a delta bundle")]
    Delta,
    /// It is not a delta bundle.
    #[error("it is no delta bundle: it holds no `patch.json`")]
    NotDelta,
}

impl OpaBundleError {
    /// A stable word for the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Signatures(_) => "opa_signatures",
            Self::Manifest(_) | Self::Contradiction(_) => "opa_manifest",
            Self::Data(_) => "opa_data",
            Self::WrongRevision { .. } => "wrong_revision",
            Self::Modules(_) | Self::Module(_) => "module",
            Self::Delta | Self::NotDelta => "delta",
        }
    }
}

/// What of `.manifest` is looked at.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OpaManifest {
    #[serde(default)]
    pub(super) revision: String,
    #[serde(default)]
    pub(super) roots: Option<Vec<String>>,
    #[serde(default)]
    pub(super) wasm: Vec<Resolver>,
    #[serde(default)]
    #[expect(dead_code, reason = "must be JSON, and is nobody's business here")]
    metadata: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resolver {
    #[serde(default)]
    pub(super) entrypoint: String,
    #[serde(default)]
    pub(super) module: String,
}

impl OpaManifest {
    /// The bundle's `.manifest`, or what OPA takes where there is none. Roots come without slashes at their ends.
    pub(super) fn find(files: &[BundleFile]) -> Result<Self, OpaBundleError> {
        let mut found = files.iter().filter(|file| names::is_opa_manifest(&file.name));
        let mut manifest = match (found.next(), found.next()) {
            (None, _) => Self::default(),
            (Some(file), None) if file.name == ".manifest" => json::from_slice(&file.bytes)?,
            (Some(file), None) => {
                return Err(OpaBundleError::Contradiction(format!("it is called `{}`", file.name)));
            }
            (Some(_), Some(other)) => {
                return Err(OpaBundleError::Contradiction(format!("there is a second one, `{}`", other.name)));
            }
        };
        let roots = manifest.roots.get_or_insert_with(|| vec![String::new()]);
        for root in roots.iter_mut() {
            *root = root.trim_matches('/').to_owned();
        }
        for (at, root) in roots.iter().enumerate() {
            let overlaps = |other: &String| {
                data::within(std::slice::from_ref(other), root) || data::within(std::slice::from_ref(root), other)
            };
            if let Some(other) = roots.iter().skip(at + 1).find(|other| overlaps(other)) {
                return Err(OpaBundleError::Contradiction(format!("its roots `{root}` and `{other}` overlap")));
            }
        }
        Ok(manifest)
    }

    pub(super) fn roots(&self) -> &[String] {
        self.roots.as_deref().unwrap_or_default()
    }

    /// The entrypoints in their order, all of the one module.
    fn entrypoints(&self, module: &str) -> Result<Vec<String>, OpaBundleError> {
        let mut seen = BTreeSet::new();
        let mut entrypoints = Vec::with_capacity(self.wasm.len());
        for resolver in &self.wasm {
            let problem = if resolver.module.trim_start_matches('/') != module {
                "is of a module that is not there"
            } else if !data::within(self.roots(), resolver.entrypoint.trim_matches('/')) {
                "is outside of its roots"
            } else if !seen.insert(resolver.entrypoint.as_str()) {
                "is there twice"
            } else {
                entrypoints.push(resolver.entrypoint.clone());
                continue;
            };
            return Err(OpaBundleError::Contradiction(format!("the entrypoint `{}` {problem}", resolver.entrypoint)));
        }
        Ok(entrypoints)
    }
}

impl UnverifiedBundle {
    /// Verifies a bundle that OPA signed. Its trust hangs on `.signatures.json` alone: a signed manifest of Sealgate's, where
    /// there is one, is a file like any other here.
    ///
    /// # Errors
    /// [`OpaBundleError`], the first that is found.
    pub fn verify_opa(self, expected: &OpaExpectations) -> Result<VerifiedBundle, OpaBundleError> {
        let (files, key_id) = signed_files(self, expected)?;
        if files.iter().any(|file| file.name == names::OPA_PATCH) {
            return Err(OpaBundleError::Delta);
        }
        let manifest = OpaManifest::find(&files)?;
        let data = data::merge(files.iter())?;
        data::check_roots(&data, manifest.roots())?;
        if let Some(wanted) = &expected.revision
            && *wanted != manifest.revision
        {
            let (expected, found) = (wanted.clone(), manifest.revision);
            return Err(OpaBundleError::WrongRevision { expected, found });
        }
        let is_module = |file: &&BundleFile| file.name.rsplit('/').next() == Some("policy.wasm");
        let modules: Vec<_> = files.iter().filter(is_module).collect();
        let [wasm] = modules.as_slice() else { return Err(OpaBundleError::Modules(modules.len())) };
        let entrypoints = manifest.entrypoints(&wasm.name)?;
        module::check(&wasm.bytes, &[], &expected.module)?;
        let data = serde_json::to_vec(&data)?;
        Ok(assemble(expected, key_id, manifest.revision, entrypoints, wasm, data))
    }
}

/// The files that the token vouches for, with the id of its key.
pub(super) fn signed_files(
    bundle: UnverifiedBundle,
    expected: &OpaExpectations,
) -> Result<(Vec<BundleFile>, String), OpaBundleError> {
    let mut files = bundle.into_files();
    let Some(at) = files.iter().position(|file| file.name == names::OPA_SIGNATURES) else {
        return Err(OpaBundleError::Unsigned);
    };
    let signatures = files.remove(at);
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let scope = expected.scope.as_deref().map_or(Scope::OfKey, Scope::Exactly);
    let key_id = opa_signatures::require(&signatures, files.iter(), &expected.trust, scope, &expected.limits)?;
    Ok((files, key_id))
}

/// A verified bundle in the one form that runtimes take: the module, the data in one document, and a manifest that says
/// what is known.
fn assemble(
    expected: &OpaExpectations,
    key_id: String,
    revision: String,
    entrypoints: Vec<String>,
    wasm: &BundleFile,
    data: Vec<u8>,
) -> VerifiedBundle {
    let entry = |kind, name: &str, bytes: &[u8]| FileEntry {
        kind,
        name: name.to_owned(),
        origin: None,
        sha256: Sha256Digest::of(bytes),
        size: bytes.len() as u64,
    };
    let wasm_hash = Sha256Digest::of(&wasm.bytes);
    let mut content = Vec::with_capacity(64 + revision.len());
    for part in [&Sha256Digest::of(&data).0[..], &wasm_hash.0, revision.as_bytes()] {
        content.extend_from_slice(part);
    }
    let manifest = Manifest {
        builtins: Vec::new(),
        compiler: "opa".to_owned(),
        entrypoints,
        expires: None,
        files: vec![entry(FileKind::Data, "data.json", &data), entry(FileKind::Wasm, "policy.wasm", &wasm.bytes)],
        kernel: "opa".to_owned(),
        key_id: None,
        name: expected.name.clone(),
        not_before: None,
        rego_hash: None,
        revision: Sha256Digest::of(&content),
        schema: SCHEMA.to_owned(),
        serial: 0,
        source: String::new(),
        source_hash: wasm_hash,
        version: 1,
        wasm_hash,
    };
    let files = vec![BundleFile::new("data.json", data), BundleFile::new("policy.wasm", wasm.bytes.clone())];
    VerifiedBundle::new(manifest, Trust::SignedByOpa { key_id, revision }, files)
}
