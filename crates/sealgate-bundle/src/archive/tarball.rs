//! A plain tar: regular files only, names in the header itself, zeros everywhere between and after. Extended headers
//! are refused, because two readers may understand them differently.

use tar::{EntryType, Header};

use super::{ArchiveError, Seen};
use crate::BundleFile;
use crate::limits::Limits;

const BLOCK: usize = 512;
/// Where the fields of a `ustar` header end.
const USTAR_END: usize = 500;
/// Where a GNU header has times and parts of sparse files, and a `ustar` header its prefix.
const GNU_EXTRAS: usize = 345;

/// Reads every entry of `tar`.
pub(super) fn read(tar: &[u8], limits: &Limits) -> Result<Vec<BundleFile>, ArchiveError> {
    let mut files = Vec::new();
    let mut seen = Seen::default();
    let mut at = 0;
    loop {
        let block = tar.get(at..at + BLOCK).ok_or(ArchiveError::Tar { reason: "it is cut short", at })?;
        if is_zero(block) {
            return end(tar, at).map(|()| files);
        }
        let entry = Entry::parse(block, at)?;
        let name = seen.add(&entry.name, entry.size, limits)?;
        let size = usize::try_from(entry.size).map_err(|_| ArchiveError::Tar { reason: "a size is too large", at })?;
        let start = at + BLOCK;
        let stop = start + size;
        let bytes = tar.get(start..stop).ok_or(ArchiveError::Tar { reason: "it is cut short", at })?;
        at = stop.next_multiple_of(BLOCK);
        if !is_zero(tar.get(stop..at).ok_or(ArchiveError::Tar { reason: "it is cut short", at: stop })?) {
            return Err(ArchiveError::Padding { at: stop });
        }
        files.push(BundleFile { name, bytes: bytes.to_vec() });
    }
}

/// A tar, and where in it each file's padding ends.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

/// Writes `files` with fixed metadata and ends with two zero blocks.
pub(super) fn write(files: &[BundleFile]) -> std::io::Result<Written> {
    let size: usize = files.iter().map(|file| file.bytes.len() + 2 * BLOCK).sum();
    let mut out = Vec::with_capacity(size + 2 * BLOCK);
    let mut ends = Vec::with_capacity(files.len());
    for file in files {
        let mut header = Header::new_ustar();
        let name = format!("/{}", file.name);
        let field = &mut header.as_old_mut().name;
        if name.len() > field.len() {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("`{name}` is too long")));
        }
        field.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(file.bytes.len() as u64);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(&file.bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        ends.push(out.len());
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(Written { bytes: out, ends })
}

struct Entry {
    name: String,
    size: u64,
}

impl Entry {
    fn parse(block: &[u8], at: usize) -> Result<Self, ArchiveError> {
        let bad = |reason| ArchiveError::Tar { reason, at };
        let bytes: &[u8; BLOCK] = block.try_into().map_err(|_| bad("it is cut short"))?;
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(bytes);
        let stated = octal(&header.as_old().cksum).ok_or(bad("a header's checksum is no number"))?;
        // The checksum counts its own field as eight spaces.
        let field: u64 = header.as_old().cksum.iter().map(|byte| u64::from(*byte)).sum();
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        if stated != sum - field + 8 * u64::from(b' ') {
            return Err(bad("a header's checksum is wrong"));
        }
        let mut name = text(&header.as_old().name, at)?;
        let unused = if let Some(ustar) = header.as_ustar() {
            let prefix = text(&ustar.prefix, at)?;
            if !prefix.is_empty() {
                name = format!("{prefix}/{name}");
            }
            bytes.get(USTAR_END..)
        } else if header.as_gnu().is_some() {
            bytes.get(GNU_EXTRAS..)
        } else {
            return Err(bad("a header is of an unknown kind"));
        };
        if !matches!(header.as_old().linkflag, [b'0' | 0]) {
            return Err(ArchiveError::NotRegular { name });
        }
        // Some readers take what stands there for a part of the name, whatever the header's kind, or for a link.
        if !unused.is_some_and(is_zero) || !is_zero(&header.as_old().linkname) {
            return Err(ArchiveError::Padding { at });
        }
        let size = octal(&header.as_old().size).ok_or(bad("a size is no octal number"))?;
        Ok(Self { name, size })
    }
}

/// What may follow the last file: at least two zero blocks, and nothing but zeros.
fn end(tar: &[u8], at: usize) -> Result<(), ArchiveError> {
    let rest = tar.get(at..).unwrap_or_default();
    if let Some(offset) = rest.iter().position(|byte| *byte != 0) {
        return Err(ArchiveError::Padding { at: at + offset });
    }
    if rest.len() < 2 * BLOCK { Err(ArchiveError::Tar { reason: "it is cut short", at }) } else { Ok(()) }
}

/// A text field: UTF-8 up to its first NUL, and NULs from there on.
fn text(field: &[u8], at: usize) -> Result<String, ArchiveError> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at_checked(end).unwrap_or((field, &[]));
    if !is_zero(rest) {
        return Err(ArchiveError::Padding { at });
    }
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(ArchiveError::Path { name: String::from_utf8_lossy(text).into_owned() }),
    }
}

/// A number field: octal digits, then NULs or spaces to the field's end; nothing else, and no binary form.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.iter().take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    let (digits, rest) = field.split_at_checked(digits)?;
    if digits.is_empty() || !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
