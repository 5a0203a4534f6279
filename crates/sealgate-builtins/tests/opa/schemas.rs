//! `json.match_schema`, `json.verify_schema`.

use sealgate_builtins::{Context, Registry, Value};
use sealgate_testkit::{Answer, Draw};

use crate::{agree, call, quoted};

const FORMATS: [&str; 17] = [
    "date",
    "time",
    "date-time",
    "hostname",
    "email",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
    "regex",
    "json-pointer",
    "relative-json-pointer",
    "idn-email",
    "iri",
    "unknown",
];

const TEXTS: [&str; 34] = [
    "",
    "a",
    "ab",
    "abc",
    "2001-02-03",
    "2001-02-30",
    "12:30:45",
    "12:30:45Z",
    "2001-02-03T04:05:06+01:00",
    "example.com",
    "-bad.com",
    "a@b.c",
    "\"q\"@b.c",
    "N <a@b>",
    "a@",
    "1.2.3.4",
    "::1",
    "::ffff:1.2.3.4",
    "1.2.3",
    "http://a/b?c#d",
    "a\\b",
    "/a/{x}",
    "{x",
    "123e4567-e89b-12d3-a456-426614174000",
    "a(b",
    "a+b",
    "/a~1b",
    "/a~2",
    "0#",
    "1/a",
    "01",
    "é",
    "x y",
    "k1",
];

fn scalar(draw: &mut Draw) -> String {
    match draw.below(6) {
        0 => draw.of(&["null", "true", "false"]).to_owned(),
        1 | 2 => draw.of(&["0", "1", "2", "3", "-1", "1.5", "10", "1e2", "0.1", "1000000", "1.0", "3.0"]).to_owned(),
        _ => quoted(draw.of(&TEXTS)),
    }
}

fn document(draw: &mut Draw, depth: usize) -> String {
    match draw.below(if depth == 0 { 2 } else { 5 }) {
        0 | 1 => scalar(draw),
        2 => {
            let items: Vec<String> = (0..draw.below(4)).map(|_| document(draw, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let names = ["a", "b", "c", "k1", "k2"];
            let mut pairs = Vec::new();
            for name in names {
                if draw.once_in(2) {
                    pairs.push(format!("{}: {}", quoted(name), document(draw, depth - 1)));
                }
            }
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

fn number(draw: &mut Draw) -> String {
    draw.of(&["0", "1", "2", "3", "1.5", "0.1", "-1", "1000000", "1e2", "2.5", "\"1\""]).to_owned()
}

fn schemas(draw: &mut Draw, depth: usize) -> String {
    let schemas: Vec<String> = (0..=draw.below(3)).map(|_| schema(draw, depth)).collect();
    format!("[{}]", schemas.join(", "))
}

fn size(draw: &mut Draw) -> String {
    draw.of(&["0", "1", "2", "3", "1", "2", "-1", "1.0", "\"x\""]).to_owned()
}

fn schema(draw: &mut Draw, depth: usize) -> String {
    if depth == 0 || draw.once_in(15) {
        return draw
            .of(&[
                "true",
                "false",
                "{}",
                "{\"type\": \"string\"}",
                "{\"type\": \"number\"}",
                "{\"$ref\": \"#/definitions/d\"}",
            ])
            .to_owned();
    }
    let depth = depth - 1;
    let mut keywords = std::collections::BTreeMap::new();
    for _ in 0..draw.below(4) {
        let (key, value) = match draw.below(32) {
            0 | 1 => ("type", quoted(draw.of(&["array", "boolean", "integer", "number", "null", "object", "string"]))),
            2 => (
                "type",
                draw.of(&[
                    "[\"string\", \"null\"]",
                    "[\"object\", \"array\", \"integer\"]",
                    "\"nothing\"",
                    "[\"string\", \"string\"]",
                    "1",
                ])
                .to_owned(),
            ),
            3..=5 => ("properties", format!("{{\"a\": {}, \"b\": {}}}", schema(draw, depth), schema(draw, depth))),
            6 => ("additionalProperties", schema(draw, depth)),
            7 => (
                "patternProperties",
                format!("{{{}: {}}}", quoted(draw.of(&["^k\\d$", "a", "(", "."])), schema(draw, depth)),
            ),
            8 => ("propertyNames", schema(draw, depth)),
            9 => (
                "dependencies",
                format!(
                    "{{\"a\": {}, \"b\": {}}}",
                    draw.of(&["[\"c\"]", "[]", "[1]", "[\"a\", \"k1\"]"]),
                    schema(draw, depth)
                ),
            ),
            10 => {
                ("required", draw.of(&["[\"a\"]", "[\"a\", \"c\"]", "[]", "[\"a\", \"a\"]", "\"a\"", "[1]"]).to_owned())
            }
            11 => ("items", schema(draw, depth)),
            12 => ("items", schemas(draw, depth)),
            13 => ("additionalItems", schema(draw, depth)),
            14 => ("contains", schema(draw, depth)),
            15 => ("uniqueItems", draw.of(&["true", "true", "false", "1"]).to_owned()),
            16 => ("multipleOf", number(draw)),
            17 => (draw.of(&["minimum", "maximum"]), number(draw)),
            18 => (
                draw.of(&["exclusiveMinimum", "exclusiveMaximum"]),
                if draw.once_in(3) { "true".to_owned() } else { number(draw) },
            ),
            19 => (draw.of(&["minLength", "maxLength"]), size(draw)),
            20 => (draw.of(&["minItems", "maxItems"]), size(draw)),
            21 => (draw.of(&["minProperties", "maxProperties"]), size(draw)),
            22 => ("pattern", quoted(draw.of(&["^a", "b$", "\\d+", "(", "[a-c]{2}", "^$", "\\w\\s"]))),
            23 | 24 => ("format", quoted(draw.of(&FORMATS))),
            25 => ("const", document(draw, 1)),
            26 => ("enum", format!("[{}, {}]", scalar(draw), document(draw, 1))),
            27 => (draw.of(&["oneOf", "anyOf", "allOf"]), schemas(draw, depth)),
            28 => ("not", schema(draw, depth)),
            29 => (draw.of(&["if", "then", "else"]), schema(draw, depth)),
            30 => ("$ref", quoted(draw.of(&["#/definitions/d", "#/definitions/none", "#/definitions/d", "d.json"]))),
            _ => ("description", draw.of(&["\"text\"", "1"]).to_owned()),
        };
        keywords.insert(key, value);
    }
    let keywords: Vec<String> = keywords.iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
    format!("{{{}}}", keywords.join(", "))
}

/// A schema with a definition, of any draft.
fn root(draw: &mut Draw) -> String {
    let schema = schema(draw, 3);
    let Some(keywords) = schema.strip_prefix('{') else { return schema };
    let draft = draw.of(&[
        "",
        "",
        "\"$schema\": \"http://json-schema.org/draft-04/schema#\", ",
        "\"$schema\": \"http://json-schema.org/draft-06/schema#\", ",
        "\"$schema\": \"http://json-schema.org/draft-07/schema\", ",
    ]);
    let definition = draw.of(&[
        "{\"type\": \"integer\", \"maximum\": 2}",
        "{\"type\": [\"string\", \"object\"], \"minLength\": 2}",
        "{}",
    ]);
    let definitions = format!("{draft}\"definitions\": {{\"d\": {definition}}}");
    if keywords == "}" { format!("{{{definitions}}}") } else { format!("{{{definitions}, {keywords}") }
}

#[test]
fn schemas_are_as_opas() {
    agree(&[
        ("json.verify_schema", |draw| {
            let schema = root(draw);
            vec![if draw.once_in(4) { quoted(&schema) } else { schema }]
        }),
        ("json.match_schema", |draw| {
            let (document, schema) = (document(draw, 3), root(draw));
            // Lists and objects are taken as they are, the rest as text.
            let document = if document.starts_with(['[', '{']) { document } else { quoted(&document) };
            vec![document, schema]
        }),
    ]);
}

#[test]
fn hostile_schemas_halt() {
    let deep = |open: &str, close: &str, count: usize| format!("{}{{}}{}", open.repeat(count), close.repeat(count));
    for schema in [
        r##"{"$ref": "#"}"##.to_owned(),
        r##"{"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}, "$ref": "#/definitions/a"}"##
            .to_owned(),
        r##"{"anyOf": [{"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {"$ref": "#"}]}"##.to_owned(),
        deep(r#"{"not": "#, "}", 230),
    ] {
        let result = call("json.match_schema", &["[1]".to_owned(), schema.clone()]);
        assert!(matches!(result, Answer::Halted(_)), "{schema}: {result:?}");
    }
    for schema in [r#"{"$ref": "http://127.0.0.1:1/schema"}"#, r#"{"$ref": "file:///etc/passwd"}"#] {
        let builtin = Registry::standard();
        let builtin = builtin.get("json.verify_schema").unwrap();
        let verdict = builtin.call(&mut Context::new(), &[Value::parse(schema).unwrap()]).unwrap().unwrap().to_text();
        assert!(verdict.starts_with("[false,") && verdict.contains("disabled"), "{verdict}");
    }
}
