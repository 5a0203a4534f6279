//! What one policy's build writes: rendered to bytes first, written in one go at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sealgate::bundle::{BundleFile, SigningKey, fs};

use super::{Built, Compiled, Emit, Format, Options, PolicyFiles, pack};
use crate::Failure;

/// Everything that one policy's build gives, in memory.
pub(super) struct Outputs {
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

/// Packs and signs a compiled policy in every form.
pub(super) fn render(
    files: &PolicyFiles,
    compiled: &Compiled,
    options: &Options,
    key: &SigningKey,
) -> Result<Outputs, Failure> {
    let contents =
        pack(files, compiled, &options.pack_options()).map_err(|error| Failure::Usage(error.to_string()))?.sign(key)?;
    let name = contents.name().to_owned();
    let mut emitted = Vec::new();
    let mut emit = |form: Emit, ending: &str, bytes: &mut dyn FnMut() -> Result<Vec<u8>, Failure>| {
        if options.emits(form) {
            emitted.push((format!("{name}.{ending}"), bytes()?));
        }
        Ok::<_, Failure>(())
    };
    emit(Emit::Rego, "rego", &mut || Ok(compiled.rego.clone().into_bytes()))?;
    emit(Emit::Ast, "ast.json", &mut || Ok((serde_json::to_string_pretty(&compiled.ast()?)? + "\n").into_bytes()))?;
    emit(Emit::Plan, "plan", &mut || match &compiled.plan {
        Some(plan) => Ok(plan.to_string().into_bytes()),
        None => Err(Failure::Usage("`--emit plan` needs `--compiler sealgate`".to_owned())),
    })?;
    emit(Emit::Wat, "wat", &mut || Ok(compiled.wat()?.into_bytes()))?;
    emit(Emit::Wasm, "wasm", &mut || Ok(compiled.wasm.clone()))?;
    Ok(Outputs {
        archive: contents.tar_gz()?,
        folder: contents.folder(&files.stem)?,
        revision: contents.revision().to_string(),
        name,
        emitted,
    })
}

impl Outputs {
    /// Writes what was asked for.
    pub(super) fn write(
        self,
        source: &Path,
        compiled: &Compiled,
        options: &Options,
        elapsed: Duration,
    ) -> Result<Built, Failure> {
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
        let summary = compiled.policy.summary();
        Ok(Built {
            source: source.to_owned(),
            written,
            roles: summary.roles.len(),
            tools: summary.tools,
            wasm_bytes: compiled.wasm.len(),
            archive_bytes: self.archive.len(),
            revision: self.revision,
            elapsed,
        })
    }
}
