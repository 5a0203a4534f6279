//! The functions that the kernel calls: evaluation of an entrypoint, and the tables of entrypoints and builtins.

use std::borrow::Cow;

use wasm_encoder::InstructionSink;

use super::folding::Folding;
use super::function::FunctionCompiler;
use super::{CodegenError, GENERATION, LAST_GENERATION, Module, inline};
use crate::ir::{Block, Local, Operand, Plan, Policy, Stmt};
use crate::link::{GeneratedFunction, STATIC_BASE, Target};

/// How many functions come before those of the plans.
pub(super) const FIXED: u32 = 6;
/// Generations are given out anew, and every memo slot cleared, before they run out.
const LAST: u32 = u32::MAX - (1 << 28);

/// The parameters of a plan.
const PARAMS: &[Local] = &[Local::INPUT, Local::DATA];

/// The fixed functions, then one per plan.
pub(super) fn functions(module: &mut Module<'_>) -> Result<Vec<GeneratedFunction>, CodegenError> {
    let policy = module.policy;
    let single: Option<Vec<_>> = policy.plans.iter().map(|plan| single(policy, plan)).collect();
    let mut plans = Vec::new();
    match &single {
        Some(singles) => {
            for (plan, (block, value)) in policy.plans.iter().zip(singles) {
                plans.push(compile_single(module, plan, block, *value)?);
            }
        }
        None => {
            for plan in &policy.plans {
                plans.push(compile_plan(module, plan)?);
            }
        }
    }
    let (table, description) = match &module.input {
        Some(input) => {
            let interned = module.constants.interned_table();
            let (words, description) = (input.paths.table(input.base, interned), input.paths.description());
            (module.constants.record(&words), module.constants.text(&description))
        }
        None => (0, 0),
    };
    let entrypoints = (0_i64..).zip(&policy.plans).map(|(id, plan)| (id, plan.name.as_str())).collect();
    let builtins = (0_i64..).zip(&policy.builtins).map(|(id, builtin)| (id, builtin.name.as_str()));
    let builtins = builtins.filter(|(_, name)| module.required.contains(name)).collect();
    let mut all = vec![
        compile_entry(module, table, single.is_some())?,
        constant(module, "sg_single", u32::from(single.is_some())),
        constant(module, "sg_input_table", table),
        constant(module, "sg_input_description", description),
        compile_table(module, "sg_entrypoints_value", entrypoints),
        compile_table(module, "sg_builtins_value", builtins),
    ];
    all.append(&mut plans);
    Ok(all)
}

/// The block of a plan that gives at most one result, without what puts it into the result set; and the result.
fn single(policy: &Policy, plan: &Plan) -> Option<(Block, Operand)> {
    let [block] = plan.blocks.as_slice() else { return None };
    let (stmts, end) = block.stmts.split_last_chunk::<3>()?;
    let (Stmt::MakeObject { target: made }, Stmt::ResultSetAdd { value: added }) = (&end[0].stmt, &end[2].stmt) else {
        return None;
    };
    match &end[1].stmt {
        Stmt::ObjectInsert { key: Operand::String(key), value, object }
            if super::inputs::text(policy, *key) == "result"
                && made == object
                && added == object
                && *value != Operand::Local(*object) =>
        {
            Some((Block { stmts: stmts.to_vec() }, *value))
        }
        _ => None,
    }
}

/// A plan as a function of input and data that gives its one result, or 0.
fn compile_single(
    module: &mut Module<'_>,
    plan: &Plan,
    block: &Block,
    value: Operand,
) -> Result<GeneratedFunction, CodegenError> {
    let last = inline::last_local(&plan.blocks, PARAMS);
    let blocks = module.inlined.expand(std::slice::from_ref(block), last);
    let folding = Folding::of(&blocks, last);
    let mut compiler = FunctionCompiler::new(module, &folding, PARAMS, 0);
    blocks.iter().try_for_each(|block| compiler.block_giving(block, value))?;
    let (body, _) = compiler.finish();
    Ok(module.function(Cow::Owned(format!("plan {}", plan.name)), 2, true, body))
}

/// A plan as a function of input, data and the result set.
fn compile_plan(module: &mut Module<'_>, plan: &Plan) -> Result<GeneratedFunction, CodegenError> {
    let last = inline::last_local(&plan.blocks, PARAMS);
    let blocks = module.inlined.expand(&plan.blocks, last);
    let folding = Folding::of(&blocks, last);
    let mut compiler = FunctionCompiler::new(module, &folding, PARAMS, 1);
    compiler.result_set = Some(2);
    compiler.blocks(&blocks)?;
    let (body, _) = compiler.finish();
    Ok(module.function(Cow::Owned(format!("plan {}", plan.name)), 3, false, body))
}

/// `sg_entry(entrypoint, input, data, whether the input is in the slots) -> result or result set`
fn compile_entry(module: &mut Module<'_>, table: u32, single: bool) -> Result<GeneratedFunction, CodegenError> {
    let illegal = module.constants.text("internal: illegal entrypoint id");
    let folding = Folding::default();
    let (plans, memo) = (module.policy.plans.len(), module.memo_count);
    let mut compiler = FunctionCompiler::new(module, &folding, &[], 4);
    if memo > 0 {
        compiler.global_get(LAST_GENERATION);
        compiler.emit().i32_const(LAST.cast_signed()).i32_gt_u();
        compiler.open_if();
        compiler.emit().i32_const(0);
        compiler.global_set(LAST_GENERATION);
        let bytes = memo.saturating_mul(super::MEMO_SIZE);
        compiler.emit().i32_const(STATIC_BASE.cast_signed()).i32_const(0).i32_const(bytes.cast_signed());
        compiler.emit().memory_fill(0);
        compiler.close();
        compiler.global_get(LAST_GENERATION);
        compiler.emit().i32_const(1).i32_add();
        compiler.global_set(LAST_GENERATION);
        compiler.global_get(LAST_GENERATION);
        compiler.global_set(GENERATION);
    }
    if table != 0 {
        compiler.get(3);
        compiler.emit().i32_eqz();
        compiler.open_if();
        compiler.emit().i32_const(table.cast_signed());
        compiler.get(1);
        compiler.call("sg_input_fill");
        compiler.close();
    }
    let results = compiler.temporary();
    if !single {
        compiler.emit().i32_const(1);
        compiler.call("sg_set_new");
        compiler.emit().local_set(results);
    }
    let done = compiler.open_block();
    let unknown = compiler.open_block();
    let labels: Vec<u32> = (0..plans).map(|_| compiler.open_block()).collect();
    compiler.get(0);
    // The innermost label belongs to the first plan.
    let targets: Vec<u32> = (0_u32..).take(plans).collect();
    let default = u32::try_from(plans).unwrap_or(u32::MAX);
    compiler.emit().br_table(targets, default);
    for (plan, _) in (0_u32..).zip(&labels) {
        compiler.close();
        compiler.get(1);
        compiler.get(2);
        if !single {
            compiler.get(results);
        }
        compiler.call_target(Target::Function(FIXED + plan));
        if single {
            compiler.emit().local_set(results);
        }
        compiler.branch(done);
    }
    compiler.close();
    let _ = unknown;
    compiler.emit().i32_const(illegal.cast_signed());
    compiler.call("sg_abort");
    compiler.emit().unreachable();
    compiler.close();
    compiler.get(results);
    let (body, _) = compiler.finish();
    Ok(module.function(Cow::Borrowed("sg_entry"), 4, true, body))
}

/// A function that gives an object of names and ids.
fn compile_table(module: &mut Module<'_>, name: &'static str, entries: Vec<(i64, &str)>) -> GeneratedFunction {
    let pairs =
        entries.into_iter().map(|(id, name)| (module.constants.string(name), module.constants.integer(id))).collect();
    let object = module.constants.object(pairs);
    let address = module.constants.address(object);
    constant(module, name, address)
}

/// A function that gives a number.
fn constant(module: &mut Module<'_>, name: &'static str, number: u32) -> GeneratedFunction {
    let mut body = crate::link::Body::default();
    InstructionSink::new(&mut body.code).i32_const(number.cast_signed());
    module.function(Cow::Borrowed(name), 0, true, body)
}
