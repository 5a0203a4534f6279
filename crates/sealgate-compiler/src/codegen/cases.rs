//! Recognises the bodies of a rule or function in its blocks.
//!
//! OPA's planner gives each body of a complete rule or function its blocks, which leave the value in a local of their own,
//! and one more block that moves it to the result. A body of a partial rule is one block that adds to the result.

use std::borrow::Cow;
use std::ops::Range;

use super::Module;
use super::access::{self, Access};
use super::folding::Folding;
use super::guards::{Guards, Reader};
use crate::ir::{Block, Func, Local, Location, Operand, Statement, Stmt};

/// What the bodies do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each gives a value, and all values must be the same.
    Complete,
    /// Each adds to the collection in the result local.
    Partial,
}

/// One body.
#[derive(Debug)]
pub(super) struct Case<'f> {
    /// Its blocks in the function, those that move the value included.
    pub(super) blocks: Range<usize>,
    /// What the body is without the tests: its blocks, without those that move the value.
    pub(super) body: Rest<'f>,
    /// The local that its value is in, for complete rules.
    pub(super) value: Local,
    /// What it tests first.
    pub(super) guards: Guards,
    pub(super) location: Location,
}

/// What is left of a body without its tests.
#[derive(Debug)]
pub(super) struct Rest<'f> {
    pub(super) blocks: &'f [Block],
    /// The places of the statements that are left of its only block, where some are not.
    pub(super) kept: Option<Vec<usize>>,
}

impl<'f> Rest<'f> {
    pub(super) fn to_blocks(&self) -> Cow<'f, [Block]> {
        match (self.blocks, &self.kept) {
            ([block], Some(kept)) => {
                let stmts = kept.iter().filter_map(|place| block.stmts.get(*place).cloned()).collect();
                Cow::Owned(vec![Block { stmts }])
            }
            _ => Cow::Borrowed(self.blocks),
        }
    }
}

/// The bodies of a function.
#[derive(Debug)]
pub(super) struct Cases<'f> {
    pub(super) kind: Kind,
    pub(super) all: Vec<Case<'f>>,
    /// The first block that belongs to a body, and one past the last.
    pub(super) first: usize,
    pub(super) end: usize,
    /// Whether every body gives one and the same constant.
    pub(super) uniform: bool,
    /// Where the first body is.
    pub(super) location: Location,
}

impl<'f> Cases<'f> {
    /// The bodies, if there are several and each stands on its own.
    pub(super) fn of(module: &mut Module<'_>, func: &'f Func, folding: &Folding) -> Option<Self> {
        let blocks = &func.blocks;
        let partial = blocks.first().is_some_and(|block| makes(block, func.ret));
        let (kind, groups) = if partial {
            let end = blocks.iter().rposition(|block| is_return(block, func.ret))?;
            (Kind::Partial, (1..end).map(|place| (place..place + 1, func.ret)).collect())
        } else {
            (Kind::Complete, complete(blocks, func.ret))
        };
        if groups.len() < 2 {
            return None;
        }
        let (first, end) = (groups.first()?.0.start, groups.last()?.0.end);
        let location = blocks.get(first)?.stmts.first()?.location;
        let mut uniform = Uniform::Unknown;
        let mut all = Vec::with_capacity(groups.len());
        let mut reader = Reader::default();
        for (range, value) in groups {
            let body_end = if kind == Kind::Complete { range.end - 1 } else { range.end };
            let body = blocks.get(range.start..body_end)?;
            let allowed = |local: &Local| {
                func.params.contains(local)
                    || (kind == Kind::Partial && *local == func.ret)
                    || (kind == Kind::Complete && *local == value && body.len() > 1)
            };
            for place in range.start..body_end {
                let own = |place: usize| range.contains(&place);
                if !folding.stands_alone(place, &allowed, &own, func.ret, value) {
                    return None;
                }
            }
            if kind == Kind::Complete {
                // So that no body sees, or hands on, the value of another.
                if !body.first().is_some_and(|block| resets(block, value)) {
                    return None;
                }
                uniform.see(body, value);
            }
            let location = blocks.get(range.start).and_then(|block| block.stmts.first()).map(|first| first.location);
            let mut case = Case {
                body: Rest { blocks: body, kept: None },
                blocks: range,
                value,
                guards: Guards::default(),
                location: location.unwrap_or_default(),
            };
            // With an `else`, a body whose first block fails may still give a value.
            if let [block] = body
                && let Some((guards, kept)) = reader.guards(module, func, block)
            {
                case.guards = guards;
                case.body.kept = Some(kept);
            }
            all.push(case);
        }
        let uniform = kind == Kind::Complete && matches!(uniform, Uniform::All(_));
        Some(Self { kind, all, first, end, uniform, location })
    }
}

/// Whether a function has bodies that may dispatch.
pub(super) fn are_several(func: &Func) -> bool {
    func.blocks.first().is_some_and(|block| makes(block, func.ret)) || complete(&func.blocks, func.ret).len() > 1
}

/// Ranges of blocks that end with one that moves a value to `ret`, and the local that it moves.
fn complete(blocks: &[Block], ret: Local) -> Vec<(Range<usize>, Local)> {
    let mut groups = Vec::new();
    let mut start = 0;
    for (place, block) in blocks.iter().enumerate() {
        if let Some(value) = moved(block, ret) {
            if place > start {
                groups.push((start..place + 1, value));
            }
            start = place + 1;
        }
    }
    groups
}

/// The local that a block moves to `ret` if it is defined, where it does nothing else.
fn moved(block: &Block, ret: Local) -> Option<Local> {
    match block.stmts.as_slice() {
        [
            Statement { stmt: Stmt::IsDefined { source }, .. },
            Statement { stmt: Stmt::AssignVarOnce { source: Operand::Local(from), target }, .. },
        ] if source == from && *target == ret => Some(*source),
        _ => None,
    }
}

/// Whether a block begins by resetting a local.
fn resets(block: &Block, local: Local) -> bool {
    matches!(block.stmts.first(), Some(Statement { stmt: Stmt::ResetLocal { target }, .. }) if *target == local)
}

fn makes(block: &Block, ret: Local) -> bool {
    match block.stmts.as_slice() {
        [Statement { stmt: Stmt::MakeSet { target } | Stmt::MakeObject { target }, .. }] => *target == ret,
        _ => false,
    }
}

fn is_return(block: &Block, ret: Local) -> bool {
    matches!(block.stmts.as_slice(), [Statement { stmt: Stmt::ReturnLocal { source }, .. }] if *source == ret)
}

/// Whether all bodies give one constant.
enum Uniform {
    Unknown,
    All(Operand),
    No,
}

impl Uniform {
    fn see(&mut self, body: &[Block], value: Local) {
        if matches!(self, Self::No) {
            return;
        }
        for block in body {
            for statement in &block.stmts {
                match &statement.stmt {
                    Stmt::AssignVarOnce { source, target } if *target == value => {
                        *self = match (&self, source) {
                            (_, Operand::Local(_)) => Self::No,
                            (Self::Unknown, source) => Self::All(*source),
                            (Self::All(before), source) if before == source => Self::All(*source),
                            _ => Self::No,
                        };
                    }
                    Stmt::ResetLocal { target } if *target == value => {}
                    stmt => {
                        let mut assigns = false;
                        access::of_statement(stmt, &mut |access| {
                            assigns |= access == Access::Assign(value);
                        });
                        if assigns && access::nested(stmt).is_empty() {
                            *self = Self::No;
                        } else {
                            self.see(access::nested(stmt), value);
                        }
                    }
                }
            }
        }
    }
}
