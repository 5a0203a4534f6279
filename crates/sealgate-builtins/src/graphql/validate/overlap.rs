//! `OverlappingFieldsCanBeMerged`: fields of one response name must be one field, with the same arguments and type.
//!
//! Compares within a selection set, then with each fragment that it spreads, then the fragments with each other, and so on
//! down; pairs of fragments that were compared are remembered. Nested fragments can make this exponential, so every
//! comparison is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Walker};
use crate::graphql::ast::{Argument, Field, FragmentSpread, Position, Selection, Type, kind};
use crate::graphql::error::Refused;

/// The pairs of fragments that were compared: whether as parts of types that exclude each other.
#[derive(Default)]
pub(super) struct Compared<'a> {
    pairs: BTreeMap<(&'a str, &'a str), bool>,
    /// Fragments that the selection set at hand was compared with.
    fragments: BTreeSet<&'a str>,
}

impl<'a> Compared<'a> {
    fn has(&self, a: &'a str, b: &'a str, exclusive: bool) -> bool {
        // What was compared without exclusion was compared with it too.
        self.pairs.get(&(a, b)).is_some_and(|was_exclusive| exclusive || !was_exclusive)
    }

    fn add(&mut self, a: &'a str, b: &'a str, exclusive: bool) {
        self.pairs.insert((a, b), exclusive);
        self.pairs.insert((b, a), exclusive);
    }
}

/// Fields by response name, in the order in which the names come first.
#[derive(Default)]
struct Fields<'a> {
    names: Vec<&'a str>,
    by_name: BTreeMap<&'a str, Vec<&'a Field>>,
}

impl<'a> Fields<'a> {
    fn iter(&self) -> impl Iterator<Item = (&'a str, &[&'a Field])> {
        self.names.iter().filter_map(|name| Some((*name, self.by_name.get(name)?.as_slice())))
    }

    /// Whether these are the very same fields.
    fn is(&self, other: &Self) -> bool {
        let same = |a: &[&Field], b: &[&Field]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.id == b.id);
        self.names == other.names && self.iter().zip(other.iter()).all(|((_, a), (_, b))| same(a, b))
    }
}

struct Conflict<'a> {
    name: &'a str,
    /// Why, or which parts of the fields conflict.
    reason: Result<String, Vec<Self>>,
    position: Option<Position>,
}

impl Conflict<'_> {
    fn write(&self, out: &mut String) {
        match &self.reason {
            Ok(reason) => out.push_str(reason),
            Err(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    out.push_str(if index > 0 { " and " } else { "" });
                    out.push_str("subfields \"");
                    out.push_str(part.name);
                    out.push_str("\" conflict because ");
                    part.write(out);
                }
            }
        }
    }
}

type Conflicts<'a> = Vec<Conflict<'a>>;

impl<'a> Walker<'a> {
    pub(super) fn overlap(&mut self, selections: &'a [Selection]) -> Checked {
        if selections.is_empty() {
            return Ok(());
        }
        let (fields, spreads) = self.collect(selections)?;
        let mut conflicts = Vec::new();
        for (_, fields) in fields.iter() {
            for (index, a) in fields.iter().enumerate() {
                for b in fields.get(index.saturating_add(1)..).unwrap_or_default() {
                    conflicts.extend(self.conflict(false, a, b)?);
                }
            }
        }
        self.memory.overlap.fragments.clear();
        for (index, a) in spreads.iter().enumerate() {
            self.fields_and_fragment(&mut conflicts, false, &fields, a)?;
            for b in spreads.get(index.saturating_add(1)..).unwrap_or_default() {
                self.fragments(&mut conflicts, false, a, b)?;
            }
        }
        for conflict in conflicts {
            let mut reason = String::new();
            conflict.write(&mut reason);
            let message = format!(
                r#"Fields "{}" conflict because {reason}. Use different aliases on the fields to fetch both if this was intentional."#,
                conflict.name
            );
            self.report(conflict.position, message)?;
        }
        Ok(())
    }

    /// The fields of a selection set, inline fragments included, and the fragments that it spreads.
    fn collect(&mut self, selections: &'a [Selection]) -> Result<(Fields<'a>, Vec<&'a FragmentSpread>), Refused> {
        let (mut fields, mut spreads) = (Fields::default(), Vec::new());
        let mut waiting = vec![selections.iter()];
        while let Some(level) = waiting.last_mut() {
            self.budget.spend(1)?;
            match level.next() {
                None => {
                    waiting.pop();
                }
                Some(Selection::Inline(fragment)) => waiting.push(fragment.selections.iter()),
                Some(Selection::Spread(spread)) => spreads.push(spread),
                Some(Selection::Field(field)) => {
                    let name = if field.alias.is_empty() { &field.name } else { &field.alias };
                    fields.by_name.entry(name).or_insert_with(|| {
                        fields.names.push(name);
                        Vec::new()
                    });
                    fields.by_name.entry(name).or_default().push(field);
                }
            }
        }
        Ok((fields, spreads))
    }

    fn fields_and_fragment(
        &mut self,
        conflicts: &mut Conflicts<'a>,
        exclusive: bool,
        fields: &Fields<'a>,
        spread: &'a FragmentSpread,
    ) -> Checked {
        if !self.memory.overlap.fragments.insert(&spread.name) {
            return Ok(());
        }
        let Some(fragment) = self.notes.spread(spread) else { return Ok(()) };
        self.budget.enter()?;
        let (others, spreads) = self.collect(&fragment.selections)?;
        if !fields.is(&others) {
            self.between(conflicts, exclusive, fields, &others)?;
            for inner in spreads.into_iter().filter(|inner| inner.name != spread.name) {
                self.fields_and_fragment(conflicts, exclusive, fields, inner)?;
            }
        }
        self.budget.leave();
        Ok(())
    }

    fn fragments(
        &mut self,
        conflicts: &mut Conflicts<'a>,
        exclusive: bool,
        a: &'a FragmentSpread,
        b: &'a FragmentSpread,
    ) -> Checked {
        self.budget.spend(1)?;
        if a.name == b.name || self.memory.overlap.has(&a.name, &b.name, exclusive) {
            return Ok(());
        }
        self.memory.overlap.add(&a.name, &b.name, exclusive);
        let (Some(fragment_a), Some(fragment_b)) = (self.notes.spread(a), self.notes.spread(b)) else { return Ok(()) };
        self.budget.enter()?;
        let (fields_a, spreads_a) = self.collect(&fragment_a.selections)?;
        let (fields_b, spreads_b) = self.collect(&fragment_b.selections)?;
        self.between(conflicts, exclusive, &fields_a, &fields_b)?;
        for inner in spreads_b {
            self.fragments(conflicts, exclusive, a, inner)?;
        }
        for inner in spreads_a {
            self.fragments(conflicts, exclusive, inner, b)?;
        }
        self.budget.leave();
        Ok(())
    }

    fn between(
        &mut self,
        conflicts: &mut Conflicts<'a>,
        exclusive: bool,
        left: &Fields<'a>,
        right: &Fields<'a>,
    ) -> Checked {
        for (name, fields) in left.iter() {
            self.budget.spend(1)?;
            for a in fields {
                for b in right.by_name.get(name).into_iter().flatten() {
                    conflicts.extend(self.conflict(exclusive, a, b)?);
                }
            }
        }
        Ok(())
    }

    fn conflict(&mut self, exclusive: bool, a: &'a Field, b: &'a Field) -> Result<Option<Conflict<'a>>, Refused> {
        self.budget.spend(1)?;
        let (known_a, known_b) = (self.notes.field(a), self.notes.field(b));
        let (Some(parent_a), Some(parent_b)) = (known_a.parent, known_b.parent) else { return Ok(None) };
        let definitions = known_a.definition.zip(known_b.definition);
        let exclusive = exclusive
            || (parent_a.name != parent_b.name
                && parent_a.kind == kind::OBJECT
                && parent_b.kind == kind::OBJECT
                && definitions.is_some());
        let conflict = |reason| Conflict {
            name: if a.alias.is_empty() { &a.name } else { &a.alias },
            reason,
            position: b.position,
        };
        if !exclusive {
            if a.name != b.name {
                let reason = format!(r#""{}" and "{}" are different fields"#, a.name, b.name);
                return Ok(Some(conflict(Ok(reason))));
            }
            self.budget.spend(a.arguments.len().saturating_mul(b.arguments.len()))?;
            if !same_arguments(&a.arguments, &b.arguments) {
                return Ok(Some(conflict(Ok("they have differing arguments".to_owned()))));
            }
        }
        if let Some((definition_a, definition_b)) = definitions
            && self.types_conflict(&definition_a.ty, &definition_b.ty)
        {
            let (a, b) = (&definition_a.ty, &definition_b.ty);
            return Ok(Some(conflict(Ok(format!(r#"they return conflicting types "{a}" and "{b}""#)))));
        }
        let parts = self.between_selections(exclusive, &a.selections, &b.selections)?;
        Ok(if parts.is_empty() { None } else { Some(conflict(Err(parts))) })
    }

    fn between_selections(
        &mut self,
        exclusive: bool,
        left: &'a [Selection],
        right: &'a [Selection],
    ) -> Result<Conflicts<'a>, Refused> {
        self.budget.enter()?;
        let mut conflicts = Vec::new();
        let (fields_a, spreads_a) = self.collect(left)?;
        let (fields_b, spreads_b) = self.collect(right)?;
        self.between(&mut conflicts, exclusive, &fields_a, &fields_b)?;
        for spread in &spreads_b {
            self.memory.overlap.fragments.clear();
            self.fields_and_fragment(&mut conflicts, exclusive, &fields_a, spread)?;
        }
        for spread in &spreads_a {
            self.memory.overlap.fragments.clear();
            self.fields_and_fragment(&mut conflicts, exclusive, &fields_b, spread)?;
        }
        for a in &spreads_a {
            for b in &spreads_b {
                self.fragments(&mut conflicts, exclusive, a, b)?;
            }
        }
        self.budget.leave();
        Ok(conflicts)
    }

    fn types_conflict(&self, a: &Type, b: &Type) -> bool {
        match (&a.element, &b.element) {
            (Some(a), Some(b)) => return self.types_conflict(a, b),
            (None, None) => {}
            _ => return true,
        }
        let leaf = |ty: &Type| self.schema.get(&ty.named).filter(|definition| definition.is_leaf());
        a.non_null != b.non_null || leaf(a).zip(leaf(b)).is_some_and(|(a, b)| a.name != b.name)
    }
}

/// As the reference compares them: by name, kind and text; the parts of lists and objects are not looked at.
fn same_arguments(left: &[Argument], right: &[Argument]) -> bool {
    let same =
        |a: &Argument, b: &Argument| a.name == b.name && a.value.kind == b.value.kind && a.value.raw == b.value.raw;
    left.len() == right.len() && left.iter().all(|a| right.iter().any(|b| same(a, b)))
}
