//! Delta bundles: OPA's `patch.json`, which changes the data document of the bundle before it. Verified like any bundle that
//! OPA signed (OPA itself leaves the signature of a delta bundle alone).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::data::{self, DataError, PatchOperation};
use super::snapshot::{OpaBundleError, OpaExpectations, OpaManifest, signed_files};
use crate::BundleFile;
use crate::json;
use crate::names;
use crate::verify::UnverifiedBundle;

/// Why a delta bundle cannot be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The document before is no JSON object.
    #[error("the data to change is no JSON object: {0}")]
    Before(serde_json::Error),
    /// An operation cannot be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The document after cannot be written.
    #[error("the changed data cannot be written: {0}")]
    After(serde_json::Error),
}

/// A verified delta bundle.
#[derive(Clone, Debug)]
pub struct DeltaBundle {
    key_id: String,
    revision: String,
    roots: Vec<String>,
    operations: Vec<PatchOperation>,
}

#[derive(Deserialize)]
struct PatchFile {
    #[serde(default, deserialize_with = "json::objects")]
    data: Vec<PatchOperation>,
}

impl DeltaBundle {
    /// The id of the key that signed it.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The revision that the data has after it.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The changes, in their order.
    pub fn operations(&self) -> &[PatchOperation] {
        &self.operations
    }

    /// The data document after the changes; `data` is the one before. All of them are made, or none.
    ///
    /// # Errors
    /// [`DeltaError`].
    pub fn apply(&self, data: &[u8]) -> Result<Vec<u8>, DeltaError> {
        let before: Map<String, Value> = serde_json::from_slice(data).map_err(DeltaError::Before)?;
        let after = data::patch(&before, &self.operations, &self.roots)?;
        serde_json::to_vec(&after).map_err(DeltaError::After)
    }
}

impl UnverifiedBundle {
    /// Verifies a delta bundle that OPA's tools made.
    ///
    /// # Errors
    /// [`OpaBundleError`]; [`OpaBundleError::NotDelta`] for a bundle without `patch.json`.
    pub fn verify_opa_delta(self, expected: &OpaExpectations) -> Result<DeltaBundle, OpaBundleError> {
        let (files, key_id) = signed_files(self, expected)?;
        let Some(patch) = files.iter().find(|file| file.name == names::OPA_PATCH) else {
            return Err(OpaBundleError::NotDelta);
        };
        let stranger = |file: &&BundleFile| file.name != names::OPA_PATCH && file.name != ".manifest";
        if let Some(file) = files.iter().find(stranger) {
            return Err(OpaBundleError::Contradiction(format!("a delta bundle may not hold `{}`", file.name)));
        }
        let manifest = OpaManifest::find(&files)?;
        let operations = json::from_slice::<PatchFile>(&patch.bytes)
            .map_err(|error| OpaBundleError::Contradiction(format!("`patch.json` does not read: {error}")))?
            .data;
        let roots = manifest.roots().to_vec();
        Ok(DeltaBundle { key_id, revision: manifest.revision, roots, operations })
    }
}
