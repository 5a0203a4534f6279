//! Signatures: RSA with either padding, ECDSA over any curve with any hash, Ed25519, HMAC.
//!
//! Verification says yes or no; what cannot be verified is a no.

use hmac::{KeyInit as _, Mac as _};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use rsa::{BoxedUint, pss};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::private::{PrivateKey, RSA_BITS, number, trimmed};
use super::public::{Curve, EcPoint, RsaPublic};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn pkcs1v15(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }

    /// The HMAC of a message; any key length is taken.
    pub(crate) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        macro_rules! mac {
            ($hash:ty) => {
                match hmac::Hmac::<$hash>::new_from_slice(key) {
                    Ok(mut mac) => {
                        mac.update(message);
                        mac.finalize().into_bytes().to_vec()
                    }
                    Err(_) => Vec::new(),
                }
            };
        }
        match self {
            Self::Sha256 => mac!(Sha256),
            Self::Sha384 => mac!(Sha384),
            Self::Sha512 => mac!(Sha512),
        }
    }
}

/// How long the salt of a PSS signature must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Salt {
    /// As long as the hash.
    Hash,
    /// Whatever it is.
    Any,
}

/// The key for use, if its size and exponent are acceptable.
fn rsa_key(key: &RsaPublic) -> Option<rsa::PublicKey> {
    let odd = key.e % 2 == 1 && key.n.last().is_some_and(|last| last % 2 == 1);
    if !odd || key.n.len() > RSA_BITS.end() / 8 || !(2..=u64::from(u32::MAX >> 1)).contains(&key.e) {
        return None;
    }
    rsa::PublicKey::new_with_size_limits(number(&key.n), BoxedUint::from(key.e), RSA_BITS).ok()
}

pub(crate) fn verify_pkcs1v15(key: &RsaPublic, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    rsa_key(key).is_some_and(|key| key.verify(hash.pkcs1v15(), &hash.digest(message), signature).is_ok())
}

pub(crate) fn verify_pss(key: &RsaPublic, hash: Hash, salt: Salt, message: &[u8], signature: &[u8]) -> bool {
    let Some(key) = rsa_key(key) else { return false };
    let digest = hash.digest(message);
    macro_rules! verify {
        ($hash:ty) => {{
            let key = match salt {
                Salt::Hash => pss::VerifyingKey::<$hash>::new(key),
                Salt::Any => pss::VerifyingKey::<$hash>::new_with_auto_salt_len(key),
            };
            pss::Signature::try_from(signature).is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok())
        }};
    }
    match hash {
        Hash::Sha256 => verify!(Sha256),
        Hash::Sha384 => verify!(Sha384),
        Hash::Sha512 => verify!(Sha512),
    }
}

/// `r` and `s` are big-endian numbers of any length.
pub(crate) fn verify_ecdsa(point: &EcPoint, hash: Hash, message: &[u8], r: &[u8], s: &[u8]) -> bool {
    let size = point.curve.size();
    let pad = |bytes: &[u8]| {
        let bytes = trimmed(bytes);
        Some([vec![0; size.checked_sub(bytes.len())?].as_slice(), bytes].concat())
    };
    let (Some(r), Some(s)) = (pad(r), pad(s)) else { return false };
    let (digest, signature) = (hash.digest(message), [r, s].concat());
    macro_rules! verify {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point.sec1);
            let signature = $curve::ecdsa::Signature::from_slice(&signature);
            matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok())
        }};
    }
    match point.curve {
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::P521 => verify!(p521),
    }
}

pub(crate) fn verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    use ed25519_dalek::Verifier as _;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key);
    let signature = ed25519_dalek::Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

/// Signs with PKCS #1 v1.5; blinded.
pub(crate) fn sign_pkcs1v15(key: &rsa::PrivateKey, hash: Hash, message: &[u8]) -> Option<Vec<u8>> {
    key.sign(hash.pkcs1v15(), &hash.digest(message)).ok()
}

/// Signs with PSS, the salt as long as the hash; blinded.
pub(crate) fn sign_pss(key: &rsa::PrivateKey, hash: Hash, message: &[u8]) -> Option<Vec<u8>> {
    let digest = hash.digest(message);
    match hash {
        Hash::Sha256 => key.pss_sign_prehash::<Sha256>(&digest).ok(),
        Hash::Sha384 => key.pss_sign_prehash::<Sha384>(&digest).ok(),
        Hash::Sha512 => key.pss_sign_prehash::<Sha512>(&digest).ok(),
    }
}

/// Signs with ECDSA as RFC 6979 does, without randomness; r and s of the curve's size.
pub(crate) fn sign_ecdsa(curve: Curve, scalar: &[u8], hash: Hash, message: &[u8]) -> Option<Vec<u8>> {
    let digest = hash.digest(message);
    macro_rules! sign {
        ($curve:ident) => {{
            let key = $curve::ecdsa::SigningKey::from_slice(scalar).ok()?;
            let signature: $curve::ecdsa::Signature = key.sign_prehash(&digest).ok()?;
            Some(signature.to_bytes().to_vec())
        }};
    }
    match curve {
        Curve::P256 => sign!(p256),
        Curve::P384 => sign!(p384),
        Curve::P521 => sign!(p521),
    }
}

impl PrivateKey {
    /// Signs with Ed25519, if the key is one for that.
    pub(crate) fn sign_ed25519(&self, message: &[u8]) -> Option<Vec<u8>> {
        use ed25519_dalek::Signer as _;
        match self {
            Self::Ed25519(key) => Some(key.sign(message).to_bytes().to_vec()),
            _ => None,
        }
    }
}

/// Compares without telling by time where two texts differ.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    a.ct_eq(b).into()
}
