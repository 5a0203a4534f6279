//! What each builtin is called with.

use proptest::prelude::*;
use proptest::sample::select;

use crate::term::Term;

/// How to draw the arguments of a builtin, and how to call it in Rego with an array `c` of them.
pub(crate) struct Arguments {
    pub(crate) calls: BoxedStrategy<Vec<Term>>,
    pub(crate) call: String,
}

/// The arguments of the builtin `name`.
pub(crate) fn arguments(name: &str, arity: usize) -> Arguments {
    let mut kinds = kinds(name);
    assert!(kinds.is_empty() || kinds.len() == arity, "{name} takes {arity} arguments");
    kinds.resize_with(arity, any_term);
    // What the compiler never passes ends the evaluation there.
    let surprise = u32::from(name != "internal.template_string");
    let calls =
        kinds.into_iter().map(|kind| prop_oneof![12 => kind, surprise => any_term()].boxed()).collect::<Vec<_>>();
    let calls = if name == "regex.template_match" {
        prop_oneof![9 => template_call(), 1 => calls].boxed()
    } else {
        calls.boxed()
    };
    let places: Vec<String> = (0..arity).map(|index| format!("c[{index}]")).collect();
    let call = match name {
        "internal.member_2" => "c[0] in c[1]".to_owned(),
        "internal.member_3" => "(c[0], c[1] in c[2])".to_owned(),
        "walk" => "[x | walk(c[0], x)]".to_owned(),
        _ => format!("{name}({})", places.join(", ")),
    };
    Arguments { calls, call }
}

/// Differences that the documentation names.
pub(crate) fn known_difference(name: &str, arguments: &[Term]) -> bool {
    match (name, arguments) {
        // Where gobwas/glob, OPA's library, strays from its own documentation: stars next to stars, also through braces;
        // braces that are empty or stay open; a class after another character than ASCII; `[!a]` and `?`, which take the empty text.
        ("glob.match", [Term::String(pattern), _, Term::String(text)]) => {
            let open = pattern.matches('{').count() > pattern.matches('}').count();
            let stars = ["***", "*{", "}*", "{}"].iter().any(|odd| pattern.contains(odd));
            let class = pattern.contains('[') && (text.is_empty() || !text.is_ascii() || !pattern.is_ascii());
            open || stars || class || pattern.trim_end_matches('\\') == "?" && text.is_empty()
        }
        // The address of a big integer.
        ("sprintf", [Term::String(format), Term::Array(arguments)]) => {
            let big = |term: &Term| matches!(term, Term::Number(text) if text.parse::<i64>().is_err());
            format.contains('p') && arguments.iter().any(big)
        }
        _ => false,
    }
}

fn kinds(name: &str) -> Vec<BoxedStrategy<Term>> {
    let s = || text().boxed();
    let n = || number().boxed();
    let i = || small_int().boxed();
    match name {
        "plus" | "mul" | "div" | "rem" | "bits.and" | "bits.or" | "bits.xor" => vec![n(), n()],
        "minus" => vec![prop_oneof![n(), set_of(any_term())].boxed(), prop_oneof![n(), set_of(any_term())].boxed()],
        "abs" | "round" | "ceil" | "floor" | "bits.negate" => vec![n()],
        "bits.lsh" | "bits.rsh" => vec![n(), i()],
        "numbers.range" => vec![near_int(), near_int()],
        "numbers.range_step" => vec![near_int(), near_int(), i()],
        "format_int" => vec![n(), select(vec![2, 8, 10, 16, 3]).prop_map(Term::int).boxed()],
        "sum" | "product" => vec![prop_oneof![array_of(number()), set_of(number())].boxed()],
        "max" | "min" | "sort" => vec![prop_oneof![array_of(any_term()), set_of(any_term())].boxed()],
        "all" | "any" => {
            let truths = || prop_oneof![6 => Just(Term::Bool(true)), 1 => Just(Term::Bool(false)), 1 => any_term()];
            vec![prop_oneof![array_of(truths()), set_of(truths())].boxed()]
        }
        "internal.member_2" => vec![scalar(), collection()],
        "internal.member_3" => vec![scalar(), scalar(), collection()],
        "array.concat" => vec![array_of(any_term()), array_of(any_term())],
        "array.flatten" => vec![array_of(any_term())],
        "array.reverse" => vec![array_of(any_term())],
        "array.slice" => vec![array_of(any_term()), i(), i()],
        "and" | "or" | "set_diff" => vec![set_of(scalar()), set_of(scalar())],
        "intersection" | "union" => vec![set_of(prop_oneof![9 => set_of(scalar()), 1 => scalar()])],
        "to_number" => vec![numeric_text()],
        "cast_array" | "cast_set" => vec![collection()],
        "startswith" | "endswith" | "contains" | "strings.count" | "indexof" | "indexof_n" | "split" | "trim"
        | "trim_left" | "trim_right" | "trim_prefix" | "trim_suffix" => vec![s(), s()],
        "strings.any_prefix_match" | "strings.any_suffix_match" => vec![texts(), texts()],
        "substring" => vec![s(), i(), i()],
        "concat" => vec![s(), texts()],
        "strings.split_n" => vec![s(), s(), i()],
        "replace" => vec![s(), s(), s()],
        "strings.replace_n" => vec![object_of(text(), text()), s()],
        "strings.reverse" | "trim_space" | "lower" | "upper" => vec![s()],
        "regex.is_valid" => vec![pattern()],
        "regex.match" | "re_match" | "regex.split" => vec![pattern(), s()],
        "regex.find_n" | "regex.find_all_string_submatch_n" => vec![pattern(), s(), i()],
        "regex.replace" => vec![s(), pattern(), replacement()],
        "glob.match" => vec![glob(), delimiters(), glob_text()],
        "object.get" => {
            vec![object_of(scalar(), any_term()), prop_oneof![scalar(), array_of(scalar())].boxed(), scalar()]
        }
        "object.keys" => vec![object_of(scalar(), scalar())],
        "object.filter" | "object.remove" => vec![object_of(scalar(), scalar()), collection()],
        "object.union" => vec![nested_object(), nested_object()],
        "object.union_n" => vec![array_of(nested_object())],
        "object.subset" => {
            let nested = || prop_oneof![nested_object(), array_of(scalar()), set_of(scalar())].boxed();
            vec![nested(), nested()]
        }
        "json.filter" | "json.remove" => {
            vec![nested_object(), prop_oneof![array_of(json_path()), set_of(json_path())].boxed()]
        }
        "json.patch" => vec![nested_object(), patches()],
        "json.unmarshal" | "json.is_valid" => vec![json_text()],
        "base64.encode" | "base64url.encode" | "base64url.encode_no_pad" | "hex.encode" | "urlquery.encode" => {
            vec![s()]
        }
        "base64.decode" | "base64.is_valid" | "base64url.decode" => vec![base64_text()],
        "hex.decode" => vec!["([0-9a-fA-F]{2}){0,4}[g0]?".prop_map(Term::String).boxed()],
        "urlquery.decode" => vec!["([a-z+ &=;]|%[0-9A-Fa-f]{2}|%){0,8}".prop_map(Term::String).boxed()],
        "urlquery.encode_object" => vec![object_of(text(), prop_oneof![9 => texts(), 1 => any_term()])],
        "urlquery.decode_object" => {
            vec!["([ab+ ;]|%41|%zz|[a-c]{0,2}=[a-c]{0,2}&){0,6}".prop_map(Term::String).boxed()]
        }
        "graph.reachable" | "graph.reachable_paths" => {
            let node = || "[a-f]".prop_map(Term::String);
            let nodes = || prop_oneof![9 => array_of(node()), 9 => set_of(node()), 1 => Just(Term::Null)];
            vec![object_of_size(node(), nodes(), 8), nodes().boxed()]
        }
        "net.cidr_contains" | "net.cidr_overlap" => vec![cidr(), prop_oneof![cidr(), address()].boxed()],
        "net.cidr_intersects" => vec![cidr(), cidr()],
        "net.cidr_is_valid" => vec![prop_oneof![cidr(), address()].boxed()],
        "net.cidr_contains_matches" => vec![cidrs(), cidrs()],
        "net.cidr_expand" => vec![small_cidr()],
        "net.cidr_merge" => vec![cidrs()],
        "uuid.parse" => vec![uuid()],
        "regex.globs_match" => vec![set_pattern(), set_pattern()],
        "crypto.md5" | "crypto.sha1" | "crypto.sha256" => vec![s()],
        "crypto.hmac.md5" | "crypto.hmac.sha1" | "crypto.hmac.sha256" | "crypto.hmac.sha512" => {
            let long = "[a-z]{60,140}".prop_map(Term::String);
            vec![s(), prop_oneof![4 => text().boxed(), 1 => long.boxed()].boxed()]
        }
        "crypto.hmac.equal" => vec![prop_oneof!["[ab]{0,2}"].prop_map(Term::String).boxed(), s()],
        "semver.compare" => vec![version(), version()],
        "semver.is_valid" => vec![version()],
        "units.parse" | "units.parse_bytes" => vec![amount()],
        "internal.template_string" => {
            let one = prop_oneof![any_term().prop_map(|term| Term::Set(vec![term])), Just(Term::Set(Vec::new()))];
            vec![array_of(prop_oneof![scalar(), one.boxed()])]
        }
        "sprintf" => vec![
            format(),
            array_of(prop_oneof![4 => number().boxed(), 2 => text().boxed(), 1 => any_term(), 3 => double()]),
        ],
        "glob.quote_meta" => vec![glob()],
        _ => Vec::new(),
    }
}

/// The arguments of `regex.template_match`. A template begins with what tells its delimiters: OPA caches it without them.
fn template_call() -> BoxedStrategy<Vec<Term>> {
    let piece = select(vec!["a", "b.", "<a+>", "<[ab]{2}>", "<", ">", "é", "<(>", "<>", "<a|b>", "/", "<\\d*>"]);
    let template = prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat());
    let delimited = select(vec![("", "<", ">"), ("1", "{", "}"), ("2", "|", "|"), ("3", "é", ">"), ("4", "", "a")]);
    let call =
        (delimited, template, "[ab]{0,3}[./é]{0,1}[ab0]{0,3}").prop_map(|((mark, start, end), template, text)| {
            let template = template.replace('<', start).replace('>', end);
            [format!("{mark}{template}"), format!("{mark}{text}"), start.to_owned(), end.to_owned()]
                .map(Term::String)
                .into()
        });
    call.boxed()
}

/// Texts that are, or nearly are, a UUID.
fn uuid() -> BoxedStrategy<Term> {
    let dashed = "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let low = "[0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[0-9a-f]{2}0[0-3]-[0-9a-f]{12}";
    prop_oneof![
        6 => low.prop_map(String::from),
        3 => dashed.prop_map(String::from),
        1 => "[0-9a-f]{32}",
        1 => dashed.prop_map(|text: String| format!("URN:uuid:{text}")),
        1 => dashed.prop_map(|text: String| format!("{{{text}}}")),
        1 => "[0-9a-f-]{34,38}",
    ]
    .prop_map(Term::String)
    .boxed()
}

/// Patterns of `regex.globs_match`, few letters apart.
fn set_pattern() -> BoxedStrategy<Term> {
    let piece = select(vec![
        "a", "b", "c", "a", ".", ".*", ".+", "a*", "b+", "[ab]", "[a-c]*", "[b-d]+", "[]", "\\.", "é", "[\\]a]",
    ]);
    let odd = select(vec!["[", "]", "+", "*", "\\", "[a", "[-a]", "[a-]", "[c-a]", "[a--]"]);
    prop::collection::vec(prop_oneof![30 => piece, 1 => odd], 0..7)
        .prop_map(|pieces| Term::String(pieces.concat()))
        .boxed()
}

fn small_int() -> impl Strategy<Value = Term> {
    prop_oneof![8 => -3i64..12, 1 => select(vec![i64::MAX, i64::MIN, 1 << 32, 1 << 40])]
        .prop_filter("shifts must stay affordable", |n| *n < 200 || *n > 1 << 41 || *n == 1 << 32 || *n == 1 << 40)
        .prop_map(|n| if n > 200 { Term::Number("199".into()) } else { Term::int(n) })
}

/// Integers near one another, in several notations.
fn near_int() -> BoxedStrategy<Term> {
    prop_oneof![
        (-6i64..12).prop_map(Term::int),
        (0i64..9).prop_map(|n| Term::Number(format!("{n}.0"))),
        (0i64..9).prop_map(|n| Term::Number(format!("{n}e0"))),
        Just(Term::Number("1.5".into())),
    ]
    .boxed()
}

pub(crate) fn number() -> impl Strategy<Value = Term> {
    prop_oneof![
        (-20i64..20).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,40})",
        "-?(0|[1-9][0-9]{0,4})\\.[0-9]{1,4}",
        "-?(0|[1-9][0-9]{0,25})\\.[0-9]{1,25}",
        "-?(0|[1-9][0-9]{0,10})(\\.[0-9]{1,10})?[eE][+-]?[0-9]{1,2}",
        select(vec!["0", "-0", "1.0", "0.5", "-0.5", "2.5", "9007199254740993", "18446744073709551616"])
            .prop_map(String::from),
    ]
    .prop_map(Term::Number)
}

fn text() -> impl Strategy<Value = Term> {
    prop_oneof![
        "[ab]{0,6}",
        "[a-c/., ]{0,10}",
        "[aàß€😀İǅ \t\u{85}\u{a0}\u{2003}]{0,8}",
        // Characters that Go's edition of Unicode has, but not those whose capitals are younger.
        "[\\p{age=15.0}&&\\PC&&[^\u{19B}\u{264}\u{A7D3}\u{A7D5}]]{0,12}",
        "[A-Za-z0-9_ -]{0,16}",
        select(vec!["", "a", "/", ".", "aaaa", "abcabc", "日本語"]).prop_map(String::from),
    ]
    .prop_map(Term::String)
}

fn texts() -> BoxedStrategy<Term> {
    prop_oneof![array_of(text()), set_of(text()), text().boxed()].boxed()
}

fn numeric_text() -> BoxedStrategy<Term> {
    let good = number().prop_map(|number| match number {
        Term::Number(text) => Term::String(text),
        other => other,
    });
    let edges = select(vec![
        "",
        "0x10",
        "inf",
        "-Infinity",
        "NaN",
        "1e308",
        "1e309",
        "-1e400",
        "1e-400",
        " 1",
        "1.797693134862315e308",
        "1.7976931348623159e308",
        "1e5",
        "--1",
        "1e",
        "e5",
    ]);
    prop_oneof![6 => good, 3 => edges.prop_map(Term::text), 1 => any_term()].boxed()
}

fn scalar() -> BoxedStrategy<Term> {
    prop_oneof![
        1 => Just(Term::Null),
        1 => any::<bool>().prop_map(Term::Bool),
        3 => (0i64..5).prop_map(Term::int),
        1 => number(),
        3 => "[a-d]{0,2}".prop_map(Term::String),
    ]
    .boxed()
}

pub(crate) fn any_term() -> BoxedStrategy<Term> {
    scalar()
        .prop_recursive(3, 12, 4, |inner| {
            prop_oneof![array_of(inner.clone()), set_of(inner.clone()), object_of(scalar(), inner)]
        })
        .boxed()
}

fn collection() -> BoxedStrategy<Term> {
    prop_oneof![array_of(scalar()), set_of(scalar()), object_of(scalar(), scalar())].boxed()
}

fn array_of(term: impl Strategy<Value = Term> + 'static) -> BoxedStrategy<Term> {
    prop::collection::vec(term, 0..5).prop_map(Term::Array).boxed()
}

fn set_of(term: impl Strategy<Value = Term> + 'static) -> BoxedStrategy<Term> {
    prop::collection::vec(term, 0..5).prop_map(|terms| Term::Set(distinct(terms, |term| term))).boxed()
}

fn object_of(
    key: impl Strategy<Value = Term> + 'static,
    value: impl Strategy<Value = Term> + 'static,
) -> BoxedStrategy<Term> {
    prop::collection::vec((key, value), 0..4).prop_map(|pairs| Term::Object(distinct(pairs, |pair| &pair.0))).boxed()
}

fn object_of_size(
    key: impl Strategy<Value = Term> + 'static,
    value: impl Strategy<Value = Term> + 'static,
    size: usize,
) -> BoxedStrategy<Term> {
    prop::collection::vec((key, value), 0..size).prop_map(|pairs| Term::Object(distinct(pairs, |pair| &pair.0))).boxed()
}

/// Objects that share keys and shapes, two levels deep and more.
fn nested_object() -> BoxedStrategy<Term> {
    let key = || prop_oneof![8 => "[a-c01]".prop_map(Term::String), 1 => scalar()].boxed();
    scalar()
        .prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![3 => object_of(key(), inner.clone()), 1 => array_of(inner.clone()), 1 => set_of(inner)]
        })
        .prop_map(|term| match term {
            Term::Object(_) => term,
            other => Term::Object(vec![(Term::text("a"), other)]),
        })
        .boxed()
}

fn json_path() -> BoxedStrategy<Term> {
    let text = "/?[a-c01](/[a-c01]|/~[01]|/){0,2}".prop_map(Term::String);
    let keys = array_of(prop_oneof![8 => "[a-c01]".prop_map(Term::String), 2 => scalar()]);
    prop_oneof![4 => text, 4 => keys, 1 => Just(Term::text("")), 1 => any_term()].boxed()
}

fn patches() -> BoxedStrategy<Term> {
    let operation = select(vec!["add", "remove", "replace", "move", "copy", "test", "add", "replace", "odd"]);
    // Not the empty path: OPA crashes where the document itself is removed.
    let key = || prop_oneof![8 => "[a-c01]".prop_map(Term::String), 2 => scalar()];
    let keys = || prop::collection::vec(key(), 1..4).prop_map(Term::Array);
    let path = || prop_oneof![6 => "/[a-c01-](/[a-c01-]){0,2}".prop_map(Term::String), 2 => keys()];
    let patch = (operation, path(), path(), scalar(), 0u8..12).prop_map(|(operation, path, from, value, missing)| {
        let members = [("op", Term::text(operation)), ("path", path), ("from", from), ("value", value)];
        let kept = members.into_iter().enumerate().filter(|(index, _)| *index != usize::from(missing));
        Term::Object(kept.map(|(_, (key, value))| (Term::text(key), value)).collect())
    });
    prop::collection::vec(prop_oneof![30 => patch.boxed(), 1 => scalar()], 0..4).prop_map(Term::Array).boxed()
}

fn json_text() -> BoxedStrategy<Term> {
    let good = any_term().prop_map(|term| Term::String(term.to_json().to_string()));
    let edges = select(vec![
        "",
        " ",
        "1 2",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "\"\\ud800\"",
        "\"\\ud800\\ud800\\udc00\"",
        "\"\\uDFFF\\\\ud800\\udbffx\"",
        "\"\\ud800\\u12\"",
        "\"\\ud83d\\ude00\"",
        "\"\\x\"",
        "01",
        "-0",
        "1.",
        "1e400",
        "nul",
        "\"\u{1}\"",
        "\t[ 1 ,\n2 ]\r",
        "\u{feff}1",
        "{1:2}",
        "\"a",
        "[",
        "NaN",
        "'a'",
        "{\"a\"}",
        "// c\n1",
        "\u{a0}1",
        "1e+5",
        "-",
        "\"\u{7f}\"",
    ]);
    prop_oneof![4 => good, 2 => edges.prop_map(Term::text)].boxed()
}

fn base64_text() -> BoxedStrategy<Term> {
    prop_oneof![
        "([A-Za-z0-9+/]{4}){0,3}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
        "[A-Za-z0-9_-]{0,8}={0,2}",
        "[A-C=\n]{0,8}",
        "[a-z+/=]{0,8}",
    ]
    .prop_map(Term::String)
    .boxed()
}

fn address_text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "10\\.[0-1]\\.[0-3]\\.[0-9]{1,3}",
        1 => "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}",
        2 => select(vec!["0.0.0.0", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:0:0", "1:2:3:4:5:6:7:8", "2001:db8::1",
            "1::2::3", "fe80::1%eth0", "01.2.3.4", "1:2:3:4:5:6:7::", "1:2:3:4::5:6:7:8", "::1.2.3.4", "12345::", ":1", "1:", "g::", "1.2.3"])
            .prop_map(String::from),
        1 => "2001:db8:[0-9a-f]{1,4}::[0-9a-f]{0,4}",
    ]
    .boxed()
}

fn address() -> BoxedStrategy<Term> {
    address_text().prop_map(Term::String).boxed()
}

fn cidr() -> BoxedStrategy<Term> {
    let length = prop_oneof![8 => (0u32..34).prop_map(|n| n.to_string()), 3 => (30u32..130).prop_map(|n| n.to_string()),
        1 => select(vec!["", "+1", "-1", "08", "1 ", "x", "99999999999"]).prop_map(String::from)];
    (address_text(), length).prop_map(|(address, length)| Term::String(format!("{address}/{length}"))).boxed()
}

fn small_cidr() -> BoxedStrategy<Term> {
    let v4 = (address_text(), 27u32..34).prop_map(|(address, length)| (address, length));
    v4.prop_filter("few addresses", |(address, length)| !address.contains(':') || *length > 120)
        .prop_map(|(address, length)| Term::String(format!("{address}/{length}")))
        .boxed()
}

fn cidrs() -> BoxedStrategy<Term> {
    let entry = || prop_oneof![8 => cidr(), 2 => array_of(cidr()), 1 => scalar()].boxed();
    prop_oneof![cidr(), array_of(entry()), set_of(entry()), object_of(scalar(), entry())].boxed()
}

fn version() -> BoxedStrategy<Term> {
    prop_oneof![
        "v?[0-2]\\.[0-2]\\.[0-2]",
        "1\\.0\\.0-[a-b0-2]{1,2}(\\.[a-b0-2]{1,2}){0,2}",
        "1\\.0\\.0(-[a-z0-9.-]{0,4})?(\\+[a-z0-9.]{0,3})?",
        "[0-9v.+-]{0,8}",
        select(vec!["1.0.0-99999999999999999999", "99999999999999999999.0.0", "vv1.0.0", "1.0", "1.0.0-a..b"])
            .prop_map(String::from),
    ]
    .prop_map(Term::String)
    .boxed()
}

fn amount() -> BoxedStrategy<Term> {
    let number =
        prop_oneof!["[0-9]{1,4}", "[0-9]{0,3}\\.[0-9]{0,12}", "[0-9]e[+-]?[0-9]", "-?[0-9]{1,25}", "[0-9e.+-]{0,5}"];
    let unit = prop_oneof![
        6 => "[kKmMgGtTpPeE]?[iI]?[bB]?",
        1 => select(vec!["", "x", " k", "\"k\"", "\"", "Kb", "mib", "ß", "kk"]).prop_map(String::from),
    ];
    (number, unit).prop_map(|(number, unit)| Term::String(number + &unit)).boxed()
}

fn format() -> BoxedStrategy<Term> {
    let piece = prop_oneof![
        6 => "%[ +#0-]{0,2}[0-9]{0,2}(\\.[0-9]{0,2})?[vdsqxXoObeEfFgGcUT]",
        3 => "%[vdsfgexq]",
        1 => "%[0-9*.\\[\\]vd%z ]{0,5}",
        1 => "%(\\[[0-9]?\\])?\\*?(\\.\\*)?(\\[[1-3]\\])?[vdf]",
        2 => "[a-zé ]{0,3}",
        1 => Just("%%".to_owned()),
        1 => "%-?0?1?[0-9]\\.?[0-9]?[zv!é]",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| Term::String(pieces.concat())).boxed()
}

/// Numbers that Go's `sprintf` takes for a double.
fn double() -> BoxedStrategy<Term> {
    prop_oneof![
        "-?[0-9]\\.[0-9]{1,20}",
        "-?[1-9][0-9]{0,20}\\.[0-9]{1,3}",
        "-?[1-9]\\.[0-9]{1,17}e-?[1-9][0-9]{0,1}",
        "-?[1-9]\\.[0-9]{1,17}e-?[123][0-9]{2}",
        select(vec![
            "0.0",
            "-0.0",
            "1.0",
            "100000.0",
            "1000000.0",
            "123456789.0",
            "0.0001",
            "0.00001",
            "0.5",
            "1.5",
            "2.5",
            "9.995",
            "5.0e-324",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "9007199254740993.0",
            "1.8e308"
        ])
        .prop_map(String::from),
    ]
    .prop_map(Term::Number)
    .boxed()
}

/// Without terms that are equal but for their notation, of which OPA keeps one or the other.
fn distinct<T>(items: Vec<T>, key: impl Fn(&T) -> &Term) -> Vec<T> {
    let arena = sealgate_kernel::Arena::new();
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for item in items {
        let value = key(&item).to_value(arena.heap());
        if !seen.contains(&value) {
            seen.push(value);
            kept.push(item);
        }
    }
    kept
}

/// Regular expressions put together from parts that are valid, nearly valid or not.
fn pattern() -> BoxedStrategy<Term> {
    let atom = select(vec![
        "a",
        "b",
        "ab",
        ".",
        "é",
        "😀",
        "\\d",
        "\\D",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\b",
        "\\B",
        "^",
        "$",
        "\\A",
        "\\z",
        "\\.",
        "[abc]",
        "[^abc]",
        "[a-z]",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a-b-c]",
        "[\\d_]",
        "[[:alpha:]]",
        "[[:^digit:]]",
        "[^\\x00-\\x{10FFFF}]",
        "\\pL",
        "\\p{Greek}",
        "\\P{Lu}",
        "\\p{^L}",
        "[\\pN]",
        "\\Qa.b\\E",
        "\\Q*",
        "\\x41",
        "\\x{e9}",
        "\\101",
        "\\012",
        "\\n",
        "\\t",
        "(?:ab)",
        "(a)",
        "(?P<n>b)",
        "(?<m>a|b)",
        "()",
        "(?i)",
        "(?i:É)",
        "(?s:.)",
        "(?m:^a$)",
        "(?U:a+)",
        "(?i-s)",
        "(?-i)",
        "{",
        "}",
        "a{",
        "a{,2}",
        "]",
        "-",
        "|",
        "(a|b)",
        "(|a)",
        "\\_",
        "\\-",
        "\\<",
        "&&",
        "[[a]",
        "[a&&b]",
        "[a~~b]",
        "[a--b]",
        "\\/",
        "/",
        " ",
        "#",
        "ſ",
        "K",
        "(?i:k)",
        "(?i:[k-l])",
        "(?i:\\w)",
    ]);
    let broken = select(vec![
        "(",
        ")",
        "[",
        "\\",
        "\\8",
        "\\1",
        "\\Z",
        "\\C",
        "\\u0041",
        "\\e",
        "(?x)",
        "(?P<n",
        "(?P<>a)",
        "(?P=n)",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?",
        "(?i",
        "[z-a]",
        "[a-\\d]",
        "[[:foo:]]",
        "\\pX",
        "\\p{Foo}",
        "\\p{",
        "\\x{110000}",
        "\\xg",
        "a**",
        "a{1001}",
        "a{2,1}",
        "(?:a{100}){100}",
        "*",
        "+a",
        "|*",
        "(*)",
        "\\Q",
        "[\\Qa\\E]",
        "(?--i)",
        "(?i-)",
        "a{1}{2}",
        "\\p{Alphabetic}",
        "\\p{sc=Greek}",
        "a*?*",
        "[[:alpha:]",
        "[a",
        "\\E",
    ]);
    let repetition = select(vec!["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,}", "{0,2}", "{2}?", "{0}"]);
    let piece =
        (prop_oneof![20 => atom, 1 => broken], repetition).prop_map(|(atom, repetition)| format!("{atom}{repetition}"));
    prop::collection::vec(piece, 0..5).prop_map(|pieces| Term::String(pieces.concat())).boxed()
}

fn replacement() -> BoxedStrategy<Term> {
    let piece =
        select(vec!["x", "$1", "${1}", "$n", "${m}", "$0", "$$", "$", "${", "$1x", "${1}x", "é", "$9", "${01}", "$é"]);
    prop::collection::vec(piece, 0..4).prop_map(|pieces| Term::String(pieces.concat())).boxed()
}

fn glob() -> BoxedStrategy<Term> {
    let piece = select(vec![
        "*",
        "**",
        "?",
        "a",
        "b",
        "ab",
        ".",
        "/",
        "é",
        ":",
        "[ab]",
        "[!ab]",
        "[a-c]",
        "[!a-c]",
        "{a,b}",
        "{ab,*}",
        "{a,{b,c}}",
        "{,a}",
        "{*.b,a.*}",
        "\\*",
        "\\?",
        "\\{",
        "\\",
        ",",
        "}",
        "]",
        "[",
        "{",
        "[]a]",
        "[a-]",
        "[c-a]",
        "[a\\]b]",
        "[!]",
        "{}",
        "***",
        "-",
    ]);
    prop::collection::vec(piece, 0..5).prop_map(|pieces| Term::String(pieces.concat())).boxed()
}

fn glob_text() -> BoxedStrategy<Term> {
    prop_oneof!["[abc./:]{0,6}", "[abé.*?{},\\\\-]{0,6}"].prop_map(Term::String).boxed()
}

fn delimiters() -> BoxedStrategy<Term> {
    let one = select(vec![".", "/", ":", "é"]).prop_map(Term::text);
    prop_oneof![
        2 => Just(Term::Null),
        6 => prop::collection::vec(one, 0..3).prop_map(Term::Array),
        1 => array_of(text()),
    ]
    .boxed()
}
