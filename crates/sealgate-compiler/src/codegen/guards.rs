//! What a body tests first: conditions against constants that dispatch can take over, because a table leads to the body only
//! where they hold.
//!
//! There are three: a value equals a constant, is one of a few constants (`in`), or begins with a constant text
//! (`startswith`). A body that is one of several alternatives has a record for each of its constants.

use super::Module;
use super::access::{self, Access};
use super::conditions::asks_for;
use super::constants::ConstId;
use super::locals::{LocalMap, LocalSet};
use crate::ir::{Block, Func, Local, Operand, Statement, Stmt, StringIndex};

/// How many places of a body are looked at for dispatch, beside that of a prefix.
pub(super) const MOST_PLACES: usize = 4;
/// How many records a body may have. A longer list of constants stays a condition of the body.
const MOST_RECORDS: usize = 32;

/// A value that a guard looks at: a parameter, or a member of one by constant keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) root: Local,
    pub(super) path: Vec<StringIndex>,
}

/// What a body asks of its input before anything else.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// Places and the constants, one of which each must equal; sorted by place, each place once.
    pub(super) equal: Vec<(Place, Vec<ConstId>)>,
    /// A place and the text that it must begin with.
    pub(super) prefix: Option<(Place, ConstId)>,
}

impl Guards {
    /// The keys that lead to the body: one constant for each place.
    pub(super) fn keys(&self) -> Vec<Vec<ConstId>> {
        let mut all = vec![Vec::with_capacity(self.equal.len())];
        for (_, constants) in &self.equal {
            let longer = |keys: Vec<ConstId>| {
                constants.iter().map(move |constant| {
                    let mut keys = keys.clone();
                    keys.push(*constant);
                    keys
                })
            };
            all = all.into_iter().flat_map(longer).collect();
        }
        all
    }
}

/// A guard, and the place in the block of the statement that it is.
struct Guard<C> {
    place: Place,
    constants: C,
    at: usize,
}

/// What is known of a local while a body is read from its beginning.
#[derive(Clone)]
enum Known {
    At(Place),
    Constant(ConstId),
    /// A set or an array of constants, made here.
    Elements(Vec<ConstId>),
}

/// Reads the bodies of a function, one after the other.
#[derive(Default)]
pub(super) struct Reader {
    known: LocalMap<Known>,
    /// What was assigned so far; of what is assigned again nothing is known.
    assigned: LocalSet,
    /// What is read by the statements that stay.
    live: LocalSet,
    equal: Vec<Guard<Vec<ConstId>>>,
    prefix: Option<Guard<ConstId>>,
    records: usize,
}

impl Reader {
    /// The guards of a body's first straight run of statements, and the places of the statements that are left without them.
    pub(super) fn guards(
        &mut self,
        module: &mut Module<'_>,
        func: &Func,
        block: &Block,
    ) -> Option<(Guards, Vec<usize>)> {
        self.known.clear();
        self.assigned.clear();
        (self.prefix, self.records) = (None, 1);
        for param in &func.params {
            self.known.insert(*param, Known::At(Place { root: *param, path: Vec::new() }));
            self.assigned.insert(*param, ());
        }
        let run = self.read(module, block);
        if self.equal.is_empty() && self.prefix.is_none() {
            return None;
        }
        let rest = self.without_guards(block, run);
        let mut equal: Vec<_> = self.equal.drain(..).map(|guard| (guard.place, guard.constants)).collect();
        equal.sort();
        let prefix = self.prefix.take().map(|guard| (guard.place, guard.constants));
        Some((Guards { equal, prefix }, rest))
    }

    /// Reads the first straight run of statements; where it ends.
    fn read(&mut self, module: &mut Module<'_>, block: &Block) -> usize {
        for (at, statement) in block.stmts.iter().enumerate() {
            let learnt = match &statement.stmt {
                Stmt::AssignVar { source, target } => {
                    // A second name of a collection would see what is added under the first.
                    let what = self.operand(module, *source).filter(|what| !matches!(what, Known::Elements(_)));
                    Some((*target, what))
                }
                Stmt::MakeNumberRef { index, target } => {
                    Some((*target, module.number(*index).ok().map(Known::Constant)))
                }
                Stmt::MakeNumberInt { value, target } | Stmt::AssignInt { value, target } => {
                    Some((*target, Some(Known::Constant(module.constants.integer(*value)))))
                }
                Stmt::MakeNull { target } => Some((*target, Some(Known::Constant(module.constants.null())))),
                Stmt::MakeSet { target } | Stmt::MakeArray { target, .. } => {
                    Some((*target, Some(Known::Elements(Vec::new()))))
                }
                Stmt::SetAdd { value, set: target } | Stmt::ArrayAppend { value, array: target } => {
                    let element = self.operand(module, *value);
                    match (self.known.get_mut(*target), element) {
                        (Some(Known::Elements(elements)), Some(Known::Constant(element))) => {
                            elements.push(element);
                            None
                        }
                        _ => {
                            self.known.remove(*target);
                            None
                        }
                    }
                }
                Stmt::Dot { source: Operand::Local(source), key: Operand::String(key), target } => {
                    let place = match self.known.get(*source) {
                        Some(Known::At(place)) => {
                            let mut place = place.clone();
                            place.path.push(*key);
                            Some(Known::At(place))
                        }
                        _ => None,
                    };
                    Some((*target, place))
                }
                Stmt::Equal { a, b } => {
                    if let (Some(Known::At(place)), Some(Known::Constant(constant)))
                    | (Some(Known::Constant(constant)), Some(Known::At(place))) =
                        (self.operand(module, *a), self.operand(module, *b))
                    {
                        self.see_equal(module, place, vec![constant], at);
                    }
                    None
                }
                Stmt::Call { func, args, result } => {
                    if let [a, b] = args.as_slice()
                        && asks_for(block.stmts.get(at + 1), *result)
                        && !module.functions.contains_key(func.as_str())
                    {
                        self.see_call(module, func, [*a, *b], at);
                    }
                    Some((*result, None))
                }
                stmt if !access::nested(stmt).is_empty() || matches!(stmt, Stmt::Break { .. }) => return at,
                stmt => {
                    access::of_statement(stmt, &mut |access| {
                        if let Access::Assign(local) | Access::Mutate(local) = access {
                            self.known.remove(local);
                            self.assigned.insert(local, ());
                        }
                    });
                    None
                }
            };
            if let Some((target, what)) = learnt {
                let anew = self.assigned.insert(target, ()).is_none();
                match what.filter(|_| anew) {
                    Some(what) => self.known.insert(target, what),
                    None => self.known.remove(target),
                };
            }
        }
        block.stmts.len()
    }

    fn operand(&self, module: &mut Module<'_>, operand: Operand) -> Option<Known> {
        match operand {
            Operand::Local(local) => self.known.get(local).cloned(),
            Operand::String(index) => Some(Known::Constant(module.string(index))),
            Operand::Bool(value) => Some(Known::Constant(module.constants.bool(value))),
        }
    }

    fn see_equal(&mut self, module: &Module<'_>, place: Place, mut constants: Vec<ConstId>, at: usize) {
        // Keys of a table that are not one constant are not equal, so a value finds one of them at most.
        constants.sort_unstable();
        constants.dedup();
        let records = self.records.saturating_mul(constants.len());
        if (1..=MOST_RECORDS).contains(&records)
            && self.equal.len() < MOST_PLACES
            && constants.iter().all(|constant| module.constants.is_index_key(*constant))
            && !self.equal.iter().any(|guard| guard.place == place)
        {
            self.records = records;
            self.equal.push(Guard { place, constants, at });
        }
    }

    fn see_call(&mut self, module: &mut Module<'_>, name: &str, [a, b]: [Operand; 2], at: usize) {
        match (name, self.operand(module, a), self.operand(module, b)) {
            ("internal.member_2", Some(Known::At(place)), Some(Known::Elements(elements))) => {
                self.see_equal(module, place, elements, at);
            }
            // With strict errors, a value that is no string is one.
            ("startswith", Some(Known::At(place)), Some(Known::Constant(prefix)))
                if !module.options.strict_builtin_errors
                    && self.prefix.is_none()
                    && module.constants.as_text(prefix).is_some() =>
            {
                self.prefix = Some(Guard { place, constants: prefix, at });
            }
            _ => {}
        }
    }

    fn is_guard(&self, at: usize) -> bool {
        self.equal.iter().any(|guard| guard.at == at) || self.prefix.as_ref().is_some_and(|guard| guard.at == at)
    }

    /// Whether a passed guard has shown that there is something in a local.
    fn is_proven(&self, target: Local) -> bool {
        let Some(Known::At(place)) = self.known.get(target) else { return false };
        let covers = |guarded: &Place| guarded.root == place.root && guarded.path.starts_with(&place.path);
        self.equal.iter().any(|guard| covers(&guard.place))
            || self.prefix.as_ref().is_some_and(|guard| covers(&guard.place))
    }

    /// The places of the statements that are left without the guards, and without what only they needed: lookups that a passed
    /// guard proves to be defined, copies, constants and collections of them.
    fn without_guards(&mut self, block: &Block, run: usize) -> Vec<usize> {
        let mut live = std::mem::take(&mut self.live);
        live.clear();
        let mut kept = Vec::with_capacity(block.stmts.len());
        for (at, statement) in block.stmts.iter().enumerate().rev() {
            let unused = |target: &Local| !live.contains(*target);
            let drop = at < run
                && match &statement.stmt {
                    Stmt::Equal { .. } => self.is_guard(at),
                    Stmt::Call { result, .. } => self.is_guard(at) && unused(result),
                    // What asks for the result of the call before it.
                    Stmt::NotEqual { a: Operand::Local(result), .. } => {
                        at > 0 && self.is_guard(at - 1) && is_call(block.stmts.get(at - 1)) && unused(result)
                    }
                    Stmt::Dot { target, .. } => unused(target) && self.is_proven(*target),
                    Stmt::AssignVar { target, .. }
                    | Stmt::MakeNumberRef { target, .. }
                    | Stmt::MakeNumberInt { target, .. }
                    | Stmt::MakeNull { target } => unused(target),
                    Stmt::MakeSet { target }
                    | Stmt::MakeArray { target, .. }
                    | Stmt::SetAdd { set: target, .. }
                    | Stmt::ArrayAppend { array: target, .. } => {
                        matches!(self.known.get(*target), Some(Known::Elements(_))) && unused(target)
                    }
                    _ => false,
                };
            if drop {
                continue;
            }
            access::of_statement(&statement.stmt, &mut |access| {
                if let Access::Read(local) | Access::Mutate(local) = access {
                    live.insert(local, ());
                }
            });
            kept.push(at);
        }
        kept.reverse();
        self.live = live;
        kept
    }
}

fn is_call(statement: Option<&Statement>) -> bool {
    matches!(statement, Some(Statement { stmt: Stmt::Call { .. }, .. }))
}
