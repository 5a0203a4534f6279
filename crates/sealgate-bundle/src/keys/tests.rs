//! Keys as text, ids and trust.

use super::*;

#[test]
fn text_form_round_trips() {
    let key = SigningKey::generate().unwrap();
    let text = key.expose_text();
    assert_eq!(text.len(), KEY_TEXT_LEN);
    assert_eq!(SigningKey::parse(&format!("{}\n", *text)).unwrap().public_key(), key.public_key());
    assert_eq!(PublicKey::parse(&key.public_key().to_string()).unwrap(), key.public_key());
}
