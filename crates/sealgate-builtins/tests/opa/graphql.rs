//! `graphql.*` against real OPA on documents that are taken apart and put together at random.

use sealgate_testkit::{Answer, Draw};

use crate::{Cases, call, draw_each, hold, quoted};

const SCHEMAS: &str = include_str!("schemas.txt");
const QUERIES: &str = include_str!("queries.txt");
/// Words that mutations put where they do not belong.
const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "=",
    "@",
    "|",
    "&",
    "$",
    "...",
    "on",
    "fragment",
    "query",
    "type",
    "extend",
    "union",
    "implements",
    "true",
    "null",
    "1",
    "-0.5e3",
    "01",
    "99999999999999999999",
    "3000000000",
    "\"s\"",
    "\"\"\"b\n  c\"\"\"",
    "\"\\u00zz\"",
    "'",
    "#c\n",
    "é",
    "id",
    "name",
    "Dog",
    "Cat",
    "Node",
    "Pet",
    "Root",
    "Int",
    "String",
    "ADMIN",
    "$id",
    "@skip(if: true)",
    "@auth",
    "__typename",
    "__x",
    "\r\n",
    "input",
    "enum",
    "x",
    "a",
    "repeatable",
    "OBJECT",
    "schema",
    "\u{feff}",
    "nam",
    "lifes",
    "FIELD",
];

/// Cuts a document into words, strings and spaces, roughly.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let class = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            1
        } else if c.is_whitespace() {
            2
        } else {
            3
        }
    };
    let mut last = 0;
    for c in text.chars() {
        if class(c) == last && last != 3 {
            words.last_mut().unwrap().push(c);
        } else {
            words.push(c.to_string());
        }
        last = class(c);
    }
    words
}

fn mutate(text: &str, draw: &mut Draw) -> String {
    let mut words = words(text);
    for _ in 0..=draw.below(2) {
        let at = draw.below(words.len());
        match draw.below(5) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => words[at] = WORDS[draw.below(WORDS.len())].to_owned(),
            3 => words.insert(at, format!(" {} ", WORDS[draw.below(WORDS.len())])),
            _ => words[at] = words[draw.below(words.len())].clone(),
        }
    }
    words.concat()
}

fn documents(text: &'static str) -> Vec<&'static str> {
    text.split("\n---\n").collect()
}

fn one<'a>(draw: &mut Draw, documents: &[&'a str]) -> &'a str {
    documents[draw.below(documents.len())]
}

/// Holds the calls, of which some must be good and some bad.
fn hold_both(calls: &[Cases<'_>]) {
    for ((name, _), held) in calls.iter().zip(hold(calls)) {
        assert!(
            held.values > 0 && (held.others > 0 || name.contains("valid") || name.contains("verify")),
            "{name}: {held:?}"
        );
    }
}

#[test]
fn mutated_documents_parse_as_in_opa() {
    let parse = |name, seeds: &'static str| {
        let seeds = documents(seeds);
        let mut cases: Vec<Vec<String>> = seeds.iter().map(|seed| vec![quoted(seed)]).collect();
        cases.extend(draw_each(name, |draw| vec![quoted(&mutate(one(draw, &seeds), draw))]));
        (name, cases)
    };
    hold_both(&[parse("graphql.parse_query", QUERIES), parse("graphql.parse_schema", SCHEMAS)]);
}

#[test]
fn mutated_documents_are_held_against_schemas_as_in_opa() {
    let (schemas, queries) = (documents(SCHEMAS), documents(QUERIES));
    let pairs = |name| {
        let mut cases = draw_each(name, |draw| {
            let (mut schema, mut query) = (one(draw, &schemas).to_owned(), one(draw, &queries).to_owned());
            if draw.once_in(4) {
                schema = mutate(&schema, draw);
            }
            if !draw.once_in(4) {
                query = mutate(&query, draw);
            }
            vec![quoted(&query), quoted(&schema)]
        });
        for schema in &schemas {
            cases.extend(queries.iter().map(|query| vec![quoted(query), quoted(schema)]));
        }
        (name, cases)
    };
    let schema = |draw: &mut Draw| quoted(&mutate(one(draw, &schemas), draw));
    hold_both(&[
        pairs("graphql.parse"),
        pairs("graphql.parse_and_verify"),
        pairs("graphql.is_valid"),
        ("graphql.schema_is_valid", draw_each("graphql.schema_is_valid", |draw| vec![schema(draw)])),
        ("graphql.parse", draw_each("schemas", |draw| vec![quoted("{ __typename }"), schema(draw)])),
    ]);
}

/// Documents as syntax trees, with members left out, of other types and of other names.
#[test]
fn trees_are_read_as_in_opa() {
    let parse = |name: &str, text: &str| match call(name, &[quoted(text)]) {
        Answer::Value(tree) => tree.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    let schemas: Vec<String> = documents(SCHEMAS).iter().map(|text| parse("graphql.parse_schema", text)).collect();
    let queries: Vec<String> = documents(QUERIES).iter().map(|text| parse("graphql.parse_query", text)).collect();
    let tree = |draw: &mut Draw, trees: &[String]| trees[draw.below(trees.len())].clone();
    let broken = |draw: &mut Draw| {
        let query = tree(draw, &queries);
        if draw.once_in(2) {
            return query;
        }
        let alias = draw.of(&["\"alias\"", "\"ALIAS\"", "\"Other\""]);
        let query = query.replacen("\"Alias\"", alias, 1 + draw.below(3));
        query.replacen("\"Name\":\"", draw.of(&["\"Name\":null,\"X\":\"", "\"name\":\"", "\"Name\":\""]), 1)
    };
    let wrong = |draw: &mut Draw| {
        let kind = draw.of(&["\"Kind\":1", "\"kind\":\"OBJECT\"", "\"Kind\":\"UNION\""]);
        vec![tree(draw, &schemas).replacen("\"Kind\":\"OBJECT\"", kind, 1)]
    };
    let both = draw_each("trees", |draw| vec![broken(draw), tree(draw, &schemas)]);
    hold(&[("graphql.parse_and_verify", both), ("graphql.schema_is_valid", draw_each("tree of a schema", wrong))]);
}
