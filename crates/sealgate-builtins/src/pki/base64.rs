//! Base64 as Go's `encoding/base64` reads it: line breaks are skipped, spare bits ignored, errors name the offset.

use std::fmt;

/// An alphabet and whether padding is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    url: bool,
    padded: bool,
}

/// `+` and `/`, padded.
pub(crate) const STANDARD: Encoding = Encoding { url: false, padded: true };
/// `+` and `/`, not padded.
const RAW_STANDARD: Encoding = Encoding { url: false, padded: false };
/// `-` and `_`, padded.
const URL: Encoding = Encoding { url: true, padded: true };
/// `-` and `_`, not padded.
pub(crate) const RAW_URL: Encoding = Encoding { url: true, padded: false };

/// Where the text stops being base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CorruptInput(usize);

impl fmt::Display for CorruptInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "illegal base64 data at input byte {}", self.0)
    }
}

impl Encoding {
    /// # Errors
    /// The offset of what does not belong.
    pub(crate) fn decode(self, text: &[u8]) -> Result<Vec<u8>, CorruptInput> {
        let mut out = Vec::with_capacity(text.len() / 4 * 3);
        let mut group = 0_u32;
        let mut filled = 0_usize;
        let mut at = 0;
        while let Some(byte) = text.get(at).copied() {
            at += 1;
            match self.digit(byte) {
                _ if matches!(byte, b'\r' | b'\n') => {}
                Some(digit) => {
                    group = group << 6 | digit;
                    filled += 1;
                    if filled == 4 {
                        out.extend_from_slice(group.to_be_bytes().get(1..).unwrap_or_default());
                        (group, filled) = (0, 0);
                    }
                }
                None if byte == b'=' && self.padded && filled >= 2 => {
                    self.check_padding(text, at, filled)?;
                    flush(group, filled, &mut out);
                    return Ok(out);
                }
                None => return Err(CorruptInput(at - 1)),
            }
        }
        match filled {
            0 => Ok(out),
            1 => Err(CorruptInput(at - 1)),
            _ if self.padded => Err(CorruptInput(at - filled)),
            _ => {
                flush(group, filled, &mut out);
                Ok(out)
            }
        }
    }

    /// The rest after a first `=`: a second one if the group wants it, then line breaks only.
    fn check_padding(self, text: &[u8], mut at: usize, filled: usize) -> Result<(), CorruptInput> {
        let skip = |mut at: usize| {
            while matches!(text.get(at), Some(b'\r' | b'\n')) {
                at += 1;
            }
            at
        };
        at = skip(at);
        if filled == 2 {
            match text.get(at) {
                None => return Err(CorruptInput(text.len())),
                Some(b'=') => at = skip(at + 1),
                Some(_) => return Err(CorruptInput(at - 1)),
            }
        }
        if at < text.len() { Err(CorruptInput(at)) } else { Ok(()) }
    }

    fn digit(self, byte: u8) -> Option<u32> {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' if !self.url => 62,
            b'/' if !self.url => 63,
            b'-' if self.url => 62,
            b'_' if self.url => 63,
            _ => return None,
        };
        Some(u32::from(digit))
    }

    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        let alphabet: &[u8; 64] = if self.url {
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        } else {
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        };
        let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for chunk in bytes.chunks(3) {
            let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
            let group = byte(0) << 16 | byte(1) << 8 | byte(2);
            for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
                let digit = usize::try_from(group >> shift & 63).unwrap_or(0);
                match alphabet.get(digit) {
                    Some(digit) if index <= chunk.len() => out.push(char::from(*digit)),
                    _ if self.padded => out.push('='),
                    _ => {}
                }
            }
        }
        out
    }
}

/// The bytes of a last group of two or three digits.
fn flush(group: u32, filled: usize, out: &mut Vec<u8>) {
    let aligned = (group << (6 * (4 - filled))).to_be_bytes();
    out.extend_from_slice(aligned.get(1..filled).unwrap_or_default());
}

/// Base64url with or without its padding, as OPA reads the parts of a token.
///
/// # Errors
/// OPA's text.
pub(crate) fn decode_url(text: &str) -> Result<Vec<u8>, String> {
    let padding = match text.len() % 4 {
        _ if text.ends_with('=') => "",
        0 => "",
        2 => "==",
        3 => "=",
        _ => return Err(format!("illegal base64url string: {text}")),
    };
    let padded = [text, padding].concat();
    URL.decode(padded.as_bytes()).map_err(|error| error.to_string())
}

/// Any of the four encodings, guessed from the characters, as in the members of a JWK.
///
/// # Errors
/// The offset of what does not belong.
pub(crate) fn decode_any(text: &str) -> Result<Vec<u8>, CorruptInput> {
    let encoding = match (!text.ends_with('='), !text.contains(['+', '/'])) {
        (true, true) => RAW_URL,
        (false, true) => URL,
        (true, false) => RAW_STANDARD,
        (false, false) => STANDARD,
    };
    encoding.decode(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_go_does() {
        assert_eq!(STANDARD.decode(b"aGk=\n").unwrap(), b"hi");
        assert_eq!(STANDARD.decode(b"a\nGk\r\n=").unwrap(), b"hi");
        assert_eq!(STANDARD.decode(b"aGl=").unwrap(), b"hi");
        assert_eq!(RAW_URL.decode(b"-_8").unwrap(), [0xfb, 0xff]);
        assert_eq!(decode_url("aGk").unwrap(), b"hi");
        for (text, at) in [("aGk", 0), ("aGk=x", 4), ("a=", 1), ("a!==", 1), ("aG=", 3), ("aGVsb", 4), ("aG=a", 2)] {
            assert_eq!(STANDARD.decode(text.as_bytes()), Err(CorruptInput(at)), "{text}");
        }
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0xff; 50]] {
            for encoding in [STANDARD, RAW_STANDARD, URL, RAW_URL] {
                assert_eq!(encoding.decode(encoding.encode(bytes).as_bytes()).unwrap(), bytes);
            }
        }
    }
}
