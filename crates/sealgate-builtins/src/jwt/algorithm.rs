//! The algorithms of RFC 7518 and RFC 8037 that OPA has.

use crate::pki::signature::Hash;

/// What an `alg` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hmac(Hash),
    Pkcs1v15(Hash),
    Pss(Hash),
    Ecdsa(Hash),
    EdDsa,
}

/// Each by its name.
pub(super) const ALL: [(&str, Algorithm); 13] = [
    ("RS256", Algorithm::Pkcs1v15(Hash::Sha256)),
    ("RS384", Algorithm::Pkcs1v15(Hash::Sha384)),
    ("RS512", Algorithm::Pkcs1v15(Hash::Sha512)),
    ("PS256", Algorithm::Pss(Hash::Sha256)),
    ("PS384", Algorithm::Pss(Hash::Sha384)),
    ("PS512", Algorithm::Pss(Hash::Sha512)),
    ("ES256", Algorithm::Ecdsa(Hash::Sha256)),
    ("ES384", Algorithm::Ecdsa(Hash::Sha384)),
    ("ES512", Algorithm::Ecdsa(Hash::Sha512)),
    ("HS256", Algorithm::Hmac(Hash::Sha256)),
    ("HS384", Algorithm::Hmac(Hash::Sha384)),
    ("HS512", Algorithm::Hmac(Hash::Sha512)),
    ("EdDSA", Algorithm::EdDsa),
];

pub(super) fn named(name: &str) -> Option<Algorithm> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

/// Whether a JWK may say this in its `alg`: signatures, key encryption and content encryption.
pub(super) fn is_registered(name: &str) -> bool {
    const OTHERS: [&str; 28] = [
        "ES256K",
        "Ed25519",
        "none",
        "A128GCMKW",
        "A128KW",
        "A192GCMKW",
        "A192KW",
        "A256GCMKW",
        "A256KW",
        "dir",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "ECDH-ES+A192KW",
        "ECDH-ES+A256KW",
        "PBES2-HS256+A128KW",
        "PBES2-HS384+A192KW",
        "PBES2-HS512+A256KW",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "RSA-OAEP-384",
        "RSA-OAEP-512",
        "RSA1_5",
        "A128CBC-HS256",
        "A128GCM",
        "A192CBC-HS384",
        "A192GCM",
        "A256CBC-HS512",
        "A256GCM",
    ];
    named(name).is_some() || OTHERS.contains(&name)
}
