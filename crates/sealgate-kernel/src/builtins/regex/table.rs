//! Patterns that are known when a policy is compiled, as tables of a deterministic automaton that says only whether a text
//! matches. One step per byte of text, no memory, no engine.
//!
//! A table is little-endian: the number of byte classes (u16) and of states (u16), the class of each of 256 bytes (u8), then
//! for each state the next state (u16) for each class and at the text's end. State 0 never matches any more, state 1 has
//! matched; the search starts in state 2.

const CLASSES_AT: usize = 0;
#[cfg(target_arch = "wasm32")]
const STATES_LEN_AT: usize = 2;
const MAP_AT: usize = 4;
const STATES_AT: usize = MAP_AT + 256;
/// States that are an answer.
const DEAD: u16 = 0;
const MATCHED: u16 = 1;
const START: u16 = 2;

/// Whether `text` matches the pattern of `table`; a table that is cut short matches nothing.
pub fn table_match(table: &[u8], text: &str) -> bool {
    let (Some(classes), Some(map), Some(states)) =
        (read(table, CLASSES_AT), table.get(MAP_AT..STATES_AT), table.get(STATES_AT..))
    else {
        return false;
    };
    let width = usize::from(classes) + 1;
    let mut state = START;
    for byte in text.bytes() {
        let class = map.get(usize::from(byte)).copied().unwrap_or(0);
        state = next(states, width, state, usize::from(class));
        if state <= MATCHED {
            return state == MATCHED;
        }
    }
    next(states, width, state, width - 1) == MATCHED
}

#[inline]
fn next(states: &[u8], width: usize, state: u16, class: usize) -> u16 {
    read(states, (usize::from(state) * width + class) * 2).unwrap_or(DEAD)
}

#[inline]
fn read(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// What generated code calls: a table in static data, and any value. Undefined for what is no string.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "exports a symbol to generated code, which passes the address of a table")]
mod export {
    use super::{CLASSES_AT, STATES_AT, STATES_LEN_AT, table_match};
    use crate::Value;

    #[unsafe(no_mangle)]
    unsafe extern "C" fn sg_regex_table_match(
        table: *const u8,
        text: Option<Value<'static>>,
    ) -> Option<Value<'static>> {
        let text = text?.as_str()?;
        // SAFETY: the compiler passes the address of a table that `match_table` made, whose header tells its length.
        let table = unsafe {
            let count = |at: usize| usize::from(u16::from_le_bytes([*table.add(at), *table.add(at + 1)]));
            core::slice::from_raw_parts(table, STATES_AT + count(STATES_LEN_AT) * (count(CLASSES_AT) + 1) * 2)
        };
        Some(Value::bool(table_match(table, text)))
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use building::match_table;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use building::table_of;

#[cfg(not(target_arch = "wasm32"))]
mod building {
    //! Making tables; for the compiler, not part of the Wasm build.

    use std::collections::{HashMap, VecDeque};

    use regex_automata::dfa::{Automaton, StartKind, dense};
    use regex_automata::util::primitives::StateID;
    use regex_automata::util::start;
    use regex_automata::{Anchored, MatchKind};
    use regex_syntax::hir::{Hir, Look};

    use super::super::{engine, syntax};
    use super::{DEAD, MATCHED, START};

    /// The largest table, in bytes.
    const MAX_TABLE: usize = 48 << 10;
    /// Memory that determinising may take.
    const MAX_DETERMINIZE: usize = 16 << 20;

    /// The table of a pattern; `None` if it is not a valid one, or if its table would be too large: then call `regex.match`.
    pub fn match_table(pattern: &str) -> Option<Vec<u8>> {
        table_of(&syntax::parse(pattern).ok()?.hir)
    }

    /// The table of a pattern that is read already.
    pub(crate) fn table_of(hir: &Hir) -> Option<Vec<u8>> {
        // An empty match between the bytes of one character would count here, and does not in the engine.
        if hir.properties().look_set().contains(Look::WordAsciiNegate) {
            return None;
        }
        let nfa = engine::automaton(hir, false)?;
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .match_kind(MatchKind::All)
            .minimize(nfa.states().len() < 500)
            .dfa_size_limit(Some(MAX_TABLE * 8))
            .determinize_size_limit(Some(MAX_DETERMINIZE));
        let dfa = dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()?;
        encode(&dfa)
    }

    fn encode(dfa: &dense::DFA<Vec<u32>>) -> Option<Vec<u8>> {
        let classes = dfa.byte_classes();
        let representatives: Vec<u8> = classes.representatives(0..=255).filter_map(|unit| unit.as_u8()).collect();
        let width = representatives.len() + 1;
        let start = dfa.start_state(&start::Config::new().anchored(Anchored::No)).ok()?;

        let mut numbers = HashMap::new();
        let mut queue = VecDeque::new();
        let mut count = START;
        let mut number = |state: StateID, queue: &mut VecDeque<StateID>| -> Option<u16> {
            if dfa.is_match_state(state) {
                return Some(MATCHED);
            }
            if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                return Some(DEAD);
            }
            if let Some(known) = numbers.get(&state) {
                return Some(*known);
            }
            let new = count;
            count = count.checked_add(1)?;
            numbers.insert(state, new);
            queue.push_back(state);
            Some(new)
        };
        let mut rows: Vec<u16> = vec![DEAD; width];
        rows.extend(vec![MATCHED; width]);
        let first = number(start, &mut queue)?;
        if first < START {
            // The answer is known before the first byte.
            rows.extend(vec![first; width]);
        }
        while let Some(state) = queue.pop_front() {
            for byte in &representatives {
                rows.push(number(dfa.next_state(state, *byte), &mut queue)?);
            }
            rows.push(number(dfa.next_eoi_state(state), &mut queue)?);
            if rows.len() * 2 > MAX_TABLE {
                return None;
            }
        }
        let states = u16::try_from(rows.len() / width).ok()?;
        let mut table = Vec::with_capacity(super::STATES_AT + rows.len() * 2);
        table.extend(u16::try_from(representatives.len()).ok()?.to_le_bytes());
        table.extend(states.to_le_bytes());
        table.extend((0..=255).map(|byte| classes.get(byte)));
        table.extend(rows.into_iter().flat_map(u16::to_le_bytes));
        Some(table)
    }
}
