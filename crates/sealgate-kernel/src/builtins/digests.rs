//! Digests and message authentication codes of strings, as hexadecimal digits.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::operand::truth;
use crate::{Heap, Text, Value};

builtins! { TABLE:
    "crypto.md5" => sg_b_crypto_md5 = md5_of as (text: STRING);
    "crypto.sha1" => sg_b_crypto_sha1 = sha1_of as (text: STRING);
    "crypto.sha256" => sg_b_crypto_sha256 = sha256_of as (text: STRING);
    "crypto.hmac.md5" => sg_b_crypto_hmac_md5 = hmac_md5 as (message: STRING, key: STRING);
    "crypto.hmac.sha1" => sg_b_crypto_hmac_sha1 = hmac_sha1 as (message: STRING, key: STRING);
    "crypto.hmac.sha256" => sg_b_crypto_hmac_sha256 = hmac_sha256 as (message: STRING, key: STRING);
    "crypto.hmac.sha512" => sg_b_crypto_hmac_sha512 = hmac_sha512 as (message: STRING, key: STRING);
    "crypto.hmac.equal" => sg_b_crypto_hmac_equal = hmac_equal as (a: STRING, b: STRING);
}

macro_rules! digests {
    ($($name:ident = $digest:ty;)*) => {$(
        fn $name<'h>(heap: Heap<'h>, text: Value<'h>) -> Option<Value<'h>> {
            Some(hex(heap, &<$digest>::digest(text.as_str()?.as_bytes())))
        }
    )*};
}

macro_rules! codes {
    ($($name:ident = $digest:ty;)*) => {$(
        fn $name<'h>(heap: Heap<'h>, message: Value<'h>, key: Value<'h>) -> Option<Value<'h>> {
            let (message, key) = (message.as_str()?, key.as_str()?);
            let mut code = Hmac::<$digest>::new_from_slice(key.as_bytes()).ok()?;
            code.update(message.as_bytes());
            Some(hex(heap, &code.finalize().into_bytes()))
        }
    )*};
}

digests! { md5_of = Md5; sha1_of = Sha1; sha256_of = Sha256; }
codes! { hmac_md5 = Md5; hmac_sha1 = Sha1; hmac_sha256 = Sha256; hmac_sha512 = Sha512; }

/// Whether two codes are the same, in a time that only depends on their lengths.
fn hmac_equal<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    let (a, b) = (a.as_str()?.as_bytes(), b.as_str()?.as_bytes());
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| core::hint::black_box(all | (a ^ b)));
    truth(a.len() == b.len() && difference == 0)
}

fn hex<'h>(heap: Heap<'h>, bytes: &[u8]) -> Value<'h> {
    let mut text = Text::new(heap, bytes.len() * 2);
    for byte in bytes {
        super::encoding::push_hex(&mut text, *byte, false);
    }
    text.finish()
}
