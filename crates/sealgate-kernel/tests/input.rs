//! The scanner against the parser: whatever the text, the slots are what a lookup in the parsed value gives, and a text that
//! the parser refuses is never read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use proptest::prelude::*;
use sealgate_kernel::input::records::{SIZE, kind};
use sealgate_kernel::input::{PathId, Paths, read, read_records, read_value};
use sealgate_kernel::json::{Notation, dump, parse};
use sealgate_kernel::{Arena, Heap, Number, Value, View};

/// Keys that resemble one another: empty, short, of a word and more, with the same ends, with what must be escaped.
const KEYS: [&str; 16] = [
    "role",
    "tool",
    "args",
    "amount",
    "",
    "a",
    "é",
    "a\"b",
    "tab\tbed",
    "exactly8",
    "exactly8x",
    "sixteen-letters!",
    "the-same-ends-AAAA-the-same-ends",
    "the-same-ends-BBBB-the-same-ends",
    "customer_id_of_it",
    "😀",
];

/// A tree that reads some of what the keys can lead to.
fn tree(chosen: &[(u8, u8, u8, bool)]) -> Option<Vec<u32>> {
    let mut paths = Paths::default();
    for (a, b, c, deep) in chosen {
        let mut at = PathId::ROOT;
        for key in [a, b, c].into_iter().take(if *deep { 3 } else { 2 }) {
            at = paths.member(at, KEYS[usize::from(*key) % KEYS.len()]);
        }
        if c % 4 == 0 {
            paths.read_whole(at);
        }
    }
    paths.settle().then(|| paths.table(0, 0))
}

fn shown<'h>(heap: Heap<'h>, slots: &[Option<Value<'h>>]) -> Vec<Option<&'h str>> {
    slots.iter().map(|slot| slot.map(|value| dump(heap, value, Notation::Json))).collect()
}

/// Records of all slots that hold something, and how many they are.
fn records(heap: Heap<'_>, slots: &[Option<Value<'_>>]) -> (Vec<u8>, usize) {
    let (mut records, mut bytes) = (Vec::new(), Vec::new());
    let count = slots.iter().flatten().count();
    for (number, slot) in (0_u32..).zip(slots) {
        let (kind, length, content) = match slot.map(Value::view) {
            None => continue,
            Some(View::Null) => (kind::NULL, 0, 0),
            Some(View::Bool(value)) => (if value { kind::TRUE } else { kind::FALSE }, 0, 0),
            Some(View::Number(Number::Int(value))) => (kind::INTEGER, 0, value.cast_unsigned()),
            other => {
                let (kind, text) = match other {
                    Some(View::String(text)) => (kind::STRING, text),
                    _ => (kind::JSON, dump(heap, slot.unwrap(), Notation::Json)),
                };
                let start = count * SIZE + bytes.len();
                bytes.extend_from_slice(text.as_bytes());
                (kind, u32::try_from(text.len()).unwrap(), start as u64)
            }
        };
        records.extend_from_slice(&(kind | number << 16).to_le_bytes());
        records.extend_from_slice(&length.to_le_bytes());
        records.extend_from_slice(&content.to_le_bytes());
    }
    ([records, bytes].concat(), count)
}

/// Gives whether the scanner read the text.
fn check(table: &[u32], text: &[u8]) -> bool {
    let arena = Arena::new();
    let heap = arena.heap();
    let scanned = read(heap, table, text);
    match (parse(heap, text, Notation::Json), &scanned) {
        (Ok(value), Some(slots)) => {
            let expected = read_value(table, Some(value));
            assert_eq!(shown(heap, slots), shown(heap, &expected), "{}", text.escape_ascii());
            let (records, count) = records(heap, &expected);
            // SAFETY: strings are strings.
            #[allow(unsafe_code, reason = "the kernel relies on the host for UTF-8")]
            let read = unsafe { read_records(heap, table, heap.copy(&records), count) }.unwrap();
            assert_eq!(shown(heap, &read), shown(heap, &expected), "{}", text.escape_ascii());
        }
        (Ok(_), None) => {}
        (Err(_), scanned) => assert!(scanned.is_none(), "{}", text.escape_ascii()),
    }
    scanned.is_some()
}

/// JSON texts whose objects have the keys above, some of them twice, written with and without escapes and space.
fn text() -> impl Strategy<Value = String> {
    let space = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t \r")];
    let escaped = |text: &str, how: u8| match how % 4 {
        0 => {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            format!("\"{units}\"")
        }
        _ => serde_json::to_string(text).unwrap(),
    };
    let key = (any::<u8>(), any::<u8>()).prop_map(move |(key, how)| escaped(KEYS[usize::from(key) % KEYS.len()], how));
    let string = prop_oneof![any::<String>(), "[a-z\"\\\\\n/ ]{0,40}", "[ -~]{0,40}"];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0_i64..2000).prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?",
        (string, any::<u8>()).prop_map(move |(text, how)| escaped(&text, how)),
    ];
    let value = leaf.prop_recursive(6, 60, 8, move |inner| {
        let (key, space) = (key.clone(), space.clone());
        let member = (space.clone(), key, space.clone(), space, inner.clone())
            .prop_map(|(a, key, b, c, value)| format!("{a}{key}{b}:{c}{value}{a}"));
        prop_oneof![
            1 => prop::collection::vec(inner, 0..6).prop_map(|all| format!("[{}]", all.join(" ,"))),
            3 => prop::collection::vec(member, 0..8).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    });
    (value, prop_oneof![3 => Just(""), 1 => Just(" \n")]).prop_map(|(value, space)| format!("{space}{value}{space}"))
}

fn paths() -> impl Strategy<Value = Vec<(u8, u8, u8, bool)>> {
    prop::collection::vec(any::<(u8, u8, u8, bool)>(), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn reads_what_the_parser_reads(chosen in paths(), text in text()) {
        if let Some(table) = tree(&chosen) {
            let read = check(&table, text.as_bytes());
            prop_assert_eq!(read, text.trim_start().starts_with('{'), "{}", text);
        }
    }

    #[test]
    fn refuses_what_the_parser_refuses(
        chosen in paths(),
        text in text(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        if let Some(table) = tree(&chosen) {
            let mut bytes = text.into_bytes();
            for (at, byte, how) in changes {
                let at = at.index(bytes.len() + 1);
                match how {
                    0 => bytes.insert(at, byte),
                    1 => bytes.truncate(at),
                    _ => bytes[at..].iter_mut().take(1).for_each(|old| *old = byte),
                }
            }
            check(&table, &bytes);
        }
    }

    #[test]
    fn refuses_noise(chosen in paths(), text in "[{}\\[\\]\",:0-9a-c\\\\ \\x00-\\x1ftruefalsn.eE+-]{0,40}") {
        if let Some(table) = tree(&chosen) {
            check(&table, text.as_bytes());
            check(&table, format!("{{{text}").as_bytes());
        }
    }
}

#[test]
fn what_is_special_about_texts() {
    let mut paths = Paths::default();
    let args = paths.member(PathId::ROOT, "args");
    let amount = paths.member(args, "amount");
    let slots = {
        assert!(paths.settle());
        paths.slots()
    };
    let slot = |at| Paths::slot(&slots, at) as usize;
    let table = paths.table(0, 0);
    let nested = |depth: usize| format!(r#"{{"x":{}{},"args":{{"amount":1}}}}"#, "[".repeat(depth), "]".repeat(depth));
    for (text, expected) in [
        (r#"{"args":{"amount":1}}"#, Some("1")),
        (r#"{"args":{"amount":1,"amount":2.50}}"#, Some("2.50")),
        (r#"{"args":{"amount":1},"args":{}}"#, None),
        (r#"{"args":{"amount":1},"args":7}"#, None),
        (r#"{"args":{"\u0061mount":{"b":2,"a":[1]}}}"#, Some(r#"{"a":[1],"b":2}"#)),
        (r#"{"args":[{"amount":1}]}"#, None),
        (r#"{"args":{"amount":9007199254740993}}"#, Some("9007199254740993")),
        (r#"{"args":{"amount":12345678}}"#, Some("12345678")),
        (r#"{"args":{"amount":0}}"#, Some("0")),
        (r#"{"args":{"amount":"\ud83d\ude00"}}"#, Some("\"😀\"")),
        (&nested(40), Some("1")),
        ("{}", None),
    ] {
        let arena = Arena::new();
        let read = read(arena.heap(), &table, text.as_bytes()).unwrap();
        assert_eq!(shown(arena.heap(), &read)[slot(amount)], expected, "{text}");
        check(&table, text.as_bytes());
    }
    for text in [&nested(80), "[]", "", "{", "{\"args\":{\"amount\":01}}", "{\"a\":\"\u{1}\"}", "{\"args\":1,}"] {
        assert!(!check(&table, text.as_bytes()), "{text}");
    }
    assert!(!check(&table, b"{\"a\":\"\xff\"}"));
    assert!(!check(&table, b"{}\0"));
}

#[test]
fn keys_that_no_hash_tells_apart_make_their_object_whole() {
    let mut paths = Paths::default();
    let args = paths.member(PathId::ROOT, "args");
    for key in ["the-same-beginning-for-long-AAAA-the-same-ends", "the-same-beginning-for-long-BBBB-the-same-ends"] {
        paths.member(args, key);
    }
    assert!(paths.settle());
    assert!(paths.is_whole(args));
    paths.read_whole(PathId::ROOT);
    assert!(!paths.settle());
}

#[test]
#[allow(unsafe_code, reason = "the kernel relies on the host for UTF-8")]
fn records_that_are_none_are_refused() {
    let mut paths = Paths::default();
    let (tool, args) = (paths.member(PathId::ROOT, "tool"), paths.member(PathId::ROOT, "args"));
    let amount = paths.member(args, "a\"b");
    [tool, amount].into_iter().for_each(|place| paths.read_whole(place));
    assert!(paths.settle());
    assert_eq!(paths.description(64), r#"[64,[0,4,{"args":[1,3,{"a\"b":[2,3]}],"tool":[3,4]}]]"#);
    let table = paths.table(0, 0);
    let arena = Arena::new();
    let heap = arena.heap();
    let (good, count) =
        records(heap, &[Some(Value::null()), None, Some(Value::empty_array()), Some(Value::string(heap, "x"))]);
    // SAFETY: no string but `x` is read.
    let read = |input: &[u8]| unsafe { read_records(heap, &table, heap.copy(input), count) }.map(|slots| slots.len());
    assert_eq!((good.len(), count, read(&good)), (51, 3, Some(4)));
    for end in 0..good.len() {
        assert_eq!(read(&good[..end]), None, "{end}");
    }
    for (at, byte) in
        [(0, 0), (0, 8), (1, 1), (2, 4), (3, 1), (20, 1), (20, 3), (24, 47), (27, 255), (32 + 7, 255), (48, b'{')]
    {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(read(&bad), None, "{at}");
    }
}

/// Nodes of one key and of several, told apart by a first window, by a later one and by none; keys of every length around
/// what is compared at once.
#[test]
fn every_change_of_one_byte_is_read_or_refused() {
    let several = ["role", "tool", "ctx"];
    let late = ["created_at", "created_by", "created_in_all_of_it"];
    let none = ["a", "ab", "abc", "thirteen-long", "fourteen-longs", "fifteen-longest", "sixteen-letters!"];
    for keys in [&several[..], &several[..1], &late, &none] {
        let mut paths = Paths::default();
        let below = paths.member(PathId::ROOT, "below");
        for key in keys {
            paths.member(PathId::ROOT, key);
            paths.member(below, key);
        }
        assert!(paths.settle());
        let table = paths.table(0, 0);
        let members: Vec<String> = (1..).zip(keys).map(|(value, key)| format!("\"{key}\":{value}")).collect();
        let (first, members) = (keys[0], members.join(","));
        let text =
            format!(r#"{{{members},"below":{{{members},"x":"y"}},"z":{{}}, "{first}" :"t","u":[1,{{"v":null}}]}}"#);
        assert!(check(&table, text.as_bytes()), "{text}");
        for at in 0..text.len() {
            for byte in 0..=u8::MAX {
                let mut changed = text.clone().into_bytes();
                changed[at] = byte;
                check(&table, &changed);
            }
        }
    }
}
