//! The highest serial that a host has accepted of each bundle, kept in a file, so that an older bundle is refused after a
//! restart too. One JSON object, name to serial. Who can write the file can undo the protection.
//!
//! Several processes may share a record: accepting takes a lock on `PATH.lock`, reads the file again, and writes it in one
//! step, flushed to the disk before anybody relies on it. A file that is there and does not read is an error, never an
//! empty record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{LoadError, WriteError, read_file, write_file};
use crate::json;
use crate::names;
use crate::verify::{VerifiedBundle, VerifyError};

/// Largest record that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Why a record could not be read or written, or a bundle is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SerialRecordError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] LoadError),
    /// The file is no record. It is not taken for an empty one: that would forget every serial.
    #[error("`{path}` is no record of serials: {problem}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The lock beside the file could not be had.
    #[error("`{path}` cannot be locked: {source}")]
    Lock {
        /// The lock's file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A newer bundle has been accepted, perhaps by another process since this one was verified.
    #[error(transparent)]
    Rollback(#[from] VerifyError),
}

/// The highest accepted serials by bundle name.
#[derive(Debug)]
pub struct SerialRecord {
    path: PathBuf,
    serials: BTreeMap<String, u64>,
}

impl SerialRecord {
    /// Reads the record at `path`; where there is no file it is empty.
    ///
    /// # Errors
    /// [`SerialRecordError::Read`], [`SerialRecordError::Malformed`].
    pub fn open(path: &Path) -> Result<Self, SerialRecordError> {
        Ok(Self { path: path.to_owned(), serials: read(path)? })
    }

    /// The lowest serial of the bundle `name` to accept from now on: for
    /// [`VerifyOptions::minimum_serial`](crate::VerifyOptions::minimum_serial).
    pub fn minimum(&self, name: &str) -> u64 {
        self.serials.get(name).copied().unwrap_or(0)
    }

    /// Refuses a bundle that is older than the record, which may be of a name that nobody expected before it was verified.
    ///
    /// # Errors
    /// [`SerialRecordError::Rollback`].
    pub fn check(&self, bundle: &VerifiedBundle) -> Result<(), SerialRecordError> {
        let (serial, minimum) = (bundle.serial(), self.minimum(bundle.name()));
        if serial < minimum {
            return Err(VerifyError::Rollback { serial, minimum }.into());
        }
        Ok(())
    }

    /// Notes that `bundle` was accepted, unless nobody signed it: whoever can write such a bundle could raise the serial so far
    /// that no signed one is ever accepted again. What other processes accepted since the record was read is read again; the file
    /// is written where the serial is a new highest one.
    ///
    /// # Errors
    /// [`SerialRecordError::Rollback`] where another process has accepted a newer one, and for whatever keeps the record
    /// from being kept; the bundle should not be used then.
    pub fn accept(&mut self, bundle: &VerifiedBundle) -> Result<(), SerialRecordError> {
        let _lock = lock(&self.path)?;
        self.serials = read(&self.path)?;
        self.check(bundle)?;
        if !bundle.is_signed() || bundle.serial() == self.minimum(bundle.name()) {
            return Ok(());
        }
        let mut serials = self.serials.clone();
        serials.insert(bundle.name().to_owned(), bundle.serial());
        let mut bytes = serde_json::to_vec_pretty(&serials).map_err(|error| malformed(&self.path, error))?;
        bytes.push(b'\n');
        write_file(&self.path, &bytes)?;
        self.serials = serials;
        Ok(())
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, u64>, SerialRecordError> {
    let bytes = match read_file(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(LoadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let serials: BTreeMap<String, u64> = json::from_slice(&bytes).map_err(|error| malformed(path, error))?;
    match serials.keys().find(|name| !names::is_bundle_name(name)) {
        Some(name) => Err(malformed(path, format_args!("`{name}` names no bundle"))),
        None => Ok(serials),
    }
}

fn malformed(path: &Path, problem: impl std::fmt::Display) -> SerialRecordError {
    SerialRecordError::Malformed { path: path.display().to_string(), problem: problem.to_string() }
}

/// Holds the lock until it is dropped; the file itself stays.
fn lock(path: &Path) -> Result<File, SerialRecordError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |source| SerialRecordError::Lock { path: name.display().to_string(), source };
    if let Some(parent) = name.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}
