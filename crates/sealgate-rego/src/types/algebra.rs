//! What is computed with types: unions, elements, and whether two types can describe one value.

use super::{Array, Constant, Function, Object, Type};

impl Type {
    /// What is one or the other. A function and a value have no union.
    pub(crate) fn or(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other),
        };
        Some(match (one, other) {
            (Self::Function(one), Self::Function(other)) => Self::Function(super::Shared::new(one.or(&other)?)),
            (Self::Function(_), _) | (_, Self::Function(_)) => return None,
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Union(one), Self::Union(other)) => {
                let mut all: Vec<Self> = one.iter().chain(other.iter()).cloned().collect();
                all.sort();
                all.dedup();
                Self::union(all)
            }
            (Self::Union(all), one) | (one, Self::Union(all)) => match all.binary_search(&one) {
                Ok(_) => Self::Union(all),
                Err(at) => {
                    let mut all = all.to_vec();
                    all.insert(at, one);
                    Self::union(all)
                }
            },
            (one, other) if one == other => one,
            (one, other) => {
                let mut all = vec![one, other];
                all.sort();
                Self::union(all)
            }
        })
    }

    /// Whether every value of another type that is no union is one of this type.
    fn contains(&self, other: &Self) -> bool {
        match self {
            _ if matches!(other, Self::Function(_)) => false,
            Self::Any => true,
            Self::Union(all) => all.binary_search(other).is_ok(),
            one => one == other,
        }
    }

    /// The type of the element under a key.
    pub(crate) fn select(&self, key: &Constant) -> Option<Self> {
        match self {
            Self::Array(array) => array.at(key.index()?),
            Self::Object(object) => object.get(key),
            Self::Set(set) => {
                let of = set.of.as_ref()?;
                let key = key.type_of();
                match of {
                    Self::Any | Self::Union(_) => of.contains(&key).then_some(key),
                    of => (*of == key).then_some(key),
                }
            }
            Self::Any => Some(Self::Any),
            Self::Union(all) => all.iter().fold(None, |found, one| Self::or(one.select(key), found)),
            Self::Null | Self::Boolean | Self::Number | Self::String | Self::Function(_) => None,
        }
    }

    /// The type of the keys that a value can be looked into by; none for a value without elements.
    pub(crate) fn keys(&self) -> Option<Self> {
        match self {
            Self::Array(_) => Some(Self::Number),
            Self::Object(object) => {
                let fixed = object.fixed.iter().fold(None, |keys, (key, _)| match (&keys, key) {
                    (Some(Self::String), Constant::String(_)) => keys,
                    _ => Self::or(keys, Some(key.type_of())),
                });
                match &object.rest {
                    Some((key, _)) => Self::or(fixed, key.clone()),
                    None => fixed,
                }
            }
            Self::Set(set) => set.of.clone(),
            Self::Any => Some(Self::Any),
            Self::Union(all) => all.iter().fold(None, |keys, one| Self::or(one.keys(), keys)),
            Self::Null | Self::Boolean | Self::Number | Self::String | Self::Function(_) => None,
        }
    }

    /// The type of the elements; none for a value without elements.
    pub(crate) fn values(&self) -> Option<Self> {
        match self {
            Self::Array(array) => array.fixed.iter().chain([&array.rest]).cloned().fold(None, Self::or),
            Self::Object(object) => {
                let rest = object.rest.as_ref().and_then(|(_, value)| value.clone());
                Self::or(object.fixed.iter().map(|(_, value)| value.clone()).fold(None, Self::or), rest)
            }
            Self::Set(set) => set.of.clone(),
            Self::Any => Some(Self::Any),
            Self::Union(all) => all.iter().fold(None, |values, one| Self::or(one.values(), values)),
            Self::Null | Self::Boolean | Self::Number | Self::String | Self::Function(_) => None,
        }
    }

    /// Whether a value can be of both types.
    pub(crate) fn fits(one: Option<&Self>, other: Option<&Self>) -> bool {
        let (Some(one), Some(other)) = (one, other) else { return false };
        match (one, other) {
            (Self::Any, Self::Function(_)) | (Self::Function(_), Self::Any) => false,
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Union(all), other) => all.iter().any(|one| Self::fits(Some(one), Some(other))),
            (one, Self::Union(all)) => all.iter().any(|other| Self::fits(Some(one), Some(other))),
            (Self::Array(one), Self::Array(other)) => one.fits(other),
            (Self::Object(one), Self::Object(other)) => one.fits(other),
            (Self::Set(one), Self::Set(other)) => Self::fits(one.of.as_ref(), other.of.as_ref()),
            (Self::Function(one), Self::Function(other)) => {
                one.args.len() == other.args.len()
                    && one.args.iter().zip(&other.args).all(|(one, other)| Self::fits(one.as_ref(), other.as_ref()))
            }
            (Self::Null, Self::Null)
            | (Self::Boolean, Self::Boolean)
            | (Self::Number, Self::Number)
            | (Self::String, Self::String) => true,
            _ => false,
        }
    }

    /// The type of a document to which rules of both types contribute.
    pub(crate) fn merge(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other),
        };
        match (&one, &other) {
            (Self::Object(a), Self::Object(b)) if a.fixed.is_empty() && b.fixed.is_empty() => {
                let (Some((one_key, one_value)), Some((other_key, other_value))) = (&a.rest, &b.rest) else {
                    return Self::or(Some(one), Some(other));
                };
                let key = Self::or(one_key.clone(), other_key.clone());
                Some(Self::object(Vec::new(), Some((key, Self::merge(one_value.clone(), other_value.clone())))))
            }
            (Self::Set(one), Self::Set(other)) => Some(Self::set(Self::or(one.of.clone(), other.of.clone()))),
            (Self::Object(object), Self::Union(all)) | (Self::Union(all), Self::Object(object))
                if object.fixed.is_empty() =>
            {
                let open = all.iter().position(|one| matches!(one, Self::Object(one) if one.fixed.is_empty()));
                let Some(at) = open else { return Self::or(Some(one), Some(other)) };
                let mut all = all.to_vec();
                let found = all.remove(at);
                let merged = match (&found, &object.rest) {
                    (Self::Object(open), Some((key, value))) => match &open.rest {
                        Some((open_key, open_value)) => {
                            let key = Self::or(open_key.clone(), key.clone());
                            Self::object(Vec::new(), Some((key, Self::or(open_value.clone(), value.clone()))))
                        }
                        None => found.clone(),
                    },
                    _ => found.clone(),
                };
                all.into_iter().map(Some).fold(Some(merged), Self::or)
            }
            _ => Self::or(Some(one), Some(other)),
        }
    }
}

impl Array {
    /// The type of the element at an index.
    pub(crate) fn at(&self, index: usize) -> Option<Type> {
        self.fixed.get(index).unwrap_or(&self.rest).clone()
    }

    fn fits(&self, other: &Self) -> bool {
        let covers = |one: &Self, other: &Self| {
            let elements = one.fixed.iter().enumerate();
            elements.into_iter().all(|(at, element)| {
                let counterpart = other.fixed.get(at).unwrap_or(&other.rest);
                Type::fits(element.as_ref(), counterpart.as_ref())
            })
        };
        covers(self, other)
            && covers(other, self)
            && (self.rest.is_none() || other.rest.is_none() || Type::fits(self.rest.as_ref(), other.rest.as_ref()))
    }
}

impl Object {
    /// The type of the value under a key.
    pub(crate) fn get(&self, key: &Constant) -> Option<Type> {
        if let Ok(at) = self.fixed.binary_search_by(|(known, _)| known.cmp(key)) {
            return self.fixed.get(at).and_then(|(_, value)| value.clone());
        }
        let (rest, value) = self.rest.as_ref()?;
        if rest.as_ref()?.contains(&key.type_of()) { value.clone() } else { None }
    }

    /// The type of the values under keys that are not fixed.
    pub(crate) fn rest_value(&self) -> Option<&Type> {
        self.rest.as_ref().and_then(|(_, value)| value.as_ref())
    }

    fn fits(&self, other: &Self) -> bool {
        let open = self.rest_value().is_some() || other.rest_value().is_some();
        let covers = |one: &Self, other: &Self| {
            one.fixed.iter().all(|(key, value)| match other.get(key) {
                Some(counterpart) => Type::fits(value.as_ref(), Some(&counterpart)),
                None => open,
            })
        };
        covers(self, other)
            && covers(other, self)
            && (self.rest_value().is_none()
                || other.rest_value().is_none()
                || Type::fits(self.rest_value(), other.rest_value()))
    }
}

impl Function {
    /// One function or the other; none where they take different numbers of arguments.
    fn or(&self, other: &Self) -> Option<Self> {
        if self.args.len() != other.args.len() {
            return None;
        }
        let args = self.args.iter().zip(&other.args).map(|(one, other)| Type::or(one.clone(), other.clone())).collect();
        Some(Self { args, result: Type::or(self.result.clone(), other.result.clone()) })
    }
}
