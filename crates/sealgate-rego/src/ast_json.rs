//! The syntax tree as OPA shows it in JSON (`opa parse --format json`, `rego.parse_module`), without places but those of
//! comments.
//!
//! Takes a parsed module and its source. What OPA's parser adds is added here: bodies that are not written, numbered names
//! for wildcards, the order of sets and objects.

mod order;
mod terms;

use foldhash::HashMap;
use sealgate_diagnostics::{Source, Span};
use serde_json::{Map, Value, json};

use crate::ast::{Body, Else, Expr, ExprKind, Head, HeadKind, Import, Module, Name, Package, Rule, Term, TermKind};
use crate::lexer;

/// The module as OPA's JSON. `source` is what it was parsed from.
pub fn to_json(module: &Module, source: &Source) -> Value {
    let mut writer = Writer { text: source.text(), wildcards: HashMap::default(), next: 0 };
    let mut out = Map::new();
    out.insert("package".to_owned(), package(&module.package));
    let lists = [
        ("imports", module.imports.iter().map(|import| writer.import(import)).collect()),
        ("rules", writer.rules(&module.rules)),
        ("comments", comments(source)),
    ];
    for (name, items) in lists {
        let items: Vec<Value> = items;
        if !items.is_empty() {
            out.insert(name.to_owned(), Value::Array(items));
        }
    }
    Value::Object(out)
}

fn package(package: &Package) -> Value {
    let path: Vec<Value> =
        std::iter::once(var("data")).chain(package.path.iter().map(|name| string(&name.text))).collect();
    json!({ "path": path })
}

/// Every comment: what the lexer skips between two tokens is white space and comments only.
fn comments(source: &Source) -> Vec<Value> {
    let text = source.text();
    let (mut found, mut from) = (Vec::new(), 0);
    for token in lexer::lex(text).tokens {
        let (start, end) = (token.start as usize, token.end as usize);
        let gap = text.get(from..start).unwrap_or_default();
        let mut at = from;
        for line in gap.split_inclusive('\n') {
            if let Some(sign) = line.find('#') {
                let place = source.position(u32::try_from(at.saturating_add(sign)).unwrap_or(u32::MAX));
                let comment = line.get(sign.saturating_add(1)..).unwrap_or_default();
                let comment = comment.strip_suffix('\n').unwrap_or(comment);
                let comment = comment.strip_suffix('\r').unwrap_or(comment);
                found.push(json!({
                    "Location": { "col": place.column, "file": source.name(), "row": place.line },
                    "Text": base64(comment.as_bytes()),
                }));
            }
            at = at.saturating_add(line.len());
        }
        from = end.max(from);
    }
    found
}

/// Standard base64 with padding: how Go writes bytes in JSON.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).map_or('=', |digit| char::from(*digit));
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    out
}

fn var(name: &str) -> Value {
    json!({ "type": "var", "value": name })
}

fn string(text: &str) -> Value {
    json!({ "type": "string", "value": text })
}

/// `true` as the only expression.
fn true_body() -> Value {
    json!([{ "index": 0, "terms": { "type": "boolean", "value": true } }])
}

/// Writes rules in the order of the text, in which wildcards are numbered.
struct Writer<'a> {
    text: &'a str,
    /// The number of each wildcard by where it stands: heads are written more than once.
    wildcards: HashMap<u32, usize>,
    next: usize,
}

impl Writer<'_> {
    fn import(&mut self, import: &Import) -> Value {
        let segment = |(index, name): (usize, &Name)| if index == 0 { var(&name.text) } else { string(&name.text) };
        let path: Vec<Value> = import.path.iter().enumerate().map(segment).collect();
        let mut out = Map::new();
        out.insert("path".to_owned(), json!({ "type": "ref", "value": path }));
        if let Some(alias) = &import.alias {
            let alias = self.name(alias);
            out.insert("alias".to_owned(), alias.get("value").cloned().unwrap_or_default());
        }
        Value::Object(out)
    }

    fn rules(&mut self, rules: &[Rule]) -> Vec<Value> {
        let mut before: Option<Span> = None;
        let mut out = Vec::with_capacity(rules.len());
        for rule in rules {
            // Bodies that follow each other share a head, and so its place.
            let chained = before == Some(rule.head.span);
            before = Some(rule.head.span);
            out.push(self.rule(rule, chained));
        }
        out
    }

    fn rule(&mut self, rule: &Rule, chained: bool) -> Value {
        let mut out = Map::new();
        if rule.default {
            out.insert("default".to_owned(), true.into());
        }
        let head = self.head(rule, chained);
        out.insert("head".to_owned(), head.clone());
        out.insert("body".to_owned(), self.written_body(&rule.body));
        if let Some(next) = self.elses(rule, &rule.elses, &head) {
            out.insert("else".to_owned(), next);
        }
        Value::Object(out)
    }

    fn written_body(&mut self, body: &Body) -> Value {
        if body.is_empty() { true_body() } else { self.body(body) }
    }

    fn elses(&mut self, rule: &Rule, elses: &[Else], first: &Value) -> Option<Value> {
        let (next, rest) = elses.split_first()?;
        let mut head = first.clone();
        if let Some(args) = &rule.head.args {
            let args = self.args(args, true);
            set(&mut head, "args", args);
        }
        let value = match &next.value {
            Some(value) => {
                if next.assign {
                    set(&mut head, "assign", true.into());
                } else {
                    unset(&mut head, "assign");
                }
                self.term(value)
            }
            None => json!({ "type": "boolean", "value": true }),
        };
        set(&mut head, "value", value);
        let mut out = Map::new();
        out.insert("head".to_owned(), head);
        out.insert("body".to_owned(), self.written_body(&next.body));
        if let Some(next) = self.elses(rule, rest, first) {
            out.insert("else".to_owned(), next);
        }
        Some(Value::Object(out))
    }

    /// Parameters; those of a copied head that are wildcards get new names.
    fn args(&mut self, args: &[Term], copied: bool) -> Value {
        let fresh = |term: &Term| matches!(&term.kind, TermKind::Var(name) if copied && name.text == "_");
        args.iter().map(|term| if fresh(term) { self.wildcard() } else { self.term(term) }).collect()
    }

    fn wildcard(&mut self) -> Value {
        let number = self.next;
        self.next = number.saturating_add(1);
        var(&format!("${number}"))
    }

    /// A variable; every `_` is one of its own.
    fn name(&mut self, name: &Name) -> Value {
        if name.text != "_" {
            return var(&name.text);
        }
        let next = self.next;
        let number = *self.wildcards.entry(name.span.start).or_insert(next);
        if number == next {
            self.next = next.saturating_add(1);
        }
        var(&format!("${number}"))
    }

    fn head(&mut self, rule: &Rule, chained: bool) -> Value {
        let Head { reference, args, kind, .. } = &rule.head;
        let mut out = Map::new();
        let mut path = self.reference(reference);
        let first = path.first().cloned().unwrap_or_default();
        let second = path.get(1).cloned().filter(|_| path.len() == 2);
        let mut named = path.len() < 2;
        let args = args.as_ref().map(|args| self.args(args, chained)).filter(|args| args != &json!([]));
        let has_if = !rule.body.is_empty();
        match kind {
            HeadKind::Contains { key } => {
                out.insert("key".to_owned(), self.term(key));
            }
            HeadKind::Value { value, assign } => {
                if *assign {
                    out.insert("assign".to_owned(), true.into());
                }
                // A second segment is a key as well, for readers from before references in heads.
                if let Some(second) = second
                    && !rule.default
                    && args.is_none()
                {
                    let ground = reference.path.first().is_some_and(is_ground);
                    if !(has_if && ground) {
                        out.insert("key".to_owned(), second);
                    }
                    named |= !has_if || value.is_some();
                    if !has_if && value.is_none() {
                        path.pop();
                    }
                } else {
                    named |= path.len() == 2 && has_if && value.is_some() && !rule.default;
                }
                let value = match value {
                    Some(value) => Some(self.term(value)),
                    None if path.len() == 2 && !has_if && args.is_none() => None,
                    None => Some(json!({ "type": "boolean", "value": true })),
                };
                if let Some(value) = value {
                    out.insert("value".to_owned(), value);
                }
            }
        }
        if named && let Some(name) = first.get("value") {
            out.insert("name".to_owned(), name.clone());
        }
        if let Some(args) = args {
            out.insert("args".to_owned(), args);
        }
        out.insert("ref".to_owned(), Value::Array(path));
        Value::Object(out)
    }

    fn body(&mut self, body: &Body) -> Value {
        body.iter().enumerate().map(|(index, expr)| self.expr(index, expr)).collect()
    }

    fn expr(&mut self, index: usize, expr: &Expr) -> Value {
        let terms = match &expr.kind {
            ExprKind::Term(term) => match &term.kind {
                TermKind::Call(call) => Value::Array(self.call(call)),
                _ => self.term(term),
            },
            ExprKind::Unify(left, right) => self.operator("eq", [left, right]),
            ExprKind::Assign(left, right) => self.operator("assign", [left, right]),
            ExprKind::Some(names) => {
                let symbols: Vec<Value> = names.iter().map(|name| self.name(name)).collect();
                json!({ "symbols": symbols })
            }
            ExprKind::SomeIn { key, value, collection } => {
                let function = if key.is_some() { "member_3" } else { "member_2" };
                let mut call = vec![json!({ "type": "ref", "value": [var("internal"), string(function)] })];
                call.extend(key.iter().chain([value, collection]).map(|term| self.term(term)));
                json!({ "symbols": [{ "type": "call", "value": call }] })
            }
            ExprKind::Every { key, value, domain, body } => {
                let key = key.as_ref().map(|key| self.name(key));
                let value = self.name(value);
                let domain = self.term(domain);
                json!({ "key": key, "value": value, "domain": domain, "body": self.body(body) })
            }
            ExprKind::Not(body) => {
                let explicit = self.is_in_braces(expr.span.start, body);
                json!({ "type": "not", "body": self.body(body), "explicit_body": explicit })
            }
            ExprKind::And(left, right) => self.logical("and", expr.span, [left, right]),
            ExprKind::Or(left, right) => self.logical("or", expr.span, [left, right]),
        };
        let mut out = Map::new();
        out.insert("index".to_owned(), index.into());
        out.insert("terms".to_owned(), terms);
        if expr.negated {
            out.insert("negated".to_owned(), true.into());
        }
        if !expr.with.is_empty() {
            let with: Vec<Value> = expr
                .with
                .iter()
                .map(|with| json!({ "target": self.term(&with.target), "value": self.term(&with.value) }))
                .collect();
            out.insert("with".to_owned(), Value::Array(with));
        }
        Value::Object(out)
    }

    fn operator(&mut self, name: &str, operands: [&Term; 2]) -> Value {
        let function = json!({ "type": "ref", "value": [var(name)] });
        std::iter::once(function).chain(operands.map(|term| self.term(term))).collect()
    }

    fn logical(&mut self, operator: &str, span: Span, [left, right]: [&Body; 2]) -> Value {
        let end = left.last().map_or(span.start, |expr| expr.span.end);
        let explicit =
            [("explicit_lhs", self.is_in_braces(span.start, left)), ("explicit_rhs", self.is_in_braces(end, right))];
        let mut out = json!({ "type": operator, "lhs": self.body(left), "rhs": self.body(right) });
        for (name, _) in explicit.into_iter().filter(|(_, explicit)| *explicit) {
            set(&mut out, name, true.into());
        }
        out
    }

    /// Whether a brace stands right before a body, after `from`.
    fn is_in_braces(&self, from: u32, body: &Body) -> bool {
        let start = body.first().map_or(from, |expr| expr.span.start);
        self.text.get(from as usize..start as usize).is_some_and(|before| before.trim_end().ends_with('{'))
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

fn unset(object: &mut Value, name: &str) {
    if let Value::Object(members) = object {
        members.remove(name);
    }
}

/// Whether a term holds neither variables nor references.
fn is_ground(term: &Term) -> bool {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => true,
        TermKind::Array(items) | TermKind::Set(items) => items.iter().all(is_ground),
        TermKind::Object(pairs) => pairs.iter().all(|(key, value)| is_ground(key) && is_ground(value)),
        TermKind::Call(call) => call.args.iter().all(is_ground),
        _ => false,
    }
}
