//! `crypto.x509.parse_certificate_request`: PKCS #10.

use std::borrow::Cow;

use crate::context::Context;
use crate::operand::{failed, string};
use crate::pki::der::{Element, Reader, right_aligned, tag};
use crate::pki::json::{big, list_or_null, object};
use crate::pki::public::{KeyInfo, parse_key_info};
use crate::pki::{MAX_TEXT, base64, pem};
use crate::registry::BuiltinError;
use crate::value::Value;

use super::certificate::{Extension, SignatureAlgorithm, extension_list};
use super::extensions::{AltNames, SUBJECT_ALT_NAME, alt_names};
use super::json::{bytes, extensions, ips, key_algorithm, oid, public_key, uris};
use super::name::{Name, is_text, text};
use super::time::Time;

const EXTENSION_REQUEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 14];

pub(super) fn parse_request(_: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let input = string(args, 1)?;
    if input.len() > MAX_TEXT {
        return Err(failed(format!("certificate request is longer than {MAX_TEXT} bytes")));
    }
    let mut bytes = input.as_bytes().to_vec();
    if !input.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        bytes = base64::STANDARD.decode(&bytes).map_err(|error| failed(error.to_string()))?;
    }
    let der = match pem::decode(&bytes).0 {
        Some(block) if block.label == b"CERTIFICATE REQUEST" => block.bytes,
        Some(_) => return Err(failed("invalid PEM-encoded certificate signing request")),
        None => bytes,
    };
    request(&der).map(Some).map_err(failed)
}

struct Parts<'a> {
    outer: Element<'a>,
    info: Element<'a>,
    version: i64,
    subject: Element<'a>,
    key_info: Element<'a>,
    attributes: Reader<'a>,
    algorithm: Reader<'a>,
    signature: Cow<'a, [u8]>,
}

fn split(der: &[u8]) -> Option<(Parts<'_>, bool)> {
    let mut input = Reader(der);
    let outer = input.element(tag::SEQUENCE)?;
    let mut inner = Reader(outer.contents);
    let info = inner.element(tag::SEQUENCE)?;
    let mut fields = Reader(info.contents);
    let version = fields.small(tag::INTEGER)?;
    let subject = fields.any()?;
    let key_info = fields.element(tag::SEQUENCE)?;
    let attributes = fields.expect(tag::context_constructed(0))?;
    let algorithm = inner.expect(tag::SEQUENCE)?;
    let signature = right_aligned(inner.bit_string()?);
    let parts = Parts { outer, info, version, subject, key_info, attributes, algorithm, signature };
    Some((parts, input.is_empty()))
}

/// Go's `x509.CertificateRequest`.
fn request(der: &[u8]) -> Result<Value, String> {
    let Some((parts, complete)) = split(der) else {
        return Err("asn1: structure error: malformed certificate request".to_owned());
    };
    if !complete {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    let KeyInfo { algorithm, key } = parse_key_info(Reader(parts.key_info.contents))?;
    let subject = Name::parse_with(parts.subject.full, |value| any(value).ok_or_else(|| "malformed".to_owned()))?;
    if parts.attributes.all().is_none() {
        return Err("asn1: syntax error: truncated sequence".to_owned());
    }
    let requested = requested_extensions(parts.attributes)?;
    let names = match requested.iter().rev().find(|extension| extension.id.is(SUBJECT_ALT_NAME)) {
        Some(extension) => alt_names(Reader(&extension.value))?,
        None => AltNames::default(),
    };
    let list = |names: &[String]| list_or_null(names.iter().map(|name| Value::from(name.as_str())).collect());
    Ok(object([
        ("Raw", bytes(parts.outer.full)),
        ("RawTBSCertificateRequest", bytes(parts.info.full)),
        ("RawSubjectPublicKeyInfo", bytes(parts.key_info.full)),
        ("RawSubject", bytes(parts.subject.full)),
        ("Version", parts.version.into()),
        ("Signature", bytes(&parts.signature)),
        ("SignatureAlgorithm", SignatureAlgorithm::parse(parts.algorithm)?.0.into()),
        ("PublicKeyAlgorithm", key_algorithm(&algorithm)),
        ("PublicKey", public_key(&algorithm, key.as_ref())),
        ("Subject", subject.to_value()),
        ("Attributes", attributes(parts.attributes)),
        ("Extensions", extensions(&requested)),
        ("ExtraExtensions", Value::Null),
        ("DNSNames", list(&names.dns)),
        ("EmailAddresses", list(&names.emails)),
        ("IPAddresses", ips(&names.ips)),
        ("URIs", uris(&names.uris)),
    ]))
}

/// The extensions that all attributes of that kind ask for, none twice.
fn requested_extensions(mut attributes: Reader<'_>) -> Result<Vec<Extension>, String> {
    let mut requested: Vec<Extension> = Vec::new();
    while let Some(attribute) = attributes.any() {
        let first = Reader(attribute.full).expect(tag::SEQUENCE).and_then(|mut attribute| {
            let kind = attribute.oid()?;
            let values = attribute.expect(tag::SET)?.all()?;
            values.first().copied().filter(|_| kind.is(EXTENSION_REQUEST))
        });
        let Some(first) = first else { continue };
        let Some(list) = Reader(first.full).expect(tag::SEQUENCE) else {
            return Err("asn1: structure error: malformed extensions".to_owned());
        };
        requested.extend(extension_list(list)?);
    }
    let mut ids: Vec<_> = requested.iter().map(|extension| &extension.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err("x509: certificate request contains duplicate requested extensions".to_owned());
    }
    Ok(requested)
}

/// Go's `pkix.AttributeTypeAndValueSET`s; attributes of another shape are left out.
fn attributes(mut list: Reader<'_>) -> Value {
    let mut values = Vec::new();
    while let Some(attribute) = list.any() {
        values.extend(attribute_set(attribute.full));
    }
    list_or_null(values)
}

fn attribute_set(der: &[u8]) -> Option<Value> {
    let mut attribute = Reader(der).expect(tag::SEQUENCE)?;
    let kind = attribute.oid()?;
    let mut set = attribute.expect(tag::SET)?;
    let mut outer = Vec::new();
    while !set.is_empty() {
        let mut sequence = set.expect(tag::SEQUENCE)?;
        let mut inner = Vec::new();
        while !sequence.is_empty() {
            let mut pair = sequence.expect(tag::SEQUENCE)?;
            let kind = pair.oid()?;
            inner.push(object([("Type", oid(&kind)), ("Value", any(pair.any()?)?)]));
        }
        outer.push(Value::Array(inner));
    }
    Some(object([("Type", oid(&kind)), ("Value", Value::Array(outer))]))
}

/// What Go makes of an element of any type; `null` of types that it does not know.
fn any(element: Element<'_>) -> Option<Value> {
    let mut reader = Reader(element.full);
    Some(match element.tag {
        tag::BOOLEAN => reader.boolean()?.into(),
        tag::INTEGER => reader.small(tag::INTEGER)?.into(),
        tag::OCTET_STRING => bytes(element.contents),
        tag::OID => oid(&reader.oid()?),
        tag::UTC_TIME | tag::GENERALIZED_TIME => Time::read(&mut reader).ok()?.to_string().into(),
        tag::BIT_STRING => {
            let (bits, unused) = reader.bit_string()?;
            let length = bits.len().saturating_mul(8).saturating_sub(usize::from(unused));
            object([("Bytes", bytes(bits)), ("BitLength", big(&length.to_be_bytes()))])
        }
        tag if is_text(tag) => text(tag, element.contents).ok()?.into(),
        _ => Value::Null,
    })
}
