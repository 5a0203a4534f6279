//! One gzip member (RFC 1952), whole and alone: header, deflate stream, CRC and length, then nothing. Decompression is
//! bounded before it starts. The written header is fixed and carries its own checksum, so no bit of it is free.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::ArchiveError;
use crate::limits::Limits;

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xe0;

/// Deflate, header checksum present, no time, best compression, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, FLAG_HEADER_CRC, 0, 0, 0, 0, 2, 255];
const TRAILER_LEN: usize = 8;
const CHUNK: usize = 64 << 10;

/// Unpacks the one member that `bytes` must be.
pub(super) fn decompress(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ArchiveError> {
    if bytes.len() as u64 > limits.archive_bytes {
        return Err(ArchiveError::TooLarge { what: "archive".to_owned(), limit: limits.archive_bytes });
    }
    let body = after_header(bytes)?;
    let by_ratio = limits.ratio.saturating_mul(bytes.len() as u64).max(Limits::RATIO_FLOOR);
    let cap = by_ratio.min(limits.unpacked_bytes);
    let mut out = Vec::new();
    let deflated = inflate(body, |chunk| {
        if (out.len() + chunk.len()) as u64 > cap {
            return Err(if cap == by_ratio {
                ArchiveError::Ratio { ratio: limits.ratio }
            } else {
                ArchiveError::TooLarge { what: "unpacked archive".to_owned(), limit: cap }
            });
        }
        out.extend_from_slice(chunk);
        Ok(())
    })?;
    let (stream, trailer) = body.split_at_checked(deflated).ok_or(ArchiveError::Gzip("it is cut short"))?;
    let trailer = match trailer.split_first_chunk::<TRAILER_LEN>() {
        None => return Err(ArchiveError::Gzip("it is cut short")),
        Some((_, rest)) if !rest.is_empty() => return Err(ArchiveError::AfterGzip(rest.len())),
        Some((trailer, _)) => *trailer,
    };
    if trailer != trailer_of(&out) {
        return Err(ArchiveError::GzipChecksum);
    }
    if last_bits_are_free(stream, &out) {
        return Err(ArchiveError::Gzip("the bits after its last block are not zero"));
    }
    Ok(out)
}

/// Packs `plain` into one member. The same bytes in give the same bytes out.
pub(super) fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = HEADER.to_vec();
    out.extend_from_slice(&header_crc(&HEADER));
    let mut deflate = Compress::new(Compression::best(), false);
    let mut chunk = vec![0; CHUNK];
    let mut rest = plain;
    loop {
        let (read, written) = (deflate.total_in(), deflate.total_out());
        let status = deflate.compress(rest, &mut chunk, FlushCompress::Finish)?;
        rest = rest.get(usize::try_from(deflate.total_in() - read).unwrap_or(usize::MAX)..).unwrap_or_default();
        out.extend(chunk.iter().take(usize::try_from(deflate.total_out() - written).unwrap_or(usize::MAX)));
        if status == Status::StreamEnd {
            break;
        }
    }
    out.extend_from_slice(&trailer_of(plain));
    Ok(out)
}

/// What follows the header, once the header is one that RFC 1952 defines.
fn after_header(bytes: &[u8]) -> Result<&[u8], ArchiveError> {
    let short = ArchiveError::Gzip("it is cut short");
    let (header, mut rest) = bytes.split_first_chunk::<10>().ok_or(short.clone())?;
    let [0x1f, 0x8b, method, flags, ..] = *header else { return Err(ArchiveError::Gzip("it does not begin as one")) };
    if method != 8 || flags & FLAGS_RESERVED != 0 {
        return Err(ArchiveError::Gzip("its header is of an unknown kind"));
    }
    if flags & FLAG_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(short.clone())?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or(short.clone())?;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(short.clone())?;
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let (header, _) = bytes.split_at_checked(bytes.len() - rest.len()).ok_or(short.clone())?;
        let (stated, after) = rest.split_first_chunk::<2>().ok_or(short)?;
        if *stated != header_crc(header) {
            return Err(ArchiveError::GzipChecksum);
        }
        rest = after;
    }
    Ok(rest)
}

/// Inflates one deflate stream at the start of `input`, handing out what comes, and gives the stream's length.
fn inflate(input: &[u8], mut take: impl FnMut(&[u8]) -> Result<(), ArchiveError>) -> Result<usize, ArchiveError> {
    let mut state = Decompress::new(false);
    let mut chunk = vec![0; CHUNK];
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let rest = usize::try_from(read).ok().and_then(|read| input.get(read..)).unwrap_or_default();
        let status = state
            .decompress(rest, &mut chunk, FlushDecompress::None)
            .map_err(|_| ArchiveError::Gzip("its compressed bytes are damaged"))?;
        let fresh = usize::try_from(state.total_out() - written).unwrap_or(usize::MAX);
        take(chunk.get(..fresh).unwrap_or_default())?;
        if status == Status::StreamEnd {
            return usize::try_from(state.total_in()).map_err(|_| ArchiveError::Gzip("it is too long"));
        }
        if fresh == 0 && state.total_in() == read {
            return Err(ArchiveError::Gzip("it is cut short"));
        }
    }
}

/// Whether a bit after the stream's last block is set. Decoders ignore those up to seven bits, which would make them a
/// place to change a bundle unseen. The highest set bit of the last byte belongs to the end-of-block code unless the
/// stream decodes to the same bytes without it.
fn last_bits_are_free(stream: &[u8], plain: &[u8]) -> bool {
    let Some((last, before)) = stream.split_last() else { return false };
    let Some(highest) = last.checked_ilog2() else { return false };
    let mut changed = before.to_vec();
    changed.push(last & !(1 << highest));
    let mut expected = plain;
    let differs = ArchiveError::GzipChecksum;
    let end = inflate(&changed, |chunk| match expected.strip_prefix(chunk) {
        Some(rest) => {
            expected = rest;
            Ok(())
        }
        None => Err(differs.clone()),
    });
    end == Ok(stream.len()) && expected.is_empty()
}

fn header_crc(header: &[u8]) -> [u8; 2] {
    let mut crc = Crc::new();
    crc.update(header);
    let [low, high, ..] = crc.sum().to_le_bytes();
    [low, high]
}

fn trailer_of(plain: &[u8]) -> [u8; TRAILER_LEN] {
    let mut crc = Crc::new();
    crc.update(plain);
    // RFC 1952 states the length modulo 2^32.
    let length = (plain.len() as u64 & u64::from(u32::MAX)) << 32;
    (length | u64::from(crc.sum())).to_le_bytes()
}
