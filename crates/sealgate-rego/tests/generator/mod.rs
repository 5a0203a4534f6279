//! Modules drawn at random that are rich in types: documents and functions of every kind, and rules that look into them,
//! compare, destructure, call and replace. About half of them have an error.

use crate::mutation::Mutator;

/// How many documents and functions a module may define.
const DOCUMENTS: usize = 3;
const FUNCTIONS: usize = 1;
/// Builtins with the number of their arguments.
const BUILTINS: &[(&str, usize)] = &[
    ("count", 1),
    ("sum", 1),
    ("upper", 1),
    ("startswith", 2),
    ("concat", 2),
    ("object.get", 3),
    ("array.concat", 2),
    ("split", 2),
    ("abs", 1),
    ("is_string", 1),
    ("to_number", 1),
    ("sort", 1),
    ("object.keys", 1),
    ("union", 1),
    ("time.clock", 1),
    ("json.unmarshal", 1),
    ("numbers.range", 2),
    ("sprintf", 2),
];
const OPERATORS: &[&str] = &["+", "-", "*", "/", "%", "|", "&"];
const COMPARISONS: &[&str] = &["==", "==", "=", "!=", "<", ">="];
const KEYS: &[&str] = &["a", "b", "c"];

/// Draws modules.
pub(crate) struct Generator {
    random: Mutator,
    /// The variables in scope.
    vars: Vec<String>,
    next: usize,
    /// Documents and functions that the module defines so far.
    documents: usize,
    functions: Vec<usize>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Mutator::new(seed), vars: Vec::new(), next: 0, documents: 0, functions: Vec::new() }
    }

    /// A module without its package.
    pub(crate) fn module(&mut self) -> String {
        (self.documents, self.functions) = (0, Vec::new());
        let mut text = String::new();
        for _ in 0..1 + self.below(DOCUMENTS) {
            text.push_str(&self.document());
            self.documents += 1;
        }
        for _ in 0..self.below(FUNCTIONS + 1) {
            text.push_str(&self.function());
        }
        for index in 0..1 + self.below(2) {
            self.vars.clear();
            let body = self.body(3);
            text.push_str(&format!("p{index} if {{ {body} }}\n"));
        }
        text
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    fn pick<'a>(&mut self, from: &'a [&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn document(&mut self) -> String {
        self.vars.clear();
        let name = format!("q{}", self.documents);
        match self.below(9) {
            0 | 1 => format!("{name} := {}\n", self.term(2)),
            2 => {
                let (one, other) = (self.term(2), self.term(2));
                format!("{name} := {one} if {{ input.x }}\n{name} := {other} if {{ not input.x }}\n")
            }
            3 => format!("default {name} := {}\n{name} := {} if {{ input.y }}\n", self.constant(1), self.term(1)),
            4 => {
                let body = self.body(2);
                format!("{name} contains {} if {{ {body} }}\n{name} contains {}\n", self.term(1), self.constant(1))
            }
            5 => {
                let key = self.term(0);
                format!("{name}[k] := {} if {{ k := {key} }}\n", self.term(1))
            }
            6 => {
                let (one, other) = (self.term(1), self.term(1));
                format!("{name}.a := {one}\n{name}.b := {other}\n")
            }
            7 => {
                let key = self.term(0);
                format!("{name}.a[k] contains {} if {{ k := {key} }}\n", self.constant(0))
            }
            _ => {
                let (one, other) = (self.term(1), self.term(1));
                format!("{name} := {one} if {{ input.z }} else := {other}\n")
            }
        }
    }

    fn function(&mut self) -> String {
        let index = self.functions.len();
        let args = 1 + self.below(2);
        self.vars = (0..args).map(|arg| format!("x{arg}")).collect();
        let patterns: Vec<String> = (0..args)
            .map(|arg| match self.below(6) {
                0 => format!("[x{arg}, _]"),
                1 => format!("{{\"a\": x{arg}}}"),
                _ => format!("x{arg}"),
            })
            .collect();
        let body = self.body(2);
        let value = self.term(1);
        self.functions.push(args);
        format!("f{index}({}) := {value} if {{ {body} }}\n", patterns.join(", "))
    }

    fn body(&mut self, most: usize) -> String {
        let exprs: Vec<String> = (0..1 + self.below(most)).map(|_| self.expr(1)).collect();
        exprs.join("; ")
    }

    fn expr(&mut self, depth: usize) -> String {
        match self.below(17) {
            0..=3 => {
                let value = self.term(1);
                let var = self.declare();
                format!("{var} := {value}")
            }
            4..=6 => self.comparison(),
            7 => {
                let term = self.term(1);
                let var = self.declare();
                format!("some {var} in {term}; {var} == {}", self.constant(0))
            }
            8 => {
                let term = self.term(1);
                let (key, value) = (self.declare(), self.declare());
                format!("some {key}, {value} in {term}; {key} != {value}")
            }
            9 if depth > 0 => {
                let term = self.term(1);
                let scope = self.vars.len();
                let var = self.declare();
                let body = self.expr(0);
                self.vars.truncate(scope);
                format!("every {var} in {term} {{ {var} == {}; {body} }}", self.term(0))
            }
            10 => format!("not {}", self.comparison()),
            11 => {
                let term = self.term(2);
                let (one, other) = (self.declare(), self.declare());
                format!("[{one}, {other}] {} {term}", self.pick(&[":=", "="]))
            }
            12 => {
                let term = self.term(2);
                let var = self.declare();
                format!("{{\"a\": {var}}} {} {term}", self.pick(&[":=", "="]))
            }
            13 => self.call(1),
            14 => {
                let target = match self.below(4) {
                    0 => "input".to_owned(),
                    1 => "input.x".to_owned(),
                    2 => format!("data.x.q{}", self.below(DOCUMENTS)),
                    _ => "data.y".to_owned(),
                };
                format!("{} with {target} as {}", self.comparison(), self.constant(1))
            }
            15 => format!("{}[{}]", self.document_ref(), self.operand()),
            _ => self.reference(),
        }
    }

    fn comparison(&mut self) -> String {
        let (left, operator, right) = (self.argument(1), self.pick(COMPARISONS).to_owned(), self.term(1));
        format!("{left} {operator} {right}")
    }

    fn declare(&mut self) -> String {
        let var = format!("v{}", self.next % 1000);
        self.next += 1;
        self.vars.push(var.clone());
        var
    }

    fn var(&mut self) -> String {
        match self.vars.len() {
            0 => self.constant(0),
            _ if self.below(40) == 0 => "nowhere".to_owned(),
            count => {
                let at = self.below(count);
                self.vars[at].clone()
            }
        }
    }

    fn constant(&mut self, depth: usize) -> String {
        match self.below(if depth > 0 { 9 } else { 6 }) {
            0 | 1 => self.below(4).to_string(),
            2 | 3 => format!("\"{}\"", self.pick(KEYS)),
            4 => self.pick(&["true", "false"]).to_owned(),
            5 => self.pick(&["null", "1.5", "set()", "[]", "{}"]).to_owned(),
            6 => format!("[{}, {}]", self.constant(depth - 1), self.constant(depth - 1)),
            7 => format!("{{\"{}\": {}}}", self.pick(KEYS).to_owned(), self.constant(depth - 1)),
            _ => format!("{{{}}}", self.constant(depth - 1)),
        }
    }

    fn term(&mut self, depth: usize) -> String {
        if depth == 0 {
            return if self.below(2) == 0 { self.constant(0) } else { self.var() };
        }
        match self.below(28) {
            0..=3 => self.constant(depth),
            4..=7 => self.var(),
            // Of the input nothing is known: that keeps a module from being wrong everywhere.
            16..=23 => format!("input.{}", self.pick(KEYS)),
            24..=26 => self.reference(),
            8 => format!("[{}, {}]", self.term(depth - 1), self.term(depth - 1)),
            9 => format!("{{\"{}\": {}}}", self.pick(KEYS).to_owned(), self.term(depth - 1)),
            10 => format!("{{{}, {}}}", self.term(depth - 1), self.term(depth - 1)),
            11 => self.comprehension(depth - 1),
            12 | 13 => self.call(depth - 1),
            14 => {
                format!("({} {} {})", self.term(depth - 1), self.pick(OPERATORS).to_owned(), self.term(depth - 1))
            }
            _ => format!("$\"{{{}}}\"", self.reference()),
        }
    }

    fn comprehension(&mut self, depth: usize) -> String {
        let scope = self.vars.len();
        let term = self.term(depth);
        let var = self.declare();
        let body = format!("some {var} in {term}");
        let head = match self.below(4) {
            0 => format!("[{var} | {body}]"),
            1 => format!("{{{var} | {body}}}"),
            2 => format!("{{{var}: {} | {body}}}", self.term(0)),
            _ => format!("[[{var}, {}] | {body}; {}]", self.term(0), self.comparison()),
        };
        self.vars.truncate(scope);
        head
    }

    fn call(&mut self, depth: usize) -> String {
        if !self.functions.is_empty() && self.below(2) == 0 {
            let index = self.below(self.functions.len());
            let args: Vec<String> = (0..self.functions[index]).map(|_| self.argument(depth)).collect();
            return format!("f{index}({})", args.join(", "));
        }
        let (name, arity) = BUILTINS[self.below(BUILTINS.len())];
        let args: Vec<String> = (0..arity).map(|_| self.argument(depth)).collect();
        format!("{name}({})", args.join(", "))
    }

    fn argument(&mut self, depth: usize) -> String {
        if self.below(3) > 0 { format!("input.{}", self.pick(KEYS)) } else { self.term(depth) }
    }

    fn document_ref(&mut self) -> String {
        match self.below(8) {
            0..=2 => "input".to_owned(),
            3 => "data.y".to_owned(),
            4 if !self.vars.is_empty() => self.var(),
            _ if self.documents > 0 => format!("q{}", self.below(self.documents)),
            _ => "input".to_owned(),
        }
    }

    fn operand(&mut self) -> String {
        match self.below(6) {
            0 | 1 => format!("\"{}\"", self.pick(KEYS)),
            2 => self.below(3).to_string(),
            3 => "_".to_owned(),
            4 => self.var(),
            _ => self.constant(1),
        }
    }

    fn reference(&mut self) -> String {
        let mut reference = self.document_ref();
        let operands = self.below(4).saturating_sub(1);
        for _ in 0..operands {
            match self.below(3) {
                0 => reference.push_str(&format!(".{}", self.pick(KEYS))),
                _ => reference.push_str(&format!("[{}]", self.operand())),
            }
        }
        reference
    }
}
