//! Text files that are named on the command line, bounded in size.

use std::fs::File;
use std::io::{Error, Read, Result};
use std::path::Path;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(Error::other(format!("larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
