//! Rules of many bodies that begin with conditions on constants: equality, membership, beginnings of texts. Dispatch decides
//! which bodies run, so it must find just those that OPA finds by trying each.

use serde_json::{Value, json};

use super::generator::Program;
use super::random::Random;

const TEXTS: [&str; 14] = [
    "",
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/b/c/d",
    "a",
    "é",
    "éa",
    "\u{10ffff}",
    "a long text of many bytes, the first",
    "a long text of many bytes, the second",
    "A",
];

/// Draws a program of guarded rules: `r0` gives a constant, `r1` the line's own value (which may conflict), `r2` gathers.
pub(crate) fn program(seed: u64) -> Program {
    let mut random = Random::new(seed);
    let mut rules = Vec::new();
    for (name, bodies) in [("r0", 30), ("r1", 12), ("r2", 40)] {
        // Bodies of a few forms, so that forms have several bodies.
        let forms: Vec<Vec<usize>> = (0..3).map(|_| (0..=random.below(3)).map(|_| random.below(7)).collect()).collect();
        for number in 0..1 + random.below(bodies) {
            let form = &forms[random.below(forms.len())];
            let mut lines: Vec<String> = form.iter().map(|guard| condition(*guard, &mut random)).collect();
            if random.below(3) == 0 {
                lines.push(format!("input.n != {}", random.below(4)));
            }
            let head = match name {
                "r0" => "r0".to_owned(),
                // Two bodies of the same value agree.
                "r1" => format!("r1 := {}", random.below(2)),
                _ => format!("r2 contains {number}"),
            };
            rules.push(format!("{head} if {{\n\t{}\n}}\n", lines.join("\n\t")));
        }
    }
    let inputs = (0..40).map(|_| input(&mut random)).collect();
    Program { rules, names: ["r0", "r1", "r2"].map(str::to_owned).to_vec(), data: json!({}), inputs }
}

fn condition(kind: usize, random: &mut Random) -> String {
    let mut text = || Value::from(TEXTS[random.below(TEXTS.len())]).to_string();
    match kind {
        0 => format!("input.a == {}", text()),
        1 => format!("input.a in {{{}, {}, {}}}", text(), text(), text()),
        2 => format!("input.b in [{}, 1, {}]", text(), text()),
        3 => format!("startswith(input.path, {})", text()),
        4 => format!("startswith(input.a, {})", text()),
        5 => format!("{} == input.n", random.below(4)),
        _ => format!("found := startswith(input.path, {})\n\tfound", text()),
    }
}

fn input(random: &mut Random) -> Value {
    let mut any = || match random.below(12) {
        0 => json!(1),
        1 => json!(1.0),
        2 => Value::Null,
        3 => json!(["a"]),
        _ => {
            let mut text = TEXTS[random.below(TEXTS.len())].to_owned();
            if random.below(3) == 0 {
                text.push_str(TEXTS[random.below(TEXTS.len())]);
            }
            json!(text)
        }
    };
    let (a, b, path) = (any(), any(), any());
    let mut input = json!({"a": a, "b": b, "path": path, "n": random.below(4)});
    if let Value::Object(members) = &mut input
        && random.below(5) == 0
    {
        let name = ["a", "b", "path", "n"][random.below(4)];
        members.remove(name);
    }
    input
}

/// A rule of `count` bodies, each with a prefix, a list and an equality of its own.
pub(crate) fn large(count: usize) -> String {
    let body = |number: usize| {
        format!(
            "allow if {{\n\tstartswith(input.path, \"/api/{number}/\")\n\tinput.method in [\"get{}\", \"head{number}\"]\n\
             \tinput.kind == \"k\"\n}}\n",
            number % 7
        )
    };
    let bodies: String = (0..count).map(body).collect();
    format!("package t\n\n{bodies}")
}
