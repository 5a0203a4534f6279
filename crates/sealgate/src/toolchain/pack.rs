//! A compiled policy as the contents of a bundle.

use sealgate_bundle::{BundleContents, ContentsError, UnixSeconds};

use super::compile::Compiled;
use super::sources::PolicyFiles;

/// What the signed manifest says of a bundle beyond its content.
#[derive(Clone, Debug, Default)]
pub struct PackOptions {
    /// The bundle's name; without it the policy's own name, else its file's stem.
    pub name: Option<String>,
    /// The serial.
    pub serial: u64,
    /// The first second at which the bundle is valid.
    pub not_before: Option<UnixSeconds>,
    /// The first second at which it no longer is.
    pub expires: Option<UnixSeconds>,
}

/// Puts a compiled policy, its Rego and its sources together; what is left to do is to sign.
///
/// # Errors
/// [`ContentsError::Name`] where the name cannot name a bundle.
pub fn pack(files: &PolicyFiles, compiled: &Compiled, options: &PackOptions) -> Result<BundleContents, ContentsError> {
    let name = options.name.as_deref().or(compiled.name.as_deref()).unwrap_or(&files.stem);
    let contents = BundleContents::new(name, compiled.wasm.clone())?
        .with_rego(compiled.rego.clone())
        .with_entrypoints([compiled.entrypoint.clone()])
        .with_builtins(compiled.builtins.iter().cloned())
        .with_roots([compiled.root.clone()])
        .with_serial(options.serial)
        .with_validity(options.not_before, options.expires)
        .with_toolchain(compiled.compiler.clone(), compiled.kernel.clone());
    Ok(files.files.iter().fold(contents, |contents, file| contents.with_source(file.name(), file.text.as_bytes())))
}
