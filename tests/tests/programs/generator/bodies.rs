//! Bodies of rules and comprehensions, statement by statement.

use super::{Generator, Kind};

impl Generator {
    /// A body, a statement per line.
    pub(super) fn body(&mut self, depth: usize) -> String {
        let count = 1 + self.random.below(3);
        (0..count).map(|_| format!("\t{}\n", self.statement(depth))).collect()
    }

    /// A body on one line.
    pub(super) fn inline_body(&mut self, depth: usize) -> String {
        let count = 1 + self.random.below(2);
        (0..count).map(|_| self.statement(depth.min(1))).collect::<Vec<_>>().join("; ")
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.random.below(16) {
            0 | 1 => {
                let kind = self.kind();
                let value = self.term(kind, depth);
                format!("{} := {value}", self.declare(kind))
            }
            2 | 3 => self.some_in(depth),
            4 => {
                let collection = self.term(Kind::Object, depth);
                let (key, value) = (self.declare(Kind::Text), self.declare(Kind::Number));
                format!("some {key}, {value} in {collection}")
            }
            5 => self.iteration(depth),
            6 => self.destructuring(depth),
            7 => {
                let condition = self.scoped(|this| this.condition(depth));
                // OPA 1.20 takes a body that is just `not true` for one that holds, where the head has a reference.
                if condition == "true" { "not false".to_owned() } else { format!("not {condition}") }
            }
            8 => self.every(depth),
            9 | 10 => self.with(depth),
            11 => {
                let kind = self.kind();
                let value = self.term(kind, depth);
                format!("{} = {value}", self.declare(kind))
            }
            _ => self.condition(depth),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let kind = self.kind();
        match self.random.below(6) {
            0 | 1 => self.term(Kind::Truth, depth),
            2 => format!("{} == {}", self.term(kind, depth), self.term(kind, depth)),
            3 => format!("{} != {}", self.term(kind, depth), self.term(kind, depth)),
            4 => {
                let operator = self.random.pick(&["<", "<=", ">", ">="]);
                format!("{} {operator} {}", self.term(Kind::Number, depth), self.term(Kind::Number, depth))
            }
            _ => self.term(kind, depth),
        }
    }

    fn some_in(&mut self, depth: usize) -> String {
        let (collection, element) = match self.random.below(3) {
            0 => (self.term(Kind::Array, depth), Kind::Number),
            1 => (self.term(Kind::Set, depth), Kind::Text),
            _ => (self.term(Kind::Any, depth), Kind::Any),
        };
        format!("some {} in {collection}", self.declare(element))
    }

    /// `some i; xs[i] = x`, with parts that may be bound already.
    fn iteration(&mut self, depth: usize) -> String {
        let collection = match self.random.below(6) {
            0 => "input.xs".to_owned(),
            1 => "data.lib.xs".to_owned(),
            2 => "data.t.other".to_owned(),
            3 => "input.d.a".to_owned(),
            4 => "input".to_owned(),
            _ => {
                let value = self.term(Kind::Array, depth);
                let name = self.declare(Kind::Array);
                return format!("{name} := {value}; {name}[_] > {}", self.term(Kind::Number, 0));
            }
        };
        let index = self.declare(Kind::Any);
        if self.random.chance(40) {
            return format!("some {index}; {collection}[{index}] == {}", self.term(Kind::Any, 0));
        }
        let value = self.declare(Kind::Any);
        format!("some {index}, {value}; {collection}[{index}] = {value}")
    }

    fn destructuring(&mut self, depth: usize) -> String {
        let operator = self.random.pick(&[":=", "="]);
        match self.random.below(4) {
            0 => {
                let value = self.term(Kind::Array, depth);
                let (a, b) = (self.declare(Kind::Number), self.declare(Kind::Number));
                format!("[{a}, {b}] {operator} {value}")
            }
            1 => {
                // OPA finds what it takes apart of an object comprehension bound or not by what the comprehension closes over.
                let value = self.term(Kind::Object, 0);
                let a = self.declare(Kind::Number);
                format!("{{\"a\": {a}}} {operator} {value}")
            }
            2 => {
                let (left, right) = (self.term(Kind::Number, 0), self.term(Kind::Text, 0));
                let (a, b) = (self.declare(Kind::Number), self.declare(Kind::Text));
                format!("[{a}, [{b}, _]] {operator} [{left}, [{right}, 1]]")
            }
            _ => {
                let value = self.term(Kind::Array, depth);
                let a = self.declare(Kind::Number);
                format!("[{a}, 1] = {value}")
            }
        }
    }

    /// OPA refuses an `every` that does not use what it declares.
    fn every(&mut self, depth: usize) -> String {
        let collection = self.term(Kind::Array, depth.min(1));
        self.scoped(|this| {
            let (mut declared, mut uses) = (String::new(), String::new());
            if this.random.chance(30) {
                let key = this.declare(Kind::Number);
                uses = format!("{key} >= {}; ", this.term(Kind::Number, 0));
                declared = format!("{key}, ");
            }
            let value = this.declare(Kind::Number);
            let operator = this.random.pick(&["<", ">=", "!=", "=="]);
            let mut body = format!("{uses}{value} {operator} {}", this.term(Kind::Number, depth.min(1)));
            if this.random.chance(30) {
                body = format!("{body}; {}", this.statement(0));
            }
            format!("every {declared}{value} in {collection} {{ {body} }}")
        })
    }

    fn with(&mut self, depth: usize) -> String {
        let condition = self.scoped(|this| this.condition(depth));
        // OPA takes a body that is just `true` for one without modifiers.
        let mut text = if condition == "true" { "input.b".to_owned() } else { condition };
        for _ in 0..1 + usize::from(self.random.chance(25)) {
            let target = match self.random.below(9) {
                0 => format!("input as {}", self.ground(Kind::Any)),
                1 => format!("input.n as {}", self.term(Kind::Number, 0)),
                2 => format!("input.o.a as {}", self.term(Kind::Number, 0)),
                3 => format!("data.lib.n as {}", self.term(Kind::Number, 0)),
                4 => format!("data.lib as {{\"xs\": {}}}", self.term(Kind::Array, 0)),
                5 => format!("data.t.base.x as {}", self.ground(Kind::Any)),
                6 => format!("count as {}", self.ground(Kind::Number)),
                7 => format!("upper as {}", self.random.pick(&["lower", "\"M\"", "trim_space"])),
                _ => match self.mock() {
                    Some(mock) => mock,
                    None => "input as {}".to_owned(),
                },
            };
            text.push_str(&format!(" with {target}"));
        }
        text
    }

    /// A rule or function of the program with something in its place.
    fn mock(&mut self) -> Option<String> {
        let at = self.random.below(self.known.len().max(1));
        let known = self.known.get(at)?.clone();
        let name = format!("data.t.{}", known.name);
        let other = self.known.iter().find(|other| {
            other.name != known.name && other.args.as_ref().map(Vec::len) == known.args.as_ref().map(Vec::len)
        });
        match (&known.args, other.map(|other| other.name.clone())) {
            (Some(_), Some(other)) if self.random.chance(40) => Some(format!("{name} as {other}")),
            _ => Some(format!("{name} as {}", self.ground(known.kind))),
        }
    }
}
