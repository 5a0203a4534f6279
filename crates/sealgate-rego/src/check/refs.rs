//! References: that each operand is one that what is looked into can have.

use sealgate_diagnostics::{Diagnostic, Span};

use crate::resolve::TYPE_ERROR;
use crate::resolved::{Expr, ExprKind, Ref, RefHead, Term, TermKind, VarId};
use crate::types::{Type, text};

use super::env::{Node, Root, constant};
use super::{Checker, Finding};

/// How many of the keys that exist a message names.
const SHOWN: usize = 8;

impl<'a> Checker<'a> {
    /// Checks the references of an expression, those in its closures left out; types the variables among their operands.
    pub(super) fn refs(&mut self, expr: &'a Expr, found: &mut Vec<Finding>) {
        match &expr.kind {
            ExprKind::Term(term) => self.refs_in(term, found),
            ExprKind::Unify { left, right, .. } => {
                self.refs_in(left, found);
                self.refs_in(right, found);
            }
            ExprKind::Call(call) => {
                for term in call.args.iter().chain(&call.output) {
                    self.refs_in(term, found);
                }
            }
            ExprKind::Every(every) => {
                self.refs_in(&every.domain, found);
                every.body.iter().for_each(|expr| self.refs(expr, found));
            }
            ExprKind::Not(body) => body.iter().for_each(|expr| self.refs(expr, found)),
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                left.iter().chain(right).for_each(|expr| self.refs(expr, found));
            }
        }
    }

    fn refs_in(&mut self, term: &'a Term, found: &mut Vec<Finding>) {
        match &term.kind {
            TermKind::Ref(reference) => {
                if let Some(finding) = self.reference(reference, term.span) {
                    found.push(finding);
                }
                reference.path.iter().for_each(|operand| self.refs_in(operand, found));
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| self.refs_in(item, found)),
            TermKind::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                self.refs_in(key, found);
                self.refs_in(value, found);
            }),
            _ => {}
        }
    }

    fn reference(&mut self, reference: &'a Ref, span: Span) -> Option<Finding> {
        if let RefHead::Var(id) = reference.head {
            let of = match self.vars.get(id) {
                Some(of) => of.clone(),
                None => {
                    self.vars.put(id, Some(Type::Any));
                    Type::Any
                }
            };
            return self.inside(of, reference, 0, span);
        }
        // The layers live as long as the expression is looked at; what is learnt of variables lies elsewhere.
        let layers = self.layers.clone();
        for root in layers.roots(reference.head) {
            match root {
                Root::Unknown => return self.inside(Type::Any, reference, 0, span),
                Root::Node(node) => match self.below(node, reference, span) {
                    Below::Left => {}
                    Below::Found(finding) => return finding,
                },
            }
        }
        None
    }

    fn below(&mut self, root: &Node, reference: &'a Ref, span: Span) -> Below {
        let mut node = root;
        for (at, operand) in reference.path.iter().enumerate() {
            if let Some(value) = node.leaf() {
                return Below::Found(self.inside(value.clone(), reference, at, span));
            }
            // Packages and rules have names: nothing else can stand in the first two places.
            if at < 2 && !matches!(operand.kind, TermKind::Var(_) | TermKind::String(_)) {
                let have = self.type_of(operand);
                return Below::Found(Some(self.no_such(reference, at, have, &Want::Keys(node), span)));
            }
            if let TermKind::Var(id) = operand.kind {
                let keys = node.whole().keys();
                match self.vars.get(id) {
                    Some(known) if !Type::fits(keys.as_ref(), Some(known)) => {
                        let have = Some(known.clone());
                        return Below::Found(Some(self.no_such(reference, at, have, &Want::Keys(node), span)));
                    }
                    Some(_) => {}
                    None => self.vars.put(id, keys),
                }
                return Below::Left;
            }
            match constant(operand).and_then(|key| node.child(&key)) {
                Some(child) => node = child,
                None => return Below::Left,
            }
        }
        Below::Found(None)
    }

    /// Checks the operands from a position on against a value's type.
    fn inside(&mut self, of: Type, reference: &'a Ref, from: usize, span: Span) -> Option<Finding> {
        let mut of = Some(of);
        for (at, operand) in reference.path.iter().enumerate().skip(from) {
            let keys = of.as_ref().and_then(Type::keys);
            let (Some(known), Some(keys)) = (&of, keys) else {
                return Some(self.no_parts(reference, at, of.as_ref(), span));
            };
            let next = match &operand.kind {
                TermKind::Var(id) => {
                    match self.vars.get(*id) {
                        Some(exist) if !Type::fits(Some(exist), Some(&keys)) => {
                            let have = Some(exist.clone());
                            return Some(self.no_such(reference, at, have, &Want::Type(known, &keys), span));
                        }
                        Some(_) => {}
                        None => self.vars.put(*id, Some(keys)),
                    }
                    known.values()
                }
                TermKind::Array(_) | TermKind::Object(_) | TermKind::Set(_) => {
                    if !self.is(operand, Some(&keys), false) {
                        let have = self.type_of(operand);
                        return Some(self.no_such(reference, at, have, &Want::Type(known, &keys), span));
                    }
                    known.values()
                }
                _ => {
                    let child = constant(operand).and_then(|key| known.select(&key));
                    if child.is_none() {
                        return Some(self.no_such(reference, at, None, &Want::Type(known, &keys), span));
                    }
                    child
                }
            };
            of = next;
        }
        None
    }

    fn no_parts(&self, reference: &Ref, at: usize, of: Option<&Type>, span: Span) -> Finding {
        let cut = Ref { head: reference.head, path: reference.path.iter().take(at).cloned().collect() };
        let message = format!("undefined ref: `{}`", self.shown(reference));
        let help = match of {
            Some(of) => format!("`{}` is of type {}, which has no parts", self.shown(&cut), text(Some(of))),
            None => format!("nothing is ever at `{}`", self.shown(&cut)),
        };
        let at = reference.path.get(at).map_or(span, |operand| operand.span);
        Finding { diagnostic: Diagnostic::error(TYPE_ERROR, message).at(at).help(help), unknown: false }
    }

    fn no_such(&self, reference: &Ref, at: usize, have: Option<Type>, want: &Want<'_>, span: Span) -> Finding {
        let cut = Ref { head: reference.head, path: reference.path.iter().take(at).cloned().collect() };
        let cut = self.shown(&cut);
        let mut keys: Vec<String> = Vec::new();
        let mut wanted = None;
        match want {
            Want::Keys(known) => keys.extend(known.keys().take(SHOWN + 1).map(|key| format!("`{key}`"))),
            Want::Type(of, of_keys) => {
                if let Type::Object(object) = of {
                    keys.extend(object.fixed.iter().take(SHOWN + 1).map(|(key, _)| format!("`{key}`")));
                }
                wanted = Some(*of_keys);
            }
        }
        if keys.len() > SHOWN {
            keys.truncate(SHOWN);
            keys.push("…".to_owned());
        }
        let mut help = match &have {
            Some(have) => format!("the operand is of type {}; ", text(Some(have))),
            None => String::new(),
        };
        help.push_str(&match wanted {
            _ if !keys.is_empty() => format!("`{cut}` has {}", keys.join(", ")),
            Some(wanted) => format!("`{cut}` takes keys of type {}", text(Some(wanted))),
            None => format!("`{cut}` has no parts"),
        });
        let message = format!("undefined ref: `{}`", self.shown(reference));
        let at = reference.path.get(at).map_or(span, |operand| operand.span);
        Finding { diagnostic: Diagnostic::error(TYPE_ERROR, message).at(at).help(help), unknown: false }
    }

    /// A reference as a message shows it.
    pub(super) fn shown(&self, reference: &Ref) -> String {
        let mut shown = match reference.head {
            RefHead::Input => "input".to_owned(),
            RefHead::Data => "data".to_owned(),
            RefHead::Var(id) => self.name(id),
        };
        for operand in &reference.path {
            match &operand.kind {
                TermKind::String(key) if is_name(key) => shown.extend([".", &**key]),
                TermKind::Var(id) => shown.extend(["[", &self.name(*id), "]"]),
                _ => match constant(operand) {
                    Some(key) => shown.push_str(&format!("[{key}]")),
                    None => shown.push_str("[…]"),
                },
            }
        }
        shown
    }

    /// A variable as a message shows it: by its name, or by what it stands for.
    fn name(&self, id: VarId) -> String {
        match self.names.get(id.index()).map(|var| &*var.name).filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => match self.made.get(&id).and_then(|term| constant(term)) {
                Some(value) => value.to_string(),
                None => "…".to_owned(),
            },
        }
    }
}

enum Below {
    /// The path leaves what this layer knows.
    Left,
    /// It does not; what is wrong with it.
    Found(Option<Finding>),
}

/// What an operand should have been.
enum Want<'a> {
    /// One of this node's keys.
    Keys(&'a Node),
    /// A key of this type, of a value of that type.
    Type(&'a Type, &'a Type),
}

fn is_name(key: &str) -> bool {
    let mut characters = key.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|rest| rest.is_ascii_alphanumeric() || rest == '_')
}
