//! A reader of DER as strict as Go's `cryptobyte`: one-byte tags, definite and minimal lengths.

use std::borrow::Cow;

/// Universal tags that X.509 uses.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const T61_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// A context-specific tag.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// A context-specific tag of something constructed.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Bytes that an integer may have: longer ones are nobody's key or serial number, and slow to print.
const MAX_INTEGER: usize = 4096;
/// The bits of a tag's first byte that say that more bytes follow.
const LONG_TAG: u8 = 0x1f;

/// What is left to read. `None` from any of its methods: what was asked for is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// With tag and length.
    pub(crate) full: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn peek(self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element, whatever its tag, as long as that is one byte.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (tag, ..) = self.header()?;
        if tag & LONG_TAG == LONG_TAG { None } else { self.any_tag() }
    }

    fn any_tag(&mut self) -> Option<Element<'a>> {
        let (tag, header, length) = self.header()?;
        let end = header.checked_add(length)?;
        let element = Element { tag, contents: self.0.get(header..end)?, full: self.0.get(..end)? };
        self.0 = self.0.get(end..)?;
        Some(element)
    }

    /// The contents of an element with this tag within another one, which may be missing, both as Go's `encoding/asn1`
    /// reads them: the length of the outer one says nothing, and an inner one with another tag is one that is missing. The
    /// outer `None` if it is malformed.
    #[expect(clippy::option_option, reason = "missing is not malformed")]
    pub(crate) fn explicit(&mut self, outer: u8, inner: u8) -> Option<Option<Self>> {
        if self.is_empty() {
            return Some(None);
        }
        let (tag, header, length) = self.header()?;
        if tag != outer {
            return Some(None);
        }
        let mut within = Self(self.0.get(header..)?);
        let (tag, ..) = within.header().filter(|_| length > 0)?;
        if tag != inner {
            return Some(None);
        }
        let contents = within.expect(inner)?;
        *self = within;
        Some(Some(contents))
    }

    /// The first byte of the tag, bytes of tag and length, and bytes of contents of the next element.
    fn header(self) -> Option<(u8, usize, usize)> {
        let (tag, mut rest) = self.0.split_first()?;
        if tag & LONG_TAG == LONG_TAG && base128(&mut rest)? < u32::from(LONG_TAG) {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let before = self.0.len().saturating_sub(rest.len());
        let (header, length) = if first & 0x80 == 0 {
            (before, usize::from(*first))
        } else {
            let bytes = usize::from(first & 0x7f);
            if bytes == 0 || bytes > 4 {
                return None;
            }
            let digits = rest.get(..bytes)?;
            let length = digits.iter().fold(0_u32, |length, digit| length << 8 | u32::from(*digit));
            if length < 128 || digits.first() == Some(&0) {
                return None;
            }
            (before + bytes, usize::try_from(length).ok()?)
        };
        Some((*tag, header, length))
    }

    /// Every element up to the end, whatever their tags; `None` if what is left at last is none.
    pub(crate) fn all(mut self) -> Option<Vec<Element<'a>>> {
        let mut elements = Vec::new();
        while !self.is_empty() {
            elements.push(self.any_tag()?);
        }
        Some(elements)
    }

    pub(crate) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.peek(tag) { self.any() } else { None }
    }

    /// The contents of an element with this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(|element| Self(element.contents))
    }

    /// Whether an element with this tag is next, as Go's `encoding/asn1` asks for one that may be missing: tag and length of
    /// what is there instead must be well formed. `None` if they are not.
    pub(crate) fn next_is(&self, tag: u8) -> Option<bool> {
        if self.is_empty() { Some(false) } else { self.header().map(|(found, ..)| found == tag) }
    }

    /// The contents of an element that may be missing; the outer `None` if it is malformed.
    #[expect(clippy::option_option, reason = "missing is not malformed")]
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<Self>> {
        if self.peek(tag) { self.expect(tag).map(Some) } else { Some(None) }
    }

    pub(crate) fn boolean(&mut self) -> Option<bool> {
        match self.expect(tag::BOOLEAN)?.0 {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// The bytes of an integer, two's complement and minimal.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        minimal(self.expect(tag::INTEGER)?.0).filter(|bytes| bytes.len() <= MAX_INTEGER)
    }

    /// The magnitude of an integer that is not negative, without leading zeros (empty for zero).
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.integer()? {
            [first, ..] if first & 0x80 != 0 => None,
            [0, rest @ ..] => Some(rest),
            bytes => Some(bytes),
        }
    }

    pub(crate) fn small(&mut self, tag: u8) -> Option<i64> {
        let bytes = minimal(self.expect(tag)?.0)?;
        if bytes.len() > 8 {
            return None;
        }
        let start = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
    }

    /// A bit string, and how many bits of its last byte do not count.
    pub(crate) fn bit_string(&mut self) -> Option<(&'a [u8], u8)> {
        self.expect(tag::BIT_STRING)?.as_bits()
    }

    /// As the contents of a bit string.
    pub(crate) fn as_bits(self) -> Option<(&'a [u8], u8)> {
        let (unused, bytes) = self.0.split_first()?;
        let spare = match bytes.last() {
            _ if *unused > 7 => return None,
            None => u16::from(*unused),
            Some(last) => u16::from(*last) & ((1_u16 << unused) - 1),
        };
        if spare == 0 { Some((bytes, *unused)) } else { None }
    }

    pub(crate) fn oid(&mut self) -> Option<Oid> {
        Oid::parse(self.expect(tag::OID)?.0)
    }
}

/// The bits of a bit string, which has so many unused ones at its end, as the last ones of as many bytes.
pub(crate) fn right_aligned((bytes, unused): (&[u8], u8)) -> Cow<'_, [u8]> {
    if unused == 0 {
        return Cow::Borrowed(bytes);
    }
    let mut before = 0;
    let shifted = bytes.iter().map(|byte| {
        let pair = u16::from_be_bytes([before, *byte]);
        before = *byte;
        (pair >> unused).to_be_bytes()[1]
    });
    Cow::Owned(shifted.collect())
}

fn minimal(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [] => None,
        [0, second, ..] if second & 0x80 == 0 => None,
        [0xff, second, ..] if second & 0x80 != 0 => None,
        _ => Some(bytes),
    }
}

/// An object identifier whose arcs fit 31 bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Oid(pub(crate) Vec<u32>);

impl Oid {
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let first = base128(&mut bytes)?;
        let mut arcs = if first < 80 { vec![first / 40, first % 40] } else { vec![2, first - 80] };
        while !bytes.is_empty() {
            arcs.push(base128(&mut bytes)?);
        }
        Some(Self(arcs))
    }

    pub(crate) fn is(&self, arcs: &[u32]) -> bool {
        self.0 == arcs
    }
}

fn base128(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for index in 0..5 {
        let (byte, rest) = bytes.split_first()?;
        if value >= 1 << 24 || (index == 0 && *byte == 0x80) {
            return None;
        }
        value = value << 7 | u32::from(byte & 0x7f);
        *bytes = rest;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_are_minimal() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81, 0x05, 0, 0, 0, 0, 0],
            &[0x30, 0x82, 0x00, 0x80],
            &[0x30, 0x85, 1, 0, 0, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x81, 0x01, 0x00],
        ] {
            assert!(Reader(bad).any().is_none(), "{bad:?}");
        }
        assert_eq!(Reader(&[2, 2, 0, 0x80]).unsigned(), Some(&[0x80][..]));
        assert_eq!(Reader(&[2, 1, 0xff]).small(tag::INTEGER), Some(-1));
        for bad in [&[2, 0][..], &[2, 2, 0, 0x7f], &[2, 2, 0xff, 0x80]] {
            assert!(Reader(bad).integer().is_none(), "{bad:?}");
        }
        assert_eq!(Reader(&[6, 3, 0x2a, 0x86, 0x48]).oid(), Some(Oid(vec![1, 2, 840])));
        assert!(Reader(&[6, 2, 0x80, 0x01]).oid().is_none());
        assert!(Reader(&[3, 2, 1, 1]).bit_string().is_none());
    }
}
