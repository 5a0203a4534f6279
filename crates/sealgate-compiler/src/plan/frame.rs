//! A function or plan in the making: its open blocks, locals and the variables bound so far.
//!
//! What follows a lookup that goes through many members runs once per member: the scan stays open, and everything planned
//! after it goes into its body until the block around it is closed.

use sealgate_diagnostics::Span;
use sealgate_rego::resolved::{Term, VarId};

use crate::ir::{Block, Local, Location, MAX_DEPTH, MAX_LOCALS, Operand, Statement, Stmt, StringIndex};

use super::Planner;
use super::contexts::ContextId;

/// How deeply blocks may nest: as deeply as a plan may, less what one construct adds by itself.
const DEEPEST: usize = MAX_DEPTH - 8;

/// The state while one function or plan is planned.
pub(super) struct Frame<'p, 'a> {
    pub(super) planner: &'p mut Planner<'a>,
    /// The context that calls are made in.
    pub(super) context: ContextId,
    /// What stands in for functions in this context.
    pub(super) extras: Vec<Operand>,
    open: Vec<Open>,
    /// Room for statements of blocks to come.
    spare: Vec<Vec<Statement>>,
    next: u32,
    env: Vec<Option<Operand>>,
    /// The variables bound, in order, so that those of a closed block can be given up.
    trail: Vec<VarId>,
    location: Location,
    span: Span,
    /// Whether it has been said that the blocks nest too deeply.
    too_deep: bool,
    /// Whether it is a function with parameters of its own.
    pub(super) called_often: bool,
}

/// A block that statements are being added to.
struct Open {
    stmts: Vec<Statement>,
    kind: OpenKind,
    location: Location,
}

/// What a block becomes when it is closed.
enum OpenKind {
    /// What [`Frame::block`] asked for.
    Plain,
    /// The body of a scan.
    Scan { source: Local, key: Local, value: Local },
    /// The body of a replacement.
    With { local: Local, path: Vec<StringIndex>, value: Operand },
}

impl<'p, 'a> Frame<'p, 'a> {
    pub(super) fn new(planner: &'p mut Planner<'a>, context: ContextId, first_free: u32) -> Self {
        Self {
            planner,
            context,
            extras: Vec::new(),
            open: Vec::new(),
            spare: Vec::new(),
            next: first_free,
            env: Vec::new(),
            trail: Vec::new(),
            location: Location::default(),
            span: Span::default(),
            too_deep: false,
            called_often: false,
        }
    }

    /// Statements planned from now on come from here.
    pub(super) fn at(&mut self, span: Span) {
        self.span = span;
        self.location = self.planner.places.locate(span);
    }

    /// Starts the variables of a rule or query: none bound.
    pub(super) fn start_vars(&mut self, count: usize) {
        self.trail.clear();
        self.env.clear();
        self.env.resize(count, None);
    }

    /// A new local.
    pub(super) fn local(&mut self) -> Local {
        let local = Local(self.next);
        self.next = self.next.saturating_add(1);
        if self.next == MAX_LOCALS {
            self.planner.refuse("this rule is too large to be compiled", self.span);
        }
        local
    }

    /// The first local that is not in use.
    pub(super) fn next_local(&self) -> u32 {
        self.next
    }

    /// Gives up all locals from this one on.
    pub(super) fn reuse_locals_from(&mut self, next: u32) {
        self.next = next;
    }

    /// Adds a statement.
    pub(super) fn emit(&mut self, stmt: Stmt) {
        let location = self.location;
        if let Some(open) = self.open.last_mut() {
            open.stmts.push(stmt.at(location));
        }
    }

    /// Nothing can get past here.
    pub(super) fn fail(&mut self) {
        self.emit(Stmt::Equal { a: Operand::Bool(true), b: Operand::Bool(false) });
    }

    /// A block of what `plan` adds; the variables that it binds are given up afterwards.
    pub(super) fn block(&mut self, plan: impl FnOnce(&mut Self)) -> Block {
        let bound = self.trail.len();
        let block = self.block_keeping(plan);
        for id in self.trail.drain(bound..) {
            if let Some(slot) = self.env.get_mut(id.index()) {
                *slot = None;
            }
        }
        block
    }

    /// A block of what `plan` adds; the variables that it binds stay bound.
    pub(super) fn block_keeping(&mut self, plan: impl FnOnce(&mut Self)) -> Block {
        let (depth, location) = (self.open.len(), self.location);
        self.push(OpenKind::Plain);
        plan(self);
        self.close_to(depth + 1);
        self.location = location;
        let stmts = self.open.pop().map(|open| open.stmts).unwrap_or_default();
        self.whole(stmts)
    }

    /// How many blocks are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Runs what follows once per member of a collection.
    pub(super) fn open_scan(&mut self, source: Local) -> (Local, Local) {
        let (key, value) = (self.local(), self.local());
        self.push(OpenKind::Scan { source, key, value });
        (key, value)
    }

    /// Runs what follows with a local replaced.
    pub(super) fn open_with(&mut self, local: Local, path: Vec<StringIndex>, value: Operand) {
        self.push(OpenKind::With { local, path, value });
    }

    fn push(&mut self, kind: OpenKind) {
        if self.open.len() >= DEEPEST && !self.too_deep {
            self.too_deep = true;
            self.planner.refuse(format!("lookups and closures nest more than {DEEPEST} deep here"), self.span);
        }
        let location = self.location;
        let stmts = self.spare.pop().unwrap_or_default();
        self.open.push(Open { stmts, kind, location });
    }

    /// Closes scans and replacements until so many blocks are open.
    pub(super) fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(Open { stmts, kind, location }) = self.open.pop() else { return };
            let block = self.whole(stmts);
            let stmt = match kind {
                OpenKind::Plain => Stmt::Block { blocks: vec![block] },
                OpenKind::Scan { source, key, value } => Stmt::Scan { source, key, value, block },
                OpenKind::With { local, path, value } => Stmt::With { local, path, value, block },
            };
            if let Some(around) = self.open.last_mut() {
                around.stmts.push(stmt.at(location));
            }
        }
    }

    /// A block of statements, without the room that they grew in.
    fn whole(&mut self, mut stmts: Vec<Statement>) -> Block {
        let mut exact = Vec::with_capacity(stmts.len());
        exact.append(&mut stmts);
        self.spare.push(stmts);
        Block { stmts: exact }
    }

    /// How many variables the rule or query has.
    pub(super) fn vars(&self) -> usize {
        self.env.len()
    }

    /// Whether what is planned now may run more than once in an evaluation.
    pub(super) fn repeats(&self) -> bool {
        self.called_often || self.open.iter().any(|open| matches!(open.kind, OpenKind::Scan { .. }))
    }

    /// What a variable is bound to.
    pub(super) fn lookup(&self, id: VarId) -> Option<Operand> {
        self.env.get(id.index()).copied().flatten()
    }

    /// Binds a variable to a value that a local or constant holds from now on.
    pub(super) fn bind(&mut self, id: VarId, value: Operand) {
        // The locals of input and data change under `with`; a variable keeps what they held.
        let value = match value {
            Operand::Local(local) if local < Local::UNUSED => {
                let target = self.local();
                self.emit(Stmt::AssignVar { source: value, target });
                Operand::Local(target)
            }
            value => value,
        };
        if let Some(slot) = self.env.get_mut(id.index()) {
            *slot = Some(value);
            self.trail.push(id);
        }
    }

    /// An operand as a local.
    pub(super) fn as_local(&mut self, operand: Operand) -> Local {
        match operand {
            Operand::Local(local) => local,
            source => {
                let target = self.local();
                self.emit(Stmt::AssignVar { source, target });
                target
            }
        }
    }

    /// Whether a term has a variable that is not bound, closures left out.
    pub(super) fn has_unbound(&self, term: &Term) -> bool {
        let mut unbound = Vec::new();
        self.unbound_in(term, &mut unbound);
        !unbound.is_empty()
    }

    /// Adds the variables of a term that are not bound, each once.
    pub(super) fn unbound_in(&self, term: &Term, unbound: &mut Vec<VarId>) {
        use sealgate_rego::resolved::{RefHead, TermKind};
        let mut add = |id: VarId| {
            if self.lookup(id).is_none() && !unbound.contains(&id) {
                unbound.push(id);
            }
        };
        match &term.kind {
            TermKind::Var(id) => add(*id),
            TermKind::Ref(reference) => {
                if let RefHead::Var(id) = reference.head {
                    add(id);
                }
                reference.path.iter().for_each(|operand| self.unbound_in(operand, unbound));
            }
            TermKind::Array(items) | TermKind::Set(items) => {
                items.iter().for_each(|item| self.unbound_in(item, unbound))
            }
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.unbound_in(key, unbound);
                self.unbound_in(value, unbound);
            }),
            TermKind::Null
            | TermKind::Bool(_)
            | TermKind::Number(_)
            | TermKind::String(_)
            | TermKind::Comprehension(_) => {}
        }
    }
}
