//! Go's JSON shapes of certificates and keys. A nil slice is `null`, bytes are base64.

use std::net::IpAddr;

use crate::pki::base64::STANDARD;
use crate::pki::der::Oid;
use crate::pki::json::{big, list_or_null, object};
use crate::pki::private::{PrivateKey, RsaParts};
use crate::pki::public::{self, EcPoint, PublicKey};
use crate::url::Url;
use crate::value::Value;

use super::certificate::{Certificate, Extension};
use super::constraints::Subtrees;

/// An object identifier as Go's `asn1.ObjectIdentifier`: a list of numbers.
pub(super) fn oid(oid: &Oid) -> Value {
    Value::Array(oid.0.iter().map(|arc| Value::from(i64::from(*arc))).collect())
}

/// As Go's `x509.OID`: a text.
fn dotted(oid: &Oid) -> Value {
    let arcs: Vec<String> = oid.0.iter().map(ToString::to_string).collect();
    arcs.join(".").into()
}

/// Bytes that are there, even if there are none.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}

/// Bytes, or `null` if there are none.
fn bytes_or_null(data: Option<&[u8]>) -> Value {
    data.map_or(Value::Null, bytes)
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Value {
    list_or_null(texts.iter().map(|text| Value::from(text.as_ref())).collect())
}

fn oids(list: &[Oid]) -> Value {
    list_or_null(list.iter().map(oid).collect())
}

pub(super) fn extensions(list: &[Extension]) -> Value {
    let extension = |extension: &Extension| {
        object([
            ("Id", oid(&extension.id)),
            ("Critical", extension.critical.into()),
            ("Value", bytes(&extension.value)),
        ])
    };
    list_or_null(list.iter().map(extension).collect())
}

pub(super) fn ips(list: &[Vec<u8>]) -> Value {
    list_or_null(list.iter().map(|ip| Value::from(ip_text(ip))).collect())
}

/// As Go writes an address: IPv4 in IPv6 as IPv4.
fn ip_text(bytes: &[u8]) -> String {
    let address = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::from(bytes).to_canonical()),
    };
    address.map(|address| address.to_string()).unwrap_or_default()
}

fn networks(subtrees: &Subtrees) -> Value {
    let network =
        |(address, mask): &(Vec<u8>, Vec<u8>)| object([("IP", ip_text(address).into()), ("Mask", bytes(mask))]);
    list_or_null(subtrees.ips.iter().map(network).collect())
}

/// Go's `url.URL`.
fn uri(url: &Url) -> Value {
    let lossy = |bytes: &[u8]| Value::from(crate::pki::json::utf8(bytes));
    object([
        ("Scheme", url.scheme.as_str().into()),
        ("Opaque", url.opaque.as_str().into()),
        // Its fields are private in Go.
        ("User", if url.user.is_some() { object([]) } else { Value::Null }),
        ("Host", url.host.as_str().into()),
        ("Path", lossy(&url.path)),
        ("RawPath", url.raw_path.as_str().into()),
        ("OmitHost", url.omit_host.into()),
        ("ForceQuery", url.force_query.into()),
        ("RawQuery", url.raw_query.as_str().into()),
        ("Fragment", lossy(&url.fragment)),
        ("RawFragment", url.raw_fragment.as_str().into()),
    ])
}

pub(super) fn uris(list: &[Url]) -> Value {
    list_or_null(list.iter().map(uri).collect())
}

/// Go's number of a public key algorithm.
pub(super) fn key_algorithm(algorithm: &Oid) -> Value {
    Value::from(match algorithm.0.as_slice() {
        public::RSA => 1_i64,
        public::DSA => 2,
        public::ECDSA => 3,
        public::ED25519 => 4,
        _ => 0,
    })
}

/// The key, unless Go knows no number for its algorithm.
pub(super) fn public_key(algorithm: &Oid, key: Option<&PublicKey>) -> Value {
    let Some(key) = key.filter(|_| !algorithm.is(public::X25519)) else { return Value::Null };
    match key {
        PublicKey::Rsa(key) => object([("N", big(&key.n)), ("E", big(&key.e.to_be_bytes()))]),
        PublicKey::Ec(point) => Value::Object(point_members(point).into_iter().collect()),
        PublicKey::Ed25519(key) => bytes(key),
        PublicKey::X25519(_) => object([]),
        PublicKey::Dsa { p, q, g, y } => object([("P", big(p)), ("Q", big(q)), ("G", big(g)), ("Y", big(y))]),
    }
}

fn point_members(point: &EcPoint) -> [(Value, Value); 3] {
    [("Curve".into(), object([])), ("X".into(), big(point.x())), ("Y".into(), big(point.y()))]
}

/// A private key as Go's structs have it.
pub(super) fn private_key(key: &PrivateKey) -> Option<Value> {
    Some(match key {
        PrivateKey::Rsa(key) => {
            let parts = RsaParts::of(key)?;
            object([
                ("N", big(&parts.n)),
                ("E", big(&parts.e)),
                ("D", big(&parts.d)),
                ("Primes", Value::Array(parts.primes.iter().map(|prime| big(prime)).collect())),
                (
                    "Precomputed",
                    object([
                        ("Dp", big(&parts.dp)),
                        ("Dq", big(&parts.dq)),
                        ("Qinv", big(&parts.qinv)),
                        ("CRTValues", Value::Array(Vec::new())),
                    ]),
                ),
            ])
        }
        PrivateKey::Ec { point, scalar } => {
            let [curve, x, y] = point_members(point);
            Value::Object([curve, x, y, ("D".into(), big(scalar))].into_iter().collect())
        }
        PrivateKey::Ed25519(key) => bytes(&key.to_keypair_bytes()),
        PrivateKey::X25519(_) => object([]),
    })
}

/// Go's `x509.Certificate`, with OPA's `URIStrings` if asked for.
pub(super) fn certificate(certificate: &Certificate, with_uri_strings: bool) -> Value {
    let understood = &certificate.understood;
    let Value::Object(mut members) = head(certificate) else { return Value::Null };
    let Value::Object(more) = object([
        ("KeyUsage", understood.key_usage.into()),
        ("Extensions", extensions(&certificate.extensions)),
        ("ExtraExtensions", Value::Null),
        ("UnhandledCriticalExtensions", oids(&understood.unhandled_critical)),
        ("ExtKeyUsage", list_or_null(understood.ext_key_usage.iter().map(|usage| Value::from(*usage)).collect())),
        ("UnknownExtKeyUsage", oids(&understood.unknown_ext_key_usage)),
        ("BasicConstraintsValid", understood.has_basic_constraints.into()),
        ("IsCA", understood.is_ca.into()),
        ("MaxPathLen", understood.max_path_len.into()),
        ("MaxPathLenZero", (understood.has_basic_constraints && understood.max_path_len == 0).into()),
        ("SubjectKeyId", bytes_or_null(understood.subject_key_id.as_deref())),
        ("AuthorityKeyId", bytes_or_null(understood.authority_key_id.as_deref())),
        ("OCSPServer", texts(&understood.ocsp_servers)),
        ("IssuingCertificateURL", texts(&understood.issuing_urls)),
        ("DNSNames", texts(&understood.names.dns)),
        ("EmailAddresses", texts(&understood.names.emails)),
        ("IPAddresses", ips(&understood.names.ips)),
        ("URIs", uris(&understood.names.uris)),
        ("PermittedDNSDomainsCritical", understood.constraints_critical.into()),
        ("PermittedDNSDomains", texts(&understood.permitted.dns)),
        ("ExcludedDNSDomains", texts(&understood.excluded.dns)),
        ("PermittedIPRanges", networks(&understood.permitted)),
        ("ExcludedIPRanges", networks(&understood.excluded)),
        ("PermittedEmailAddresses", texts(&understood.permitted.emails)),
        ("ExcludedEmailAddresses", texts(&understood.excluded.emails)),
        ("PermittedURIDomains", texts(&understood.permitted.uri_domains)),
        ("ExcludedURIDomains", texts(&understood.excluded.uri_domains)),
        ("CRLDistributionPoints", texts(&understood.crl_distribution_points)),
    ]) else {
        return Value::Null;
    };
    members.extend(more);
    if let Value::Object(policies) = policies(certificate) {
        members.extend(policies);
    }
    if with_uri_strings {
        let strings: Vec<String> = understood.names.uris.iter().map(ToString::to_string).collect();
        members.insert("URIStrings".into(), texts(&strings));
    }
    Value::Object(members)
}

/// What stands in every certificate.
fn head(certificate: &Certificate) -> Value {
    object([
        ("Raw", bytes(&certificate.raw)),
        ("RawTBSCertificate", bytes(&certificate.raw_tbs)),
        ("RawSubjectPublicKeyInfo", bytes(&certificate.raw_key_info)),
        ("RawSubject", bytes(&certificate.raw_subject)),
        ("RawIssuer", bytes(&certificate.raw_issuer)),
        ("Signature", bytes(&certificate.signature)),
        ("SignatureAlgorithm", certificate.signature_algorithm.0.into()),
        ("PublicKeyAlgorithm", key_algorithm(&certificate.key_algorithm)),
        ("PublicKey", public_key(&certificate.key_algorithm, certificate.key.as_ref())),
        ("Version", certificate.version.into()),
        ("SerialNumber", big(&certificate.serial)),
        ("Issuer", certificate.issuer.to_value()),
        ("Subject", certificate.subject.to_value()),
        ("NotBefore", certificate.not_before.to_string().into()),
        ("NotAfter", certificate.not_after.to_string().into()),
    ])
}

fn policies(certificate: &Certificate) -> Value {
    let understood = &certificate.understood;
    let identifiers = understood.policies.as_ref().map(|list| Value::Array(list.iter().map(oid).collect()));
    let mapping = |(issuer, subject): &(Oid, Oid)| {
        object([("IssuerDomainPolicy", dotted(issuer)), ("SubjectDomainPolicy", dotted(subject))])
    };
    object([
        ("PolicyIdentifiers", identifiers.unwrap_or(Value::Null)),
        ("Policies", list_or_null(understood.policies.iter().flatten().map(dotted).collect())),
        ("InhibitAnyPolicy", understood.inhibit_any_policy.value.into()),
        ("InhibitAnyPolicyZero", understood.inhibit_any_policy.is_explicit_zero.into()),
        ("InhibitPolicyMapping", understood.inhibit_policy_mapping.value.into()),
        ("InhibitPolicyMappingZero", understood.inhibit_policy_mapping.is_explicit_zero.into()),
        ("RequireExplicitPolicy", understood.require_explicit_policy.value.into()),
        ("RequireExplicitPolicyZero", understood.require_explicit_policy.is_explicit_zero.into()),
        ("PolicyMappings", list_or_null(understood.policy_mappings.iter().map(mapping).collect())),
    ])
}
