//! The rows of the table: their names, what they hold against what, and their bounds.

use super::report::Row;
use super::rounds::Ratio;

/// Contestants, as series and rows call them.
pub(crate) const JSON: &str = "sealgate_json";
pub(crate) const TYPED: &str = "sealgate_typed";
pub(crate) const UNIFORM: &str = "sealgate_uniform";
pub(crate) const FRESH: &str = "sealgate_fresh";
pub(crate) const EMPTY: &str = "empty_call";
pub(crate) const NATIVE_BEST: &str = "native_best";
pub(crate) const NATIVE_VALUE: &str = "native_value";
pub(crate) const CEDAR: &str = "cedar";
pub(crate) const REGORUS: &str = "regorus";
pub(crate) const REGORUS_VM: &str = "regorus_vm";
pub(crate) const OPA_WASM: &str = "opa_wasm_here";
pub(crate) const OPA_WASM_CRATE: &str = "opa_wasm_crate";
pub(crate) const OPA_GO: &str = "opa_go";

/// Contestants with what people call them.
pub(crate) const LABELS: [(&str, &str); 13] = [
    (JSON, "Sealgate, JSON to JSON"),
    (TYPED, "Sealgate, typed request to Decision"),
    (UNIFORM, "Sealgate, JSON, calls over all rules"),
    (FRESH, "Sealgate, JSON, a fresh instance per decision"),
    (EMPTY, "an empty call into wasmtime"),
    (NATIVE_BEST, "native Rust at its best"),
    (NATIVE_VALUE, "native Rust, serde_json::Value"),
    (CEDAR, "cedar-policy, request prepared"),
    (REGORUS, "regorus, interpreter"),
    (REGORUS_VM, "regorus, virtual machine"),
    (OPA_WASM, "opa build -t wasm, in Sealgate's runtime"),
    (OPA_WASM_CRATE, "opa build -t wasm, in the crate opa-wasm"),
    (OPA_GO, "OPA in Go, query prepared"),
];

/// What people call a contestant.
pub(crate) fn label(name: &str) -> &str {
    LABELS.iter().find(|(known, _)| *known == name).map_or(name, |(_, label)| label)
}

/// Which way a bound lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// Every row, in the order of the table.
pub(crate) const ROWS: [(&str, Bound, &str); 21] = [
    ("json_vs_native_best", AtMost(0.8), "JSON to JSON, 4 rules, against native Rust at its best"),
    ("json_vs_native_value", AtMost(0.18), "the same against native Rust with `serde_json::Value`"),
    ("typed_vs_empty_call", AtMost(10.0), "typed request to `Decision`, against an empty typed wasmtime call"),
    ("flat_repeated_json", AtMost(1.3), "one repeated call as JSON, 100,000 rules against 4"),
    ("flat_repeated_typed", AtMost(1.3), "one repeated typed request, 100,000 rules against 4"),
    ("flat_uniform_json", AtMost(3.0), "calls drawn uniformly over the rules, 100,000 against 4"),
    ("vs_cedar_4", AtMost(0.1), "JSON to JSON against cedar-policy with its request prepared, 4 rules"),
    ("vs_cedar_990", AtMost(0.001), "the same, 990 rules"),
    ("vs_regorus_4", AtMost(0.0166), "JSON to JSON against regorus, 4 rules"),
    ("vs_regorus_990", AtMost(0.0001), "the same, 990 rules"),
    ("vs_opa_wasm_4", AtMost(0.05), "against OPA's own Wasm of the same Rego in the same runtime, 4 rules"),
    ("vs_opa_wasm_1000", AtMost(0.002), "the same, 1,000 rules"),
    ("fresh_vs_cedar_4", AtMost(1.0), "JSON to JSON, a new instance for each, against cedar-policy, 4 rules"),
    ("two_threads", AtLeast(1.9), "throughput of two threads against one"),
    ("alloc_bytes_typed_allow", AtMost(0.0), "bytes allocated on the host per typed decision that allows"),
    ("swap_p999", AtMost(2.0), "99.9th percentile of decisions while bundles are swapped, against steady"),
    (
        "build_vs_opa_1000",
        AtMost(0.05),
        "`sealgate build` on the YAML against `opa build -t wasm` on the Rego, 1,000 rules",
    ),
    ("cold_start_ms", AtMost(30.0), "read, verify, compile and decide once, milliseconds, 4 rules"),
    ("cold_start_cached_ms", AtMost(2.0), "the same with compiled code on disk"),
    ("wasm_kib_refund", AtMost(48.0), "the module of 4 rules, KiB"),
    ("wasm_kib_10000", AtMost(1024.0), "the module of 10,000 rules, KiB"),
];

/// What a row came to.
pub(crate) type Figure = Result<Ratio, String>;

/// A figure without a spread.
pub(crate) fn plain(value: f64) -> Ratio {
    Ratio { median: value, quartiles: [value, value] }
}

/// The row of that name with what it came to.
pub(crate) fn row(name: &str, figure: Figure) -> Option<Row> {
    let (_, bound, what) = ROWS.iter().find(|(known, ..)| *known == name)?;
    let (at_most, at_least) = match *bound {
        AtMost(most) => (Some(most), None),
        AtLeast(least) => (None, Some(least)),
    };
    let (figure, reason) = match figure {
        Ok(figure) => (Some(figure), None),
        Err(reason) => (None, Some(reason)),
    };
    let ratio = figure.map(|figure| figure.median).filter(|ratio| ratio.is_finite());
    let holds = ratio.is_some_and(|ratio| match *bound {
        AtMost(most) => ratio <= most,
        AtLeast(least) => ratio >= least,
    });
    let quartiles = figure.map(|figure| figure.quartiles).filter(|[low, high]| low != high);
    Some(Row { name: name.to_owned(), what: (*what).to_owned(), ratio, at_most, at_least, holds, quartiles, reason })
}
