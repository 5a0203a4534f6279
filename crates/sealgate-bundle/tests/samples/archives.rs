//! Attacks on the container.

use crate::common::{contents, key};
use crate::forge::{changed, end, entry, entry_with, file, files, good_tar_and, gzip, pack};
use crate::{Sample, refused};
use sealgate_bundle::BundleFile;

pub fn samples() -> Vec<Sample> {
    let good = || pack(&files());
    let flipped = |at: usize, bit: u8| {
        let mut bytes = good();
        bytes[at] ^= bit;
        bytes
    };
    let from_end = |offset: usize| good().len() - offset;
    let cut = |length: usize| good()[..length].to_vec();
    let followed = |more: &[u8]| [good(), more.to_vec()].concat();
    let with_entry = |entry: Vec<u8>| gzip(&good_tar_and(&[entry]));
    let pax = b"27 path=../../etc/cron.d/x\n";
    vec![
        refused("empty", "no bytes at all", "archive_gzip", Vec::new()),
        refused("not-gzip", "the tar without gzip around it", "archive_gzip", good_tar_and(&[])),
        refused("cut-in-half", "a download that broke off", "archive_gzip", cut(good().len() / 2)),
        refused("cut-trailer", "the last byte is missing", "archive_gzip", cut(from_end(1))),
        refused("gzip-crc", "another CRC", "archive_gzip_checksum", flipped(from_end(8), 1)),
        refused("gzip-length", "another length", "archive_gzip_checksum", flipped(from_end(4), 1)),
        refused("gzip-header-time", "a time in the gzip header", "archive_gzip_checksum", flipped(4, 1)),
        refused("gzip-reserved-flag", "a flag that RFC 1952 reserves", "archive_gzip", flipped(3, 0x80)),
        refused(
            "gzip-free-bits",
            "a bit set after the last block, where no decoder looks",
            "archive_gzip_checksum",
            free_bits(),
        ),
        refused("after-gzip", "bytes after the member", "archive_after_gzip", followed(b"x")),
        refused("zeros-after-gzip", "zeros after the member", "archive_after_gzip", followed(&[0; 512])),
        refused(
            "second-member",
            "a second gzip member, which some readers append and some ignore",
            "archive_after_gzip",
            followed(&good()),
        ),
        refused("bomb", "megabytes of zeros", "archive_ratio", with_entry(entry(b"/zeros", b'0', &vec![0; 8 << 20]))),
        refused("many-files", "more files than anyone needs", "archive_too_many_files", many_files()),
        refused(
            "directory",
            "an entry that is a directory",
            "archive_not_regular",
            with_entry(entry(b"/source/more", b'5', b"")),
        ),
        refused("symbolic-link", "a link to a file outside", "archive_not_regular", with_entry(link(b'2'))),
        refused("hard-link", "a hard link", "archive_not_regular", with_entry(link(b'1'))),
        refused("device", "a character device", "archive_not_regular", with_entry(entry(b"/tty", b'3', b""))),
        refused(
            "extended-header",
            "a PAX header that renames the next file",
            "archive_not_regular",
            with_entry(entry(b"/x", b'x', pax)),
        ),
        refused(
            "long-name",
            "a GNU header that renames the next file",
            "archive_not_regular",
            with_entry(entry(b"/x", b'L', b"../../x\0")),
        ),
        refused("parent", "a name that climbs out", "archive_path", with_entry(entry(b"../../etc/passwd", b'0', b"x"))),
        refused(
            "inner-parent",
            "a name that climbs out half way",
            "archive_path",
            with_entry(entry(b"/source/../../x", b'0', b"x")),
        ),
        refused(
            "double-slash",
            "an absolute name behind the slash that is dropped",
            "archive_path",
            with_entry(entry(b"//etc/passwd", b'0', b"x")),
        ),
        refused(
            "backslash",
            "a name that climbs out on Windows",
            "archive_path",
            with_entry(entry(b"/..\\..\\x", b'0', b"x")),
        ),
        refused("not-utf-8", "a name that is not UTF-8", "archive_path", with_entry(entry(b"/\xff\xfe", b'0', b"x"))),
        refused(
            "twice",
            "a second module under the same name",
            "archive_duplicate",
            with_entry(entry(b"/policy.wasm", b'0', b"x")),
        ),
        refused(
            "twice-spelled",
            "a second module under another spelling of the name",
            "archive_duplicate",
            with_entry(entry(b"./policy.wasm", b'0', b"x")),
        ),
        refused(
            "after-tar",
            "an entry after the tar's end",
            "archive_padding",
            gzip(&[good_tar_and(&[]), entry(b"/x", b'0', b"x")].concat()),
        ),
        refused("file-padding", "bytes hidden in a file's padding", "archive_padding", with_entry(hidden_padding())),
        refused(
            "hidden-name",
            "bytes hidden after a name's end",
            "archive_padding",
            with_entry(entry(b"/x\0policy.wasm", b'0', b"x")),
        ),
        refused(
            "no-end",
            "no zero blocks at the end",
            "archive_tar",
            gzip(&good_tar_and(&[])[..good_tar_and(&[]).len() - 1024]),
        ),
        refused("tar-checksum", "a header whose checksum is wrong", "archive_tar", with_entry(bad_checksum())),
        refused(
            "binary-size",
            "a size in the binary form that readers disagree on",
            "archive_tar",
            with_entry(binary_size()),
        ),
        refused("size-past-end", "a size beyond the archive's end", "archive_tar", with_entry(size_past_end())),
        refused("old-tar", "a header of the kind before POSIX", "archive_tar", with_entry(old_header())),
        refused("only-end", "an empty tar", "unsigned", gzip(&end(Vec::new()))),
    ]
}

/// A bundle whose deflate stream does not end on a byte's border, with one of the bits set that no decoder reads.
fn free_bits() -> Vec<u8> {
    for length in 1.. {
        let signed = contents().with_toolchain("c".repeat(length), "k").sign(&key(1)).unwrap().tar_gz().unwrap();
        let last = signed.len() - 9;
        let mut bytes = signed.clone();
        bytes[last] |= 0x80;
        if bytes != signed && flate2_reads_alike(&bytes, &signed) {
            return bytes;
        }
    }
    unreachable!()
}

fn flate2_reads_alike(one: &[u8], other: &[u8]) -> bool {
    let read = |bytes: &[u8]| {
        let mut out = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out).map(|_| out).ok()
    };
    read(one).is_some() && read(one) == read(other)
}

fn many_files() -> Vec<u8> {
    changed(|files| {
        let filler = file(files, "policy.wasm").bytes.clone();
        // Each file's bytes differ enough that the archive stays within its ratio.
        for number in 0..4200_u32 {
            let mut bytes = sealgate_bundle::Sha256Digest::of(&number.to_le_bytes()).0.to_vec();
            bytes.extend_from_slice(&filler[..8]);
            files.push(BundleFile::new(format!("f/{number}"), &bytes[..8]));
        }
    })
}

fn link(kind: u8) -> Vec<u8> {
    entry_with(b"/source/link.yaml", kind, b"", |header| header[157..168].copy_from_slice(b"/etc/passwd"))
}

fn hidden_padding() -> Vec<u8> {
    let mut entry = entry(b"/x", b'0', b"x");
    entry[1023] = 1;
    entry
}

fn bad_checksum() -> Vec<u8> {
    let mut entry = entry(b"/x", b'0', b"x");
    entry[100] = b'1';
    entry
}

fn binary_size() -> Vec<u8> {
    entry_with(b"/x", b'0', b"x", |header| {
        header[124..136].fill(0);
        header[124] = 0x80;
        header[135] = 1;
    })
}

fn size_past_end() -> Vec<u8> {
    entry_with(b"/x", b'0', b"", |header| header[124..136].copy_from_slice(b"00000777777\0"))
}

fn old_header() -> Vec<u8> {
    entry_with(b"/x", b'0', b"x", |header| header[257..265].fill(0))
}
