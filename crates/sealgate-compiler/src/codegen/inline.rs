//! Functions that are called from one place become part of their caller: a call costs more than most of them do.
//!
//! Takes a plan's functions as they are, gives the blocks of a caller with the callee's in place of the call. It leaves alone
//! what has several bodies, which dispatch through a table, and what is long.

use std::borrow::Cow;

use foldhash::{HashMap, HashSet};

use super::access;
use super::cases;
use super::folding::Folding;
use crate::ir::{Block, Func, Local, Operand, Policy, Statement, Stmt};

/// Longer functions stay functions.
const MOST_STATEMENTS: usize = 100;
/// Nothing is put into functions that are longer, or would be with it: compilers take more than their share of time for long
/// ones.
const MOST_TOGETHER: usize = 400;
/// Beyond every local.
const EVERY: Local = Local(u32::MAX);
/// How many functions are put into each other.
const MOST_LEVELS: u32 = 4;

/// The functions that become part of their callers.
#[derive(Debug, Default)]
pub(super) struct Inlined<'p>(HashMap<&'p str, &'p Func>);

/// Where a function is called from.
#[derive(Clone, Copy)]
enum Caller<'p> {
    Plan,
    Function(&'p str),
    /// From more than one place, or so that the place matters.
    Many,
}

impl<'p> Inlined<'p> {
    /// The functions of a plan that have one caller. `stays` says which are needed as functions.
    pub(super) fn of(policy: &'p Policy, reachable: &HashSet<&'p str>, stays: &dyn Fn(&Func) -> bool) -> Self {
        let mut callers = HashMap::default();
        for plan in &policy.plans {
            find_calls(&plan.blocks, Caller::Plan, &mut callers);
        }
        let funcs = || policy.funcs.iter().filter(|func| reachable.contains(func.name.as_str()));
        for func in funcs() {
            find_calls(&func.blocks, Caller::Function(&func.name), &mut callers);
        }
        let mut fit: HashMap<&str, &Func> = HashMap::default();
        for func in funcs() {
            if !matches!(callers.get(func.name.as_str()), None | Some(Caller::Many)) && !stays(func) && is_fit(func) {
                fit.insert(&func.name, func);
            }
        }
        // Of a chain of calls, each first of so many levels stays.
        let mut levels: HashMap<&str, u32> = HashMap::default();
        for name in fit.keys().copied() {
            let mut way = vec![name];
            let mut level = loop {
                let last = way.last().copied().unwrap_or(name);
                match callers.get(last) {
                    Some(Caller::Function(caller)) if fit.contains_key(caller) => match levels.get(caller) {
                        Some(level) => break level + 1,
                        // As long a way as there are functions has come back to one.
                        None if way.len() > fit.len() => break 0,
                        None => way.push(caller),
                    },
                    _ => break 0,
                }
            };
            for name in way.into_iter().rev() {
                levels.insert(name, level);
                level += 1;
            }
        }
        fit.retain(|name, _| levels.get(name).is_some_and(|level| level % (MOST_LEVELS + 1) != MOST_LEVELS));
        // The innermost first, so that a function's size is known with what became part of it.
        let mut sizes: HashMap<Option<&str>, usize> = HashMap::default();
        for func in funcs() {
            sizes.insert(Some(&func.name), func.blocks.iter().map(size).sum());
        }
        let mut order: Vec<(u32, &str)> = funcs()
            .filter(|func| fit.contains_key(func.name.as_str()))
            .map(|func| (u32::MAX - levels.get(func.name.as_str()).copied().unwrap_or_default(), func.name.as_str()))
            .collect();
        order.sort_by_key(|(level, _)| *level);
        for (_, name) in order {
            let caller = match callers.get(name) {
                Some(Caller::Function(caller)) => Some(*caller),
                _ => None,
            };
            let together = sizes.get(&Some(name)).copied().unwrap_or_default();
            let whole = sizes.entry(caller).or_default();
            if *whole + together > MOST_TOGETHER {
                fit.remove(name);
            } else {
                *whole += together;
            }
        }
        Self(fit)
    }

    /// Whether a function is part of its caller, and needs no code of its own.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The blocks of a function or plan, with what is called in them. Locals beyond `last`, the last local of its own, belong
    /// to what was called.
    pub(super) fn expand<'b>(&self, blocks: &'b [Block], last: Local) -> Cow<'b, [Block]> {
        if self.0.is_empty() || !blocks.iter().any(|block| self.is_called_in(block)) {
            return Cow::Borrowed(blocks);
        }
        let mut last = last;
        Cow::Owned(blocks.iter().map(|block| self.block(block, &mut last)).collect())
    }

    fn is_called_in(&self, block: &Block) -> bool {
        block.stmts.iter().any(|statement| match &statement.stmt {
            Stmt::Call { func, .. } => self.contains(func),
            stmt => access::nested(stmt).iter().any(|block| self.is_called_in(block)),
        })
    }

    /// The block with what is called in it; `last` is the last local that is taken.
    fn block(&self, block: &Block, last: &mut Local) -> Block {
        let mut stmts = Vec::with_capacity(block.stmts.len());
        for statement in &block.stmts {
            if let Stmt::Call { func, args, result } = &statement.stmt
                && let Some(func) = self.0.get(func.as_str())
            {
                self.call(func, args, *result, statement, last, &mut stmts);
                continue;
            }
            let mut statement = statement.clone();
            for nested in access::nested_mut(&mut statement.stmt) {
                *nested = self.block(nested, last);
            }
            stmts.push(statement);
        }
        Block { stmts }
    }

    /// Appends what a call does.
    fn call(
        &self,
        func: &Func,
        args: &[Operand],
        result: Local,
        call: &Statement,
        last: &mut Local,
        stmts: &mut Vec<Statement>,
    ) {
        let at = |stmt: Stmt| stmt.at(call.location);
        let mut names: HashMap<Local, Local> = HashMap::default();
        stmts.push(at(Stmt::ResetLocal { target: result }));
        for (param, arg) in func.params.iter().zip(args) {
            // The callee changes no parameter but by `with`, which puts back what was there.
            if let Operand::Local(arg) = arg {
                names.insert(*param, *arg);
            } else {
                let own = fresh(last);
                names.insert(*param, own);
                stmts.push(at(Stmt::AssignVar { source: *arg, target: own }));
            }
        }
        let mut rename = |local: &mut Local| *local = *names.entry(*local).or_insert_with(|| fresh(last));
        // In a loop, what the last turn left there is not seen.
        for mut target in Folding::of(&func.blocks, EVERY).read_first() {
            if !func.params.contains(&target) {
                rename(&mut target);
                stmts.push(at(Stmt::ResetLocal { target }));
            }
        }
        let mut body = func.blocks.clone();
        for block in &mut body {
            access::rename(block, &mut rename);
            returns_to(block, result, 1);
        }
        let body = body.iter().map(|block| self.block(block, last)).collect();
        let body = Block { stmts: vec![at(Stmt::Block { blocks: body })] };
        stmts.push(at(Stmt::Block { blocks: vec![body] }));
        stmts.push(at(Stmt::IsDefined { source: result }));
    }
}

fn fresh(last: &mut Local) -> Local {
    last.0 = last.0.saturating_add(1);
    *last
}

/// Notes who calls what in the blocks.
fn find_calls<'p>(blocks: &'p [Block], caller: Caller<'p>, callers: &mut HashMap<&'p str, Caller<'p>>) {
    for statement in blocks.iter().flat_map(|block| &block.stmts) {
        match &statement.stmt {
            Stmt::Call { func, args, .. } => {
                let plain = args.starts_with(&[Operand::Local(Local::INPUT), Operand::Local(Local::DATA)]);
                let caller = if plain { caller } else { Caller::Many };
                callers.entry(func).and_modify(|known| *known = Caller::Many).or_insert(caller);
            }
            stmt => find_calls(access::nested(stmt), caller, callers),
        }
    }
}

/// Whether the function is short, has one body, and its scans do not end early by being its own.
fn is_fit(func: &Func) -> bool {
    let mut statements = 0;
    func.blocks.iter().for_each(|block| statements += size(block));
    if statements > MOST_STATEMENTS
        || !func.params.starts_with(&[Local::INPUT, Local::DATA])
        || cases::are_several(func)
    {
        return false;
    }
    let folding = Folding::of(&func.blocks, EVERY);
    let ends_early = (0..func.blocks.len()).any(|at| folding.early_exit(&func.blocks, at, &func.params).is_some());
    let mut changes_params = false;
    for block in &func.blocks {
        access::of_block(block, &mut |access| {
            changes_params |=
                matches!(access, access::Access::Assign(local) if local > Local::DATA && func.params.contains(&local));
        });
    }
    !ends_early && !changes_params
}

fn size(block: &Block) -> usize {
    block.stmts.iter().map(|statement| 1 + access::nested(&statement.stmt).iter().map(size).sum::<usize>()).sum()
}

/// The last local of a function or plan.
pub(super) fn last_local(blocks: &[Block], params: &[Local]) -> Local {
    let mut last = params.iter().copied().max().unwrap_or_default();
    for block in blocks {
        access::of_block(block, &mut |access| {
            let (access::Access::Read(local) | access::Access::Assign(local) | access::Access::Mutate(local)) = access;
            last = last.max(local);
        });
    }
    last
}

/// Turns returns into assignments that leave the function's blocks, of which there are `depth` around the block and it.
fn returns_to(block: &mut Block, result: Local, depth: u32) {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for mut statement in std::mem::take(&mut block.stmts) {
        if let Stmt::ReturnLocal { source } = statement.stmt {
            stmts.push(Stmt::AssignVar { source: source.into(), target: result }.at(statement.location));
            stmts.push(Stmt::Break { index: depth }.at(statement.location));
            continue;
        }
        for nested in access::nested_mut(&mut statement.stmt) {
            returns_to(nested, result, depth.saturating_add(1));
        }
        stmts.push(statement);
    }
    block.stmts = stmts;
}
