//! Constraints as text and what they parse to, or why they do not.

use serde_json::json;

use super::*;

fn read(text: &str) -> Condition {
    let (condition, found) = parse(text, &|_| None, &Vec::new);
    condition.unwrap_or_else(|| panic!("{text}: {found:?}"))
}

#[test]
fn precedence_is_not_then_and_then_or() {
    let of = |name: &str| read(&format!("args.{name} == 1"));
    let expected = Condition::Or(vec![Condition::And(vec![Condition::Not(Box::new(of("a"))), of("b")]), of("c")]);
    assert_eq!(read("not args.a == 1 and args.b == 1 or args.c == 1"), expected);
    assert_eq!(read("((not (args.a == 1)) and args.b == 1) or args.c == 1"), expected);
    assert_eq!(read("args.a<=1"), read("  args.a  <=  1 "));
}

#[test]
fn paths_print_as_they_are_written() {
    for text in ["args", "args.a.b", "args.items[0].price", "args[\"x-y\"].z", "role", "ctx.ip"] {
        let Condition::Compare { left: Operand::Path(path), .. } = read(&format!("{text} == 1")) else {
            panic!("{text}")
        };
        assert_eq!(path.to_string(), text);
    }
    let Condition::Elements { condition, .. } = read("every(args.l, . == 1 and .in == 2 and .[\"a b\"][1] == . )")
    else {
        panic!()
    };
    let Condition::And(all) = *condition else { panic!() };
    let paths: Vec<String> = all
        .iter()
        .map(|each| match each {
            Condition::Compare { left: Operand::Path(path), .. } => path.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, [".", ".in", "[\"a b\"][1]"]);
}

#[test]
fn long_paths_are_refused() {
    let of = |steps: usize| format!("args{} == 1", ".a".repeat(steps));
    read(&of(256));
    let (_, found) = parse(&of(257), &|_| None, &Vec::new);
    assert_eq!(found.iter().map(|finding| &*finding.message).collect::<Vec<_>>(), ["a path has at most 256 steps"]);
}

#[test]
fn literals_keep_their_precision() {
    let of = |text: &str| match read(&format!("args.x == {text}")) {
        Condition::Compare { right: Operand::Literal(value), .. } => value.to_string(),
        other => panic!("{other:?}"),
    };
    for text in ["9007199254740993", "1.10", "1e+400", "-0.5", "\"é\\n\"", "[1,[2.0],{\"a\":null}]", "true", "null"] {
        assert_eq!(of(text), text);
    }
}

#[test]
fn everything_wrong_with_names_and_types_is_gathered() {
    let (condition, found) =
        parse("arg.x == consts.y and startswith(5, [1]) and matches(rol, \"(\")", &|_| None, &Vec::new);
    assert_eq!(condition, None);
    let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "unknown root `arg`",
            "unknown constant `y`",
            "a string test takes strings, not a number",
            "a string test takes strings, not a list",
            "unknown root `rol`",
            "`(` is not a pattern: unclosed group",
        ]
    );
    assert_eq!(found.iter().map(|finding| finding.range.clone()).next_back(), Some(59..60));
}

#[test]
fn any_text_is_read_without_a_panic() {
    use proptest::prelude::*;
    let pieces = prop::sample::select(vec![
        "args",
        ".",
        "x",
        " ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\",
        "not ",
        "and ",
        "or ",
        "in ",
        "every(",
        "any(",
        ",",
        "==",
        "<",
        "1",
        "-",
        "e",
        "é",
        "\0",
        "count(",
        "matches(args.x,",
        "consts.",
        "null",
        ":",
        "😀",
    ]);
    proptest!(|(text in prop::collection::vec(pieces, 0..20))| {
        let text = text.concat();
        let (_, found) = parse(&text, &|_| Some(json!(1)), &Vec::new);
        for finding in found {
            prop_assert!(text.get(finding.range.clone()).is_some(), "{text:?} {finding:?}");
        }
    });
}
