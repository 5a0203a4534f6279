//! A plan as text for people: what `--emit plan` shows.

use std::fmt::{self, Display, Formatter, Write};

use super::{Block, Func, Local, Operand, Plan, Policy, Statement, Stmt, StringIndex};

impl Display for Local {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INPUT => out.write_str("input"),
            Self::DATA => out.write_str("data"),
            Self(number) => write!(out, "%{number}"),
        }
    }
}

impl Display for Policy {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for builtin in &self.builtins {
            writeln!(out, "builtin {}", builtin.name)?;
        }
        let printer = Printer { policy: self };
        for Plan { name, blocks } in &self.plans {
            writeln!(out, "\nplan {name} {{")?;
            printer.blocks(out, blocks, 1)?;
            writeln!(out, "}}")?;
        }
        for Func { name, params, ret, blocks, path } in &self.funcs {
            let params: Vec<String> = params.iter().map(ToString::to_string).collect();
            write!(out, "\nfunc {name}({}) -> {ret}", params.join(", "))?;
            if !path.is_empty() {
                write!(out, " at {}", path.join("/"))?;
            }
            writeln!(out, " {{")?;
            printer.blocks(out, blocks, 1)?;
            writeln!(out, "}}")?;
        }
        Ok(())
    }
}

struct Printer<'a> {
    policy: &'a Policy,
}

impl Printer<'_> {
    fn blocks(&self, out: &mut Formatter<'_>, blocks: &[Block], depth: usize) -> fmt::Result {
        for block in blocks {
            indent(out, depth)?;
            writeln!(out, "block {{")?;
            self.body(out, block, depth)?;
        }
        Ok(())
    }

    fn body(&self, out: &mut Formatter<'_>, block: &Block, depth: usize) -> fmt::Result {
        for statement in &block.stmts {
            indent(out, depth + 1)?;
            self.statement(out, statement, depth + 1)?;
        }
        indent(out, depth)?;
        writeln!(out, "}}")
    }

    fn statement(&self, out: &mut Formatter<'_>, statement: &Statement, depth: usize) -> fmt::Result {
        let op = |operand: &Operand| self.operand(*operand);
        match &statement.stmt {
            Stmt::Block { blocks } => {
                writeln!(out, "blocks {{")?;
                self.blocks(out, blocks, depth + 1)?;
                indent(out, depth)?;
                return writeln!(out, "}}");
            }
            Stmt::Not { block } => {
                writeln!(out, "not {{")?;
                return self.body(out, block, depth);
            }
            Stmt::Scan { source, key, value, block } => {
                writeln!(out, "scan {source} as {key}, {value} {{")?;
                return self.body(out, block, depth);
            }
            Stmt::With { local, path, value, block } => {
                let path: Vec<String> = path.iter().map(|step| self.string(*step)).collect();
                writeln!(out, "with {local}[{}] = {} {{", path.join("]["), op(value))?;
                return self.body(out, block, depth);
            }
            Stmt::ArrayAppend { value, array } => write!(out, "{array} append {}", op(value)),
            Stmt::AssignInt { value, target } | Stmt::MakeNumberInt { value, target } => {
                write!(out, "{target} = {value}")
            }
            Stmt::AssignVar { source, target } => write!(out, "{target} = {}", op(source)),
            Stmt::AssignVarOnce { source, target } => write!(out, "{target} = {} once", op(source)),
            Stmt::Break { index } => write!(out, "break {index}"),
            Stmt::Call { func, args, result } => {
                let args: Vec<String> = args.iter().map(op).collect();
                write!(out, "{result} = {func}({})", args.join(", "))
            }
            Stmt::CallDynamic { args, result, path } => {
                let args: Vec<String> = args.iter().map(ToString::to_string).collect();
                let path: Vec<String> = path.iter().map(op).collect();
                write!(out, "{result} = call [{}]({})", path.join(", "), args.join(", "))
            }
            Stmt::Dot { source, key, target } => write!(out, "{target} = {}[{}]", op(source), op(key)),
            Stmt::Equal { a, b } => write!(out, "{} == {}", op(a), op(b)),
            Stmt::NotEqual { a, b } => write!(out, "{} != {}", op(a), op(b)),
            Stmt::IsArray { source } => write!(out, "{} is array", op(source)),
            Stmt::IsObject { source } => write!(out, "{} is object", op(source)),
            Stmt::IsSet { source } => write!(out, "{} is set", op(source)),
            Stmt::IsDefined { source } => write!(out, "{source} is defined"),
            Stmt::IsUndefined { source } => write!(out, "{source} is undefined"),
            Stmt::Len { source, target } => write!(out, "{target} = len {}", op(source)),
            Stmt::MakeArray { capacity, target } => write!(out, "{target} = array (capacity {capacity})"),
            Stmt::MakeNull { target } => write!(out, "{target} = null"),
            Stmt::MakeNumberRef { index, target } => {
                let text = self.policy.strings.get(index.0 as usize).map_or("?", String::as_str);
                write!(out, "{target} = {text}")
            }
            Stmt::MakeObject { target } => write!(out, "{target} = object"),
            Stmt::MakeSet { target } => write!(out, "{target} = set"),
            Stmt::Nop {} => write!(out, "nop"),
            Stmt::ObjectInsert { key, value, object } => write!(out, "{object}[{}] = {}", op(key), op(value)),
            Stmt::ObjectInsertOnce { key, value, object } => {
                write!(out, "{object}[{}] = {} once", op(key), op(value))
            }
            Stmt::ObjectMerge { a, b, target } => write!(out, "{target} = merge {a}, {b}"),
            Stmt::ResetLocal { target } => write!(out, "{target} = undefined"),
            Stmt::ResultSetAdd { value } => write!(out, "result add {value}"),
            Stmt::ReturnLocal { source } => write!(out, "return {source}"),
            Stmt::SetAdd { value, set } => write!(out, "{set} add {}", op(value)),
        }?;
        out.write_char('\n')
    }

    fn operand(&self, operand: Operand) -> String {
        match operand {
            Operand::Local(local) => local.to_string(),
            Operand::String(index) => self.string(index),
            Operand::Bool(value) => value.to_string(),
        }
    }

    fn string(&self, index: StringIndex) -> String {
        self.policy.strings.get(index.0 as usize).map_or_else(|| "?".to_owned(), |text| format!("{text:?}"))
    }
}

fn indent(out: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    (0..depth).try_for_each(|_| out.write_str("  "))
}
