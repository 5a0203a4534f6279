//! Checks that a plan is whole: every index in range, every name known, nesting and size bounded.

use foldhash::{HashMap, HashSet};

use super::{Block, Func, Local, Location, Operand, Policy, Statement, Stmt, StringIndex};

/// How deeply blocks may nest.
pub const MAX_DEPTH: usize = 100;
/// The highest number of locals that one function or plan may use; local numbers must lie below it.
pub const MAX_LOCALS: u32 = 40_000;

/// Why a plan is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid plan: in `{place}`: {problem}")]
pub struct InvalidPlan {
    /// Name of the function or plan.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl Policy {
    /// Checks every index and name, once, so that later stages may rely on them.
    ///
    /// # Errors
    /// Names the first function or plan that is not whole and what is wrong there.
    pub fn validate(&self) -> Result<(), InvalidPlan> {
        let bad = |place: &str, problem: String| InvalidPlan { place: place.to_owned(), problem };
        let mut arity = HashMap::with_capacity_and_hasher(self.funcs.len(), Default::default());
        for func in &self.funcs {
            if arity.insert(func.name.as_str(), func.params.len()).is_some() {
                return Err(bad(&func.name, "the function is defined twice".to_owned()));
            }
        }
        let mut builtins = HashSet::default();
        for builtin in &self.builtins {
            if !builtins.insert(builtin.name.as_str()) {
                return Err(bad(&builtin.name, "the builtin is declared twice".to_owned()));
            }
        }
        let mut names = HashSet::default();
        for plan in &self.plans {
            if !names.insert(plan.name.as_str()) {
                return Err(bad(&plan.name, "the entrypoint is planned twice".to_owned()));
            }
        }
        let check = Check { policy: self, arity, builtins };
        for func in &self.funcs {
            check.func(func).map_err(|problem| bad(&func.name, problem))?;
        }
        for plan in &self.plans {
            for block in &plan.blocks {
                check.block(block, 1, Kind::Plan).map_err(|problem| bad(&plan.name, problem))?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    Func,
}

struct Check<'a> {
    policy: &'a Policy,
    arity: HashMap<&'a str, usize>,
    builtins: HashSet<&'a str>,
}

impl Check<'_> {
    fn func(&self, func: &Func) -> Result<(), String> {
        if func.params.len() < 2 {
            return Err("a function takes at least input and data".to_owned());
        }
        if func.params.len() > 1000 {
            return Err("more than 1000 parameters".to_owned());
        }
        let mut seen = HashSet::default();
        for param in &func.params {
            local(*param)?;
            if !seen.insert(*param) {
                return Err(format!("parameter {param} occurs twice"));
            }
        }
        local(func.ret)?;
        func.blocks.iter().try_for_each(|block| self.block(block, 1, Kind::Func))
    }

    fn block(&self, block: &Block, depth: usize, kind: Kind) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("blocks nest more than {MAX_DEPTH} deep"));
        }
        block.stmts.iter().try_for_each(|statement| {
            self.location(statement.location)?;
            self.statement(statement, depth, kind)
        })
    }

    fn location(&self, at: Location) -> Result<(), String> {
        let files = self.policy.files.len();
        if at.file.0 == 0 || (at.file.0 as usize) < files {
            Ok(())
        } else {
            Err(format!("file {} of {files}", at.file.0))
        }
    }

    fn statement(&self, statement: &Statement, depth: usize, kind: Kind) -> Result<(), String> {
        match &statement.stmt {
            Stmt::ArrayAppend { value, array: target } | Stmt::SetAdd { value, set: target } => {
                self.operand(*value)?;
                local(*target)
            }
            Stmt::AssignInt { target, .. }
            | Stmt::MakeArray { target, .. }
            | Stmt::MakeNull { target }
            | Stmt::MakeNumberInt { target, .. }
            | Stmt::MakeObject { target }
            | Stmt::MakeSet { target }
            | Stmt::ResetLocal { target } => local(*target),
            Stmt::AssignVar { source, target }
            | Stmt::AssignVarOnce { source, target }
            | Stmt::Len { source, target } => {
                self.operand(*source)?;
                local(*target)
            }
            Stmt::Block { blocks } => blocks.iter().try_for_each(|block| self.block(block, depth + 1, kind)),
            Stmt::Break { index } => {
                if (*index as usize) < depth {
                    Ok(())
                } else {
                    Err(format!("break {index} leaves more than the {depth} blocks around it"))
                }
            }
            Stmt::Call { func, args, result } => {
                self.callee(func, args.len())?;
                args.iter().try_for_each(|arg| self.operand(*arg))?;
                local(*result)
            }
            Stmt::CallDynamic { args, result, path } => {
                if args.len() != 2 {
                    return Err(format!("a dynamic call takes 2 arguments, not {}", args.len()));
                }
                if depth < 4 {
                    return Err("a dynamic call must lie at least 4 blocks deep".to_owned());
                }
                args.iter().try_for_each(|arg| local(*arg))?;
                path.iter().try_for_each(|step| self.operand(*step))?;
                local(*result)
            }
            Stmt::Dot { source, key, target } => {
                self.operand(*source)?;
                self.operand(*key)?;
                local(*target)
            }
            Stmt::Equal { a, b } | Stmt::NotEqual { a, b } => {
                self.operand(*a)?;
                self.operand(*b)
            }
            Stmt::IsArray { source } | Stmt::IsObject { source } | Stmt::IsSet { source } => self.operand(*source),
            Stmt::IsDefined { source } | Stmt::IsUndefined { source } => local(*source),
            Stmt::MakeNumberRef { index, target } => {
                self.string(*index)?;
                local(*target)
            }
            Stmt::Nop {} => Ok(()),
            Stmt::Not { block } => self.block(block, depth + 1, kind),
            Stmt::ObjectInsert { key, value, object } | Stmt::ObjectInsertOnce { key, value, object } => {
                self.operand(*key)?;
                self.operand(*value)?;
                local(*object)
            }
            Stmt::ObjectMerge { a, b, target } => [a, b, target].into_iter().try_for_each(|each| local(*each)),
            Stmt::ResultSetAdd { value } if kind == Kind::Plan => local(*value),
            Stmt::ResultSetAdd { .. } => Err("a function has no result set to add to".to_owned()),
            Stmt::ReturnLocal { source } if kind == Kind::Func => local(*source),
            Stmt::ReturnLocal { .. } => Err("a plan does not return a local".to_owned()),
            Stmt::Scan { source, key, value, block } => {
                [source, key, value].into_iter().try_for_each(|each| local(*each))?;
                self.block(block, depth + 1, kind)
            }
            Stmt::With { local: target, path, value, block } => {
                local(*target)?;
                path.iter().try_for_each(|step| self.string(*step))?;
                self.operand(*value)?;
                self.block(block, depth + 1, kind)
            }
        }
    }

    fn callee(&self, name: &str, args: usize) -> Result<(), String> {
        match self.arity.get(name) {
            Some(params) if *params == args => Ok(()),
            Some(params) => Err(format!("`{name}` takes {params} arguments, called with {args}")),
            None if self.builtins.contains(name) => Ok(()),
            None => Err(format!("unknown function `{name}`")),
        }
    }

    fn operand(&self, operand: Operand) -> Result<(), String> {
        match operand {
            Operand::Local(each) => local(each),
            Operand::String(index) => self.string(index),
            Operand::Bool(_) => Ok(()),
        }
    }

    fn string(&self, index: StringIndex) -> Result<(), String> {
        let strings = self.policy.strings.len();
        if (index.0 as usize) < strings { Ok(()) } else { Err(format!("string {} of {strings}", index.0)) }
    }
}

fn local(each: Local) -> Result<(), String> {
    if each.0 < MAX_LOCALS { Ok(()) } else { Err(format!("local {} is not below {MAX_LOCALS}", each.0)) }
}
