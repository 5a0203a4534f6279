//! Terms by the kind of value that they should have.

use super::{Generator, Kind};

const TEXTS: [&str; 5] = ["\"a\"", "\"b\"", "\"ab\"", "\"\"", "\"c\""];

impl Generator {
    /// A term without variables and references.
    pub(super) fn ground(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Number => {
                self.random.pick(&["0", "1", "2", "3", "-1", "1.5", "2.50", "10000000000000000000001"]).to_owned()
            }
            Kind::Text => self.random.pick(&TEXTS).to_owned(),
            Kind::Truth => self.random.pick(&["true", "false"]).to_owned(),
            Kind::Array => self.random.pick(&["[]", "[1]", "[1, 2]", "[2, 1, 2]"]).to_owned(),
            Kind::Set => self.random.pick(&["set()", "{\"a\"}", "{\"a\", \"b\"}"]).to_owned(),
            Kind::Object => self.random.pick(&["{}", "{\"a\": 1}", "{\"a\": 2, \"b\": 1}"]).to_owned(),
            Kind::Any => self
                .random
                .pick(&["null", "\"a\"", "1", "[[1], {\"a\"}]", "{\"a\": {\"b\": 1}}", "{1, \"a\"}"])
                .to_owned(),
        }
    }

    /// A key of an object.
    pub(super) fn key(&mut self) -> String {
        match self.random.below(6) {
            0 => "input.s".to_owned(),
            1 => self.variable(Kind::Text).unwrap_or_else(|| "lib.s".to_owned()),
            _ => self.random.pick(&TEXTS).to_owned(),
        }
    }

    /// A term that should have a value of `kind`; `depth` bounds how far it nests.
    pub(super) fn term(&mut self, kind: Kind, depth: usize) -> String {
        let kind = if self.random.chance(1) { self.kind() } else { kind };
        if self.random.chance(35)
            && let Some(name) = self.variable(kind)
        {
            return name;
        }
        if self.random.chance(30)
            && let Some(text) = self.reference(kind, depth)
        {
            return text;
        }
        if depth == 0 {
            return if self.random.chance(50) { self.leaf(kind) } else { self.ground(kind) };
        }
        self.composed(kind, depth - 1)
    }

    fn variable(&mut self, kind: Kind) -> Option<String> {
        let fitting: Vec<&str> = self
            .scope
            .iter()
            .filter(|(_, known)| *known == kind || kind == Kind::Any || *known == Kind::Any)
            .map(|(name, _)| name.as_str())
            .collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting).to_owned())
    }

    /// A reference to a rule or a call of a function that is known.
    fn reference(&mut self, kind: Kind, depth: usize) -> Option<String> {
        let fitting: Vec<usize> = (0..self.known.len())
            .filter(|at| self.known[*at].kind == kind || kind == Kind::Any || self.known[*at].kind == Kind::Any)
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let known = self.known[fitting[self.random.below(fitting.len())]].clone();
        let name = if self.random.chance(15) { format!("data.t.{}", known.name) } else { known.name };
        Some(match known.args {
            None => name,
            Some(args) => {
                let args: Vec<String> = args.iter().map(|arg| self.term(*arg, depth.saturating_sub(1))).collect();
                format!("{name}({})", args.join(", "))
            }
        })
    }

    /// What comes from the input or from data.
    fn leaf(&mut self, kind: Kind) -> String {
        let leaves: &[&str] = match kind {
            Kind::Number => {
                &["input.n", "data.lib.n", "input.o.a", "data.lib.xs[1]", "input.d.a.b[0]", "data.t.base.x"]
            }
            Kind::Text => &["input.s", "lib.s", "input.d.list[1]", "data.lib.names[0]", "data.t.other[1].name"],
            Kind::Truth => &["input.b", "true"],
            Kind::Array => &["input.xs", "lib.xs", "data[\"lib\"].xs", "[input.n, 1]"],
            Kind::Set => &["{input.s, \"b\"}", "{\"a\", \"c\"}"],
            Kind::Object => &["input.o", "data.lib.o", "{input.s: 1}"],
            Kind::Any => {
                &["input", "input.d", "data.lib.deep", "input.nothing", "data.t.base", "input.d.a[\"b\"]", "lib.empty"]
            }
        };
        self.random.pick(leaves).to_owned()
    }

    fn composed(&mut self, kind: Kind, depth: usize) -> String {
        let choice = self.random.below(8);
        let mut term = |kind| self.term(kind, depth);
        match (kind, choice) {
            (Kind::Number, 0) => format!("count({})", term(Kind::Array)),
            (Kind::Number, 1) => format!("({} + {})", term(Kind::Number), term(Kind::Number)),
            (Kind::Number, 2) => format!("({} * {})", term(Kind::Number), term(Kind::Number)),
            (Kind::Number, 3) => format!("sum({})", term(Kind::Array)),
            (Kind::Number, 4) => format!("count({})", self.comprehension(depth)),
            (Kind::Number, 5) => format!("max({})", term(Kind::Array)),
            (Kind::Number, 6) => format!("({} % {})", term(Kind::Number), term(Kind::Number)),
            (Kind::Text, 0) => format!("concat(\",\", {})", term(Kind::Set)),
            (Kind::Text, 1) => format!("upper({})", term(Kind::Text)),
            (Kind::Text, 2) => format!("sprintf(\"%v-%s\", [{}, {}])", term(Kind::Number), term(Kind::Text)),
            // OPA finds some rules unsafe in here.
            (Kind::Text, 3) => {
                format!("$\"x{{{}}}y\"", self.variable(Kind::Number).unwrap_or_else(|| "input.n".to_owned()))
            }
            (Kind::Text, 4) => format!("substring({}, 0, {})", term(Kind::Text), term(Kind::Number)),
            (Kind::Truth, 0) => format!("startswith({}, {})", term(Kind::Text), term(Kind::Text)),
            (Kind::Truth, 1) => format!("({} in {})", term(Kind::Text), term(Kind::Set)),
            (Kind::Truth, 2) => format!("({} < {})", term(Kind::Number), term(Kind::Number)),
            (Kind::Truth, 3) => format!("is_number({})", term(Kind::Any)),
            (Kind::Array, 0) => format!("[{}, {}]", term(Kind::Number), term(Kind::Number)),
            (Kind::Array, 1) => format!("array.concat({}, {})", term(Kind::Array), term(Kind::Array)),
            (Kind::Array, 2 | 3) => self.array_comprehension(depth),
            (Kind::Array, 4) => format!("numbers.range(0, max([-4, min([4, {}])]))", term(Kind::Number)),
            (Kind::Set, 0) => format!("({} | {})", term(Kind::Set), term(Kind::Set)),
            (Kind::Set, 1) => format!("({} & {})", term(Kind::Set), term(Kind::Set)),
            (Kind::Set, 2) => format!("({} - {})", term(Kind::Set), term(Kind::Set)),
            (Kind::Set, 3 | 4) => self.set_comprehension(depth),
            (Kind::Set, 5) => format!("object.keys({})", term(Kind::Object)),
            (Kind::Object, 0) => format!("{{{}: {}}}", self.key(), self.term(Kind::Number, depth)),
            (Kind::Object, 1) => format!("object.union({}, {})", term(Kind::Object), term(Kind::Object)),
            (Kind::Object, 2 | 3) => self.object_comprehension(depth),
            (Kind::Any, 0) => format!("[{}, {}]", term(Kind::Any), term(Kind::Truth)),
            (Kind::Any, 1) => format!("object.get({}, \"a\", {})", term(Kind::Object), term(Kind::Any)),
            (Kind::Any, 2) => format!("{{{}, {}}}", term(Kind::Any), term(Kind::Text)),
            (Kind::Any, 3) => format!("{{\"k\": {}, \"l\": {}}}", term(Kind::Any), term(Kind::Number)),
            (Kind::Any, 4) => format!("{}[{}]", term(Kind::Array), term(Kind::Number)),
            (Kind::Any, 5) => format!("{}[{}]", term(Kind::Object), term(Kind::Text)),
            _ => self.leaf(kind),
        }
    }

    fn comprehension(&mut self, depth: usize) -> String {
        match self.random.below(3) {
            0 => self.array_comprehension(depth),
            1 => self.set_comprehension(depth),
            _ => self.object_comprehension(depth),
        }
    }

    fn array_comprehension(&mut self, depth: usize) -> String {
        self.scoped(|this| {
            let body = this.inline_body(depth);
            format!("[{} | {body}]", this.term(Kind::Number, depth))
        })
    }

    fn set_comprehension(&mut self, depth: usize) -> String {
        self.scoped(|this| {
            let body = this.inline_body(depth);
            format!("{{{} | {body}}}", this.term(Kind::Text, depth))
        })
    }

    fn object_comprehension(&mut self, depth: usize) -> String {
        self.scoped(|this| {
            let body = this.inline_body(depth);
            format!("{{{}: {} | {body}}}", this.key(), this.term(Kind::Number, depth))
        })
    }

    /// What is declared inside is gone after.
    pub(super) fn scoped(&mut self, draw: impl FnOnce(&mut Self) -> String) -> String {
        let outer = self.scope.len();
        let text = draw(self);
        self.scope.truncate(outer);
        text
    }
}
