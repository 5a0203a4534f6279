//! JSON against serde_json, in both directions, and what the parsers must refuse.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use proptest::prelude::*;
use sealgate_kernel::json::{MAX_DEPTH, Notation, ParseError, dump, parse, parse_prefix};
use sealgate_kernel::{Arena, Number, Value, View};
use serde_json::Value as Json;

/// The same value as serde_json would hold it.
fn to_serde(value: Value<'_>) -> Json {
    match value.view() {
        View::Null => Json::Null,
        View::Bool(value) => Json::Bool(value),
        View::Number(Number::Int(value)) => Json::Number(value.into()),
        View::Number(Number::Decimal(text)) => serde_json::from_str(text).unwrap(),
        View::String(text) => Json::String(text.to_owned()),
        View::Array(elements) | View::Set(elements) => elements.iter().map(|value| to_serde(*value)).collect(),
        View::Object(pairs) => {
            pairs.iter().map(|pair| (pair.key.as_str().unwrap().to_owned(), to_serde(pair.value))).collect()
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let text = prop_oneof![any::<String>(), "[a-z\"\\\\\n\t/ ]{0,20}", "\\PC{0,9}", "[\\x00-\\x20\u{7f}é€😀]{0,9}"];
    let number = prop_oneof![
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Json::from),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
            .prop_map(|text| serde_json::from_str(&text).unwrap()),
    ];
    let leaf =
        prop_oneof![Just(Json::Null), any::<bool>().prop_map(Json::Bool), number, text.clone().prop_map(Json::String)];
    leaf.prop_recursive(6, 120, 24, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..24).prop_map(Json::Array),
            prop::collection::vec((text.clone(), inner), 0..24).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// Checks that `text` parses to what serde_json makes of it, or is refused by both.
fn check(text: &[u8]) {
    let arena = Arena::new();
    let ours = parse(arena.heap(), text, Notation::Json);
    match (ours, serde_json::from_slice::<Json>(text)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(to_serde(ours), theirs, "{}", String::from_utf8_lossy(text)),
        (Err(_), Err(_)) => {}
        // It takes numbers with longer exponents, and nests less deeply.
        (Err(_), Ok(_)) if text.windows(17).any(|digits| digits.iter().all(u8::is_ascii_digit)) => {}
        (ours, theirs) => panic!("{ours:?} {theirs:?} {}", String::from_utf8_lossy(text)),
    }
}

proptest! {
    #[test]
    fn what_serde_writes_is_read(json in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) }.unwrap();
        let arena = Arena::new();
        let value = parse(arena.heap(), &text, Notation::Json).unwrap();
        prop_assert_eq!(to_serde(value), json);
        prop_assert!(parse(arena.heap(), &text, Notation::Rego).unwrap() == value);
    }

    #[test]
    fn what_is_written_is_read_back(json in any_json()) {
        let text = serde_json::to_vec(&json).unwrap();
        let arena = Arena::new();
        let value = parse(arena.heap(), &text, Notation::Json).unwrap();
        for notation in [Notation::Json, Notation::Rego] {
            let written = dump(arena.heap(), value, notation);
            prop_assert_eq!(serde_json::from_str::<Json>(written).unwrap(), json.clone());
            prop_assert!(parse(arena.heap(), written.as_bytes(), notation).unwrap() == value);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&bytes);
        let arena = Arena::new();
        let _ = parse_prefix(arena.heap(), &bytes, Notation::Rego);
    }

    #[test]
    fn texts_of_tokens_are_read_or_refused(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", " ", "\n", "\"", "\"a\"", "\"b\"", "\\", "\\u12", "\\ud83d\\ude00", "\\ud83d", "é",
                "\"\\u00e9\"", "1", "0", "-", ".", "e", "1e5", "0.5", "true", "false", "null", "set(", ")", "t", "\u{1f}",
            ]),
            0..24,
        ),
    ) {
        let text = tokens.concat();
        check(text.as_bytes());
        let arena = Arena::new();
        if let Ok(value) = parse(arena.heap(), text.as_bytes(), Notation::Rego) {
            let written = dump(arena.heap(), value, Notation::Rego);
            prop_assert!(parse(arena.heap(), written.as_bytes(), Notation::Rego).unwrap() == value, "{}", written);
        }
    }

    #[test]
    fn truncated_and_changed_texts_are_read_or_refused(json in any_json(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&json).unwrap();
        let at = cut.index(text.len());
        check(&text[..at]);
        text[at] = byte;
        check(&text);
    }
}

/// What `text` is when read and written again.
fn again(text: &str, notation: Notation) -> Result<String, ParseError> {
    let arena = Arena::new();
    parse(arena.heap(), text.as_bytes(), notation).map(|value| dump(arena.heap(), value, notation).to_owned())
}

#[test]
fn numbers_keep_their_text() {
    for text in [
        "0",
        "-0",
        "1.0",
        "1e400",
        "1E+2",
        "-0.00",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890.5",
        "1e999999999",
        "12345678901234567",
        "1234567890123456789",
        "999999999999999999",
    ] {
        assert_eq!(again(text, Notation::Json).as_deref(), Ok(text));
    }
    for text in ["01", "-", "1.", ".5", "1e", "1e+", "+1", "--1", "0x1", "NaN", "Infinity", "1e123456789012345678901"] {
        assert_eq!(again(text, Notation::Json), Err(ParseError::Syntax), "{text}");
    }
}

#[test]
fn numbers_compare_by_worth() {
    let order = [
        "-1e400",
        "-9223372036854775809",
        "-9223372036854775808",
        "-1.5",
        "-1",
        "-1e-999999999",
        "0",
        "1e-400",
        "0.5",
        "1",
        "1.05",
        "1.1",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "1e400",
        "1e999999999",
    ];
    for (i, a) in order.iter().enumerate() {
        for (j, b) in order.iter().enumerate() {
            assert_eq!(Number::parse(a).unwrap().cmp(&Number::parse(b).unwrap()), i.cmp(&j), "{a} {b}");
        }
    }
    for (a, b) in [
        ("1", "1.0"),
        ("1", "1e0"),
        ("-0", "0"),
        ("0.0e9", "0"),
        ("100", "1e2"),
        ("0.001", "1e-3"),
        ("1200", "1.2e3"),
        ("1e2", "1.00E+02"),
    ] {
        assert_eq!(Number::parse(a), Number::parse(b));
    }
}

#[test]
fn indexes_are_integers_however_written() {
    let arena = Arena::new();
    let array = parse(arena.heap(), b"[10,20]", Notation::Json).unwrap();
    let at = |index: &'static str| {
        array.get(parse(arena.heap(), index.as_bytes(), Notation::Json).unwrap()).and_then(Value::as_int)
    };
    assert_eq!((at("1"), at("1.0"), at("0.00"), at("-0")), (Some(20), Some(20), Some(10), Some(10)));
    for other in
        ["2", "-1", "1.5", "1e0", "10000000000", "18446744073709551617", "18446744073709551616.0", "\"1\"", "null"]
    {
        assert_eq!(at(other), None, "{other}");
    }
}

#[test]
fn the_last_of_duplicate_keys_wins() {
    assert_eq!(again(r#"{"b":1,"a":2,"b":3}"#, Notation::Json).as_deref(), Ok(r#"{"a":2,"b":3}"#));
    let many: String = (0..100).map(|i| format!(r#""k{}":{i},"#, i * 37 % 50)).collect();
    let arena = Arena::new();
    let text = format!("{{{many}\"z\":0}}");
    let object = parse(arena.heap(), text.as_bytes(), Notation::Json).unwrap();
    assert_eq!(object.count(), Some(51));
    for i in 50..100 {
        assert_eq!(object.get_str(&format!("k{}", i * 37 % 50)).unwrap().as_int(), Some(i));
    }
}

#[test]
fn rego_values() {
    for (text, written) in [
        ("set()", "set()"),
        ("set( )", "set()"),
        ("{1, 2, 1.0}", "{1, 2}"),
        ("{\"b\", \"a\", \"b\"}", r#"{"a", "b"}"#),
        ("{}", "{}"),
        ("{{1}: {\"a\"}, [2]: set()}", r#"{[2]: set(), {1}: {"a"}}"#),
        (r#"{"a": 1, 2: {3, {4}}}"#, r#"{2: {3, {4}}, "a": 1}"#),
        ("{null, true, 1, \"s\", [1], {\"a\":1}, {1}}", r#"{null, true, 1, "s", [1], {"a": 1}, {1}}"#),
    ] {
        assert_eq!(again(text, Notation::Rego).as_deref(), Ok(written));
    }
    for text in
        ["{1,}", "{1:}", "{1:2,3}", "{1,2:3}", "set", "set(1)", "{,}", "{\"a\":1,}", "[1,]", "{\"a\" 1}", "{1:2:3}"]
    {
        assert!(again(text, Notation::Rego).is_err(), "{text}");
    }
    for text in ["{1}", "set()", "{1:2}", "{\"a\"}", "{\"a\",\"b\"}", "{\"a\":1,2:3}"] {
        assert_eq!(again(text, Notation::Json), Err(ParseError::Syntax), "{text}");
    }
}

#[test]
fn sets_and_odd_keys_in_json() {
    let arena = Arena::new();
    let value = parse(arena.heap(), br#"{{"b", "a"}: {2, 1}, 1: "x", "k": set()}"#, Notation::Rego).unwrap();
    assert_eq!(dump(arena.heap(), value, Notation::Json), r#"{"1":"x","k":[],"[\"a\",\"b\"]":[1,2]}"#);
}

#[test]
fn escapes() {
    let all = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\uD83D\\uDE00\u{7f}<>&\u{2028}\"";
    let written = "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001é😀\u{7f}<>&\u{2028}\"";
    assert_eq!(again(all, Notation::Json).as_deref(), Ok(written));
    let arena = Arena::new();
    let refuse = |bytes: &'static [u8]| parse(arena.heap(), bytes, Notation::Json).unwrap_err();
    for text in [
        br#""\x""# as &[u8],
        br#""\u12g4""#,
        br#""\ud800""#,
        br#""\ud800\n""#,
        br#""\udc00\ud800""#,
        br#""\ud800\u0041""#,
        b"\"\\\xc3\xa9\"",
    ] {
        assert_eq!(refuse(text), ParseError::Escape, "{}", String::from_utf8_lossy(text));
    }
    for text in [b"\"\xff\"" as &[u8], b"\"aaaaaaaaaaaaaaa\xc3\"", b"\"\xed\xa0\x80\"", b"\"\xc0\xaf aaaaaaaa\""] {
        assert_eq!(refuse(text), ParseError::Encoding, "{}", String::from_utf8_lossy(text));
    }
    for text in [b"\"\n\"" as &[u8], b"\"aaaaaaaaaa\0\"", b"\"abc", b"\"abc\\", b"\"abc\\\"", b"\xef\xbb\xbf1"] {
        assert_eq!(refuse(text), ParseError::Syntax, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_follows_a_value_is_the_callers() {
    let arena = Arena::new();
    assert_eq!(parse_prefix(arena.heap(), b" {\"a\":1}\0", Notation::Json).map(|(_, end)| end), Ok(8));
    assert_eq!(parse_prefix(arena.heap(), b"12 34", Notation::Rego).map(|(_, end)| end), Ok(2));
    assert_eq!(parse(arena.heap(), b"12 34", Notation::Rego).unwrap_err(), ParseError::Syntax);
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(again(&nested(MAX_DEPTH), Notation::Json).is_ok());
        assert_eq!(again(&nested(MAX_DEPTH + 1), Notation::Json), Err(ParseError::Depth));
        assert_eq!(again(&open.repeat(1_000_000), Notation::Rego), Err(ParseError::Depth));
    }
}

#[test]
fn a_large_document_shares_its_scalars_and_means_the_same() {
    let record = |i: usize| {
        format!(
            r#"{{"id":{i},"name":"user-{}","roles":["admin","user"],"score":{}.5,"n":{},"é{}":[],"a long text that is not looked up, {i}":null}}"#,
            i % 1500,
            i % 7,
            i % 900,
            i % 5
        )
    };
    let text = format!("[{}]", (0..3000).map(record).collect::<Vec<_>>().join(","));
    check(text.as_bytes());
    let arena = Arena::new();
    let value = parse(arena.heap(), text.as_bytes(), Notation::Json).unwrap();
    let role = |i: usize| value.as_array().unwrap()[i].get_str("roles").unwrap().as_array().unwrap()[0];
    assert!(role(1).is_same(role(2)));
    // Editing one record leaves the others alone.
    let path = parse(arena.heap(), br#"["roles"]"#, Notation::Json).unwrap();
    sealgate_kernel::paths::add(arena.heap(), value.as_array().unwrap()[1], path, Value::null()).unwrap();
    assert_eq!(role(2).as_str(), Some("admin"));
}

#[test]
fn keys_that_are_no_strings_are_texts_as_go_writes_them() {
    let arena = Arena::new();
    let value = parse(arena.heap(), br#"{["a&<"]: {"b&": 1}}"#, Notation::Rego).unwrap();
    assert_eq!(dump(arena.heap(), value, Notation::Json), r#"{"[\"a\\u0026\\u003c\"]":{"b&":1}}"#);
}
