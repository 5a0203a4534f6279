//! Bodies: closures first, then references, then what each expression itself asks for, as it is evaluated.

use sealgate_diagnostics::Diagnostic;

use crate::resolve::TYPE_ERROR;
use crate::resolved::{
    Body, Call, Callee, Comprehension, ComprehensionHead, Expr, ExprKind, RefHead, Term, TermKind, WithTarget,
    WithValue,
};
use crate::types::{Type, is_unknown, text};

use super::env::{constant, inside};
use super::{Checker, Closure, Finding};

impl<'a> Checker<'a> {
    /// Checks a body; what it learns of variables stays.
    pub(super) fn body(&mut self, body: &'a Body, found: &mut Vec<Finding>) {
        for expr in body {
            let outside = self.layers.over.len();
            self.replace(expr);
            let before = found.len();
            if !self.again {
                self.closures(expr, found);
            }
            self.refs(expr, found);
            let explained = found.len() > before;
            if let Some(finding) = self.expr(expr)
                && !(explained && finding.unknown)
            {
                found.push(finding);
            }
            self.layers.over.truncate(outside);
        }
    }

    fn closures(&mut self, expr: &'a Expr, found: &mut Vec<Finding>) {
        match &expr.kind {
            ExprKind::Term(term) => self.closures_in(term, found),
            ExprKind::Unify { left, right, .. } => {
                self.closures_in(left, found);
                self.closures_in(right, found);
            }
            ExprKind::Call(call) => {
                for term in call.args.iter().chain(&call.output) {
                    self.closures_in(term, found);
                }
            }
            ExprKind::Every(every) => every.body.iter().for_each(|expr| self.closures(expr, found)),
            ExprKind::Not(body) => body.iter().for_each(|expr| self.closures(expr, found)),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                left.iter().chain(right).for_each(|expr| self.closures(expr, found));
            }
        }
    }

    fn closures_in(&mut self, term: &'a Term, found: &mut Vec<Finding>) {
        match &term.kind {
            TermKind::Comprehension(comprehension) => self.closure(comprehension, found),
            TermKind::Ref(reference) => reference.path.iter().for_each(|operand| self.closures_in(operand, found)),
            TermKind::Array(items) | TermKind::Set(items) => {
                items.iter().for_each(|item| self.closures_in(item, found));
            }
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.closures_in(key, found);
                self.closures_in(value, found);
            }),
            _ => {}
        }
    }

    fn closure(&mut self, comprehension: &'a Comprehension, found: &mut Vec<Finding>) {
        let (mark, stamp, before) = (self.vars.mark(), self.vars.stamp(), found.len());
        self.body(&comprehension.body, found);
        let of = if found.len() > before {
            None
        } else {
            Some(match &comprehension.head {
                ComprehensionHead::Array(term) => Type::array(Vec::new(), self.type_of(term)),
                ComprehensionHead::Set(term) => Type::set(self.type_of(term)),
                ComprehensionHead::Object(key, value) => {
                    Type::object(Vec::new(), Some((self.type_of(key), self.type_of(value))))
                }
            })
        };
        self.vars.back_to(mark);
        self.closures.insert(std::ptr::from_ref(comprehension), Closure { stamp, of });
    }

    /// The type of a comprehension, as what is known by now makes it; none where it has errors.
    fn closure_type(&mut self, comprehension: &'a Comprehension) -> Option<Type> {
        let stamp = self.vars.stamp();
        let known = |this: &Self| this.closures.get(&std::ptr::from_ref(comprehension)).cloned();
        match known(self) {
            // Closures inside of one that is looked at again keep their types, so that each is looked at a few times at most.
            Some(closure) if closure.stamp == stamp || self.again => closure.of,
            _ => {
                let again =
                    std::mem::replace(&mut self.again, self.closures.contains_key(&std::ptr::from_ref(comprehension)));
                self.closure(comprehension, &mut Vec::new());
                self.again = again;
                known(self).and_then(|closure| closure.of)
            }
        }
    }

    /// The type of a term, as far as it is known.
    pub(super) fn type_of(&mut self, term: &'a Term) -> Option<Type> {
        Some(match &term.kind {
            TermKind::Null => Type::Null,
            TermKind::Bool(_) => Type::Boolean,
            TermKind::Number(_) => Type::Number,
            TermKind::String(_) => Type::String,
            TermKind::Var(id) => return self.vars.get(*id).cloned(),
            TermKind::Ref(reference) => {
                return match reference.head {
                    RefHead::Var(id) => inside(self.vars.get(id).cloned(), &reference.path),
                    RefHead::Input | RefHead::Data => self.layers.get(reference),
                };
            }
            TermKind::Array(items) => {
                let rest = items.is_empty().then_some(Type::Any);
                Type::array(items.iter().map(|item| self.type_of(item)).collect(), rest)
            }
            TermKind::Set(items) => {
                let of = items.iter().fold(None, |of, item| Type::or(of, self.type_of(item)));
                Type::set(Some(of.unwrap_or(Type::Any)))
            }
            TermKind::Object(pairs) => {
                let mut fixed = Vec::with_capacity(pairs.len());
                let mut rest: Option<(Option<Type>, Option<Type>)> = None;
                for (key, value) in pairs {
                    match constant(key) {
                        Some(key) => fixed.push((key, self.type_of(value))),
                        None => {
                            let (key, value) = (self.type_of(key), self.type_of(value));
                            rest = Some(match rest {
                                Some((keys, values)) => (both(keys, key), both(values, value)),
                                None => (key, value),
                            });
                        }
                    }
                }
                if fixed.is_empty() && rest.is_none() { Type::any_object() } else { Type::object(fixed, rest) }
            }
            TermKind::Comprehension(comprehension) => return self.closure_type(comprehension),
        })
    }

    fn expr(&mut self, expr: &'a Expr) -> Option<Finding> {
        for with in &expr.with {
            let of_value = match &with.value {
                WithValue::Function(id) => self.callee(Callee::Function(*id)),
                WithValue::Builtin(builtin) => self.callee(Callee::Builtin(builtin)),
                WithValue::Term(_) => continue,
            };
            let of_target = match &with.target {
                WithTarget::Function(id) => self.callee(Callee::Function(*id)),
                WithTarget::Builtin(builtin) => self.callee(Callee::Builtin(builtin)),
                WithTarget::Input(_) | WithTarget::Data(_) => continue,
            };
            if matches!((&of_target, &of_value), (Some(Type::Function(_)), Some(Type::Function(_))))
                && !Type::fits(of_target.as_ref(), of_value.as_ref())
            {
                let message = "arity mismatch: a function is replaced by one that does not take its arguments";
                let help = format!("{} is replaced by {}", text(of_target.as_ref()), text(of_value.as_ref()));
                let diagnostic = Diagnostic::error(TYPE_ERROR, message).at(with.span).help(help);
                return Some(Finding { diagnostic, unknown: false });
            }
        }
        match &expr.kind {
            ExprKind::Unify { left, right, .. } => self.unify(left, right, expr),
            ExprKind::Call(call) => self.call(call, expr),
            _ => None,
        }
    }

    fn unify(&mut self, left: &'a Term, right: &'a Term, expr: &Expr) -> Option<Finding> {
        if let TermKind::Var(id) = left.kind
            && self.names.get(id.index()).is_some_and(|var| var.name.is_empty())
        {
            self.made.insert(id, right);
        }
        let (of_left, of_right) = (self.type_of(left), self.type_of(right));
        if self.equal(left, of_left.as_ref(), right, of_right.as_ref()) {
            return None;
        }
        let message = "match error: the sides can never be equal";
        let help = format!("left is {}, right is {}", text(of_left.as_ref()), text(of_right.as_ref()));
        let unknown = is_unknown(of_left.as_ref()) || is_unknown(of_right.as_ref());
        Some(Finding { diagnostic: Diagnostic::error(TYPE_ERROR, message).at(expr.span).help(help), unknown })
    }

    fn call(&mut self, call: &'a Call, expr: &Expr) -> Option<Finding> {
        let Some(Type::Function(function)) = self.callee(call.callee) else { return None };
        let operands = || call.args.iter().chain(&call.output);
        let mut have: Vec<Option<Type>> = operands().map(|operand| self.type_of(operand)).collect();
        let mut wanted = function.args.iter().chain([&function.result]);
        for (at, operand) in operands().enumerate() {
            // `print` takes any number of arguments.
            let Some(of) = wanted.next() else { break };
            let own = have.get(at).and_then(Option::as_ref);
            let clashes = !is_unknown(own) && !Type::fits(own, of.as_ref());
            if clashes || !self.is(operand, of.as_ref(), false) {
                if !clashes {
                    have = operands().map(|operand| self.type_of(operand)).collect();
                }
                return Some(self.bad_argument(call, at, &have, of.as_ref(), expr));
            }
        }
        None
    }

    fn bad_argument(&self, call: &Call, at: usize, have: &[Option<Type>], want: Option<&Type>, expr: &Expr) -> Finding {
        let name = match call.callee {
            Callee::Builtin(builtin) => builtin.infix.unwrap_or(builtin.name).to_owned(),
            Callee::Function(id) => self.modules.document(id).map(|document| document.name()).unwrap_or_default(),
        };
        let place = if at < call.args.len() { format!("argument {}", at + 1) } else { "the result".to_owned() };
        let own = have.get(at).and_then(Option::as_ref);
        let span = call.args.iter().chain(&call.output).nth(at).map_or(expr.span, |operand| operand.span);
        let diagnostic = Diagnostic::error(TYPE_ERROR, format!("`{name}`: invalid argument(s)"))
            .at(span)
            .help(format!("{place} is {}, where {} is wanted", text(own), text(want)));
        Finding { diagnostic, unknown: have.iter().any(|of| is_unknown(of.as_ref())) }
    }
}

/// The union of two types, not known where one of them is not.
fn both(one: Option<Type>, other: Option<Type>) -> Option<Type> {
    if one.is_none() || other.is_none() { None } else { Type::or(one, other) }
}
