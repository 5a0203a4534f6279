//! One run: what is prepared, who meets whom, and what the rows make of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sealgate_cli::{Exit, Failure};
use serde_json::Value;

use super::contestant::Entrant;
use super::figures;
use super::programs::{Found, Programs};
use super::report::{Machine, Point, Report, Series};
use super::rounds::{Plan, Times, race};
use super::rows::{
    CEDAR, EMPTY, FRESH, Figure, JSON, LABELS, NATIVE_BEST, NATIVE_VALUE, OPA_GO, OPA_WASM, OPA_WASM_CRATE, REGORUS,
    REGORUS_VM, TYPED, UNIFORM, plain, row,
};

/// Numbers of rules at which every peer is measured.
const SIZES: [usize; 4] = [4, 100, 990, 1_000];
/// The size at which a full run measures the peers too.
const LARGE: usize = 10_000;
/// The size that only Sealgate is measured at.
const HUGE: usize = 100_000;
/// One of the contestants at the smallest size, to hold the largest against.
const JSON_SMALL: &str = "sealgate_json of 4 rules";
const TYPED_SMALL: &str = "sealgate_typed of 4 rules";
const UNIFORM_SMALL: &str = "sealgate_uniform of 4 rules";

/// A policy's files, or why there are none.
struct Prepared {
    folder: PathBuf,
    printed: Result<Value, String>,
    /// OPA's module of the policy's Rego.
    module: Found,
}

impl Prepared {
    /// The policy of so many rules; OPA's module of it only where somebody runs it.
    fn new(programs: &Programs, out: &Path, rules: usize, by_opa: bool) -> Self {
        eprintln!("preparing {rules} rules");
        let folder = out.join(format!("rules-{rules}"));
        let printed = figures::print(programs, &[&"prepare", &rules.to_string(), &folder])
            .map_err(|error| format!("no policy of {rules} rules: {error}"));
        let module = match (&printed, &programs.opa) {
            (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
            (Ok(_), Ok(_)) if !by_opa => Err(format!("`opa build` is not asked for {rules} rules")),
            (Ok(_), Ok(opa)) => build_by_opa(opa, &folder),
        };
        Self { folder, printed, module }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `program` with `first`, the policy's file and the calls.
    fn entrant(&self, name: &'static str, program: &Found, first: &[&dyn AsRef<OsStr>], file: &str) -> Entrant {
        let (policy, calls) = (self.file(file), self.file("calls.jsonl"));
        let mut arguments = first.to_vec();
        arguments.extend([&policy as &dyn AsRef<OsStr>, &calls]);
        let program = self.printed.as_ref().map_err(Clone::clone).and(program.as_ref().map_err(Clone::clone));
        Entrant::new(name, &program.cloned(), &arguments)
    }

    fn ours(&self, name: &'static str, programs: &Programs, first: &[&dyn AsRef<OsStr>]) -> Entrant {
        self.entrant(name, &Ok(programs.contestant.clone()), first, "refunds.tar.gz")
    }

    /// Everybody who can decide policies of any size.
    fn everybody(&self, programs: &Programs, rules: usize) -> Vec<Entrant> {
        let with_module = |program: Found| self.module.clone().and(program);
        vec![
            self.ours(JSON, programs, &[&"json"]),
            self.ours(TYPED, programs, &[&"typed"]),
            self.ours(UNIFORM, programs, &[&"uniform", &rules.to_string()]),
            self.entrant(CEDAR, &programs.cedar, &[], "refunds.cedar"),
            self.entrant(REGORUS, &programs.regorus, &[&"interpreter"], "refunds.rego"),
            self.entrant(REGORUS_VM, &programs.regorus, &[&"vm"], "refunds.rego"),
            self.entrant(OPA_WASM, &with_module(Ok(programs.contestant.clone())), &[&"foreign"], "opa.wasm"),
            self.entrant(OPA_WASM_CRATE, &with_module(programs.opa_wasm.clone()), &[], "opa.wasm"),
            self.entrant(OPA_GO, &programs.opa_go, &[], "refunds.rego"),
        ]
    }

    /// Those who meet at four rules alone. The first two stand beside each other: theirs is the closest race.
    fn at_four_rules(&self, programs: &Programs) -> Vec<Entrant> {
        let calls = self.file("calls.jsonl");
        let mut entrants = vec![
            Entrant::new(NATIVE_BEST, &programs.native, &[&"best", &calls]),
            Entrant::new(NATIVE_VALUE, &programs.native, &[&"values", &calls]),
            Entrant::new(EMPTY, &Ok(programs.contestant.clone()), &[&"empty", &calls]),
            self.ours(FRESH, programs, &[&"fresh"]),
        ];
        let others = self.everybody(programs, 4);
        let mut all: Vec<Entrant> = others.first().cloned().into_iter().collect();
        all.append(&mut entrants);
        all.extend(others.into_iter().skip(1));
        all
    }
}

fn build_by_opa(opa: &Path, folder: &Path) -> Found {
    let rego = std::fs::read_to_string(folder.join("refunds.rego")).map_err(|error| error.to_string())?;
    let entrypoint = "sealgate/policy/decision";
    let wasm = sealgate::toolchain::opa::compile(opa, &rego, entrypoint).map_err(|error| error.to_string())?;
    let path = folder.join("opa.wasm");
    std::fs::write(&path, wasm).map_err(|error| error.to_string())?;
    Ok(path)
}

/// Measures everything.
///
/// # Errors
/// As the file system fails. What a peer or a policy fails with becomes the reason of its rows.
pub(crate) fn run(programs: &Programs, out: &Path, quick: bool) -> anyhow::Result<Report> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let plan = |quick_plan: (usize, usize), full_plan: (usize, usize)| {
        let (starts, rounds) = if quick { quick_plan } else { full_plan };
        Plan { starts, rounds, turn: Duration::from_millis(if quick { 2 } else { 4 }) }
    };
    let with_peers: Vec<usize> = SIZES.into_iter().chain((!quick).then_some(LARGE)).collect();
    let mut prepared = BTreeMap::new();
    for rules in SIZES.into_iter().chain([LARGE, HUGE]) {
        prepared.insert(rules, Prepared::new(programs, out, rules, with_peers.contains(&rules)));
    }
    let mut groups: BTreeMap<usize, Times> = BTreeMap::new();
    for rules in with_peers {
        let Some(policy) = prepared.get(&rules) else { continue };
        eprintln!("measuring {rules} rules");
        let times = match rules {
            4 => race(&policy.at_four_rules(programs), plan((4, 100), (8, 200))),
            LARGE => race(&policy.everybody(programs, rules), plan((1, 1), (1, 20))),
            _ => race(&policy.everybody(programs, rules), plan((2, 40), (4, 80))),
        };
        groups.insert(rules, times);
    }
    let none = || Times::default();
    let flat = match (prepared.get(&4), prepared.get(&HUGE)) {
        (Some(small), Some(huge)) => {
            eprintln!("measuring {HUGE} rules");
            let four: &dyn AsRef<OsStr> = &"4";
            let entrants = [
                huge.ours(JSON, programs, &[&"json"]),
                small.ours(JSON_SMALL, programs, &[&"json"]),
                huge.ours(TYPED, programs, &[&"typed"]),
                small.ours(TYPED_SMALL, programs, &[&"typed"]),
                huge.ours(UNIFORM, programs, &[&"uniform", &HUGE.to_string()]),
                small.ours(UNIFORM_SMALL, programs, &[&"uniform", four]),
            ];
            // Long turns: a large policy begins each with what the others have left of it in the caches.
            race(&entrants, Plan { turn: Duration::from_millis(10), ..plan((4, 40), (8, 80)) })
        }
        _ => none(),
    };

    let mut rows = Vec::new();
    let mut notes = Vec::new();
    let mut add = |name: &str, figure: Figure| rows.extend(row(name, figure));
    let ratio = |rules: usize, this: &str, that: &str| match groups.get(&rules) {
        Some(times) => times.ratio(this, that),
        None => Err(format!("{rules} rules were not measured")),
    };
    add("json_vs_native_best", ratio(4, JSON, NATIVE_BEST));
    add("json_vs_native_value", ratio(4, JSON, NATIVE_VALUE));
    add("typed_vs_empty_call", ratio(4, TYPED, EMPTY));
    add("flat_repeated_json", flat.ratio(JSON, JSON_SMALL));
    add("flat_repeated_typed", flat.ratio(TYPED, TYPED_SMALL));
    add("flat_uniform_json", flat.ratio(UNIFORM, UNIFORM_SMALL));
    add("vs_cedar_4", ratio(4, JSON, CEDAR));
    add("vs_cedar_990", ratio(990, JSON, CEDAR));
    add("vs_regorus_4", ratio(4, JSON, REGORUS));
    add("vs_regorus_990", ratio(990, JSON, REGORUS));
    add("vs_opa_wasm_4", ratio(4, JSON, OPA_WASM));
    add("vs_opa_wasm_1000", ratio(1_000, JSON, OPA_WASM));
    add("fresh_vs_cedar_4", ratio(4, FRESH, CEDAR));

    eprintln!("measuring threads, swaps, allocations, builds, cold starts");
    let archive = |rules: usize| out.join(format!("rules-{rules}/refunds.tar.gz"));
    let (figure, note) = figures::threads(programs, &archive(4), if quick { 150 } else { 600 });
    add("two_threads", figure);
    notes.extend(note);
    add("alloc_bytes_typed_allow", figures::allocations(programs, &archive(4)));
    let (figure, note) = figures::swap(programs, [&archive(4), &archive(100)], if quick { 20 } else { 100 });
    add("swap_p999", figure);
    notes.extend(note);
    let (figure, note) = match prepared.get(&1_000) {
        Some(policy) => figures::build(programs, &policy.folder, if quick { 9 } else { 21 }),
        None => (Err("1,000 rules were not prepared".to_owned()), None),
    };
    add("build_vs_opa_1000", figure);
    notes.extend(note);
    let starts = if quick { 31 } else { 101 };
    add("cold_start_ms", figures::cold_start(programs, &archive(4), None, starts));
    add("cold_start_cached_ms", cached(out, |cache| figures::cold_start(programs, &archive(4), Some(cache), starts)));
    for (name, rules) in [("wasm_kib_refund", 4), ("wasm_kib_10000", LARGE)] {
        add(name, kibibytes(prepared.remove(&rules)));
    }
    Ok(Report { machine: Machine::here(), quick, rows, series: series(&groups, &flat), notes })
}

/// What `measure` comes to with a folder for compiled code that is empty, and its owner's alone.
fn cached(out: &Path, measure: impl Fn(&Path) -> Figure) -> Figure {
    let folder = out.join("code");
    let make = || -> std::io::Result<()> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)
    };
    make().map_err(|error| format!("the folder for compiled code cannot be made: {error}"))?;
    measure(&folder)
}

fn kibibytes(prepared: Option<Prepared>) -> Figure {
    let printed = prepared.ok_or("it was not prepared")?.printed?;
    let bytes = printed.get("wasm_bytes").and_then(Value::as_f64).ok_or("no size was printed")?;
    Ok(plain(bytes / 1024.0))
}

fn series(groups: &BTreeMap<usize, Times>, flat: &Times) -> Vec<Series> {
    let of = |name: &'static str| {
        let measured = groups.iter().chain([(&HUGE, flat)]);
        let points: Vec<Point> =
            measured.filter_map(|(rules, times)| Some(Point { rules: *rules, ns: times.of(name).ok()? })).collect();
        Series { name: name.to_owned(), points }
    };
    LABELS.iter().map(|(name, _)| of(name)).filter(|series| !series.points.is_empty()).collect()
}

/// Holds that every contestant decides the sample calls alike, at four and at a hundred rules.
///
/// # Errors
/// Who is missing, fails, or decides otherwise.
pub(crate) fn check(programs: &Programs, out: &Path) -> Result<Exit, Failure> {
    std::fs::create_dir_all(out)?;
    let plan = Plan { starts: 1, rounds: 1, turn: Duration::ZERO };
    let mut wrong = Vec::new();
    for rules in [4, 100] {
        let policy = Prepared::new(programs, out, rules, true);
        let entrants = if rules == 4 { policy.at_four_rules(programs) } else { policy.everybody(programs, rules) };
        let times = race(&entrants, plan);
        for entrant in &entrants {
            match times.of(entrant.name) {
                Ok(_) => eprintln!("{} decides {rules} rules alike", entrant.name),
                Err(reason) => wrong.push(format!("{rules} rules: {reason}")),
            }
        }
    }
    match wrong.as_slice() {
        [] => Ok(Exit::Ok),
        wrong => Err(Failure::Other(anyhow::anyhow!("not all contestants decide alike\n{}", wrong.join("\n")))),
    }
}
