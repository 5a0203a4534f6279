//! The plan: what the planner gives and the code generator takes, in the terms of OPA's intermediate representation.
//!
//! A [`Policy`] holds constants, one [`Plan`] per entrypoint and the [`Func`]s they call. The types say no more than OPA's
//! do, so that `--emit plan` can be read by other tools and OPA's plans can be compiled here: [`Policy::from_json`] and
//! [`Policy::to_json`] speak OPA's plan JSON, `Display` is for people, and [`Policy::validate`] checks every index, so
//! that what comes after may rely on them. Evaluates nothing.
//!
//! A statement that is *undefined* leaves the innermost enclosing block: a [`Block`] of a function, plan or
//! [`Stmt::Block`], the body of a [`Stmt::Not`] or [`Stmt::With`], or one turn of a [`Stmt::Scan`].

mod display;
mod json;
mod validate;

pub use json::PlanJsonError;
pub use validate::{InvalidPlan, MAX_DEPTH, MAX_LOCALS};

/// A planned policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// String constants; [`StringIndex`] counts here. Numbers that [`Stmt::MakeNumberRef`] names are here as decimal text.
    pub strings: Vec<String>,
    /// The builtins that the policy may call, each name once.
    pub builtins: Vec<BuiltinFunc>,
    /// Names of source files; [`FileIndex`] counts here.
    pub files: Vec<String>,
    /// One per entrypoint; the position is the entrypoint's id.
    pub plans: Vec<Plan>,
    /// The functions that plans and functions call by name, each name once.
    pub funcs: Vec<Func>,
}

/// A builtin that the policy may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinFunc {
    /// Rego's name, such as `io.jwt.decode`.
    pub name: String,
    /// The declaration as OPA's type JSON (`{"args": […], "result": …, "type": "function"}`); `null` where not known.
    pub decl: serde_json::Value,
}

impl BuiltinFunc {
    /// Whether a call gives a value: declarations without `result` (`print`) give none.
    pub fn has_result(&self) -> bool {
        self.decl.is_null() || self.decl.get("result").is_some_and(|result| !result.is_null())
    }
}

/// The plan of one entrypoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The entrypoint, such as `policy/decision`.
    pub name: String,
    /// Run in order.
    pub blocks: Vec<Block>,
}

/// A function: a rule (two parameters, [`Local::INPUT`] and [`Local::DATA`]) or a Rego function (those two and its own).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Func {
    /// The name that calls use, such as `g0.data.policy.allow`.
    pub name: String,
    /// The locals that take the arguments.
    pub params: Vec<Local>,
    /// The local whose value is the result.
    pub ret: Local,
    /// Run in order, until a return.
    pub blocks: Vec<Block>,
    /// Where [`Stmt::CallDynamic`] finds the function, such as `["g0", "policy", "allow"]`; empty for "nowhere".
    pub path: Vec<String>,
}

/// Statements run in order, until one is undefined, breaks or returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Statement>,
}

/// A statement and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub stmt: Stmt,
    /// Where it comes from.
    pub location: Location,
}

/// A place in a source file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file.
    pub file: FileIndex,
    /// Column, from 1; 0 where not known.
    pub col: u32,
    /// Line, from 1; 0 where not known.
    pub row: u32,
    /// Column of the end; 0 where not known.
    pub end_col: u32,
    /// Line of the end; 0 where not known.
    pub end_row: u32,
}

/// A variable of a function or plan; undefined until assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local(pub u32);

impl Local {
    /// The local that holds the input document.
    pub const INPUT: Self = Self(0);
    /// The local that holds the data document.
    pub const DATA: Self = Self(1);
    /// The first local that is free in a plan.
    pub const UNUSED: Self = Self(2);
}

/// Index of a constant in [`Policy::strings`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StringIndex(pub u32);

/// Index of a file name in [`Policy::files`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIndex(pub u32);

/// A value that a statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A variable.
    Local(Local),
    /// A constant string.
    String(StringIndex),
    /// A constant boolean.
    Bool(bool),
}

impl From<Local> for Operand {
    fn from(local: Local) -> Self {
        Self::Local(local)
    }
}

impl From<StringIndex> for Operand {
    fn from(index: StringIndex) -> Self {
        Self::String(index)
    }
}

impl From<bool> for Operand {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl Stmt {
    /// The statement at a place.
    pub fn at(self, location: Location) -> Statement {
        Statement { stmt: self, location }
    }
}

/// Declares [`Stmt`] together with what its JSON form needs: OPA's name of each statement and of each field.
macro_rules! statements {
    ($($(#[$meta:meta])* $variant:ident = $name:literal {
        $($(#[$field_meta:meta])* $field:ident : $type:ty = $key:literal),* $(,)?
    })*) => {
        /// What a statement does.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Stmt {
            $($(#[$meta])* $variant { $($(#[$field_meta])* $field: $type),* },)*
        }

        impl Stmt {
            /// OPA's name of the statement.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            fn read(name: &str, fields: &mut json::Fields<'_>) -> Result<Self, json::PlanJsonError> {
                match name {
                    $($name => {
                        // A function of its own per statement keeps the frame of this one, which recurses, small.
                        #[inline(never)]
                        fn read(fields: &mut json::Fields<'_>) -> Result<Stmt, json::PlanJsonError> {
                            let _ = &fields;
                            Ok(Stmt::$variant { $($field: fields.take($key)?),* })
                        }
                        read(fields)
                    })*
                    _ => Err(fields.unknown_statement(name)),
                }
            }

            fn write(&self, out: &mut json::FieldWriter) {
                match self {
                    $(Self::$variant { $($field),* } => { $(out.put($key, $field);)* })*
                }
            }
        }
    };
}

statements! {
    /// Appends to the array in a local.
    ArrayAppend = "ArrayAppendStmt" {
        /// What is appended.
        value: Operand = "value",
        /// The array, mutated in place.
        array: Local = "array",
    }
    /// Assigns an integer constant.
    AssignInt = "AssignIntStmt" {
        /// The integer.
        value: i64 = "value",
        /// Assigned.
        target: Local = "target",
    }
    /// Assigns; never undefined.
    AssignVar = "AssignVarStmt" {
        /// The value.
        source: Operand = "source",
        /// Assigned.
        target: Local = "target",
    }
    /// Assigns; if the target is defined and differs, evaluation aborts with a conflict.
    AssignVarOnce = "AssignVarOnceStmt" {
        /// The value.
        source: Operand = "source",
        /// Assigned.
        target: Local = "target",
    }
    /// Runs blocks in order; each ends on its own.
    Block = "BlockStmt" {
        /// The blocks.
        blocks: Vec<Block> = "blocks",
    }
    /// Leaves `index + 1` enclosing blocks; in a scan's body the innermost means the next turn.
    Break = "BreakStmt" {
        /// How many blocks beyond the innermost.
        index: u32 = "index",
    }
    /// Calls a function or builtin by name; undefined where the result is.
    Call = "CallStmt" {
        /// Name of the function or builtin.
        func: String = "func",
        /// Arguments.
        args: Vec<Operand> = "args",
        /// Takes the result.
        result: Local = "result",
    }
    /// Calls the function whose [`Func::path`] equals the operands. Where there is none the statement is undefined;
    /// where the function's result is undefined, four enclosing blocks are left.
    CallDynamic = "CallDynamicStmt" {
        /// Arguments: input and data.
        args: Vec<Local> = "args",
        /// Takes the result.
        result: Local = "result",
        /// The path.
        path: Vec<Operand> = "path",
    }
    /// Looks a key up; undefined where there is none.
    Dot = "DotStmt" {
        /// Looked up in.
        source: Operand = "source",
        /// The key.
        key: Operand = "key",
        /// Takes the value.
        target: Local = "target",
    }
    /// Undefined unless equal.
    Equal = "EqualStmt" {
        /// Left.
        a: Operand = "a",
        /// Right.
        b: Operand = "b",
    }
    /// Undefined unless an array.
    IsArray = "IsArrayStmt" {
        /// Tested.
        source: Operand = "source",
    }
    /// Undefined unless the local is defined.
    IsDefined = "IsDefinedStmt" {
        /// Tested.
        source: Local = "source",
    }
    /// Undefined unless an object.
    IsObject = "IsObjectStmt" {
        /// Tested.
        source: Operand = "source",
    }
    /// Undefined unless a set.
    IsSet = "IsSetStmt" {
        /// Tested.
        source: Operand = "source",
    }
    /// Undefined if the local is defined.
    IsUndefined = "IsUndefinedStmt" {
        /// Tested.
        source: Local = "source",
    }
    /// The number of elements, as a number.
    Len = "LenStmt" {
        /// Measured.
        source: Operand = "source",
        /// Takes the number.
        target: Local = "target",
    }
    /// A new empty array.
    MakeArray = "MakeArrayStmt" {
        /// Room to reserve, in elements.
        capacity: i32 = "capacity",
        /// Takes it.
        target: Local = "target",
    }
    /// Null.
    MakeNull = "MakeNullStmt" {
        /// Takes it.
        target: Local = "target",
    }
    /// An integer.
    MakeNumberInt = "MakeNumberIntStmt" {
        /// The integer.
        value: i64 = "value",
        /// Takes it.
        target: Local = "target",
    }
    /// A number given as decimal text.
    MakeNumberRef = "MakeNumberRefStmt" {
        /// The text, in [`Policy::strings`].
        index: StringIndex = "index",
        /// Takes it.
        target: Local = "target",
    }
    /// A new empty object.
    MakeObject = "MakeObjectStmt" {
        /// Takes it.
        target: Local = "target",
    }
    /// A new empty set.
    MakeSet = "MakeSetStmt" {
        /// Takes it.
        target: Local = "target",
    }
    /// Nothing.
    Nop = "NopStmt" {}
    /// Undefined if the block runs to its end.
    Not = "NotStmt" {
        /// Run.
        block: Block = "block",
    }
    /// Undefined if equal.
    NotEqual = "NotEqualStmt" {
        /// Left.
        a: Operand = "a",
        /// Right.
        b: Operand = "b",
    }
    /// Puts a member into an object; the last value of a key wins.
    ObjectInsert = "ObjectInsertStmt" {
        /// The key.
        key: Operand = "key",
        /// The value.
        value: Operand = "value",
        /// The object, mutated in place.
        object: Local = "object",
    }
    /// Puts a member into an object; another value under the same key aborts evaluation with a conflict.
    ObjectInsertOnce = "ObjectInsertOnceStmt" {
        /// The key.
        key: Operand = "key",
        /// The value.
        value: Operand = "value",
        /// The object, mutated in place.
        object: Local = "object",
    }
    /// Merges two objects recursively; where both have a key and not both values are objects, `a`'s stays.
    ObjectMerge = "ObjectMergeStmt" {
        /// Wins.
        a: Local = "a",
        /// Adds to it.
        b: Local = "b",
        /// Takes a new object.
        target: Local = "target",
    }
    /// Sets a local to undefined.
    ResetLocal = "ResetLocalStmt" {
        /// Reset.
        target: Local = "target",
    }
    /// Adds a value to the result set of the plan.
    ResultSetAdd = "ResultSetAddStmt" {
        /// Added.
        value: Local = "value",
    }
    /// Returns from the function.
    ReturnLocal = "ReturnLocalStmt" {
        /// The result.
        source: Local = "source",
    }
    /// Runs a block once per member of a collection; not at all for anything else.
    Scan = "ScanStmt" {
        /// The collection.
        source: Local = "source",
        /// Takes the key (of a set: the element).
        key: Local = "key",
        /// Takes the value.
        value: Local = "value",
        /// Run.
        block: Block = "block",
    }
    /// Adds to a set.
    SetAdd = "SetAddStmt" {
        /// Added.
        value: Operand = "value",
        /// The set, mutated in place.
        set: Local = "set",
    }
    /// Replaces a local, or the part of it at `path`, while the block runs. Undefined unless the block runs to its end.
    With = "WithStmt" {
        /// Replaced.
        local: Local = "local",
        /// Keys, each in [`Policy::strings`]; empty for the whole.
        path: Vec<StringIndex> = "path",
        /// The value that takes the place.
        value: Operand = "value",
        /// Run.
        block: Block = "block",
    }
}
