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
use crate::ir::{Block, Func, Local, Operand, Policy, Stmt, StringIndex};

/// The places that locals stand for while a function is walked through or compiled.
pub(super) type Places = HashMap<Local, PathId>;

/// The paths of a plan, or `None` where its functions need the input as a value.
pub(super) fn paths(policy: &Policy, funcs: &[&Func]) -> Option<Paths> {
    let names: HashSet<&str> = funcs.iter().map(|func| func.name.as_str()).collect();
    let mut walk = Walk { policy, names, paths: Paths::default(), whole_input: false };
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
}

/// What is gathered over one function.
#[derive(Default)]
struct Gathered {
    /// Every place that each local has stood for.
    stood_for: HashMap<Local, HashSet<PathId>>,
    /// Locals that were read where they stand for nothing.
    read_elsewhere: HashSet<Local>,
    /// How often the outermost block that is walked through assigns each local.
    assignments: HashMap<Local, u32>,
}

impl Walk<'_> {
    fn function(&mut self, blocks: &[Block]) {
        let mut gathered = Gathered::default();
        for block in blocks {
            gathered.assignments.clear();
            access::of_block(block, &mut |access| {
                if let Access::Assign(local) = access {
                    *gathered.assignments.entry(local).or_default() += 1;
                }
            });
            self.block(block, &HashMap::from_iter([(Local::INPUT, PathId::ROOT)]), &mut gathered);
        }
        for local in &gathered.read_elsewhere {
            for place in gathered.stood_for.get(local).into_iter().flatten() {
                self.paths.read_whole(*place);
            }
        }
    }

    fn block(&mut self, block: &Block, places: &Places, gathered: &mut Gathered) {
        let mut places = places.clone();
        for statement in &block.stmts {
            match &statement.stmt {
                Stmt::Dot { source: Operand::Local(source), key: Operand::String(key), target }
                    if places.contains_key(source) =>
                {
                    let of = places.get(source).copied().unwrap_or(PathId::ROOT);
                    let place = self.paths.member(of, text(self.policy, *key));
                    self.stand_for(*target, place, &mut places, gathered);
                }
                Stmt::Call { func, args, result } => {
                    let own = self.names.contains(func.as_str());
                    // Functions find the input in the slots: it cannot be another one.
                    self.whole_input |= own && args.first() != Some(&Operand::Local(Local::INPUT));
                    let args = args.iter().enumerate().filter(|(at, _)| !own || *at > 0).map(|(_, arg)| *arg);
                    let args: Vec<Operand> = args.collect();
                    args.into_iter().for_each(|arg| self.read_operand(arg, &places, gathered));
                    self.assign(*result, &mut places);
                }
                Stmt::CallDynamic { args, result, path } => {
                    self.whole_input |= args.first() != Some(&Local::INPUT);
                    args.iter().skip(1).for_each(|arg| self.read(*arg, &places, gathered));
                    path.iter().for_each(|step| self.read_operand(*step, &places, gathered));
                    self.assign(*result, &mut places);
                }
                Stmt::Block { blocks } => {
                    blocks.iter().for_each(|block| self.block(block, &places, gathered));
                }
                Stmt::Not { block } => self.block(block, &places, gathered),
                Stmt::Scan { source, key, value, block } => {
                    self.read(*source, &places, gathered);
                    self.assign(*key, &mut places);
                    self.assign(*value, &mut places);
                    self.block(block, &places, gathered);
                }
                Stmt::With { local, value, block, .. } => {
                    self.whole_input |= *local == Local::INPUT;
                    self.read_operand(*value, &places, gathered);
                    self.block(block, &places, gathered);
                }
                stmt => {
                    let mut all = Vec::new();
                    access::of_statement(stmt, &mut |access| all.push(access));
                    for access in all {
                        match access {
                            Access::Read(local) | Access::Mutate(local) => self.read(local, &places, gathered),
                            Access::Assign(local) => self.assign(local, &mut places),
                        }
                    }
                }
            }
        }
    }

    fn stand_for(&mut self, local: Local, place: PathId, places: &mut Places, gathered: &mut Gathered) {
        self.assign(local, places);
        gathered.stood_for.entry(local).or_default().insert(place);
        if gathered.assignments.get(&local) == Some(&1) {
            places.insert(local, place);
        } else {
            self.paths.read_whole(place);
        }
    }

    fn assign(&mut self, local: Local, places: &mut Places) {
        self.whole_input |= local == Local::INPUT;
        places.remove(&local);
    }

    fn read_operand(&mut self, operand: Operand, places: &Places, gathered: &mut Gathered) {
        if let Operand::Local(local) = operand {
            self.read(local, places, gathered);
        }
    }

    fn read(&mut self, local: Local, places: &Places, gathered: &mut Gathered) {
        self.whole_input |= local == Local::INPUT;
        match places.get(&local) {
            Some(place) => self.paths.read_whole(*place),
            None => drop(gathered.read_elsewhere.insert(local)),
        }
    }
}

/// A constant of the plan.
pub(super) fn text(policy: &Policy, index: StringIndex) -> &str {
    policy.strings.get(index.0 as usize).map_or("", String::as_str)
}
