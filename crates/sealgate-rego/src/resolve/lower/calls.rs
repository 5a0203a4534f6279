//! Calls: which function or builtin a name is, and whether the number of arguments fits.

use std::sync::Arc;

use sealgate_diagnostics::{Diagnostic, Span};

use crate::ast;
use crate::builtins::Builtin;
use crate::resolved::{
    Call, Callee, Comprehension, ComprehensionHead, DocumentId, DocumentKind, Expr, ExprKind, RefHead, RuleTree, Term,
    TermKind,
};

use super::super::TYPE_ERROR;
use super::{Lowering, Named, Unit};

/// What a function name stands for.
pub(super) enum Function {
    /// A function of rules.
    Document(DocumentId),
    /// A builtin.
    Builtin(&'static Builtin),
}

impl Lowering<'_> {
    /// A call that stands as an expression.
    pub(super) fn call(&mut self, call: &ast::Call, span: Span, before: &mut Vec<Expr>) -> Option<ExprKind> {
        let function = self.function(&call.func, span);
        if let Some(Function::Builtin(builtin)) = &function
            && matches!(builtin.name, "print" | "internal.print")
        {
            return self.print(&call.args, span);
        }
        if let Some(term) = self.metadata(function.as_ref(), call, span) {
            return match self.terms(&call.args, before).pop() {
                Some(output) => Some(ExprKind::Unify { left: output, right: term, assign: false }),
                None => Some(ExprKind::Term(term)),
            };
        }
        let mut args = self.terms(&call.args, before);
        let (callee, arity) = match function? {
            Function::Builtin(builtin) if matches!(builtin.name, "eq" | "assign") && args.len() == 2 => {
                let right = args.pop()?;
                return Some(ExprKind::Unify { left: args.pop()?, right, assign: false });
            }
            Function::Builtin(builtin) => (Callee::Builtin(builtin), builtin.arity()),
            Function::Document(id) => (Callee::Function(id), self.arity(id)),
        };
        let output = if args.len() == arity + 1 { args.pop() } else { None };
        if args.len() != arity {
            self.wrong_arity(&text(&call.func), arity, args.len(), span);
            return None;
        }
        Some(ExprKind::Call(Call { callee, args, output }))
    }

    /// A call that stands as a term: taken out, with a variable in its place.
    pub(super) fn call_value(&mut self, call: &ast::Call, span: Span, out: &mut Vec<Expr>) -> Term {
        let function = self.function(&call.func, span);
        if call.args.is_empty()
            && let Some(term) = self.metadata(function.as_ref(), call, span)
        {
            return term;
        }
        let args = self.terms(&call.args, out);
        let output = Term::var(self.scopes.fresh(span), span);
        let (callee, arity) = match function {
            Some(Function::Builtin(builtin)) => (Callee::Builtin(builtin), builtin.arity()),
            Some(Function::Document(id)) => (Callee::Function(id), self.arity(id)),
            None => return Term { kind: TermKind::Null, span },
        };
        if let Callee::Builtin(builtin) = callee
            && builtin.result.is_none()
        {
            let message = format!("`{}` used as a value: it returns nothing", builtin.name);
            self.error(super::super::TYPE_ERROR, message, span);
            return Term { kind: TermKind::Null, span };
        }
        if args.len() != arity {
            self.wrong_arity(&text(&call.func), arity, args.len(), span);
            return Term { kind: TermKind::Null, span };
        }
        let kind = ExprKind::Call(Call { callee, args, output: Some(output.clone()) });
        out.push(Expr { kind, negated: false, with: Vec::new(), span });
        output
    }

    /// The constant that a call of `rego.metadata.rule` or `rego.metadata.chain` stands for.
    fn metadata(&mut self, function: Option<&Function>, call: &ast::Call, span: Span) -> Option<Term> {
        let Some(Function::Builtin(builtin)) = function else { return None };
        let (metadata, asker) = match builtin.name {
            "rego.metadata.rule" | "rego.metadata.chain" if call.args.len() < 2 => (self.unit.metadata, &self.asker),
            _ => return None,
        };
        let (Some(metadata), Some(asker)) = (metadata, asker) else {
            self.refuse("metadata can be asked for in rules only", span);
            return None;
        };
        let of_rule = builtin.name == "rego.metadata.rule";
        Some(if of_rule { metadata.rule(asker, span) } else { metadata.chain(asker, span) })
    }

    /// `$"…"`: a call of the builtin that joins the parts, where an undefined part is not the end of it.
    pub(super) fn template(&mut self, parts: &[ast::TemplatePart], span: Span, out: &mut Vec<Expr>) -> Term {
        self.captures = true;
        let mut items = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                ast::TemplatePart::Text(text) => {
                    items.push(Term { kind: TermKind::String(Arc::from(text.as_str())), span });
                }
                ast::TemplatePart::Expr(term) => items.push(self.template_part(term)),
            }
        }
        if items.is_empty() {
            items.push(Term { kind: TermKind::String(Arc::default()), span });
        }
        let output = Term::var(self.scopes.fresh(span), span);
        if let Some(builtin) = Builtin::find("internal.template_string") {
            let args = vec![Term { kind: TermKind::Array(items), span }];
            let kind = ExprKind::Call(Call { callee: Callee::Builtin(builtin), args, output: Some(output.clone()) });
            out.push(Expr { kind, negated: false, with: Vec::new(), span });
        }
        output
    }

    /// `print(…)`: each argument in a set of at most one value, as a part of it may be undefined. It is checked, and then left
    /// out: printing has no place in a decision.
    fn print(&mut self, args: &[ast::Term], span: Span) -> Option<ExprKind> {
        self.captures = true;
        let mut items = Vec::with_capacity(args.len());
        for arg in args {
            let mut body = Vec::new();
            let term = self.term(arg, &mut body);
            let head = self.bind(term, &mut body);
            let comprehension = Comprehension { head: ComprehensionHead::Set(head), body, index: None };
            items.push(Term { kind: TermKind::Comprehension(Box::new(comprehension)), span: arg.span });
        }
        let args = vec![Term { kind: TermKind::Array(items), span }];
        let callee = Callee::Builtin(Builtin::find("internal.print")?);
        Some(ExprKind::Call(Call { callee, args, output: None }))
    }

    /// A part as a set of at most one value: empty where the part is undefined.
    fn template_part(&mut self, part: &ast::Expr) -> Term {
        let span = part.span;
        let ast::ExprKind::Term(term) = &part.kind else {
            self.refuse("only a value can stand in a template string", span);
            return Term { kind: TermKind::Null, span };
        };
        let mut body = Vec::new();
        let with = self.withs(&part.with, &mut body);
        let replaced = body.len();
        let is_call = matches!(term.kind, ast::TermKind::Call(_));
        let term = self.term(term, &mut body);
        if let Some(call) = body.last().filter(|expr| is_call && is_relation(expr)) {
            self.refuse("a call that may have several results cannot stand in a template string", call.span);
        }
        let kind = match term.kind {
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) if body.is_empty() => {
                return term;
            }
            TermKind::Var(_) if body.is_empty() => TermKind::Set(vec![term]),
            _ => {
                let head = self.bind(term, &mut body);
                for expr in body.iter_mut().skip(replaced) {
                    expr.with.clone_from(&with);
                }
                TermKind::Comprehension(Box::new(Comprehension {
                    head: ComprehensionHead::Set(head),
                    body,
                    index: None,
                }))
            }
        };
        Term { kind, span }
    }

    /// What a function's name stands for; reports a name that is none.
    pub(super) fn function(&mut self, func: &ast::Ref, span: Span) -> Option<Function> {
        let ast::TermKind::Var(head) = &func.head.kind else {
            self.error(TYPE_ERROR, "only a name can be called", span);
            return None;
        };
        let mut keys = Vec::with_capacity(func.path.len());
        for operand in &func.path {
            let ast::TermKind::String(key) = &operand.kind else {
                self.error(TYPE_ERROR, "only a name can be called", span);
                return None;
            };
            keys.push(key.as_str());
        }
        let found = match self.named(&head.text) {
            Named::Local(_) => {
                self.hidden(&text(func), span);
                return None;
            }
            Named::Global(global) if global.head == RefHead::Data => {
                let path: Vec<_> = global.path.iter().cloned().chain(keys.iter().map(|key| Arc::from(*key))).collect();
                self.unit.function(&path)
            }
            Named::Root(RefHead::Data) => {
                self.unit.function(&keys.iter().map(|key| Arc::from(*key)).collect::<Vec<_>>())
            }
            Named::Global(_) | Named::Root(_) => None,
            Named::Free if keys.is_empty() => Builtin::find(&head.text).map(Function::Builtin),
            Named::Free => Builtin::find(&text(func)).map(Function::Builtin),
        };
        if let Some(Function::Builtin(builtin)) = &found {
            self.scopes.called(&head.text);
            if builtin.is_deprecated() && self.unit.guards_roots() {
                let message = format!("deprecated built-in function calls in expression: `{}`", builtin.name);
                self.error(TYPE_ERROR, message, span);
            }
        }
        if found.is_none() {
            self.found.push(
                Diagnostic::error(TYPE_ERROR, format!("undefined function `{}`", text(func)))
                    .at(span)
                    .help("no rule, import or builtin has this name"),
            );
        }
        found
    }

    /// Reports a call of a function whose name is a variable's here.
    pub(super) fn hidden(&mut self, function: &str, span: Span) {
        self.found.push(
            Diagnostic::error(TYPE_ERROR, format!("undefined function `{function}`"))
                .at(span)
                .help("a variable of this name hides the function"),
        );
    }

    pub(super) fn arity(&self, id: DocumentId) -> usize {
        self.unit.documents.get(id.index()).map_or(0, crate::resolved::Document::arity)
    }

    fn wrong_arity(&mut self, name: &str, arity: usize, given: usize, span: Span) {
        let plural = if given == 1 { "" } else { "s" };
        let message = format!("arity mismatch: function `{name}` has arity {arity}, got {given} argument{plural}");
        self.error(TYPE_ERROR, message, span);
    }
}

impl Unit<'_> {
    /// The function at a path below `data`.
    pub(super) fn function(&self, path: &[Arc<str>]) -> Option<Function> {
        let mut node = RuleTree::ROOT;
        for (at, key) in path.iter().enumerate() {
            node = self.tree.child(node, key)?;
            if let Some(id) = self.tree.node(node).document {
                let whole = at + 1 == path.len();
                let is_function = matches!(self.documents.get(id.index())?.kind, DocumentKind::Function(_));
                return (whole && is_function).then_some(Function::Document(id));
            }
        }
        None
    }
}

fn is_relation(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call(Call { callee: Callee::Builtin(builtin), .. }) if builtin.is_relation())
}

/// A function's name as written.
pub(super) fn text(func: &ast::Ref) -> String {
    let mut text = match &func.head.kind {
        ast::TermKind::Var(name) => name.text.clone(),
        _ => "…".to_owned(),
    };
    for operand in &func.path {
        if let ast::TermKind::String(key) = &operand.kind {
            text.push('.');
            text.push_str(key);
        }
    }
    text
}
