//! UTCTime and GeneralizedTime, as Go's `cryptobyte` takes them.

use std::fmt;

use crate::pki::der::{Reader, tag};

/// A time with the offset that it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// Seconds since 1970.
    pub(super) seconds: i64,
    offset_minutes: i64,
}

impl Time {
    /// # Errors
    /// Go's text.
    pub(super) fn read(der: &mut Reader<'_>) -> Result<Self, String> {
        if der.peek(tag::UTC_TIME) {
            let time = der.expect(tag::UTC_TIME).and_then(|text| utc(text.0));
            return time.ok_or_else(|| "x509: malformed UTCTime".to_owned());
        }
        if der.peek(tag::GENERALIZED_TIME) {
            let time = der.expect(tag::GENERALIZED_TIME).and_then(|text| {
                let (year, rest) = digits(text.0, 4)?;
                with_year(year, rest, false)
            });
            return time.ok_or_else(|| "x509: malformed GeneralizedTime".to_owned());
        }
        Err("x509: unsupported time format".to_owned())
    }
}

fn utc(text: &[u8]) -> Option<Time> {
    let (year, rest) = digits(text, 2)?;
    with_year(if year >= 50 { 1900 + year } else { 2000 + year }, rest, true)
}

/// What follows the year: `MMDDhhmmss` (the seconds may be missing where `short`), then `Z` or `±hhmm`.
fn with_year(year: i64, rest: &[u8], short: bool) -> Option<Time> {
    let (month, rest) = digits(rest, 2)?;
    let (day, rest) = digits(rest, 2)?;
    let (hour, rest) = digits(rest, 2)?;
    let (minute, rest) = digits(rest, 2)?;
    let (second, rest) = match digits(rest, 2) {
        Some(read) => read,
        None if short => (0, rest),
        None => return None,
    };
    let offset_minutes = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = digits(rest, 2)?;
            let (minutes, rest) = digits(rest, 2)?;
            let offset = hours * 60 + minutes;
            // No offset is written `Z`.
            if !rest.is_empty() || hours > 24 || minutes > 59 || offset == 0 {
                return None;
            }
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Time { seconds: local - offset_minutes * 60, offset_minutes })
}

fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let value =
        digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
    Some((value, rest))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * month_index + 2) / 5 + 1)
}

/// A time in seconds since 1970 as `YYYYMMDD` and `YYYYMMDDThhmmssZ`.
pub(crate) fn civil_time(seconds: i64) -> (String, String) {
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let date = format!("{year:04}{month:02}{day:02}");
    let time = format!("{date}T{:02}{:02}{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60);
    (date, time)
}

impl fmt::Display for Time {
    /// RFC 3339.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.seconds + self.offset_minutes * 60;
        let (year, month, day) = date(local.div_euclid(86_400));
        let of_day = local.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.offset_minutes == 0 {
            return f.write_str("Z");
        }
        let (sign, offset) =
            if self.offset_minutes < 0 { ('-', -self.offset_minutes) } else { ('+', self.offset_minutes) };
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_in_go() {
        for (tag, text, expected) in [
            (tag::UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (tag::UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z"),
            (tag::UTC_TIME, "0002290000Z", "2000-02-29T00:00:00Z"),
            (tag::UTC_TIME, "200101120000+0130", "2020-01-01T12:00:00+01:30"),
            (tag::GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z"),
        ] {
            let der = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            assert_eq!(Time::read(&mut Reader(&der)).unwrap().to_string(), expected);
        }
        for text in ["190229000000Z", "200101240000Z", "200101120000+0000", "2001011200001", "", "20010112000Z"] {
            let der = [&[tag::UTC_TIME, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            assert!(Time::read(&mut Reader(&der)).is_err(), "{text}");
        }
        for days in [-800_000, -1, 0, 59, 11_016, 20_000, 2_000_000] {
            let (year, month, day) = date(days);
            assert_eq!(days_since_epoch(year, month, day), days);
        }
    }
}
