//! `time.*`: instants in nanoseconds since 1970 within an i64, zones of the IANA database, layouts as Go's package `time`
//! reads and writes them.
//!
//! The zone `Local` is UTC, whatever the machine's zone is, so that a decision does not depend on the machine. Texts of
//! errors are Go's.

mod civil;
mod duration;
mod format;
mod layout;
mod parse;
mod zone;

use crate::context::Context;
use crate::operand::{any, as_number, as_string, failed, integer, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;
use civil::{Clock, Date, NANOS, SECONDS_PER_DAY};
use zone::{Local, Zone};

type Outcome = Result<Option<Value>, BuiltinError>;

/// Bytes of a layout, and of a text that is read with one.
const MAX_TEXT: usize = 64 << 10;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("time.now_ns", 0, Capability::Clock, |context: &mut Context, _: &[Value]| {
        context.now().map(|now| Some(now.into()))
    });
    registry.insert("time.parse_ns", 2, Capability::Pure, parse_ns);
    registry.insert("time.parse_rfc3339_ns", 1, Capability::Pure, parse_rfc3339_ns);
    registry.insert("time.parse_duration_ns", 1, Capability::Pure, |_: &mut Context, args: &[Value]| {
        duration::parse(bounded(string(args, 1)?)?).map(|nanos| Some(nanos.into())).map_err(failed)
    });
    registry.insert("time.format", 1, Capability::Pure, format_ns);
    registry.insert("time.date", 1, Capability::Pure, date);
    registry.insert("time.clock", 1, Capability::Pure, clock);
    registry.insert("time.weekday", 1, Capability::Pure, weekday);
    registry.insert("time.add_date", 4, Capability::Pure, add_date);
    registry.insert("time.diff", 2, Capability::Pure, diff);
}

fn parse_ns(_: &mut Context, args: &[Value]) -> Outcome {
    let layout = bounded(string(args, 1)?)?;
    parse(layout::named(layout), string(args, 2)?)
}

fn parse_rfc3339_ns(_: &mut Context, args: &[Value]) -> Outcome {
    parse(layout::RFC3339, string(args, 1)?)
}

fn parse(layout: &str, text: &str) -> Outcome {
    let instant = parse::parse(layout, bounded(text)?).map_err(failed)?;
    nanoseconds(instant)
}

fn format_ns(_: &mut Context, args: &[Value]) -> Outcome {
    let (instant, zone, layout) = instant(any(args, 1)?)?;
    let layout = match layout {
        None | Some("") => layout::RFC3339_NANO,
        Some(layout) => layout::named(bounded(layout)?),
    };
    Ok(Some(format::format(&instant.local(&zone), layout).into()))
}

fn date(_: &mut Context, args: &[Value]) -> Outcome {
    let (instant, zone, _) = instant(any(args, 1)?)?;
    let Date { year, month, day } = instant.local(&zone).date();
    Ok(Some(numbers(&[year, month, day])))
}

fn clock(_: &mut Context, args: &[Value]) -> Outcome {
    let (instant, zone, _) = instant(any(args, 1)?)?;
    let Clock { hour, minute, second } = instant.local(&zone).clock();
    Ok(Some(numbers(&[hour, minute, second])))
}

fn weekday(_: &mut Context, args: &[Value]) -> Outcome {
    let (instant, zone, _) = instant(any(args, 1)?)?;
    Ok(Some(instant.local(&zone).weekday().into()))
}

fn add_date(_: &mut Context, args: &[Value]) -> Outcome {
    let (instant, zone, _) = instant(any(args, 1)?)?;
    let (years, months, days) = (integer(args, 2)?, integer(args, 3)?, integer(args, 4)?);
    let local = instant.local(&zone);
    let Date { year, month, day } = local.date();
    let date = Date { year: year.wrapping_add(years), month: month.wrapping_add(months), day: day.wrapping_add(days) };
    nanoseconds(Instant::from_wall(date, local.clock(), instant.nanos, &zone))
}

/// The time between two instants in years, months, days, hours, minutes and seconds of the first one's zone.
fn diff(_: &mut Context, args: &[Value]) -> Outcome {
    let (first, zone, _) = instant(any(args, 1)?)?;
    let (second, _, _) = instant(any(args, 2)?)?;
    let (early, late) = if first > second { (second, first) } else { (first, second) };
    let (early, late) = (early.local(&zone), late.local(&zone));
    let (from, to) = (early.date(), late.date());
    let (start, end) = (early.clock(), late.clock());
    let mut parts = [
        to.year - from.year,
        to.month - from.month,
        to.day - from.day,
        end.hour - start.hour,
        end.minute - start.minute,
        end.second - start.second,
    ];
    let [year, month, day, hour, minute, second] = &mut parts;
    borrow(second, minute, 60);
    borrow(minute, hour, 60);
    borrow(hour, day, 24);
    // A missing day is taken from the month that the earlier date is in.
    borrow(day, month, civil::days_in(from.month, from.year));
    borrow(month, year, 12);
    Ok(Some(numbers(&parts)))
}

/// Takes one from `high` if `low` is below zero.
fn borrow(low: &mut i64, high: &mut i64, base: i64) {
    if *low < 0 {
        *low += base;
        *high -= 1;
    }
}

/// A point in time: seconds since 1970 and nanoseconds on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Instant {
    seconds: i64,
    nanos: i64,
}

impl Instant {
    fn local(self, zone: &Zone) -> Local {
        zone.local(self)
    }

    /// The instant at which a zone's calendar and clocks show this. What no clock shows is read with the offset before the
    /// change, as in Go.
    fn from_wall(date: Date, clock: Clock, nanos: i64, zone: &Zone) -> Self {
        let days = date.days();
        let time = clock.hour * 3600 + clock.minute * 60 + clock.second;
        let wall = days.wrapping_mul(SECONDS_PER_DAY).wrapping_add(time);
        let mut offset = zone.offset(wall);
        if offset != 0 {
            offset = zone.offset(wall.wrapping_sub(offset));
        }
        Self { seconds: wall.wrapping_sub(offset), nanos }
    }
}

/// The instant, zone and layout of `ns`, `[ns]`, `[ns, zone]` or `[ns, zone, layout]`.
fn instant(operand: &Value) -> Result<(Instant, Zone, Option<&str>), BuiltinError> {
    let wrong = || BuiltinError::operand(1, "either number (ns) or [number (ns), string (tz)]", operand);
    let (number, zone, layout) = match operand {
        Value::Number(number) => (number, Zone::utc(), None),
        Value::Array(parts) => {
            let number = as_number(parts.first().ok_or_else(wrong)?, 1)?;
            let zone = match parts.get(1) {
                Some(name) => Zone::find(as_string(name, 1)?).map_err(failed)?,
                None => Zone::utc(),
            };
            (number, zone, parts.get(2).map(|layout| as_string(layout, 1)).transpose()?)
        }
        _ => return Err(wrong()),
    };
    let nanos = number.as_i64().ok_or_else(|| failed("timestamp too big"))?;
    let instant = Instant { seconds: nanos.div_euclid(NANOS), nanos: nanos.rem_euclid(NANOS) };
    Ok((instant, zone, layout))
}

fn nanoseconds(instant: Instant) -> Outcome {
    let nanos = i128::from(instant.seconds) * i128::from(NANOS) + i128::from(instant.nanos);
    match i64::try_from(nanos) {
        Ok(nanos) => Ok(Some(nanos.into())),
        Err(_) => Err(failed("time outside of valid range")),
    }
}

/// Seconds since 1970 of a date in one of the three notations that HTTP has had.
#[cfg(feature = "http")]
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let layouts = ["Mon, 02 Jan 2006 15:04:05 GMT", layout::named("RFC850"), layout::named("ANSIC")];
    let instants =
        layouts.iter().filter(|_| text.len() <= MAX_TEXT).filter_map(|layout| parse::parse(layout, text).ok());
    instants.map(|instant| instant.seconds).next()
}

/// Whether YAML 1.1 takes the text for a time.
pub(crate) fn is_yaml_timestamp(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    let layouts =
        ["2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2"];
    year == 4 && layouts.iter().any(|layout| matches(layout, text))
}

/// Whether the text is a time in that layout.
pub(crate) fn matches(layout: &str, text: &str) -> bool {
    text.len() <= MAX_TEXT && parse::parse(layout, text).is_ok()
}

fn numbers(numbers: &[i64]) -> Value {
    Value::Array(numbers.iter().map(|number| Value::from(*number)).collect())
}

fn bounded(text: &str) -> Result<&str, BuiltinError> {
    if text.len() <= MAX_TEXT {
        Ok(text)
    } else {
        Err(BuiltinError::Halt(format!("a time or layout has more than {MAX_TEXT} bytes")))
    }
}
