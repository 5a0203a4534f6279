//! The code generator: takes a valid plan, gives Wasm functions and static data for the linker.
//!
//! One Wasm function per function and plan, with values as addresses in the kernel's layout. Constants, also whole
//! collections, become static data. Functions without parameters of their own are evaluated once per evaluation. Functions
//! with many bodies that test constants dispatch through a table. It knows the kernel's functions by name only, and does
//! no linking.

mod access;
mod cases;
mod conditions;
mod constants;
mod dispatch;
mod entry;
mod folding;
mod function;
mod guards;
mod inline;
mod inputs;
mod keys;
mod locals;
mod patterns;
mod shapes;
mod statements;
mod strictness;
mod templates;
mod traced;

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet};

use crate::ir::{FileIndex, Func, Location, Policy, Stmt, StringIndex};
use crate::link::{Body, Generated, GeneratedFunction, STATIC_BASE, Signature, Target};
use constants::{ConstId, Constants};
use sealgate_kernel::input::{PathId, Paths};

/// Generated globals: the generation of memoised results that is valid, and the last one that was given out.
const GENERATION: u32 = 0;
const LAST_GENERATION: u32 = 1;
/// Bytes of a memo slot: generation, value.
const MEMO_SIZE: u32 = 8;

/// Names of the host's functions by number of arguments.
const DISPATCHERS: [&str; 5] = ["opa_builtin0", "opa_builtin1", "opa_builtin2", "opa_builtin3", "opa_builtin4"];

/// Why a valid plan cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodegenError {
    /// A builtin that the host would have to serve, with more arguments than the ABI has room for.
    #[error("builtin `{name}` is called with {arguments} arguments; a host serves at most 4")]
    TooManyArguments {
        /// Rego's name.
        name: String,
        /// How many.
        arguments: usize,
    },
    /// A number that is none, or whose exponent is beyond bounds.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A function or constant that the plan does not have.
    #[error("the plan does not hold `{0}`")]
    Missing(String),
}

/// How code is generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodegenOptions {
    /// Whether the first error of a builtin ends the evaluation, with OPA's code, the builtin's name and the place; else such a
    /// call is undefined.
    pub strict_builtin_errors: bool,
    /// Whether every body of a rule is compiled, instead of one of each shape. It takes longer and gives the same module.
    pub each_body_anew: bool,
}

/// What was generated, and what it asks of the host.
#[derive(Debug)]
pub struct Output {
    /// Functions and data.
    pub generated: Generated,
    /// Names of the builtins that the host must serve, sorted.
    pub required_builtins: Vec<String>,
}

/// Generates code for a plan that [`Policy::validate`] accepts. `kernel` says which symbols the kernel has.
///
/// # Errors
/// See [`CodegenError`].
pub fn generate(
    policy: &Policy,
    options: CodegenOptions,
    kernel: &dyn Fn(&str) -> bool,
) -> Result<Output, CodegenError> {
    let reachable = reachable(policy);
    let memoised = memoised(policy, &reachable);
    let memo_count = u32::try_from(memoised.len()).unwrap_or(u32::MAX);
    let all: Vec<&Func> = policy.funcs.iter().filter(|func| reachable.contains(func.name.as_str())).collect();
    let slots_base = STATIC_BASE.saturating_add(memo_count.saturating_mul(MEMO_SIZE));
    let input = inputs::paths(policy, &all).map(|paths| Input::at(slots_base, paths));
    // What is called by its path is among those whose results are kept.
    let stays = |func: &Func| memoised.contains(func.name.as_str());
    let inlined = inline::Inlined::of(policy, &reachable, &stays);
    let funcs: Vec<&Func> = all.iter().copied().filter(|func| !inlined.contains(&func.name)).collect();
    let slots = input.as_ref().map_or(0, |input| input.paths.count());
    let zeroed = memo_count.saturating_mul(MEMO_SIZE).saturating_add(slots.saturating_mul(4).next_multiple_of(8));
    let first = entry::FIXED + u32::try_from(entry::plan_functions(policy)).unwrap_or(u32::MAX);
    let mut module = Module {
        policy,
        options,
        kernel,
        constants: Constants::new(STATIC_BASE.saturating_add(zeroed)),
        functions: funcs.iter().map(|func| func.name.as_str()).zip(first..).collect(),
        builtins: (0_i32..).zip(&policy.builtins).map(|(id, builtin)| (builtin.name.as_str(), id)).collect(),
        memo_slots: memoised.iter().copied().zip((0..).map(|slot| STATIC_BASE + slot * MEMO_SIZE)).collect(),
        memo_count,
        inlined,
        input,
        names: Vec::new(),
        known_names: HashMap::default(),
        signatures: Vec::new(),
        known_signatures: HashMap::default(),
        strings: HashMap::default(),
        hints: HashMap::default(),
        member_tables: HashMap::default(),
        patterns: HashMap::default(),
        builtin_records: HashMap::default(),
        places: HashMap::default(),
        outlined: Vec::new(),
        shapes: HashMap::default(),
        first_outlined: first + u32::try_from(funcs.len()).unwrap_or(u32::MAX),
        table: Vec::new(),
        tabled: HashMap::default(),
        dynamic: None,
        required: BTreeSet::new(),
    };
    module.find_hints(&all);
    module.intern_compared(&all);
    let mut functions = Vec::with_capacity(funcs.len() + policy.plans.len() + entry::FIXED as usize);
    let mut compiled = Vec::with_capacity(funcs.len());
    for func in &funcs {
        let memo = module.memo_slots.get(func.name.as_str()).copied();
        let body = dispatch::compile(&mut module, func, memo)?;
        let params = u32::try_from(func.params.len()).unwrap_or(u32::MAX);
        compiled.push(module.function(Cow::Owned(func.name.clone()), params, true, body));
    }
    functions.extend(entry::functions(&mut module)?);
    functions.append(&mut compiled);
    functions.append(&mut module.outlined);
    Ok(Output {
        required_builtins: module.required.iter().map(|name| (*name).to_owned()).collect(),
        generated: Generated {
            functions,
            names: module.names,
            signatures: module.signatures,
            globals: if memo_count > 0 { 2 } else { 0 },
            zeroed,
            data: module.constants.into_data(),
            table: module.table,
        },
    })
}

/// What a plan reads of its input.
struct Input {
    paths: Paths,
    slots: Vec<u32>,
    /// Address of the first slot.
    base: u32,
}

impl Input {
    fn at(base: u32, paths: Paths) -> Self {
        Self { slots: paths.slots(), paths, base }
    }

    /// The address of a place's slot.
    fn address(&self, place: PathId) -> u32 {
        self.base.saturating_add(Paths::slot(&self.slots, place).saturating_mul(4))
    }
}

/// What all functions of a module share while they are generated.
struct Module<'p> {
    policy: &'p Policy,
    options: CodegenOptions,
    kernel: &'p dyn Fn(&str) -> bool,
    constants: Constants,
    /// Places of the plan's functions among the generated ones.
    functions: HashMap<&'p str, u32>,
    /// The host's ids of builtins.
    builtins: HashMap<&'p str, i32>,
    /// Where the results of functions are kept that are.
    memo_slots: HashMap<&'p str, u32>,
    memo_count: u32,
    /// Functions that become part of their callers.
    inlined: inline::Inlined<'p>,
    /// Where what the plan reads of its input is; `None` where functions get the input as a value.
    input: Option<Input>,
    names: Vec<Cow<'static, str>>,
    known_names: HashMap<Cow<'static, str>, u32>,
    signatures: Vec<Signature>,
    known_signatures: HashMap<Signature, u32>,
    strings: HashMap<StringIndex, ConstId>,
    /// Where objects of this plan have a key, mostly.
    hints: HashMap<ConstId, u32>,
    /// Tables of the elements of constant collections.
    member_tables: HashMap<ConstId, u32>,
    /// Tables of constant patterns; `None` for those that have none.
    patterns: HashMap<patterns::Pattern, Option<u32>>,
    /// What strict code tells the kernel of builtins, and the places of their calls: addresses.
    builtin_records: HashMap<&'static str, u32>,
    places: HashMap<Location, u32>,
    /// Functions that are not the plan's own: bodies of rules that dispatch through a table.
    outlined: Vec<GeneratedFunction>,
    /// Places of outlined functions by what they do.
    shapes: HashMap<(Body, u32), u32>,
    first_outlined: u32,
    table: Vec<u32>,
    /// Table index by place among the generated functions.
    tabled: HashMap<u32, u32>,
    /// The object of functions that dynamic calls search.
    dynamic: Option<ConstId>,
    required: BTreeSet<&'p str>,
}

impl<'p> Module<'p> {
    fn named(&mut self, name: impl Into<Cow<'static, str>>) -> Target {
        let name = name.into();
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let names = &mut self.names;
        Target::Named(*self.known_names.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            next
        }))
    }

    fn signature(&mut self, params: u32, result: bool) -> u32 {
        let next = u32::try_from(self.signatures.len()).unwrap_or(u32::MAX);
        let signatures = &mut self.signatures;
        *self.known_signatures.entry(Signature { params, result }).or_insert_with_key(|signature| {
            signatures.push(signature.clone());
            next
        })
    }

    fn function(&mut self, name: Cow<'static, str>, params: u32, result: bool, body: Body) -> GeneratedFunction {
        GeneratedFunction { name, signature: self.signature(params, result), body }
    }

    /// The index in the table of the generated function at a place.
    fn table_index(&mut self, place: u32) -> u32 {
        let table = &mut self.table;
        *self.tabled.entry(place).or_insert_with(|| {
            table.push(place);
            u32::try_from(table.len()).unwrap_or(u32::MAX)
        })
    }

    fn string(&mut self, index: StringIndex) -> ConstId {
        if let Some(id) = self.strings.get(&index) {
            return *id;
        }
        let text = self.policy.strings.get(index.0 as usize).map_or("", String::as_str);
        let id = self.constants.string(text);
        self.strings.insert(index, id);
        id
    }

    fn number(&mut self, index: StringIndex) -> Result<ConstId, CodegenError> {
        let text = self.policy.strings.get(index.0 as usize).map_or("", String::as_str);
        self.constants.number(text).ok_or_else(|| CodegenError::NotANumber(text.to_owned()))
    }

    /// Address of a file's name, NUL-terminated.
    fn file(&mut self, index: FileIndex) -> u32 {
        let name = self.policy.files.get(index.0 as usize).map_or("", String::as_str);
        self.constants.text(name)
    }

    /// The kernel's function for a builtin, if it has one.
    fn kernel_builtin(&mut self, name: &str, arguments: usize) -> Option<Target> {
        let builtin = sealgate_kernel::builtins::find(name).filter(|builtin| builtin.arity == arguments)?;
        (self.kernel)(builtin.symbol).then(|| self.named(builtin.symbol))
    }

    /// The host's function for calls with this many arguments, and the builtin's id there.
    fn host_builtin(&mut self, name: &str, arguments: usize) -> Result<(&'static str, i32), CodegenError> {
        let (name, id) = self.builtins.get_key_value(name).ok_or_else(|| CodegenError::Missing(name.to_owned()))?;
        let dispatcher = DISPATCHERS.get(arguments);
        let too_many = || CodegenError::TooManyArguments { name: (*name).to_owned(), arguments };
        let found = (*dispatcher.ok_or_else(too_many)?, *id);
        self.required.insert(name);
        Ok(found)
    }

    fn has_result(&self, name: &str) -> bool {
        let id = self.builtins.get(name).and_then(|id| usize::try_from(*id).ok());
        id.and_then(|id| self.policy.builtins.get(id)).is_none_or(crate::ir::BuiltinFunc::has_result)
    }

    /// An object that leads from the steps of a path to the number of a function in the table.
    fn dynamic_functions(&mut self) -> ConstId {
        if let Some(id) = self.dynamic {
            return id;
        }
        let mut root = PathTree::default();
        let policy = self.policy;
        for func in policy.funcs.iter().filter(|func| is_dynamic(func)) {
            if let Some(place) = self.functions.get(func.name.as_str()).copied() {
                root.insert(&func.path, self.table_index(place));
            }
        }
        let id = root.constant(&mut self.constants);
        self.dynamic = Some(id);
        id
    }
}

/// Functions by path, for dynamic calls.
#[derive(Default)]
struct PathTree<'p> {
    function: Option<u32>,
    children: std::collections::BTreeMap<&'p str, PathTree<'p>>,
}

impl<'p> PathTree<'p> {
    fn insert(&mut self, path: &'p [String], function: u32) {
        let end = path.iter().fold(self, |tree, step| tree.children.entry(step.as_str()).or_default());
        end.function = Some(function);
    }

    fn constant(&self, constants: &mut Constants) -> ConstId {
        match self.function {
            Some(function) if self.children.is_empty() => constants.integer(i64::from(function)),
            _ => {
                let mut pairs = Vec::with_capacity(self.children.len());
                for (step, child) in &self.children {
                    pairs.push((constants.string(step), child.constant(constants)));
                }
                constants.object(pairs)
            }
        }
    }
}

fn is_dynamic(func: &Func) -> bool {
    func.params.len() == 2 && (1..=64).contains(&func.path.len())
}

/// The functions that the plans reach.
fn reachable(policy: &Policy) -> HashSet<&str> {
    let funcs: HashMap<&str, &Func> = policy.funcs.iter().map(|func| (func.name.as_str(), func)).collect();
    let mut found = HashSet::default();
    let mut pending = Vec::new();
    let mut blocks: Vec<_> = policy.plans.iter().flat_map(|plan| &plan.blocks).collect();
    loop {
        while let Some(block) = blocks.pop() {
            for statement in &block.stmts {
                match &statement.stmt {
                    Stmt::Call { func, .. } => pending.extend(funcs.get(func.as_str())),
                    Stmt::CallDynamic { .. } => pending.extend(policy.funcs.iter().filter(|func| is_dynamic(func))),
                    stmt => blocks.extend(access::nested(stmt)),
                }
            }
        }
        let Some(func) = pending.pop() else { return found };
        if found.insert(func.name.as_str()) {
            blocks.extend(&func.blocks);
        }
    }
}

/// The functions whose results are kept for the rest of an evaluation: rules that may be asked for more than once.
fn memoised<'p>(policy: &'p Policy, reachable: &HashSet<&'p str>) -> BTreeSet<&'p str> {
    let mut calls: HashMap<&str, u32> = HashMap::default();
    let mut count = |blocks: &'p [crate::ir::Block], repeated: bool| {
        let mut pending: Vec<_> = blocks.iter().map(|block| (block, repeated)).collect();
        while let Some((block, repeated)) = pending.pop() {
            for statement in &block.stmts {
                match &statement.stmt {
                    Stmt::Call { func, .. } => {
                        *calls.entry(func.as_str()).or_default() += if repeated { 2 } else { 1 };
                    }
                    Stmt::CallDynamic { .. } => {
                        for func in policy.funcs.iter().filter(|func| is_dynamic(func)) {
                            *calls.entry(func.name.as_str()).or_default() += 2;
                        }
                    }
                    stmt => {
                        let repeated = repeated || matches!(stmt, Stmt::Scan { .. });
                        pending.extend(access::nested(stmt).iter().map(|block| (block, repeated)));
                    }
                }
            }
        }
    };
    policy.plans.iter().for_each(|plan| count(&plan.blocks, false));
    for func in policy.funcs.iter().filter(|func| reachable.contains(func.name.as_str())) {
        // A function with parameters of its own may run many times.
        count(&func.blocks, func.params.len() != 2);
    }
    let plain = policy.funcs.iter().filter(|func| func.params.len() == 2 && reachable.contains(func.name.as_str()));
    plain.map(|func| func.name.as_str()).filter(|name| calls.get(name).is_some_and(|calls| *calls > 1)).collect()
}
