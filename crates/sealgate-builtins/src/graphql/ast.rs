//! The syntax tree of GraphQL documents, in the shape that OPA shows policies: the structures of the Go library
//! `gqlparser`, field by field. `encode` and `decode` carry it to and from Rego values.
//!
//! Nodes that validation says something about have an [`Id`]; what it says is kept beside the tree, never in it.

/// Where something stands: line and column as OPA's parser counts them, which may be wrong by the length of a string
/// literal, and then even negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: i64,
    pub(super) column: i64,
    /// Whether it is a place in the definitions that every schema has.
    pub(super) prelude: bool,
}

/// Numbers the nodes of one kind in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Id(pub(super) usize);

/// The texts of comment lines that stand together, `#` included.
pub(super) type Comment = Option<Vec<String>>;

/// How many nodes of each kind a document has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) fields: usize,
    pub(super) spreads: usize,
    pub(super) values: usize,
    pub(super) variables: usize,
}

/// Hands out ids.
#[derive(Debug, Default)]
pub(super) struct Ids(pub(super) Counts);

impl Ids {
    pub(super) fn field(&mut self) -> Id {
        next(&mut self.0.fields)
    }

    pub(super) fn spread(&mut self) -> Id {
        next(&mut self.0.spreads)
    }

    pub(super) fn value(&mut self) -> Id {
        next(&mut self.0.values)
    }

    pub(super) fn variable(&mut self) -> Id {
        next(&mut self.0.variables)
    }
}

fn next(count: &mut usize) -> Id {
    let id = Id(*count);
    *count = count.saturating_add(1);
    id
}

#[derive(Debug, Default)]
pub(super) struct QueryDocument {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
    pub(super) comment: Comment,
    pub(super) counts: Counts,
}

#[derive(Debug, Default)]
pub(super) struct Operation {
    /// `query`, `mutation`, `subscription`; empty is a query.
    pub(super) operation: String,
    pub(super) name: String,
    pub(super) variables: Vec<VariableDefinition>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug)]
pub(super) struct VariableDefinition {
    pub(super) id: Id,
    pub(super) variable: String,
    pub(super) ty: Type,
    pub(super) default: Option<Value>,
    pub(super) directives: Vec<Directive>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
    pub(super) used: bool,
}

#[derive(Debug, Default)]
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) variables: Vec<VariableDefinition>,
    pub(super) type_condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    Spread(FragmentSpread),
    Inline(InlineFragment),
}

#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) id: Id,
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Default)]
pub(super) struct FragmentSpread {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Default)]
pub(super) struct InlineFragment {
    pub(super) type_condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) position: Option<Position>,
    /// Empty unless the document came as a value that says otherwise.
    pub(super) location: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Type {
    /// Empty for a list.
    pub(super) named: String,
    pub(super) element: Option<Box<Self>>,
    pub(super) non_null: bool,
    pub(super) position: Option<Position>,
}

/// What a literal is. The numbers are the ones that policies see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    Variable = 0,
    Int = 1,
    Float = 2,
    String = 3,
    Block = 4,
    Boolean = 5,
    Null = 6,
    Enum = 7,
    List = 8,
    Object = 9,
}

impl ValueKind {
    pub(super) const ALL: [Self; 10] = [
        Self::Variable,
        Self::Int,
        Self::Float,
        Self::String,
        Self::Block,
        Self::Boolean,
        Self::Null,
        Self::Enum,
        Self::List,
        Self::Object,
    ];
}

#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) id: Id,
    pub(super) raw: String,
    pub(super) children: Vec<ChildValue>,
    pub(super) kind: ValueKind,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
    pub(super) expected_type_has_default: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ChildValue {
    /// Empty in a list.
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Clone, Default)]
pub(super) struct SchemaDocument {
    pub(super) schema: Vec<SchemaDefinition>,
    pub(super) schema_extensions: Vec<SchemaDefinition>,
    pub(super) directives: Vec<DirectiveDefinition>,
    pub(super) definitions: Vec<Definition>,
    pub(super) extensions: Vec<Definition>,
    pub(super) comment: Comment,
}

/// The comments around a definition.
#[derive(Debug, Clone, Default)]
pub(super) struct Comments {
    pub(super) before_description: Comment,
    pub(super) after_description: Comment,
    pub(super) end: Comment,
}

#[derive(Debug, Clone, Default)]
pub(super) struct SchemaDefinition {
    pub(super) description: String,
    pub(super) directives: Vec<Directive>,
    pub(super) operation_types: Vec<OperationType>,
    pub(super) position: Option<Position>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone, Default)]
pub(super) struct OperationType {
    pub(super) operation: String,
    pub(super) ty: String,
    pub(super) position: Option<Position>,
    pub(super) comment: Comment,
}

#[derive(Debug, Clone, Default)]
pub(super) struct DirectiveDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    pub(super) locations: Vec<String>,
    pub(super) repeatable: bool,
    pub(super) position: Option<Position>,
    pub(super) comments: Comments,
}

/// The definition of a type, or its extension.
#[derive(Debug, Clone, Default)]
pub(super) struct Definition {
    /// One of [`kind`]; a document that came as a value may say anything.
    pub(super) kind: String,
    pub(super) description: String,
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) interfaces: Vec<String>,
    pub(super) fields: Vec<FieldDefinition>,
    /// The members of a union, and where each stands.
    pub(super) types: Vec<String>,
    pub(super) type_positions: Vec<Option<Position>>,
    pub(super) enum_values: Vec<EnumValue>,
    pub(super) position: Option<Position>,
    pub(super) built_in: bool,
    pub(super) comments: Comments,
}

/// The kinds of definitions, which are also places for directives.
pub(super) mod kind {
    pub(in super::super) const SCALAR: &str = "SCALAR";
    pub(in super::super) const OBJECT: &str = "OBJECT";
    pub(in super::super) const INTERFACE: &str = "INTERFACE";
    pub(in super::super) const UNION: &str = "UNION";
    pub(in super::super) const ENUM: &str = "ENUM";
    pub(in super::super) const INPUT_OBJECT: &str = "INPUT_OBJECT";
}

#[derive(Debug, Clone)]
pub(super) struct FieldDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    pub(super) default: Option<Value>,
    pub(super) ty: Type,
    pub(super) directives: Vec<Directive>,
    pub(super) position: Option<Position>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct ArgumentDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) default: Option<Value>,
    pub(super) ty: Type,
    pub(super) directives: Vec<Directive>,
    pub(super) position: Option<Position>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone, Default)]
pub(super) struct EnumValue {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) position: Option<Position>,
    pub(super) comments: Comments,
}

impl Type {
    pub(super) fn new(named: &str, non_null: bool) -> Self {
        Self { named: named.to_owned(), element: None, non_null, position: None }
    }

    /// The name of the innermost type.
    pub(super) fn name(&self) -> &str {
        match &self.element {
            Some(element) if self.named.is_empty() => element.name(),
            _ => &self.named,
        }
    }

    /// Whether a value of this type may stand where `other` is wanted.
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        if self.named != other.named {
            return false;
        }
        let elements = match (&self.element, &other.element) {
            (Some(mine), Some(theirs)) => mine.is_compatible(theirs),
            (Some(_), None) => false,
            (None, _) => true,
        };
        elements && (self.non_null || !other.non_null)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.element {
            Some(element) if self.named.is_empty() => write!(f, "[{element}]")?,
            _ => f.write_str(&self.named)?,
        }
        f.write_str(if self.non_null { "!" } else { "" })
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            ValueKind::Variable => write!(f, "${}", self.raw),
            ValueKind::String | ValueKind::Block => f.write_str(&super::error::quote(&self.raw)),
            ValueKind::List | ValueKind::Object => {
                let (open, close) = if self.kind == ValueKind::List { ('[', ']') } else { ('{', '}') };
                write!(f, "{open}")?;
                for (index, child) in self.children.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    if self.kind == ValueKind::Object {
                        write!(f, "{}:", child.name)?;
                    }
                    write!(f, "{}", child.value)?;
                }
                write!(f, "{close}")
            }
            _ => f.write_str(&self.raw),
        }
    }
}

impl Value {
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name).map(|child| &child.value)
    }
}

impl Definition {
    pub(super) fn is(&self, kinds: &[&str]) -> bool {
        kinds.contains(&self.kind.as_str())
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.is(&[kind::ENUM, kind::SCALAR])
    }

    pub(super) fn is_abstract(&self) -> bool {
        self.is(&[kind::INTERFACE, kind::UNION])
    }

    pub(super) fn is_composite(&self) -> bool {
        self.is(&[kind::OBJECT, kind::INTERFACE, kind::UNION])
    }

    pub(super) fn is_input(&self) -> bool {
        self.is(&[kind::SCALAR, kind::ENUM, kind::INPUT_OBJECT])
    }

    pub(super) fn field(&self, name: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|field| field.name == name)
    }
}

pub(super) fn argument<'a>(arguments: &'a [ArgumentDefinition], name: &str) -> Option<&'a ArgumentDefinition> {
    arguments.iter().find(|argument| argument.name == name)
}
