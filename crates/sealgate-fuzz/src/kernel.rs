//! The kernel run natively, where the fuzzer sees which way its code takes: inside the sandbox it does not.

use sealgate_kernel::json::{Notation, ParseError, dump, parse};
use sealgate_kernel::{Arena, caught};

use crate::decision::deep;

/// Text as JSON and as Rego's values: what is read can be written and reads back the same, and JSON is what others take for it.
pub fn json(data: &[u8]) {
    for notation in [Notation::Json, Notation::Rego] {
        // A bound of the kernel may end it, as it would end an evaluation.
        let read = caught(|| written(data, notation));
        if notation == Notation::Rego {
            continue;
        }
        let others = serde_json::from_slice::<serde_json::Value>(data);
        match read {
            Ok(Ok(text)) => {
                assert!(others.is_ok() || deep(data), "read as {text}");
                serde_json::from_str::<serde::de::IgnoredAny>(&text).expect("what is written is JSON");
            }
            Ok(Err(ParseError::Depth)) => assert!(deep(data)),
            Ok(Err(error)) => assert!(others.is_err() || has_long_exponent(data), "{error}"),
            Err(_) => {}
        }
    }
}

/// Whether there may be a number whose power of ten is beyond all that the kernel holds.
pub(crate) fn has_long_exponent(data: &[u8]) -> bool {
    data.split(|byte| matches!(byte, b'e' | b'E')).skip(1).any(|rest| {
        let digits = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"+")).unwrap_or(rest);
        digits.iter().take_while(|byte| byte.is_ascii_digit()).count() > 17
    })
}

fn written(data: &[u8], notation: Notation) -> Result<String, ParseError> {
    let arena = Arena::new();
    let text = dump(arena.heap(), parse(arena.heap(), data, notation)?, notation);
    let again = Arena::new();
    let value = parse(again.heap(), text.as_bytes(), notation).expect("what was written reads");
    assert_eq!(dump(again.heap(), value, notation), text);
    Ok(text.to_owned())
}
