//! PEM blocks as Go's `encoding/pem` finds them: text around them is skipped, and so is a block that is malformed.

use super::base64;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// What stands in the line `-----BEGIN …-----`.
    pub(crate) label: &'a [u8],
    /// The decoded body.
    pub(crate) bytes: Vec<u8>,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// The first block of a text, and what follows it. Without one: nothing, and the whole text.
pub(crate) fn decode(data: &[u8]) -> (Option<Block<'_>>, &[u8]) {
    let mut rest = data;
    // Every turn starts behind the last end line that was looked at, so the loop is linear in the number of end lines.
    while let Some(end) = find(rest, END) {
        let (before, after) = rest.split_at(end);
        let trailer = after.get(END.len()..).unwrap_or_default();
        if let Some(begin) = rfind(before, BEGIN)
            && (begin == 0 || before.get(begin - 1) == Some(&b'\n'))
            && let Some(block) = block(before.get(begin + BEGIN.len()..).unwrap_or_default(), trailer)
        {
            let (_, rest) = line(after.get(END.len() - 1..).unwrap_or_default());
            return (Some(block), rest);
        }
        rest = trailer;
    }
    (None, data)
}

/// The block between a begin and an end line. `text` starts behind `-----BEGIN `, `trailer` behind `-----END `.
fn block<'a>(text: &'a [u8], trailer: &[u8]) -> Option<Block<'a>> {
    let (label, mut body) = line(text);
    let label = label.strip_suffix(DASHES)?;
    let trailing = trailer.strip_prefix(label)?.strip_prefix(DASHES)?;
    if !line(trailing).0.is_empty() {
        return None;
    }
    // Headers: lines with a colon.
    loop {
        let (first, next) = line(body);
        if !first.contains(&b':') {
            break;
        }
        body = next;
    }
    let compact: Vec<u8> = body.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
    let bytes = base64::STANDARD.decode(&compact).ok()?;
    Some(Block { label, bytes })
}

/// The first line without its break and trailing blanks, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (data.get(..at).unwrap_or_default(), data.get(at + 1..).unwrap_or_default()),
        None => (data, &[][..]),
    };
    let mut line = line.strip_suffix(b"\r").unwrap_or(line);
    while let Some(trimmed) = line.strip_suffix(b" ").or_else(|| line.strip_suffix(b"\t")) {
        line = trimmed;
    }
    (line, rest)
}

fn find(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).position(|window| window == what)
}

fn rfind(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).rposition(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = b"noise\n-----BEGIN A-----\nx: y\n\naGk=\n-----END A-----\nrest";
        let (block, rest) = decode(text);
        assert_eq!(block, Some(Block { label: b"A", bytes: b"hi".to_vec() }));
        assert_eq!(rest, b"rest");
        for text in [
            &b""[..],
            b"-----BEGIN A-----\n!\n-----END A-----\n",
            b"-----BEGIN A-----\naGk=\n-----END B-----\n",
            b"x-----BEGIN A-----\naGk=\n-----END A-----\n",
        ] {
            assert_eq!(decode(text), (None, text));
        }
        let (block, rest) = decode(b"-----BEGIN A-----\n!\n-----END A-----\n-----BEGIN B-----\n\n-----END B-----");
        assert_eq!(block, Some(Block { label: b"B", bytes: Vec::new() }));
        assert!(rest.is_empty());
    }
}
