//! A schema as it is held against documents.

use std::collections::BTreeMap;

use regex::Regex;

use crate::number::Number;

/// A subschema by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SubId(pub(super) usize);

/// A schema that documents can be held against.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) subs: Vec<Sub>,
    pub(super) root: SubId,
}

/// What one subschema asks for.
#[derive(Debug, Default)]
pub(super) struct Sub {
    /// `true` or `false` instead of a schema.
    pub(super) pass: Option<bool>,
    /// What is asked instead of all else.
    pub(super) reference: Option<SubId>,
    pub(super) types: Vec<&'static str>,
    pub(super) properties: Vec<(String, SubId)>,
    pub(super) pattern_properties: Vec<(Regex, SubId)>,
    pub(super) additional_properties: Option<Additional>,
    pub(super) property_names: Option<SubId>,
    pub(super) dependencies: BTreeMap<String, Dependency>,
    pub(super) required: Vec<String>,
    pub(super) items: Items,
    pub(super) additional_items: Option<Additional>,
    pub(super) contains: Option<SubId>,
    pub(super) unique_items: bool,
    pub(super) multiple_of: Option<Number>,
    pub(super) minimum: Option<Number>,
    pub(super) exclusive_minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_maximum: Option<Number>,
    pub(super) length: Bounds,
    pub(super) property_count: Bounds,
    pub(super) item_count: Bounds,
    /// The pattern as written, and compiled.
    pub(super) pattern: Option<(String, Regex)>,
    pub(super) format: Option<String>,
    /// Constants as JSON with all numbers in floating point.
    pub(super) constant: Option<String>,
    pub(super) one_of_values: Option<Vec<String>>,
    pub(super) one_of: Vec<SubId>,
    pub(super) any_of: Vec<SubId>,
    pub(super) all_of: Vec<SubId>,
    pub(super) not: Option<SubId>,
    pub(super) condition: Option<SubId>,
    pub(super) then: Option<SubId>,
    pub(super) otherwise: Option<SubId>,
}

#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    Any,
    /// One schema for all.
    All(SubId),
    /// One for each place.
    Each(Vec<SubId>),
}

#[derive(Debug)]
pub(super) enum Additional {
    Allowed(bool),
    Schema(SubId),
}

#[derive(Debug)]
pub(super) enum Dependency {
    Properties(Vec<String>),
    Schema(SubId),
}

/// The least and the most of something.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

impl Schema {
    pub(super) fn get(&self, id: SubId) -> Option<&Sub> {
        self.subs.get(id.0)
    }
}
