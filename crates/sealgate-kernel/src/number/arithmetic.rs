//! Arithmetic with OPA's results: exact on integers of any size, 64 bits of mantissa on fractions.
//!
//! Takes [`Number`]s, gives [`Computed`] numbers. Sizes are bounded by [`MAX_DIGITS`] and [`MAX_EXPONENT`]; an operation
//! beyond them fails with [`NumberError::OutOfBounds`] and never expands an exponent into digits. It does not know about
//! values or memory layout.

mod double;
mod float;
mod integer;
mod nat;
mod scan;
#[cfg(test)]
mod tests;

pub use self::double::{Style, format_binary, format_double, format_hexadecimal};
use self::float::Float;
use self::integer::Int;
use self::nat::Nat;
use self::scan::Scan;
use crate::Number;
use alloc::string::String;

/// The most decimal digits that an operand or a result may have.
pub const MAX_DIGITS: usize = 10_000;

/// The largest power of ten, either way, that an operand of arithmetic may be scaled by.
pub const MAX_EXPONENT: i64 = 100_000;

/// What an operation gives: a number with its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Computed {
    /// An integer that fits; an operation's integer result always comes in this form if it can.
    Int(i64),
    /// The text of any other number.
    Decimal(String),
}

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The text is not a JSON number.
    Invalid,
    /// A divisor is zero.
    DivideByZero,
    /// An operand that must be an integer has a fraction.
    NotAnInteger,
    /// A shift count is negative.
    NegativeShift,
    /// An operand or the result has too many digits.
    OutOfBounds,
}

/// A bitwise operation on two's complement integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Bits set in both.
    And,
    /// Bits set in either.
    Or,
    /// Bits set in one of them.
    Xor,
}

impl NumberError {
    /// What went wrong, in words.
    pub fn message(self) -> &'static str {
        match self {
            Self::Invalid => "not a number",
            Self::DivideByZero => "divide by zero",
            Self::NotAnInteger => "not an integer",
            Self::NegativeShift => "negative shift count",
            Self::OutOfBounds => "number has too many digits",
        }
    }
}

impl core::fmt::Display for NumberError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.message())
    }
}

impl core::error::Error for NumberError {}

impl Computed {
    /// Borrows the number.
    pub fn as_number(&self) -> Number<'_> {
        match self {
            Self::Int(value) => Number::Int(*value),
            Self::Decimal(text) => Number::Decimal(text),
        }
    }
}

/// The value as an `i64`, if it is an integer (however written) that fits.
pub fn to_i64(number: Number<'_>) -> Option<i64> {
    match number {
        Number::Int(value) => Some(value),
        Number::Decimal(text) => super::compare::decimal_to_i64(text),
    }
}

/// True if the value has no fraction, however it is written.
pub fn is_integer(number: Number<'_>) -> bool {
    match number {
        Number::Int(_) => true,
        Number::Decimal(text) => Scan::of(text).is_ok_and(|scan| scan.trailing_integer_zeros().is_some()),
    }
}

/// `a + b`
///
/// # Errors
/// [`NumberError::OutOfBounds`], and [`NumberError::Invalid`] for a text that is no number.
pub fn add(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(sum) = a.checked_add(b)
    {
        return Ok(Computed::Int(sum));
    }
    exact_or_float(a, b, Int::add, Float::add)
}

/// `a - b`
///
/// # Errors
/// As [`add`].
pub fn sub(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(difference) = a.checked_sub(b)
    {
        return Ok(Computed::Int(difference));
    }
    exact_or_float(a, b, Int::sub, Float::sub)
}

/// `a * b`
///
/// # Errors
/// As [`add`].
pub fn mul(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(product) = a.checked_mul(b)
    {
        return Ok(Computed::Int(product));
    }
    exact_or_float(a, b, Int::mul, Float::mul)
}

/// `a / b`: 64 bits of quotient, also for integers.
///
/// # Errors
/// [`NumberError::DivideByZero`], and as [`add`].
pub fn div(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && b != 0
        && a.checked_rem(b) == Some(0)
        // The sign of a zero quotient is the float's matter.
        && a != 0
        && let Some(quotient) = a.checked_div(b)
    {
        return Ok(Computed::Int(quotient));
    }
    Float::from_num(a)?.div(&Float::from_num(b)?).ok_or(NumberError::DivideByZero)?.to_number()
}

/// The remainder of a division rounded toward zero, so with the sign of `a`.
///
/// # Errors
/// [`NumberError::DivideByZero`], [`NumberError::NotAnInteger`], and as [`add`].
pub fn rem(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(rest) = a.checked_rem(b)
    {
        return Ok(Computed::Int(rest));
    }
    let (a, b) = (integer(a)?, integer(b)?);
    a.rem(&b).ok_or(NumberError::DivideByZero)?.to_number()
}

/// The magnitude, with 64 bits of mantissa.
///
/// # Errors
/// As [`add`].
pub fn abs(number: Number<'_>) -> Result<Computed, NumberError> {
    match number {
        Number::Int(value) if value != i64::MIN => Ok(Computed::Int(value.abs())),
        _ => Float::from_num(number)?.abs().to_number(),
    }
}

/// The nearest integer, halves away from zero.
///
/// # Errors
/// As [`add`].
pub fn round(number: Number<'_>) -> Result<Computed, NumberError> {
    if let Number::Int(_) = number {
        return Ok(own(number));
    }
    let float = Float::from_num(number)?;
    let half = Float::half();
    let moved = if float.is_negative() { float.sub(&half) } else { float.add(&half) };
    Float::from_int(&moved.truncated()?).to_number()
}

/// The smallest integer that is not below the number, save that OPA gives 1 for one between -1 and 0.
///
/// # Errors
/// As [`add`].
pub fn ceil(number: Number<'_>) -> Result<Computed, NumberError> {
    if let Number::Int(_) = number {
        return Ok(own(number));
    }
    let float = Float::from_num(number)?;
    let whole = Float::from_int(&float.truncated()?);
    if whole.is_negative() || whole == float {
        return whole.to_number();
    }
    whole.add(&Float::from_int(&Int::from_i64(1))).to_number()
}

/// The largest integer that is not above the number, save that OPA gives 0 for one between -1 and 0.
///
/// # Errors
/// As [`add`].
pub fn floor(number: Number<'_>) -> Result<Computed, NumberError> {
    if let Number::Int(_) = number {
        return Ok(own(number));
    }
    let float = Float::from_num(number)?;
    let whole = Float::from_int(&float.truncated()?);
    if !whole.is_negative() || whole == float {
        return whole.to_number();
    }
    whole.sub(&Float::from_int(&Int::from_i64(1))).to_number()
}

/// A bitwise operation on two integers.
///
/// # Errors
/// [`NumberError::NotAnInteger`], and as [`add`].
pub fn bits(a: Number<'_>, b: Number<'_>, operation: Bits) -> Result<Computed, NumberError> {
    let (a, b) = (integer(a)?, integer(b)?);
    let combine: fn(u32, u32) -> u32 = match operation {
        Bits::And => |a, b| a & b,
        Bits::Or => |a, b| a | b,
        Bits::Xor => |a, b| a ^ b,
    };
    a.bitwise(&b, combine).to_number()
}

/// All bits of an integer flipped: `-number - 1`.
///
/// # Errors
/// As [`bits`].
pub fn bits_not(number: Number<'_>) -> Result<Computed, NumberError> {
    integer(number)?.not().to_number()
}

/// `number * 2^count`
///
/// # Errors
/// [`NumberError::NegativeShift`], and as [`bits`].
pub fn shift_left(number: Number<'_>, count: Number<'_>) -> Result<Computed, NumberError> {
    let (number, count) = (integer(number)?, shift_count(count)?);
    if number.is_zero() {
        return Ok(Computed::Int(0));
    }
    let count = count.ok_or(NumberError::OutOfBounds)?;
    check_bits(number.magnitude().bits().saturating_add(count))?;
    number.shl(count).to_number()
}

/// `number / 2^count`, rounded down.
///
/// # Errors
/// As [`shift_left`].
pub fn shift_right(number: Number<'_>, count: Number<'_>) -> Result<Computed, NumberError> {
    let (number, count) = (integer(number)?, shift_count(count)?);
    match count {
        Some(count) => number.shr(count).to_number(),
        None => Ok(Computed::Int(if number.is_negative() { -1 } else { 0 })),
    }
}

/// The sum of numbers: exact if all are integers, else added up from the left with 64 bits of mantissa.
///
/// # Errors
/// As [`add`].
pub fn sum<'a>(numbers: impl Iterator<Item = Number<'a>> + Clone) -> Result<Computed, NumberError> {
    fold(numbers, Int::from_i64(0), Int::add, Float::from_int(&Int::from_i64(0)), Float::add)
}

/// The product of numbers: exact if all are integers, else from the left with 53 bits of mantissa.
///
/// # Errors
/// As [`add`].
pub fn product<'a>(numbers: impl Iterator<Item = Number<'a>> + Clone) -> Result<Computed, NumberError> {
    fold(numbers, Int::from_i64(1), Int::mul, Float::double_one(), Float::mul_keeping_precision)
}

/// The digits of an integer in base 2, 8, 10 or 16 (lower case). A number that is not written as an integer is rounded
/// toward zero first, with 64 bits of mantissa.
///
/// # Errors
/// [`NumberError::Invalid`] for another base, and as [`add`].
pub fn format_integer(number: Number<'_>, base: u32) -> Result<String, NumberError> {
    let value = match number {
        Number::Decimal(text) if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
            Float::from_num(number)?.truncated()?
        }
        _ => integer(number)?,
    };
    let digits = match base {
        10 => value.magnitude().to_digits(),
        2 | 8 | 16 => value.magnitude().to_radix(base),
        _ => return Err(NumberError::Invalid),
    };
    let mut out = String::with_capacity(digits.len() + 1);
    if value.is_negative() {
        out.push('-');
    }
    out.push_str(&digits);
    Ok(out)
}

/// Hexadecimal digits in lower case.
pub fn hexadecimal(value: u64) -> String {
    Nat::from_u64(value).to_radix(16)
}

/// `number * factor / 2^twos`: an integer, or with exactly ten decimals, halves away from zero.
///
/// # Errors
/// As [`add`].
pub fn scale(number: Number<'_>, factor: u64, twos: u32) -> Result<Computed, NumberError> {
    const DECIMALS: u32 = 10;
    let (digits, exponent) = Int::with_exponent(number)?;
    let scaled = digits.mul(&Int::new(false, Nat::from_u64(factor)));
    let (numerator, denominator) = match u32::try_from(exponent) {
        Ok(zeros) => (scaled.mul(&Int::new(false, Nat::pow10(zeros))), Nat::from_u64(1)),
        Err(_) => (scaled, Nat::pow10(exponent.unsigned_abs() as u32)),
    };
    let denominator = denominator.shl(twos as usize);
    let (whole, rest) = numerator.magnitude().div_rem(&denominator);
    if rest.is_zero() {
        return Int::new(numerator.is_negative(), whole).to_number();
    }
    check_bits(whole.bits())?;
    let (mut decimals, rest) = numerator.magnitude().mul(&Nat::pow10(DECIMALS)).div_rem(&denominator);
    if rest.shl(1) >= denominator {
        decimals.mul_add_small(1, 1);
    }
    let mut digits = decimals.to_digits();
    let missing = (DECIMALS as usize + 1).saturating_sub(digits.len());
    digits.insert_str(0, &"0".repeat(missing));
    digits.insert(digits.len() - DECIMALS as usize, '.');
    if numerator.is_negative() {
        digits.insert(0, '-');
    }
    Ok(Computed::Decimal(digits))
}

/// `a * b` with 64 bits of mantissa, rounded toward zero to an integer.
///
/// # Errors
/// As [`add`].
pub fn mul_truncated(a: Number<'_>, b: Number<'_>) -> Result<Computed, NumberError> {
    Float::from_num(a)?.mul(&Float::from_num(b)?).truncated()?.to_number()
}

fn fold<'a>(
    numbers: impl Iterator<Item = Number<'a>> + Clone,
    start: Int,
    exact: fn(&Int, &Int) -> Int,
    float_start: Float,
    float: fn(&Float, &Float) -> Float,
) -> Result<Computed, NumberError> {
    let mut total = start;
    let mut all_integers = true;
    for number in numbers.clone() {
        let Some(value) = Int::from_num(number)? else {
            all_integers = false;
            break;
        };
        total = exact(&total, &value);
        check_bits(total.magnitude().bits())?;
    }
    if all_integers {
        return total.to_number();
    }
    let mut total = float_start;
    for number in numbers {
        total = float(&total, &Float::from_num(number)?);
    }
    total.to_number()
}

fn exact_or_float(
    a: Number<'_>,
    b: Number<'_>,
    exact: fn(&Int, &Int) -> Int,
    float: fn(&Float, &Float) -> Float,
) -> Result<Computed, NumberError> {
    match (Int::from_num(a)?, Int::from_num(b)?) {
        (Some(a), Some(b)) => exact(&a, &b).to_number(),
        _ => float(&Float::from_num(a)?, &Float::from_num(b)?).to_number(),
    }
}

fn own(number: Number<'_>) -> Computed {
    match number {
        Number::Int(value) => Computed::Int(value),
        Number::Decimal(text) => Computed::Decimal(String::from(text)),
    }
}

fn integer(number: Number<'_>) -> Result<Int, NumberError> {
    Int::from_num(number)?.ok_or(NumberError::NotAnInteger)
}

/// A shift count; `Ok(None)` is one beyond any number of bits.
fn shift_count(count: Number<'_>) -> Result<Option<usize>, NumberError> {
    let count = integer(count)?;
    if count.is_negative() {
        return Err(NumberError::NegativeShift);
    }
    Ok(count.to_i64().and_then(|count| u32::try_from(count).ok()).map(|count| count as usize))
}

/// Refuses a number of more bits than [`MAX_DIGITS`] decimal digits take.
fn check_bits(bits: usize) -> Result<(), NumberError> {
    // log2(10) is 3.32193
    if bits > MAX_DIGITS * 33_220 / 10_000 { Err(NumberError::OutOfBounds) } else { Ok(()) }
}
