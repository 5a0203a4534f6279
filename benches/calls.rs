//! Calls of the refund policies.

use sealgate::Request;
use serde::{Deserialize, Serialize};

use crate::policies::{Size, limit};

/// A call that every policy of [`refund_policy`](crate::refund_policy) allows: 123 bytes, of which the policy reads neither
/// the currency nor the user.
pub const INPUT: &str = r#"{"role":"tier-001","tool":"refund-001","args":{"amount":20,"currency":"EUR"},"ctx":{"ticket":{"state":"active"}},"user":{}}"#;
/// The same call for a ticket that is closed, which they deny.
pub const CLOSED_TICKET: &str = r#"{"role":"tier-001","tool":"refund-001","args":{"amount":20,"currency":"EUR"},"ctx":{"ticket":{"state":"closed"}},"user":{}}"#;

/// A call as a host has it, in its own types.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call<A> {
    role: String,
    tool: String,
    args: A,
    ctx: Ctx,
    user: User,
}

/// The arguments of most calls.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    amount: i64,
    currency: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Ctx {
    ticket: Ticket,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    state: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct User {}

impl<A: Serialize> Call<A> {
    /// The request, which borrows its parts.
    #[inline]
    pub fn request(&self) -> Request<'_> {
        Request::new(&self.tool).role(&self.role).args(&self.args).ctx(&self.ctx).user(&self.user)
    }
}

/// The call that [`INPUT`] is, for another rule.
pub fn input(role: usize, tool: usize) -> String {
    INPUT.replace("tier-001", &format!("tier-{role:03}")).replace("refund-001", &format!("refund-{tool:03}"))
}

/// [`INPUT`] first, then calls that are decided in every other way there is. Every contestant must decide all of them
/// alike.
pub fn sample_calls(size: Size) -> Vec<String> {
    let (role, tool) = (size.roles - 1, size.tools - 1);
    let with = |from: &str, to: &str| INPUT.replace(from, to);
    let most = limit(1, 1);
    vec![
        INPUT.to_owned(),
        CLOSED_TICKET.to_owned(),
        input(0, 0),
        input(role, tool),
        input(role, size.tools),
        input(size.roles, tool),
        with("20", &most.to_string()),
        with("20", &(most + 1).to_string()),
        with("20", "0"),
        CLOSED_TICKET.replace("20", "-1"),
        with(r#","currency":"EUR""#, ""),
        with(r#""tier-001","tool""#, r#""","tool""#),
    ]
}

/// Calls drawn evenly over a policy's rules, in an order without a pattern that a processor could learn: always the same.
#[derive(Debug)]
pub struct Draw {
    random: u64,
    size: Size,
}

impl Draw {
    /// Over the rules of a policy of that size.
    pub fn new(size: Size) -> Self {
        Self { random: 0x9e37_79b9_7f4a_7c15, size }
    }

    /// Writes the next call over a text that is [`INPUT`] but for its rule.
    pub fn write(&mut self, call: &mut [u8]) {
        let (role, tool) = (self.below(self.size.roles), self.below(self.size.tools));
        write_digits(call, ROLE_DIGITS, role);
        write_digits(call, TOOL_DIGITS, tool);
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % bound as u64).unwrap_or(0)
    }
}

/// Where the numbers of role and tool begin in [`INPUT`].
const ROLE_DIGITS: usize = r#"{"role":"tier-"#.len();
const TOOL_DIGITS: usize = r#"{"role":"tier-001","tool":"refund-"#.len();

fn write_digits(call: &mut [u8], at: usize, number: usize) {
    let digits = [number / 100 % 10, number / 10 % 10, number % 10];
    for (byte, digit) in call.iter_mut().skip(at).zip(digits) {
        *byte = b'0' + u8::try_from(digit).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HUGE, SMALL};

    #[test]
    fn calls_have_one_length_and_are_drawn_over_every_rule() {
        assert_eq!((INPUT.len(), CLOSED_TICKET.len(), input(7, 9).len()), (123, 123, 123));
        let mut seen = std::collections::BTreeSet::new();
        let mut draw = Draw::new(SMALL);
        let mut call = INPUT.as_bytes().to_vec();
        for _ in 0..100 {
            draw.write(&mut call);
            seen.insert(String::from_utf8(call.clone()).unwrap());
        }
        assert_eq!(seen, [input(0, 0), input(0, 1), input(1, 0), input(1, 1)].into());
        let mut draw = Draw::new(HUGE);
        draw.write(&mut call);
        assert!((0..HUGE.roles).any(|role| { (0..HUGE.tools).any(|tool| input(role, tool).as_bytes() == call) }));
    }
}
