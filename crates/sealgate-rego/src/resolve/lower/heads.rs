//! Whole rules and queries: parameters, branches, values.

use std::sync::Arc;

use sealgate_diagnostics::{Diagnostic, Span};

use crate::ast;
use crate::resolved::{Branch, Expr, ResolvedQuery, Rule, Term, TermKind, Variable};

use super::super::declare::Declared;
use super::super::metadata::Asker;
use super::super::scope::Occurrence;
use super::super::vars::VarSet;
use super::super::{COMPILE_ERROR, UNSAFE_VAR_ERROR};
use super::exprs::{declared, is_root};
use super::{Lowering, unit_true};

impl Lowering<'_> {
    /// Lowers a rule; its bodies are in the order written. Where it has something that is captured, gives the
    /// declared variables too.
    pub(in super::super) fn rule(mut self, declared_rule: &Declared<'_>) -> (Rule, Option<VarSet>) {
        let rule = declared_rule.rule;
        let head = &rule.head;
        let path = self.unit.documents.get(declared_rule.document.index()).map(|document| document.path.clone());
        let path = path.into_iter().flatten().chain(declared_rule.below.iter().cloned()).collect();
        self.asker = Some(Asker { module: declared_rule.module, rule: Some(declared_rule.index), path });
        self.scopes.push(Vec::new());
        let mut of_params = Vec::new();
        let params: Vec<_> = head.args.iter().flatten().map(|param| self.param(param, &mut of_params)).collect();
        let mut tail = Vec::new();
        let mut branches = Vec::with_capacity(1 + rule.elses.len());

        self.scopes.push(declared(&rule.body));
        let mut body = of_params.clone();
        body.extend(self.exprs(&rule.body));
        for key in &declared_rule.below {
            tail.push(Term { kind: TermKind::String(Arc::clone(key)), span: head.span });
        }
        for operand in declared_rule.tail {
            let operand = self.term(operand, &mut body);
            tail.push(match operand.kind {
                TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {
                    operand
                }
                _ => self.bind(operand, &mut body),
            });
        }
        let (value, contains) = match &head.kind {
            ast::HeadKind::Value { value, .. } => (value.as_ref(), false),
            ast::HeadKind::Contains { key } => (Some(key), true),
        };
        let value = self.value(value, head.span, &mut body);
        self.scopes.pop();
        branches.push(Branch { body, value, span: head.span });

        if let Some(asker) = &mut self.asker {
            asker.rule = None;
        }
        for branch in &rule.elses {
            self.scopes.push(declared(&branch.body));
            let mut body = of_params.clone();
            body.extend(self.exprs(&branch.body));
            let value = self.value(branch.value.as_ref(), branch.span, &mut body);
            self.scopes.pop();
            branches.push(Branch { body, value, span: branch.span });
        }
        if let Some(branch) = rule.elses.first()
            && (contains || !declared_rule.tail.is_empty())
        {
            self.refuse("`else` cannot be used on partial rules", branch.span);
        }
        self.report_unused();
        let document = declared_rule.document;
        let captures = self.captures.then(|| self.scopes.declared());
        let vars = self.scopes.into_vars();
        (Rule { document, tail, params, contains, branches, vars, span: rule.span }, captures)
    }

    /// Lowers a query; its body is in the order written. Gives the declared variables too.
    pub(in super::super) fn query(mut self, body: &[ast::Expr]) -> (ResolvedQuery, VarSet) {
        self.scopes.push(Vec::new());
        self.scopes.push(declared(body));
        let body = self.exprs(body);
        let bindings = self.scopes.named_here();
        self.report_unused();
        let declared = self.scopes.declared();
        (ResolvedQuery { body, bindings, vars: self.scopes.into_vars() }, declared)
    }

    fn value(&mut self, value: Option<&ast::Term>, span: Span, body: &mut Vec<Expr>) -> Term {
        let Some(value) = value else { return unit_true(span) };
        let value = self.term(value, body);
        self.bind_if_needed(value, body)
    }

    fn param(&mut self, param: &ast::Term, before: &mut Vec<Expr>) -> Term {
        let span = param.span;
        let kind = match &param.kind {
            ast::TermKind::Var(name) if is_root(name) => {
                self.refuse(format!("args must not shadow `{}`", name.text), span);
                self.declare(name, Occurrence::Argument).map_or(TermKind::Null, TermKind::Var)
            }
            ast::TermKind::Var(name) => match self.declare(name, Occurrence::Argument) {
                Some(id) => TermKind::Var(id),
                None => TermKind::Null,
            },
            ast::TermKind::Array(items) => TermKind::Array(items.iter().map(|item| self.param(item, before)).collect()),
            ast::TermKind::Set(items) => TermKind::Set(items.iter().map(|item| self.param(item, before)).collect()),
            ast::TermKind::Object(pairs) => TermKind::Object(
                pairs.iter().map(|(key, value)| (self.param_key(key, before), self.param(value, before))).collect(),
            ),
            ast::TermKind::Ref(reference) => {
                let root = match &reference.head.kind {
                    ast::TermKind::Var(name) => name.text.as_str(),
                    _ => "(…)",
                };
                let found = Diagnostic::error(UNSAFE_VAR_ERROR, format!("var `{root}` is unsafe")).at(span);
                self.found.push(found.help("an argument is a pattern: compare it in the body instead"));
                if self.unit.strict {
                    self.refuse(format!("unused argument `{root}`"), span);
                }
                TermKind::Null
            }
            ast::TermKind::Call(_) => {
                self.refuse("rule arguments cannot contain calls", span);
                TermKind::Null
            }
            _ => {
                let term = self.term(param, before);
                return self.bind_if_needed(term, before);
            }
        };
        Term { kind, span }
    }

    /// A key in a pattern is a value, unless it is a variable.
    fn param_key(&mut self, key: &ast::Term, before: &mut Vec<Expr>) -> Term {
        match key.kind {
            ast::TermKind::Ref(_) => {
                let key = self.term(key, before);
                self.bind_if_needed(key, before)
            }
            _ => self.param(key, before),
        }
    }

    fn report_unused(&mut self) {
        let mut unused: Vec<(Occurrence, Variable)> = Vec::new();
        let kinds: &[Occurrence] = if self.unit.strict {
            &[Occurrence::Declared, Occurrence::Assigned, Occurrence::Argument]
        } else {
            &[Occurrence::Declared]
        };
        for how in kinds {
            unused.extend(self.scopes.unused(*how).map(|var| (*how, var.clone())));
        }
        for (how, var) in unused {
            let finding = match how {
                Occurrence::Argument => {
                    let message = format!("unused argument `{}`", var.name);
                    Diagnostic::error(COMPILE_ERROR, message).help("use `_` instead")
                }
                Occurrence::Assigned => Diagnostic::error(COMPILE_ERROR, format!("assigned var `{}` unused", var.name)),
                _ => Diagnostic::error(COMPILE_ERROR, format!("declared var `{}` unused", var.name)),
            };
            self.found.push(finding.at(var.span));
        }
    }
}
