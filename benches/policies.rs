//! Refund policies of any size, and their calls.

use std::fmt::Write as _;

use sealgate::bundle::{SigningKey, TrustStore, UnixSeconds, VerifyOptions, verify_bytes};
use sealgate::{Policy, RuntimeOptions};

/// Roles and tools of a policy; every role has a rule of two constraints for every tool.
#[derive(Clone, Copy, Debug)]
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
}

/// Two roles with two tools: the refund policy that the figures speak of.
pub(crate) const SMALL: Size = Size { roles: 2, tools: 2 };
/// Fifty roles with two hundred tools.
pub const LARGE: Size = Size { roles: 50, tools: 200 };
/// 4, 100, 1,000 and 10,000 rules.
pub const SIZES: [Size; 4] = [SMALL, Size { roles: 10, tools: 10 }, Size { roles: 20, tools: 50 }, LARGE];

/// A policy that someone wrote: the example of `bundles/customer-support`.
pub const CUSTOMER_SUPPORT: &str = include_str!("../bundles/customer-support/policy.yaml");

/// A call that every policy of [`refund_policy`] allows: 123 bytes.
pub const INPUT: &str = r#"{"role":"tier-001","tool":"refund-001","args":{"amount":20,"currency":"EUR"},"ctx":{"ticket":{"state":"active"}},"user":{}}"#;
/// The same call for a ticket that is closed, which they deny.
pub const CLOSED_TICKET: &str = r#"{"role":"tier-001","tool":"refund-001","args":{"amount":20,"currency":"EUR"},"ctx":{"ticket":{"state":"closed"}},"user":{}}"#;

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

/// The call that [`INPUT`] is, for another rule.
pub fn input(role: usize, tool: usize) -> String {
    INPUT.replace("tier-001", &format!("tier-{role:03}")).replace("refund-001", &format!("refund-{tool:03}"))
}

/// The key that signs here.
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A policy's text as a signed archive.
pub fn signed(yaml: &str) -> Vec<u8> {
    sealgate::toolchain::build("refunds.yaml", yaml, &key()).unwrap()
}

/// Verifies and loads an archive, as a host does.
pub fn load(archive: &[u8], options: &RuntimeOptions) -> Policy {
    let expected = VerifyOptions::new(TrustStore::of(key().public_key()), UnixSeconds::system_now());
    Policy::load(&verify_bytes(archive, &expected).unwrap(), options).unwrap()
}

#[cfg(test)]
mod tests {
    use sealgate::{Outcome, Reason};

    use super::*;

    #[test]
    fn the_calls_are_what_the_suites_say() {
        assert_eq!((INPUT.len(), CLOSED_TICKET.len(), input(7, 9).len()), (123, 123, 123));
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
}
