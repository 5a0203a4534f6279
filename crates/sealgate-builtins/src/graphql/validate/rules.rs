//! Rules for operations, fragments, fields and directives. At each node they run in the order of their names.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, UsedDirective, Walker, suggest};
use crate::graphql::ast::{
    Argument, ArgumentDefinition, Definition, Directive, Field, Fragment, FragmentSpread, InlineFragment, Operation,
    Position, Selection, argument, kind,
};
use crate::graphql::error::{Refused, quote};

/// Lists within lists that introspection may ask for.
const MAX_LISTS: usize = 3;

impl<'a> Walker<'a> {
    pub(super) fn on_operation(&mut self, operation: &'a Operation) -> Checked {
        if self.schema.root(&operation.operation).is_none() {
            let message = format!(r#"Schema does not support operation type "{}""#, operation.operation);
            self.report(operation.position, message)?;
        }
        if operation.name.is_empty() && self.document.operations.len() > 1 {
            let message = "This anonymous operation must be the only defined operation.".to_owned();
            self.report(operation.position, message)?;
        }
        self.unused_variables(operation)?;
        self.overlap(&operation.selections)?;
        self.single_field_subscription(operation)?;
        if !self.memory.operation_names.insert(&operation.name) {
            let message = format!(r#"There can be only one operation named "{}"."#, operation.name);
            self.report(operation.position, message)?;
        }
        self.variable_definitions(operation)
    }

    pub(super) fn on_fragment(&mut self, fragment: &'a Fragment, definition: Option<&'a Definition>) -> Checked {
        let (name, condition, position) = (&fragment.name, &fragment.type_condition, fragment.position);
        if let Some(definition) = definition
            && !condition.is_empty()
            && !definition.is_composite()
        {
            let message = format!(r#"Fragment "{name}" cannot condition on non composite type "{condition}"."#);
            self.report(position, message)?;
        }
        if definition.is_none() {
            let options = self.schema.types.keys().map(String::as_str);
            let near = suggest::suggestion("Did you mean", condition, options, &mut self.budget)?;
            self.report(position, format!(r#"Unknown type "{condition}"."#) + &near)?;
        }
        self.fragment_cycles(fragment, &mut Vec::new(), &mut BTreeMap::new())?;
        self.memory.in_fragments = true;
        if !self.memory.spread.contains(name.as_str()) {
            self.report(position, format!(r#"Fragment "{name}" is never used."#))?;
        }
        self.overlap(&fragment.selections)?;
        if !self.memory.fragment_names.insert(name) {
            self.report(position, format!(r#"There can be only one fragment named "{name}"."#))?;
        }
        Ok(())
    }

    pub(super) fn on_inline_fragment(
        &mut self,
        fragment: &'a InlineFragment,
        parent: Option<&'a Definition>,
    ) -> Checked {
        let (condition, position) = (&fragment.type_condition, fragment.position);
        match self.schema.get(condition) {
            Some(found) if !found.is_composite() => {
                self.report(position, format!(r#"Fragment cannot condition on non composite type "{condition}"."#))?;
            }
            None if !condition.is_empty() => self.report(position, format!(r#"Unknown type "{condition}"."#))?,
            _ => {}
        }
        self.overlap(&fragment.selections)?;
        if let Some(parent) = self.impossible_spread(parent, condition)? {
            let message = format!(
                r#"Fragment cannot be spread here as objects of type "{parent}" can never be of type "{condition}"."#
            );
            self.report(position, message)?;
        }
        Ok(())
    }

    pub(super) fn on_fragment_spread(&mut self, spread: &'a FragmentSpread, parent: Option<&'a Definition>) -> Checked {
        let (name, position) = (&spread.name, spread.position);
        let fragment = self.notes.spread(spread);
        if fragment.is_none() {
            self.report(position, format!(r#"Unknown fragment "{name}"."#))?;
        }
        if !self.memory.in_fragments {
            self.memory.spread.insert(name);
        }
        let Some(fragment) = fragment else { return Ok(()) };
        let condition = &fragment.type_condition;
        if let Some(parent) = self.impossible_spread(parent, condition)? {
            let message = format!(
                r#"Fragment "{name}" cannot be spread here as objects of type "{parent}" can never be of type "{condition}"."#
            );
            self.report(position, message)?;
        }
        Ok(())
    }

    pub(super) fn on_field(&mut self, field: &'a Field) -> Checked {
        let known = self.notes.field(field);
        if let (None, Some(parent)) = (known.definition, known.parent) {
            let near = self.near_field(parent, &field.name)?;
            let message = format!(r#"Cannot query field "{}" on type "{}"."#, field.name, parent.name);
            self.report(field.position, message + &near)?;
        }
        if let (Some(definition), Some(parent)) = (known.definition, known.parent) {
            let on = format!(r#"field "{}.{}""#, parent.name, field.name);
            self.known_arguments(&field.arguments, &definition.arguments, &on, field.position)?;
        }
        if ["__schema", "__type"].contains(&field.name.as_str())
            && self.too_deep_field(field, &mut BTreeSet::new(), 0)?
        {
            self.report(field.position, "Maximum introspection depth exceeded".to_owned())?;
        }
        if self.operation.is_some() {
            // Fragments are looked at once more as themselves.
            self.overlap(&field.selections)?;
        }
        if let Some(definition) = known.definition {
            let of = format!(r#"Field "{}""#, field.name);
            self.required_arguments(&field.arguments, &definition.arguments, &of, field.position)?;
            self.scalar_leaf(field, &definition.ty)?;
        }
        self.unique_arguments(&field.arguments)
    }

    pub(super) fn on_directive(&mut self, used: UsedDirective<'a>) -> Checked {
        let (name, arguments) = (&used.directive.name, &used.directive.arguments);
        let position = used.directive.position;
        if let Some(definition) = used.definition {
            self.known_arguments(arguments, &definition.arguments, &format!(r#"directive "@{name}""#), position)?;
            if !definition.locations.iter().any(|location| location == used.location) {
                let place = position.map(|position| (position.line, position.column));
                if self.memory.misplaced_directives.insert((name, place)) {
                    self.report(position, format!(r#"Directive "@{name}" may not be used on {}."#, used.location))?;
                }
            }
            self.required_arguments(arguments, &definition.arguments, &format!(r#"Directive "@{name}""#), position)?;
        } else {
            self.report(position, format!(r#"Unknown directive "@{name}"."#))?;
        }
        self.unique_arguments(arguments)
    }

    /// `UniqueDirectivesPerLocation`
    pub(super) fn unique_directives(&mut self, directives: &'a [Directive]) -> Checked {
        let mut seen = BTreeSet::new();
        for directive in directives {
            let name = &directive.name;
            let repeatable = self.schema.directives.get(name).is_some_and(|definition| definition.repeatable);
            if !seen.insert(name) && !repeatable {
                let message = format!(r#"The directive "@{name}" can only be used once at this location."#);
                self.report(directive.position, message)?;
            }
        }
        Ok(())
    }

    /// `NoUnusedVariables`
    fn unused_variables(&mut self, operation: &'a Operation) -> Checked {
        for variable in &operation.variables {
            if self.notes.used.get(variable.id.0).copied().unwrap_or(true) {
                continue;
            }
            let message = if operation.name.is_empty() {
                format!(r#"Variable "${}" is never used."#, variable.variable)
            } else {
                format!(r#"Variable "${}" is never used in operation "{}"."#, variable.variable, operation.name)
            };
            self.report(variable.position, message)?;
        }
        Ok(())
    }

    /// `UniqueVariableNames` and `VariablesAreInputTypes`
    fn variable_definitions(&mut self, operation: &'a Operation) -> Checked {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for variable in &operation.variables {
            let count = seen.entry(&variable.variable).or_default();
            *count = count.saturating_add(1);
            // A third one says nothing new.
            if *count == 2 {
                let message = format!(r#"There can be only one variable named "${}"."#, variable.variable);
                self.report(variable.position, message)?;
            }
        }
        for variable in &operation.variables {
            if self.notes.variable(variable).is_some_and(|definition| !definition.is_input()) {
                let message =
                    format!(r#"Variable "${}" cannot be non-input type "{}"."#, variable.variable, variable.ty);
                self.report(variable.position, message)?;
            }
        }
        Ok(())
    }

    /// `SingleFieldSubscriptions`
    fn single_field_subscription(&mut self, operation: &'a Operation) -> Checked {
        if operation.operation != "subscription" || self.schema.root("subscription").is_none() {
            return Ok(());
        }
        let (mut fields, mut seen) = (Vec::new(), BTreeSet::new());
        self.top_fields(&operation.selections, &mut seen, &mut fields)?;
        let mut names = BTreeSet::new();
        fields.retain(|field: &&Field| names.insert(&field.name));
        let name = if operation.name.is_empty() {
            "Anonymous Subscription".to_owned()
        } else {
            format!("Subscription {}", quote(&operation.name))
        };
        if let Some(second) = fields.get(1) {
            self.report(second.position, format!("{name} must select only one top level field."))?;
        }
        for field in fields.iter().filter(|field| field.name.starts_with("__")) {
            let message = format!("{name} must not select an introspection top level field.");
            self.report(field.position, message)?;
        }
        Ok(())
    }

    fn top_fields(
        &mut self,
        selections: &'a [Selection],
        seen: &mut BTreeSet<&'a str>,
        fields: &mut Vec<&'a Field>,
    ) -> Checked {
        self.budget.enter()?;
        for selection in selections {
            self.budget.spend(1)?;
            match selection {
                Selection::Field(field) => fields.push(field),
                Selection::Inline(fragment) => self.top_fields(&fragment.selections, seen, fields)?,
                Selection::Spread(spread) => {
                    // The reference looks no further in a selection set that spreads what is not there.
                    let Some(fragment) = self.notes.spread(spread) else { break };
                    if seen.insert(&fragment.name) {
                        self.top_fields(&fragment.selections, seen, fields)?;
                    }
                }
            }
        }
        self.budget.leave();
        Ok(())
    }

    /// `NoFragmentCycles`
    fn fragment_cycles(
        &mut self,
        fragment: &'a Fragment,
        path: &mut Vec<&'a FragmentSpread>,
        index_by_name: &mut BTreeMap<&'a str, usize>,
    ) -> Checked {
        if !self.memory.cycles_seen.insert(&fragment.name) {
            return Ok(());
        }
        self.budget.enter()?;
        let spreads = self.spreads_of(&fragment.selections)?;
        if !spreads.is_empty() {
            index_by_name.insert(&fragment.name, path.len());
            for spread in spreads {
                self.budget.spend(1)?;
                let cycle = index_by_name.get(spread.name.as_str()).copied();
                path.push(spread);
                match cycle {
                    None => {
                        if let Some(next) = self.fragments.get(spread.name.as_str()).copied() {
                            self.fragment_cycles(next, path, index_by_name)?;
                        }
                    }
                    Some(start) => {
                        let between = path.get(start..path.len().saturating_sub(1)).unwrap_or_default();
                        let names: Vec<String> = between.iter().map(|spread| format!("\"{}\"", spread.name)).collect();
                        let via = if names.is_empty() { String::new() } else { format!(" via {}", names.join(", ")) };
                        let message = format!(r#"Cannot spread fragment "{}" within itself{via}."#, spread.name);
                        self.report(spread.position, message)?;
                    }
                }
                path.pop();
            }
            index_by_name.remove(fragment.name.as_str());
        }
        self.budget.leave();
        Ok(())
    }

    /// Every spread below these selections, level by level from the last.
    fn spreads_of(&mut self, selections: &'a [Selection]) -> Result<Vec<&'a FragmentSpread>, Refused> {
        let (mut spreads, mut waiting) = (Vec::new(), vec![selections]);
        while let Some(selections) = waiting.pop() {
            self.budget.spend(selections.len())?;
            for selection in selections {
                match selection {
                    Selection::Spread(spread) => spreads.push(spread),
                    Selection::Field(field) => waiting.push(&field.selections),
                    Selection::Inline(fragment) => waiting.push(&fragment.selections),
                }
            }
        }
        Ok(spreads)
    }

    /// `PossibleFragmentSpreads`: the name of the parent that can never be what the condition says.
    fn impossible_spread(
        &mut self,
        parent: Option<&'a Definition>,
        condition: &str,
    ) -> Result<Option<&'a str>, Refused> {
        let Some(parent) = parent else { return Ok(None) };
        let parents: BTreeSet<&str> = match parent.kind.as_str() {
            kind::OBJECT => BTreeSet::from([parent.name.as_str()]),
            kind::INTERFACE | kind::UNION => {
                self.schema.possible_types(&parent.name).map(|possible| possible.name.as_str()).collect()
            }
            _ => return Ok(None),
        };
        self.budget.spend(parents.len())?;
        if !self.schema.get(condition).is_some_and(Definition::is_composite) {
            return Ok(None);
        }
        let mut possible = self.schema.possible_types(condition);
        let meets = possible.any(|possible| parents.contains(possible.name.as_str()));
        self.budget.spend(self.schema.possible_types(condition).count())?;
        Ok(if meets { None } else { Some(&parent.name) })
    }

    /// `FieldsOnCorrectType`: what may have been meant.
    fn near_field(&mut self, parent: &'a Definition, name: &str) -> Result<String, Refused> {
        if parent.is_abstract() {
            let types = self.types_with_field(parent, name)?;
            if !types.is_empty() {
                return Ok(format!(" Did you mean to use an inline fragment on {}?", suggest::quoted_or_list(&types)));
            }
        }
        if !parent.is(&[kind::OBJECT, kind::INTERFACE]) {
            return Ok(String::new());
        }
        let options = parent.fields.iter().map(|field| field.name.as_str());
        suggest::suggestion("Did you mean", name, options, &mut self.budget)
    }

    /// The implementations of a type, and the interfaces of those, that have the field; the most used interfaces first.
    fn types_with_field(&mut self, parent: &'a Definition, name: &str) -> Result<Vec<String>, Refused> {
        let (mut objects, mut interfaces) = (Vec::new(), Vec::new());
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for possible in self.schema.possible_types(&parent.name) {
            self.budget.spend(possible.fields.len())?;
            if possible.field(name).is_none() {
                continue;
            }
            objects.push(possible.name.as_str());
            for interface in possible.interfaces.iter().filter_map(|interface| self.schema.get(interface)) {
                self.budget.spend(interface.fields.len())?;
                if interface.field(name).is_some() {
                    let count = uses.entry(&interface.name).or_default();
                    if *count == 0 {
                        interfaces.push(interface.name.as_str());
                    }
                    *count = count.saturating_add(1);
                }
            }
        }
        interfaces.extend(objects);
        let used = |name: &str| uses.get(name).copied().unwrap_or_default();
        interfaces.sort_by(|a, b| used(b).cmp(&used(a)).then_with(|| a.cmp(b)));
        Ok(interfaces.into_iter().map(str::to_owned).collect())
    }

    /// `KnownArgumentNames`
    fn known_arguments(
        &mut self,
        given: &'a [Argument],
        known: &'a [ArgumentDefinition],
        on: &str,
        position: Option<Position>,
    ) -> Checked {
        for argument_given in given {
            self.budget.spend(known.len())?;
            let name = &argument_given.name;
            if argument(known, name).is_none() {
                let options = known.iter().map(|known| known.name.as_str());
                let near = suggest::suggestion("Did you mean", name, options, &mut self.budget)?;
                self.report(position, format!(r#"Unknown argument "{name}" on {on}."#) + &near)?;
            }
        }
        Ok(())
    }

    /// `ProvidedRequiredArguments`
    fn required_arguments(
        &mut self,
        given: &'a [Argument],
        known: &'a [ArgumentDefinition],
        of: &str,
        position: Option<Position>,
    ) -> Checked {
        for wanted in known.iter().filter(|wanted| wanted.ty.non_null && wanted.default.is_none()) {
            self.budget.spend(given.len())?;
            if !given.iter().any(|given| given.name == wanted.name) {
                let (name, ty) = (&wanted.name, &wanted.ty);
                let message = format!(r#"{of} argument "{name}" of type "{ty}" is required, but it was not provided."#);
                self.report(position, message)?;
            }
        }
        Ok(())
    }

    /// `UniqueArgumentNames`
    fn unique_arguments(&mut self, arguments: &'a [Argument]) -> Checked {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for given in arguments {
            let count = seen.entry(&given.name).or_default();
            *count = count.saturating_add(1);
            if *count == 2 {
                let message = format!(r#"There can be only one argument named "{}"."#, given.name);
                self.report(given.position, message)?;
            }
        }
        Ok(())
    }

    /// `ScalarLeafs`
    fn scalar_leaf(&mut self, field: &'a Field, ty: &crate::graphql::ast::Type) -> Checked {
        let Some(found) = self.schema.get(ty.name()) else { return Ok(()) };
        let name = &field.name;
        let message = match (found.is_leaf(), field.selections.is_empty()) {
            (true, false) => {
                format!(r#"Field "{name}" must not have a selection since type "{}" has no subfields."#, found.name)
            }
            (false, true) => format!(
                r#"Field "{name}" of type "{ty}" must have a selection of subfields. Did you mean "{name} {{ ... }}"?"#
            ),
            _ => return Ok(()),
        };
        self.report(field.position, message)
    }

    /// `MaxIntrospectionDepth`
    fn too_deep_field(
        &mut self,
        field: &'a Field,
        inside: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<bool, Refused> {
        let lists = ["fields", "interfaces", "possibleTypes", "inputFields"].contains(&field.name.as_str());
        let depth = depth.saturating_add(usize::from(lists));
        if lists && depth >= MAX_LISTS {
            return Ok(true);
        }
        self.too_deep(&field.selections, inside, depth)
    }

    fn too_deep(
        &mut self,
        selections: &'a [Selection],
        inside: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<bool, Refused> {
        self.budget.enter()?;
        let mut found = false;
        for selection in selections {
            self.budget.spend(1)?;
            found = found
                || match selection {
                    Selection::Field(field) => self.too_deep_field(field, inside, depth)?,
                    Selection::Inline(fragment) => self.too_deep(&fragment.selections, inside, depth)?,
                    Selection::Spread(spread) => match self.notes.spread(spread) {
                        Some(fragment) if inside.insert(&spread.name) => {
                            let found = self.too_deep(&fragment.selections, inside, depth)?;
                            inside.remove(spread.name.as_str());
                            found
                        }
                        _ => false,
                    },
                };
        }
        self.budget.leave();
        Ok(found)
    }
}
