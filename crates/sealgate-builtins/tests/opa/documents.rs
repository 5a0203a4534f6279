//! `yaml.*`, `json.marshal_with_options`, `uri.*`.

use sealgate_testkit::Draw;

use crate::{Arguments, agree, quoted};

const SCALARS: [&str; 60] = [
    "",
    "~",
    "null",
    "yes",
    "No",
    "on",
    "y",
    "true",
    "True",
    "0",
    "-0",
    "+12",
    "010",
    "0o17",
    "0x1F",
    "0b11",
    "-0b1",
    "1_000",
    "1__0",
    "089",
    "1.",
    ".5",
    "1e3",
    "1E+400",
    "-1.5e-7",
    "12345678901234567890",
    "123456789012345678901",
    "1e21",
    "0.000001",
    "0.0000001",
    ".inf",
    "-.INF",
    ".nan",
    "12:30",
    "12:30:45.5",
    "2001-01-01",
    "2001-1-1 1:2:3",
    "a b",
    "a: b",
    "- a",
    "#c",
    "a #c",
    "?x",
    ":x",
    "x:",
    "-",
    "---",
    "[a]",
    "{a",
    "'q'",
    "\"d",
    "é",
    "\u{1f600}",
    "a\u{2028}b",
    " lead",
    "trail ",
    "%p",
    "@a",
    "&anchor",
    "<<",
];

fn text(draw: &mut Draw) -> String {
    let mut text = draw.of(&SCALARS).to_owned();
    while draw.once_in(4) {
        text.push_str(draw.of(&[
            "\n",
            "\n\n",
            " ",
            "\t",
            "word ",
            "long words that fill the line ",
            "'",
            "\"",
            "\\",
            "\r",
            "\u{7}",
            "\u{85}x",
        ]));
        text.push_str(draw.of(&SCALARS));
    }
    if draw.once_in(12) {
        text = text.repeat(1 + draw.below(8));
    }
    text
}

/// Any value as Rego text.
fn value(draw: &mut Draw, depth: usize) -> String {
    match draw.below(if depth == 0 { 4 } else { 8 }) {
        0 => draw.of(&["null", "true", "false"]).to_owned(),
        1 => draw
            .of(&[
                "0",
                "-1",
                "1.5",
                "1e3",
                "1e21",
                "1234567",
                "1234567.5",
                "0.00001",
                "9223372036854775808",
                "1e-9",
                "1e400",
                "18446744073709551616",
            ])
            .to_owned(),
        2 | 3 => quoted(&text(draw)),
        4 | 5 => list(draw, depth, "[", "]"),
        6 if draw.once_in(3) => match draw.below(4) {
            0 => "set()".to_owned(),
            _ => format!("{{{}, {}}}", value(draw, 0), value(draw, 0)),
        },
        _ => {
            let mut keys = std::collections::BTreeSet::new();
            let count = draw.below(5);
            let pairs: Vec<String> = (0..count)
                .filter_map(|_| {
                    let key = if draw.once_in(2) {
                        draw.of(&["a", "a1", "a10", "a2", "B", "b", "_", "1", "01", "10", "é", "long key"]).to_owned()
                    } else {
                        text(draw)
                    };
                    // OPA's order of numbers beyond 64 bits is none.
                    let keep = !key.contains("12345678901234567890") && keys.insert(key.clone());
                    keep.then(|| format!("{}: {}", quoted(&key), value(draw, depth - 1)))
                })
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

fn list(draw: &mut Draw, depth: usize, open: &str, close: &str) -> String {
    let items: Vec<String> = (0..draw.below(4)).map(|_| value(draw, depth - 1)).collect();
    format!("{open}{}{close}", items.join(", "))
}

/// A line's scalar, plain, quoted, tagged or an alias.
fn yaml_scalar(draw: &mut Draw) -> String {
    let plain = draw.of(&SCALARS[..50]);
    match draw.below(12) {
        0 => format!("'{}'", plain.replace('\'', "''")),
        1 => quoted(plain),
        2 => format!("{} {plain}", draw.of(&["!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!x", "!"])),
        3 => draw
            .of(&[
                "*a",
                "&a x",
                "[1, yes, {k: v}]",
                "{a: 1, 2: b}",
                "|\n    text\n    more",
                ">-\n    folded\n    text",
            ])
            .to_owned(),
        _ => plain.to_owned(),
    }
}

fn yaml_lines(draw: &mut Draw, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let mapping = !draw.once_in(3);
    for _ in 0..=draw.below(3) {
        let lead = if mapping {
            format!("{}:", draw.of(&["a", "b", "1", "yes", "1.5", "~", "<<", "\"q\"", "? k"]))
        } else {
            "-".to_owned()
        };
        if indent < 6 && draw.once_in(3) {
            let anchor = if draw.once_in(3) { " &a" } else { "" };
            out.push_str(&format!("{pad}{lead}{anchor}\n"));
            yaml_lines(draw, indent + 2, out);
        } else {
            out.push_str(&format!("{pad}{lead} {}\n", yaml_scalar(draw)));
        }
    }
}

fn yaml(draw: &mut Draw) -> Vec<String> {
    let mut text = String::new();
    match draw.below(8) {
        0 => text = yaml_scalar(draw),
        1 => text = value(draw, 3),
        _ => yaml_lines(draw, 0, &mut text),
    }
    // The parsers differ over these breaks.
    vec![quoted(&text.replace(['\u{85}', '\u{2028}'], " "))]
}

#[test]
fn yaml_is_as_opas() {
    agree(&[("yaml.marshal", |draw| vec![value(draw, 3)]), ("yaml.unmarshal", yaml), ("yaml.is_valid", yaml)]);
}

#[test]
fn indented_json_is_as_opas() {
    let arguments: Arguments = |draw| {
        let options = [
            r#""pretty": true"#,
            r#""pretty": false"#,
            r#""indent": "  ""#,
            r#""prefix": ">> ""#,
            r#""prefix": """#,
            r#""pretty": 1"#,
            r#""indent": 2"#,
            r#""other": 1"#,
        ];
        let mut chosen = Vec::new();
        for option in options {
            let name = option.split(':').next().unwrap().to_owned();
            if draw.once_in(5) && !chosen.iter().any(|known: &&str| known.starts_with(&name)) {
                chosen.push(option);
            }
        }
        vec![value(draw, 3), format!("{{{}}}", chosen.join(", "))]
    };
    agree(&[("json.marshal_with_options", arguments)]);
}

fn uri(draw: &mut Draw) -> Vec<String> {
    let mut text = String::new();
    text.push_str(draw.of(&["", "", "http:", "https:", "a+b-c.1:", "1a:", ":", "MAILTO:", "é:"]));
    text.push_str(draw.of(&["", "//", "//", "//", "/", "///"]));
    if draw.once_in(4) {
        text.push_str(draw.of(&["user@", "u:p@", "u%40:p%zz@", "a b@", "a@b@"]));
    }
    text.push_str(draw.of(&[
        "",
        "example.com",
        "EXAMPLE.com",
        "[::1]",
        "[fe80::1%25en0]",
        "[::1",
        "1.2.3.4",
        "a b",
        "%41",
        "é",
        "[1.2.3.4]",
        "a:b",
        "%ff",
    ]));
    text.push_str(draw.of(&["", "", ":80", ":", ":x", ":80:90"]));
    text.push_str(draw.of(&[
        "", "/", "/a/b", "/a%2fb", "/a b", "/%zz", "/é", "/a;b,c", "/a:b", "a/b", "*", "/%C3%A9", "/%ff", "/a[b]",
    ]));
    text.push_str(draw.of(&["", "?", "?a=b", "?a=b?c", "?%zz", "?é"]));
    text.push_str(draw.of(&["", "#", "#frag", "#a%20b", "#%z", "#a#b"]));
    if draw.once_in(8) {
        text = draw.mutate(&text);
    }
    vec![quoted(&text)]
}

#[test]
fn uris_are_as_opas() {
    agree(&[("uri.parse", uri), ("uri.is_valid", uri)]);
}
