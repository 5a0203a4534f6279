//! `regex.globs_match`: whether any text matches both of two patterns of characters, `.`, sets, `+` and `*`.
//!
//! OPA's library does not search exhaustively, and which intersections it finds is part of what its users see. So this
//! follows the same steps: unflagged ends are compared first, then a repeated token takes what it can until the one behind it
//! fits. Each pair of places is looked at once, so that the time is bounded by the product of the lengths.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::operand::truth;
use crate::{Heap, Value};

builtins! { TABLE:
    "regex.globs_match" => sg_b_regex_globs_match = globs_match as (a: STRING, b: STRING) or "invalid glob";
}

/// Tokens that a pattern may have: the search descends once per token.
const MOST_TOKENS: usize = 256;

fn globs_match<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Option<Value<'h>> {
    let (a, b) = (tokens(a.as_str()?)?, tokens(b.as_str()?)?);
    truth(match trimmed(&a, &b) {
        Some((a, b)) => Search { sides: [a, b], known: BTreeMap::new() }.both(0, 0, 0),
        None => false,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    OneOrMore,
    AnyNumber,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    Character(char),
    Any,
    /// Ranges in order, apart from each other.
    Set(Vec<(char, char)>),
}

struct Token {
    what: What,
    times: Times,
}

fn fit(a: &Token, b: &Token) -> bool {
    match (&a.what, &b.what) {
        (What::Character(a), What::Character(b)) => a == b,
        (What::Character(one), What::Set(set)) | (What::Set(set), What::Character(one)) => {
            set.iter().any(|(low, high)| low <= one && one <= high)
        }
        (What::Set(a), What::Set(b)) => a.iter().any(|(low, high)| b.iter().any(|(l, h)| low <= h && l <= high)),
        (What::Any, _) | (_, What::Any) => true,
    }
}

/// Without what stands at both ends once; one token is left at either. `None` where the ends do not fit.
fn trimmed<'t>(a: &'t [Token], b: &'t [Token]) -> Option<(&'t [Token], &'t [Token])> {
    let once = |(a, b): &(&Token, &Token)| a.times == Times::Once && b.times == Times::Once;
    let mut start = 0usize;
    for (first, second) in a.iter().zip(b).take_while(once) {
        fit(first, second).then_some(())?;
        start += 1;
    }
    let start = start.saturating_sub(1);
    let (a, b) = (a.get(start..)?, b.get(start..)?);
    let mut end = 0usize;
    for (first, second) in a.iter().rev().zip(b.iter().rev()).take_while(once) {
        fit(first, second).then_some(())?;
        end += 1;
    }
    let end = end.saturating_sub(1);
    Some((a.get(..a.len() - end)?, b.get(..b.len() - end)?))
}

/// What is known of the rests of both patterns, from places `i` and `j` on.
struct Search<'t> {
    sides: [&'t [Token]; 2],
    /// What was asked (a side, or 2 and a side, by method) and the places of that side and the other.
    known: BTreeMap<(usize, usize, usize), bool>,
}

impl Search<'_> {
    fn token(&self, side: usize, place: usize) -> Option<&Token> {
        self.sides.get(side)?.get(place)
    }

    fn fits(&self, side: usize, i: usize, j: usize) -> bool {
        matches!((self.token(side, i), self.token(1 - side, j)), (Some(a), Some(b)) if fit(a, b))
    }

    /// Whether a text matches both rests, `i` a place of `side` and `j` one of the other. Where tokens of both repeat, that of
    /// `side` is looked at first.
    fn both(&mut self, side: usize, mut i: usize, mut j: usize) -> bool {
        let start = (2 + side, i, j);
        if let Some(known) = self.known.get(&start) {
            return *known;
        }
        let found = loop {
            let times = |side, place| self.token(side, place).map(|token| token.times);
            match (times(side, i), times(1 - side, j)) {
                (Some(Times::Once), Some(Times::Once)) if !self.fits(side, i, j) => break false,
                (Some(Times::Once), Some(Times::Once)) => (i, j) = (i + 1, j + 1),
                (Some(Times::OneOrMore), Some(_)) => break self.one_or_more(side, i, j),
                (Some(Times::AnyNumber), Some(_)) => break self.any_number(side, i, j),
                (Some(_), Some(Times::OneOrMore)) => break self.one_or_more(1 - side, j, i),
                (Some(_), Some(Times::AnyNumber)) => break self.any_number(1 - side, j, i),
                (a, b) => break a.is_none() && b.is_none(),
            }
        };
        self.known.insert(start, found);
        found
    }

    /// The token at `i` of `side` stands there at least once.
    fn one_or_more(&mut self, side: usize, i: usize, j: usize) -> bool {
        if !self.fits(side, i, j) {
            return false;
        }
        if self.any_number(side, i, j + 1) {
            return true;
        }
        // A repeated token on the other side may take this one whole.
        let other_repeats = self.token(1 - side, j).is_some_and(|token| token.times != Times::Once);
        other_repeats && self.both(side, i + 1, j)
    }

    /// The token at `i` of `side` takes tokens of the other until the one behind it fits and leads to the end.
    fn any_number(&mut self, side: usize, i: usize, j: usize) -> bool {
        if let Some(known) = self.known.get(&(side, i, j)) {
            return *known;
        }
        let more = self.token(side, i + 1).is_some();
        let mut at = j;
        let found = loop {
            if self.token(1 - side, at).is_none() {
                break !more;
            }
            if more && self.fits(side, i + 1, at) && self.both(side, i + 1, at) {
                break true;
            }
            if !self.fits(side, i, at) {
                break false;
            }
            at += 1;
        };
        self.known.insert((side, i, j), found);
        found
    }
}

/// The tokens of a pattern; repeated tokens that are the same are one.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut all: Vec<Token> = Vec::new();
    let mut rest = pattern.chars();
    while let Some((character, escaped)) = next(&mut rest)? {
        let what = match character {
            '.' if !escaped => What::Any,
            '[' if !escaped => What::Set(set(&mut rest)?),
            ']' | '+' | '*' if !escaped => return None,
            other => What::Character(other),
        };
        let times = match rest.clone().next() {
            Some('+') => Times::OneOrMore,
            Some('*') => Times::AnyNumber,
            _ => Times::Once,
        };
        if times != Times::Once {
            rest.next();
        }
        match all.last_mut() {
            Some(last) if times != Times::Once && last.times != Times::Once && last.what == what => {
                if times == Times::OneOrMore {
                    last.times = times;
                }
            }
            _ => all.push(Token { what, times }),
        }
        if all.len() > MOST_TOKENS {
            crate::abort(c"regex.globs_match: glob is too large");
        }
    }
    Some(all)
}

/// The next character, and whether a backslash stood before it; `None` for a backslash at the end.
fn next(rest: &mut core::str::Chars<'_>) -> Option<Option<(char, bool)>> {
    match rest.next() {
        Some('\\') => Some(Some((rest.next()?, true))),
        other => Some(other.map(|character| (character, false))),
    }
}

/// The set behind `[`, up to its `]`.
fn set(rest: &mut core::str::Chars<'_>) -> Option<Vec<(char, char)>> {
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut before = None;
    loop {
        match next(rest)?? {
            (']', false) => break,
            ('-', false) => {
                let (end, escaped) = next(rest)??;
                let start = before.take()?;
                if (!escaped && matches!(end, ']' | '-')) || end < start || rest.clone().next().is_none() {
                    return None;
                }
                ranges.push((start, end));
            }
            (character, _) => {
                ranges.push((character, character));
                before = Some(character);
            }
        }
    }
    ranges.sort_unstable();
    let mut apart: Vec<(char, char)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match apart.last_mut() {
            Some(last) if u32::from(low) <= u32::from(last.1).saturating_add(1) => last.1 = last.1.max(high),
            _ => apart.push((low, high)),
        }
    }
    Some(apart)
}
