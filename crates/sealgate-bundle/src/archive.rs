//! The `.tar.gz` container: bytes to named files and back. Reading is strict and bounded, writing is reproducible.
//! Nothing here knows what the files mean or whether they can be trusted.

mod gzip;
mod tarball;

use std::collections::BTreeSet;

use crate::BundleFile;
use crate::limits::Limits;
use crate::names;

/// Bytes of files that are compressed by themselves: twice deflate's window.
const PART: usize = 64 << 10;

/// Why an archive or a folder listing is refused before anything in it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// More bytes than the limits allow, packed or unpacked.
    #[error("the {what} has more than {limit} bytes")]
    TooLarge {
        /// `archive`, `unpacked archive`, or a file's name in backticks.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// More files than the limits allow.
    #[error("there are more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// The archive unpacks to suspiciously many bytes.
    #[error("the archive unpacks to more than {ratio} times its size")]
    Ratio {
        /// The limit.
        ratio: u64,
    },
    /// The bytes are no gzip member that this format allows.
    #[error("the archive is not one gzip member: {0}")]
    Gzip(&'static str),
    /// The gzip member's checksum or length is wrong.
    #[error("the archive's gzip checksum or length is wrong")]
    GzipChecksum,
    /// Bytes follow the gzip member.
    #[error("{0} bytes follow the gzip member")]
    AfterGzip(usize),
    /// The decompressed bytes are no tar that this format allows.
    #[error("the archive is not a plain tar: {reason} at byte {at}")]
    Tar {
        /// What is wrong.
        reason: &'static str,
        /// The offset of the header in the decompressed bytes.
        at: usize,
    },
    /// Something other than zeros follows the tar's end, or pads a file.
    #[error("the tar holds bytes outside its files, at byte {at}")]
    Padding {
        /// The offset in the decompressed bytes.
        at: usize,
    },
    /// A directory, link, device or extended header.
    #[error("`{}` is not a regular file", names::shown(.name))]
    NotRegular {
        /// The entry.
        name: String,
    },
    /// A name that is not UTF-8, or would leave the bundle.
    #[error("`{}` is no name of a file inside a bundle", names::shown(.name))]
    Path {
        /// The name as it was spelled.
        name: String,
    },
    /// Two files of the same name.
    #[error("`{}` is there twice", names::shown(.name))]
    Duplicate {
        /// The name.
        name: String,
    },
}

impl ArchiveError {
    /// A stable word for the refusal: `archive_ratio`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "archive_too_large",
            Self::TooManyFiles { .. } => "archive_too_many_files",
            Self::Ratio { .. } => "archive_ratio",
            Self::Gzip(_) => "archive_gzip",
            Self::GzipChecksum => "archive_gzip_checksum",
            Self::AfterGzip(_) => "archive_after_gzip",
            Self::Tar { .. } => "archive_tar",
            Self::Padding { .. } => "archive_padding",
            Self::NotRegular { .. } => "archive_not_regular",
            Self::Path { .. } => "archive_path",
            Self::Duplicate { .. } => "archive_duplicate",
        }
    }
}

/// Reads a `.tar.gz` into its files, in the archive's order, under the names of [`names::normalise`].
///
/// # Errors
/// [`ArchiveError`], the first that is found.
pub fn read_tar_gz(bytes: &[u8], limits: &Limits) -> Result<Vec<BundleFile>, ArchiveError> {
    tarball::read(&gzip::decompress(bytes, limits)?, limits)
}

/// Writes files, in this order, into a `.tar.gz`: names with a leading slash as OPA writes them, mode 0644, and zero for
/// owner, group and time. The same files give the same bytes.
///
/// # Errors
/// Where a name is longer than [`names::MAX_PATH_LEN`] allows with the slash.
pub fn write_tar_gz(files: &[BundleFile]) -> std::io::Result<Vec<u8>> {
    let tarball::Written { bytes, ends } = tarball::write(files)?;
    gzip::compress(&parts(&bytes, &ends))
}

/// Runs of whole files, each large enough to be compressed by itself at next to no loss; the last takes what is left.
fn parts<'a>(tar: &'a [u8], ends: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = tar;
    let mut start = 0;
    for end in ends {
        let left = tar.len().saturating_sub(*end);
        if end - start >= PART
            && left >= PART
            && let Some((part, after)) = rest.split_at_checked(end - start)
        {
            parts.push(part);
            (rest, start) = (after, *end);
        }
    }
    parts.push(rest);
    parts
}

/// Holds a folder's listing to the same rules as an archive's.
///
/// # Errors
/// [`ArchiveError`], the first that is found.
pub fn check_files(files: &[BundleFile], limits: &Limits) -> Result<(), ArchiveError> {
    let mut seen = Seen::default();
    for file in files {
        seen.add(&file.name, file.bytes.len() as u64, limits)?;
    }
    Ok(())
}

/// The names and sizes so far, against the limits.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    total: u64,
}

impl Seen {
    /// Counts one more file and gives its name in the one form.
    fn add(&mut self, spelled: &str, size: u64, limits: &Limits) -> Result<String, ArchiveError> {
        if self.names.len() >= limits.entries {
            return Err(ArchiveError::TooManyFiles { limit: limits.entries });
        }
        let Some(name) = names::normalise(spelled) else { return Err(ArchiveError::Path { name: spelled.to_owned() }) };
        if size > limits.file_bytes {
            return Err(ArchiveError::TooLarge {
                what: format!("file `{}`", names::shown(name)),
                limit: limits.file_bytes,
            });
        }
        self.total = self.total.saturating_add(size);
        if self.total > limits.unpacked_bytes {
            return Err(ArchiveError::TooLarge { what: "unpacked archive".to_owned(), limit: limits.unpacked_bytes });
        }
        if !self.names.insert(name.to_owned()) {
            return Err(ArchiveError::Duplicate { name: name.to_owned() });
        }
        Ok(name.to_owned())
    }
}
