//! Bundles in the file system: read with bounds before any check, written so that nobody ever sees half of one. The
//! only part of this crate beside [`crate::keys::file`] that touches files.

mod read;
mod serials;
mod write;

pub use read::{LoadError, load, read_bundle, read_file, read_folder};
pub use serials::{SerialRecord, SerialRecordError};
pub use write::{WriteError, write_file, write_folder};
