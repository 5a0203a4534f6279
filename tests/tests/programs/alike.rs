//! Functions of many bodies that give constants which are alike: objects and arrays of one form with other values in them. The
//! compiler makes them of what differs, so they must be just what OPA reads in the source.

use serde_json::{Map, Value, json};

use super::generator::Program;
use super::random::Random;

const NAMES: [&str; 6] = ["a", "b", "long name of a member", "m", "é", ""];

/// How deeply constants are nested: they are collections, of others as it comes.
const DEPTH: usize = 3;

/// What the constants of a program have in common.
enum Form {
    Any,
    Same(Value),
    Array(Vec<Form>),
    Object(Vec<(&'static str, Form)>),
}

impl Form {
    fn draw(random: &mut Random, depth: usize) -> Self {
        let kind = match depth {
            0 => random.below(3),
            DEPTH => 3 + random.below(5),
            _ => random.below(8),
        };
        match kind {
            0 | 1 => Self::Any,
            2 => Self::Same(scalar(random)),
            3 | 4 => Self::Array((0..random.below(5)).map(|_| Self::draw(random, depth - 1)).collect()),
            _ => {
                let some = NAMES.iter().filter(|_| random.below(2) == 0).copied().collect::<Vec<_>>();
                Self::Object(some.into_iter().map(|name| (name, Self::draw(random, depth - 1))).collect())
            }
        }
    }

    /// A value of the form; now and then another.
    fn value(&self, random: &mut Random) -> Value {
        if random.below(60) == 0 {
            return scalar(random);
        }
        match self {
            Self::Any => scalar(random),
            Self::Same(value) => value.clone(),
            Self::Array(elements) => elements.iter().map(|element| element.value(random)).collect(),
            Self::Object(members) => {
                let members = members.iter().map(|(name, member)| ((*name).to_owned(), member.value(random)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

fn scalar(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!(1.5),
        5 => json!(3_000_000_000_i64),
        6 => json!(-7),
        7 => json!(NAMES[random.below(NAMES.len())]),
        8 => json!("a \"text\" to escape"),
        _ => json!(random.below(50)),
    }
}

/// Draws a program: `of` gives a constant for a key, and the rules look at what it gives in every way there is.
pub(crate) fn program(seed: u64) -> Program {
    let mut random = Random::new(seed);
    let form = Form::draw(&mut random, DEPTH);
    let by_number = random.below(2) == 0;
    let key = |number: usize| if by_number { json!(number) } else { json!(format!("key {number}")) };
    let count = 1 + random.below(60);
    let mut rules = Vec::new();
    for number in 0..count {
        // Two bodies for a key agree, or are in conflict.
        let number = if random.below(100) == 0 { random.below(count) } else { number };
        rules.push(format!("of({}) := {}\n", key(number), form.value(&mut random)));
    }
    // One more body, that is found otherwise and may give anything: else both would refuse most of the rules for their types.
    let place = if random.below(2) == 0 { 0 } else { rules.len() };
    rules.insert(place, "of(key) := input.any if key == input.b\n".to_owned());
    rules.extend(
        [
            "r0 := of(input.a)",
            "r1 := of(input.a).a",
            "r2 contains x if some x in of(input.a)",
            "r3 if of(input.a) == of(input.b)",
            "r4 := {of(input.a), of(input.b)}",
            "r5 := {\"first\": of(input.a), \"of\": [of(input.b).m, of(input.b)[0]]}",
            "r6 := json.marshal(of(input.a))",
            "r7 := of(input.a) if is_object(of(input.a))",
            "r8[k] := v if some k, v in of(input.a)",
            "r9 if of(input.a).b == \"a\"",
        ]
        .map(|rule| format!("{rule}\n")),
    );
    let inputs = (0..15).map(|_| json!({"a": key(random.below(count + 2)), "b": key(random.below(count))})).collect();
    let names = (0..10).map(|number| format!("r{number}")).collect();
    Program { rules, names, data: json!({}), inputs }
}
