//! Writes an instant with a layout.

use std::fmt::Write as _;

use super::civil::{Clock, Date, MONTHS};
use super::layout::{self, Element, OffsetStyle, Pad};
use super::zone::Local;

/// The time in that layout. What is no element of one stays as it is.
pub(super) fn format(time: &Local, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 10);
    let mut rest = layout.as_bytes();
    loop {
        let cut = layout::next(rest);
        // Elements are ASCII, so what lies between them is whole characters.
        out.push_str(std::str::from_utf8(cut.before).unwrap_or_default());
        let Some(element) = cut.element else { return out };
        push(&mut out, time, element);
        rest = cut.after;
    }
}

fn push(out: &mut String, time: &Local, element: Element) {
    let Date { year, month, day } = time.date();
    let Clock { hour, minute, second } = time.clock();
    match element {
        Element::LongYear => number(out, year, 4, Pad::Zero),
        Element::ShortYear => number(out, year % 100, 2, Pad::Zero),
        Element::LongMonth => out.push_str(name(month)),
        Element::ShortMonth => out.push_str(name(month).get(..3).unwrap_or_default()),
        Element::Month(pad) => number(out, month, 2, pad),
        Element::LongWeekday => out.push_str(time.weekday()),
        Element::ShortWeekday => out.push_str(time.weekday().get(..3).unwrap_or_default()),
        Element::Day(pad) => number(out, day, 2, pad),
        Element::DayOfYear(pad) => number(out, time.date().day_of_year(), 3, pad),
        Element::Hour => number(out, hour, 2, Pad::Zero),
        Element::Hour12(pad) => number(out, (hour + 11) % 12 + 1, 2, pad),
        Element::Minute(pad) => number(out, minute, 2, pad),
        Element::Second(pad) => number(out, second, 2, pad),
        Element::Noon { upper } => out.push_str(match (upper, hour >= 12) {
            (true, true) => "PM",
            (true, false) => "AM",
            (false, true) => "pm",
            (false, false) => "am",
        }),
        Element::Zone if time.zone.is_empty() => {
            offset(out, time.offset, OffsetStyle { z: false, colons: false, minutes: true, seconds: false });
        }
        Element::Zone => out.push_str(&time.zone),
        Element::Offset(style) => offset(out, time.offset, style),
        Element::Fraction { digits, comma, trimmed } => fraction(out, time.nanos, digits, comma, trimmed),
    }
}

fn name(month: i64) -> &'static str {
    let index = usize::try_from(month - 1).unwrap_or(usize::MAX);
    MONTHS.get(index).copied().unwrap_or_default()
}

fn number(out: &mut String, number: i64, width: usize, pad: Pad) {
    // Writing to a string does not fail.
    let _ = match pad {
        Pad::None => write!(out, "{number}"),
        Pad::Space => write!(out, "{number:width$}"),
        Pad::Zero => write!(out, "{number:0width$}"),
    };
}

fn offset(out: &mut String, offset: i64, style: OffsetStyle) {
    if style.z && offset == 0 {
        out.push('Z');
        return;
    }
    let minutes = offset / 60;
    // Less than a minute west has a plus, as in Go, which keeps the seconds negative then.
    out.push(if minutes < 0 { '-' } else { '+' });
    let seconds = if minutes < 0 { -offset } else { offset };
    number(out, minutes.abs() / 60, 2, Pad::Zero);
    let mut part = |value: i64| {
        if style.colons {
            out.push(':');
        }
        number(out, value, 2, Pad::Zero);
    };
    if style.minutes {
        part(minutes.abs() % 60);
    }
    if style.seconds {
        part(seconds % 60);
    }
}

fn fraction(out: &mut String, nanos: i64, digits: usize, comma: bool, trimmed: bool) {
    if trimmed && (digits == 0 || nanos == 0) {
        return;
    }
    let all = format!("{nanos:09}");
    let mut shown = all.get(..digits).unwrap_or(&all);
    if trimmed {
        shown = shown.trim_end_matches('0');
    }
    if !trimmed || !shown.is_empty() {
        out.push(if comma { ',' } else { '.' });
        out.push_str(shown);
    }
}
