//! Makes tables: a tree of paths, and the words that it becomes.

use std::collections::BTreeMap;

use super::{ends, entry, header, node, place};
use crate::Value;

/// A place in [`Paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(u32);

impl PathId {
    /// The input itself.
    pub const ROOT: Self = Self(0);
}

/// The paths by which a policy looks into its input.
#[derive(Debug)]
pub struct Paths {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<Box<str>, PathId>,
    /// The value itself is read, not only members of it.
    whole: bool,
    depth: u32,
}

/// A tree with more places is not worth it.
const MOST_PLACES: usize = 1 << 12;
/// What reads a tree recurses as deep.
const DEEPEST: u32 = 32;
/// How many factors are tried before a node gets more room.
const TRIES: u64 = 1024;

impl Default for Paths {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Paths {
    /// The member `key` of a place; made if it is new.
    pub fn member(&mut self, of: PathId, key: &str) -> PathId {
        let next = PathId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let Some(parent) = self.nodes.get_mut(of.0 as usize) else { return PathId::ROOT };
        if let Some(known) = parent.children.get(key) {
            return *known;
        }
        parent.children.insert(key.into(), next);
        let depth = parent.depth + 1;
        self.nodes.push(Node { depth, ..Node::default() });
        next
    }

    /// Notes that the value at a place is read as a whole.
    pub fn read_whole(&mut self, at: PathId) {
        if let Some(node) = self.nodes.get_mut(at.0 as usize) {
            node.whole = true;
        }
    }

    /// Whether the value at a place is read as a whole.
    pub fn is_whole(&self, at: PathId) -> bool {
        self.nodes.get(at.0 as usize).is_none_or(|node| node.whole)
    }

    /// The member `key` of a place that has a slot; `None` where it must be looked up in the value of the place.
    pub fn find(&self, of: PathId, key: &str) -> Option<PathId> {
        let node = self.nodes.get(of.0 as usize)?;
        if node.whole { None } else { node.children.get(key).copied() }
    }

    /// Has those places read as a whole whose members no hash tells apart. To be called once every path is noted; then
    /// whether slots will do for everything that is read: not if the input is read as a whole, or by too many paths.
    pub fn settle(&mut self) -> bool {
        let ids = (0..self.nodes.len()).filter_map(|at| u32::try_from(at).ok());
        let unhashed: Vec<PathId> = ids.map(PathId).filter(|at| hash_of(&self.keys(*at)).is_none()).collect();
        unhashed.into_iter().for_each(|at| self.read_whole(at));
        let whole = self.nodes.first().is_none_or(|root| root.whole);
        !whole && self.nodes.len() <= MOST_PLACES && self.nodes.iter().all(|node| node.depth <= DEEPEST)
    }

    /// The slots of all places, by place; 0 for those below a place that is read as a whole.
    pub fn slots(&self) -> Vec<u32> {
        let mut slots = vec![0; self.nodes.len()];
        let mut next = 0;
        self.number(PathId::ROOT, &mut next, &mut slots);
        slots
    }

    /// The slot of a place among those of [`Paths::slots`].
    pub fn slot(slots: &[u32], at: PathId) -> u32 {
        slots.get(at.0 as usize).copied().unwrap_or_default()
    }

    /// How many slots there are.
    pub fn count(&self) -> u32 {
        let mut next = 0;
        self.number(PathId::ROOT, &mut next, &mut vec![0; self.nodes.len()]);
        next
    }

    /// The table, for slots at `address`, and for a table of interned strings, or none if that is 0.
    pub fn table(&self, address: u32, interned: u32) -> Vec<u32> {
        let slots = self.slots();
        let mut words = vec![0; header::ROOT + entry::SIZE];
        self.entry(PathId::ROOT, "", header::ROOT, &slots, &mut words);
        for (at, word) in [(header::SLOTS, self.count()), (header::ADDRESS, address), (header::INTERNED, interned)] {
            set(&mut words, at, word);
        }
        words
    }

    /// What slots there are, as JSON for a host that fills them: `[slot, end]` for a place that is read as a whole, and
    /// `[slot, end, {key: place, …}]` for one of which only members are read. `end` is one past the last slot below the place.
    pub fn description(&self) -> String {
        let mut out = String::new();
        self.describe(PathId::ROOT, &self.slots(), &mut out);
        out
    }

    fn describe(&self, at: PathId, slots: &[u32], out: &mut String) {
        out.push_str(&format!("[{},{}", Self::slot(slots, at), self.end(at, slots)));
        if self.leads_on(at) {
            let arena = crate::Arena::new();
            for (place, (key, child)) in self.children(at).enumerate() {
                let key = Value::string(arena.heap(), key);
                out.push_str(if place == 0 { ",{" } else { "," });
                out.push_str(crate::json::dump(arena.heap(), key, crate::json::Notation::Json));
                out.push(':');
                self.describe(child, slots, out);
            }
            out.push('}');
        }
        out.push(']');
    }

    /// Whether only members are read of a place.
    fn leads_on(&self, at: PathId) -> bool {
        self.nodes.get(at.0 as usize).is_some_and(|node| !node.whole && !node.children.is_empty())
    }

    fn children(&self, at: PathId) -> impl Iterator<Item = (&str, PathId)> {
        let node = self.nodes.get(at.0 as usize).filter(|node| !node.whole);
        node.into_iter().flat_map(|node| &node.children).map(|(key, child)| (&**key, *child))
    }

    fn keys(&self, at: PathId) -> Vec<&str> {
        self.children(at).map(|(key, _)| key).collect()
    }

    fn number(&self, at: PathId, next: &mut u32, slots: &mut [u32]) {
        if let Some(slot) = slots.get_mut(at.0 as usize) {
            *slot = *next;
        }
        *next += 1;
        self.children(at).for_each(|(_, child)| self.number(child, next, slots));
    }

    /// One past the slots of a place and of what lies below it.
    fn end(&self, at: PathId, slots: &[u32]) -> u32 {
        self.children(at).last().map_or(Self::slot(slots, at) + 1, |(_, child)| self.end(child, slots))
    }

    /// Writes the entry of a place, and appends its text and its node.
    fn entry(&self, at: PathId, key: &str, offset: usize, slots: &[u32], words: &mut Vec<u32>) {
        let (first, last) = ends(key.as_bytes());
        set_wide(words, offset + entry::FIRST, first);
        set_wide(words, offset + entry::LAST, last);
        set(words, offset + entry::LEN, u32::try_from(key.len()).unwrap_or(entry::NO_KEY));
        let text = offset_of(words);
        set(words, offset + entry::TEXT, text);
        for chunk in key.as_bytes().chunks(4) {
            let mut bytes = [0; 4];
            bytes.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            words.push(u32::from_le_bytes(bytes));
        }
        set(words, offset + entry::SLOT, Self::slot(slots, at));
        set(words, offset + entry::END, self.end(at, slots));
        // Of an input that nobody reads nothing is made either.
        if !self.leads_on(at) && at != PathId::ROOT {
            return;
        }
        let Some((bits, factor)) = hash_of(&self.keys(at)) else { return };
        let start = words.len();
        let at_node = offset_of(words);
        set(words, offset + entry::NODE, at_node);
        words.resize(start + node::ENTRIES + (entry::SIZE << bits), 0);
        set(words, start + node::BITS, bits);
        set_wide(words, start + node::FACTOR, factor);
        for place in 0..1 << bits {
            set(words, start + node::ENTRIES + place * entry::SIZE + entry::LEN, entry::NO_KEY);
        }
        for (key, child) in self.children(at) {
            let place = place_of(key, factor, bits);
            self.entry(child, key, start + node::ENTRIES + place * entry::SIZE, slots, words);
        }
    }
}

/// Bits and factor by which no two keys have the same place, if such are found in a table that is not much larger than
/// the keys are many.
fn hash_of(keys: &[&str]) -> Option<(u32, u64)> {
    let fewest = keys.len().next_power_of_two().trailing_zeros().max(1);
    for bits in fewest..=fewest + 4 {
        let mut taken = vec![false; 1 << bits];
        for number in 0..TRIES {
            let factor = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            taken.fill(false);
            let free = |key: &&str| {
                let slot = taken.get_mut(place_of(key, factor, bits));
                slot.is_some_and(|taken| !std::mem::replace(taken, true))
            };
            if keys.iter().all(free) {
                return Some((bits, factor));
            }
        }
    }
    None
}

fn place_of(key: &str, factor: u64, bits: u32) -> usize {
    let (first, last) = ends(key.as_bytes());
    place(first, last, u32::try_from(key.len()).unwrap_or(u32::MAX), factor, bits)
}

fn offset_of(words: &[u32]) -> u32 {
    u32::try_from(words.len()).unwrap_or(u32::MAX)
}

fn set(words: &mut [u32], at: usize, word: u32) {
    if let Some(slot) = words.get_mut(at) {
        *slot = word;
    }
}

fn set_wide(words: &mut [u32], at: usize, wide: u64) {
    let [a, b, c, d, e, f, g, h] = wide.to_le_bytes();
    set(words, at, u32::from_le_bytes([a, b, c, d]));
    set(words, at + 1, u32::from_le_bytes([e, f, g, h]));
}
