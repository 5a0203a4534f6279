//! Comprehensions: collected where they stand, or looked up in an index that one pass has collected for every turn.

use sealgate_rego::resolved::{Comprehension, ComprehensionHead, ComprehensionIndex, VarId};

use crate::ir::{Func, Local, Operand, Stmt};

use super::frame::Frame;

impl Frame<'_, '_> {
    /// Plans a comprehension.
    pub(super) fn comprehension(&mut self, comprehension: &Comprehension) -> Operand {
        match &comprehension.index {
            // What is asked for once is cheaper to collect than to group. A pass cannot see values that stand in for functions.
            Some(index) if self.repeats() && self.extras.is_empty() => self.look_up(comprehension, index),
            _ => self.collect(comprehension),
        }
    }

    fn collect(&mut self, comprehension: &Comprehension) -> Operand {
        let target = self.local();
        self.emit(empty(&comprehension.head, target));
        let block = self.block(|this| {
            this.body(&comprehension.body);
            this.add(&comprehension.head, target);
        });
        self.emit(Stmt::Block { blocks: vec![block] });
        target.into()
    }

    /// The group of the keys' values, or an empty collection.
    fn look_up(&mut self, comprehension: &Comprehension, index: &ComprehensionIndex) -> Operand {
        let func = self.index_function(comprehension, index);
        let groups = self.local();
        self.emit(Stmt::Call { func, args: vec![Local::INPUT.into(), Local::DATA.into()], result: groups });
        let key = self.group_key(&index.keys);
        let target = self.local();
        self.emit(Stmt::ResetLocal { target });
        let found = self.block(|this| this.emit(Stmt::Dot { source: groups.into(), key, target }));
        let none = self.block(|this| {
            this.emit(Stmt::IsUndefined { source: target });
            this.emit(empty(&comprehension.head, target));
        });
        self.emit(Stmt::Block { blocks: vec![found, none] });
        target.into()
    }

    /// Adds a function that collects every group: an object from the keys' values, an array of them, to the collection.
    fn index_function(&mut self, comprehension: &Comprehension, index: &ComprehensionIndex) -> String {
        let name = format!("g{}.index{}", self.context.0, self.planner.indexes);
        self.planner.indexes += 1;
        let (context, vars) = (self.context, self.vars());
        let mut frame = Frame::new(self.planner, context, Local::UNUSED.0);
        frame.start_vars(vars);
        let (ret, group) = (frame.local(), frame.local());
        let make = frame.block(|this| this.emit(Stmt::MakeObject { target: ret }));
        let collect = frame.block(|this| {
            this.body(&index.body);
            let key = this.group_key(&index.keys);
            this.emit(Stmt::ResetLocal { target: group });
            let known = this.block(|this| this.emit(Stmt::Dot { source: ret.into(), key, target: group }));
            let new = this.block(|this| {
                this.emit(Stmt::IsUndefined { source: group });
                this.emit(empty(&comprehension.head, group));
                this.emit(Stmt::ObjectInsert { key, value: group.into(), object: ret });
            });
            this.emit(Stmt::Block { blocks: vec![known, new] });
            this.add(&comprehension.head, group);
        });
        let give = frame.block(|this| this.emit(Stmt::ReturnLocal { source: ret }));
        let func = Func {
            name: name.clone(),
            params: vec![Local::INPUT, Local::DATA],
            ret,
            blocks: vec![make, collect, give],
            path: Vec::new(),
        };
        self.planner.policy.funcs.push(func);
        name
    }

    fn group_key(&mut self, keys: &[VarId]) -> Operand {
        let target = self.local();
        self.emit(Stmt::MakeArray { capacity: i32::try_from(keys.len()).unwrap_or(i32::MAX), target });
        for key in keys {
            if let Some(value) = self.lookup(*key) {
                self.emit(Stmt::ArrayAppend { value, array: target });
            }
        }
        target.into()
    }

    fn add(&mut self, head: &ComprehensionHead, target: Local) {
        let add = match head {
            ComprehensionHead::Array(term) => Stmt::ArrayAppend { value: self.term(term), array: target },
            ComprehensionHead::Set(term) => Stmt::SetAdd { value: self.term(term), set: target },
            ComprehensionHead::Object(key, value) => {
                let (key, value) = (self.term(key), self.term(value));
                Stmt::ObjectInsertOnce { key, value, object: target }
            }
        };
        self.emit(add);
    }
}

fn empty(head: &ComprehensionHead, target: Local) -> Stmt {
    match head {
        ComprehensionHead::Array(_) => Stmt::MakeArray { capacity: 0, target },
        ComprehensionHead::Set(_) => Stmt::MakeSet { target },
        ComprehensionHead::Object(..) => Stmt::MakeObject { target },
    }
}
