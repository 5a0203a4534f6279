//! Bodies: one expression after the other, each with what may hold around it.

use sealgate_rego::resolved::{Body, Every, Expr, ExprKind, TermKind};

use crate::ir::{Local, Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans the expressions of a body in order.
    pub(super) fn body(&mut self, body: &Body) {
        for expr in body {
            self.at(expr.span);
            if expr.with.is_empty() { self.without_with(expr) } else { self.with(expr) }
        }
    }

    /// Plans an expression as if it had no `with`.
    pub(super) fn without_with(&mut self, expr: &Expr) {
        if expr.negated {
            self.not(|this| this.kind(expr));
        } else {
            self.kind(expr);
        }
    }

    fn kind(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Term(term) => match &term.kind {
                TermKind::Bool(false) => self.fail(),
                TermKind::Var(_) | TermKind::Ref(_) => {
                    let value = self.term(term);
                    self.emit(Stmt::NotEqual { a: value, b: Operand::Bool(false) });
                }
                // A comprehension holds, but what it asks for may end the evaluation.
                TermKind::Comprehension(comprehension) => {
                    self.comprehension(comprehension);
                }
                // Anything else is defined and not `false`.
                _ => {}
            },
            ExprKind::Unify { left, right, .. } => self.unify(left, right),
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::Every(every) => self.every(every),
            ExprKind::Not(body) => self.not(|this| this.body(body)),
            ExprKind::And(left, right) => {
                for body in [left, right] {
                    let held = self.local();
                    self.emit(Stmt::ResetLocal { target: held });
                    self.satisfied(held, |this| this.body(body));
                    self.emit(Stmt::IsDefined { source: held });
                }
            }
            ExprKind::Or(left, right) => {
                let held = self.local();
                self.emit(Stmt::ResetLocal { target: held });
                self.satisfied(held, |this| this.body(left));
                self.satisfied(held, |this| {
                    this.emit(Stmt::IsUndefined { source: held });
                    this.body(right);
                });
                self.emit(Stmt::IsDefined { source: held });
            }
        }
    }

    /// Goes on where nothing gets through what `plan` adds.
    fn not(&mut self, plan: impl FnOnce(&mut Self)) {
        let held = self.local();
        let mut scans = false;
        let mut block = self.block(|this| {
            let depth = this.depth();
            plan(this);
            if this.depth() > depth {
                // A scan always runs to its end, so that a turn has to say that it got through.
                scans = true;
                this.emit(Stmt::AssignVar { source: Operand::Bool(true), target: held });
            }
        });
        if scans {
            block = self.block(|this| {
                this.emit(Stmt::ResetLocal { target: held });
                this.emit(Stmt::Block { blocks: vec![block] });
                this.emit(Stmt::IsDefined { source: held });
            });
        }
        self.emit(Stmt::Not { block });
    }

    /// Sets a local where something gets through what `plan` adds.
    fn satisfied(&mut self, held: Local, plan: impl FnOnce(&mut Self)) {
        let block = self.block(|this| {
            plan(this);
            this.emit(Stmt::AssignVar { source: Operand::Bool(true), target: held });
        });
        self.emit(Stmt::Block { blocks: vec![block] });
    }

    /// `every` is "no element fails": a scan that notes a failure.
    fn every(&mut self, every: &Every) {
        let (failed, held) = (self.local(), self.local());
        self.emit(Stmt::ResetLocal { target: failed });
        let domain = self.term(&every.domain);
        self.is_collection(domain);
        let scan = self.block(|this| {
            let source = this.as_local(domain);
            let (key, value) = this.open_scan(source);
            this.emit(Stmt::ResetLocal { target: held });
            this.satisfied(held, |this| {
                if let Some(id) = every.key {
                    this.bind(id, key.into());
                }
                this.bind(every.value, value.into());
                this.body(&every.body);
            });
            this.emit(Stmt::IsUndefined { source: held });
            this.emit(Stmt::AssignVar { source: Operand::Bool(true), target: failed });
        });
        self.emit(Stmt::Block { blocks: vec![scan] });
        self.emit(Stmt::IsUndefined { source: failed });
    }

    fn is_collection(&mut self, source: Operand) {
        let known = self.local();
        self.emit(Stmt::ResetLocal { target: known });
        let tests = [Stmt::IsArray { source }, Stmt::IsObject { source }, Stmt::IsSet { source }];
        let blocks = tests
            .into_iter()
            .map(|test| {
                self.block(|this| {
                    this.emit(test);
                    this.emit(Stmt::AssignVar { source: Operand::Bool(true), target: known });
                })
            })
            .collect();
        self.emit(Stmt::Block { blocks });
        self.emit(Stmt::IsDefined { source: known });
    }
}
