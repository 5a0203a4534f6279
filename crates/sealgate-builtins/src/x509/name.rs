//! Distinguished names.

use crate::pki::der::{Element, Oid, Reader, tag};
use crate::pki::json::{list_or_null, object};
use crate::value::Value;

use super::json::oid;

/// A name's attributes in their order. Their values are strings in certificates; requests may have others.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    attributes: Vec<Attribute>,
}

#[derive(Debug, Clone)]
struct Attribute {
    kind: Oid,
    value: Value,
    /// Other values may be texts in JSON only.
    is_text: bool,
}

impl Name {
    /// Reads an RDNSequence from its DER, with strings only.
    ///
    /// # Errors
    /// Go's text.
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        Self::parse_with(der, |value| text(value.tag, value.contents).map(Value::from))
    }

    /// Reads an RDNSequence from its DER, and its values with `read`.
    ///
    /// # Errors
    /// Go's text.
    pub(super) fn parse_with(der: &[u8], read: impl Fn(Element<'_>) -> Result<Value, String>) -> Result<Self, String> {
        let bad = |what: &str| format!("x509: invalid RDNSequence{what}");
        let mut sequence = Reader(der).expect(tag::SEQUENCE).ok_or_else(|| bad(""))?;
        let mut attributes = Vec::new();
        while !sequence.is_empty() {
            let mut set = sequence.expect(tag::SET).ok_or_else(|| bad(""))?;
            while !set.is_empty() {
                let mut attribute = set.expect(tag::SEQUENCE).ok_or_else(|| bad(": invalid attribute"))?;
                let kind = attribute.oid().ok_or_else(|| bad(": invalid attribute type"))?;
                let value = attribute.any().ok_or_else(|| bad(": invalid attribute value"))?;
                let is_text = is_text(value.tag);
                let value = read(value).map_err(|error| bad(&format!(": invalid attribute value: {error}")))?;
                attributes.push(Attribute { kind, value, is_text });
            }
        }
        Ok(Self { attributes })
    }

    /// Go's `pkix.Name`.
    pub(super) fn to_value(&self) -> Value {
        let all = |last: u32| {
            let texts = self.attributes.iter().filter(|attribute| attribute.is_text);
            texts.filter(move |attribute| attribute.kind.is(&[2, 5, 4, last])).filter_map(|text| text.value.as_str())
        };
        let list = |last: u32| list_or_null(all(last).map(Value::from).collect());
        let last_of = |last: u32| Value::from(all(last).next_back().unwrap_or_default());
        let names = self.attributes.iter().map(Attribute::to_value).collect();
        object([
            ("Country", list(6)),
            ("Organization", list(10)),
            ("OrganizationalUnit", list(11)),
            ("Locality", list(7)),
            ("Province", list(8)),
            ("StreetAddress", list(9)),
            ("PostalCode", list(17)),
            ("SerialNumber", last_of(5)),
            ("CommonName", last_of(3)),
            ("Names", list_or_null(names)),
            ("ExtraNames", Value::Null),
        ])
    }
}

impl Attribute {
    /// Go's `pkix.AttributeTypeAndValue`.
    fn to_value(&self) -> Value {
        object([("Type", oid(&self.kind)), ("Value", self.value.clone())])
    }
}

/// Whether elements with this tag are strings.
pub(super) const fn is_text(tag: u8) -> bool {
    matches!(
        tag,
        tag::PRINTABLE_STRING
            | tag::NUMERIC_STRING
            | tag::IA5_STRING
            | tag::T61_STRING
            | tag::UTF8_STRING
            | tag::BMP_STRING
    )
}

/// A string of one of the types that names have.
pub(super) fn text(tag: u8, bytes: &[u8]) -> Result<String, String> {
    let checked = |allowed: fn(u8) -> bool, name: &str| {
        if bytes.iter().all(|byte| allowed(*byte)) {
            Ok(bytes.iter().copied().map(char::from).collect())
        } else {
            Err(format!("invalid {name}"))
        }
    };
    match tag {
        // Read as Latin-1, as everybody does.
        tag::T61_STRING => Ok(bytes.iter().copied().map(char::from).collect()),
        tag::PRINTABLE_STRING => checked(is_printable, "PrintableString"),
        tag::UTF8_STRING => {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "invalid UTF-8 string".to_owned())
        }
        tag::BMP_STRING => bmp(bytes).ok_or_else(|| "invalid BMPString".to_owned()),
        tag::IA5_STRING => checked(|byte| byte.is_ascii(), "IA5String"),
        tag::NUMERIC_STRING => checked(|byte| byte.is_ascii_digit() || byte == b' ', "NumericString"),
        _ => Err(format!("unsupported string type: {tag}")),
    }
}

/// PrintableString, and `*` and `&`, which certificates in use have.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'\''..=b')' | b'+'..=b'/' | b' ' | b':' | b'=' | b'?' | b'*' | b'&')
}

/// UCS-2 without what UTF-16 reserves.
fn bmp(bytes: &[u8]) -> Option<String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    let unit = |pair: &[u8; 2]| match u32::from(u16::from_be_bytes(*pair)) {
        0xfffe | 0xffff | 0xfdd0..=0xfdef => None,
        unit => char::from_u32(unit),
    };
    pairs.iter().map(unit).collect()
}
