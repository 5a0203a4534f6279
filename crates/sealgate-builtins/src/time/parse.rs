//! Reads a text with a layout, as Go does: in bytes, elements in order, numbers leniently, zones only for their offset.

use super::Instant;
use super::civil::{self, Clock, Date, MONTHS, WEEKDAYS};
use super::layout::{self, Element, OffsetStyle, Pad};
use super::zone::Zone;

/// The instant that `text` names.
pub(super) fn parse(layout: &str, text: &str) -> Result<Instant, String> {
    let whole = text.as_bytes();
    let range = |what: &str| format!("parsing time {}: {what} out of range", quote(whole));
    let cannot = |value: &[u8], element: &[u8]| {
        let (text, layout) = (quote(whole), quote(layout.as_bytes()));
        format!("parsing time {text} as {layout}: cannot parse {} as {}", quote(value), quote(element))
    };
    let mut fields = Fields::default();
    let (mut layout_left, mut left) = (layout.as_bytes(), whole);
    loop {
        let cut = layout::next(layout_left);
        left = skip(left, cut.before).map_err(|left| cannot(left, cut.before))?;
        let Some(element) = cut.element else { break };
        layout_left = cut.after;
        left = match fields.read(element, left, cut.after) {
            Ok(rest) => rest,
            Err(Problem::Bad) => return Err(cannot(left, cut.written)),
            Err(Problem::Range(what)) => return Err(range(what)),
        };
    }
    if !left.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quote(whole), quote(left)));
    }
    fields.instant().map_err(|problem| format!("parsing time {}: {problem}", quote(whole)))
}

enum Problem {
    Bad,
    Range(&'static str),
}

type Rest<'a> = Result<&'a [u8], Problem>;

/// What has been read.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    morning: bool,
    afternoon: bool,
    utc: bool,
    offset: Option<i64>,
}

impl Fields {
    fn read<'a>(&mut self, element: Element, text: &'a [u8], layout: &[u8]) -> Rest<'a> {
        let fixed = |pad: Pad| pad == Pad::Zero;
        match element {
            Element::ShortYear => {
                let (digits, rest) = text.split_at_checked(2).ok_or(Problem::Bad)?;
                let year = signed(digits).ok_or(Problem::Bad)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                Ok(rest)
            }
            Element::LongYear => {
                let (digits, rest) = text.split_at_checked(4).filter(|_| is_digit(text, 0)).ok_or(Problem::Bad)?;
                self.year = signed(digits).ok_or(Problem::Bad)?;
                Ok(rest)
            }
            Element::ShortMonth => lookup(&MONTHS, 3, text).map(|(month, rest)| {
                self.month = Some(month + 1);
                rest
            }),
            Element::LongMonth => lookup(&MONTHS, usize::MAX, text).map(|(month, rest)| {
                self.month = Some(month + 1);
                rest
            }),
            Element::Month(pad) => {
                let (month, rest) = number(text, fixed(pad))?;
                self.month = Some(month);
                in_range((1..=12).contains(&month), "month", rest)
            }
            Element::ShortWeekday => lookup(&WEEKDAYS, 3, text).map(|(_, rest)| rest),
            Element::LongWeekday => lookup(&WEEKDAYS, usize::MAX, text).map(|(_, rest)| rest),
            Element::Day(pad) => {
                let text = if pad == Pad::Space { text.strip_prefix(b" ").unwrap_or(text) } else { text };
                let (day, rest) = number(text, fixed(pad))?;
                self.day = Some(day);
                Ok(rest)
            }
            Element::DayOfYear(pad) => {
                let strip = |text: &'a [u8]| match pad {
                    Pad::Space => text.strip_prefix(b" ").unwrap_or(text),
                    _ => text,
                };
                let text = strip(strip(text));
                let digits = (0..3).take_while(|at| is_digit(text, *at)).count();
                if digits == 0 || (fixed(pad) && digits != 3) {
                    return Err(Problem::Bad);
                }
                let (digits, rest) = text.split_at_checked(digits).ok_or(Problem::Bad)?;
                self.day_of_year = signed(digits);
                Ok(rest)
            }
            Element::Hour => {
                let (hour, rest) = number(text, false)?;
                self.hour = hour;
                in_range(hour < 24, "hour", rest)
            }
            Element::Hour12(pad) => {
                let (hour, rest) = number(text, fixed(pad))?;
                self.hour = hour;
                in_range(hour <= 12, "hour", rest)
            }
            Element::Minute(pad) => {
                let (minute, rest) = number(text, fixed(pad))?;
                self.minute = minute;
                in_range(minute < 60, "minute", rest)
            }
            Element::Second(pad) => {
                let (second, rest) = number(text, fixed(pad))?;
                self.second = second;
                let rest = in_range(second < 60, "second", rest)?;
                self.unasked_fraction(rest, layout)
            }
            Element::Noon { upper } => {
                let (mark, rest) = text.split_at_checked(2).ok_or(Problem::Bad)?;
                match (mark, upper) {
                    (b"PM", true) | (b"pm", false) => self.afternoon = true,
                    (b"AM", true) | (b"am", false) => self.morning = true,
                    _ => return Err(Problem::Bad),
                }
                Ok(rest)
            }
            Element::Offset(style) => match text.strip_prefix(b"Z") {
                Some(rest) if style.z => {
                    self.utc = true;
                    Ok(rest)
                }
                _ => self.offset(style, text),
            },
            Element::Zone => match text.strip_prefix(b"UTC") {
                Some(rest) => {
                    self.utc = true;
                    Ok(rest)
                }
                None => abbreviation(text).and_then(|end| text.get(end..)).ok_or(Problem::Bad),
            },
            Element::Fraction { digits, trimmed: false, .. } => {
                let (fraction, rest) = text.split_at_checked(digits + 1).ok_or(Problem::Bad)?;
                self.nanos = nanoseconds(fraction)?;
                Ok(rest)
            }
            Element::Fraction { .. } => self.fraction(text),
        }
    }

    /// A fraction behind the seconds is read even where the layout has none.
    fn unasked_fraction<'a>(&mut self, text: &'a [u8], layout: &[u8]) -> Rest<'a> {
        match layout::next(layout).element {
            Some(Element::Fraction { .. }) => Ok(text),
            _ => self.fraction(text),
        }
    }

    /// A fraction of any length, or none.
    fn fraction<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        if !matches!(text.first(), Some(b'.' | b',')) || !is_digit(text, 1) {
            return Ok(text);
        }
        let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = text.split_at_checked(digits + 1).ok_or(Problem::Bad)?;
        self.nanos = nanoseconds(fraction)?;
        Ok(rest)
    }

    fn offset<'a>(&mut self, style: OffsetStyle, text: &'a [u8]) -> Rest<'a> {
        let (sign, mut rest) = text.split_first().ok_or(Problem::Bad)?;
        let parts = 1 + usize::from(style.minutes) + usize::from(style.seconds);
        // Go looks at length and colons before it looks at digits; either is the same error.
        let mut values = [0_i64; 3];
        for (index, value) in values.iter_mut().enumerate().take(parts) {
            if index > 0 && style.colons {
                rest = rest.strip_prefix(b":").ok_or(Problem::Bad)?;
            }
            let digits;
            (digits, rest) = rest.split_at_checked(2).ok_or(Problem::Bad)?;
            *value = if is_digit(digits, 0) && is_digit(digits, 1) { signed(digits).unwrap_or(-1) } else { -1 };
        }
        let bad = values.contains(&-1);
        let [hours, minutes, seconds] = values;
        // A part out of range is told before a part that is no number.
        let too_large = [
            (hours > 24, "time zone offset hour"),
            (minutes > 60 && hours >= 0, "time zone offset minute"),
            (seconds > 60 && hours >= 0 && minutes >= 0, "time zone offset second"),
        ];
        if let Some((_, what)) = too_large.into_iter().rev().find(|(too_large, _)| *too_large) {
            return Err(Problem::Range(what));
        }
        if bad {
            return Err(Problem::Bad);
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = match sign {
            b'+' => Some(offset),
            // Go's mark for no offset at all.
            b'-' if offset == 1 => None,
            b'-' => Some(-offset),
            _ => return Err(Problem::Bad),
        };
        Ok(rest)
    }

    fn instant(mut self) -> Result<Instant, &'static str> {
        if self.afternoon && self.hour < 12 {
            self.hour += 12;
        } else if self.morning && self.hour == 12 {
            self.hour = 0;
        }
        let (month, day) = match self.day_of_year {
            Some(day_of_year) => self.of_day_of_year(day_of_year)?,
            None => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day < 1 || day > civil::days_in(month, self.year) {
            return Err("day out of range");
        }
        let date = Date { year: self.year, month, day };
        let clock = Clock { hour: self.hour, minute: self.minute, second: self.second };
        let instant = Instant::from_wall(date, clock, self.nanos, &Zone::utc());
        if self.utc {
            return Ok(instant);
        }
        // A zone's abbreviation says nothing that could be relied on: Go takes it for UTC, `GMT+3` too.
        Ok(Instant { seconds: instant.seconds - self.offset.unwrap_or(0), ..instant })
    }

    fn of_day_of_year(&self, day_of_year: i64) -> Result<(i64, i64), &'static str> {
        if day_of_year < 1 || day_of_year > 365 + i64::from(civil::is_leap(self.year)) {
            return Err("day-of-year out of range");
        }
        let (mut month, mut day) = (1, day_of_year);
        while day > civil::days_in(month, self.year) {
            day -= civil::days_in(month, self.year);
            month += 1;
        }
        if self.month.is_some_and(|stated| stated != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|stated| stated != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

fn in_range<'a>(holds: bool, what: &'static str, rest: &'a [u8]) -> Rest<'a> {
    if holds { Ok(rest) } else { Err(Problem::Range(what)) }
}

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// Takes text that the layout has verbatim; a run of spaces stands for any run of spaces. Gives what is left where it fails.
fn skip<'a>(mut text: &'a [u8], mut expected: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some(byte) = expected.first() {
        if *byte == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return Err(text);
            }
            expected = without_spaces(expected);
            text = without_spaces(text);
            continue;
        }
        match text.split_first() {
            Some((found, rest)) if found == byte => text = rest,
            _ => return Err(text),
        }
        expected = expected.get(1..).unwrap_or_default();
    }
    Ok(text)
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// One or two digits; exactly two if `fixed`.
fn number(text: &[u8], fixed: bool) -> Result<(i64, &[u8]), Problem> {
    let length = match (is_digit(text, 0), is_digit(text, 1)) {
        (true, true) => 2,
        (true, false) if !fixed => 1,
        _ => return Err(Problem::Bad),
    };
    let (digits, rest) = text.split_at_checked(length).ok_or(Problem::Bad)?;
    Ok((signed(digits).ok_or(Problem::Bad)?, rest))
}

/// Digits behind an optional sign. None at all are zero.
fn signed(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    let value = digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { -value } else { value })
}

/// The index of the name (of at most `length` letters) that the text begins with, whatever the case, and what follows.
fn lookup<'a>(names: &[&str], length: usize, text: &'a [u8]) -> Result<(i64, &'a [u8]), Problem> {
    for (index, name) in (0..).zip(names) {
        let name = name.get(..length.min(name.len())).unwrap_or_default().as_bytes();
        match text.split_at_checked(name.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(name) => return Ok((index, rest)),
            _ => {}
        }
    }
    Err(Problem::Bad)
}

/// A point or comma and digits, of which nine count.
fn nanoseconds(text: &[u8]) -> Result<i64, Problem> {
    let (mark, digits) = text.split_first().ok_or(Problem::Bad)?;
    let digits = digits.get(..9).unwrap_or(digits);
    let value = signed(digits).filter(|_| matches!(mark, b'.' | b',')).ok_or(Problem::Bad)?;
    if value < 0 {
        return Err(Problem::Range("fractional second"));
    }
    Ok((digits.len()..9).fold(value, |value, _| value * 10))
}

/// The length of a zone's abbreviation at the start of the text.
fn abbreviation(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_offset(rest));
    }
    if text.len() < 3 {
        return None;
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return Some(signed_offset(text)).filter(|length| *length > 0);
    }
    let upper = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match upper {
        3 => Some(3),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        5 if text.get(4) == Some(&b'T') => Some(5),
        _ => None,
    }
}

/// The length of a sign and hours up to 23; 0 if that is not what the text begins with.
fn signed_offset(text: &[u8]) -> usize {
    let Some((b'+' | b'-', rest)) = text.split_first() else { return 0 };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(..digits).and_then(signed) {
        Some(hours) if digits > 0 && hours <= 23 => digits + 1,
        _ => 0,
    }
}

/// The text as Go's package `time` quotes it: all but printable ASCII by its bytes.
pub(super) fn quote(text: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            0x20..=0x7f => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}
