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

/// The blocks that a statement holds, to change them.
pub(super) fn nested_mut(stmt: &mut Stmt) -> &mut [Block] {
    match stmt {
        Stmt::Block { blocks } => blocks,
        Stmt::Not { block } | Stmt::Scan { block, .. } | Stmt::With { block, .. } => std::slice::from_mut(block),
        _ => &mut [],
    }
}

/// Gives every local of a block's statements another name.
pub(super) fn rename(block: &mut Block, name: &mut dyn FnMut(&mut Local)) {
    for statement in &mut block.stmts {
        rename_in(&mut statement.stmt, name);
        nested_mut(&mut statement.stmt).iter_mut().for_each(|block| rename(block, name));
    }
}

fn rename_in(stmt: &mut Stmt, name: &mut dyn FnMut(&mut Local)) {
    let operand = |operand: &mut Operand, name: &mut dyn FnMut(&mut Local)| {
        if let Operand::Local(local) = operand {
            name(local);
        }
    };
    match stmt {
        Stmt::ArrayAppend { value, array: target } | Stmt::SetAdd { value, set: target } => {
            operand(value, name);
            name(target);
        }
        Stmt::AssignInt { target, .. }
        | Stmt::MakeArray { target, .. }
        | Stmt::MakeNull { target }
        | Stmt::MakeNumberInt { target, .. }
        | Stmt::MakeNumberRef { target, .. }
        | Stmt::MakeObject { target }
        | Stmt::MakeSet { target }
        | Stmt::ResetLocal { target } => name(target),
        Stmt::AssignVar { source, target } | Stmt::AssignVarOnce { source, target } | Stmt::Len { source, target } => {
            operand(source, name);
            name(target);
        }
        Stmt::Block { .. } | Stmt::Break { .. } | Stmt::Nop {} | Stmt::Not { .. } => {}
        Stmt::Call { args, result, .. } => {
            args.iter_mut().for_each(|arg| operand(arg, name));
            name(result);
        }
        Stmt::CallDynamic { args, result, path } => {
            args.iter_mut().for_each(&mut *name);
            path.iter_mut().for_each(|step| operand(step, name));
            name(result);
        }
        Stmt::Dot { source, key, target } => {
            operand(source, name);
            operand(key, name);
            name(target);
        }
        Stmt::Equal { a, b } | Stmt::NotEqual { a, b } => {
            operand(a, name);
            operand(b, name);
        }
        Stmt::IsArray { source } | Stmt::IsObject { source } | Stmt::IsSet { source } => operand(source, name),
        Stmt::IsDefined { source } | Stmt::IsUndefined { source } | Stmt::ReturnLocal { source } => name(source),
        Stmt::ObjectInsert { key, value, object } | Stmt::ObjectInsertOnce { key, value, object } => {
            operand(key, name);
            operand(value, name);
            name(object);
        }
        Stmt::ObjectMerge { a, b, target } => [a, b, target].into_iter().for_each(name),
        Stmt::ResultSetAdd { value } => name(value),
        Stmt::Scan { source, key, value, .. } => [source, key, value].into_iter().for_each(name),
        Stmt::With { local, value, .. } => {
            name(local);
            operand(value, name);
        }
    }
}
