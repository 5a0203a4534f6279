//! Compiled code on disk, so that a process need not compile a module that another one compiled before.
//!
//! Whoever can write an entry can run machine code in every process that loads it: a signature covers the module, not what
//! was compiled from it. So [`CodeCache::open`] takes a folder only if nobody but its owner and root can have written to it
//! or to a folder above it, and an entry only if it is a plain file of the same owner that nobody else may write. A digest
//! catches what a disk or a crash has done to an entry. Whatever is wrong with an entry: the module is compiled anew.
//!
//! An entry's name is the digest of everything that the compiled code depends on: the module, what was checked of it, the
//! compiler and its settings, this crate's version.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sealgate_bundle::Sha256Digest;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Bytes of all entries together; the oldest give way.
const MAX_TOTAL: u64 = 512 << 20;
/// Bytes of one entry.
const MAX_ENTRY: u64 = 256 << 20;
/// Ends the names of entries.
const SUFFIX: &str = "sgcode";
/// Bytes of a digest.
const DIGEST: usize = 32;

/// A folder for compiled code, for [`EngineOptions::code_cache`](crate::EngineOptions::code_cache). Processes may share it.
#[derive(Debug, Clone)]
pub struct CodeCache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    owner: u32,
    stats: Stats,
}

#[derive(Debug, Default)]
struct Stats {
    hits: AtomicU64,
    misses: AtomicU64,
    failures: AtomicU64,
}

/// What happened at a cache so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CodeCacheStats {
    /// Modules whose compiled code was there.
    pub hits: u64,
    /// Modules that were compiled.
    pub misses: u64,
    /// Entries that were refused or could not be written.
    pub failures: u64,
}

/// Why a folder is not used as a cache.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodeCacheError {
    /// It cannot be made or looked at.
    #[error("{path}: {error}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others than its owner could have written to it.
    #[error("{path} {problem}: whoever writes to a cache of compiled code runs code here")]
    NotPrivate {
        /// The folder, or one above it.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system has no owners of files that this crate knows how to check.
    #[error("this system has no file owners that could be checked")]
    Unsupported,
}

/// The name of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key([u8; DIGEST]);

impl Key {
    /// The key of the module of that digest as it is compiled by an engine of that compatibility, within bounds that were
    /// checked before.
    pub(crate) fn new(wasm: &Sha256Digest, compatibility: &impl Hash, bounds: &impl Hash) -> Self {
        let mut feed = Feed(Sha256::new());
        feed.write(concat!("sealgate compiled code 2 ", env!("CARGO_PKG_VERSION")).as_bytes());
        compatibility.hash(&mut feed);
        bounds.hash(&mut feed);
        feed.write(&wasm.0);
        Self(feed.0.finalize().into())
    }

    fn file_name(&self) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.{SUFFIX}")
    }
}

/// Passes what is hashed on to a digest.
struct Feed(Sha256);

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl CodeCache {
    /// Uses `folder`, which is made if it is missing, for its owner alone.
    ///
    /// # Errors
    /// [`CodeCacheError::NotPrivate`] if others may write to it or to a folder above it.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, CodeCacheError> {
        let folder = folder.as_ref();
        let owner = private::prepare(folder)?;
        let folder = folder.canonicalize().map_err(|error| io_error(folder, error))?;
        Ok(Self { inner: Arc::new(Inner { folder, owner, stats: Stats::default() }) })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// What happened so far.
    pub fn stats(&self) -> CodeCacheStats {
        let Stats { hits, misses, failures } = &self.inner.stats;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CodeCacheStats { hits: read(hits), misses: read(misses), failures: read(failures) }
    }

    /// The code of an entry, if it is there and whole. Whoever compiles the module where it is not says so
    /// ([`CodeCache::missed`]).
    pub(crate) fn load(&self, key: &Key) -> Option<Vec<u8>> {
        let stats = &self.inner.stats;
        match self.read(key) {
            Ok(Some(code)) => {
                stats.hits.fetch_add(1, Ordering::Relaxed);
                return Some(code);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(None) | Err(_) => {
                stats.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        None
    }

    /// Counts a module that is compiled because no entry gave its code.
    pub(crate) fn missed(&self) {
        self.inner.stats.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// An entry that is not what its digest says is none.
    fn read(&self, key: &Key) -> io::Result<Option<Vec<u8>>> {
        let (file, size) = private::open(&self.inner.folder.join(key.file_name()), self.inner.owner)?;
        if size > MAX_ENTRY {
            return Ok(None);
        }
        // As much as there is and one byte more, so that its end is seen without another allocation.
        let mut entry = Vec::with_capacity(usize::try_from(size).map_or(0, |size| size.saturating_add(1)));
        file.take(MAX_ENTRY + 1).read_to_end(&mut entry)?;
        let Some(start) = entry.len().checked_sub(DIGEST) else { return Ok(None) };
        let digest = entry.split_off(start);
        Ok((digest == sealed(key, &entry)).then_some(entry))
    }

    /// Keeps the code of an entry, or does not: a cache that cannot be written to is no reason to fail.
    pub(crate) fn store(&self, key: &Key, code: &[u8]) {
        if self.write(key, code).and_then(|()| self.make_room()).is_err() {
            self.inner.stats.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn write(&self, key: &Key, code: &[u8]) -> io::Result<()> {
        if u64::try_from(code.len() + DIGEST).map_or(true, |size| size > MAX_ENTRY) {
            return Ok(());
        }
        let target = self.inner.folder.join(key.file_name());
        let fresh = target.with_extension(format!("{:016x}.new", getrandom::u64().map_err(io::Error::other)?));
        let written = private::create(&fresh).and_then(|mut file| {
            file.write_all(code)?;
            file.write_all(&sealed(key, code))
        });
        let moved = written.and_then(|()| std::fs::rename(&fresh, &target));
        if moved.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        moved
    }

    /// Removes the oldest entries if all are too many.
    fn make_room(&self) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.inner.folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_file() {
                entries.push((data.modified()?, data.len(), entry.path()));
            }
        }
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        entries.sort();
        for (_, size, path) in entries {
            if total <= MAX_TOTAL {
                break;
            }
            std::fs::remove_file(path)?;
            total = total.saturating_sub(size);
        }
        Ok(())
    }
}

/// The digest that an entry ends with.
fn sealed(key: &Key, code: &[u8]) -> [u8; DIGEST] {
    Sha256::new().chain_update(key.0).chain_update(code).finalize().into()
}

fn io_error(path: &Path, error: io::Error) -> CodeCacheError {
    CodeCacheError::Io { path: path.to_owned(), error }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}

/// Who may have written to a path.
#[cfg(unix)]
mod private {
    use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use super::{CodeCacheError, io_error};

    /// Writable by the group or by everybody.
    const OTHERS_WRITE: u32 = 0o022;
    /// Only the owner of an entry may remove it.
    const STICKY: u32 = 0o1000;

    /// Makes the folder if it is missing, and checks it and all above it. Gives the user that it belongs to, who is the one
    /// that this process makes files as.
    pub(super) fn prepare(folder: &Path) -> Result<u32, CodeCacheError> {
        match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(folder, error)),
            _ => {}
        }
        let data = fs::symlink_metadata(folder).map_err(|error| io_error(folder, error))?;
        let refuse = |path: &Path, problem| Err(CodeCacheError::NotPrivate { path: path.to_owned(), problem });
        if !data.is_dir() {
            return refuse(folder, "is a link or no folder");
        }
        if data.mode() & OTHERS_WRITE != 0 {
            return refuse(folder, "may be written to by others");
        }
        let owner = rustix::process::geteuid().as_raw();
        if data.uid() != owner {
            return refuse(folder, "belongs to another user");
        }
        let whole = folder.canonicalize().map_err(|error| io_error(folder, error))?;
        for above in whole.ancestors().skip(1) {
            let data = fs::metadata(above).map_err(|error| io_error(above, error))?;
            if data.uid() != owner && data.uid() != 0 {
                return refuse(above, "belongs to another user");
            }
            if data.mode() & OTHERS_WRITE != 0 && data.mode() & STICKY == 0 {
                return refuse(above, "may be written to by others");
            }
        }
        Ok(owner)
    }

    /// A new file that only its owner may read or write.
    pub(super) fn create(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    /// Opens an entry that nobody but its owner can have written; how long it is.
    pub(super) fn open(path: &Path, owner: u32) -> io::Result<(File, u64)> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let data: Metadata = file.metadata()?;
        let sound = data.is_file() && data.uid() == owner && data.mode() & OTHERS_WRITE == 0 && data.nlink() == 1;
        if sound { Ok((file, data.len())) } else { Err(io::Error::from(io::ErrorKind::PermissionDenied)) }
    }
}

/// Who may have written to a path: nobody knows.
#[cfg(not(unix))]
mod private {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::CodeCacheError;

    pub(super) fn prepare(_: &Path) -> Result<u32, CodeCacheError> {
        Err(CodeCacheError::Unsupported)
    }

    pub(super) fn create(_: &Path) -> io::Result<File> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    pub(super) fn open(_: &Path, _: u32) -> io::Result<(File, u64)> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}
