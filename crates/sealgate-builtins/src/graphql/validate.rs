//! The rules that a query must keep against a schema: one walk over the document that gathers every finding, in the order
//! of OPA's validator, so that messages are the same.
//!
//! What the walk learns of a node (its definition, the type that is expected of it) is kept in [`Notes`] by the node's id,
//! for the rules that look at other nodes: they see what has been walked, and nothing of what has not.

mod overlap;
mod rules;
mod suggest;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{
    Argument, Counts, Definition, Directive, DirectiveDefinition, Field, FieldDefinition, Fragment, FragmentSpread, Id,
    InlineFragment, Operation, Position, QueryDocument, Selection, Type, Value, ValueKind, VariableDefinition,
    argument,
};
use super::error::{Budget, Finding, Refused};
use super::schema::{Schema, implicit_field};
use crate::deadline::Deadline;

type Checked = Result<(), Refused>;

/// # Errors
/// [`Refused::Rules`] with everything that is wrong, or [`Refused::Bound`].
pub(super) fn validate(schema: &Schema, document: &QueryDocument, deadline: Deadline) -> Checked {
    let typename = implicit_field("__typename", Type::new("String", false), Vec::new());
    let budget = Budget::new(deadline);
    let mut walker = Walker::new(schema, document, &typename, budget);
    walker.walk()?;
    if walker.findings.is_empty() { Ok(()) } else { Err(Refused::Rules(walker.findings)) }
}

/// What is known of a field.
#[derive(Clone, Copy, Default)]
struct FieldNote<'a> {
    definition: Option<&'a FieldDefinition>,
    /// The type that it is selected from.
    parent: Option<&'a Definition>,
}

/// What is known of a literal.
#[derive(Clone, Copy, Default)]
struct ValueNote<'a> {
    definition: Option<&'a Definition>,
    expected: Option<&'a Type>,
    /// Whether the place that it stands in has a default.
    has_default: bool,
    variable: Option<&'a VariableDefinition>,
}

#[derive(Default)]
struct Notes<'a> {
    fields: Vec<FieldNote<'a>>,
    spreads: Vec<Option<&'a Fragment>>,
    values: Vec<ValueNote<'a>>,
    variables: Vec<Option<&'a Definition>>,
    used: Vec<bool>,
}

impl<'a> Notes<'a> {
    fn new(counts: Counts) -> Self {
        Self {
            fields: vec![FieldNote::default(); counts.fields],
            spreads: vec![None; counts.spreads],
            values: vec![ValueNote::default(); counts.values],
            variables: vec![None; counts.variables],
            used: vec![false; counts.variables],
        }
    }

    fn field(&self, field: &Field) -> FieldNote<'a> {
        self.fields.get(field.id.0).copied().unwrap_or_default()
    }

    fn spread(&self, spread: &FragmentSpread) -> Option<&'a Fragment> {
        self.spreads.get(spread.id.0).copied().flatten()
    }

    fn value(&self, value: &Value) -> ValueNote<'a> {
        self.values.get(value.id.0).copied().unwrap_or_default()
    }

    fn variable(&self, variable: &VariableDefinition) -> Option<&'a Definition> {
        self.variables.get(variable.id.0).copied().flatten()
    }
}

fn note<T>(notes: &mut [T], id: Id) -> Option<&mut T> {
    notes.get_mut(id.0)
}

/// A directive where it is used.
#[derive(Clone, Copy)]
struct UsedDirective<'a> {
    directive: &'a Directive,
    definition: Option<&'a DirectiveDefinition>,
    location: &'static str,
}

/// What rules remember from one node to the next.
#[derive(Default)]
struct Memory<'a> {
    misplaced_directives: BTreeSet<(&'a str, Option<(i64, i64)>)>,
    /// Fragments whose cycles were looked for.
    cycles_seen: BTreeSet<&'a str>,
    /// Fragments that operations spread; complete once the first fragment is walked.
    spread: BTreeSet<&'a str>,
    in_fragments: bool,
    fragment_names: BTreeSet<&'a str>,
    operation_names: BTreeSet<&'a str>,
    overlap: overlap::Compared<'a>,
}

struct Walker<'a> {
    schema: &'a Schema,
    document: &'a QueryDocument,
    fragments: BTreeMap<&'a str, &'a Fragment>,
    typename: &'a FieldDefinition,
    notes: Notes<'a>,
    memory: Memory<'a>,
    operation: Option<&'a Operation>,
    /// Fragments that were walked from this operation or fragment.
    walked: BTreeSet<&'a str>,
    budget: Budget,
    findings: Vec<Finding>,
}

impl<'a> Walker<'a> {
    fn new(schema: &'a Schema, document: &'a QueryDocument, typename: &'a FieldDefinition, budget: Budget) -> Self {
        let mut fragments = BTreeMap::new();
        for fragment in &document.fragments {
            fragments.entry(fragment.name.as_str()).or_insert(fragment);
        }
        Self {
            schema,
            document,
            fragments,
            typename,
            notes: Notes::new(document.counts),
            memory: Memory::default(),
            operation: None,
            walked: BTreeSet::new(),
            budget,
            findings: Vec::new(),
        }
    }

    fn report(&mut self, position: Option<Position>, message: String) -> Checked {
        // Long messages are work too: they cost as much as they hold.
        self.budget.spend(message.len() / 8)?;
        self.findings.push(Finding { message, position });
        Ok(())
    }

    fn walk(&mut self) -> Checked {
        for operation in &self.document.operations {
            self.walked.clear();
            self.walk_operation(operation)?;
        }
        for fragment in &self.document.fragments {
            self.walked.clear();
            let definition = self.schema.get(&fragment.type_condition);
            self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
            self.walk_selections(definition, &fragment.selections)?;
            self.on_fragment(fragment, definition)?;
        }
        Ok(())
    }

    fn walk_operation(&mut self, operation: &'a Operation) -> Checked {
        self.operation = Some(operation);
        for variable in &operation.variables {
            let definition = self.schema.get(variable.ty.name());
            if let Some(note) = note(&mut self.notes.variables, variable.id) {
                *note = definition;
            }
            if variable.used
                && let Some(used) = note(&mut self.notes.used, variable.id)
            {
                *used = true;
            }
            if definition.is_none() {
                self.report(variable.position, format!(r#"Unknown type "{}"."#, variable.ty.name()))?;
            }
            if let Some(note) = variable.default.as_ref().and_then(|value| note(&mut self.notes.values, value.id)) {
                note.expected = Some(&variable.ty);
                note.definition = definition;
            }
        }
        let location = match operation.operation.as_str() {
            "mutation" => "MUTATION",
            "subscription" => "SUBSCRIPTION",
            _ => "QUERY",
        };
        for variable in &operation.variables {
            if let Some(default) = &variable.default {
                self.walk_value(default)?;
            }
            self.walk_directives(&variable.directives, "VARIABLE_DEFINITION")?;
        }
        self.walk_directives(&operation.directives, location)?;
        self.walk_selections(self.schema.root(&operation.operation), &operation.selections)?;
        self.on_operation(operation)?;
        self.operation = None;
        Ok(())
    }

    fn walk_directives(&mut self, directives: &'a [Directive], location: &'static str) -> Checked {
        for directive in directives {
            self.budget.spend(1)?;
            let definition = self.schema.directives.get(&directive.name);
            for given in &directive.arguments {
                let wanted = definition.map_or(&[][..], |definition| &definition.arguments);
                self.walk_argument(wanted, given)?;
            }
            self.on_directive(UsedDirective { directive, definition, location })?;
        }
        self.unique_directives(directives)
    }

    fn walk_argument(&mut self, wanted: &'a [super::ast::ArgumentDefinition], given: &'a Argument) -> Checked {
        self.budget.spend(wanted.len())?;
        if let Some(definition) = argument(wanted, &given.name)
            && let Some(note) = note(&mut self.notes.values, given.value.id)
        {
            note.expected = Some(&definition.ty);
            note.has_default = definition.default.as_ref().is_some_and(|value| value.kind != ValueKind::Null);
            note.definition = self.schema.get(definition.ty.name());
        }
        self.walk_value(&given.value)
    }

    fn walk_value(&mut self, value: &'a Value) -> Checked {
        self.budget.enter()?;
        if value.kind == ValueKind::Variable
            && let Some(operation) = self.operation
        {
            self.budget.spend(operation.variables.len())?;
            let variable = operation.variables.iter().find(|variable| variable.variable == value.raw);
            if let Some(note) = note(&mut self.notes.values, value.id) {
                note.variable = variable;
            }
            if let Some(used) = variable.and_then(|variable| note(&mut self.notes.used, variable.id)) {
                *used = true;
            }
        }
        let known = self.notes.value(value);
        for child in &value.children {
            let learnt = match value.kind {
                ValueKind::Object => {
                    let fields = known.definition.map_or(0, |definition| definition.fields.len());
                    self.budget.spend(fields)?;
                    known.definition.and_then(|definition| definition.field(&child.name)).map(|field| {
                        let has_default = field.default.as_ref().is_some_and(|value| value.kind != ValueKind::Null);
                        (&field.ty, Some(has_default), self.schema.get(field.ty.name()))
                    })
                }
                ValueKind::List => known
                    .expected
                    .and_then(|expected| expected.element.as_deref())
                    .map(|element| (element, None, known.definition)),
                _ => break,
            };
            if let Some((expected, has_default, definition)) = learnt
                && let Some(note) = note(&mut self.notes.values, child.value.id)
            {
                note.expected = Some(expected);
                note.definition = definition;
                note.has_default = has_default.unwrap_or(note.has_default);
            }
            self.walk_value(&child.value)?;
        }
        self.budget.leave();
        self.on_value(value)
    }

    fn walk_selections(&mut self, parent: Option<&'a Definition>, selections: &'a [Selection]) -> Checked {
        self.budget.enter()?;
        for selection in selections {
            match selection {
                Selection::Field(field) => self.walk_field(parent, field)?,
                Selection::Inline(fragment) => self.walk_inline(parent, fragment)?,
                Selection::Spread(spread) => self.walk_spread(parent, spread)?,
            }
        }
        self.budget.leave();
        Ok(())
    }

    fn walk_field(&mut self, parent: Option<&'a Definition>, field: &'a Field) -> Checked {
        self.budget.spend(parent.map_or(0, |parent| parent.fields.len() / 8))?;
        let definition = if field.name == "__typename" {
            Some(self.typename)
        } else {
            parent.and_then(|parent| parent.field(&field.name))
        };
        if let Some(note) = note(&mut self.notes.fields, field.id) {
            *note = FieldNote { definition, parent };
        }
        for given in &field.arguments {
            let wanted = definition.map_or(&[][..], |definition| &definition.arguments);
            self.walk_argument(wanted, given)?;
        }
        self.walk_directives(&field.directives, "FIELD")?;
        let next = definition.and_then(|definition| self.schema.get(definition.ty.name()));
        self.walk_selections(next, &field.selections)?;
        self.on_field(field)
    }

    fn walk_inline(&mut self, parent: Option<&'a Definition>, fragment: &'a InlineFragment) -> Checked {
        let next = if fragment.type_condition.is_empty() { parent } else { self.schema.get(&fragment.type_condition) };
        self.walk_directives(&fragment.directives, "INLINE_FRAGMENT")?;
        self.walk_selections(next, &fragment.selections)?;
        self.on_inline_fragment(fragment, parent)
    }

    fn walk_spread(&mut self, parent: Option<&'a Definition>, spread: &'a FragmentSpread) -> Checked {
        let fragment = self.fragments.get(spread.name.as_str()).copied();
        if let Some(note) = note(&mut self.notes.spreads, spread.id) {
            *note = fragment;
        }
        self.walk_directives(&spread.directives, "FRAGMENT_SPREAD")?;
        if let Some(fragment) = fragment
            && self.walked.insert(&fragment.name)
        {
            let next = self.schema.get(&fragment.type_condition);
            self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
            self.walk_selections(next, &fragment.selections)?;
        }
        self.on_fragment_spread(spread, parent)
    }
}
