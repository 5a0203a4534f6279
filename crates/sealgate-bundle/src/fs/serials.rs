//! The highest serial that a host has accepted of each bundle, kept in a file, so that an older bundle is refused after a
//! restart too. One JSON object, name to serial. Who can write the file can undo the protection.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{LoadError, WriteError, read_file, write_file};
use crate::json;
use crate::verify::VerifiedBundle;

/// Largest record that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SerialRecordError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] LoadError),
    /// The file is no record. It is not taken for an empty one: that would forget every serial.
    #[error("`{path}` is no record of serials: {source}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
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
        let serials = match read_file(path, MAX_BYTES) {
            Ok(bytes) => json::from_slice(&bytes)
                .map_err(|source| SerialRecordError::Malformed { path: path.display().to_string(), source })?,
            Err(LoadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path: path.to_owned(), serials })
    }

    /// The lowest serial of the bundle `name` to accept from now on: for
    /// [`VerifyOptions::minimum_serial`](crate::VerifyOptions::minimum_serial).
    pub fn minimum(&self, name: &str) -> u64 {
        self.serials.get(name).copied().unwrap_or(0)
    }

    /// Notes that `bundle` was accepted; writes the file, in one step, where its serial is a new highest one.
    ///
    /// # Errors
    /// [`SerialRecordError::Write`]; the record then says what it said before, and the bundle should not be used.
    pub fn accept(&mut self, bundle: &VerifiedBundle) -> Result<(), SerialRecordError> {
        if bundle.serial() <= self.minimum(bundle.name()) {
            return Ok(());
        }
        let mut serials = self.serials.clone();
        serials.insert(bundle.name().to_owned(), bundle.serial());
        let mut bytes = serde_json::to_vec_pretty(&serials).map_err(|source| self.malformed(source))?;
        bytes.push(b'\n');
        write_file(&self.path, &bytes)?;
        self.serials = serials;
        Ok(())
    }

    fn malformed(&self, source: serde_json::Error) -> SerialRecordError {
        SerialRecordError::Malformed { path: self.path.display().to_string(), source }
    }
}
