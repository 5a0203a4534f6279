//! A compiled policy as the contents of a bundle.

use std::collections::BTreeSet;

use sealgate_bundle::names::escape_source_name;
use sealgate_bundle::{BundleContents, ContentsError, UnixSeconds};

use super::compile::Compiled;
use super::rego::files::RegoFiles;
use super::rego::program::CompiledRego;
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

/// The most bytes that a source's name may have in a bundle, escaped: what is left of a path there.
const MAX_SOURCE_NAME: usize = 80;

/// Puts compiled Rego, its data and its modules together; what is left to do is to sign.
///
/// # Errors
/// [`ContentsError::Name`] where the name cannot name a bundle.
pub fn pack_rego(
    files: &RegoFiles,
    compiled: &CompiledRego,
    options: &PackOptions,
) -> Result<BundleContents, ContentsError> {
    let name = options.name.as_deref().unwrap_or(&files.stem);
    let mut contents = BundleContents::new(name, compiled.wasm.clone())?
        .with_entrypoints(compiled.entrypoints.iter().cloned())
        .with_builtins(compiled.builtins.iter().cloned())
        .with_roots(files.roots.clone().unwrap_or_else(|| vec![String::new()]))
        .with_serial(options.serial)
        .with_validity(options.not_before, options.expires)
        .with_toolchain(compiled.compiler(), sealgate_compiler::kernel());
    if !files.data.is_empty() {
        contents = contents.with_data(serde_json::to_vec(&files.data).map_err(ContentsError::Data)?);
    }
    let mut taken = BTreeSet::new();
    for module in &files.modules {
        let name = source_name(&module.name, &mut taken);
        contents = contents.with_source(name, module.text.as_bytes());
    }
    Ok(contents)
}

/// A name for a module that no other has: its path, cut from the left where it is too long.
fn source_name(path: &str, taken: &mut BTreeSet<String>) -> String {
    let mut short = path;
    while escape_source_name(short).len() > MAX_SOURCE_NAME {
        let mut chars = short.chars();
        chars.next();
        short = chars.as_str();
    }
    let (stem, end) = short.rsplit_once('.').unwrap_or((short, "rego"));
    let mut name = short.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{stem}-{number}.{end}");
        number += 1;
    }
    name
}
