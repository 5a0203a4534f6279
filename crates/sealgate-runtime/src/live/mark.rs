//! The highest serial that was accepted, kept in a file so that a restart does not forget it.

use std::io;
use std::path::Path;

use sealgate_bundle::fs::write_file;

use super::update::UpdateError;

/// The serial in the file; 0 where there is no file.
///
/// # Errors
/// [`UpdateError::SerialFile`] if the file is there and cannot be read or holds no number: then nobody knows what was
/// accepted.
pub(super) fn read(path: &Path) -> Result<u64, UpdateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim_end().parse().map_err(|_| failed(path, &"it holds no serial")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Writes the serial in one step.
///
/// # Errors
/// [`UpdateError::SerialFile`].
pub(super) fn write(path: &Path, serial: u64) -> Result<(), UpdateError> {
    write_file(path, format!("{serial}\n").as_bytes()).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, problem: &dyn std::fmt::Display) -> UpdateError {
    UpdateError::SerialFile { path: path.display().to_string(), problem: problem.to_string() }
}
