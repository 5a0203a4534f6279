//! Draws Rego programs: a package of rules that refer to each other, to data and to the input, with a few inputs.
//!
//! Terms are drawn by the kind of value that they should have, so that most programs compile and most rules have
//! something to say; now and then a kind is ignored, so that errors are drawn too. Every construct of the language has
//! its place here; what a draw means is nobody's business but the engines'.

use serde_json::{Value, json};

use super::random::Random;

mod bodies;
mod terms;

/// A program with what it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The rules, each a text of its own, in the order of the module.
    pub(crate) rules: Vec<String>,
    /// Names of what the package defines and can be asked for.
    pub(crate) names: Vec<String>,
    pub(crate) data: Value,
    pub(crate) inputs: Vec<Value>,
}

/// The package that every program is.
pub(crate) const PACKAGE: &str = "t";

impl Program {
    /// The module's text.
    pub(crate) fn module(&self) -> String {
        format!("package {PACKAGE}\n\nimport data.lib\n\n{}", self.rules.join("\n"))
    }
}

/// The kind of value that a term should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Truth,
    /// An array of numbers.
    Array,
    /// A set of texts.
    Set,
    /// An object with short texts as keys and numbers as values.
    Object,
    /// Anything, perhaps undefined.
    Any,
}

const KINDS: [Kind; 7] = [Kind::Number, Kind::Text, Kind::Truth, Kind::Array, Kind::Set, Kind::Object, Kind::Any];

/// A rule that later rules may refer to.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: String,
    /// Kinds of the arguments of a function; `None` for other rules.
    pub(super) args: Option<Vec<Kind>>,
    pub(super) kind: Kind,
}

/// What is drawn from, and what has been drawn so far.
pub(super) struct Generator {
    pub(super) random: Random,
    pub(super) known: Vec<Known>,
    /// Variables in scope with their kinds.
    pub(super) scope: Vec<(String, Kind)>,
    next_variable: usize,
}

/// Draws a program.
pub(crate) fn program(seed: u64) -> Program {
    let mut generator = Generator { random: Random::new(seed), known: Vec::new(), scope: Vec::new(), next_variable: 0 };
    let count = 3 + generator.random.below(6);
    let mut rules = Vec::new();
    for index in 0..count {
        generator.rule(index, &mut rules);
    }
    let inputs = (0..3).map(|_| generator.input()).collect();
    let mut names: Vec<String> = Vec::new();
    for known in generator.known.iter().filter(|known| known.args.is_none()) {
        // Of `p.a.b` the whole of `p` can be asked for.
        let name = known.name.split(['.', '[']).next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Program { rules, names, data: generator.data(), inputs }
}

impl Generator {
    pub(super) fn kind(&mut self) -> Kind {
        KINDS[self.random.below(KINDS.len())]
    }

    pub(super) fn fresh(&mut self) -> String {
        self.next_variable += 1;
        format!("v{}", self.next_variable)
    }

    fn rule(&mut self, index: usize, rules: &mut Vec<String>) {
        self.scope.clear();
        let name = format!("r{index}");
        match self.random.below(11) {
            0..=2 => self.complete(&name, rules),
            3 => self.chain(&name, rules),
            4 | 5 => self.partial_set(&name, rules),
            6 => self.partial_object(&name, rules),
            7 => self.deep_head(&name, rules),
            8 | 9 => self.function(&name, rules),
            _ => self.complete(&name, rules),
        }
    }

    /// `r := v if body`, several with the same name at times, a default at others.
    fn complete(&mut self, name: &str, rules: &mut Vec<String>) {
        let kind = self.kind();
        if self.random.chance(30) {
            rules.push(format!("default {name} := {}", self.ground(kind)));
        }
        for _ in 0..1 + usize::from(self.random.chance(30)) {
            rules.push(self.complete_rule(name, kind));
        }
        self.known.push(Known { name: name.to_owned(), args: None, kind });
    }

    fn complete_rule(&mut self, name: &str, kind: Kind) -> String {
        self.scope.clear();
        let body = self.body(2);
        let value = self.term(kind, 2);
        format!("{name} := {value} if {{\n{body}}}")
    }

    /// `r := v if body else := v …`
    fn chain(&mut self, name: &str, rules: &mut Vec<String>) {
        let kind = self.kind();
        let mut text = self.complete_rule(name, kind);
        for _ in 0..1 + self.random.below(2) {
            self.scope.clear();
            let body = self.body(1);
            let value = self.term(kind, 1);
            text.push_str(&format!(" else := {value} if {{\n{body}}}"));
        }
        rules.push(text);
        self.known.push(Known { name: name.to_owned(), args: None, kind });
    }

    fn partial_set(&mut self, name: &str, rules: &mut Vec<String>) {
        for _ in 0..1 + self.random.below(2) {
            self.scope.clear();
            let body = self.body(2);
            let element = self.term(Kind::Text, 1);
            rules.push(format!("{name} contains {element} if {{\n{body}}}"));
        }
        self.known.push(Known { name: name.to_owned(), args: None, kind: Kind::Set });
    }

    fn partial_object(&mut self, name: &str, rules: &mut Vec<String>) {
        for _ in 0..1 + self.random.below(2) {
            self.scope.clear();
            let body = self.body(2);
            let (key, value) = (self.key(), self.term(Kind::Number, 1));
            rules.push(format!("{name}[{key}] := {value} if {{\n{body}}}"));
        }
        self.known.push(Known { name: name.to_owned(), args: None, kind: Kind::Object });
    }

    /// Heads such as `r.a[k].b := v` and `r.a contains v`.
    fn deep_head(&mut self, name: &str, rules: &mut Vec<String>) {
        for step in ["a", "b"] {
            self.scope.clear();
            let body = self.body(1);
            let head = match self.random.below(4) {
                0 => format!("{name}.{step} := {}", self.term(Kind::Number, 1)),
                1 => format!("{name}.{step} contains {}", self.term(Kind::Text, 1)),
                2 => {
                    let key = self.key();
                    format!("{name}.{step}[{key}] := {}", self.term(Kind::Number, 1))
                }
                _ => {
                    let key = self.key();
                    format!("{name}.{step}[{key}].c := {}", self.term(Kind::Number, 1))
                }
            };
            rules.push(format!("{head} if {{\n{body}}}"));
        }
        self.known.push(Known { name: name.to_owned(), args: None, kind: Kind::Any });
    }

    fn function(&mut self, name: &str, rules: &mut Vec<String>) {
        let args: Vec<Kind> = (0..1 + self.random.below(2)).map(|_| self.kind()).collect();
        let kind = self.kind();
        if self.random.chance(20) {
            let wild = vec!["_"; args.len()].join(", ");
            rules.push(format!("default {name}({wild}) := {}", self.ground(kind)));
        }
        for _ in 0..1 + self.random.below(2) {
            self.scope.clear();
            let params: Vec<String> = args.iter().map(|arg| self.parameter(*arg)).collect();
            let body = self.body(1);
            let value = self.term(kind, 1);
            rules.push(format!("{name}({}) := {value} if {{\n{body}}}", params.join(", ")));
        }
        self.known.push(Known { name: name.to_owned(), args: Some(args), kind });
    }

    /// A variable, a constant, or a pattern of them.
    fn parameter(&mut self, kind: Kind) -> String {
        match (kind, self.random.below(6)) {
            (Kind::Number | Kind::Text, 0) => self.ground(kind),
            (Kind::Array, 0 | 1) => {
                let (a, b) = (self.declare(Kind::Number), self.declare(Kind::Number));
                format!("[{a}, {b}]")
            }
            (Kind::Object, 0 | 1) => format!("{{\"a\": {}}}", self.declare(Kind::Number)),
            (_, 5) => "_".to_owned(),
            _ => self.declare(kind),
        }
    }

    /// A new variable in scope.
    pub(super) fn declare(&mut self, kind: Kind) -> String {
        let name = self.fresh();
        self.scope.push((name.clone(), kind));
        name
    }

    fn input(&mut self) -> Value {
        let mut input = serde_json::Map::new();
        for name in ["n", "s", "b", "xs", "o", "d"] {
            if self.random.chance(85) {
                input.insert(name.to_owned(), self.input_field(name));
            }
        }
        Value::Object(input)
    }

    fn input_field(&mut self, name: &str) -> Value {
        let number = |random: &mut Random| json!(random.below(4));
        // Now and then a value of another kind than the program expects.
        match if self.random.chance(8) { "odd" } else { name } {
            "n" => number(&mut self.random),
            "s" => json!(self.random.pick(&["a", "b", "ab", ""])),
            "b" => json!(self.random.chance(60)),
            "xs" => (0..self.random.below(4)).map(|_| number(&mut self.random)).collect(),
            "o" => json!({"a": self.random.below(3), "b": self.random.below(3)}),
            "d" => json!({"a": {"b": [self.random.below(3), {"c": "x"}]}, "list": ["a", "b", "a"]}),
            _ => [json!(null), json!(true), json!("z"), json!(1.5), json!([[1]]), json!({})][self.random.below(6)]
                .clone(),
        }
    }

    fn data(&mut self) -> Value {
        json!({
            "lib": {
                "n": 2, "s": "a", "xs": [1, 2, 2], "o": {"a": 1, "c": 3}, "deep": {"a": {"b": [10, {"c": "x"}]}},
                "names": ["a", "b"], "empty": {},
            },
            // Beside what the rules of the package define.
            "t": {"base": {"x": 1, "y": [1, "a", null]}, "other": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]},
        })
    }
}
