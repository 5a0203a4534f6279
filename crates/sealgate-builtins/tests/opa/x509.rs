//! `crypto.x509.*` and `crypto.parse_private_keys` against `opa`, over certificates made here.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension, DnType, DnValue,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
    date_time_ymd,
};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use sealgate_testkit::Draw;
use serde_json::{Value as Json, json};

use crate::{draw_each, hold, hold_json, quoted};

/// 2025-06-01 in nanoseconds since 1970.
const NOW: i64 = 1_748_736_000_000_000_000;

/// A key of X25519, which signs nothing.
const X25519_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIL1oSVCumHhOQ6K3lOyXIVPfRqf+2EeQkc3x5t4qzn0c\n-----END \
                          PRIVATE KEY-----\n";

fn rsa_keys() -> (rsa::PrivateKey, KeyPair) {
    let key = rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), 2048).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    let pair = KeyPair::from_pem(&pem).unwrap();
    (key, pair)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2060, 1, 1);
    params
}

fn authority(name: &str, path: Option<u8>) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(path.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn rich_leaf() -> CertificateParams {
    let mut params = params("leaf é");
    for (kind, text) in [
        (DnType::CountryName, "XX"),
        (DnType::OrganizationName, "Org & Co"),
        (DnType::OrganizationalUnitName, "unit"),
        (DnType::LocalityName, "here"),
        (DnType::StateOrProvinceName, "there"),
        (DnType::CustomDnType(vec![2, 5, 4, 9]), "street"),
        (DnType::CustomDnType(vec![2, 5, 4, 17]), "12345"),
        (DnType::CustomDnType(vec![2, 5, 4, 5]), "serial"),
        (DnType::CustomDnType(vec![1, 2, 3, 4]), "own"),
    ] {
        params.distinguished_name.push(kind, DnValue::Utf8String(text.to_owned()));
    }
    params.subject_alt_names = vec![
        SanType::DnsName("www.example.com".try_into().unwrap()),
        SanType::DnsName("*.wild.example.com".try_into().unwrap()),
        SanType::Rfc822Name("someone@example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.com/a%2Fb?x=1#f".try_into().unwrap()),
        SanType::IpAddress("10.1.2.3".parse::<IpAddr>().unwrap()),
        SanType::IpAddress("2001:db8::1".parse::<IpAddr>().unwrap()),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::DecipherOnly];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::Other(vec![1, 2, 3]),
    ];
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://crl.example.com/x".to_owned()] }];
    params.use_authority_key_identifier_extension = true;
    let mut own = CustomExtension::from_oid_content(&[1, 2, 3, 4, 5], vec![4, 1, 0]);
    own.set_criticality(false);
    // A policy, and where the authority's certificate and its status are found.
    let policies = vec![0x30, 0x06, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03];
    let access =
        [&[0x30, 0x1c, 0x30, 0x1a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, 0x0e][..], b"http://ocsp.x/"]
            .concat();
    params.custom_extensions = vec![
        own,
        CustomExtension::from_oid_content(&[2, 5, 29, 32], policies),
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access),
        CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 0x06, 0x80, 0x01, 0x00, 0x81, 0x01, 0x02]),
    ];
    params
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

#[test]
fn certificates_have_the_shape_of_go() {
    let (_, rsa) = rsa_keys();
    let root = Issuer::new(authority("root", None), key());
    let mut texts = vec![String::new(), "x".to_owned(), "-----BEGIN".to_owned()];
    let mut one = String::new();
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        one = rich_leaf().signed_by(&key, &root).unwrap().pem();
        texts.push(one.clone());
        texts.push(rich_leaf().self_signed(&key).unwrap().pem());
    }
    let by_rsa = rich_leaf().self_signed(&rsa).unwrap();
    texts.push(STANDARD.encode(by_rsa.der()));
    texts.push(STANDARD.encode([by_rsa.der().as_ref(), by_rsa.der().as_ref()].concat()));
    texts.push(STANDARD.encode(by_rsa.pem()));
    texts.push(format!("{one}\n{one}"));
    texts.push(format!("{one}-----BEGIN X-----\n-----END X-----\n"));
    let mut constrained = authority("constrained", Some(0));
    constrained.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName(".example.com".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
        ],
        excluded_subtrees: vec![GeneralSubtree::Rfc822Name("bad.example.com".to_owned())],
    });
    texts.push(constrained.self_signed(&key()).unwrap().pem());
    let calls: Vec<Vec<Json>> = texts.iter().map(|text| vec![json!(text)]).collect();
    assert!(hold_json("crypto.x509.parse_certificates", &calls) >= 10);

    // The same bytes with some of them changed.
    let (_, rsa) = rsa_keys();
    let ders = [
        rich_leaf().self_signed(&key()).unwrap().der().to_vec(),
        rich_leaf().self_signed(&rsa).unwrap().der().to_vec(),
        constrained.self_signed(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()).unwrap().der().to_vec(),
    ];
    let changed = draw_each("certificates", |draw| vec![quoted(&STANDARD.encode(nearly(&ders, draw)))]);
    hold(&[("crypto.x509.parse_certificates", changed)]);
}

/// One of some structures with a byte or two changed.
fn nearly(ders: &[Vec<u8>], draw: &mut Draw) -> Vec<u8> {
    let mut der = ders[draw.below(ders.len())].clone();
    for _ in 0..=draw.below(2) {
        let at = draw.below(der.len());
        der[at] = u8::try_from(draw.below(256)).unwrap();
    }
    der
}

#[test]
fn chains_are_judged_as_in_go() {
    let root_key = key();
    let root_params = authority("root", None);
    let root = root_params.self_signed(&root_key).unwrap().pem();
    let root_issuer = Issuer::new(root_params, root_key);
    let other_root = authority("root", None).self_signed(&key()).unwrap().pem();

    let mut constraints: Vec<Option<NameConstraints>> = vec![None];
    for (permitted, excluded) in [
        (vec![GeneralSubtree::DnsName("example.com".to_owned())], vec![]),
        (vec![GeneralSubtree::DnsName("example.org".to_owned())], vec![]),
        (vec![], vec![GeneralSubtree::DnsName("x.wild.example.com".to_owned())]),
        (vec![], vec![GeneralSubtree::IpAddress(CidrSubnet::V4([10, 1, 0, 0], [255, 255, 0, 0]))]),
        (vec![GeneralSubtree::Rfc822Name("example.com".to_owned())], vec![]),
        (vec![GeneralSubtree::Rfc822Name("other@example.com".to_owned())], vec![]),
    ] {
        constraints.push(Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }));
    }
    let mut chains = vec![String::new(), root.clone()];
    for constraint in constraints {
        let intermediate_key = key();
        let mut intermediate = authority("intermediate", Some(0));
        intermediate.name_constraints = constraint;
        let pem = intermediate.signed_by(&intermediate_key, &root_issuer).unwrap().pem();
        let issuer = Issuer::new(intermediate, intermediate_key);
        let leaf_key = key();
        let leaf = rich_leaf().signed_by(&leaf_key, &issuer).unwrap().pem();
        chains.push(format!("{root}{pem}{leaf}"));
        chains.push(format!("{root}{leaf}"));
        chains.push(format!("{other_root}{pem}{leaf}"));
        chains.push(format!("{pem}{leaf}"));
        // One authority too many, as the path is limited.
        let below_key = key();
        let below = authority("below", None);
        let below_pem = below.signed_by(&below_key, &issuer).unwrap().pem();
        let last = params("last").signed_by(&key(), &Issuer::new(below, below_key)).unwrap().pem();
        chains.push(format!("{root}{pem}{below_pem}{last}"));
        // A leaf that plays the authority.
        let mut impostor = rich_leaf();
        impostor.is_ca = IsCa::NoCa;
        let impostor_key = key();
        let impostor_pem = impostor.signed_by(&impostor_key, &issuer).unwrap().pem();
        let victim = params("victim").signed_by(&key(), &Issuer::new(impostor, impostor_key)).unwrap().pem();
        chains.push(format!("{root}{pem}{impostor_pem}{victim}"));
    }
    for expired in [date_time_ymd(2021, 1, 1), date_time_ymd(2060, 1, 1)] {
        let mut leaf = params("short");
        leaf.not_after = expired;
        chains.push(format!("{root}{}", leaf.signed_by(&key(), &root_issuer).unwrap().pem()));
        let mut critical = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
        critical.set_criticality(true);
        leaf.custom_extensions = vec![critical];
        chains.push(format!("{root}{}", leaf.signed_by(&key(), &root_issuer).unwrap().pem()));
    }
    chains.push(format!("{root}{root}"));
    let (_, rsa) = rsa_keys();
    let rsa_root = authority("by rsa", None);
    let pem = rsa_root.self_signed(&rsa).unwrap().pem();
    chains.push(format!("{pem}{}", rich_leaf().signed_by(&key(), &Issuer::new(rsa_root, rsa)).unwrap().pem()));

    let calls: Vec<Vec<Json>> = chains.iter().map(|chain| vec![json!(chain)]).collect();
    hold_json("crypto.x509.parse_and_verify_certificates", &calls);
    let options = [
        json!({"CurrentTime": NOW}),
        json!({"CurrentTime": 0}),
        json!({"DNSName": "www.example.com"}),
        json!({"DNSName": "WWW.example.com."}),
        json!({"DNSName": "a.wild.example.com", "CurrentTime": NOW}),
        json!({"DNSName": "a.b.wild.example.com"}),
        json!({"DNSName": "10.1.2.3"}),
        json!({"DNSName": "[2001:db8::1]"}),
        json!({"DNSName": "leaf é"}),
        json!({"KeyUsages": ["KeyUsageClientAuth"]}),
        json!({"KeyUsages": ["KeyUsageCodeSigning"]}),
        json!({"KeyUsages": ["KeyUsageAny"]}),
        json!({"KeyUsages": ["x"]}),
        json!({"KeyUsages": 1}),
        json!({"DNSName": 1}),
        json!({"MaxConstraintComparisons": 10}),
        json!({"what": 1}),
    ];
    let mut calls = Vec::new();
    for chain in &chains {
        calls.extend(options.iter().map(|options| vec![json!(chain), options.clone()]));
    }
    assert!(hold_json("crypto.x509.parse_and_verify_certificates_with_options", &calls) > 500);
}

#[test]
fn requests_and_keys_have_the_shape_of_go() {
    let (rsa_private, rsa) = rsa_keys();
    let mut pairs = vec![rsa];
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        pairs.push(KeyPair::generate_for(algorithm).unwrap());
    }
    let mut requests = vec![json!(""), json!("x"), json!(1)];
    let mut ders = Vec::new();
    let mut params = rich_leaf();
    params.use_authority_key_identifier_extension = false;
    params.crl_distribution_points.clear();
    for pair in &pairs {
        let request = params.serialize_request(pair).unwrap();
        requests.push(json!(request.pem().unwrap()));
        requests.push(json!(STANDARD.encode(request.der())));
        requests.push(json!(STANDARD.encode(request.pem().unwrap())));
        ders.push(request.der().to_vec());
    }
    let calls: Vec<Vec<Json>> = requests.into_iter().map(|request| vec![request]).collect();
    assert!(hold_json("crypto.x509.parse_certificate_request", &calls) >= 10);

    let changed = draw_each("requests", |draw| vec![quoted(&STANDARD.encode(nearly(&ders, draw)))]);
    hold(&[("crypto.x509.parse_certificate_request", changed)]);

    let mut keys: Vec<String> = pairs.iter().map(KeyPair::serialize_pem).collect();
    keys.push(rsa_private.to_pkcs1_pem(LineEnding::LF).unwrap().to_string());
    keys.push(X25519_KEY.to_owned());
    let all = keys.concat();
    let mut texts = keys.clone();
    texts.extend([all, String::new(), "x".to_owned()]);
    texts.extend(keys.iter().map(|key| STANDARD.encode(key)));
    texts.extend(keys.iter().map(|key| key.replace("BEGIN ", "BEGIN EC ").replace("END ", "END EC ")));
    let calls: Vec<Vec<Json>> = texts.iter().map(|text| vec![json!(text)]).collect();
    assert!(hold_json("crypto.parse_private_keys", &calls) >= 12);
    assert!(hold_json("crypto.x509.parse_rsa_private_key", &calls) >= 11);

    let mut calls = Vec::new();
    for pair in &pairs {
        let certificate = rich_leaf().self_signed(pair).unwrap();
        for key in &keys {
            calls.push(vec![json!(certificate.pem()), json!(key)]);
        }
        calls.push(vec![json!(STANDARD.encode(certificate.der())), json!(STANDARD.encode(pair.serialize_der()))]);
        calls.push(vec![json!(pair.serialize_pem()), json!(certificate.pem())]);
    }
    assert!(hold_json("crypto.x509.parse_keypair", &calls) >= 9);

    // Keys with bytes changed, under every name that keys have.
    let mut ders: Vec<Vec<u8>> = pairs.iter().map(KeyPair::serialize_der).collect();
    ders.push(rsa_private.to_pkcs1_der().unwrap().as_bytes().to_vec());
    let changed = |name: &str| {
        draw_each(name, |draw| {
            let label = draw.of(&["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"]);
            let body = STANDARD.encode(nearly(&ders, draw));
            vec![quoted(&format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"))]
        })
    };
    let keys = changed("keys");
    let certificates: Vec<String> = pairs.iter().map(|pair| rich_leaf().self_signed(pair).unwrap().pem()).collect();
    let matched =
        keys.iter().enumerate().map(|(at, key)| vec![quoted(&certificates[at % certificates.len()]), key[0].clone()]);
    hold(&[
        ("crypto.x509.parse_keypair", matched.collect()),
        ("crypto.parse_private_keys", keys),
        ("crypto.x509.parse_rsa_private_key", changed("RSA keys")),
    ]);
}
