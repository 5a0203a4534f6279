//! Policies that mean the same on both engines of the ancestor keep that meaning. The cases are what `generate.py` beside
//! them wrote: random policies with the calls on which hexgate 0.2.6's own engine and real OPA on its Rego agree.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use sealgate_diagnostics::{Color, Sources};
use sealgate_policy::{Outcome, PolicyFiles, PolicySet, PolicySource};
use serde_json::Value;

/// Where Sealgate is stricter on purpose: `!=` between types, and an order of anything but two numbers or two strings.
fn is_stricter(violation: &str) -> bool {
    ["!=", "<", ">"].iter().any(|op| violation.contains(op))
}

#[test]
fn what_the_ancestor_decides_with_both_engines_is_decided_here() {
    let cases: Value = serde_json::from_str(include_str!("ancestor/cases.json")).unwrap();
    let policies = cases["policies"].as_array().unwrap().iter().map(|yaml| {
        let mut sources = Sources::new();
        let source = PolicySource::new("policy.yaml", yaml.as_str().unwrap());
        let loaded = PolicySet::load(&mut sources, PolicyFiles::Single(source));
        loaded.unwrap_or_else(|found| panic!("{yaml}\n{}", found.render(&sources, Color::Never))).0
    });
    let policies: Vec<PolicySet> = policies.collect();
    let (mut same, mut stricter) = (0, 0);
    for case in cases["calls"].as_array().unwrap() {
        let index = usize::try_from(case["policy"].as_u64().unwrap()).unwrap();
        let evaluation = policies[index].evaluate(&case["input"]);
        let outcome = match evaluation.outcome {
            Outcome::Allow => "allow",
            Outcome::Deny => "deny",
            Outcome::NeedsApproval => "needs_approval",
        };
        if case["outcome"] == outcome {
            same += 1;
        } else {
            assert!(
                outcome == "deny"
                    && !evaluation.violations.is_empty()
                    && evaluation.violations.iter().all(|v| is_stricter(v)),
                "{case}: {evaluation:?}\n{}",
                cases["policies"][index].as_str().unwrap()
            );
            stricter += 1;
        }
    }
    assert!(same > 1_000 && stricter * 20 < same, "{same} alike, {stricter} stricter");
}
