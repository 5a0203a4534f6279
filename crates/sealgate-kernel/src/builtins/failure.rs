//! Why a builtin gives no value: undefined without an error, an operand that it does not take, or another failure; worded as
//! OPA words it.
//!
//! What operands a builtin takes is declared in its table, not checked in its code: only when a call has failed is it
//! looked up which operand was to blame ([`Builtin::diagnose`]). A builtin that tells more than that returns a [`Failure`].

use alloc::string::String;
use core::fmt::Write as _;

use super::Builtin;
use super::operand::integer;
use crate::number::arithmetic;
use crate::{Kind, Value};

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The result is undefined, and that is no error.
    Undefined,
    /// An operand, counted from 1, is not what the builtin takes there: OPA's `eval_type_error`.
    Type(u32, Operand),
    /// An operand of the right type has a wrong value or content, as the text says: also OPA's `eval_type_error`.
    Operand(u32, &'static str),
    /// The call failed otherwise: OPA's `eval_builtin_error`.
    Failed(&'static str),
}

/// What a builtin takes at one place: kinds of values, and what more is asked of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand(u32);

impl Operand {
    /// Nothing; the unit of [`Operand::or`].
    pub const NONE: Self = Self(0);
    /// `null`
    pub const NULL: Self = Self(1);
    /// A boolean.
    pub const BOOLEAN: Self = Self(1 << 1);
    /// A number.
    pub const NUMBER: Self = Self(1 << 2);
    /// A string.
    pub const STRING: Self = Self(1 << 3);
    /// An array.
    pub const ARRAY: Self = Self(1 << 4);
    /// An object.
    pub const OBJECT: Self = Self(1 << 5);
    /// A set.
    pub const SET: Self = Self(1 << 6);
    /// Any value.
    pub const ANY: Self = Self(0x7f);
    /// A number that is written as an integer of 64 bits.
    pub const INT: Self = Self(Self::NUMBER.0 | 1 << 8);
    /// A number without a fraction, of any size.
    pub const INTEGER: Self = Self(Self::NUMBER.0 | 1 << 9);
    /// Every element of an array or set is a string.
    pub const OF_STRINGS: Self = Self(1 << 10);
    /// Every element of an array or set is a number.
    pub const OF_NUMBERS: Self = Self(1 << 11);
    /// Every element of an array or set is an object.
    pub const OF_OBJECTS: Self = Self(1 << 12);
    /// Every element of a set is a set. Of such an element OPA says what it says of the operand.
    pub const OF_SETS: Self = Self(1 << 13);

    /// What either takes.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The operand as a word, for [`Operand::from_word`].
    pub const fn word(self) -> u32 {
        self.0
    }

    /// The operand that [`Operand::word`] gave.
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    const fn asks(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn takes(self, value: Value<'_>) -> bool {
        self.asks(of_kind(value.kind()))
    }

    /// The kind that every element must have, and its name.
    fn elements(self) -> Option<(Kind, &'static str)> {
        [
            (Self::OF_STRINGS, Kind::String, "string"),
            (Self::OF_NUMBERS, Kind::Number, "number"),
            (Self::OF_OBJECTS, Kind::Object, "object"),
            (Self::OF_SETS, Kind::Set, "set"),
        ]
        .into_iter()
        .find(|(asked, ..)| self.asks(*asked))
        .map(|(_, kind, name)| (kind, name))
    }

    /// The first element that should not be there.
    fn wrong_element<'h>(self, value: Value<'h>) -> Option<Value<'h>> {
        let (kind, _) = self.elements()?;
        value.as_elements()?.iter().copied().find(|element| element.kind() != kind)
    }

    /// Whether a number must be an integer and is none.
    fn wants_integer(self, value: Value<'_>) -> bool {
        let Some(number) = value.as_number() else { return false };
        (self.asks(Self::INT) && integer(value).is_none())
            || (self.asks(Self::INTEGER) && !arithmetic::is_integer(number))
    }

    /// Whether the value is taken in every respect that is declared.
    fn accepts(self, value: Value<'_>) -> bool {
        self.takes(value) && self.wrong_element(value).is_none() && !self.wants_integer(value)
    }
}

fn of_kind(kind: Kind) -> Operand {
    match kind {
        Kind::Null => Operand::NULL,
        Kind::Bool => Operand::BOOLEAN,
        Kind::Number => Operand::NUMBER,
        Kind::String => Operand::STRING,
        Kind::Array => Operand::ARRAY,
        Kind::Object => Operand::OBJECT,
        Kind::Set => Operand::SET,
    }
}

/// The name of a kind as `type_name` gives it.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "boolean",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
        Kind::Set => "set",
    }
}

/// Every kind in the order in which messages name them.
const KINDS: [Kind; 7] = [Kind::Null, Kind::Bool, Kind::Number, Kind::String, Kind::Set, Kind::Array, Kind::Object];

/// The failure of a call that says no more than that it failed: the first operand that is not taken, else `otherwise`.
pub(crate) fn diagnose<'h>(operands: impl Iterator<Item = (Operand, Value<'h>)>, otherwise: &'static str) -> Failure {
    let wrong = (1..).zip(operands).find(|(_, (operand, value))| !operand.accepts(*value));
    wrong.map_or(Failure::Failed(otherwise), |(position, (operand, _))| Failure::Type(position, operand))
}

impl Failure {
    /// OPA's code; `None` where it is no error.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Undefined => None,
            Self::Type(..) | Self::Operand(..) => Some("eval_type_error"),
            Self::Failed(_) => Some("eval_builtin_error"),
        }
    }

    /// What happened, without the builtin's name; `value` is the operand in question.
    pub fn message(self, value: Option<Value<'_>>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = match (self, value) {
            (Self::Undefined, _) => Ok(()),
            (Self::Failed(message), _) => write!(text, "{message}"),
            (Self::Operand(position, message), _) => write!(text, "operand {position} {message}"),
            (Self::Type(position, operand), Some(value)) => write_type_error(&mut text, position, operand, value),
            (Self::Type(position, _), None) => write!(text, "operand {position} is of a wrong type"),
        };
        text
    }
}

fn write_type_error(text: &mut String, position: u32, operand: Operand, value: Value<'_>) -> core::fmt::Result {
    let got = name(value.kind());
    write!(text, "operand {position} must be ")?;
    if !operand.takes(value) {
        if operand.asks(Operand::INTEGER) {
            return write!(text, "integer but got {got}");
        }
        let taken = || KINDS.into_iter().filter(|kind| operand.asks(of_kind(*kind)));
        if let (Some(only), 1) = (taken().next(), taken().count()) {
            return write!(text, "{} but got {got}", name(only));
        }
        write!(text, "one of {{")?;
        for (index, kind) in taken().enumerate() {
            write!(text, "{}{}", if index > 0 { ", " } else { "" }, name(kind))?;
        }
        return write!(text, "}} but got {got}");
    }
    match (operand.elements(), operand.wrong_element(value)) {
        (Some((Kind::Set, wanted)), Some(element)) => write!(text, "{wanted} but got {}", name(element.kind())),
        (Some((_, wanted)), Some(element)) => {
            write!(text, "{got} of {wanted}s but got {got} containing {}", name(element.kind()))
        }
        _ => write!(text, "integer number but got floating-point number"),
    }
}

/// What a builtin gives that names its failures; `None` is one that its table explains.
pub(super) type Given<'h> = Result<Value<'h>, Option<Failure>>;

/// What a builtin's function may return.
pub(crate) trait Outcome<'h> {
    /// The value; the failure if the function names one.
    fn outcome(self) -> Given<'h>;
}

impl<'h> Outcome<'h> for Option<Value<'h>> {
    #[inline(always)]
    fn outcome(self) -> Given<'h> {
        self.ok_or(None)
    }
}

impl<'h> Outcome<'h> for Given<'h> {
    #[inline(always)]
    fn outcome(self) -> Self {
        self
    }
}

impl Builtin {
    /// Calls it.
    ///
    /// # Errors
    /// [`Failure`], also for a wrong number of arguments.
    pub fn invoke<'h>(&self, heap: crate::Heap<'h>, arguments: &[Value<'h>]) -> Result<Value<'h>, Failure> {
        (self.call)(heap, arguments).map_err(|failure| failure.unwrap_or_else(|| self.diagnose(arguments)))
    }

    /// The failure of a call that says no more than that it failed.
    pub fn diagnose(&self, arguments: &[Value<'_>]) -> Failure {
        diagnose(self.operands.iter().copied().zip(arguments.iter().copied()), self.failure)
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) mod noted {
    //! The failure of the last call, for generated code that is strict about errors.
    #![allow(unsafe_code, reason = "one cell of static data")]

    use super::Failure;

    static mut NOTED: Option<Failure> = None;

    /// Notes what a function has named.
    #[cold]
    pub(crate) fn note(failure: Option<Failure>) {
        // SAFETY: a Wasm instance is single-threaded, and no reference to the cell is kept.
        unsafe { NOTED = failure }
    }

    /// What was noted last, which is forgotten.
    pub(crate) fn take() -> Option<Failure> {
        // SAFETY: as above.
        unsafe {
            let noted = NOTED;
            NOTED = None;
            noted
        }
    }
}
