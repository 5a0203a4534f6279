//! Values of the interpreter: shared and mutable, so that plans that fill a collection in place mean what they say.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sealgate_kernel::json::{Notation, dump, parse};
use sealgate_kernel::{Arena, Heap, View};

/// A Rego value.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    /// Decimal text, as the kernel writes it.
    Number(Rc<str>),
    String(Rc<str>),
    Array(Rc<RefCell<Vec<Value>>>),
    Object(Rc<RefCell<BTreeMap<Value, Value>>>),
    Set(Rc<RefCell<BTreeSet<Value>>>),
}

impl Value {
    pub fn int(value: i64) -> Self {
        Self::Number(Rc::from(value.to_string()))
    }

    pub fn array(items: Vec<Value>) -> Self {
        Self::Array(Rc::new(RefCell::new(items)))
    }

    pub fn object(pairs: BTreeMap<Value, Value>) -> Self {
        Self::Object(Rc::new(RefCell::new(pairs)))
    }

    pub fn set(items: BTreeSet<Value>) -> Self {
        Self::Set(Rc::new(RefCell::new(items)))
    }

    /// Reads Rego value text (JSON with sets).
    pub fn parse(text: &str) -> Option<Self> {
        let arena = Arena::new();
        let heap = arena.heap();
        let text: &str = sealgate_kernel::Value::string_copy(heap, text).as_str()?;
        Some(Self::of(heap, parse(heap, text.as_bytes(), Notation::Rego).ok()?))
    }

    /// Copies a value of the kernel.
    pub fn of<'h>(heap: Heap<'h>, value: sealgate_kernel::Value<'h>) -> Self {
        match value.view() {
            View::Null => Self::Null,
            View::Bool(value) => Self::Bool(value),
            View::Number(_) => Self::Number(Rc::from(dump(heap, value, Notation::Json))),
            View::String(text) => Self::String(Rc::from(text)),
            View::Array(items) => Self::array(items.iter().map(|item| Self::of(heap, *item)).collect()),
            View::Set(items) => Self::set(items.iter().map(|item| Self::of(heap, *item)).collect()),
            View::Object(pairs) => {
                Self::object(pairs.iter().map(|pair| (Self::of(heap, pair.key), Self::of(heap, pair.value))).collect())
            }
        }
    }

    /// The value as Rego text.
    pub fn text(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.to_string(),
            Self::String(text) => serde_json::Value::from(&**text).to_string(),
            Self::Array(items) => format!("[{}]", list(items.borrow().iter().map(Self::text).collect())),
            Self::Set(items) if items.borrow().is_empty() => "set()".to_owned(),
            Self::Set(items) => format!("{{{}}}", list(items.borrow().iter().map(Self::text).collect())),
            Self::Object(pairs) => {
                let pairs = pairs.borrow();
                format!(
                    "{{{}}}",
                    list(pairs.iter().map(|(key, value)| format!("{}: {}", key.text(), value.text())).collect())
                )
            }
        }
    }

    /// The value as OPA's JSON has it: sets are arrays, keys are strings.
    pub fn as_json(&self) -> Self {
        match self {
            Self::Array(items) => Self::array(items.borrow().iter().map(Self::as_json).collect()),
            Self::Set(items) => {
                let mut items: Vec<_> = items.borrow().iter().map(Self::as_json).collect();
                items.sort();
                Self::array(items)
            }
            Self::Object(pairs) => Self::object(
                pairs
                    .borrow()
                    .iter()
                    .map(|(key, value)| match key {
                        Self::String(_) => (key.clone(), value.as_json()),
                        other => (Self::String(Rc::from(other.as_json().json_text())), value.as_json()),
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    fn json_text(&self) -> String {
        let arena = Arena::new();
        let heap = arena.heap();
        let text = self.text();
        let text = sealgate_kernel::Value::string_copy(heap, &text).as_str().unwrap();
        dump(heap, parse(heap, text.as_bytes(), Notation::Rego).unwrap(), Notation::Json).to_owned()
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
            Self::Set(_) => 6,
        }
    }

    /// The member under a key.
    pub fn get(&self, key: &Value) -> Option<Value> {
        match self {
            Self::Array(items) => {
                let Self::Number(text) = key else { return None };
                items.borrow().get(text.parse::<usize>().ok()?).cloned()
            }
            Self::Object(pairs) => pairs.borrow().get(key).cloned(),
            Self::Set(items) => items.borrow().get(key).cloned(),
            _ => None,
        }
    }

    /// Keys and values of a collection.
    pub fn members(&self) -> Vec<(Value, Value)> {
        match self {
            Self::Array(items) => {
                items.borrow().iter().enumerate().map(|(index, item)| (Self::int(index as i64), item.clone())).collect()
            }
            Self::Object(pairs) => pairs.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            Self::Set(items) => items.borrow().iter().map(|item| (item.clone(), item.clone())).collect(),
            _ => Vec::new(),
        }
    }
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.parse::<f64>().unwrap().total_cmp(&b.parse::<f64>().unwrap()),
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.borrow().cmp(&b.borrow()),
            (Self::Object(a), Self::Object(b)) => a.borrow().iter().cmp(b.borrow().iter()),
            (Self::Set(a), Self::Set(b)) => a.borrow().iter().cmp(b.borrow().iter()),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}
