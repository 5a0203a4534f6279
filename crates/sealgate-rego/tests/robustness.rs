//! Whatever the input, the parser gives a tree or errors: no panic, no hang. What it takes it can print, and what it
//! prints it takes again as the same tree.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod mutation;

use mutation::Mutator;
use proptest::prelude::*;
use sealgate_diagnostics::{Color, SourceId, Sources};
use sealgate_rego::ast::{Module, Version};
use sealgate_rego::{ParseOptions, parse_module, parse_query, parse_term};

const SNIPPETS: &str = include_str!("snippets.rego.txt");

fn sources(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let id = sources.add("m.rego", text);
    (sources, id)
}

/// The tree without the places.
fn structure(module: &Module) -> String {
    let text = format!("{module:?}");
    let mut parts = text.split("Span { ");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |mut out, part| {
        // `source: SourceId(0), start: 1, end: 2 }`
        out.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
        out
    })
}

/// Parses in both dialects and as query and term; what parses must survive being printed.
fn check(text: &str) {
    let (sources_of, id) = sources(text);
    for version in [Version::V0, Version::V1] {
        let options = ParseOptions { version };
        for errors in [parse_query(&sources_of, id, options).err(), parse_term(&sources_of, id, options).err()]
            .into_iter()
            .flatten()
        {
            assert!(errors.has_errors());
        }
        match parse_module(&sources_of, id, options) {
            Err(errors) => {
                assert!(errors.has_errors() && errors.iter().all(|error| error.code == "rego_parse_error"));
                assert!(errors.len() <= 64, "{} errors", errors.len());
                // Every place lies in the text.
                let rendered = errors.render(&sources_of, Color::Never);
                assert!(errors.iter().all(|error| error.span.is_some()), "{rendered}");
            }
            Ok(module) => {
                let printed = module.to_string();
                let (again, id) = sources(&printed);
                let reparsed = parse_module(&again, id, options).unwrap_or_else(|errors| {
                    panic!("{text}\nprints as\n{printed}\n{}", errors.render(&again, Color::Never))
                });
                assert_eq!(structure(&module), structure(&reparsed), "{text}\nprints as\n{printed}");
                assert_eq!(printed, reparsed.to_string());
            }
        }
    }
}

#[test]
fn snippets_survive_printing() {
    SNIPPETS.split("\n---\n").for_each(|text| check(&format!("package t\n{text}\n")));
}

#[test]
fn mutated_snippets_do_not_panic_and_survive_printing() {
    let corpus: Vec<String> = SNIPPETS.split("\n---\n").map(|text| format!("package t\n{text}\n")).collect();
    let mut mutator = Mutator::new(11);
    for _ in 0..4000 {
        check(&mutator.mutate(&corpus));
    }
}

#[test]
fn token_soups_do_not_panic() {
    let mut mutator = Mutator::new(12);
    for _ in 0..4000 {
        let length = 1 + mutator.below(60);
        check(&mutator.soup(length));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_does_not_panic(text in "(package t\n)?\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn brackets_and_quotes_do_not_panic(text in "package t\np := [\\[\\]{}()\"`$|,:;.x1\\-\n #\\\\]{0,60}") {
        check(&text);
    }

    #[test]
    fn strings_keep_their_characters(text in any::<String>()) {
        prop_assume!(!text.contains('\u{feff}') && !text.contains('\0'));
        let quoted = serde_json::to_string(&text).unwrap();
        let (all, id) = sources(&quoted);
        let term = parse_term(&all, id, ParseOptions::default()).unwrap();
        let sealgate_rego::ast::TermKind::String(got) = &term.kind else { panic!("{quoted} is no string") };
        prop_assert_eq!(got, &text);
        let printed = term.to_string();
        let (all, id) = sources(&printed);
        let again = parse_term(&all, id, ParseOptions::default()).unwrap();
        prop_assert!(matches!(&again.kind, sealgate_rego::ast::TermKind::String(again) if *again == text));
    }
}
