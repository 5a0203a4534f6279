//! References into `data`: documents, packages merged with base data, and operands that are known only when run.

use std::sync::Arc;

use sealgate_rego::resolved::{DocumentKind, NodeId, RuleTree, Term, TermKind, VarId};

use crate::ir::{Block, Local, Operand, Stmt};

use super::frame::Frame;

/// From how many candidates on a lookup in the table of functions takes the place of comparing one by one.
const TABLE_FROM: usize = 4;

impl Frame<'_, '_> {
    /// Plans `data` with operands.
    pub(super) fn data(&mut self, path: &[Term]) -> Operand {
        self.data_below(RuleTree::ROOT, &mut Vec::new(), path)
    }

    /// Plans the operands that follow `data` and the keys in `prefix`, which lead to `node`.
    fn data_below(&mut self, node: NodeId, prefix: &mut Vec<Arc<str>>, path: &[Term]) -> Operand {
        if self.planner.contexts.is_shadowed(self.context, node) {
            return self.base(prefix, path);
        }
        let modules = self.planner.modules;
        let here = modules.tree.node(node);
        if let Some(id) = here.document {
            if modules.document(id).is_some_and(|document| document.arity() > 0) {
                return self.base(prefix, path);
            }
            let value = self.document_value(id);
            return self.steps(value, path);
        }
        let Some((operand, rest)) = path.split_first() else { return self.extent(node, prefix) };
        match &operand.kind {
            TermKind::String(key) => match here.children.get(key) {
                Some(child) => {
                    prefix.push(Arc::clone(key));
                    let value = self.data_below(*child, prefix, rest);
                    prefix.pop();
                    value
                }
                None => self.base(prefix, path),
            },
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) => self.base(prefix, path),
            _ if here.children.is_empty() => self.base(prefix, path),
            _ => {
                let mut unbound = Vec::new();
                for operand in path {
                    self.unbound_in(operand, &mut unbound);
                }
                if unbound.is_empty() {
                    self.chosen(node, prefix, path)
                } else {
                    self.every_row(node, prefix, path, &unbound)
                }
            }
        }
    }

    /// Base data only.
    fn base(&mut self, prefix: &[Arc<str>], path: &[Term]) -> Operand {
        let mut value = Operand::Local(Local::DATA);
        for key in prefix {
            let key = Operand::String(self.planner.string(key));
            value = self.dot(value, key);
        }
        let value = self.steps(value, path);
        if value == Operand::Local(Local::DATA) {
            return value;
        }
        // A lookup in base data is one from the local of `data` on; what is looked up in its value later is none.
        let target = self.local();
        self.emit(Stmt::AssignVar { source: value, target });
        target.into()
    }

    /// The first operand is not a constant, but everything in the path is bound: at most one child is meant.
    fn chosen(&mut self, node: NodeId, prefix: &mut Vec<Arc<str>>, path: &[Term]) -> Operand {
        let Some((operand, rest)) = path.split_first() else { return Operand::Bool(false) };
        if let Some(value) = self.by_table(node, prefix, path) {
            return value;
        }
        let key = self.term(operand);
        let target = self.local();
        self.emit(Stmt::ResetLocal { target });
        let children = self.children(node);
        let mut blocks = Vec::with_capacity(children.len() + 1);
        for (name, child) in &children {
            blocks.push(self.block(|this| {
                let constant = Operand::String(this.planner.string(name));
                this.emit(Stmt::Equal { a: key, b: constant });
                prefix.push(Arc::clone(name));
                let source = this.data_below(*child, prefix, rest);
                prefix.pop();
                this.emit(Stmt::AssignVar { source, target });
            }));
        }
        blocks.push(self.block(|this| {
            this.not_a_child(&children, key);
            let source = this.base(prefix, path);
            this.emit(Stmt::AssignVar { source, target });
        }));
        self.emit(Stmt::Block { blocks });
        self.emit(Stmt::IsDefined { source: target });
        target.into()
    }

    /// Something in the path is not bound: every way through is noted as a row of what it binds and the value, then the rows are
    /// gone through.
    fn every_row(&mut self, node: NodeId, prefix: &mut Vec<Arc<str>>, path: &[Term], unbound: &[VarId]) -> Operand {
        let Some((operand, rest)) = path.split_first() else { return Operand::Bool(false) };
        let rows = self.local();
        self.emit(Stmt::MakeArray { capacity: 0, target: rows });
        let children = self.children(node);
        let mut blocks: Vec<Block> = Vec::with_capacity(children.len() + 1);
        for (name, child) in &children {
            blocks.push(self.block(|this| {
                let constant = Operand::String(this.planner.string(name));
                this.unify_value(constant, operand);
                prefix.push(Arc::clone(name));
                let value = this.data_below(*child, prefix, rest);
                prefix.pop();
                this.add_row(rows, unbound, value);
            }));
        }
        blocks.push(self.block(|this| {
            let around = this.base(prefix, &[]);
            let value = if this.has_unbound(operand) {
                let source = this.as_local(around);
                let (key, value) = this.open_scan(source);
                this.not_a_child(&children, key.into());
                this.unify_value(key.into(), operand);
                value.into()
            } else {
                let key = this.term(operand);
                this.not_a_child(&children, key);
                this.dot(around, key)
            };
            let value = this.steps(value, rest);
            this.add_row(rows, unbound, value);
        }));
        self.emit(Stmt::Block { blocks });
        let (_, row) = self.open_scan(rows);
        for (index, id) in (0i64..).zip(unbound) {
            let member = self.row_member(row, index);
            self.bind(*id, member);
        }
        self.row_member(row, i64::try_from(unbound.len()).unwrap_or(i64::MAX))
    }

    fn add_row(&mut self, rows: Local, unbound: &[VarId], value: Operand) {
        let row = self.local();
        self.emit(Stmt::MakeArray { capacity: i32::try_from(unbound.len() + 1).unwrap_or(i32::MAX), target: row });
        for id in unbound {
            let value = self.lookup(*id).unwrap_or(Operand::Bool(false));
            self.emit(Stmt::ArrayAppend { value, array: row });
        }
        self.emit(Stmt::ArrayAppend { value, array: row });
        self.emit(Stmt::ArrayAppend { value: row.into(), array: rows });
    }

    fn row_member(&mut self, row: Local, index: i64) -> Operand {
        let key = self.local();
        self.emit(Stmt::MakeNumberInt { value: index, target: key });
        self.dot(row.into(), key.into())
    }

    /// Goes on where a key names none of the children: those hide base data of the same name.
    fn not_a_child(&mut self, children: &[(Arc<str>, NodeId)], key: Operand) {
        let names = self.local();
        self.emit(Stmt::MakeSet { target: names });
        for (name, _) in children {
            let value = Operand::String(self.planner.string(name));
            self.emit(Stmt::SetAdd { value, set: names });
        }
        let block = self.block(|this| {
            this.dot(names.into(), key);
        });
        self.emit(Stmt::Not { block });
    }

    /// The children that `with` has not replaced and that are not functions.
    fn children(&self, node: NodeId) -> Vec<(Arc<str>, NodeId)> {
        let modules = self.planner.modules;
        let children = modules.tree.node(node).children.iter();
        children
            .filter(|(_, child)| {
                let document = modules.tree.node(**child).document.and_then(|id| modules.document(id));
                !self.planner.contexts.is_shadowed(self.context, **child)
                    && document.is_none_or(|document| !matches!(document.kind, DocumentKind::Function(_)))
            })
            .map(|(key, child)| (Arc::clone(key), *child))
            .collect()
    }

    /// A lookup in the table of functions, where every candidate is a document at the same depth.
    fn by_table(&mut self, node: NodeId, prefix: &[Arc<str>], path: &[Term]) -> Option<Operand> {
        if !self.extras.is_empty() {
            return None;
        }
        let modules = self.planner.modules;
        let mut nodes = vec![node];
        let mut used = 0;
        while let Some(operand) = path.get(used) {
            let mut next = Vec::new();
            for node in nodes {
                match &operand.kind {
                    TermKind::String(key) => {
                        next.extend(
                            self.children(node).into_iter().filter(|(name, _)| name == key).map(|(_, child)| child),
                        );
                    }
                    TermKind::Var(_) => next.extend(self.children(node).into_iter().map(|(_, child)| child)),
                    _ => return None,
                }
            }
            nodes = next;
            used += 1;
            let documents = nodes.iter().filter(|node| modules.tree.node(**node).document.is_some()).count();
            if documents == nodes.len() {
                break;
            }
            if documents > 0 {
                return None;
            }
        }
        let documents: Vec<_> = nodes.iter().filter_map(|node| modules.tree.node(*node).document).collect();
        if documents.len() < TABLE_FROM || documents.len() != nodes.len() {
            return None;
        }
        for id in documents {
            self.planner.function(id, self.context);
        }
        let (looked_up, rest) = path.split_at_checked(used)?;
        let mut keys = vec![self.string(&format!("g{}", self.context.0))];
        for key in prefix {
            keys.push(Operand::String(self.planner.string(key)));
        }
        for operand in looked_up {
            keys.push(self.term(operand));
        }
        let target = self.local();
        let call = self.block(|this| {
            this.emit(Stmt::CallDynamic { args: vec![Local::INPUT, Local::DATA], result: target, path: keys });
            this.emit(Stmt::Break { index: 1 });
        });
        let base = self.block(|this| {
            let source = this.base(prefix, looked_up);
            this.emit(Stmt::AssignVar { source, target });
            this.emit(Stmt::Break { index: 1 });
        });
        // The nesting is OPA's: a function that is found and undefined leaves four blocks, which ends the block around.
        let either = self.block(|this| {
            this.emit(Stmt::Block { blocks: vec![call, base] });
            this.emit(Stmt::Break { index: 2 });
        });
        let found = self.block(|this| this.emit(Stmt::Block { blocks: vec![either] }));
        self.emit(Stmt::Block { blocks: vec![found] });
        Some(self.steps(target.into(), rest))
    }

    /// All of a package: what its rules define merged with base data.
    fn extent(&mut self, node: NodeId, prefix: &[Arc<str>]) -> Operand {
        let defined = self.defined(node);
        let target = self.local();
        self.emit(Stmt::ResetLocal { target });
        let merged = self.block(|this| {
            let base = this.base(prefix, &[]);
            let a = this.as_local(base);
            this.emit(Stmt::ObjectMerge { a, b: defined, target });
        });
        let alone = self.block(|this| {
            this.emit(Stmt::IsUndefined { source: target });
            this.emit(Stmt::AssignVar { source: defined.into(), target });
        });
        self.emit(Stmt::Block { blocks: vec![merged, alone] });
        target.into()
    }

    /// What the rules below a node define, as an object.
    fn defined(&mut self, node: NodeId) -> Local {
        let object = self.local();
        self.emit(Stmt::MakeObject { target: object });
        for (name, child) in self.children(node) {
            let key = Operand::String(self.planner.string(&name));
            match self.planner.modules.tree.node(child).document {
                Some(id) => {
                    let block = self.block(|this| {
                        let value = this.document_value(id);
                        this.emit(Stmt::ObjectInsert { key, value, object });
                    });
                    self.emit(Stmt::Block { blocks: vec![block] });
                }
                None => {
                    let value = self.defined(child).into();
                    self.emit(Stmt::ObjectInsert { key, value, object });
                }
            }
        }
        object
    }
}
