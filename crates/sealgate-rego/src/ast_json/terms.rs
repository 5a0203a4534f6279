//! Terms, references and calls.

use serde_json::{Number, Value, json};

use super::{Writer, order, string, var};
use crate::ast::{Body, Call, ExprKind, Ref, TemplatePart, Term, TermKind};

impl Writer<'_> {
    pub(super) fn term(&mut self, term: &Term) -> Value {
        let (kind, value) = match &term.kind {
            TermKind::Null => ("null", json!({})),
            TermKind::Bool(value) => ("boolean", (*value).into()),
            TermKind::Number(text) => ("number", number(text)),
            TermKind::String(text) => return string(text),
            TermKind::Template(parts) => ("templatestring", self.template(parts, term)),
            // The roots are references even where they stand alone.
            TermKind::Var(name) if matches!(name.text.as_str(), "input" | "data") => ("ref", json!([var(&name.text)])),
            TermKind::Var(name) => return self.name(name),
            TermKind::Ref(reference) => ("ref", Value::Array(self.reference(reference))),
            TermKind::Array(items) => ("array", items.iter().map(|item| self.term(item)).collect()),
            TermKind::Set(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.term(item)).collect();
                items.sort_by(order::compare);
                items.dedup();
                ("set", Value::Array(items))
            }
            TermKind::Object(pairs) => ("object", self.object(pairs)),
            TermKind::ArrayComprehension(value, body) => ("arraycomprehension", self.comprehension(value, body)),
            TermKind::SetComprehension(value, body) => ("setcomprehension", self.comprehension(value, body)),
            TermKind::ObjectComprehension(key, value, body) => {
                let (key, value) = (self.term(key), self.term(value));
                ("objectcomprehension", json!({ "key": key, "value": value, "body": self.body(body) }))
            }
            TermKind::Call(call) => ("call", Value::Array(self.call(call))),
        };
        json!({ "type": kind, "value": value })
    }

    pub(super) fn reference(&mut self, reference: &Ref) -> Vec<Value> {
        let head = match &reference.head.kind {
            TermKind::Var(name) => self.name(name),
            _ => self.term(&reference.head),
        };
        std::iter::once(head).chain(reference.path.iter().map(|term| self.term(term))).collect()
    }

    pub(super) fn call(&mut self, call: &Call) -> Vec<Value> {
        let function = match (&call.func.head.kind, call.func.path.is_empty()) {
            // Operators with a dotted name are written as one.
            (TermKind::Var(name), true) => json!({
                "type": "ref",
                "value": name.text.split('.').enumerate()
                    .map(|(index, part)| if index == 0 { var(part) } else { string(part) })
                    .collect::<Vec<_>>(),
            }),
            _ => json!({ "type": "ref", "value": self.reference(&call.func) }),
        };
        std::iter::once(function).chain(call.args.iter().map(|term| self.term(term))).collect()
    }

    fn object(&mut self, pairs: &[(Term, Term)]) -> Value {
        let mut out: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let (key, value) = (self.term(key), self.term(value));
            out.push((key, value));
        }
        // Of two equal keys the last one counts.
        out.reverse();
        out.sort_by(|(a, _), (b, _)| order::compare(a, b));
        out.dedup_by(|(a, _), (b, _)| a == b);
        out.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect()
    }

    fn comprehension(&mut self, value: &Term, body: &Body) -> Value {
        let term = self.term(value);
        json!({ "term": term, "body": self.body(body) })
    }

    fn template(&mut self, parts: &[TemplatePart], term: &Term) -> Value {
        let raw = self.text.get(term.span.range()).is_some_and(|text| text.starts_with("$`"));
        let parts: Vec<Value> = parts
            .iter()
            .map(|part| match part {
                TemplatePart::Text(text) => string(text),
                TemplatePart::Expr(expr) => match &expr.kind {
                    ExprKind::Term(term) if expr.with.is_empty() && is_scalar(term) => self.term(term),
                    _ => self.expr(0, expr),
                },
            })
            .collect();
        let parts = if parts.is_empty() { Value::Null } else { Value::Array(parts) };
        json!({ "parts": parts, "multi_line": raw })
    }
}

fn is_scalar(term: &Term) -> bool {
    matches!(term.kind, TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_))
}

/// The number as written, where the JSON library can keep it.
fn number(text: &str) -> Value {
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}
