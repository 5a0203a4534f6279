//! Rules whose bodies are alike but for constants, of every kind that code can depend on: a module is the same, byte for byte,
//! whether one body of each shape is compiled or every body.

use sealgate_compiler::{CodegenOptions, compile_plan_with};

use super::engines::plan_of;
use super::generator;
use super::guards;
use super::random::Random;

/// Constants about which generated code may ask different things: other types, sizes, spellings of one number, texts that are
/// keys, patterns or no patterns, and collections that are empty, equal or mixed.
const CONSTANTS: [&str; 32] = [
    "0",
    "1",
    "1.0",
    "1e0",
    "2",
    "15",
    "16",
    "-1",
    "1073741823",
    "1073741824",
    "1e400",
    "0.5",
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"kind\"",
    "\"say \\\"a\\\"\"",
    "\"[a-z]+\"",
    "\"[\"",
    "\"*.com\"",
    "true",
    "false",
    "null",
    "[]",
    "[1]",
    "[1, \"a\"]",
    "[1, [2]]",
    "{}",
    "{\"kind\": 1}",
    "{1, 1.0}",
    "{\"a\", \"b\", \"a\"}",
    "set()",
];

/// Lines of a body; `@` is another constant each time.
const LINES: [&str; 24] = [
    "input.b == @",
    "input.b != @",
    "not input.b == @",
    "input.n < @",
    "@ >= input.n",
    "input.b in @",
    "input.b in [@, @, @]",
    "input.b in {@, @}",
    "not input.b in {@, @}",
    "input.list[@] == @",
    "x := input.object[@]\n\tx.kind == @",
    "x := {\"kind\": @, \"other\": input.n}\n\tx == input.object",
    "x := {@: @, \"k\": @, \"k\": @}\n\tcount(x) > 1",
    "x := [@, input.n, @]\n\tx[1] == @",
    "regex.match(@, input.a)",
    "glob.match(@, [], input.a)",
    "glob.match(@, [@], input.a)",
    "some y in input.list\n\ty == @",
    "every y in input.list { y != @ }",
    "count({y | some y in input.list; y > @}) == @",
    "x := @\n\tx == @\n\tinput.b == x",
    "data.t.helper(@) == @",
    "input.b == @ with input.b as @",
    "object.get(input.object, @, @) == @",
];

const NAMES: [&str; 7] = ["r0", "r1", "r2", "r3", "r5", "r6", "r7"];
const BEGINNING: &str = "package t\n\nhelper(x) := x\n\nr7 if r4(input.b)\n";

/// Draws a program of rules with many bodies, of a few forms each.
fn program(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut text = BEGINNING.to_owned();
    for head in [
        "r0",
        "r1 := @",
        "r2 contains @",
        "r3[@] := @",
        "r4(@)",
        "r5 := {\"kind\": @, \"list\": [@, @]}",
        "r6 := input.n",
    ] {
        let forms: Vec<Vec<&str>> =
            (0..2).map(|_| (0..random.below(3)).map(|_| LINES[random.below(LINES.len())]).collect()).collect();
        // Of few constants many bodies are the same, of many each is another.
        let few = 1 + random.below(CONSTANTS.len());
        for _ in 0..8 + random.below(30) {
            let guard = format!("input.a == \"{}\"", random.below(9));
            let form = &forms[random.below(forms.len())];
            let body: Vec<&str> = std::iter::once(guard.as_str()).chain(form.iter().copied()).collect();
            let mut rule = format!("\n{head} if {{\n\t{}\n}}\n", body.join("\n\t"));
            while let Some(at) = rule.find('@') {
                let constant = CONSTANTS[(usize::try_from(seed % 100).unwrap() + random.below(few)) % CONSTANTS.len()];
                rule.replace_range(at..=at, constant);
            }
            // What does not go together with these constants is left out.
            let alone = format!("{BEGINNING}{}{rule}", if head.starts_with("r4") { "" } else { "r4(_)" });
            if plan_of(&alone, &["r7"]).is_ok() {
                text.push_str(&rule);
            }
        }
    }
    text
}

/// Holds that a text gives the same module both ways; whether it compiles.
fn hold(text: &str, names: &[&str]) -> bool {
    let Ok(plan) = plan_of(text, names) else { return false };
    for strict_builtin_errors in [false, true] {
        let module = |each_body_anew| {
            let options = CodegenOptions { strict_builtin_errors, each_body_anew };
            compile_plan_with(&plan, options)
                .map(|module| (module.wasm, module.builtins))
                .map_err(|error| error.to_string())
        };
        assert!(module(false) == module(true), "strict: {strict_builtin_errors}\n{text}");
    }
    true
}

/// Holds it of so many drawn programs; how many of them compile.
pub(crate) fn hold_all(first: u64, count: u64) -> usize {
    let seeds = (0..count).map(|at| first.wrapping_mul(1_000_003).wrapping_add(at));
    let held = |seed: u64| {
        let guarded = guards::program(seed).module();
        let drawn = generator::program(seed);
        let names: Vec<&str> = drawn.names.iter().map(String::as_str).collect();
        hold(&guarded, &["r0", "r1", "r2"]);
        hold(&drawn.module(), &names);
        let text = program(seed);
        let names: Vec<&str> = NAMES.into_iter().filter(|name| text.contains(&format!("\n{name}"))).collect();
        hold(&text, &names)
    };
    seeds.filter(|seed| held(*seed)).count()
}
