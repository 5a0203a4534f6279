//! Static dispatch tables: from the values of a few scalars to a record that the compiler laid out.
//!
//! The compiler hashes constants with the functions here, natively; generated code looks values up with `sg_index_find`.
//! Only null, booleans, integers within i64 and strings are keys. A number that is written differently but is worth the
//! same (`1.0`) finds the integer's record.
//!
//! A table is `mask: u32`, `tag: u32`, then `mask + 1` slots, each 0 or a fourth of the address of a record, with those bits of
//! the key's hash above it that `tag` has: most records of other keys are passed over without being looked at. A key's place is
//! its hash and `mask`, then on to the next free one. A record begins with the addresses of its key values.
//!
//! The table of *interned* strings, those that the module tests for, is `mask: u32` and `mask + 1` slots with their addresses.

pub mod prefix;

/// Hash of null.
pub const fn hash_null() -> u32 {
    0x9e37_79b9
}

/// Hash of a boolean.
pub const fn hash_bool(value: bool) -> u32 {
    if value { 0x85eb_ca6b } else { 0xc2b2_ae35 }
}

/// Hash of an integer.
pub const fn hash_int(value: i64) -> u32 {
    finish(mix(0x2545_f491_4f6c_dd1d, value.cast_unsigned()))
}

/// Hash of a string's UTF-8 bytes: of its ends and its length, which tell most names apart, and of what lies between.
#[inline]
pub fn hash_text(bytes: &[u8]) -> u32 {
    hash_with_ends(bytes, crate::input::ends(bytes))
}

/// [`hash_text`], for who has looked at the ends already.
#[inline(never)]
pub(crate) fn hash_with_ends(bytes: &[u8], ends: (u64, u64)) -> u32 {
    let mut state = state_of_ends(bytes.len(), ends);
    if bytes.len() > 16 {
        for word in bytes.get(8..bytes.len() - 8).unwrap_or_default().chunks(8) {
            state = mix(state, crate::input::ends(word).0);
        }
    }
    finish(state)
}

/// [`hash_with_ends`] of at most 16 bytes.
#[inline(always)]
pub(crate) fn hash_of_short(len: usize, ends: (u64, u64)) -> u32 {
    finish(state_of_ends(len, ends))
}

#[inline(always)]
fn state_of_ends(len: usize, (first, last): (u64, u64)) -> u64 {
    mix(0x9e37_79b9_7f4a_7c15 ^ first, last.rotate_left(29) ^ len as u64)
}

/// Hash of several keys, from the hash of those before and that of the next; start with 0.
pub const fn combine(before: u32, next: u32) -> u32 {
    finish(((before as u64) << 32) | next as u64)
}

const fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// The high half of a product depends on every bit of the state; tables use the low bits of what this gives.
const fn finish(state: u64) -> u32 {
    let product = (state ^ (state >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec;

    use super::*;

    /// The longest way to a free slot when `hashes` fill a table half.
    fn longest_way(hashes: &[u32]) -> usize {
        let mask = (hashes.len() * 2).next_power_of_two() - 1;
        let mut taken = vec![false; mask + 1];
        let mut longest = 0;
        for hash in hashes {
            let way = (0..).find(|step| !taken[(*hash as usize + step) & mask]).unwrap();
            taken[(*hash as usize + way) & mask] = true;
            longest = longest.max(way);
        }
        longest
    }

    #[test]
    fn names_that_differ_in_a_number_spread_over_a_table() {
        let names = |prefix: &str, count: usize| {
            (0..count).map(|number| hash_text(format!("{prefix}{number}").as_bytes())).collect::<vec::Vec<_>>()
        };
        for prefix in ["", "t", "tool-", "role-name-", "a-longer-name-of-"] {
            let way = longest_way(&names(prefix, 20_000));
            assert!(way < 60, "{prefix}: {way}");
        }
        let (roles, tools) = (names("role-", 50), names("tool-", 200));
        let mut pairs = vec::Vec::new();
        for role in &roles {
            for tool in &tools {
                for number in 0..2 {
                    pairs.push(combine(combine(combine(0, *role), *tool), hash_int(number)));
                }
            }
        }
        let way = longest_way(&pairs);
        assert!(way < 60, "{way}");
        let way = longest_way(&(0..20_000).map(hash_int).collect::<vec::Vec<_>>());
        assert!(way < 60, "integers: {way}");
    }
}
