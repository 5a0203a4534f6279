//! Bundles in OPA's world: keys for `.signatures.json`, bundles that `opa build` made and `opa sign` signed, delta bundles.
//!
//! | module | what it does |
//! |---|---|
//! | `keys` | which keys count for OPA's signatures, and verification with them |
//! | `sign` | making `.signatures.json` |
//! | `snapshot` | reading and verifying a bundle of OPA's own |
//! | `data` | the data document out of `data.json` files, and patches of it |
//! | `delta` | delta bundles |
//!
//! What makes a Sealgate bundle trusted is its signed manifest; this is for bundles that have none.

mod data;
mod delta;
mod keys;
mod sign;
mod snapshot;

pub use data::{DataError, PatchOperation};
pub use delta::{DeltaBundle, DeltaError};
pub use keys::{Algorithm, OpaKey, OpaKeyError, OpaTrust, VerificationKey};
pub use sign::OpaSigner;
pub use snapshot::{OpaBundleError, OpaExpectations};
