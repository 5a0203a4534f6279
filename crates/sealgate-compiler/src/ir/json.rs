//! OPA's plan JSON: reading with errors that say where, and writing.
//!
//! Reading is bounded: `serde_json` refuses text that nests beyond 128 levels, parsed documents may nest little deeper than
//! [`super::MAX_DEPTH`] blocks, and nothing here allocates more than the text's size asks for. Indices are not checked here but by [`Policy::validate`].

use serde_json::{Map, Value, json};

use super::MAX_DEPTH;
use super::{
    Block, BuiltinFunc, FileIndex, Func, Local, Location, Operand, Plan, Policy, Statement, Stmt, StringIndex,
};

/// Why a text is not a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanJsonError {
    /// Not JSON at all, or nested too deeply.
    #[error("the plan is not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A value of another shape than asked for.
    #[error("`{path}`: expected {expected}")]
    Shape {
        /// Keys and positions from the root.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A statement that OPA 1.20 does not have.
    #[error("`{path}`: unknown statement `{name}`")]
    UnknownStatement {
        /// Keys and positions from the root.
        path: String,
        /// As written.
        name: String,
    },
}

impl Policy {
    /// Reads OPA's plan JSON. Unknown keys are ignored, as OPA does; unknown statements and operands are refused.
    ///
    /// # Errors
    /// Names the place of the first thing that does not belong there.
    pub fn from_json(text: &[u8]) -> Result<Self, PlanJsonError> {
        Self::from_json_value(serde_json::from_slice(text)?)
    }

    /// Reads OPA's plan JSON from a parsed document.
    ///
    /// # Errors
    /// As [`Policy::from_json`].
    pub fn from_json_value(value: Value) -> Result<Self, PlanJsonError> {
        let root = Path { up: None, step: Step::Key("plan"), depth: 0 };
        let mut fields = Fields::of(value, &root)?;
        let mut policy = Self::default();
        let (statics, plans, funcs) = (fields.remove("static"), fields.remove("plans"), fields.remove("funcs"));
        if let Some(statics) = statics {
            let here = root.key("static");
            let mut statics = Fields::of(statics, &here)?;
            policy.strings = statics.list("strings", string_constant)?;
            policy.files = statics.list("files", string_constant)?;
            policy.builtins = statics.list("builtin_funcs", |value, path| {
                let mut fields = Fields::of(value, path)?;
                Ok(BuiltinFunc { name: fields.take("name")?, decl: fields.remove("decl").unwrap_or(Value::Null) })
            })?;
        }
        if let Some(plans) = plans {
            let here = root.key("plans");
            policy.plans = Fields::of(plans, &here)?.list("plans", |value, path| {
                let mut fields = Fields::of(value, path)?;
                Ok(Plan { name: fields.take("name")?, blocks: fields.take("blocks")? })
            })?;
        }
        if let Some(funcs) = funcs {
            let here = root.key("funcs");
            policy.funcs = Fields::of(funcs, &here)?.list("funcs", |value, path| {
                let mut fields = Fields::of(value, path)?;
                Ok(Func {
                    name: fields.take("name")?,
                    params: fields.take("params")?,
                    ret: fields.take("return")?,
                    blocks: fields.take("blocks")?,
                    path: fields.take("path")?,
                })
            })?;
        }
        Ok(policy)
    }

    /// The policy as OPA's plan JSON.
    pub fn to_json(&self) -> Value {
        let constants = |all: &[String]| all.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>();
        let builtins: Vec<Value> =
            self.builtins.iter().map(|builtin| json!({ "name": builtin.name, "decl": builtin.decl })).collect();
        let plans: Vec<Value> =
            self.plans.iter().map(|plan| json!({ "name": plan.name, "blocks": plan.blocks.write() })).collect();
        let funcs: Vec<Value> = self.funcs.iter().map(write_func).collect();
        json!({
            "static": { "strings": constants(&self.strings), "builtin_funcs": builtins, "files": constants(&self.files) },
            "plans": { "plans": plans },
            "funcs": { "funcs": funcs },
        })
    }
}

fn write_func(func: &Func) -> Value {
    let mut out = json!({
        "name": func.name,
        "params": func.params.write(),
        "return": func.ret.write(),
        "blocks": func.blocks.write(),
    });
    if let (false, Some(object)) = (func.path.is_empty(), out.as_object_mut()) {
        object.insert("path".to_owned(), func.path.write());
    }
    out
}

fn string_constant(value: Value, path: &Path<'_>) -> Result<String, PlanJsonError> {
    Fields::of(value, path)?.take("value")
}

/// One step from the root of the document to the value that is being read.
#[derive(Clone, Copy)]
enum Step {
    Key(&'static str),
    At(usize),
}

/// Where in the document a value lies, kept as a chain on the stack and written out only for an error.
pub(super) struct Path<'a> {
    up: Option<&'a Path<'a>>,
    step: Step,
    depth: usize,
}

impl<'a> Path<'a> {
    fn key(&'a self, key: &'static str) -> Path<'a> {
        Path { up: Some(self), step: Step::Key(key), depth: self.depth + 1 }
    }

    fn at(&'a self, index: usize) -> Path<'a> {
        Path { up: Some(self), step: Step::At(index), depth: self.depth + 1 }
    }

    fn shape(&self, expected: &'static str) -> PlanJsonError {
        PlanJsonError::Shape { path: self.to_string(), expected }
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(up) = self.up {
            write!(out, "{up}")?;
        }
        match (self.step, self.up) {
            (Step::Key(key), None) => write!(out, "{key}"),
            (Step::Key(key), Some(_)) => write!(out, ".{key}"),
            (Step::At(index), _) => write!(out, "[{index}]"),
        }
    }
}

/// The members of one object, taken one by one.
pub(super) struct Fields<'a> {
    members: Map<String, Value>,
    path: &'a Path<'a>,
}

impl<'a> Fields<'a> {
    fn of(value: Value, path: &'a Path<'a>) -> Result<Self, PlanJsonError> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(path.shape("an object")),
        }
    }

    /// Takes a member, `null` counting as absent.
    fn remove(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    /// Reads a member; where it is absent, the field's default or an error.
    pub(super) fn take<T: Field>(&mut self, key: &'static str) -> Result<T, PlanJsonError> {
        let found = self.remove(key);
        // OPA's own spelling of this one field was once `Index`, and both are written.
        let found = if found.is_none() && key == "index" { self.remove("Index") } else { found };
        let path = self.path.key(key);
        match found {
            Some(value) => T::read(value, &path),
            None => T::absent().ok_or_else(|| path.shape(T::EXPECTED)),
        }
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(Value, &Path<'_>) -> Result<T, PlanJsonError>,
    ) -> Result<Vec<T>, PlanJsonError> {
        let path = self.path.key(key);
        match self.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => {
                all.into_iter().enumerate().map(|(at, value)| read(value, &path.at(at))).collect()
            }
            Some(_) => Err(path.shape("an array")),
        }
    }

    pub(super) fn unknown_statement(&self, name: &str) -> PlanJsonError {
        PlanJsonError::UnknownStatement { path: self.path.to_string(), name: name.to_owned() }
    }
}

/// The members of a statement as they are written.
pub(super) struct FieldWriter {
    members: Map<String, Value>,
}

impl FieldWriter {
    pub(super) fn put<T: Field>(&mut self, key: &'static str, field: &T) {
        self.members.insert(key.to_owned(), field.write());
    }
}

/// A type that statements have fields of.
pub(super) trait Field: Sized {
    const EXPECTED: &'static str;
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError>;
    fn write(&self) -> Value;
    /// What an absent member means, where it may be absent.
    fn absent() -> Option<Self> {
        None
    }
}

macro_rules! integer_field {
    ($($type:ty => $expected:literal, $wrap:expr, $unwrap:expr;)*) => {$(
        impl Field for $type {
            const EXPECTED: &'static str = $expected;
            fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
                let integer = value.as_i64().and_then(|integer| integer.try_into().ok());
                integer.map($wrap).ok_or_else(|| path.shape(Self::EXPECTED))
            }
            fn write(&self) -> Value {
                ($unwrap)(self).into()
            }
        }
    )*};
}

integer_field! {
    Local => "a local", Local, |local: &Local| local.0;
    StringIndex => "the index of a string", StringIndex, |index: &StringIndex| index.0;
    FileIndex => "the index of a file", FileIndex, |index: &FileIndex| index.0;
    i32 => "a 32-bit integer", std::convert::identity::<i32>, |value: &i32| *value;
    i64 => "a 64-bit integer", std::convert::identity::<i64>, |value: &i64| *value;
    u32 => "an unsigned integer", std::convert::identity::<u32>, |value: &u32| *value;
}

impl Field for String {
    const EXPECTED: &'static str = "a string";
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(path.shape(Self::EXPECTED)),
        }
    }
    fn write(&self) -> Value {
        self.as_str().into()
    }
}

impl<T: Field> Field for Vec<T> {
    const EXPECTED: &'static str = "an array";
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
        let Value::Array(all) = value else { return Err(path.shape(Self::EXPECTED)) };
        let mut read = Self::with_capacity(all.len());
        // A loop, not a chain of adapters: this recurses with the nesting of blocks, and adapters cost stack.
        for (at, value) in all.into_iter().enumerate() {
            read.push(T::read(value, &path.at(at))?);
        }
        Ok(read)
    }
    fn write(&self) -> Value {
        self.iter().map(T::write).collect()
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl Field for Operand {
    const EXPECTED: &'static str = "an operand";
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
        let mut fields = Fields::of(value, path)?;
        match fields.take::<String>("type")?.as_str() {
            "local" => Ok(Self::Local(fields.take("value")?)),
            "string_index" => Ok(Self::String(fields.take("value")?)),
            "bool" => match fields.remove("value") {
                Some(Value::Bool(value)) => Ok(Self::Bool(value)),
                _ => Err(path.key("value").shape("a boolean")),
            },
            _ => Err(path.key("type").shape("`local`, `string_index` or `bool`")),
        }
    }
    fn write(&self) -> Value {
        match self {
            Self::Local(local) => json!({ "type": "local", "value": local.0 }),
            Self::String(index) => json!({ "type": "string_index", "value": index.0 }),
            Self::Bool(value) => json!({ "type": "bool", "value": value }),
        }
    }
}

impl Field for Block {
    const EXPECTED: &'static str = "a block";
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
        // A block within a block lies at least four steps further in.
        if path.depth > 4 * MAX_DEPTH + 16 {
            return Err(path.shape("less nesting"));
        }
        Ok(Self { stmts: Fields::of(value, path)?.take("stmts")? })
    }
    fn write(&self) -> Value {
        json!({ "stmts": self.stmts.write() })
    }
}

impl Field for Statement {
    const EXPECTED: &'static str = "a statement";
    fn read(value: Value, path: &Path<'_>) -> Result<Self, PlanJsonError> {
        let mut outer = Fields::of(value, path)?;
        let name: String = outer.take("type")?;
        let inner = path.key("stmt");
        let body = outer.remove("stmt").unwrap_or_else(|| Value::Object(Map::new()));
        let mut fields = Fields::of(body, &inner)?;
        let stmt = Stmt::read(&name, &mut fields)?;
        let mut number = |key: &'static str| match fields.remove(key) {
            None => Ok(0),
            Some(value) => u32::read(value, &inner.key(key)),
        };
        let location = Location {
            file: FileIndex(number("file")?),
            col: number("col")?,
            row: number("row")?,
            end_col: number("end_col")?,
            end_row: number("end_row")?,
        };
        Ok(Self { stmt, location })
    }
    fn write(&self) -> Value {
        let mut out = FieldWriter { members: Map::new() };
        self.stmt.write(&mut out);
        if let Stmt::MakeNumberRef { index, .. } = &self.stmt {
            out.put("Index", index);
        }
        let Location { file, col, row, end_col, end_row } = self.location;
        out.put("file", &file);
        for (key, number) in [("col", col), ("row", row), ("end_col", end_col), ("end_row", end_row)] {
            out.put(key, &number);
        }
        json!({ "type": self.stmt.name(), "stmt": out.members })
    }
}
