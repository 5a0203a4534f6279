//! Doubles as text, as Go's `strconv.FormatFloat` writes them.
//!
//! Takes a finite `f64`; the digits are exact before they are rounded.

use super::float::Decimal;
use super::hexadecimal;
use super::nat::Nat;
use alloc::string::String;

/// How a double is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `d.ddde±dd`
    Exponent,
    /// `ddd.ddd`
    Fixed,
    /// With an exponent where that is short, else without.
    General,
}

/// The magnitude of `value` as text. Without a precision it has the fewest digits that read back as the same value;
/// otherwise `precision` counts digits after the point, or all digits for [`Style::General`].
pub fn format_double(value: f64, style: Style, precision: Option<usize>) -> String {
    let mut decimal = exact(value);
    let precision = match precision {
        None => {
            shorten(&mut decimal, value);
            match style {
                Style::Exponent => decimal.count().saturating_sub(1),
                Style::Fixed => usize::try_from(decimal.count() as i64 - decimal.point()).unwrap_or(0),
                Style::General => return general(&decimal, decimal.count(), 6),
            }
        }
        Some(precision) => {
            let precision = if style == Style::General { precision.max(1) } else { precision };
            let kept = match style {
                Style::Exponent => precision as i64 + 1,
                Style::Fixed => decimal.point().saturating_add(precision as i64),
                Style::General => precision as i64,
            };
            decimal.round_to(kept);
            precision
        }
    };
    match style {
        Style::Exponent => exponent(&decimal, precision),
        Style::Fixed => fixed(&decimal, precision),
        Style::General => {
            let shorter = precision > decimal.count() && decimal.count() as i64 >= decimal.point();
            general(&decimal, precision, if shorter { decimal.count() } else { precision })
        }
    }
}

/// The magnitude of `value` as an integer and the power of two that scales it: `4503599627370496p-52`.
pub fn format_binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let mut out = Nat::from_u64(mantissa).to_digits();
    push_power(&mut out, 'p', exponent, 1);
    out
}

/// The magnitude of `value` in hexadecimal: `0x1.8p+01`. Without a precision it has as many digits as the value.
pub fn format_hexadecimal(value: f64, precision: Option<usize>) -> String {
    /// Hexadecimal digits of a double behind its point.
    const DIGITS: usize = 13;
    let (mut mantissa, mut exponent) = parts(value);
    let normal = mantissa.leading_zeros() as i64 - 11;
    if mantissa == 0 {
        exponent = 0;
    } else {
        mantissa <<= normal;
        exponent += 52 - normal;
    }
    if let Some(kept) = precision.filter(|kept| *kept < DIGITS) {
        let dropped = 4 * (DIGITS - kept) as u32;
        let (half, rest) = (1_u64 << (dropped - 1), mantissa & ((1 << dropped) - 1));
        let up = rest > half || rest == half && mantissa >> dropped & 1 == 1;
        mantissa = ((mantissa >> dropped) + u64::from(up)) << dropped;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut out = String::from(if mantissa >> 52 == 0 { "0x0" } else { "0x1" });
    let fraction = hexadecimal((1 << 52) | mantissa);
    let fraction = fraction.get(1..).unwrap_or_default();
    match precision {
        None if mantissa << 12 == 0 => {}
        None => out.extend(['.'].into_iter().chain(fraction.trim_end_matches('0').chars())),
        Some(0) => {}
        Some(precision) => {
            let zeros = core::iter::repeat('0');
            out.push('.');
            out.extend(fraction.chars().chain(zeros).take(precision));
        }
    }
    push_power(&mut out, 'p', exponent, 2);
    out
}

/// A letter, a sign and a power of at least so many digits.
fn push_power(out: &mut String, letter: char, power: i64, least: usize) {
    out.push(letter);
    out.push(if power < 0 { '-' } else { '+' });
    let digits = Nat::from_u64(power.unsigned_abs()).to_digits();
    out.extend(core::iter::repeat_n('0', least.saturating_sub(digits.len())));
    out.push_str(&digits);
}

/// The parts of a double: an integer and the power of two that scales it.
fn parts(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i64);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

fn exact(value: f64) -> Decimal {
    let (mantissa, exponent) = parts(value);
    Decimal::of(&Nat::from_u64(mantissa), exponent)
}

fn shorten(decimal: &mut Decimal, value: f64) {
    let (mantissa, exponent) = parts(value);
    if mantissa == 0 {
        return;
    }
    // Below a power of two the neighbour is half as far away.
    let near_below = mantissa == 1 << 52 && exponent > -1074;
    let (low, low_exponent) =
        if near_below { (mantissa * 4 - 1, exponent - 2) } else { (mantissa * 2 - 1, exponent - 1) };
    let lower = Decimal::of(&Nat::from_u64(low), low_exponent);
    let upper = Decimal::of(&Nat::from_u64(mantissa * 2 + 1), exponent - 1);
    cut(decimal, &lower, &upper, mantissa & 1 == 0);
}

/// Cuts off the digits that the distance to the neighbours does not need. The bounds may have their point elsewhere, so
/// digits are compared by the power of ten that they stand for.
fn cut(decimal: &mut Decimal, lower: &Decimal, upper: &Decimal, inclusive: bool) {
    let (to_lower, to_decimal) = (lower.point() - upper.point(), decimal.point() - upper.point());
    // How far the upper bound is above the digits so far, in units of the last one: 0, 1, or more.
    let mut distance = 0;
    for index in 0.. {
        let at = index + to_decimal;
        if at >= decimal.count() as i64 {
            return;
        }
        let (below, digit, above) = (lower.digit(index + to_lower), decimal.digit(at), upper.digit(index));
        let down = below != digit || inclusive && index + to_lower + 1 == lower.count() as i64;
        distance = match distance {
            0 if (digit as u32) + 1 < above as u32 => 2,
            0 if digit != above => 1,
            1 if digit != '9' || above != '0' => 2,
            same => same,
        };
        let up = distance > 0 && (inclusive || distance > 1 || index + 1 < upper.count() as i64);
        match (down, up) {
            (true, true) => return decimal.round_to(at + 1),
            (true, false) => return decimal.truncate_to(at + 1),
            (false, true) => return decimal.raise_to(at + 1),
            (false, false) => {}
        }
    }
}

fn general(decimal: &Decimal, precision: usize, most: usize) -> String {
    let power = decimal.point() - 1;
    if power < -4 || power >= most as i64 {
        return exponent(decimal, precision.min(decimal.count()).saturating_sub(1));
    }
    let digits = if precision as i64 > decimal.point() { decimal.count() } else { precision };
    fixed(decimal, usize::try_from(digits as i64 - decimal.point()).unwrap_or(0))
}

fn exponent(decimal: &Decimal, precision: usize) -> String {
    let mut out = String::with_capacity(precision + 8);
    out.push(decimal.digit(0));
    if precision > 0 {
        out.push('.');
        out.extend((1..=precision as i64).map(|index| decimal.digit(index)));
    }
    let power = if decimal.count() == 0 { 0 } else { decimal.point() - 1 };
    push_power(&mut out, 'e', power, 2);
    out
}

fn fixed(decimal: &Decimal, precision: usize) -> String {
    let point = decimal.point();
    let mut out = String::with_capacity(precision + 4);
    if point > 0 {
        out.extend((0..point).map(|index| decimal.digit(index)));
    } else {
        out.push('0');
    }
    if precision > 0 {
        out.push('.');
        out.extend((0..precision as i64).map(|index| decimal.digit(point + index)));
    }
    out
}
