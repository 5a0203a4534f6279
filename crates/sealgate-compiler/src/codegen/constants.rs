//! Constant values, each once, and the static data that they become in the kernel's layout.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use foldhash::HashMap;
use sealgate_kernel::{Number, index, layout};

/// A constant value, by its place in [`Constants`]. Equal ids are the same value; `1` and `1.0` have different ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConstId(u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Box<str>),
    String(Box<str>),
    Array(Box<[ConstId]>),
    /// Sorted by key, keys unique.
    Object(Box<[(ConstId, ConstId)]>),
    /// Sorted, unique.
    Set(Box<[ConstId]>),
}

/// Bytes of the text of a constant that a shape has in the text around it: longer ones lie in static data once.
const MOST_IN_SHAPE: usize = 64;

/// Bytes that machines fetch at once from slow memory.
const CACHE_LINE: u32 = 64;

/// Interns constants and lays them out from a base address on.
#[derive(Debug)]
pub(super) struct Constants {
    base: u32,
    data: Vec<u8>,
    nodes: Vec<Node>,
    known: HashMap<Node, ConstId>,
    /// Address of each value; 0 until it is asked for, so that parts of larger constants cost nothing on their own account.
    addresses: Vec<u32>,
    texts: HashMap<Box<str>, u32>,
    /// Addresses of shapes by keys and constant values.
    shapes: HashMap<Vec<(ConstId, Option<ConstId>)>, u32>,
    /// Strings that are tested for, with their hashes.
    interned: BTreeMap<ConstId, u32>,
}

impl Constants {
    pub(super) fn new(base: u32) -> Self {
        Self {
            base,
            data: Vec::new(),
            nodes: Vec::new(),
            known: HashMap::default(),
            addresses: Vec::new(),
            texts: HashMap::default(),
            shapes: HashMap::default(),
            interned: BTreeMap::new(),
        }
    }

    /// The bytes, to lie at the base address.
    pub(super) fn into_data(self) -> Vec<u8> {
        self.data
    }

    pub(super) fn null(&mut self) -> ConstId {
        self.intern(Node::Null)
    }

    pub(super) fn bool(&mut self, value: bool) -> ConstId {
        self.intern(Node::Bool(value))
    }

    pub(super) fn integer(&mut self, value: i64) -> ConstId {
        self.intern(Node::Int(value))
    }

    /// A number by its JSON text; `None` if it is not one.
    pub(super) fn number(&mut self, text: &str) -> Option<ConstId> {
        Some(match Number::parse(text)? {
            Number::Int(value) => self.integer(value),
            Number::Decimal(text) => self.intern(Node::Decimal(text.into())),
        })
    }

    pub(super) fn string(&mut self, text: &str) -> ConstId {
        self.intern(Node::String(text.into()))
    }

    pub(super) fn array(&mut self, elements: Vec<ConstId>) -> ConstId {
        self.intern(Node::Array(elements.into()))
    }

    /// A set of elements in any order, with repetitions.
    pub(super) fn set(&mut self, mut elements: Vec<ConstId>) -> ConstId {
        elements.sort_by(|a, b| self.compare(*a, *b));
        elements.dedup_by(|a, b| self.compare(*a, *b).is_eq());
        self.intern(Node::Set(elements.into()))
    }

    /// An object of pairs in any order; of equal keys the last wins.
    pub(super) fn object(&mut self, mut pairs: Vec<(ConstId, ConstId)>) -> ConstId {
        pairs.reverse();
        pairs.sort_by(|a, b| self.compare(a.0, b.0));
        pairs.dedup_by(|a, b| self.compare(a.0, b.0).is_eq());
        self.intern(Node::Object(pairs.into()))
    }

    /// The value as a key of an index: a scalar whose equality is equality of bits.
    pub(super) fn is_index_key(&self, id: ConstId) -> bool {
        matches!(self.node(id), Node::Null | Node::Bool(_) | Node::Int(_) | Node::String(_))
    }

    pub(super) fn is_bool(&self, id: ConstId) -> Option<bool> {
        match self.node(id) {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn is_null(&self, id: ConstId) -> bool {
        matches!(self.node(id), Node::Null)
    }

    pub(super) fn as_text(&self, id: ConstId) -> Option<&str> {
        match self.node(id) {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_array(&self, id: ConstId) -> Option<&[ConstId]> {
        match self.node(id) {
            Node::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The pairs of an object, sorted.
    pub(super) fn as_object(&self, id: ConstId) -> Option<&[(ConstId, ConstId)]> {
        match self.node(id) {
            Node::Object(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The word that a small integer is at run time, without a header.
    pub(super) fn small_word(&self, id: ConstId) -> Option<u32> {
        let Node::Int(value) = self.node(id) else { return None };
        let word = i32::try_from(*value).ok()?.checked_mul(2)?;
        Some(word.cast_unsigned() | layout::INLINE_BIT)
    }

    /// The integer as an index.
    pub(super) fn as_index(&self, id: ConstId) -> Option<u32> {
        match self.node(id) {
            Node::Int(value) => u32::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The elements of an array or a set.
    pub(super) fn as_elements(&self, id: ConstId) -> Option<&[ConstId]> {
        match self.node(id) {
            Node::Array(elements) | Node::Set(elements) => Some(elements),
            _ => None,
        }
    }

    /// The hash that the kernel gives the value at run time, for an index key.
    pub(super) fn hash(&self, id: ConstId) -> Option<u32> {
        match self.node(id) {
            Node::Null => Some(index::hash_null()),
            Node::Bool(value) => Some(index::hash_bool(*value)),
            Node::Int(value) => Some(index::hash_int(*value)),
            Node::String(text) => Some(index::hash_text(text.as_bytes())),
            _ => None,
        }
    }

    /// Rego's order.
    pub(super) fn compare(&self, a: ConstId, b: ConstId) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let many = |a: &[ConstId], b: &[ConstId]| {
            let differ = a.iter().zip(b).map(|(a, b)| self.compare(*a, *b)).find(|order| order.is_ne());
            differ.unwrap_or_else(|| a.len().cmp(&b.len()))
        };
        match (self.node(a), self.node(b)) {
            (Node::Bool(a), Node::Bool(b)) => a.cmp(b),
            (Node::Int(a), Node::Int(b)) => a.cmp(b),
            (Node::String(a), Node::String(b)) => a.cmp(b),
            (Node::Array(a), Node::Array(b)) | (Node::Set(a), Node::Set(b)) => many(a, b),
            (Node::Object(a), Node::Object(b)) => {
                let order = |((ak, av), (bk, bv)): (&(ConstId, ConstId), &(ConstId, ConstId))| {
                    self.compare(*ak, *bk).then_with(|| self.compare(*av, *bv))
                };
                a.iter().zip(b).map(order).find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (a, b) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => tag(a).cmp(&tag(b)),
            },
        }
    }

    fn node(&self, id: ConstId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::Null)
    }

    fn intern(&mut self, node: Node) -> ConstId {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = ConstId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node.clone());
        self.addresses.push(0);
        self.known.insert(node, id);
        id
    }

    /// Where the value lies, or the word that it is; lays it and its parts out at the first time of asking.
    pub(super) fn address(&mut self, id: ConstId) -> u32 {
        if let Some(word) = self.small_word(id) {
            return word;
        }
        if let Some(address) = self.addresses.get(id.0 as usize).copied().filter(|address| *address != 0) {
            return address;
        }
        let node = self.node(id).clone();
        let (sub, length) = match &node {
            Node::Null => (0, 0),
            Node::Bool(value) => (u8::from(*value), 0),
            Node::Int(_) => (layout::NUMBER_INT, 0),
            Node::Decimal(text) => (layout::NUMBER_DECIMAL, text.len()),
            Node::String(text) => (0, text.len()),
            Node::Array(elements) | Node::Set(elements) => (0, elements.len()),
            Node::Object(pairs) => (0, pairs.len()),
        };
        // Before the header, because parts are laid out when they are asked for.
        let parts: Vec<u32> = match &node {
            Node::Array(elements) | Node::Set(elements) => elements.iter().map(|part| self.address(*part)).collect(),
            Node::Object(pairs) => {
                pairs.iter().flat_map(|(key, value)| [*key, *value]).map(|part| self.address(part)).collect()
            }
            _ => Vec::new(),
        };
        let hash = self.interned.get(&id).copied();
        let quoted = matches!(&node, Node::String(text) if is_plain(text));
        let mut flags = layout::FLAG_STATIC;
        if quoted {
            flags |= layout::FLAG_QUOTED;
        }
        if hash.is_some() {
            flags |= layout::FLAG_INTERNED;
        }
        let address = self.align(layout::HEADER_ALIGN);
        self.data.push(tag(&node));
        self.data.push(sub);
        self.data.extend_from_slice(&flags.to_le_bytes());
        self.data.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        let start = self.end().saturating_add(4);
        match &node {
            Node::Null | Node::Bool(_) => self.data.extend_from_slice(&[0; 8]),
            Node::Int(value) => self.data.extend_from_slice(&value.to_le_bytes()),
            Node::String(text) => {
                // With its quotes, where it can be written as it lies there.
                let quote: &[u8] = if quoted { b"\"" } else { b"" };
                let start = start + if hash.is_some() { 4 } else { 0 } + u32::from(quoted);
                self.data.extend_from_slice(&start.to_le_bytes());
                if let Some(hash) = hash {
                    self.data.extend_from_slice(&hash.to_le_bytes());
                }
                for part in [quote, text.as_bytes(), quote] {
                    self.data.extend_from_slice(part);
                }
            }
            Node::Decimal(text) => {
                self.data.extend_from_slice(&start.to_le_bytes());
                self.data.extend_from_slice(text.as_bytes());
            }
            Node::Array(_) | Node::Set(_) | Node::Object(_) => {
                self.data.extend_from_slice(&start.to_le_bytes());
                self.data.extend(parts.iter().flat_map(|part| part.to_le_bytes()));
            }
        }
        if let Some(slot) = self.addresses.get_mut(id.0 as usize) {
            *slot = address;
        }
        address
    }

    /// Notes that the module tests for the value: strings of the input that are the same become this one. One that lies there
    /// without a hash is laid out again; what holds its former address has an equal string that is not tested for.
    pub(super) fn intern_string(&mut self, id: ConstId) {
        let Some(hash) = self.as_text(id).map(|text| index::hash_text(text.as_bytes())) else { return };
        if self.interned.insert(id, hash).is_none()
            && let Some(address) = self.addresses.get_mut(id.0 as usize)
        {
            *address = 0;
        }
    }

    /// The table of interned strings; 0 if there are none.
    pub(super) fn interned_table(&mut self) -> u32 {
        if self.interned.is_empty() {
            return 0;
        }
        let interned = std::mem::take(&mut self.interned);
        let entries: Vec<(u32, u32)> = interned.into_iter().map(|(id, hash)| (hash, self.address(id))).collect();
        // Sparse: what is not at the first place that it is looked for at costs several times as much.
        let slots = hash_table((entries.len() * 4).next_power_of_two(), entries.into_iter());
        let mut words = vec![mask_of(&slots)];
        words.extend(slots);
        self.record(&words)
    }

    /// Where a NUL-terminated text lies; what follows a NUL in `text` is dropped.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        let text = text.split('\0').next().unwrap_or_default();
        if let Some(address) = self.texts.get(text) {
            return *address;
        }
        let address = self.bytes(text.as_bytes());
        self.data.push(0);
        self.texts.insert(text.into(), address);
        address
    }

    /// Adds words at an address that is a multiple of 4.
    pub(super) fn record(&mut self, words: &[u32]) -> u32 {
        let address = self.align(4);
        self.data.reserve(words.len() * 4);
        for word in words {
            self.data.extend_from_slice(&word.to_le_bytes());
        }
        address
    }

    /// Adds words that contain their own address, a multiple of 4.
    pub(super) fn record_at(&mut self, words: impl FnOnce(u32) -> Vec<u32>) -> u32 {
        let address = self.align(4);
        let words = words(address);
        self.record(&words)
    }

    /// The text around the values of objects with these keys, which are sorted (see `layout::FLAG_SHAPE`); of values that are
    /// given and short it has the text too.
    pub(super) fn shape(&mut self, members: Vec<(ConstId, Option<ConstId>)>) -> u32 {
        if let Some(shape) = self.shapes.get(&members) {
            return *shape;
        }
        let mut words = Vec::with_capacity(members.len() * 2 + 2);
        let mut text = String::new();
        for (place, (key, value)) in members.iter().enumerate() {
            text.push(if place == 0 { '{' } else { ',' });
            text += &serde_json::Value::from(self.as_text(*key).unwrap_or_default()).to_string();
            text.push(':');
            let before = text.len();
            if value.is_some_and(|value| self.push_json(value, &mut text, before + MOST_IN_SHAPE).is_some()) {
                words.extend([0, 0]);
            } else {
                text.truncate(before);
                words.extend(self.piece(&text));
                text.clear();
            }
        }
        text.push('}');
        words.extend(self.piece(&text));
        let shape = self.record(&words);
        self.shapes.insert(members, shape);
        shape
    }

    /// Address and length of a piece of text.
    fn piece(&mut self, text: &str) -> [u32; 2] {
        [self.bytes(text.as_bytes()), u32::try_from(text.len()).unwrap_or(u32::MAX)]
    }

    /// Appends the JSON text of a value that is written as the kernel writes it, unless `text` would have more than `most`
    /// bytes.
    fn push_json(&self, id: ConstId, text: &mut String, most: usize) -> Option<()> {
        match self.node(id) {
            Node::Null => text.push_str("null"),
            Node::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Node::Int(value) => text.push_str(&value.to_string()),
            Node::Decimal(digits) => text.push_str(digits),
            Node::String(string) if is_plain(string) => {
                text.push('"');
                text.push_str(string);
                text.push('"');
            }
            Node::Array(elements) | Node::Set(elements) => {
                text.push('[');
                for (place, element) in elements.iter().enumerate() {
                    if place != 0 {
                        text.push(',');
                    }
                    self.push_json(*element, text, most)?;
                }
                text.push(']');
            }
            Node::String(_) | Node::Object(_) => return None,
        }
        (text.len() <= most).then_some(())
    }

    /// Adds bytes at an address that is a multiple of 8.
    pub(super) fn blob(&mut self, bytes: &[u8]) -> u32 {
        self.align(8);
        self.bytes(bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) -> u32 {
        let address = self.end();
        self.data.extend_from_slice(bytes);
        address
    }

    /// Begins a new line of the cache where so many bytes that are laid out next would lie in one more than they need. Not where
    /// doing so for many of them would leave much free.
    pub(super) fn keep_in_line(&mut self, size: u32) {
        let (used, fit) = (self.end() % CACHE_LINE, CACHE_LINE.checked_div(size).unwrap_or_default() * size);
        if used.saturating_add(size) > CACHE_LINE && (CACHE_LINE - fit) * 4 <= fit {
            self.align(CACHE_LINE);
        }
    }

    fn align(&mut self, align: u32) -> u32 {
        let short = self.end().wrapping_neg() % align;
        self.data.resize(self.data.len() + short as usize, 0);
        self.end()
    }

    /// One past the last byte. Saturates; the linker refuses modules far smaller.
    pub(super) fn end(&self) -> u32 {
        self.base.saturating_add(u32::try_from(self.data.len()).unwrap_or(u32::MAX))
    }
}

/// A table by hash, of so many slots, a power of two above the number of entries: each is a word or 0.
fn hash_table(size: usize, entries: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut slots = vec![0; size];
    for (hash, word) in entries {
        for step in 0..size {
            if let Some(slot @ 0) = slots.get_mut((hash as usize).wrapping_add(step) & (size - 1)) {
                *slot = word;
                break;
            }
        }
    }
    slots
}

/// The mask of a table's places.
fn mask_of(slots: &[u32]) -> u32 {
    u32::try_from(slots.len() - 1).unwrap_or(u32::MAX)
}

/// A dispatch table of records by their hashes, as `sealgate_kernel::index` describes it.
pub(super) fn dispatch_table(entries: &[(u32, u32)]) -> Vec<u32> {
    let last = entries.iter().map(|(_, record)| record / 4).max().unwrap_or_default();
    let tag = !u32::MAX.checked_shr(last.leading_zeros()).unwrap_or_default();
    let size = (entries.len() + entries.len() / 4 + 1).next_power_of_two();
    let slots = hash_table(size, entries.iter().map(|(hash, record)| (*hash, (hash & tag) | (record / 4))));
    let mut words = vec![mask_of(&slots), tag];
    words.extend(slots);
    words
}

/// Whether a text is written as it is, between quotes.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\'))
}

fn number(node: &Node) -> Option<Number<'_>> {
    match node {
        Node::Int(value) => Some(Number::Int(*value)),
        Node::Decimal(text) => Some(Number::Decimal(text)),
        _ => None,
    }
}

fn tag(node: &Node) -> u8 {
    match node {
        Node::Null => layout::TAG_NULL,
        Node::Bool(_) => layout::TAG_BOOL,
        Node::Int(_) | Node::Decimal(_) => layout::TAG_NUMBER,
        Node::String(_) => layout::TAG_STRING,
        Node::Array(_) => layout::TAG_ARRAY,
        Node::Object(_) => layout::TAG_OBJECT,
        Node::Set(_) => layout::TAG_SET,
    }
}
