//! OPA's `.tar.gz`: its files in memory, within bounds. What they mean is for `files` to say.

use std::io::Read;
use std::path::Path;

use super::files::{MAX_TOTAL_BYTES, ReadError};

/// The most entries that an archive may have.
const MAX_ENTRIES: usize = 100_000;

/// The regular files of an archive: path with `/` between the names and none before the first, and content.
///
/// # Errors
/// [`ReadError::Archive`] for what is no archive, leads out of it, names a file twice or is over its bounds.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let broken = |problem: String| ReadError::Archive { path: path.to_owned(), problem };
    let file = std::fs::File::open(path).map_err(|source| ReadError::io(path, source))?;
    let unpacked = flate2::read::GzDecoder::new(std::io::BufReader::new(file)).take(MAX_TOTAL_BYTES + 1);
    let mut archive = tar::Archive::new(unpacked);
    let mut files = Vec::new();
    let mut total = 0_u64;
    let entries = archive.entries().map_err(|error| broken(error.to_string()))?;
    for (at, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|error| broken(error.to_string()))?;
        if at >= MAX_ENTRIES {
            return Err(broken(format!("more than {MAX_ENTRIES} entries")));
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").trim_start_matches('/').to_owned();
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(broken(format!("`{name}` is no path inside an archive")));
        }
        let mut bytes = Vec::new();
        total += entry.read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))? as u64;
        if total > MAX_TOTAL_BYTES {
            return Err(broken(format!("more than {MAX_TOTAL_BYTES} bytes unpacked")));
        }
        files.push((name, bytes));
    }
    files.sort();
    if let Some(((name, _), _)) = files.iter().zip(files.iter().skip(1)).find(|((a, _), (b, _))| a == b) {
        return Err(broken(format!("`{name}` is there twice")));
    }
    Ok(files)
}
