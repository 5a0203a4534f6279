//! Layouts: the text that the time 2006-01-02 15:04:05 in a zone seven hours west would be written as. [`next`] finds the
//! first element in one.

pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// The layouts that OPA knows by name.
const NAMED: [(&str, &str); 10] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", RFC3339),
    ("RFC3339Nano", RFC3339_NANO),
];

/// The layout that `text` names, or else is.
pub(super) fn named(text: &str) -> &str {
    NAMED.iter().find(|(name, _)| *name == text).map_or(text, |(_, layout)| layout)
}

/// An element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    LongYear,
    ShortYear,
    LongMonth,
    ShortMonth,
    Month(Pad),
    LongWeekday,
    ShortWeekday,
    Day(Pad),
    DayOfYear(Pad),
    Hour,
    Hour12(Pad),
    Minute(Pad),
    Second(Pad),
    /// `PM` or `pm`.
    Noon {
        upper: bool,
    },
    /// A zone's abbreviation.
    Zone,
    Offset(OffsetStyle),
    Fraction {
        digits: usize,
        comma: bool,
        trimmed: bool,
    },
}

/// What stands in front of a number that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

/// How an offset from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffsetStyle {
    /// `Z` stands for UTC.
    pub(super) z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// A layout cut at its first element: what is before, the element as written and what it is, what follows.
pub(super) struct Cut<'a> {
    pub(super) before: &'a [u8],
    pub(super) written: &'a [u8],
    pub(super) element: Option<Element>,
    pub(super) after: &'a [u8],
}

/// The offsets as they are written behind `-` or `Z`, in the order in which they are tried.
const OFFSETS: [(&[u8], bool, bool, bool); 5] = [
    (b"070000", false, true, true),
    (b"07:00:00", true, true, true),
    (b"0700", false, true, false),
    (b"07:00", true, true, false),
    (b"07", false, false, false),
];

/// Cuts a layout at its first element.
pub(super) fn next(layout: &[u8]) -> Cut<'_> {
    for (start, _) in layout.iter().enumerate() {
        let rest = layout.get(start..).unwrap_or_default();
        let Some((skip, length, element)) = element(rest) else { continue };
        let (before, rest) = layout.split_at_checked(start + skip).unwrap_or_default();
        let (written, after) = rest.split_at_checked(length).unwrap_or_default();
        return Cut { before, written, element: Some(element), after };
    }
    Cut { before: layout, written: b"", element: None, after: b"" }
}

/// The element at the start of `text`: bytes of text before it, its length, what it is.
fn element(text: &[u8]) -> Option<(usize, usize, Element)> {
    use Element::{
        Day, DayOfYear, Hour, Hour12, LongMonth, LongWeekday, LongYear, Minute, Month, Noon, Second, ShortMonth,
        ShortWeekday, ShortYear, Zone,
    };
    let starts = |prefix: &[u8]| text.starts_with(prefix);
    // `Month` is a word, not `Mon` and something.
    let word_ends = |at: usize| !text.get(at).is_some_and(u8::is_ascii_lowercase);
    let found = |length: usize, element: Element| Some((0, length, element));
    match text.first()? {
        b'J' if starts(b"January") => found(7, LongMonth),
        b'J' if starts(b"Jan") && word_ends(3) => found(3, ShortMonth),
        b'M' if starts(b"Monday") => found(6, LongWeekday),
        b'M' if starts(b"Mon") && word_ends(3) => found(3, ShortWeekday),
        b'M' if starts(b"MST") => found(3, Zone),
        b'0' => match text.get(1)? {
            b'1' => found(2, Month(Pad::Zero)),
            b'2' => found(2, Day(Pad::Zero)),
            b'3' => found(2, Hour12(Pad::Zero)),
            b'4' => found(2, Minute(Pad::Zero)),
            b'5' => found(2, Second(Pad::Zero)),
            b'6' => found(2, ShortYear),
            b'0' if starts(b"002") => found(3, DayOfYear(Pad::Zero)),
            _ => None,
        },
        b'1' if starts(b"15") => found(2, Hour),
        b'1' => found(1, Month(Pad::None)),
        b'2' if starts(b"2006") => found(4, LongYear),
        b'2' => found(1, Day(Pad::None)),
        b'_' if starts(b"_2006") => Some((1, 4, LongYear)),
        b'_' if starts(b"_2") => found(2, Day(Pad::Space)),
        b'_' if starts(b"__2") => found(3, DayOfYear(Pad::Space)),
        b'3' => found(1, Hour12(Pad::None)),
        b'4' => found(1, Minute(Pad::None)),
        b'5' => found(1, Second(Pad::None)),
        b'P' if starts(b"PM") => found(2, Noon { upper: true }),
        b'p' if starts(b"pm") => found(2, Noon { upper: false }),
        sign @ (b'-' | b'Z') => {
            let rest = text.get(1..)?;
            let (written, colons, minutes, seconds) = OFFSETS.iter().find(|offset| rest.starts_with(offset.0))?;
            let style = OffsetStyle { z: *sign == b'Z', colons: *colons, minutes: *minutes, seconds: *seconds };
            found(written.len() + 1, Element::Offset(style))
        }
        mark @ (b'.' | b',') => {
            let digit = text.get(1).copied().filter(|digit| matches!(digit, b'0' | b'9'))?;
            let rest = text.get(1..)?;
            let digits = rest.iter().take_while(|byte| **byte == digit).count();
            if rest.get(digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            // Go keeps twelve bits of the number of digits.
            let kept = digits & 0xfff;
            let fraction = Element::Fraction { digits: kept, comma: *mark == b',', trimmed: digit == b'9' };
            found(digits + 1, fraction)
        }
        _ => None,
    }
}
