//! Documents, functions, entrypoints and queries: what they return and how their rules add up.

use std::sync::Arc;

use sealgate_rego::resolved::{Branch, Document, DocumentId, DocumentKind, ResolvedQuery, Rule, Term, TermKind};

use crate::ir::{Block, Func, Local, Operand, Stmt};

use super::Planner;
use super::contexts::ContextId;
use super::frame::Frame;
use super::unify::{is_scalar, same_constant};

impl<'p, 'a> Frame<'p, 'a> {
    /// The frame of a plan.
    pub(super) fn of_plan(planner: &'p mut Planner<'a>) -> Self {
        Self::new(planner, ContextId::default(), Local::UNUSED.0)
    }

    /// The function of a document in a context.
    pub(super) fn of_document(planner: &'p mut Planner<'a>, id: DocumentId, context: ContextId) -> Option<Func> {
        let modules = planner.modules;
        let document = modules.document(id)?;
        let name = planner.function(id, context);
        let extras = planner.contexts.get(context).extras;
        let mut frame = Self::new(planner, context, Local::UNUSED.0);
        let mut params = vec![Local::INPUT, Local::DATA];
        for _ in 0..extras {
            let extra = frame.local();
            frame.extras.push(Operand::Local(extra));
            params.push(extra);
        }
        let own: Vec<Local> = (0..document.arity()).map(|_| frame.local()).collect();
        params.extend(&own);
        frame.called_often = !own.is_empty();
        let ret = frame.local();
        let blocks = frame.document(document, &own, ret);
        let mut path = Vec::new();
        if document.arity() == 0 {
            path.push(format!("g{}", context.0));
            path.extend(document.path.iter().map(ToString::to_string));
        }
        Some(Func { name, params, ret, blocks, path })
    }

    /// The block of an entrypoint's plan.
    pub(super) fn entrypoint(mut self, path: &[Arc<str>]) -> Block {
        self.start_vars(0);
        let span = Default::default();
        let path: Vec<_> = path.iter().map(|key| Term { kind: TermKind::String(Arc::clone(key)), span }).collect();
        self.block(|this| {
            let value = this.data(&path);
            let result = this.string("result");
            this.add_result(&[(result, value)]);
        })
    }

    /// The block of a query's plan.
    pub(super) fn query(mut self, query: &ResolvedQuery) -> Block {
        self.start_vars(query.vars.len());
        self.block(|this| {
            this.body(&query.body);
            let mut members = Vec::with_capacity(query.bindings.len());
            for (name, id) in &query.bindings {
                if let Some(value) = this.lookup(*id) {
                    members.push((this.string(name), value));
                }
            }
            this.add_result(&members);
        })
    }

    fn add_result(&mut self, members: &[(Operand, Operand)]) {
        let object = self.local();
        self.emit(Stmt::MakeObject { target: object });
        for (key, value) in members {
            self.emit(Stmt::ObjectInsert { key: *key, value: *value, object });
        }
        self.emit(Stmt::ResultSetAdd { value: object });
    }

    fn document(&mut self, document: &Document, params: &[Local], ret: Local) -> Vec<Block> {
        let modules = self.planner.modules;
        let mut blocks = Vec::with_capacity(2 * document.rules.len() + 3);
        let result = self.local();
        let first_free = self.next_local();
        if let Some(rule) = document.rules.first().or(document.default.as_ref()).and_then(|id| modules.rule(*id)) {
            self.at(rule.span);
        }
        match document.kind {
            DocumentKind::Complete | DocumentKind::Function(_) => {}
            DocumentKind::Set => blocks.push(self.block(|this| this.emit(Stmt::MakeSet { target: ret }))),
            DocumentKind::Object => blocks.push(self.block(|this| this.emit(Stmt::MakeObject { target: ret }))),
        }
        let mut rules: Vec<_> = document.rules.iter().filter_map(|id| modules.rule(*id)).collect();
        if document.kind == DocumentKind::Object {
            let fixed = self.block(|this| this.fixed_places(&rules, 0, ret));
            // An empty block would look like a body.
            blocks.extend((!fixed.stmts.is_empty()).then_some(fixed));
        }
        // Deepest first: a value that lands where others have put something below meets it as a conflict and is never added to.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.tail.len()));
        for rule in rules {
            self.reuse_locals_from(first_free);
            blocks.extend(self.rule(document.kind, rule, params, (result, ret)));
        }
        if let Some(rule) = document.default.and_then(|id| modules.rule(id)) {
            self.reuse_locals_from(first_free);
            self.at(rule.span);
            self.start_vars(rule.vars.len());
            blocks.push(self.block(|this| {
                this.emit(Stmt::IsUndefined { source: ret });
                for branch in &rule.branches {
                    this.params(rule, params);
                    this.body(&branch.body);
                    let source = this.term(&branch.value);
                    this.emit(Stmt::AssignVarOnce { source, target: ret });
                }
            }));
        }
        blocks.push(self.block(|this| this.emit(Stmt::ReturnLocal { source: ret })));
        blocks
    }

    /// The blocks of one rule, in OPA's shape: the value goes to `result` first, so that `else` can see whether there is one, and
    /// from there to the function's result.
    fn rule(&mut self, kind: DocumentKind, rule: &Rule, params: &[Local], (result, ret): (Local, Local)) -> Vec<Block> {
        self.start_vars(rule.vars.len());
        if matches!(kind, DocumentKind::Set | DocumentKind::Object) {
            let Some(branch) = rule.branches.first() else { return Vec::new() };
            return vec![self.block(|this| {
                let value = this.branch(rule, branch, params);
                this.contribute(kind, rule, value, ret);
            })];
        }
        let mut blocks = Vec::with_capacity(rule.branches.len() + 1);
        for (index, branch) in rule.branches.iter().enumerate() {
            blocks.push(self.block(|this| {
                this.at(branch.span);
                if index == 0 {
                    this.emit(Stmt::ResetLocal { target: result });
                } else {
                    this.emit(Stmt::IsUndefined { source: result });
                }
                let source = this.branch(rule, branch, params);
                this.emit(Stmt::AssignVarOnce { source, target: result });
            }));
        }
        blocks.push(self.block(|this| {
            this.emit(Stmt::IsDefined { source: result });
            this.emit(Stmt::AssignVarOnce { source: result.into(), target: ret });
        }));
        if rule.branches.len() > 1 {
            blocks = vec![self.block(|this| this.emit(Stmt::Block { blocks }))];
        }
        blocks
    }

    fn branch(&mut self, rule: &Rule, branch: &Branch, params: &[Local]) -> Operand {
        self.at(branch.span);
        self.params(rule, params);
        self.body(&branch.body);
        self.at(branch.span);
        self.term(&branch.value)
    }

    fn params(&mut self, rule: &Rule, params: &[Local]) {
        for (pattern, local) in rule.params.iter().zip(params) {
            self.unify_value(Operand::Local(*local), pattern);
        }
    }

    fn contribute(&mut self, kind: DocumentKind, rule: &Rule, value: Operand, ret: Local) {
        match kind {
            DocumentKind::Complete | DocumentKind::Function(_) => {}
            DocumentKind::Set => self.emit(Stmt::SetAdd { value, set: ret }),
            DocumentKind::Object => {
                let Some((last, keys)) = rule.tail.split_last() else { return };
                let mut object = ret;
                for key in keys {
                    let key = self.term(key);
                    object = self.member_or_new(object, key, true);
                }
                let key = self.term(last);
                if rule.contains {
                    let set = self.member_or_new(object, key, false);
                    self.emit(Stmt::SetAdd { value, set });
                } else {
                    self.emit(Stmt::ObjectInsertOnce { key, value, object });
                }
            }
        }
    }

    /// Makes the objects and sets that constants in the heads of rules lead to, which are there even where no rule contributes.
    /// Where a head goes on with a variable, all below comes from the rules.
    fn fixed_places(&mut self, rules: &[&Rule], depth: usize, object: Local) {
        let mut places: Vec<(&Term, Vec<&Rule>)> = Vec::new();
        for rule in rules {
            let Some(key) = rule.tail.get(depth).filter(|key| is_scalar(key)) else { return };
            match places.iter_mut().find(|(other, _)| same_constant(other, key)) {
                Some((_, rules)) => rules.push(rule),
                None => places.push((key, vec![rule])),
            }
        }
        for (key, rules) in places {
            let value = self.local();
            match rules.iter().find(|rule| rule.tail.len() == depth + 1) {
                Some(rule) if rule.contains => self.emit(Stmt::MakeSet { target: value }),
                Some(_) => continue,
                None => {
                    self.emit(Stmt::MakeObject { target: value });
                    self.fixed_places(&rules, depth + 1, value);
                }
            }
            let key = self.term(key);
            self.emit(Stmt::ObjectInsert { key, value: value.into(), object });
        }
    }

    /// The object or set under a key, made where there is none; anything else under the key is a conflict.
    fn member_or_new(&mut self, object: Local, key: Operand, is_object: bool) -> Local {
        let member = self.local();
        self.emit(Stmt::ResetLocal { target: member });
        let make = |target| if is_object { Stmt::MakeObject { target } } else { Stmt::MakeSet { target } };
        let get = self.block(|this| this.emit(Stmt::Dot { source: object.into(), key, target: member }));
        let conflict = self.block(|this| {
            this.emit(Stmt::IsDefined { source: member });
            let source = Operand::Local(member);
            let of_kind = if is_object { Stmt::IsObject { source } } else { Stmt::IsSet { source } };
            let block = this.block(|this| this.emit(of_kind));
            this.emit(Stmt::Not { block });
            let other = this.local();
            this.emit(make(other));
            this.emit(Stmt::ObjectInsertOnce { key, value: other.into(), object });
        });
        let new = self.block(|this| {
            this.emit(Stmt::IsUndefined { source: member });
            this.emit(make(member));
            this.emit(Stmt::ObjectInsert { key, value: member.into(), object });
        });
        self.emit(Stmt::Block { blocks: vec![get, conflict, new] });
        member
    }
}
