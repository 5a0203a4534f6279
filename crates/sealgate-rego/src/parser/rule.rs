//! Rules: with a body, with a value alone, with `else`, with several bodies in a row; and what v1 asks of them.

use sealgate_diagnostics::{Diagnostic, Span};

use super::default::kind_name;
use super::head::{ParsedHead, is_ground};
use super::statement::Draft;
use super::term::is_root;
use super::{CODE, Parser};
use crate::ast::{Body, Else, Expr, ExprKind, Head, HeadKind, Ref, Rule, Term, TermKind};
use crate::builtins::Builtin;
use crate::lexer::Kind;

const IF_HELP: &str = "write `if` before the body: `p if { … }`";
const CONTAINS_HELP: &str = "write `p contains x if { … }`";

/// What a rule was written with, for the checks of v1.
struct Written {
    has_if: bool,
    has_contains: bool,
    has_body: bool,
    /// `p.q.r` alone.
    says_nothing: bool,
}

impl Parser<'_> {
    /// One rule statement: a rule, or several where bodies follow each other.
    pub(super) fn rules(&mut self, draft: &mut Draft) -> Option<()> {
        self.keyword_as_ref_head();
        let mark = self.mark();
        let start = self.token().start;
        let is_default = self.maybe(Kind::Default);
        if is_default {
            self.keyword_as_ref_head();
        }
        if self.kind() != Kind::Ident {
            self.reset(mark);
            return self.rule_from_expression(draft);
        }
        let Some(head) = self.head() else {
            if self.errors.len() > mark.errors || self.fatal.is_some() || self.token().kind == Kind::Illegal {
                return None;
            }
            self.reset(mark);
            return self.rule_from_expression(draft);
        };
        if is_default {
            return self.default_rule(draft, head, start);
        }
        let bare = head.key.is_none() && !matches!(self.kind(), Kind::If | Kind::OpenBrace);
        if bare && (head.value.is_none() || head.spaced || self.continues_expression()) {
            self.reset(mark);
            return self.rule_from_expression(draft);
        }
        self.rule_with_head(draft, head, start)
    }

    /// Whether what follows makes a rule without body a longer expression, which OPA refuses as a rule.
    fn continues_expression(&self) -> bool {
        matches!(self.kind(), Kind::With | Kind::Semicolon | Kind::And | Kind::Or)
    }

    fn default_rule(&mut self, draft: &mut Draft, head: ParsedHead, start: u32) -> Option<()> {
        // `default p` alone says `true`, but for `default p.q`, as OPA has it.
        match &head.value {
            Some(value) => self.check_default_value(value)?,
            None if head.key.is_some() || head.args.is_none() && head.reference.path.len() == 1 => {
                let found = Diagnostic::error(CODE, "illegal default rule (must have a value)").at(head.span);
                self.error(found.help("write `default p := false`"));
                return None;
            }
            None => {}
        }
        if let Some(args) = &head.args {
            self.check_default_args(args)?;
        }
        let ParsedHead { reference, args, value, assign, span, .. } = head;
        let head = Head { reference, args, kind: HeadKind::Value { value, assign }, span };
        let span = self.span_from(start);
        self.check_name(draft, &head, span);
        draft.module.rules.push(Rule { default: true, head, body: Body::new(), elses: Vec::new(), span });
        Some(())
    }

    fn rule_with_head(&mut self, draft: &mut Draft, parsed: ParsedHead, start: u32) -> Option<()> {
        let has_if = self.kind() == Kind::If;
        let has_contains = parsed.key.is_some();
        let ground = Self::is_ground_head(&parsed);
        let dynamic = !ground && !parsed.reference.path.is_empty();
        let one_look_up = parsed.reference.path.len() == 1 && parsed.args.is_none();
        let is_set_of_v0 = !has_if && !has_contains && one_look_up && parsed.value.is_none();
        // As OPA has it, a key makes a rule one of many values even where it gives a single one.
        let has_key = has_contains
            || one_look_up
                && match parsed.reference.path.first() {
                    Some(key) if has_if => !is_ground(key) || is_reference(key),
                    _ => true,
                };
        let mut head = Self::head_of(parsed);
        if is_set_of_v0 && let Some(key) = head.reference.path.pop() {
            head.kind = HeadKind::Contains { key };
        }
        let body = match self.kind() {
            Kind::If => {
                self.advance();
                self.body_after_if()?
            }
            Kind::OpenBrace => {
                self.advance();
                self.body(Kind::CloseBrace)?
            }
            _ => Body::new(),
        };
        let has_body = !body.is_empty();
        let mut elses = Vec::new();
        if has_body && self.kind() == Kind::Else && !self.keyword_as_ref_head() {
            if dynamic || has_key {
                let what = if dynamic { "rules with variables in head" } else { "multi-value rules" };
                self.error_here(format!("else keyword cannot be used on {what}"));
                return None;
            }
            elses = self.elses(draft)?;
        }
        let span = self.span_from(start);
        let written = Written { has_if, has_contains, has_body, says_nothing: false };
        self.check_v1(draft, &head, span, &written);
        let chained = has_body && self.kind() == Kind::OpenBrace;
        if !chained {
            draft.module.rules.push(Rule { default: false, head, body, elses, span });
            return Some(());
        }
        if !elses.is_empty() {
            self.error_here("expected else keyword");
            return None;
        }
        draft.module.rules.push(Rule { default: false, head: head.clone(), body, elses, span });
        while self.kind() == Kind::OpenBrace {
            let start = self.token().start;
            self.advance();
            let body = self.body(Kind::CloseBrace)?;
            let span = self.span_from(start);
            let written = Written { has_if, has_contains, has_body: true, says_nothing: false };
            self.check_v1(draft, &head, span, &written);
            draft.module.rules.push(Rule { default: false, head: head.clone(), body, elses: Vec::new(), span });
        }
        Some(())
    }

    fn head_of(parsed: ParsedHead) -> Head {
        let ParsedHead { reference, args, key, value, assign, span, .. } = parsed;
        let kind = match key {
            Some(key) => HeadKind::Contains { key },
            None => HeadKind::Value { value, assign },
        };
        Head { reference, args, kind, span }
    }

    /// The body after `if`: one expression, or expressions in braces. `{ x }` is a body and no set, but an expression
    /// may begin with any other composite.
    fn body_after_if(&mut self) -> Option<Body> {
        if self.kind() != Kind::OpenBrace {
            return Some(vec![self.expression()?]);
        }
        if self.may_be_composite() {
            let mark = self.mark();
            if let Some(expr) = self.expression()
                && !matches!(&expr.kind, ExprKind::Term(Term { kind: TermKind::Set(_), .. }) if !expr.negated)
            {
                return Some(vec![expr]);
            }
            if self.fatal.is_some() {
                return None;
            }
            self.reset(mark);
        }
        self.advance();
        self.body(Kind::CloseBrace)
    }

    /// Whether the brace looked at can begin an expression other than a lone set: a look ahead that spares parsing
    /// most bodies twice.
    fn may_be_composite(&self) -> bool {
        let close = self.token().partner;
        if close == u32::MAX {
            return true;
        }
        let close = close as usize;
        let mut at = self.at + 1;
        if at == close {
            return true;
        }
        while at < close {
            let token = self.token_at(at);
            match token.kind {
                Kind::Pipe | Kind::Colon | Kind::Comma => return true,
                Kind::Semicolon | Kind::Assign | Kind::Unify => return false,
                kind if kind.opens() && token.partner != u32::MAX => at = token.partner as usize + 1,
                _ => at += 1,
            }
        }
        // What makes a longer expression of the set.
        let next = self.token_at(close + 1);
        let joined = !next.spaced && matches!(next.kind, Kind::Dot | Kind::OpenBracket | Kind::OpenParen);
        joined
            || matches!(
                self.kind_at(close + 1),
                Kind::In
                    | Kind::With
                    | Kind::And
                    | Kind::Or
                    | Kind::Assign
                    | Kind::Unify
                    | Kind::Comma
                    | Kind::Plus
                    | Kind::Minus
                    | Kind::Star
                    | Kind::Slash
                    | Kind::Percent
                    | Kind::Ampersand
                    | Kind::Pipe
                    | Kind::Equal
                    | Kind::NotEqual
                    | Kind::Less
                    | Kind::LessEqual
                    | Kind::Greater
                    | Kind::GreaterEqual
            )
    }

    /// The `else` branches, from the first `else` on.
    fn elses(&mut self, draft: &mut Draft) -> Option<Vec<Else>> {
        let mut elses = Vec::new();
        loop {
            let start = self.token().start;
            self.advance();
            let assign = self.kind() == Kind::Assign;
            let value = match self.kind() {
                Kind::OpenBrace | Kind::If => None,
                Kind::Assign | Kind::Unify => {
                    self.advance();
                    Some(self.infix(true)?)
                }
                _ => {
                    self.unexpected("expected else value term or rule body");
                    return None;
                }
            };
            let has_if = self.maybe(Kind::If);
            let body = match self.kind() {
                Kind::OpenBrace => {
                    self.advance();
                    self.body(Kind::CloseBrace)?
                }
                Kind::Eof if has_if => {
                    self.unexpected("rule body expected");
                    return None;
                }
                _ if has_if => vec![self.expression()?],
                _ => Body::new(),
            };
            let span = self.span_from(start);
            let has_body = !body.is_empty();
            if has_body && !has_if {
                draft.against_v1.push(Self::v1(span, "`if` keyword is required before rule body".to_owned(), IF_HELP));
            }
            elses.push(Else { value, assign, body, span });
            if !has_body || self.kind() != Kind::Else {
                return Some(elses);
            }
        }
    }

    /// A rule that is written as an expression: `p := 1`, `p.q.r`, `f(x) = 1`.
    fn rule_from_expression(&mut self, draft: &mut Draft) -> Option<()> {
        let start = self.token().start;
        let mut body = self.query(true, Kind::Eof)?;
        let span = self.span_from(start);
        let (Some(expr), true) = (body.pop(), body.is_empty()) else {
            self.refuse(span, "multiple expressions cannot be used for rule head");
            return None;
        };
        let head = self.head_from_expression(expr, span)?;
        let says_nothing = matches!(&head.kind, HeadKind::Value { value: None, .. }) && head.args.is_none();
        let written = Written { has_if: false, has_contains: false, has_body: false, says_nothing };
        self.check_v1(draft, &head, span, &written);
        draft.module.rules.push(Rule { default: false, head, body: Body::new(), elses: Vec::new(), span });
        Some(())
    }

    fn head_from_expression(&mut self, expr: Expr, span: Span) -> Option<Head> {
        if !expr.with.is_empty() {
            self.refuse(span, "expressions using with keyword cannot be used for rule head");
            return None;
        }
        if expr.negated {
            self.refuse(span, "negated expressions cannot be used for rule head");
            return None;
        }
        match expr.kind {
            ExprKind::Some(_) | ExprKind::SomeIn { .. } => {
                self.refuse(span, "`some` declarations cannot be used for rule head");
                None
            }
            ExprKind::Every { .. } | ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => {
                self.refuse(span, "expression cannot be used for rule head");
                None
            }
            ExprKind::Unify(left, right) => self.head_from_equation(left, right, false, span),
            ExprKind::Assign(left, right) => self.head_from_equation(left, right, true, span),
            ExprKind::Term(term) => match equation_call(&term) {
                Some(assign) => self.head_from_equation_call(term, assign, span),
                None => self.head_from_term(term, span),
            },
        }
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>) {
        let help = self.help_for_keyword().filter(|_| !self.token().newline).unwrap_or_else(|| {
            "a rule is `name := value`, `name if { … }`, `name contains value` or `name(args) := value`".to_owned()
        });
        self.error(Diagnostic::error(CODE, message).at(span).help(help));
    }

    /// `eq(p, 1)` says `p = 1`.
    fn head_from_equation_call(&mut self, term: Term, assign: bool, span: Span) -> Option<Head> {
        let TermKind::Call(call) = term.kind else { return None };
        let mut args = call.args.into_iter();
        match (args.next(), args.next()) {
            (Some(left), Some(right)) => self.head_from_equation(left, right, assign, span),
            _ => {
                self.refuse(span, "assignment requires two operands");
                None
            }
        }
    }

    fn head_from_equation(&mut self, left: Term, right: Term, assign: bool, span: Span) -> Option<Head> {
        let kind = HeadKind::Value { value: Some(right), assign };
        let (reference, args) = match left.kind {
            TermKind::Call(call) => (call.func, Some(call.args)),
            TermKind::Ref(reference) => (reference, None),
            kind @ TermKind::Var(_) => {
                let head = Box::new(Term { kind, span: left.span });
                (Ref { head, path: Vec::new(), span: left.span }, None)
            }
            kind => {
                self.refuse(left.span, format!("{} cannot be used for rule name", kind_name(&kind)));
                return None;
            }
        };
        if !matches!(reference.head.kind, TermKind::Var(_)) {
            self.refuse(left.span, "invalid rule head: the name must come first");
            return None;
        }
        Some(Head { reference, args, kind, span })
    }

    fn head_from_term(&mut self, term: Term, span: Span) -> Option<Head> {
        match term.kind {
            TermKind::Ref(mut reference) if matches!(reference.head.kind, TermKind::Var(_)) => {
                let kind = match reference.path.len() {
                    // `p[x]` adds to a set.
                    1 => match reference.path.pop() {
                        Some(key) => HeadKind::Contains { key },
                        None => return None,
                    },
                    _ => HeadKind::Value { value: None, assign: false },
                };
                Some(Head { reference, args: None, kind, span })
            }
            TermKind::Call(call) if !call.args.is_empty() => {
                let call = *call;
                if call.infix || builtin(&call.func).is_some() {
                    self.refuse(span, "rule name conflicts with built-in function");
                    return None;
                }
                if !matches!(call.func.head.kind, TermKind::Var(_)) {
                    self.refuse(span, "invalid rule head: the name must come first");
                    return None;
                }
                let kind = HeadKind::Value { value: None, assign: false };
                Some(Head { reference: call.func, args: Some(call.args), kind, span })
            }
            TermKind::Call(_) => {
                self.refuse(span, "rule argument list must take at least one argument");
                None
            }
            kind => {
                self.refuse(span, format!("{} cannot be used for rule name", kind_name(&kind)));
                None
            }
        }
    }

    /// Notes what v1 has against a rule.
    fn check_v1(&mut self, draft: &mut Draft, head: &Head, span: Span, written: &Written) {
        let what = if head.args.is_some() { "function" } else { "rule" };
        self.check_name(draft, head, span);
        if written.says_nothing {
            let message = format!("{what} must have value assignment and/or body declaration");
            draft.against_v1.push(Self::v1(span, message, "write `p := true`, or a body: `p if { … }`"));
        }
        if written.has_body && !written.has_if {
            let message = format!("`if` keyword is required before {what} body");
            draft.against_v1.push(Self::v1(span, message, IF_HELP));
        }
        if matches!(head.kind, HeadKind::Contains { .. }) && !written.has_contains {
            let message = "`contains` keyword is required for partial set rules".to_owned();
            draft.against_v1.push(Self::v1(span, message, CONTAINS_HELP));
        }
    }

    fn check_name(&mut self, draft: &mut Draft, head: &Head, span: Span) {
        let TermKind::Var(name) = &head.reference.head.kind else { return };
        let kind = Kind::of_word(&name.text);
        if head.reference.path.is_empty() && kind.is_keyword() && !matches!(kind, Kind::And | Kind::Or) {
            let message = format!("`{}` keyword cannot be used for rule name", name.text);
            draft.against_v1.push(Self::v1(span, message, "rename the rule"));
        }
    }
}

/// Whether a term looks something up, `input` and `data` alone included.
fn is_reference(term: &Term) -> bool {
    match &term.kind {
        TermKind::Ref(_) => true,
        TermKind::Var(name) => is_root(name),
        _ => false,
    }
}

/// The builtin that a call names.
pub(super) fn builtin(func: &Ref) -> Option<&'static Builtin> {
    let TermKind::Var(head) = &func.head.kind else { return None };
    let mut name = head.text.clone();
    for part in &func.path {
        let TermKind::String(part) = &part.kind else { return None };
        name.push('.');
        name.push_str(part);
    }
    Builtin::find(&name)
}

/// Whether a call is `eq(…)` (`false`) or `assign(…)` (`true`), which are equations by another name.
pub(super) fn equation_call(term: &Term) -> Option<bool> {
    let TermKind::Call(call) = &term.kind else { return None };
    let TermKind::Var(name) = &call.func.head.kind else { return None };
    match name.text.as_str() {
        "eq" if call.func.path.is_empty() => Some(false),
        "assign" if call.func.path.is_empty() => Some(true),
        _ => None,
    }
}
