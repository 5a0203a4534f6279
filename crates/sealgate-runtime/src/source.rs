//! Where bundles come from: read again and again, cheaply while nothing has changed.
//!
//! A [`Source`] gives unverified bundles and knows nothing of keys or policies. [`FileSource`] is an archive or a folder on
//! disk; hosts add their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sealgate_bundle::fs::{LoadError as ReadError, read_bundle};
use sealgate_bundle::{Limits, UnverifiedBundle};

/// A place that holds one bundle, which may be replaced at any time.
pub trait Source: Send + Sync {
    /// What tells one content from another without reading it. [`None`] says that it cannot be told.
    ///
    /// # Errors
    /// Fails where the place cannot be reached.
    fn stamp(&self) -> io::Result<Option<Stamp>>;

    /// The bundle as it is now, within `limits`, unverified.
    ///
    /// # Errors
    /// [`ReadError`] where the place cannot be reached or a bound is broken.
    fn read(&self, limits: &Limits) -> Result<UnverifiedBundle, ReadError>;

    /// The place, for people.
    fn describe(&self) -> String;
}

/// What tells one content of a source from another. Equal stamps mean equal content only where both are settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    identity: Vec<u8>,
    settled: bool,
}

impl Stamp {
    /// A stamp of its bytes. It is not `settled` where a change might leave it as it is.
    pub fn new(identity: Vec<u8>, settled: bool) -> Self {
        Self { identity, settled }
    }

    /// Whether the content is for sure what it was when `self` was taken.
    pub(crate) fn rules_out_change(&self, now: &Self) -> bool {
        self.settled && now.identity == self.identity
    }
}

/// An archive or a folder on disk.
///
/// Writers replace it by renaming (as `sealgate build` does). One who writes in place may be read halfway: that bundle is
/// refused and read again.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
}

impl FileSource {
    /// The bundle at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

/// File systems tell changes apart by times as coarse as this.
const COARSEST_TIME: Duration = Duration::from_secs(2);
/// More entries than any bundle has; a larger folder is read, and refused with its reason.
const MAX_ENTRIES: usize = 8192;

impl Source for FileSource {
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        let now = SystemTime::now();
        let mut identity = Vec::new();
        let mut newest = None;
        let mut left = MAX_ENTRIES;
        if !collect(&self.path, &mut identity, &mut newest, &mut left)? {
            return Ok(None);
        }
        let age = newest.and_then(|newest| now.duration_since(newest).ok());
        Ok(Some(Stamp::new(identity, age.is_some_and(|age| age > COARSEST_TIME))))
    }

    fn read(&self, limits: &Limits) -> Result<UnverifiedBundle, ReadError> {
        read_bundle(&self.path, limits)
    }

    fn describe(&self) -> String {
        self.path.display().to_string()
    }
}

/// Adds what the file system says of `path` and everything below it; false if there is too much.
fn collect(path: &Path, identity: &mut Vec<u8>, newest: &mut Option<SystemTime>, left: &mut usize) -> io::Result<bool> {
    let Some(rest) = left.checked_sub(1) else { return Ok(false) };
    *left = rest;
    let metadata = fs::metadata(path)?;
    identity.extend_from_slice(path.as_os_str().as_encoded_bytes());
    identity.push(0);
    identity.extend_from_slice(&metadata.len().to_le_bytes());
    for time in changes(&metadata) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        identity.extend_from_slice(&since.as_nanos().to_le_bytes());
        *newest = Some(newest.map_or(time, |newest| newest.max(time)));
    }
    if metadata.is_dir() {
        let mut below = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        below.sort_unstable();
        for path in below {
            if !collect(&path, identity, newest, left)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// When the content changed and, where the system tells, when anything else did (a rename over it, say).
fn changes(metadata: &fs::Metadata) -> impl Iterator<Item = SystemTime> {
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).ok();
        let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
        seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
    };
    #[cfg(not(unix))]
    let changed = None;
    metadata.modified().ok().into_iter().chain(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_the_file_and_settles_with_age() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let source = FileSource::new(&path);
        assert!(source.stamp().is_err());
        fs::write(&path, "a").unwrap();
        let first = source.stamp().unwrap().unwrap();
        assert!(!first.rules_out_change(&first), "it has just been written");
        fs::write(&path, "bb").unwrap();
        let second = source.stamp().unwrap().unwrap();
        assert_ne!(first.identity, second.identity);
        let settled = Stamp::new(second.identity.clone(), true);
        assert!(settled.rules_out_change(&source.stamp().unwrap().unwrap()));
        assert!(!settled.rules_out_change(&first));
    }

    #[test]
    fn a_folders_stamp_covers_what_lies_below() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("source")).unwrap();
        let source = FileSource::new(folder.path());
        let empty = source.stamp().unwrap().unwrap();
        fs::write(folder.path().join("source/a"), "a").unwrap();
        assert_ne!(empty.identity, source.stamp().unwrap().unwrap().identity);
    }
}
