//! `strings.render_template`.

use sealgate_testkit::{Answer, Draw};

use crate::{agree, quoted};

const VARIABLES: &str = r#"{"s": "te<x>t", "n": 42, "f": 1.5, "t": true, "e": "", "z": null, "l": ["a", 2, null, "c"], "m": {"k": "v", "n": {"d": 7}, "a": [1]}, "big": 12345678901234567890, "u": "é\n"}"#;

fn operand(draw: &mut Draw, depth: usize) -> String {
    if depth > 0 && draw.once_in(4) {
        return format!("({})", pipe(draw, depth - 1));
    }
    draw.of(&[
        ".",
        ".s",
        ".n",
        ".f",
        ".t",
        ".e",
        ".z",
        ".l",
        ".m",
        ".m.k",
        ".m.n.d",
        ".m.x",
        ".missing",
        ".missing.x",
        ".z.x",
        "$",
        "$.s",
        "$.m.n",
        "1",
        "2",
        "-3",
        "1.5",
        "1e3",
        "0x1F",
        "'a'",
        "\"str\"",
        "`raw`",
        "true",
        "nil",
        "\"a\\tb\\x41\"",
        "0",
        ".u",
        ".big",
        "1000000.0",
    ])
    .to_owned()
}

fn pipe(draw: &mut Draw, depth: usize) -> String {
    let call = match draw.below(3) {
        0 => operand(draw, depth),
        1 => format!(
            "{} {}",
            draw.of(&[
                "len",
                "not",
                "print",
                "println",
                "html",
                "js",
                "urlquery",
                "index .l",
                "index .m",
                "printf \"%v|%s\"",
                "printf \"%d %q\" 5",
                "printf \"%T\"",
                "printf \"%5s|%-5v|%05d\" .s 3",
                "eq 1",
                "and .t",
                "or .e",
                "call"
            ]),
            operand(draw, depth)
        ),
        _ => format!(
            "{} {} {}",
            draw.of(&[
                "eq",
                "ne",
                "lt",
                "le",
                "gt",
                "ge",
                "and",
                "or",
                "index",
                "slice",
                "print",
                "printf \"%v-%v\"",
                "slice .s 1",
                "eq .n",
                "html"
            ]),
            operand(draw, depth),
            operand(draw, depth)
        ),
    };
    if draw.once_in(5) {
        format!(
            "{call} | {}",
            draw.of(&["print", "printf \"%v\"", "len", "html", "not", "eq 42", "printf \"%s %v\" .s", "js"])
        )
    } else {
        call
    }
}

fn body(draw: &mut Draw, depth: usize) -> String {
    let mut out = String::new();
    for _ in 0..=draw.below(3) {
        let (open, close) = (draw.of(&["{{", "{{", "{{- "]), draw.of(&["}}", "}}", " -}}"]));
        let pipe = pipe(draw, 2);
        let node = match draw.below(if depth == 0 { 4 } else { 12 }) {
            0 => draw.of(&[" text ", "\n  line\n", "{ }", "<b>", "{{/* note */}}", "{{- /* note */ -}}"]).to_owned(),
            1..=3 => format!("{open}{pipe}{close}"),
            4 => format!(
                "{open}if {pipe}{close}{}{{{{else}}}}{}{{{{end}}}}",
                body(draw, depth - 1),
                body(draw, depth - 1)
            ),
            5 => format!("{open}with {pipe}{close}{}{{{{else with .s}}}}w{{{{end}}}}", body(draw, depth - 1)),
            6 => format!("{open}range .l{close}{}{{{{end}}}}", body(draw, depth - 1)),
            7 => format!(
                "{open}range $i, $v := {}{close}{{{{$i}}}}={{{{$v}}}};{}{{{{else}}}}none{{{{end}}}}",
                draw.of(&[".l", ".m", ".z", "3", ".e", ".missing"]),
                body(draw, depth - 1)
            ),
            8 => format!("{open}$x := {pipe}{close}{{{{$x}}}}{{{{$x = 5}}}}{{{{$x}}}}"),
            9 => format!("{{{{block \"b{}\" .m}}}}{}{{{{end}}}}", draw.below(1000), body(draw, depth - 1)),
            10 => format!(
                "{{{{range $v := .l}}}}{{{{if eq (print $v) \"{}\"}}}}{{{{{}}}}}{{{{end}}}}{{{{$v}}}},{{{{end}}}}",
                draw.of(&["a", "2", "c"]),
                draw.of(&["break", "continue"])
            ),
            _ => format!("{{{{template \"{}\" {}}}}}", draw.of(&["T", "T", "U"]), operand(draw, 1)),
        };
        out.push_str(&node);
    }
    out
}

#[test]
fn templates_are_as_opas() {
    agree(&[("strings.render_template", |draw| {
        let mut text = body(draw, 2);
        if draw.once_in(2) {
            text = format!("{{{{define \"T\"}}}}[{{{{.}}}}]{{{{end}}}}{text}");
        }
        if draw.once_in(8) {
            text = draw.mutate(&text);
        }
        let variables = if draw.once_in(20) { "{\"a\": {1}}" } else { VARIABLES };
        vec![quoted(&text), variables.to_owned()]
    })]);
}

#[test]
fn endless_templates_halt() {
    let endless = [
        "{{define \"T\"}}{{template \"T\" .}}{{end}}{{template \"T\" .}}".to_owned(),
        "{{range 999999999}}{{end}}".to_owned(),
        "{{range 9999999}}{{printf \"%999999d\" 1}}{{end}}".to_owned(),
        "{{range 999}}".repeat(4) + &"{{end}}".repeat(4),
        "(".repeat(100_000),
        format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000)),
        "{{if 1}}".repeat(100_000),
        "x".repeat(2 << 20),
    ];
    for text in endless {
        let result = crate::call("strings.render_template", &[quoted(&text), "{}".to_owned()]);
        assert!(matches!(result, Answer::Halted(_)) || text.starts_with('('), "{}: {result:?}", &text[..40]);
    }
}
