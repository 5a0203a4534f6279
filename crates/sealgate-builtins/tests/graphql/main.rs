//! `graphql.*` against real OPA on documents that are taken apart and put together at random, and on hostile ones.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod hostile;

use std::collections::BTreeMap;

use sealgate_builtins::{BuiltinError, Context, Registry, Value};
use sealgate_testkit::{Opa, require};

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

/// A small generator; the same seed gives the same documents.
struct Dice(u64);

/// How many times as many documents as usual, for a longer search.
fn scale() -> usize {
    std::env::var("SEALGATE_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

impl Dice {
    /// `salt` tells tests apart; another seed draws other documents.
    fn new(salt: u64) -> Self {
        let seed: u64 = std::env::var("SEALGATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        Self(salt ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }
}

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

fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut words = words(text);
    for _ in 0..=dice.roll(2) {
        let at = dice.roll(words.len());
        match dice.roll(5) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => words[at] = WORDS[dice.roll(WORDS.len())].to_owned(),
            3 => words.insert(at, format!(" {} ", WORDS[dice.roll(WORDS.len())])),
            _ => words[at] = words[dice.roll(words.len())].clone(),
        }
    }
    words.concat()
}

/// A call: the builtin's name and its arguments as JSON.
struct Call {
    name: &'static str,
    args: Vec<String>,
}

/// A value as JSON, or the message of the error, or nothing.
#[derive(Debug, PartialEq)]
enum Outcome {
    Value(serde_json::Value),
    Error(String),
}

fn ours(call: &Call) -> Outcome {
    let args: Vec<Value> = call.args.iter().map(|arg| Value::parse(arg).unwrap()).collect();
    match Registry::standard().get(call.name).unwrap().call(&mut Context::new(), &args) {
        Ok(value) => Outcome::Value(serde_json::from_str(&value.unwrap().to_text()).unwrap()),
        Err(BuiltinError::Failed(problem)) => Outcome::Error(format!("{}: {problem}", call.name)),
        Err(error) => panic!("{error}"),
    }
}

/// What OPA makes of each call, asked in one process: a rule per line, so that errors tell which call they are of.
fn theirs(opa: &Opa, calls: &[Call]) -> Vec<Outcome> {
    let mut module = "package t\n".to_owned();
    for (index, call) in calls.iter().enumerate() {
        let args: Vec<String> = (0..call.args.len()).map(|arg| format!("data.c[{index}][{arg}]")).collect();
        module += &format!("r[{index}] := {}({})\n", call.name, args.join(", "));
    }
    let data: Vec<String> = calls.iter().map(|call| format!("[{}]", call.args.join(","))).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.rego"), module).unwrap();
    std::fs::write(folder.path().join("data.json"), format!("{{\"c\": [{}]}}", data.join(","))).unwrap();
    let args = ["eval", "--show-builtin-errors", "-f", "json", "-d", "t.rego", "-d", "data.json", "data.t.r"];
    let output = opa.run(folder.path(), &args, "").unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut errors = BTreeMap::new();
    for error in said["errors"].as_array().into_iter().flatten() {
        errors.insert(error["location"]["row"].as_u64().unwrap(), error["message"].as_str().unwrap().to_owned());
    }
    let values = &said["result"][0]["expressions"][0]["value"];
    let outcome = |index: usize| match values.get(index.to_string()) {
        Some(value) => Outcome::Value(value.clone()),
        None => Outcome::Error(errors[&(u64::try_from(index).unwrap() + 2)].clone()),
    };
    (0..calls.len()).map(outcome).collect()
}

/// The first finding; which of several names is near is a matter of the order of a hash map in one rule.
fn comparable(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Error(message) if message.contains("Unknown type") && message.contains("Did you mean") => {
            Outcome::Error(message.split(" Did you mean").next().unwrap().to_owned())
        }
        other => other,
    }
}

fn agree(calls: &[Call]) {
    let Some(opa) = require(Opa::find()) else { return };
    let (mut wrong, mut errors) = (Vec::new(), 0);
    for (call, theirs) in calls.iter().zip(theirs(&opa, calls)) {
        let (ours, theirs) = (comparable(ours(call)), comparable(theirs));
        errors += usize::from(matches!(theirs, Outcome::Error(_)));
        if ours != theirs {
            wrong.push(format!("{}({})\n  ours   {ours:?}\n  theirs {theirs:?}", call.name, call.args.join(", ")));
        }
    }
    let shown: Vec<&str> = wrong.iter().take(8).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {} calls differ:\n{}", wrong.len(), calls.len(), shown.join("\n"));
    assert!(errors * 10 > calls.len() && errors < calls.len(), "{errors} of {} calls are errors", calls.len());
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[test]
fn mutated_documents_parse_as_in_opa() {
    let mut dice = Dice::new(0x5ea1_6a7e);
    let mut calls = Vec::new();
    for (name, seeds) in [("graphql.parse_query", QUERIES), ("graphql.parse_schema", SCHEMAS)] {
        let seeds: Vec<&str> = seeds.split("\n---\n").collect();
        calls.extend(seeds.iter().map(|seed| Call { name, args: vec![json(seed)] }));
        for _ in 0..600 * scale() {
            let seed = seeds[dice.roll(seeds.len())];
            calls.push(Call { name, args: vec![json(&mutate(seed, &mut dice))] });
        }
    }
    agree(&calls);
}

#[test]
fn mutated_documents_are_held_against_schemas_as_in_opa() {
    let mut dice = Dice::new(0xdeca_fbad);
    let schemas: Vec<&str> = SCHEMAS.split("\n---\n").collect();
    let queries: Vec<&str> = QUERIES.split("\n---\n").collect();
    let mut calls = Vec::new();
    for name in ["graphql.parse", "graphql.parse_and_verify", "graphql.is_valid"] {
        for _ in 0..400 * scale() {
            let (mut schema, mut query) =
                (schemas[dice.roll(schemas.len())].to_owned(), queries[dice.roll(queries.len())].to_owned());
            if dice.roll(4) == 0 {
                schema = mutate(&schema, &mut dice);
            }
            if dice.roll(4) > 0 {
                query = mutate(&query, &mut dice);
            }
            calls.push(Call { name, args: vec![json(&query), json(&schema)] });
        }
        for schema in &schemas {
            calls.extend(queries.iter().map(|query| Call { name, args: vec![json(query), json(schema)] }));
        }
    }
    for _ in 0..400 * scale() {
        let schema = mutate(schemas[dice.roll(schemas.len())], &mut dice);
        calls.push(Call { name: "graphql.schema_is_valid", args: vec![json(&schema)] });
        calls.push(Call { name: "graphql.parse", args: vec![json("{ __typename }"), json(&schema)] });
    }
    agree(&calls);
}

/// Documents as syntax trees, with members left out, of other types and of other names.
#[test]
fn trees_are_read_as_in_opa() {
    let mut dice = Dice::new(0x7ee5);
    let parse = |name: &str, text: &str| {
        let tree = Registry::standard().get(name).unwrap().call(&mut Context::new(), &[text.into()]).unwrap().unwrap();
        tree.to_text()
    };
    let schemas: Vec<&str> = SCHEMAS.split("\n---\n").collect();
    let queries: Vec<&str> = QUERIES.split("\n---\n").collect();
    let mut calls = Vec::new();
    for _ in 0..300 * scale() {
        let schema = parse("graphql.parse_schema", schemas[dice.roll(schemas.len())]);
        let query = parse("graphql.parse_query", queries[dice.roll(queries.len())]);
        calls.push(Call { name: "graphql.parse_and_verify", args: vec![query.clone(), schema.clone()] });
        let broken =
            query.replacen("\"Alias\"", ["\"alias\"", "\"ALIAS\"", "\"Other\""][dice.roll(3)], 1 + dice.roll(3));
        let broken =
            broken.replacen("\"Name\":\"", ["\"Name\":null,\"X\":\"", "\"name\":\"", "\"Name\":\""][dice.roll(3)], 1);
        calls.push(Call { name: "graphql.parse_and_verify", args: vec![broken, schema.clone()] });
        let wrong = schema.replacen(
            "\"Kind\":\"OBJECT\"",
            ["\"Kind\":1", "\"kind\":\"OBJECT\"", "\"Kind\":\"UNION\""][dice.roll(3)],
            1,
        );
        calls.push(Call { name: "graphql.schema_is_valid", args: vec![wrong] });
    }
    let Some(opa) = require(Opa::find()) else { return };
    for (call, theirs) in calls.iter().zip(theirs(&opa, &calls)) {
        assert_eq!(ours(call), theirs, "{}({})", call.name, call.args.join(", "));
    }
}
