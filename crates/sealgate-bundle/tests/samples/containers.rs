//! More attacks on the container: what gzip and tar readers disagree on.

use crate::common::{contents, key};
use crate::forge::{end, entry, entry_with, files, good_tar_and, gzip};
use crate::{Sample, TRUSTED, accepted, refused};

pub fn samples() -> Vec<Sample> {
    [gzip_members(), tar_headers(), tar_names()].into_iter().flatten().collect()
}

/// The good tar in a member with a header of our own: flags, and what follows the ten fixed bytes.
fn member(flags: u8, rest: &[u8]) -> Vec<u8> {
    let plain = gzip(&good_tar_and(&[]));
    let mut bytes = plain[..10].to_vec();
    bytes[3] = flags;
    [bytes, rest.to_vec(), plain[10..].to_vec()].concat()
}

fn gzip_members() -> Vec<Sample> {
    let stream = |bytes: &[u8]| {
        // A deflate stream of our own, with a trailer that is true for nothing.
        [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], bytes, &[0; 8]].concat()
    };
    let good = || contents().sign(&key(TRUSTED)).unwrap().tar_gz().unwrap();
    let empty = gzip(b"");
    vec![
        accepted(
            "gzip-file-name",
            "nothing: a header that names the file, as gzip itself writes it",
            member(8, b"a.tar\0"),
        ),
        accepted("gzip-comment", "nothing: a header with a comment", member(16, b"packed again\0")),
        accepted("gzip-foreign-extra", "nothing: an extra field of somebody else's", member(4, b"\x08\0AP\x04\0abcd")),
        refused(
            "gzip-false-extra",
            "an extra field that states another checksum of the stream",
            "archive_gzip_checksum",
            member(4, b"\x08\0SG\x04\0abcd"),
        ),
        accepted(
            "gzip-extra-length",
            "nothing: the extra field has not the length of a checksum",
            member(4, b"\x06\0SG\x02\0ab"),
        ),
        refused("gzip-extra-past-end", "an extra field longer than the archive", "archive_gzip", {
            stream(&[])[..10]
                .iter()
                .copied()
                .enumerate()
                .map(|(at, byte)| if at == 3 { 4 } else { byte })
                .chain([0xff, 0xff])
                .collect()
        }),
        refused("gzip-name-without-end", "a file name that never ends", "archive_gzip", {
            let mut bytes = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
            bytes.resize(300, b'x');
            bytes
        }),
        refused(
            "gzip-false-header-crc",
            "a checksum of the header that is false",
            "archive_gzip_checksum",
            member(2, b"\0\0"),
        ),
        refused("gzip-method", "a compression method that gzip does not have", "archive_gzip", {
            let mut bytes = good();
            bytes[2] = 7;
            bytes
        }),
        refused("gzip-block-type", "a deflate block of the reserved type", "archive_gzip", stream(&[0x07])),
        refused(
            "gzip-stored-length",
            "a stored block whose two lengths differ",
            "archive_gzip",
            stream(&[1, 5, 0, 0, 0]),
        ),
        refused("gzip-empty-after", "an empty second member", "archive_after_gzip", [good(), empty.clone()].concat()),
        refused(
            "gzip-empty-before",
            "an empty first member, behind which the bundle hides",
            "archive_after_gzip",
            [empty.clone(), good()].concat(),
        ),
        refused("gzip-empty-alone", "a member that holds nothing", "archive_tar", empty),
        refused("gzip-twice", "an archive that was compressed twice", "archive_tar", gzip(&good())),
        refused("zip", "a zip archive", "archive_gzip", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec()),
        refused("zlib", "a zlib stream", "archive_gzip", b"\x78\x9c\x03\0\0\0\0\x01\0\0".to_vec()),
    ]
}

fn tar_headers() -> Vec<Sample> {
    let with = |entry: Vec<u8>| gzip(&good_tar_and(&[entry]));
    let kind = |kind: u8| with(entry(b"/x", kind, b""));
    let size =
        |text: &'static [u8; 12]| with(entry_with(b"/x", b'0', b"x", |header| header[124..136].copy_from_slice(text)));
    vec![
        refused(
            "pax-global",
            "a PAX header for all files that follow",
            "archive_not_regular",
            with(entry(b"/x", b'g', b"19 path=policy.wasm\n")),
        ),
        refused("pax-size", "a PAX header that gives the next file another size", "archive_not_regular", {
            gzip(&good_tar_and(&[entry(b"/x", b'x', b"12 size=1000\n"), entry(b"/y", b'0', b"y")]))
        }),
        refused("gnu-long-link", "a GNU header for a long link", "archive_not_regular", kind(b'K')),
        refused("gnu-sparse", "a sparse file", "archive_not_regular", kind(b'S')),
        refused("gnu-volume", "a volume's label", "archive_not_regular", kind(b'V')),
        refused("gnu-multi-volume", "a file that goes on from another archive", "archive_not_regular", kind(b'M')),
        refused(
            "contiguous",
            "a contiguous file, which some readers take for a regular one",
            "archive_not_regular",
            kind(b'7'),
        ),
        refused("fifo", "a pipe", "archive_not_regular", kind(b'6')),
        refused("block-device", "a block device", "archive_not_regular", kind(b'4')),
        refused("unknown-kind", "a kind of entry that nobody has defined", "archive_not_regular", kind(b'q')),
        refused("size-negative", "a negative size", "archive_tar", size(b"-0000000001\0")),
        refused("size-not-octal", "a digit that octal has not", "archive_tar", size(b"00000000008\0")),
        refused("size-hexadecimal", "a size in hexadecimal", "archive_tar", size(b"0x000000001\0")),
        refused("size-empty", "no size", "archive_tar", size(&[0; 12])),
        refused(
            "size-leading-spaces",
            "a size behind spaces, which some readers skip",
            "archive_tar",
            size(b"          1\0"),
        ),
        refused("size-two-numbers", "a second number behind the size", "archive_tar", size(b"00000001 77\0")),
        refused("size-largest", "the largest size that the field holds", "archive_too_large", size(b"777777777777")),
        refused(
            "checksum-signed",
            "a checksum taken over signed bytes, as old tools did",
            "archive_tar",
            with(signed_checksum()),
        ),
        refused("checksum-not-octal", "a checksum that is no number", "archive_tar", with(checksum(b"x23456\0 "))),
        refused("magic-of-nobody", "a magic that no tar has", "archive_tar", {
            with(entry_with(b"/x", b'0', b"x", |header| header[257..263].copy_from_slice(b"ustar!")))
        }),
        refused("one-zero-block", "one zero block at the end instead of two", "archive_tar", {
            let tar = good_tar_and(&[]);
            gzip(&tar[..tar.len() - 512])
        }),
        refused("zero-block-inside", "a zero block before more files, where some readers go on", "archive_padding", {
            let good = good_tar_and(&[]);
            gzip(&end([&good[..good.len() - 1024], &[0; 512], &entry(b"/x", b'0', b"x")].concat()))
        }),
        accepted("set-user-id", "nothing: mode, owner and time are not signed, and nobody applies them", {
            let files = files();
            let tar = files.iter().flat_map(|file| {
                entry_with(format!("/{}", file.name).as_bytes(), b'0', &file.bytes, |header| {
                    header[100..108].copy_from_slice(b"0006777\0");
                    header[108..116].copy_from_slice(b"0000000\0");
                    header[136..148].copy_from_slice(b"14727132000\0");
                })
            });
            gzip(&end(tar.collect()))
        }),
    ]
}

fn tar_names() -> Vec<Sample> {
    let named = |name: &[u8]| gzip(&good_tar_and(&[entry(name, b'0', b"x")]));
    let prefixed = |prefix: &'static [u8], name: &[u8]| {
        gzip(&good_tar_and(&[entry_with(name, b'0', b"x", |header| {
            header[345..345 + prefix.len()].copy_from_slice(prefix)
        })]))
    };
    vec![
        refused("name-empty", "a file without a name", "archive_path", named(b"")),
        refused("name-slash", "a file called `/`", "archive_path", named(b"/")),
        refused("name-dot-inside", "the module's name with a dot on the way", "archive_path", named(b"/./policy.wasm")),
        refused("name-dot-twice", "two leading dots and slashes", "archive_path", named(b"././policy.wasm")),
        refused(
            "name-trailing-slash",
            "a file that some readers take for a folder",
            "archive_path",
            named(b"/policy.wasm/"),
        ),
        refused("name-double-slash-inside", "an empty component", "archive_path", named(b"/source//support.yaml")),
        refused("name-line-break", "a line break in a name", "archive_path", named(b"/a\nb")),
        refused("name-escape", "an escape character in a name", "archive_path", named(b"/\x1b[2J")),
        refused("name-next-line", "a control character beyond ASCII", "archive_path", named("/a\u{85}b".as_bytes())),
        refused("name-case", "the module in other letters", "unlisted_file", named(b"/POLICY.WASM")),
        refused(
            "name-homoglyph",
            "the module's name with a letter of another script",
            "unlisted_file",
            named("/pol\u{456}cy.wasm".as_bytes()),
        ),
        refused(
            "name-invisible",
            "the module's name with an invisible character",
            "unlisted_file",
            named("/policy\u{200b}.wasm".as_bytes()),
        ),
        refused(
            "name-backwards",
            "a name that is shown backwards",
            "unlisted_file",
            named("/\u{202e}msaw.ycilop".as_bytes()),
        ),
        refused(
            "name-composed",
            "a name in another normal form",
            "unlisted_file",
            named("/source/e\u{301}.yaml".as_bytes()),
        ),
        refused(
            "name-trailing-dot",
            "a name that Windows takes for the module's",
            "unlisted_file",
            named(b"/policy.wasm."),
        ),
        refused(
            "name-stream",
            "a name that Windows takes for a stream of the module",
            "unlisted_file",
            named(b"/policy.wasm:x"),
        ),
        refused("name-drive", "a name with a drive", "unlisted_file", named(b"C:policy.wasm")),
        refused(
            "prefix-twice",
            "a second Rego file, its folder in the prefix",
            "archive_duplicate",
            prefixed(b"/source", b"support.yaml"),
        ),
        refused("prefix-climbs", "a prefix that climbs out", "archive_path", prefixed(b"..", b"x")),
        refused("prefix-hides", "bytes behind the prefix's end", "archive_padding", prefixed(b"a\0b", b"x")),
        refused(
            "opa-manifest-inside",
            "a second manifest for OPA in a folder",
            "unlisted_file",
            named(b"/a/.manifest"),
        ),
        refused("opa-patch", "a patch of the data, which OPA would apply", "unlisted_file", named(b"/patch.json")),
        refused(
            "opa-data-inside",
            "data in a folder, which OPA would merge",
            "unlisted_file",
            named(b"/sealgate/data.json"),
        ),
    ]
}

fn checksum(field: &[u8; 8]) -> Vec<u8> {
    let mut entry = entry(b"/x", b'0', b"x");
    entry[148..156].copy_from_slice(field);
    entry
}

/// The name holds a byte over 127, so that the signed sum differs.
fn signed_checksum() -> Vec<u8> {
    let mut entry = entry("/é".as_bytes(), b'0', b"x");
    let sum: i64 = entry[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { i64::from(byte.cast_signed()) })
        .sum();
    entry[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    entry
}
