//! One gzip member (RFC 1952), whole and alone: header, deflate stream, CRC and length, then nothing. Decompression is
//! bounded before it starts. A deflate stream can spell the same bytes in several ways, and a gzip header has bits that
//! mean nothing; the member that is written here states a checksum of its stream in the header, and one of the header,
//! so that a change of any byte is noticed. Large parts of the plain bytes are deflated by themselves, side by side, each
//! ending on a byte, and put one behind the other; which parts these are follows from the bytes alone.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::ArchiveError;
use crate::limits::Limits;

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xe0;

/// Deflate, with extra field and header checksum, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, FLAG_HEADER_CRC | FLAG_EXTRA, 0, 0, 0, 0, 0, 255];
/// Higher levels take up to three times as long for a module and save two per cent of it.
const LEVEL: u32 = 4;
/// Eight bytes of extra field: a subfield `SG` of four bytes, which follow.
const EXTRA: [u8; 6] = [8, 0, b'S', b'G', 4, 0];
const STREAM_CRC_ID: [u8; 2] = *b"SG";
const TRAILER_LEN: usize = 8;
const CHUNK: usize = 64 << 10;

/// Unpacks the one member that `bytes` must be.
pub(super) fn decompress(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ArchiveError> {
    if bytes.len() as u64 > limits.archive_bytes {
        return Err(ArchiveError::TooLarge { what: "archive".to_owned(), limit: limits.archive_bytes });
    }
    let Header { body, stream_crc } = read_header(bytes)?;
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
    let mut plain = Crc::new();
    plain.update(&out);
    if trailer != trailer_of(&plain) {
        return Err(ArchiveError::GzipChecksum);
    }
    if stream_crc.is_some_and(|stated| stated != crc(stream)) {
        return Err(ArchiveError::GzipChecksum);
    }
    Ok(out)
}

/// Packs the concatenation of `parts` into one member. The same parts in give the same bytes out.
pub(super) fn compress(parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let stream = deflate_all(parts)?;
    let mut plain = Crc::new();
    parts.iter().for_each(|part| plain.update(part));
    let mut out = Vec::with_capacity(stream.len() + 64);
    out.extend_from_slice(&HEADER);
    out.extend_from_slice(&EXTRA);
    out.extend_from_slice(&crc(&stream));
    out.extend_from_slice(&header_crc(&out));
    out.extend_from_slice(&stream);
    out.extend_from_slice(&trailer_of(&plain));
    Ok(out)
}

/// One deflate stream of all parts, on as many threads as there are cores.
fn deflate_all(parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<(usize, Vec<u8>)>> {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(at) else { return Ok(made) };
            made.push((at, deflate(part, at + 1 == parts.len())?));
        }
    };
    let helpers = match parts.len() {
        0 | 1 => 0,
        several => thread::available_parallelism().map_or(1, NonZero::get).min(several) - 1,
    };
    let mut made = thread::scope(|scope| {
        // Where a thread cannot be had, the others do its share.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(spawn).collect();
        let mut made = work()?;
        for helper in helpers {
            made.extend(helper.join().map_err(|_| io::Error::other("a thread that compresses has panicked"))??);
        }
        io::Result::Ok(made)
    })?;
    made.sort_unstable_by_key(|(at, _)| *at);
    let streams: Vec<Vec<u8>> = made.into_iter().map(|(_, stream)| stream).collect();
    Ok(streams.concat())
}

/// The blocks of one part: closed as a stream's last, or ending on a byte so that others may follow.
fn deflate(plain: &[u8], last: bool) -> io::Result<Vec<u8>> {
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut state = Compress::new(Compression::new(LEVEL), false);
    let (mut out, mut rest) = (Vec::with_capacity(plain.len() / 4 + CHUNK), plain);
    loop {
        out.reserve(CHUNK);
        let read = state.total_in();
        let status = state.compress_vec(rest, &mut out, flush)?;
        rest = rest.get(usize::try_from(state.total_in() - read).unwrap_or(usize::MAX)..).unwrap_or_default();
        // A flush is through once it leaves space.
        if status == Status::StreamEnd || (!last && rest.is_empty() && out.len() < out.capacity()) {
            return Ok(out);
        }
    }
}

struct Header<'a> {
    /// What follows the header: the stream, then the trailer.
    body: &'a [u8],
    stream_crc: Option<[u8; 4]>,
}

/// Reads a header that RFC 1952 defines.
fn read_header(bytes: &[u8]) -> Result<Header<'_>, ArchiveError> {
    let short = ArchiveError::Gzip("it is cut short");
    let (header, mut rest) = bytes.split_first_chunk::<10>().ok_or(short.clone())?;
    let [0x1f, 0x8b, method, flags, ..] = *header else { return Err(ArchiveError::Gzip("it does not begin as one")) };
    if method != 8 || flags & FLAGS_RESERVED != 0 {
        return Err(ArchiveError::Gzip("its header is of an unknown kind"));
    }
    let mut stream_crc = None;
    if flags & FLAG_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(short.clone())?;
        let (extra, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(short.clone())?;
        stream_crc = stated_stream_crc(extra);
        rest = after;
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
    Ok(Header { body: rest, stream_crc })
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

/// The CRC that the extra field states for the compressed bytes: subfield `SG` of four bytes, little-endian.
fn stated_stream_crc(mut extra: &[u8]) -> Option<[u8; 4]> {
    while let Some(([one, two, low, high], rest)) = extra.split_first_chunk::<4>() {
        let (field, after) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
        if [*one, *two] == STREAM_CRC_ID {
            return field.try_into().ok();
        }
        extra = after;
    }
    None
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

fn header_crc(header: &[u8]) -> [u8; 2] {
    let [low, high, ..] = crc(header);
    [low, high]
}

fn trailer_of(plain: &Crc) -> [u8; TRAILER_LEN] {
    // RFC 1952 states the length modulo 2^32, as `amount` does.
    ((u64::from(plain.amount()) << 32) | u64::from(plain.sum())).to_le_bytes()
}
