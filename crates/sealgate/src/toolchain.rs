//! From policy texts to a signed bundle, in one process and without a clock: what the command line and `xtask` share.
//!
//! | module | what it does |
//! |---|---|
//! | [`builtins`] | the host's builtins with those that need a parser |
//! | [`sources`] | reads a policy's files from disk |
//! | [`compile`] | text to Wasm, through every stage |
//! | [`opa`] | the Wasm step by an installed `opa` instead |
//! | [`rego`] | Rego as people have it: files, folders, OPA bundles, queries, tests |
//! | [`pack`] | what was compiled, as the contents of a bundle that is left to sign |
//! | [`suite`] | the calls that a policy must decide, as data beside it |

pub mod builtins;
pub mod compile;
pub mod opa;
pub mod pack;
pub mod rego;
pub mod sources;
pub mod suite;

/// Plans.
pub use sealgate_compiler::ir;
/// Findings and how they are rendered.
pub use sealgate_diagnostics as diagnostics;
/// The policy language.
pub use sealgate_policy as policy;

use sealgate_bundle::{ContentsError, KeyError, SigningKey};

/// The Rego that OPA read before 1.0, or the one since.
pub fn rego_version(v0: bool) -> sealgate_rego::ast::Version {
    if v0 { sealgate_rego::ast::Version::V0 } else { sealgate_rego::ast::Version::V1 }
}

/// Why [`build`] gave no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The policy is refused; the text shows every finding with its place.
    #[error("{0}")]
    Refused(String),
    /// There is no module.
    #[error(transparent)]
    Compile(compile::CompileError),
    /// What was compiled is no bundle.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// One policy's text to the bytes of a signed archive, with every option as it is by default. `file_name` is what findings
/// show and what names the bundle where the policy does not name itself.
///
/// # Errors
/// [`BuildError`].
pub fn build(file_name: &str, yaml: &str, key: &SigningKey) -> Result<Vec<u8>, BuildError> {
    let files = sources::PolicyFiles::single(file_name, yaml);
    let mut texts = diagnostics::Sources::new();
    let options = compile::CompileOptions::new(compile::DEFAULT_PACKAGE);
    let compiled = compile::compile(&files, &mut texts, &options).map_err(|error| match error {
        compile::CompileError::Refused(found) => BuildError::Refused(found.render(&texts, diagnostics::Color::Never)),
        other => BuildError::Compile(other),
    })?;
    Ok(pack::pack(&files, &compiled, &pack::PackOptions::default())?.sign(key)?.tar_gz()?)
}
