//! Reads one member of a static library (`ar`, GNU form). Writes nothing.

use anyhow::{Context, Result, ensure};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// The content of the first member whose name begins with `prefix`.
pub(super) fn member<'a>(archive: &'a [u8], prefix: &str) -> Result<&'a [u8]> {
    let mut rest = archive.strip_prefix(MAGIC).context("not an archive")?;
    let mut long_names: &[u8] = &[];
    while !rest.is_empty() {
        ensure!(rest.len() >= HEADER, "a truncated archive");
        let (header, body) = rest.split_at(HEADER);
        let name = header.get(..16).unwrap_or_default();
        let size = header.get(48..58).unwrap_or_default();
        let size: usize = std::str::from_utf8(size)?.trim().parse().context("a member's size")?;
        let content = body.get(..size).context("a truncated archive")?;
        let full = match std::str::from_utf8(name)?.trim_end().strip_prefix('/').map(str::parse::<usize>) {
            Some(Ok(offset)) => long_names.get(offset..).unwrap_or_default(),
            _ => name,
        };
        if name.starts_with(b"// ") {
            long_names = content;
        } else if full.starts_with(prefix.as_bytes()) {
            return Ok(content);
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    anyhow::bail!("the archive has no member `{prefix}…`")
}

#[cfg(test)]
mod tests {
    use super::member;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, content) in members {
            bytes.extend(format!("{name:<16}{:<32}{:<10}`\n", "0", content.len()).as_bytes());
            bytes.extend(*content);
            bytes.extend(std::iter::repeat_n(b'\n', content.len() % 2));
        }
        bytes
    }

    #[test]
    fn short_and_long_names() {
        let bytes = archive(&[
            ("//", b"a_very_long_name.o/\nanother.o/\n"),
            ("x.o/", b"odd"),
            ("/0", b"long"),
            ("/20", b"2nd"),
        ]);
        assert_eq!(member(&bytes, "x.").unwrap(), b"odd");
        assert_eq!(member(&bytes, "a_very").unwrap(), b"long");
        assert_eq!(member(&bytes, "another").unwrap(), b"2nd");
        assert!(member(&bytes, "y").is_err());
        assert!(member(&bytes[..bytes.len() - 4], "another").is_err());
    }
}
