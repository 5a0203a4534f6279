//! Safety: an order of each body in which every expression finds its inputs bound, or the variables that have none.

pub(super) mod outputs;

use sealgate_diagnostics::{Diagnostic, Diagnostics, Span};

use crate::resolved::{Body, Comprehension, ComprehensionHead, Expr, ExprKind, Rule, Term, VarId, Variable};

use super::UNSAFE_VAR_ERROR;
use super::vars::{VarSet, comprehensions_mut, in_closures, in_expr, terms_of, visit, visit_placed};

/// Names that an import makes keywords.
const KEYWORDS: [&str; 7] = ["and", "contains", "every", "if", "in", "not", "or"];

/// Orders the bodies of a rule and reports the variables that nothing binds.
pub(super) fn rule(rule: &mut Rule, found: &mut Diagnostics) {
    let mut params = VarSet::default();
    for param in &rule.params {
        visit(param, &mut |id| {
            params.insert(id);
        });
    }
    let mut order = Order { vars: &rule.vars, reported: VarSet::default(), found };
    for (index, branch) in rule.branches.iter_mut().enumerate() {
        let mut bound = params.clone();
        bound.extend(&visible(&branch.body));
        let tail = if index == 0 { rule.tail.as_slice() } else { &[] };
        for term in tail.iter().chain([&branch.value]) {
            visit_placed(term, &mut |(id, span)| {
                if !bound.contains(id) {
                    order.unsafe_var(id, span);
                }
            });
        }
        order.body(&mut branch.body, &params);
    }
}

/// Orders a body that stands alone.
pub(super) fn query(body: &mut Body, vars: &[Variable], found: &mut Diagnostics) {
    Order { vars, reported: VarSet::default(), found }.body(body, &VarSet::default());
}

struct Order<'a> {
    vars: &'a [Variable],
    reported: VarSet,
    found: &'a mut Diagnostics,
}

/// An expression that waits for its turn.
struct Waiting {
    expr: Expr,
    /// Variables outside of closures.
    needs: Vec<VarId>,
    /// Variables of the body around that closures use.
    closes_over: Vec<VarId>,
}

impl Order<'_> {
    fn body(&mut self, body: &mut Body, given: &VarSet) {
        let of_body = visible(body);
        let mut safe = given.clone();
        let mut waiting: Vec<Waiting> = std::mem::take(body)
            .into_iter()
            .map(|expr| {
                let needs = needs(&expr);
                let closes_over = closes_over(&expr, &of_body, given);
                Waiting { expr, needs, closes_over }
            })
            .collect();
        body.reserve(waiting.len());
        loop {
            let before = waiting.len();
            let mut still = Vec::new();
            for item in waiting {
                let outputs = outputs::of(&item.expr, &safe);
                if item.ready(&outputs, &safe) {
                    safe.extend(&outputs);
                    body.push(item.expr);
                } else {
                    still.push(item);
                }
            }
            waiting = still;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        self.report(&waiting, &safe);
        let failed = !waiting.is_empty();
        body.extend(waiting.into_iter().map(|item| item.expr));
        if failed {
            return;
        }
        let mut known = given.clone();
        for expr in body.iter_mut() {
            self.closures(expr, &known);
            for id in needs(expr) {
                known.insert(id);
            }
        }
    }

    fn closures(&mut self, expr: &mut Expr, known: &VarSet) {
        let mut inside = |term: &mut Term| comprehensions_mut(term, &mut |inner| self.comprehension(inner, known));
        match &mut expr.kind {
            ExprKind::Term(term) => inside(term),
            ExprKind::Unify { left, right, .. } => {
                inside(left);
                inside(right);
            }
            ExprKind::Call(call) => call.args.iter_mut().chain(&mut call.output).for_each(inside),
            ExprKind::Every(every) => {
                let mut known = known.clone();
                known.insert(every.value);
                if let Some(key) = every.key {
                    known.insert(key);
                }
                self.body(&mut every.body, &known);
            }
            ExprKind::Not(body) => self.body(body, known),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.body(left, known);
                self.body(right, known);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &mut Comprehension, known: &VarSet) {
        let mut bound = visible(&comprehension.body);
        bound.extend(known);
        let mut check = |term: &Term| {
            visit_placed(term, &mut |(id, span)| {
                if !bound.contains(id) {
                    self.unsafe_var(id, span);
                }
            });
        };
        match &comprehension.head {
            ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => check(term),
            ComprehensionHead::Object(key, value) => {
                check(key);
                check(value);
            }
        }
        self.body(&mut comprehension.body, known);
    }

    fn report(&mut self, waiting: &[Waiting], safe: &VarSet) {
        let mut named = false;
        for item in waiting {
            let outputs = outputs::of(&item.expr, safe);
            let missing = |id: VarId| !safe.contains(id) && !outputs.contains(id);
            terms_of(&item.expr, &mut |term| {
                visit_placed(term, &mut |(id, span)| {
                    if missing(id) && self.name(id).is_some() {
                        named = true;
                        self.unsafe_var(id, span);
                    }
                });
            });
            for id in &item.closes_over {
                if missing(*id) && self.name(*id).is_some() {
                    named = true;
                    self.unsafe_var(*id, item.expr.span);
                }
            }
        }
        if !named {
            for item in waiting {
                self.found.push(
                    Diagnostic::error(UNSAFE_VAR_ERROR, "expression is unsafe")
                        .at(item.expr.span)
                        .help("nothing before or beside this expression binds what it needs"),
                );
            }
        }
    }

    fn name(&self, id: VarId) -> Option<&str> {
        self.vars.get(id.index()).map(|var| &*var.name).filter(|name| !name.is_empty())
    }

    fn unsafe_var(&mut self, id: VarId, span: Span) {
        let Some(name) = self.name(id).map(str::to_owned) else { return };
        if self.reported.insert(id) {
            let help = if KEYWORDS.contains(&name.as_str()) {
                format!("`import future.keywords.{name}` makes it a keyword")
            } else {
                "a variable needs an expression that binds it, which `not` and the arguments of calls do not do"
                    .to_owned()
            };
            let finding = Diagnostic::error(UNSAFE_VAR_ERROR, format!("var `{name}` is unsafe"));
            self.found.push(finding.at(span).help(help));
        }
    }
}

impl Waiting {
    fn ready(&self, outputs: &VarSet, safe: &VarSet) -> bool {
        let have = |id: &VarId| safe.contains(*id) || outputs.contains(*id);
        if !self.needs.iter().all(have) {
            return false;
        }
        if !self.closes_over.iter().all(have) {
            return false;
        }
        // An expression whose outputs are just what it closes over closes over itself; OPA says so of bound ones too.
        let mut closed_over = VarSet::default();
        for id in &self.closes_over {
            closed_over.insert(*id);
        }
        self.closes_over.is_empty() || !outputs.iter().eq(closed_over.iter())
    }
}

/// The variables of an expression outside of closures.
fn needs(expr: &Expr) -> Vec<VarId> {
    let mut needs = Vec::new();
    terms_of(expr, &mut |term| visit(term, &mut |id| needs.push(id)));
    needs
}

fn closes_over(expr: &Expr, of_body: &VarSet, given: &VarSet) -> Vec<VarId> {
    let mut inside = VarSet::default();
    in_closures(expr, &mut inside);
    inside.iter().filter(|id| of_body.contains(*id) && !given.contains(*id)).collect()
}

/// The variables of a body outside of closures.
fn visible(body: &Body) -> VarSet {
    let mut set = VarSet::default();
    body.iter().for_each(|expr| in_expr(expr, &mut set));
    set
}
