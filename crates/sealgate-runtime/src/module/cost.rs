//! What a module costs to compile, estimated before it is compiled: compiling cannot be interrupted, and a few kilobytes can
//! be made to take minutes of it.
//!
//! A compiler brings local variables into single-assignment form: where control flow meets, it looks for each variable's
//! value on every way that leads there, and at the head of a loop it needs a value of its own for each variable that is used
//! inside. So an access costs as many steps as there were meeting points since the last access of the same variable, and
//! more for each loop that was entered since then. Where values are handed over, by a call, a block or a branch, each costs
//! one. In code that does something this is a small multiple of its size.

use wasmparser::{BinaryReaderError, BlockType, FuncType, FunctionBody, Operator};

use crate::error::ModuleError;

/// What a loop's head costs for one variable, in the steps that a meeting point costs.
const LOOP_WEIGHT: u64 = 8;
/// Steps that any function may take.
const BASE: u64 = 1 << 19;
/// Steps that a function, or a module, may take per byte.
const PER_BYTE: u64 = 32;
/// Steps that any module may take.
const MODULE_BASE: u64 = 1 << 22;
/// Steps that no function may exceed, however long it is: what it costs is held in memory at once.
const MOST: u64 = 1 << 24;

/// Counts a module's functions, one after the other.
#[derive(Default)]
pub(super) struct Cost {
    module: u64,
    bytes: u64,
    /// By local variable: the meeting point after which it was last accessed.
    last: Vec<u32>,
}

impl Cost {
    /// Adds the function of type `types[ty]`; `functions` has the types of all of them, as indexes into `types`.
    ///
    /// # Errors
    /// [`ModuleError::Costly`] where it, or all so far, would take too long; [`ModuleError::Invalid`] where it does not read.
    pub(super) fn add(
        &mut self,
        body: &FunctionBody<'_>,
        ty: u32,
        types: &[FuncType],
        functions: &[u32],
    ) -> Result<(), ModuleError> {
        let invalid = |error: BinaryReaderError| ModuleError::Invalid(error.to_string());
        let range = body.range();
        let bytes = range.end.saturating_sub(range.start);
        self.bytes = self.bytes.saturating_add(bytes);
        let known = Known { types, functions };
        let mut locals = known.of_type(ty).0;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals = locals.saturating_add(u64::from(group.map_err(invalid)?.0));
        }
        // Each is set to zero, used or not. Looked at before room is made for them here.
        self.spend(locals)?;
        self.last.clear();
        self.last.resize(usize::try_from(locals).map_err(|_| ModuleError::Costly)?, 0);
        let limit = BASE.saturating_add(PER_BYTE.saturating_mul(bytes)).min(MOST);
        let open = vec![Open { is_loop: false, branch: known.of_type(ty).1 }];
        let mut function = Function { known, last: &mut self.last, met: 0, loops: Vec::new(), open, steps: 0 };
        for operator in body.get_operators_reader().map_err(invalid)? {
            function.step(&operator.map_err(invalid)?);
            if function.steps > limit {
                return Err(ModuleError::Costly);
            }
        }
        let steps = function.steps;
        self.spend(steps)
    }

    fn spend(&mut self, steps: u64) -> Result<(), ModuleError> {
        self.module = self.module.saturating_add(steps);
        let limit = MODULE_BASE.saturating_add(PER_BYTE.saturating_mul(self.bytes));
        if self.module > limit { Err(ModuleError::Costly) } else { Ok(()) }
    }
}

/// What is known of the module's functions.
#[derive(Clone, Copy)]
struct Known<'a> {
    types: &'a [FuncType],
    functions: &'a [u32],
}

impl Known<'_> {
    /// How many values a function of that type takes and gives.
    fn of_type(self, ty: u32) -> (u64, u64) {
        let ty = usize::try_from(ty).ok().and_then(|ty| self.types.get(ty));
        let count = |values: usize| u64::try_from(values).unwrap_or(u64::MAX);
        ty.map_or((0, 0), |ty| (count(ty.params().len()), count(ty.results().len())))
    }

    fn of_function(self, function: u32) -> (u64, u64) {
        let ty = usize::try_from(function).ok().and_then(|function| self.functions.get(function));
        ty.map_or((0, 0), |ty| self.of_type(*ty))
    }

    fn of_block(self, ty: BlockType) -> (u64, u64) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(ty) => self.of_type(ty),
        }
    }
}

/// A block that has not ended.
struct Open {
    is_loop: bool,
    /// How many values a branch to it hands over.
    branch: u64,
}

struct Function<'a> {
    known: Known<'a>,
    last: &'a mut [u32],
    /// Meeting points so far.
    met: u32,
    /// For each open loop, outermost first, the meeting point of its head.
    loops: Vec<u32>,
    open: Vec<Open>,
    steps: u64,
}

impl Function<'_> {
    fn step(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => self.enter(*blockty, false),
            Operator::Loop { blockty } => {
                self.met = self.met.saturating_add(1);
                self.loops.push(self.met);
                self.enter(*blockty, true);
            }
            Operator::Else => self.met = self.met.saturating_add(1),
            Operator::End => {
                if self.open.pop().is_some_and(|open| open.is_loop) {
                    self.loops.pop();
                }
                self.met = self.met.saturating_add(1);
            }
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => self.branch(*relative_depth, 1),
            Operator::BrTable { targets } => {
                self.branch(targets.default(), u64::from(targets.len()).saturating_add(1));
            }
            Operator::Return => self.pay(self.open.first().map_or(0, |body| body.branch)),
            Operator::Call { function_index } => self.hand_over(self.known.of_function(*function_index)),
            Operator::CallIndirect { type_index, .. } => self.hand_over(self.known.of_type(*type_index)),
            Operator::LocalGet { local_index } => self.access(*local_index),
            // Nobody looks for the value that was there.
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => drop(self.touch(*local_index)),
            _ => {}
        }
    }

    fn pay(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(steps);
    }

    fn hand_over(&mut self, (takes, gives): (u64, u64)) {
        self.pay(takes.saturating_add(gives));
    }

    fn enter(&mut self, ty: BlockType, is_loop: bool) {
        let (takes, gives) = self.known.of_block(ty);
        self.hand_over((takes, gives));
        self.open.push(Open { is_loop, branch: if is_loop { takes } else { gives } });
    }

    /// A branch to `targets` blocks, all of which take what the one at `depth` takes.
    fn branch(&mut self, depth: u32, targets: u64) {
        self.met = self.met.saturating_add(1);
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let values = self.open.iter().rev().nth(depth).map_or(0, |open| open.branch);
        self.pay(values.saturating_mul(targets));
    }

    fn access(&mut self, local: u32) {
        let last = self.touch(local);
        let since = u64::from(self.met.saturating_sub(last));
        let entered = self.loops.len() - self.loops.partition_point(|head| *head <= last);
        let entered = u64::try_from(entered).unwrap_or(u64::MAX);
        self.pay(since.saturating_add(entered.saturating_mul(LOOP_WEIGHT)));
    }

    /// Notes an access, and gives the meeting point after which the one before was.
    fn touch(&mut self, local: u32) -> u32 {
        let slot = usize::try_from(local).ok().and_then(|local| self.last.get_mut(local));
        slot.map_or(self.met, |slot| std::mem::replace(slot, self.met))
    }
}
