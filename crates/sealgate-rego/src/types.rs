//! The types that the checker infers: what a value may be, as far as the policy's text says.
//!
//! A type that is not known yet is `None`. Types are bounded: one that would nest too deeply or grow too large becomes
//! [`Type::Any`], which fits everything, so that checking stays cheap and never refuses more for it.

mod algebra;
mod declared;
mod display;

use std::sync::Arc;

pub(crate) use display::text;

/// How deeply a type may nest.
const MAX_DEPTH: u16 = 64;
/// How many parts a type may have in all.
const MAX_PARTS: u32 = 1 << 15;
/// How many alternatives a union may have.
const MAX_ALTERNATIVES: usize = 256;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array(Shared<Array>),
    /// An object.
    Object(Shared<Object>),
    /// A set.
    Set(Shared<Set>),
    /// Anything.
    Any,
    /// One of several, sorted; none of them is a union, a function or anything.
    Union(Shared<Vec<Self>>),
    /// A function.
    Function(Shared<Function>),
}

/// An array: the first elements, then any number of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Array {
    pub(crate) fixed: Vec<Option<Type>>,
    pub(crate) rest: Option<Type>,
    extent: Extent,
}

/// An object: fixed keys, sorted, then any number of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) fixed: Vec<(Constant, Option<Type>)>,
    pub(crate) rest: Option<(Option<Type>, Option<Type>)>,
    extent: Extent,
}

/// A set of elements of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Set {
    pub(crate) of: Option<Type>,
    extent: Extent,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Function {
    pub(crate) args: Vec<Option<Type>>,
    pub(crate) result: Option<Type>,
}

/// A value that the text spells out, as the key of an object; sets count as arrays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    /// In one form per value.
    Number(Arc<str>),
    String(Arc<str>),
    Array(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

/// How large a type is, and whether all of it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    depth: u16,
    parts: u32,
    unknown: bool,
}

/// A shared part; two references to one part are equal without a look inside.
#[derive(Clone, Debug)]
pub(crate) struct Shared<T>(Arc<T>);

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Shared<T> {
    fn new(part: T) -> Self {
        Self(Arc::new(part))
    }
}

impl<T: Ord> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord> Eq for Shared<T> {}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { std::cmp::Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl Extent {
    fn add(&mut self, part: Option<&Type>) {
        let of = part.map_or(Self { unknown: true, ..Self::default() }, Type::extent);
        self.depth = self.depth.max(of.depth.saturating_add(1));
        self.parts = self.parts.saturating_add(of.parts).saturating_add(1);
        self.unknown |= of.unknown;
    }

    fn fits(self) -> bool {
        self.depth <= MAX_DEPTH && self.parts <= MAX_PARTS
    }
}

impl Type {
    /// An array of these elements, then of others of a type.
    pub(crate) fn array(fixed: Vec<Option<Self>>, rest: Option<Self>) -> Self {
        let mut extent = Extent::default();
        fixed.iter().for_each(|element| extent.add(element.as_ref()));
        rest.iter().for_each(|element| extent.add(Some(element)));
        if extent.fits() { Self::Array(Shared::new(Array { fixed, rest, extent })) } else { Self::Any }
    }

    /// A set.
    pub(crate) fn set(of: Option<Self>) -> Self {
        let mut extent = Extent::default();
        extent.add(of.as_ref());
        if extent.fits() { Self::Set(Shared::new(Set { of, extent })) } else { Self::Any }
    }

    /// An object of these keys, then of others with keys and values of these types.
    pub(crate) fn object(mut fixed: Vec<(Constant, Option<Self>)>, rest: Option<(Option<Self>, Option<Self>)>) -> Self {
        let mut extent = Extent::default();
        fixed.iter().for_each(|(_, value)| extent.add(value.as_ref()));
        if let Some((key, value)) = &rest {
            extent.add(key.as_ref());
            extent.add(value.as_ref());
        }
        fixed.sort_by(|one, other| one.0.cmp(&other.0));
        if extent.fits() { Self::Object(Shared::new(Object { fixed, rest, extent })) } else { Self::Any }
    }

    /// An object of any keys and values.
    pub(crate) fn any_object() -> Self {
        Self::object(Vec::new(), Some((Some(Self::Any), Some(Self::Any))))
    }

    /// A function.
    pub(crate) fn function(args: Vec<Option<Self>>, result: Option<Self>) -> Self {
        Self::Function(Shared::new(Function { args, result }))
    }

    /// A union of sorted alternatives.
    fn union(alternatives: Vec<Self>) -> Self {
        let mut extent = Extent::default();
        alternatives.iter().for_each(|alternative| extent.add(Some(alternative)));
        if extent.fits() && alternatives.len() <= MAX_ALTERNATIVES {
            Self::Union(Shared::new(alternatives))
        } else {
            Self::Any
        }
    }

    fn extent(&self) -> Extent {
        match self {
            Self::Array(array) => array.extent,
            Self::Object(object) => object.extent,
            Self::Set(set) => set.extent,
            Self::Union(alternatives) => {
                let mut extent = Extent::default();
                alternatives.iter().for_each(|alternative| extent.add(Some(alternative)));
                // A union is known as a whole even where an alternative is not.
                Extent { unknown: false, ..extent }
            }
            Self::Null | Self::Boolean | Self::Number | Self::String | Self::Any => Extent::default(),
            Self::Function(function) => {
                let parts = function.args.iter().chain([&function.result]);
                Extent { unknown: parts.into_iter().any(|part| is_unknown(part.as_ref())), ..Extent::default() }
            }
        }
    }
}

/// Whether a type, or a part of it, is not known.
pub(crate) fn is_unknown(of: Option<&Type>) -> bool {
    of.is_none_or(|of| of.extent().unknown)
}

impl Constant {
    /// A number in its one form, from valid JSON number syntax.
    pub(crate) fn number(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, digits) = mantissa.strip_prefix('-').map_or((false, mantissa), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let trimmed = significant.trim_end_matches('0');
        if trimmed.is_empty() {
            return Self::Number(Arc::from("0"));
        }
        let zeros = i64::try_from(significant.len() - trimmed.len()).unwrap_or(i64::MAX);
        let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(i64::MAX);
        let exponent = exponent.saturating_add(zeros).saturating_sub(scale);
        let sign = if negative { "-" } else { "" };
        let exponent = if exponent == 0 { String::new() } else { format!("e{exponent}") };
        Self::Number(Arc::from(format!("{sign}{trimmed}{exponent}")))
    }

    /// The type of the value.
    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Boolean,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::Array(items) => Type::array(items.iter().map(|item| Some(item.type_of())).collect(), None),
            Self::Object(pairs) => {
                Type::object(pairs.iter().map(|(key, value)| (key.clone(), Some(value.type_of()))).collect(), None)
            }
        }
    }

    /// The value as the index of an element.
    fn index(&self) -> Option<usize> {
        match self {
            Self::Number(text) => {
                let (digits, zeros) = text.split_once('e').unwrap_or((text, "0"));
                let zeros = zeros.parse::<usize>().ok().filter(|zeros| *zeros < 10)?;
                format!("{digits}{}", "0".repeat(zeros)).parse().ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (one, other) in [("1", "1.0"), ("100", "1e2"), ("0.5", "5E-1"), ("-0", "0.00"), ("120e-1", "12")] {
            assert_eq!(Constant::number(one), Constant::number(other));
        }
        assert_ne!(Constant::number("1"), Constant::number("-1"));
        assert_eq!(Constant::number("1e1").index(), Some(10));
        assert_eq!(Constant::number("1.5").index(), None);
    }

    #[test]
    fn types_stay_within_their_bounds() {
        let mut deep = Type::Number;
        for _ in 0..10_000 {
            deep = Type::array(vec![Some(deep.clone()), Some(deep)], None);
        }
        assert!(deep.extent().depth <= MAX_DEPTH);
        let wide = (0..100_000).fold(None, |union, at| {
            let key = Constant::number(&format!("{at}"));
            Type::or(union, Some(Type::object(vec![(key, Some(Type::Number))], None)))
        });
        assert_eq!(wide, Some(Type::Any));
    }
}
