//! Makes tables: a tree of paths, and the words that it becomes.

use std::collections::{BTreeMap, BTreeSet};

use super::{entry, hashed, header, node, place};
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
/// Windows begin at most so far behind the opening quote: what is read there must be readable behind every text.
const FARTHEST: u32 = 16;

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
        self.entry(PathId::ROOT, "", header::ROOT, None, &slots, &mut words);
        for (at, word) in [(header::SLOTS, self.count()), (header::ADDRESS, address), (header::INTERNED, interned)] {
            set(&mut words, at, word);
        }
        words
    }

    /// What slots there are at `address`, as JSON for a host that fills them: `[address, place]`. A place is `[slot, end]` where
    /// it is read as a whole, and `[slot, end, {key: place, …}]` where only members are read. `end` is one past the last slot
    /// below the place.
    pub fn description(&self, address: u32) -> String {
        let mut out = format!("[{address},");
        self.describe(PathId::ROOT, &self.slots(), &mut out);
        out.push(']');
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

    /// Writes the entry of a place, and appends its text and its node. `above` is where the node lies that the entry is in.
    fn entry(&self, at: PathId, key: &str, offset: usize, above: Option<usize>, slots: &[u32], words: &mut Vec<u32>) {
        let (written, mask) = as_written(key);
        set_bytes(words, offset + entry::KEY, &written);
        set_bytes(words, offset + entry::MASK, &mask);
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
        let Some(hash) = hash_of(&self.keys(at)) else { return };
        let start = words.len();
        words.resize(start + node::ENTRIES + (entry::SIZE << hash.bits), 0);
        set(words, offset + entry::NODE, distance(offset, start));
        set(words, start + node::BITS, hash.bits);
        set(words, start + node::SHIFT, hash.shift());
        set_wide(words, start + node::FACTOR, hash.factor);
        set_wide(words, start + node::MASK, hash.mask);
        set(words, start + node::OFFSET, hash.offset);
        set(words, start + node::SURE, if hash.mask == 0 { 0 } else { LONGEST_WRITTEN + 1 });
        set(words, start + node::UP, above.map_or(0, |above| distance(above, start)));
        set(words, start + node::DEPTH, self.nodes.get(at.0 as usize).map_or(0, |node| node.depth) + 1);
        for place in 0..1 << hash.bits {
            let unused = start + node::ENTRIES + place * entry::SIZE;
            set_bytes(words, unused + entry::KEY, &[u8::MAX; 16]);
            set(words, unused + entry::LEN, entry::NO_KEY);
        }
        for (key, child) in self.children(at) {
            let offset = start + node::ENTRIES + hash.place(key) * entry::SIZE;
            self.entry(child, key, offset, Some(start), slots, words);
        }
    }
}

/// Bytes of the longest key of which an entry holds all that is written.
const LONGEST_WRITTEN: u32 = (16 - entry::AROUND) as u32;

/// A key as it is written, and which bits of that count; bits that do not count where it is too long or must be escaped.
fn as_written(key: &str) -> ([u8; 16], [u8; 16]) {
    let is_plain = key.bytes().all(|byte| !matches!(byte, 0..b' ' | b'"' | b'\\'));
    if !is_plain || key.len() > LONGEST_WRITTEN as usize {
        return ([u8::MAX; 16], [0; 16]);
    }
    let (mut written, mut mask) = ([0; 16], [0; 16]);
    let bytes = b"\"".iter().chain(key.as_bytes()).chain(b"\":");
    for ((to, mask), byte) in written.iter_mut().zip(&mut mask).zip(bytes) {
        (*to, *mask) = (*byte, u8::MAX);
    }
    (written, mask)
}

/// How a node finds the entry of a key.
struct Hash {
    bits: u32,
    factor: u64,
    offset: u32,
    mask: u64,
}

impl Hash {
    fn shift(&self) -> u32 {
        (u64::BITS - self.bits) % u64::BITS
    }

    fn place(&self, key: &str) -> usize {
        place(hashed(key.as_bytes(), self.offset, self.mask), self.factor, self.shift())
    }

    /// Whether no two keys have the same place.
    fn tells_apart(&self, keys: &[&str], taken: &mut Vec<bool>) -> bool {
        taken.clear();
        taken.resize(1 << self.bits, false);
        keys.iter().all(|key| taken.get_mut(self.place(key)).is_some_and(|taken| !std::mem::replace(taken, true)))
    }
}

/// A hash by which no two keys have the same place, if such is found in a table that is not much larger than the keys are
/// many: of the first window that tells them apart, or else of their ends.
fn hash_of(keys: &[&str]) -> Option<Hash> {
    let fewest = keys.len().next_power_of_two().trailing_zeros();
    let (offset, mask) = window_of(keys);
    let mut taken = Vec::new();
    if fewest == 0 {
        return Some(Hash { bits: 0, factor: 0, offset, mask });
    }
    for bits in fewest..=fewest + 4 {
        for number in 0..TRIES {
            let factor = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let hash = Hash { bits, factor, offset, mask };
            if hash.tells_apart(keys, &mut taken) {
                return Some(hash);
            }
        }
    }
    None
}

/// Offset and mask of a window in which no two keys are the same, or one without bits. All of it lies in the shortest key and
/// the quote behind it.
fn window_of(keys: &[&str]) -> (u32, u64) {
    let shortest = keys.iter().map(|key| key.len()).min().unwrap_or(0);
    for offset in 1..=FARTHEST {
        let Some(length @ 1..) = (shortest + 2).checked_sub(offset as usize) else { break };
        let mask = u64::MAX >> (u64::BITS - 8 * length.min(8) as u32);
        let windows: BTreeSet<u64> = keys.iter().map(|key| hashed(key.as_bytes(), offset, mask)).collect();
        if windows.len() == keys.len() {
            return (offset, mask);
        }
    }
    (1, 0)
}

fn distance(from: usize, to: usize) -> u32 {
    u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX)
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

fn set_bytes(words: &mut [u32], at: usize, bytes: &[u8; 16]) {
    for (place, word) in bytes.as_chunks::<4>().0.iter().enumerate() {
        set(words, at + place, u32::from_le_bytes(*word));
    }
}
