//! What a body is but for its constants: a key that bodies of the same shape share, and the constants as its parameters.
//!
//! Takes a body's blocks. Strings that are looked at as text (keys of objects and of lookups, paths) are part of the key, other
//! strings, numbers and places in the source are parameters, numbered in the order in which they first come: so two bodies
//! with one key also have equal parameters at the same places.

use foldhash::HashMap;

use super::access;
use super::cases::Rest;
use crate::ir::{Block, Local, Location, Operand, Statement, Stmt, StringIndex};

/// Bodies with more different parameters of a kind are compiled each by itself.
const MOST_PARAMETERS: usize = 128;
/// Marks locals of functions that became part of the body.
const INNER: u32 = 1 << 31;

/// What differs between bodies with one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    /// With each string, whether it is part of the key too.
    strings: Vec<(StringIndex, bool)>,
    integers: Vec<i64>,
    locations: Vec<Location>,
}

impl Parameters {
    /// The place of a string; none where the body has no such string.
    pub(super) fn string(&self, index: StringIndex) -> Option<u32> {
        place(&self.strings, |(known, _)| *known == index)
    }

    pub(super) fn integer(&self, value: i64) -> Option<u32> {
        place(&self.integers, |known| *known == value)
    }

    pub(super) fn location(&self, location: Location) -> Option<u32> {
        place(&self.locations, |known| *known == location)
    }

    /// Whether a string is the same in every body with this key.
    pub(super) fn is_fixed(&self, index: StringIndex) -> bool {
        self.strings.contains(&(index, true))
    }

    pub(super) fn string_at(&self, place: u32) -> Option<StringIndex> {
        self.strings.get(place as usize).map(|(index, _)| *index)
    }

    pub(super) fn integer_at(&self, place: u32) -> Option<i64> {
        self.integers.get(place as usize).copied()
    }

    pub(super) fn location_at(&self, place: u32) -> Option<Location> {
        self.locations.get(place as usize).copied()
    }
}

fn place<T>(all: &[T], is: impl Fn(&T) -> bool) -> Option<u32> {
    all.iter().position(is).and_then(|place| u32::try_from(place).ok())
}

/// The place of something among all, where it is put if it is new.
fn place_or_put<T: PartialEq>(all: &mut Vec<T>, item: T) -> u32 {
    // What comes is mostly what came last.
    let place = all.iter().rposition(|known| *known == item).unwrap_or_else(|| {
        all.push(item);
        all.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Reads bodies of one function, one after the other.
#[derive(Debug)]
pub(super) struct KeyReader<'b> {
    /// The function's last local of its own.
    last: Local,
    /// Functions and builtins that are called.
    names: HashMap<&'b str, u32>,
    key: Vec<u32>,
    parameters: Parameters,
    /// The first local of a function that became part of the body.
    inner: Option<u32>,
}

impl<'b> KeyReader<'b> {
    pub(super) fn new(last: Local) -> Self {
        let (key, parameters) = (Vec::new(), Parameters::default());
        Self { last, names: HashMap::default(), key, parameters, inner: None }
    }

    /// Reads a body that leaves its value in a local; whether it is small enough for a key.
    pub(super) fn read(&mut self, body: &Rest<'b>, value: Local) -> bool {
        self.key.clear();
        self.parameters.strings.clear();
        self.parameters.integers.clear();
        self.parameters.locations.clear();
        self.inner = None;
        self.local(value);
        match (body.blocks, &body.kept) {
            ([block], Some(kept)) => {
                self.count(1);
                self.count(kept.len());
                self.statements(kept.iter().filter_map(|place| block.stmts.get(*place)));
            }
            (blocks, _) => self.blocks(blocks),
        }
        self.is_small()
    }

    fn is_small(&self) -> bool {
        let Parameters { strings, integers, locations } = &self.parameters;
        [strings.len(), integers.len(), locations.len()].into_iter().all(|count| count <= MOST_PARAMETERS)
    }

    /// The key of what was read.
    pub(super) fn key(&self) -> &[u32] {
        &self.key
    }

    /// The parameters of what was read.
    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn blocks(&mut self, blocks: &'b [Block]) {
        self.count(blocks.len());
        for block in blocks {
            self.count(block.stmts.len());
            self.statements(block.stmts.iter());
        }
    }

    fn statements(&mut self, statements: impl Iterator<Item = &'b Statement>) {
        for statement in statements {
            // Beyond the bound nothing comes of it.
            if !self.is_small() {
                return;
            }
            let location = place_or_put(&mut self.parameters.locations, statement.location);
            self.key.push(location);
            self.statement(&statement.stmt);
        }
    }

    fn count(&mut self, count: usize) {
        self.key.push(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn local(&mut self, local: Local) {
        // Numbers of inner locals go on from body to body: what counts is how they lie to each other.
        self.key.push(if local <= self.last {
            local.0
        } else {
            let first = *self.inner.get_or_insert(local.0);
            INNER | (local.0.wrapping_sub(first) & !INNER)
        });
    }

    fn locals(&mut self, locals: &[&Local]) {
        locals.iter().for_each(|local| self.local(**local));
    }

    fn string(&mut self, index: StringIndex) {
        let strings = &mut self.parameters.strings;
        let place = strings.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            strings.push((index, false));
            strings.len() - 1
        });
        self.count(place);
    }

    /// A string that is part of the key.
    fn text(&mut self, index: StringIndex) {
        self.string(index);
        self.key.push(index.0);
        if let Some((_, fixed)) = self.parameters.strings.iter_mut().find(|(known, _)| *known == index) {
            *fixed = true;
        }
    }

    fn integer(&mut self, value: i64) {
        let place = place_or_put(&mut self.parameters.integers, value);
        self.key.push(place);
    }

    fn operand(&mut self, operand: Operand) {
        match operand {
            Operand::Local(local) => {
                self.key.push(0);
                self.local(local);
            }
            Operand::String(index) => {
                self.key.push(1);
                self.string(index);
            }
            Operand::Bool(value) => self.key.push(2 + u32::from(value)),
        }
    }

    /// An operand whose text is looked at if it is a string.
    fn key_operand(&mut self, operand: Operand) {
        match operand {
            Operand::String(index) => {
                self.key.push(1);
                self.text(index);
            }
            operand => self.operand(operand),
        }
    }

    fn statement(&mut self, stmt: &'b Stmt) {
        let kind = kind(stmt);
        self.key.push(kind);
        match stmt {
            Stmt::ArrayAppend { value, array: collection } | Stmt::SetAdd { value, set: collection } => {
                self.operand(*value);
                self.local(*collection);
            }
            Stmt::AssignInt { value, target } | Stmt::MakeNumberInt { value, target } => {
                self.integer(*value);
                self.local(*target);
            }
            Stmt::AssignVar { source, target }
            | Stmt::AssignVarOnce { source, target }
            | Stmt::Len { source, target } => {
                self.operand(*source);
                self.local(*target);
            }
            Stmt::Block { .. } | Stmt::Not { .. } => {}
            Stmt::Break { index } => self.key.push(*index),
            Stmt::Call { func, args, result } => {
                let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                let name = *self.names.entry(func).or_insert(next);
                self.key.push(name);
                self.count(args.len());
                args.iter().for_each(|arg| self.operand(*arg));
                self.local(*result);
            }
            Stmt::CallDynamic { args, result, path } => {
                self.count(args.len());
                args.iter().for_each(|arg| self.local(*arg));
                self.local(*result);
                self.count(path.len());
                path.iter().for_each(|step| self.operand(*step));
            }
            Stmt::Dot { source, key, target } => {
                self.operand(*source);
                self.key_operand(*key);
                self.local(*target);
            }
            Stmt::Equal { a, b } | Stmt::NotEqual { a, b } => {
                self.operand(*a);
                self.operand(*b);
            }
            Stmt::IsArray { source } | Stmt::IsObject { source } | Stmt::IsSet { source } => self.operand(*source),
            Stmt::IsDefined { source: local }
            | Stmt::IsUndefined { source: local }
            | Stmt::ReturnLocal { source: local }
            | Stmt::MakeNull { target: local }
            | Stmt::MakeObject { target: local }
            | Stmt::MakeSet { target: local }
            | Stmt::ResetLocal { target: local }
            | Stmt::ResultSetAdd { value: local } => self.local(*local),
            Stmt::MakeArray { capacity, target } => {
                self.key.push(capacity.cast_unsigned());
                self.local(*target);
            }
            Stmt::MakeNumberRef { index, target } => {
                self.string(*index);
                self.local(*target);
            }
            Stmt::Nop {} => {}
            Stmt::ObjectInsert { key, value, object } | Stmt::ObjectInsertOnce { key, value, object } => {
                self.key_operand(*key);
                self.operand(*value);
                self.local(*object);
            }
            Stmt::ObjectMerge { a, b, target } => self.locals(&[a, b, target]),
            Stmt::Scan { source, key, value, .. } => self.locals(&[source, key, value]),
            Stmt::With { local, path, value, .. } => {
                self.local(*local);
                self.count(path.len());
                path.iter().for_each(|step| self.text(*step));
                self.operand(*value);
            }
        }
        if matches!(stmt, Stmt::Block { .. } | Stmt::Not { .. } | Stmt::Scan { .. } | Stmt::With { .. }) {
            self.blocks(access::nested(stmt));
        }
    }
}

/// A number for each kind of statement.
fn kind(stmt: &Stmt) -> u32 {
    match stmt {
        Stmt::ArrayAppend { .. } => 0,
        Stmt::AssignInt { .. } => 1,
        Stmt::AssignVar { .. } => 2,
        Stmt::AssignVarOnce { .. } => 3,
        Stmt::Block { .. } => 4,
        Stmt::Break { .. } => 5,
        Stmt::Call { .. } => 6,
        Stmt::CallDynamic { .. } => 7,
        Stmt::Dot { .. } => 8,
        Stmt::Equal { .. } => 9,
        Stmt::IsArray { .. } => 10,
        Stmt::IsDefined { .. } => 11,
        Stmt::IsObject { .. } => 12,
        Stmt::IsSet { .. } => 13,
        Stmt::IsUndefined { .. } => 14,
        Stmt::Len { .. } => 15,
        Stmt::MakeArray { .. } => 16,
        Stmt::MakeNull { .. } => 17,
        Stmt::MakeNumberInt { .. } => 18,
        Stmt::MakeNumberRef { .. } => 19,
        Stmt::MakeObject { .. } => 20,
        Stmt::MakeSet { .. } => 21,
        Stmt::Nop {} => 22,
        Stmt::Not { .. } => 23,
        Stmt::NotEqual { .. } => 24,
        Stmt::ObjectInsert { .. } => 25,
        Stmt::ObjectInsertOnce { .. } => 26,
        Stmt::ObjectMerge { .. } => 27,
        Stmt::ResetLocal { .. } => 28,
        Stmt::ResultSetAdd { .. } => 29,
        Stmt::ReturnLocal { .. } => 30,
        Stmt::Scan { .. } => 31,
        Stmt::SetAdd { .. } => 32,
        Stmt::With { .. } => 33,
    }
}
