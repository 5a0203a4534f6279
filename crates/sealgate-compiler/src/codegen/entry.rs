//! The functions that the kernel calls: evaluation of an entrypoint, and the tables of entrypoints and builtins.

use std::borrow::Cow;

use wasm_encoder::InstructionSink;

use super::folding::Folding;
use super::function::FunctionCompiler;
use super::{CodegenError, GENERATION, LAST_GENERATION, Module, inline};
use crate::ir::{Block, Local, Operand, Plan, Policy, Stmt};
use crate::link::{Body, GeneratedFunction, STATIC_BASE, Target};

/// How many functions come before those of the plans.
pub(super) const FIXED: u32 = 6;
/// Generations are given out anew, and every memo slot cleared, before they run out.
const LAST: u32 = u32::MAX - (1 << 28);

/// The parameters of a plan.
const PARAMS: &[Local] = &[Local::INPUT, Local::DATA];
/// The parameter of `sg_entry` that says which plan.
const ENTRYPOINT: u32 = 2;
const ILLEGAL: &str = "internal: illegal entrypoint id";

/// How many functions of plans come after the fixed ones: one for each, but none where `sg_entry` is the only plan.
pub(super) fn plan_functions(policy: &Policy) -> usize {
    if only_plan(policy).is_some() { 0 } else { policy.plans.len() }
}

/// The block and the result of the only plan, if it gives at most one.
fn only_plan(policy: &Policy) -> Option<(Block, Operand)> {
    let [plan] = policy.plans.as_slice() else { return None };
    single(policy, plan)
}

/// The fixed functions, then those of plans.
pub(super) fn functions(module: &mut Module<'_>) -> Result<Vec<GeneratedFunction>, CodegenError> {
    let policy = module.policy;
    let singles: Option<Vec<_>> = policy.plans.iter().map(|plan| single(policy, plan)).collect();
    let mut plans = Vec::new();
    let entry = match &singles {
        Some(singles) => match singles.as_slice() {
            [(block, value)] => compile_only_plan(module, block, *value)?,
            _ => {
                for (plan, (block, value)) in policy.plans.iter().zip(singles) {
                    plans.push(compile_single(module, plan, block, *value)?);
                }
                compile_entry(module, true)?
            }
        },
        None => {
            for plan in &policy.plans {
                plans.push(compile_plan(module, plan)?);
            }
            compile_entry(module, false)?
        }
    };
    let (table, description) = match &module.input {
        Some(input) => {
            let interned = module.constants.interned_table();
            let (words, description) = (input.paths.table(input.base, interned), input.paths.description(input.base));
            (module.constants.record(&words), module.constants.text(&description))
        }
        None => (0, 0),
    };
    let entrypoints = (0_i64..).zip(&policy.plans).map(|(id, plan)| (id, plan.name.as_str())).collect();
    let builtins = (0_i64..).zip(&policy.builtins).map(|(id, builtin)| (id, builtin.name.as_str()));
    let builtins = builtins.filter(|(_, name)| module.required.contains(name)).collect();
    let mut all = vec![
        entry,
        constant(module, "sg_single", u32::from(singles.is_some())),
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
    let body = compile_giving(module, block, value, 0, |_| {})?;
    Ok(module.function(Cow::Owned(format!("plan {}", plan.name)), 2, true, body))
}

/// `sg_entry` where there is one plan, which gives at most one result: the plan itself, so that nothing is called to call it.
fn compile_only_plan(
    module: &mut Module<'_>,
    block: &Block,
    value: Operand,
) -> Result<GeneratedFunction, CodegenError> {
    let illegal = module.constants.text(ILLEGAL);
    let body = compile_giving(module, block, value, 1, |compiler| {
        begin_evaluation(compiler);
        compiler.get(ENTRYPOINT);
        compiler.open_if();
        abort(compiler, illegal);
        compiler.close();
    })?;
    Ok(module.function(Cow::Borrowed("sg_entry"), 3, true, body))
}

/// The body of a function of input, data and `extra` more, which does something `first` and gives a plan's one result, or 0.
fn compile_giving(
    module: &mut Module<'_>,
    block: &Block,
    value: Operand,
    extra: u32,
    first: impl FnOnce(&mut FunctionCompiler<'_, '_>),
) -> Result<Body, CodegenError> {
    let blocks = std::slice::from_ref(block);
    let last = inline::last_local(blocks, PARAMS);
    let blocks = module.inlined.expand(blocks, last);
    let folding = Folding::of(&blocks, last);
    let mut compiler = FunctionCompiler::new(module, &folding, PARAMS, extra);
    first(&mut compiler);
    blocks.iter().try_for_each(|block| compiler.block_giving(block, value))?;
    Ok(compiler.finish().0)
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

/// `sg_entry(input, data, entrypoint) -> result or result set`, where there are several plans, or one with several results.
fn compile_entry(module: &mut Module<'_>, single: bool) -> Result<GeneratedFunction, CodegenError> {
    let illegal = module.constants.text(ILLEGAL);
    let folding = Folding::default();
    let plans = module.policy.plans.len();
    let mut compiler = FunctionCompiler::new(module, &folding, &[], 3);
    begin_evaluation(&mut compiler);
    let results = compiler.temporary();
    if !single {
        compiler.emit().i32_const(1);
        compiler.call("sg_set_new");
        compiler.emit().local_set(results);
    }
    let done = compiler.open_block();
    let unknown = compiler.open_block();
    let labels: Vec<u32> = (0..plans).map(|_| compiler.open_block()).collect();
    compiler.get(ENTRYPOINT);
    // The innermost label belongs to the first plan.
    let targets: Vec<u32> = (0_u32..).take(plans).collect();
    let default = u32::try_from(plans).unwrap_or(u32::MAX);
    compiler.emit().br_table(targets, default);
    for (plan, _) in (0_u32..).zip(&labels) {
        compiler.close();
        compiler.get(0);
        compiler.get(1);
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
    abort(&mut compiler, illegal);
    compiler.close();
    compiler.get(results);
    let (body, _) = compiler.finish();
    Ok(module.function(Cow::Borrowed("sg_entry"), 3, true, body))
}

/// Gives the evaluation its generation, where results are kept during one.
fn begin_evaluation(compiler: &mut FunctionCompiler<'_, '_>) {
    let memo = compiler.module.untraced().memo_count;
    if memo == 0 {
        return;
    }
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

/// Ends the evaluation with the text at `message`.
fn abort(compiler: &mut FunctionCompiler<'_, '_>, message: u32) {
    compiler.emit().i32_const(message.cast_signed());
    compiler.call("sg_abort");
    compiler.emit().unreachable();
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
    let mut body = Body::default();
    InstructionSink::new(&mut body.code).i32_const(number.cast_signed());
    module.function(Cow::Borrowed(name), 0, true, body)
}
