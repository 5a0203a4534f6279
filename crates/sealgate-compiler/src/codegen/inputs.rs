//! By which paths a plan looks into its input, so that a module need read nothing else of it.
//!
//! Every lookup by constant keys, from the input on, becomes a place in a tree ([`Paths`]). Where a place's value is used for
//! anything but a further lookup, it is read as a whole. Where the input itself is, or is replaced by `with`, there is no
//! tree, and functions get the input as a value.
//!
//! A local stands for a place from the lookup that assigned it to the end of the block that the lookup is in, because there
//! it is sure to be defined. Whatever is read of it elsewhere counts as its whole value.

use foldhash::{HashMap, HashSet};
use sealgate_kernel::input::{PathId, Paths};

use super::access::{self, Access};
use super::locals::{LocalMap, LocalSet};
use crate::ir::{Block, Func, Local, Operand, Policy, Stmt, StringIndex};

/// The places that locals stand for while a function is compiled.
pub(super) type Places = HashMap<Local, PathId>;

/// The paths of a plan, or `None` where its functions need the input as a value.
pub(super) fn paths(policy: &Policy, funcs: &[&Func]) -> Option<Paths> {
    let names: HashSet<&str> = funcs.iter().map(|func| func.name.as_str()).collect();
    let mut walk = Walk {
        policy,
        names,
        paths: Paths::default(),
        whole_input: false,
        places: LocalMap::default(),
        trail: Vec::new(),
        gathered: Gathered::default(),
    };
    for plan in &policy.plans {
        walk.function(&plan.blocks);
    }
    for func in funcs {
        if func.params.first() != Some(&Local::INPUT) {
            return None;
        }
        walk.function(&func.blocks);
    }
    let sufficient = !walk.whole_input && walk.paths.settle();
    sufficient.then_some(walk.paths)
}

struct Walk<'p> {
    policy: &'p Policy,
    names: HashSet<&'p str>,
    paths: Paths,
    /// Whether the input is used as a value, or replaced.
    whole_input: bool,
    /// The places that locals stand for where the walk is.
    places: LocalMap<PathId>,
    /// What locals stood for before, to go back to at the end of a block.
    trail: Vec<(Local, Option<PathId>)>,
    gathered: Gathered,
}

/// What is gathered over one function.
#[derive(Default)]
struct Gathered {
    /// Every place that each local has stood for.
    stood_for: LocalMap<HashSet<PathId>>,
    /// Locals that were read where they stand for nothing.
    read_elsewhere: LocalSet,
    /// How often the outermost block that is walked through assigns each local.
    assignments: LocalMap<u32>,
}

impl Walk<'_> {
    fn function(&mut self, blocks: &[Block]) {
        self.gathered.stood_for.clear();
        self.gathered.read_elsewhere.clear();
        self.places.clear();
        self.places.insert(Local::INPUT, PathId::ROOT);
        for block in blocks {
            let assignments = &mut self.gathered.assignments;
            assignments.clear();
            access::of_block(block, &mut |access| {
                if let Access::Assign(local) = access {
                    assignments.change(local, |count| *count += 1);
                }
            });
            self.block(block);
        }
        for local in self.gathered.read_elsewhere.locals() {
            for place in self.gathered.stood_for.get(local).into_iter().flatten() {
                self.paths.read_whole(*place);
            }
        }
    }

    fn block(&mut self, block: &Block) {
        let mark = self.trail.len();
        block.stmts.iter().for_each(|statement| self.statement(&statement.stmt));
        while self.trail.len() > mark {
            let Some((local, place)) = self.trail.pop() else { return };
            match place {
                Some(place) => self.places.insert(local, place),
                None => self.places.remove(local),
            };
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Dot { source: Operand::Local(source), key: Operand::String(key), target } => {
                match self.places.get(*source).copied() {
                    Some(of) => {
                        let place = self.paths.member(of, text(self.policy, *key));
                        self.stand_for(*target, place);
                    }
                    None => {
                        self.read(*source);
                        self.assign(*target);
                    }
                }
            }
            Stmt::Call { func, args, result } => {
                let own = self.names.contains(func.as_str());
                // Functions find the input in the slots: it cannot be another one.
                self.whole_input |= own && args.first() != Some(&Operand::Local(Local::INPUT));
                args.iter().skip(usize::from(own)).for_each(|arg| self.read_operand(*arg));
                self.assign(*result);
            }
            Stmt::CallDynamic { args, result, path } => {
                self.whole_input |= args.first() != Some(&Local::INPUT);
                args.iter().skip(1).for_each(|arg| self.read(*arg));
                path.iter().for_each(|step| self.read_operand(*step));
                self.assign(*result);
            }
            Stmt::Block { blocks } => blocks.iter().for_each(|block| self.block(block)),
            Stmt::Not { block } => self.block(block),
            Stmt::Scan { source, key, value, block } => {
                self.read(*source);
                self.assign(*key);
                self.assign(*value);
                self.block(block);
            }
            Stmt::With { local, value, block, .. } => {
                self.whole_input |= *local == Local::INPUT;
                self.read_operand(*value);
                self.block(block);
            }
            stmt => access::of_statement(stmt, &mut |access| match access {
                Access::Read(local) | Access::Mutate(local) => self.read(local),
                Access::Assign(local) => self.assign(local),
            }),
        }
    }

    fn stand_for(&mut self, local: Local, place: PathId) {
        self.assign(local);
        self.gathered.stood_for.change(local, |places| {
            places.insert(place);
        });
        if self.gathered.assignments.get(local) == Some(&1) {
            self.places.insert(local, place);
            self.trail.push((local, None));
        } else {
            self.paths.read_whole(place);
        }
    }

    fn assign(&mut self, local: Local) {
        self.whole_input |= local == Local::INPUT;
        if let Some(place) = self.places.remove(local) {
            self.trail.push((local, Some(place)));
        }
    }

    fn read_operand(&mut self, operand: Operand) {
        if let Operand::Local(local) = operand {
            self.read(local);
        }
    }

    fn read(&mut self, local: Local) {
        self.whole_input |= local == Local::INPUT;
        match self.places.get(local) {
            Some(place) => self.paths.read_whole(*place),
            None => drop(self.gathered.read_elsewhere.insert(local, ())),
        }
    }
}

/// A constant of the plan.
pub(super) fn text(policy: &Policy, index: StringIndex) -> &str {
    policy.strings.get(index.0 as usize).map_or("", String::as_str)
}
