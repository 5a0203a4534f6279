//! Refund policies of any size, in YAML and in Cedar, compiled and signed.

use std::fmt::Write as _;

use sealgate::bundle::{SigningKey, TrustStore, UnixSeconds, VerifiedBundle, VerifyOptions, verify_bytes};
use sealgate::toolchain::{compile as toolchain, diagnostics, pack, sources};
use sealgate::{Policy, RuntimeOptions};

/// Roles and tools of a policy; every role has a rule of two constraints for every tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Roles.
    pub roles: usize,
    /// Tools of each role.
    pub tools: usize,
}

impl Size {
    /// How many rules that makes.
    pub const fn rules(self) -> usize {
        self.roles * self.tools
    }

    /// One of the sizes that are measured, by its number of rules.
    pub fn of(rules: usize) -> Option<Self> {
        SIZES.into_iter().find(|size| size.rules() == rules)
    }
}

/// Two roles with two tools: the refund policy that the figures speak of.
pub const SMALL: Size = Size { roles: 2, tools: 2 };
/// Fifty roles with two hundred tools.
pub const LARGE: Size = Size { roles: 50, tools: 200 };
/// Five hundred roles with two hundred tools.
pub const HUGE: Size = Size { roles: 500, tools: 200 };
/// 4, 100, 990, 1,000, 10,000 and 100,000 rules.
pub const SIZES: [Size; 6] =
    [SMALL, Size { roles: 10, tools: 10 }, Size { roles: 33, tools: 30 }, Size { roles: 20, tools: 50 }, LARGE, HUGE];

/// A policy that someone wrote: the example of `bundles/customer-support`.
pub const CUSTOMER_SUPPORT: &str = include_str!("../bundles/customer-support/policy.yaml");

/// The largest refund that a rule allows.
pub(crate) const fn limit(role: usize, tool: usize) -> usize {
    50 * (role + 1) + tool
}

/// A refund policy in YAML. Each rule bounds the amount by a limit of its own; roles `tier-000`, `tier-001` and so on, tools
/// `refund-000`, `refund-001`.
pub fn refund_policy(size: Size) -> String {
    let mut yaml = String::from("version: 1\nname: refunds\nroles:\n");
    for role in 0..size.roles {
        writeln!(yaml, "  tier-{role:03}:\n    tools:").unwrap();
        for tool in 0..size.tools {
            let limit = limit(role, tool);
            writeln!(yaml, "      refund-{tool:03}:\n        mode: allow\n        constraints:").unwrap();
            writeln!(yaml, "          - args.amount > 0 and args.amount <= {limit}").unwrap();
            writeln!(yaml, "          - ctx.ticket.state == \"active\"").unwrap();
        }
    }
    yaml
}

/// The same policy in Cedar: a `permit` for each rule.
pub fn cedar_policy(size: Size) -> String {
    let mut text = String::new();
    for role in 0..size.roles {
        for tool in 0..size.tools {
            let limit = limit(role, tool);
            writeln!(
                text,
                "permit(principal == Role::\"tier-{role:03}\", action == Action::\"refund-{tool:03}\", resource) when \
                 {{ context.args.amount > 0 && context.args.amount <= {limit} && context.ctx.ticket.state == \"active\" }};"
            )
            .unwrap();
        }
    }
    text
}

/// The key that signs here.
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A policy through every stage.
#[derive(Debug)]
pub struct Compiled {
    /// The Rego that it became.
    pub rego: String,
    /// The module.
    pub wasm: Vec<u8>,
    /// The signed archive.
    pub archive: Vec<u8>,
}

/// Compiles, packs and signs a policy's text.
///
/// # Errors
/// What the toolchain says.
pub fn compile(yaml: &str) -> Result<Compiled, Box<dyn std::error::Error + Send + Sync>> {
    let files = sources::PolicyFiles::single("refunds.yaml", yaml);
    let mut texts = diagnostics::Sources::new();
    let options = toolchain::CompileOptions::new(toolchain::DEFAULT_PACKAGE);
    let compiled = toolchain::compile(&files, &mut texts, &options)?;
    let archive = pack::pack(&files, &compiled, &pack::PackOptions::default())?.sign(&key())?.tar_gz()?;
    Ok(Compiled { rego: compiled.rego, wasm: compiled.wasm, archive })
}

/// A policy's text as a signed archive.
pub fn signed(yaml: &str) -> Vec<u8> {
    sealgate::toolchain::build("refunds.yaml", yaml, &key()).unwrap()
}

/// Verifies and loads an archive, as a host does.
pub fn load(archive: &[u8], options: &RuntimeOptions) -> Policy {
    Policy::load(&verified(archive), options).unwrap()
}

/// Verifies an archive, as a host does.
pub fn verified(archive: &[u8]) -> VerifiedBundle {
    let mut expected = VerifyOptions::new(TrustStore::of(key().public_key()), UnixSeconds::system_now());
    // It is loaded next, which looks at the code.
    expected.module.code = false;
    verify_bytes(archive, &expected).unwrap()
}

#[cfg(test)]
mod tests {
    use sealgate::{Outcome, Reason};

    use super::*;
    use crate::{CLOSED_TICKET, INPUT, input, sample_calls};

    #[test]
    fn the_calls_are_what_the_suites_say() {
        for size in [SMALL, Size { roles: 10, tools: 10 }] {
            let policy = load(&signed(&refund_policy(size)), &RuntimeOptions::default());
            let outcome = |input: &str| policy.decide_json(input.as_bytes()).unwrap().outcome();
            assert_eq!(outcome(INPUT), Outcome::Allow);
            assert_eq!(outcome(CLOSED_TICKET), Outcome::Deny);
            assert_eq!(outcome(&input(size.roles - 1, size.tools - 1)), Outcome::Allow);
            let unknown = policy.decide_json(input(size.roles, 0).as_bytes()).unwrap();
            assert_eq!((unknown.outcome(), unknown.reason()), (Outcome::Deny, Reason::UnknownRole));
            let dear = INPUT.replace("20", &(limit(1, 1) + 1).to_string());
            assert_eq!(outcome(&dear), Outcome::Deny);
        }
    }

    #[test]
    fn the_native_rules_are_held_to_what_the_module_answers() {
        let policy = load(&signed(&refund_policy(SMALL)), &RuntimeOptions::default());
        let mut text = String::new();
        for call in sample_calls(SMALL) {
            let mut answer = Vec::new();
            policy.decide_raw(call.as_bytes(), &mut answer).unwrap();
            text += &format!("{call}\n{}\n", String::from_utf8(answer).unwrap());
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/answers.jsonl");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "BLESS=1 writes the file");
    }
}
