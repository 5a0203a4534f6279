//! What statements do to locals: a walk over reads, assignments and in-place changes.

use crate::ir::{Block, Local, Operand, Stmt};

/// One use of a local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The value is read.
    Read(Local),
    /// The local gets another value, or none.
    Assign(Local),
    /// The collection that the local refers to is changed in place.
    Mutate(Local),
}

/// Every access of a statement in the order of evaluation, those of nested blocks included.
pub(super) fn of_statement(stmt: &Stmt, visit: &mut dyn FnMut(Access)) {
    use Access::{Assign, Mutate, Read};
    let read = |operand: &Operand, visit: &mut dyn FnMut(Access)| {
        if let Operand::Local(local) = operand {
            visit(Read(*local));
        }
    };
    match stmt {
        Stmt::ArrayAppend { value, array: target } | Stmt::SetAdd { value, set: target } => {
            read(value, visit);
            visit(Mutate(*target));
        }
        Stmt::AssignInt { target, .. }
        | Stmt::MakeArray { target, .. }
        | Stmt::MakeNull { target }
        | Stmt::MakeNumberInt { target, .. }
        | Stmt::MakeNumberRef { target, .. }
        | Stmt::MakeObject { target }
        | Stmt::MakeSet { target }
        | Stmt::ResetLocal { target } => visit(Assign(*target)),
        Stmt::AssignVar { source, target } | Stmt::Len { source, target } => {
            read(source, visit);
            visit(Assign(*target));
        }
        Stmt::AssignVarOnce { source, target } => {
            read(source, visit);
            visit(Read(*target));
            visit(Assign(*target));
        }
        Stmt::Block { blocks } => blocks.iter().for_each(|block| of_block(block, visit)),
        Stmt::Break { .. } | Stmt::Nop {} => {}
        Stmt::Call { args, result, .. } => {
            args.iter().for_each(|arg| read(arg, visit));
            visit(Assign(*result));
        }
        Stmt::CallDynamic { args, result, path } => {
            args.iter().for_each(|arg| visit(Read(*arg)));
            path.iter().for_each(|step| read(step, visit));
            visit(Assign(*result));
        }
        Stmt::Dot { source, key, target } => {
            read(source, visit);
            read(key, visit);
            visit(Assign(*target));
        }
        Stmt::Equal { a, b } | Stmt::NotEqual { a, b } => {
            read(a, visit);
            read(b, visit);
        }
        Stmt::IsArray { source } | Stmt::IsObject { source } | Stmt::IsSet { source } => read(source, visit),
        Stmt::IsDefined { source } | Stmt::IsUndefined { source } | Stmt::ReturnLocal { source } => {
            visit(Read(*source));
        }
        Stmt::Not { block } => of_block(block, visit),
        Stmt::ObjectInsert { key, value, object } | Stmt::ObjectInsertOnce { key, value, object } => {
            read(key, visit);
            read(value, visit);
            visit(Mutate(*object));
        }
        Stmt::ObjectMerge { a, b, target } => {
            visit(Read(*a));
            visit(Read(*b));
            visit(Assign(*target));
        }
        Stmt::ResultSetAdd { value } => visit(Read(*value)),
        Stmt::Scan { source, key, value, block } => {
            visit(Read(*source));
            visit(Assign(*key));
            visit(Assign(*value));
            of_block(block, visit);
        }
        Stmt::With { local, value, block, .. } => {
            read(value, visit);
            visit(Read(*local));
            visit(Assign(*local));
            of_block(block, visit);
        }
    }
}

/// Every access of a block's statements.
pub(super) fn of_block(block: &Block, visit: &mut dyn FnMut(Access)) {
    for statement in &block.stmts {
        of_statement(&statement.stmt, visit);
    }
}

/// The blocks that a statement holds.
pub(super) fn nested(stmt: &Stmt) -> &[Block] {
    match stmt {
        Stmt::Block { blocks } => blocks,
        Stmt::Not { block } | Stmt::Scan { block, .. } | Stmt::With { block, .. } => std::slice::from_ref(block),
        _ => &[],
    }
}
