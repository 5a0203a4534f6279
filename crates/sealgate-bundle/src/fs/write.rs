//! Writing an archive or a folder in one step: everything is written and flushed beside its place first, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::BundleFile;
use crate::names;

/// Why a bundle could not be written. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file system failed.
    #[error("`{path}`: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder holds something that is no bundle's, and would be lost.
    #[error("`{path}` holds `{entry}`, which is no file of this bundle; choose another folder or move it away")]
    ForeignFile {
        /// The folder.
        path: String,
        /// What it holds.
        entry: String,
    },
    /// The path has no name of its own.
    #[error("`{path}` names no file or folder")]
    NoName {
        /// The path.
        path: String,
    },
}

/// Writes `bytes` to `path` in one step. Missing parent folders are made.
///
/// # Errors
/// [`WriteError`]; `path` is then as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let (parent, _) = split(path)?;
    fs::create_dir_all(parent).map_err(|source| at(parent, source))?;
    let beside = beside(path)?;
    let written = write_synced(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|source| at(path, source))?;
    sync_folder(parent);
    Ok(())
}

/// Makes the folder `path` hold exactly `files` (whose names have no `/`) in one step: a stale file of an earlier build,
/// a signature above all, is gone with the old folder. An existing folder is replaced only where all that it holds are
/// files of a bundle with the same stem.
///
/// # Errors
/// [`WriteError`]; `path` is then as it was.
pub fn write_folder(path: &Path, files: &[BundleFile]) -> Result<(), WriteError> {
    let (parent, _) = split(path)?;
    fs::create_dir_all(parent).map_err(|source| at(parent, source))?;
    if path.symlink_metadata().is_ok() {
        refuse_foreign(path, files)?;
    }
    let beside = beside(path)?;
    let written = fill(&beside, files).and_then(|()| put_in_place(&beside, path));
    // What lies beside now is the old folder, or what was written of the new one.
    let _ = fs::remove_dir_all(&beside);
    written.map_err(|source| at(path, source))?;
    sync_folder(parent);
    Ok(())
}

fn fill(folder: &Path, files: &[BundleFile]) -> io::Result<()> {
    fs::create_dir(folder)?;
    for file in files {
        if !names::is_path(&file.name) || file.name.contains('/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is no plain file name", file.name)));
        }
        write_synced(&folder.join(&file.name), &file.bytes)?;
    }
    sync_folder(folder);
    Ok(())
}

/// Puts `fresh` at `path`, leaving what was there at `fresh`.
fn put_in_place(fresh: &Path, path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_err() {
        return fs::rename(fresh, path);
    }
    exchange(fresh, path)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(fresh: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags};
    match rustix::fs::renameat_with(CWD, fresh, CWD, path, RenameFlags::EXCHANGE) {
        // Some file systems cannot exchange.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            exchange_in_steps(fresh, path)
        }
        exchanged => Ok(exchanged?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(fresh: &Path, path: &Path) -> io::Result<()> {
    exchange_in_steps(fresh, path)
}

/// Without an exchange in one step there is a moment without a folder, never one with half of one.
fn exchange_in_steps(fresh: &Path, path: &Path) -> io::Result<()> {
    let mut old = fresh.as_os_str().to_owned();
    old.push("-old");
    let old = PathBuf::from(old);
    fs::rename(path, &old)?;
    if let Err(error) = fs::rename(fresh, path) {
        fs::rename(&old, path)?;
        return Err(error);
    }
    fs::rename(&old, fresh)
}

/// Refuses to replace a folder that holds anything but files beginning with the stem of the bundle's manifest.
fn refuse_foreign(path: &Path, files: &[BundleFile]) -> Result<(), WriteError> {
    let stem = files.iter().find_map(|file| file.name.strip_suffix(names::MANIFEST_SUFFIX)).unwrap_or_default();
    for entry in fs::read_dir(path).map_err(|source| at(path, source))? {
        let entry = entry.map_err(|source| at(path, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let own = name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')) || name == names::OPA_SIGNATURES;
        let kind = entry.file_type().map_err(|source| at(path, source))?;
        if !own || !kind.is_file() {
            return Err(WriteError::ForeignFile { path: path.display().to_string(), entry: name });
        }
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename lasts once its folder is flushed; where folders cannot be flushed the rename is still in one step.
fn sync_folder(path: &Path) {
    let _ = File::open(path).and_then(|folder| folder.sync_all());
}

/// A fresh hidden name in the same folder, so that a rename crosses no file system.
fn beside(path: &Path) -> Result<PathBuf, WriteError> {
    let (parent, name) = split(path)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| at(path, io::Error::other(error.to_string())))?;
    Ok(parent.join(format!(".{name}.{}", hex::encode(random))))
}

fn split(path: &Path) -> Result<(&Path, String), WriteError> {
    let name = path.file_name().ok_or_else(|| WriteError::NoName { path: path.display().to_string() })?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok((parent, name.to_string_lossy().into_owned()))
}

fn at(path: &Path, source: io::Error) -> WriteError {
    WriteError::Io { path: path.display().to_string(), source }
}
