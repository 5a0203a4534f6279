//! A plain interpreter of plans, the second engine that tests hold the compiled module against. Slow and obvious on purpose.

mod builtins;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sealgate_compiler::ir::{Block, Func, Local, Operand, Policy, Stmt};

pub use value::Value;

/// Why an evaluation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Two values for one document, function or key.
    Conflict(String),
    /// A builtin that the interpreter does not have.
    NoBuiltin(String),
    /// More steps or deeper calls than a test should need.
    TooLong,
}

/// How a block ended.
enum Flow {
    /// It ran to its end.
    Done,
    /// So many blocks are to be left, this one included.
    Leave(u32),
    /// The function returns.
    Return(Option<Value>),
}

/// Runs one plan of a policy and gives its result set.
pub fn run(policy: &Policy, plan: &str, input: Option<Value>, data: Value) -> Result<Vec<Value>, Failure> {
    let plan = policy.plans.iter().find(|known| known.name == plan).expect("the plan exists");
    let funcs: HashMap<&str, &Func> = policy.funcs.iter().map(|func| (func.name.as_str(), func)).collect();
    let paths =
        policy.funcs.iter().filter(|func| !func.path.is_empty()).map(|func| (func.path.clone(), func)).collect();
    let mut machine = Machine { policy, funcs, paths, results: Vec::new(), steps: 0, depth: 0 };
    let mut locals = Locals::default();
    locals.set(Local::INPUT, input);
    locals.set(Local::DATA, Some(data));
    for block in &plan.blocks {
        machine.block(block, &mut locals)?;
    }
    Ok(machine.results)
}

struct Machine<'a> {
    policy: &'a Policy,
    funcs: HashMap<&'a str, &'a Func>,
    paths: HashMap<Vec<String>, &'a Func>,
    results: Vec<Value>,
    steps: usize,
    depth: usize,
}

#[derive(Default)]
struct Locals(Vec<Option<Value>>);

impl Locals {
    fn get(&self, local: Local) -> Option<Value> {
        self.0.get(local.0 as usize).cloned().flatten()
    }

    fn set(&mut self, local: Local, value: Option<Value>) {
        let index = local.0 as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = value;
    }
}

impl Machine<'_> {
    fn call(&mut self, func: &Func, args: Vec<Option<Value>>) -> Result<Option<Value>, Failure> {
        self.depth += 1;
        if self.depth > 200 {
            return Err(Failure::TooLong);
        }
        let mut locals = Locals::default();
        assert_eq!(func.params.len(), args.len(), "arguments of {}", func.name);
        for (param, arg) in func.params.iter().zip(args) {
            locals.set(*param, arg);
        }
        let mut result = None;
        for block in &func.blocks {
            if let Flow::Return(value) = self.block(block, &mut locals)? {
                result = value;
                break;
            }
        }
        self.depth -= 1;
        Ok(result)
    }

    fn block(&mut self, block: &Block, locals: &mut Locals) -> Result<Flow, Failure> {
        for statement in &block.stmts {
            self.steps += 1;
            if self.steps > 5_000_000 {
                return Err(Failure::TooLong);
            }
            match self.stmt(&statement.stmt, locals)? {
                Flow::Done => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Done)
    }

    fn operand(&self, operand: &Operand, locals: &Locals) -> Option<Value> {
        match operand {
            Operand::Local(local) => locals.get(*local),
            Operand::Bool(value) => Some(Value::Bool(*value)),
            Operand::String(index) => Some(Value::String(self.policy.strings[index.0 as usize].as_str().into())),
        }
    }

    fn stmt(&mut self, stmt: &Stmt, locals: &mut Locals) -> Result<Flow, Failure> {
        const UNDEFINED: Result<Flow, Failure> = Ok(Flow::Leave(1));
        let when = |holds: bool| if holds { Ok(Flow::Done) } else { UNDEFINED };
        let value = |this: &Self, operand: &Operand, locals: &Locals| {
            this.operand(operand, locals).unwrap_or_else(|| panic!("{operand:?} is read while undefined"))
        };
        match stmt {
            Stmt::ArrayAppend { value: item, array } => {
                let item = value(self, item, locals);
                let Some(Value::Array(items)) = locals.get(*array) else { panic!("append to no array") };
                items.borrow_mut().push(item);
            }
            Stmt::AssignInt { value, target } => locals.set(*target, Some(Value::int(*value))),
            Stmt::AssignVar { source, target } => {
                let source = self.operand(source, locals);
                locals.set(*target, source);
            }
            Stmt::AssignVarOnce { source, target } => {
                let source = value(self, source, locals);
                match locals.get(*target) {
                    Some(known) if known != source => {
                        return Err(Failure::Conflict(format!("{} and {}", known.text(), source.text())));
                    }
                    _ => locals.set(*target, Some(source)),
                }
            }
            Stmt::Block { blocks } => {
                for block in blocks {
                    match self.block(block, locals)? {
                        Flow::Done | Flow::Leave(1) => {}
                        Flow::Leave(n) => return Ok(Flow::Leave(n - 1)),
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                    }
                }
            }
            Stmt::Break { index } => return Ok(Flow::Leave(index + 1)),
            Stmt::Call { func, args, result } => {
                let args: Vec<_> = args.iter().map(|arg| self.operand(arg, locals)).collect();
                let (value, void) = match self.funcs.get(func.as_str()).copied() {
                    Some(func) => (self.call(func, args)?, false),
                    None => {
                        let args: Vec<Value> = args.into_iter().map(|arg| arg.expect("defined")).collect();
                        let void = self.policy.builtins.iter().any(|known| known.name == *func && !known.has_result());
                        (builtins::call(func, &args).ok_or_else(|| Failure::NoBuiltin(func.clone()))?, void)
                    }
                };
                let defined = value.is_some() || void;
                locals.set(*result, value);
                return when(defined);
            }
            Stmt::CallDynamic { args, result, path } => {
                let mut keys = Vec::new();
                for key in path {
                    let Some(Value::String(key)) = self.operand(key, locals) else { return UNDEFINED };
                    keys.push(key.to_string());
                }
                let Some(func) = self.paths.get(&keys).copied() else { return UNDEFINED };
                let args = args.iter().map(|arg| locals.get(*arg)).collect();
                let Some(value) = self.call(func, args)? else { return Ok(Flow::Leave(4)) };
                locals.set(*result, Some(value));
            }
            Stmt::Dot { source, key, target } => {
                let (Some(source), Some(key)) = (self.operand(source, locals), self.operand(key, locals)) else {
                    return UNDEFINED;
                };
                let Some(value) = source.get(&key) else { return UNDEFINED };
                locals.set(*target, Some(value));
            }
            Stmt::Equal { a, b } => return when(value(self, a, locals) == value(self, b, locals)),
            Stmt::NotEqual { a, b } => return when(value(self, a, locals) != value(self, b, locals)),
            Stmt::IsArray { source } => return when(matches!(value(self, source, locals), Value::Array(_))),
            Stmt::IsObject { source } => return when(matches!(value(self, source, locals), Value::Object(_))),
            Stmt::IsSet { source } => return when(matches!(value(self, source, locals), Value::Set(_))),
            Stmt::IsDefined { source } => return when(locals.get(*source).is_some()),
            Stmt::IsUndefined { source } => return when(locals.get(*source).is_none()),
            Stmt::Len { source, target } => {
                let len = value(self, source, locals).members().len();
                locals.set(*target, Some(Value::int(len as i64)));
            }
            Stmt::MakeArray { target, .. } => locals.set(*target, Some(Value::array(Vec::new()))),
            Stmt::MakeNull { target } => locals.set(*target, Some(Value::Null)),
            Stmt::MakeNumberInt { value, target } => locals.set(*target, Some(Value::int(*value))),
            Stmt::MakeNumberRef { index, target } => {
                let text = self.policy.strings[index.0 as usize].as_str();
                locals.set(*target, Value::parse(text));
            }
            Stmt::MakeObject { target } => locals.set(*target, Some(Value::object(BTreeMap::new()))),
            Stmt::MakeSet { target } => locals.set(*target, Some(Value::set(BTreeSet::new()))),
            Stmt::Nop {} => {}
            Stmt::Not { block } => {
                return match self.block(block, locals)? {
                    Flow::Done => UNDEFINED,
                    Flow::Leave(1) => Ok(Flow::Done),
                    Flow::Leave(n) => Ok(Flow::Leave(n - 1)),
                    other => Ok(other),
                };
            }
            Stmt::ObjectInsert { key, value: member, object } => {
                let (key, member) = (value(self, key, locals), value(self, member, locals));
                let Some(Value::Object(pairs)) = locals.get(*object) else { panic!("insert into no object") };
                pairs.borrow_mut().insert(key, member);
            }
            Stmt::ObjectInsertOnce { key, value: member, object } => {
                let (key, member) = (value(self, key, locals), value(self, member, locals));
                let Some(Value::Object(pairs)) = locals.get(*object) else { panic!("insert into no object") };
                let known = pairs.borrow().get(&key).cloned();
                match known {
                    Some(known) if known != member => return Err(Failure::Conflict(format!("key {}", key.text()))),
                    _ => pairs.borrow_mut().insert(key, member),
                };
            }
            Stmt::ObjectMerge { a, b, target } => {
                let (Some(a), Some(b)) = (locals.get(*a), locals.get(*b)) else { panic!("merge of undefined") };
                locals.set(*target, Some(merge(&a, &b)));
            }
            Stmt::ResetLocal { target } => locals.set(*target, None),
            Stmt::ResultSetAdd { value } => self.results.extend(locals.get(*value)),
            Stmt::ReturnLocal { source } => return Ok(Flow::Return(locals.get(*source))),
            Stmt::Scan { source, key, value, block } => {
                let members = locals.get(*source).map(|source| source.members()).unwrap_or_default();
                for (name, member) in members {
                    locals.set(*key, Some(name));
                    locals.set(*value, Some(member));
                    match self.block(block, locals)? {
                        Flow::Done | Flow::Leave(1) => {}
                        Flow::Leave(n) => return Ok(Flow::Leave(n - 1)),
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                    }
                }
            }
            Stmt::SetAdd { value: item, set } => {
                let item = value(self, item, locals);
                let Some(Value::Set(items)) = locals.get(*set) else { panic!("add to no set") };
                items.borrow_mut().insert(item);
            }
            Stmt::With { local, path, value, block } => {
                let before = locals.get(*local);
                let keys: Vec<Value> =
                    path.iter().map(|key| Value::String(self.policy.strings[key.0 as usize].as_str().into())).collect();
                let Some(value) = self.operand(value, locals) else {
                    // The replacement of an undefined document by itself.
                    locals.set(*local, None);
                    let flow = self.block(block, locals)?;
                    locals.set(*local, before);
                    return Ok(flow);
                };
                locals.set(*local, Some(put(before.as_ref(), &keys, value)));
                let flow = self.block(block, locals)?;
                locals.set(*local, before);
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }
}

fn put(base: Option<&Value>, keys: &[Value], value: Value) -> Value {
    let Some((key, rest)) = keys.split_first() else { return value };
    let mut pairs = match base {
        Some(Value::Object(pairs)) => pairs.borrow().clone(),
        _ => BTreeMap::new(),
    };
    let below = put(pairs.get(key), rest, value);
    pairs.insert(key.clone(), below);
    Value::object(pairs)
}

fn merge(a: &Value, b: &Value) -> Value {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return a.clone() };
    let mut merged = b.borrow().clone();
    for (key, value) in a.borrow().iter() {
        let value = merged.get(key).map_or_else(|| value.clone(), |other| merge(value, other));
        merged.insert(key.clone(), value);
    }
    Value::object(merged)
}
