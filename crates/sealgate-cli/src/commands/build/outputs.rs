//! What one policy's build writes: rendered to bytes first, written in one go at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sealgate::bundle::keys::ManifestSigner;
use sealgate::bundle::opa::OpaSigner;
use sealgate::bundle::{BundleContents, BundleFile, fs};
use sealgate::toolchain::ir;

use super::{Built, Emit, Format, MadeOf, Options};
use crate::Failure;

/// What compiling one policy gives, of whichever language.
pub(super) struct Made {
    pub(super) contents: BundleContents,
    pub(super) stem: String,
    pub(super) rego: String,
    pub(super) ast: Option<serde_json::Value>,
    pub(super) plan: Option<ir::Policy>,
    pub(super) wasm: Vec<u8>,
    pub(super) wat: Option<String>,
    pub(super) made_of: MadeOf,
}

/// Everything that one policy's build gives, in memory.
pub(super) struct Outputs {
    made_of: MadeOf,
    wasm_bytes: usize,
    pub(super) name: String,
    archive: Vec<u8>,
    folder: Vec<BundleFile>,
    emitted: Vec<(String, Vec<u8>)>,
    revision: String,
}

/// Where one policy's build went.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bundle's name.
    pub name: String,
    /// The archive, where one was asked for.
    pub archive: Option<PathBuf>,
    /// The folder, where one was asked for.
    pub folder: Option<PathBuf>,
    /// Intermediate forms.
    pub emitted: Vec<PathBuf>,
}

impl Written {
    /// The bundle to show: the archive, else the folder.
    pub fn main(&self) -> &Path {
        self.archive.as_deref().or(self.folder.as_deref()).unwrap_or(Path::new(""))
    }
}

/// Signs what was made, in every form.
pub(super) fn render(
    made: Made,
    options: &Options,
    key: &dyn ManifestSigner,
    opa: Option<&OpaSigner>,
) -> Result<Outputs, Failure> {
    let contents = made.contents.sign(key)?;
    let contents = match opa {
        Some(opa) => contents.with_opa_signer(opa),
        None => contents,
    };
    let name = contents.name().to_owned();
    let mut emitted = Vec::new();
    let wasm_bytes = made.wasm.len();
    if options.emits(Emit::Rego) {
        emitted.push((format!("{name}.rego"), made.rego.into_bytes()));
    }
    if let Some(ast) = &made.ast {
        emitted.push((format!("{name}.ast.json"), (serde_json::to_string_pretty(ast)? + "\n").into_bytes()));
    }
    if options.emits(Emit::Plan) {
        let Some(plan) = &made.plan else {
            return Err(Failure::Usage("`--emit plan` needs `--compiler sealgate`".to_owned()));
        };
        emitted.push((format!("{name}.plan"), plan.to_string().into_bytes()));
    }
    emitted.extend(made.wat.map(|wat| (format!("{name}.wat"), wat.into_bytes())));
    if options.emits(Emit::Wasm) {
        emitted.push((format!("{name}.wasm"), made.wasm));
    }
    Ok(Outputs {
        archive: contents.tar_gz()?,
        folder: if options.format == Format::Tar { Vec::new() } else { contents.folder(&made.stem)? },
        revision: contents.revision().to_string(),
        made_of: made.made_of,
        wasm_bytes,
        name,
        emitted,
    })
}

impl Outputs {
    /// Writes what was asked for.
    pub(super) fn write(self, source: &Path, options: &Options, elapsed: Duration) -> Result<Built, Failure> {
        let mut written = Written { name: self.name.clone(), archive: None, folder: None, emitted: Vec::new() };
        if options.format != Format::Dir {
            let path = options.out.join(format!("{}.tar.gz", self.name));
            fs::write_file(&path, &self.archive)?;
            written.archive = Some(path);
        }
        if options.format != Format::Tar {
            let path = options.out.join(&self.name);
            fs::write_folder(&path, &self.folder)?;
            written.folder = Some(path);
        }
        for (name, bytes) in &self.emitted {
            let path = options.out.join(name);
            fs::write_file(&path, bytes)?;
            written.emitted.push(path);
        }
        Ok(Built {
            source: source.to_owned(),
            written,
            made_of: self.made_of,
            wasm_bytes: self.wasm_bytes,
            archive_bytes: self.archive.len(),
            revision: self.revision,
            elapsed,
        })
    }
}
