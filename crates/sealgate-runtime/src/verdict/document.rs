//! A result set as it is read: one pass over its text, from which what needs no unescaping is borrowed.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A row of a result set.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default)]
    pub(super) result: Given<'a>,
}

/// What the entrypoint gave.
#[derive(Default)]
pub(super) enum Given<'a> {
    #[default]
    Missing,
    Bool(bool),
    Document(Box<Document<'a>>),
    Other,
}

/// A decision document, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow, default)]
    pub(super) allow: Part<'a>,
    #[serde(borrow, default)]
    pub(super) requires_approval: Part<'a>,
    #[serde(borrow, default)]
    pub(super) violations: Part<'a>,
    #[serde(borrow, default)]
    pub(super) failures: Part<'a>,
    #[serde(borrow, default)]
    pub(super) reason: Part<'a>,
    #[serde(borrow, default)]
    pub(super) rule: Part<'a>,
}

/// A part of a document: what it is, before anybody asks what it should be.
#[derive(Default)]
pub(super) enum Part<'a> {
    #[default]
    Missing,
    Null,
    Bool(bool),
    Text(Cow<'a, str>),
    /// A list of nothing but texts.
    Texts(Vec<Cow<'a, str>>),
    /// Any other list.
    List,
    /// A number or an object.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Given<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GivenVisitor)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decision document")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Given::Bool(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        // A number comes as a map too, which has nothing that a document has.
        Document::deserialize(MapAccessDeserializer::new(map)).map(|document| Given::Document(Box::new(document)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Given::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Given::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Given::Other)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a part of a decision document")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Part::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Part::Bool(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Part::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Part::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(part) = seq.next_element()? {
            match part {
                Part::Text(text) => texts.push(text),
                _ => return IgnoredAny.visit_seq(seq).map(|_| Part::List),
            }
        }
        Ok(Part::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        // A number, too.
        IgnoredAny.visit_map(map).map(|_| Part::Other)
    }
}
