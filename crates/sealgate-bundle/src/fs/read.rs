//! Reading an archive or a folder, bounded, following no symbolic link inside a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::BundleFile;
use crate::archive::ArchiveError;
use crate::limits::Limits;
use crate::names;
use crate::verify::{UnverifiedBundle, VerifiedBundle, VerifyError, VerifyOptions};

/// Why a bundle could not be read or is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file system failed.
    #[error("`{path}`: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bundle is refused.
    #[error("`{path}`: {source}")]
    Refused {
        /// The archive or folder.
        path: String,
        /// Why.
        source: VerifyError,
    },
}

/// Reads and verifies the archive or the folder at `path`.
///
/// # Errors
/// [`LoadError`].
pub fn load(path: &Path, options: &VerifyOptions) -> Result<VerifiedBundle, LoadError> {
    read_bundle(path, &options.limits)?.verify(options).map_err(|source| refused(path, source))
}

/// Reads the archive or the folder at `path` and checks its bounds, nothing else.
///
/// # Errors
/// [`LoadError`].
pub fn read_bundle(path: &Path, limits: &Limits) -> Result<UnverifiedBundle, LoadError> {
    let read = if path.is_dir() {
        UnverifiedBundle::from_files(read_folder(path, limits)?, limits)
    } else {
        UnverifiedBundle::read_with(&read_file(path, limits.archive_bytes)?, limits)
    };
    read.map_err(|source| refused(path, source.into()))
}

/// The bytes of a file of at most `limit` bytes.
///
/// # Errors
/// [`LoadError::Io`]; [`LoadError::Refused`] where the file is larger.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    // One byte more than the limit tells too large from just right, whatever the file's metadata claim.
    let read = File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|source| at(path, source))?;
    if bytes.len() as u64 > limit {
        return Err(refused(path, ArchiveError::TooLarge { what: "archive".to_owned(), limit }.into()));
    }
    Ok(bytes)
}

/// The files of a bundle folder. A sub-folder is read too, under `folder/name`; a link or device is refused.
///
/// # Errors
/// [`LoadError::Io`]; [`LoadError::Refused`] with the bound that is broken.
pub fn read_folder(path: &Path, limits: &Limits) -> Result<Vec<BundleFile>, LoadError> {
    let mut reader = FolderReader { root: path, limits, files: Vec::new(), total: 0, seen: 0 };
    reader.folder(path, "", 0)?;
    reader.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reader.files)
}

struct FolderReader<'a> {
    root: &'a Path,
    limits: &'a Limits,
    files: Vec<BundleFile>,
    total: u64,
    seen: usize,
}

impl FolderReader<'_> {
    const MAX_DEPTH: usize = 8;

    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) -> Result<(), LoadError> {
        for entry in fs::read_dir(path).map_err(|source| at(path, source))? {
            let entry = entry.map_err(|source| at(path, source))?;
            self.seen += 1;
            if self.seen > self.limits.entries {
                return Err(self.refuse(ArchiveError::TooManyFiles { limit: self.limits.entries }));
            }
            let spelled = entry.file_name();
            let Some(own) = spelled.to_str() else {
                return Err(self.refuse(ArchiveError::Path { name: spelled.to_string_lossy().into_owned() }));
            };
            let name = format!("{prefix}{own}");
            let kind = entry.file_type().map_err(|source| at(&entry.path(), source))?;
            if kind.is_dir() && depth < Self::MAX_DEPTH {
                self.folder(&entry.path(), &format!("{name}/"), depth + 1)?;
            } else if kind.is_file() {
                self.file(&entry.path(), name)?;
            } else {
                return Err(self.refuse(ArchiveError::NotRegular { name }));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), LoadError> {
        let limit = self.limits.file_bytes.min(self.limits.unpacked_bytes.saturating_sub(self.total));
        let mut bytes = Vec::new();
        let read = open_no_follow(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|source| at(path, source))?;
        if bytes.len() as u64 > limit {
            return Err(self.refuse(ArchiveError::TooLarge { what: format!("file `{}`", names::shown(&name)), limit }));
        }
        self.total += bytes.len() as u64;
        self.files.push(BundleFile { name, bytes });
        Ok(())
    }

    fn refuse(&self, source: ArchiveError) -> LoadError {
        refused(self.root, source.into())
    }
}

/// Opens a regular file and nothing else, even where the entry was changed into a link or a pipe since it was listed.
#[cfg(unix)]
fn open_no_follow(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let file = File::from(rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

#[cfg(not(unix))]
fn open_no_follow(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn at(path: &Path, source: io::Error) -> LoadError {
    LoadError::Io { path: path.display().to_string(), source }
}

fn refused(path: &Path, source: VerifyError) -> LoadError {
    LoadError::Refused { path: path.display().to_string(), source }
}
