//! Values as plain trees: made by generators, written as Rego, turned into kernel values and into the JSON that OPA prints.

use sealgate_kernel::{ArrayBuilder, Heap, Number, ObjectBuilder, SetBuilder, Value, View};
use serde_json::Value as Json;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Null,
    Bool(bool),
    /// The text of a JSON number.
    Number(String),
    String(String),
    Array(Vec<Term>),
    Object(Vec<(Term, Term)>),
    Set(Vec<Term>),
}

impl Term {
    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    pub(crate) fn int(value: i64) -> Self {
        Self::Number(value.to_string())
    }

    pub(crate) fn to_rego(&self) -> String {
        let list = |terms: &[Term]| terms.iter().map(Term::to_rego).collect::<Vec<_>>().join(", ");
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            // A byte-order mark is refused in source.
            Self::String(text) => Json::from(text.as_str()).to_string().replace('\u{feff}', "\\ufeff"),
            Self::Array(terms) => format!("[{}]", list(terms)),
            Self::Set(terms) if terms.is_empty() => "set()".to_owned(),
            Self::Set(terms) => format!("{{{}}}", list(terms)),
            Self::Object(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{}: {}", k.to_rego(), v.to_rego())).collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    pub(crate) fn to_value<'h>(&self, heap: Heap<'h>) -> Value<'h> {
        match self {
            Self::Null => Value::null(),
            Self::Bool(value) => Value::bool(*value),
            Self::Number(text) => Value::number(heap, Number::parse(heap.copy_str(text)).unwrap()),
            Self::String(text) => Value::string_copy(heap, text),
            Self::Array(terms) => {
                let mut array = ArrayBuilder::new(heap, 0);
                terms.iter().for_each(|term| array.push(term.to_value(heap)));
                array.finish()
            }
            Self::Set(terms) => {
                let mut set = SetBuilder::new(heap, 0);
                terms.iter().for_each(|term| set.add(term.to_value(heap)));
                set.finish()
            }
            Self::Object(pairs) => {
                let mut object = ObjectBuilder::new(heap, 0);
                pairs.iter().for_each(|(key, value)| object.insert(key.to_value(heap), value.to_value(heap)));
                object.finish()
            }
        }
    }

    pub(crate) fn of(value: Value<'_>) -> Self {
        let list = |values: &[Value<'_>]| values.iter().map(|value| Self::of(*value)).collect();
        match value.view() {
            View::Null => Self::Null,
            View::Bool(value) => Self::Bool(value),
            View::Number(Number::Int(value)) => Self::int(value),
            View::Number(Number::Decimal(text)) => Self::Number(text.to_owned()),
            View::String(text) => Self::text(text),
            View::Array(elements) => Self::Array(list(elements)),
            View::Set(elements) => Self::Set(list(elements)),
            View::Object(pairs) => {
                Self::Object(pairs.iter().map(|pair| (Self::of(pair.key), Self::of(pair.value))).collect())
            }
        }
    }

    /// As OPA prints a result: sets are arrays, keys that are no strings are their JSON text.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::from(*value),
            Self::Number(text) => serde_json::from_str(text).unwrap(),
            Self::String(text) => Json::from(text.as_str()),
            Self::Array(terms) | Self::Set(terms) => terms.iter().map(Term::to_json).collect(),
            Self::Object(pairs) => {
                let key = |key: &Term| match key {
                    Self::String(text) | Self::Number(text) => text.clone(),
                    other => other.to_json().to_string(),
                };
                Json::Object(pairs.iter().map(|(k, v)| (key(k), v.to_json())).collect())
            }
        }
    }
}
