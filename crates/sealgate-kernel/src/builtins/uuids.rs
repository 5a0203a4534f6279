//! What a UUID says about itself.

use super::failure::{Failure, Given};
use crate::{Heap, ObjectBuilder, Text, Value};

builtins! { TABLE:
    "uuid.parse" => sg_b_uuid_parse = parse as (text: STRING);
}

/// From the first day of the Gregorian calendar to that of Unix, in units of 100 ns.
const GREGORIAN_TO_UNIX: i64 = 122_192_928_000_000_000;
const UNITS_PER_SECOND: i64 = 10_000_000;
const NANOSECONDS: i64 = 1_000_000_000;

/// Version and variant; of versions 1 and 2 also time, node and clock sequence; of version 2 also domain and id. A text that
/// is no UUID is undefined without an error.
fn parse<'h>(heap: Heap<'h>, text: Value<'h>) -> Given<'h> {
    let bytes = read(text.as_str().ok_or(None)?.as_bytes()).ok_or(Some(Failure::Undefined))?;
    let [t0, t1, t2, t3, m0, m1, h0, h1, s0, s1, node @ ..] = bytes;
    let version = h0 >> 4;
    let mut members =
        alloc::vec![("variant", Value::string(heap, variant(s0))), ("version", Value::int(heap, i64::from(version))),];
    if matches!(version, 1 | 2) {
        let units = i64::from_be_bytes([h0 & 0xf, h1, m0, m1, t0, t1, t2, t3]) - GREGORIAN_TO_UNIX;
        let nanoseconds = units % UNITS_PER_SECOND * 100;
        // A time beyond what 64 bits of nanoseconds can say wraps, as it does in OPA.
        let time = (units / UNITS_PER_SECOND).wrapping_mul(NANOSECONDS).wrapping_add(nanoseconds);
        members.extend([
            ("clocksequence", Value::int(heap, i64::from(u16::from_be_bytes([s0, s1]) & 0x3fff))),
            ("macvariables", Value::string(heap, address_kind(node[0]))),
            ("nodeid", node_text(heap, node)),
            ("time", Value::int(heap, time)),
        ]);
    }
    if version == 2 {
        members.extend([
            ("domain", domain(heap, s1)),
            ("id", Value::int(heap, i64::from(u32::from_be_bytes([t0, t1, t2, t3])))),
        ]);
    }
    members.sort_by(|a, b| a.0.cmp(b.0));
    let mut object = ObjectBuilder::new(heap, members.len());
    members.into_iter().for_each(|(name, value)| object.insert(Value::string(heap, name), value));
    Ok(object.finish())
}

/// The bytes of a UUID: with dashes, perhaps behind `urn:uuid:` or within one character on either side, or 32 digits.
fn read(text: &[u8]) -> Option<[u8; 16]> {
    const PREFIX: &[u8] = b"urn:uuid:";
    let text = match text.len() {
        32 => return digits(text),
        36 => text,
        38 => text.get(1..37)?,
        45 => {
            let (prefix, rest) = text.split_at_checked(PREFIX.len())?;
            prefix.eq_ignore_ascii_case(PREFIX).then_some(rest)?
        }
        _ => return None,
    };
    let mut plain = [0; 32];
    let mut places = plain.iter_mut();
    for (at, byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            (*byte == b'-').then_some(())?;
        } else {
            *places.next()? = *byte;
        }
    }
    digits(&plain)
}

fn digits(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = super::encoding::hex_byte(*high, *low)?;
    }
    Some(bytes)
}

fn variant(byte: u8) -> &'static str {
    match byte >> 5 {
        0b100 | 0b101 => "RFC4122",
        0b110 => "Microsoft",
        0b111 => "Future",
        _ => "Reserved",
    }
}

fn address_kind(byte: u8) -> &'static str {
    match byte & 0b11 {
        0b11 => "local:multicast",
        0b01 => "global:multicast",
        0b10 => "local:unicast",
        _ => "global:unicast",
    }
}

fn node_text<'h>(heap: Heap<'h>, node: [u8; 6]) -> Value<'h> {
    let mut text = Text::new(heap, 17);
    for (at, byte) in node.into_iter().enumerate() {
        if at > 0 {
            text.push('-');
        }
        super::encoding::push_hex(&mut text, byte, false);
    }
    text.finish()
}

fn domain<'h>(heap: Heap<'h>, byte: u8) -> Value<'h> {
    let name = match byte {
        0 => "Person",
        1 => "Group",
        2 => "Org",
        _ => {
            let mut text = Text::new(heap, 10);
            text.push_str("Domain");
            text.push_str(super::operand::decimal(heap, usize::from(byte)));
            return text.finish();
        }
    };
    Value::string(heap, name)
}
