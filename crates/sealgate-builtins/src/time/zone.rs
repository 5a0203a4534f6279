//! Time zones of the IANA database, which is part of the program, and what their calendars and clocks show.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::Instant;
use super::civil::{Clock, Date, SECONDS_PER_DAY, WEEKDAYS};

/// A time zone.
#[derive(Debug, Clone)]
pub(super) struct Zone(Option<TimeZone>);

impl Zone {
    pub(super) fn utc() -> Self {
        Self(None)
    }

    /// The zone of that name; names differ by case.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::utc());
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err("time: invalid location name".to_owned());
        }
        let found = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| zone.iana_name() == Some(name));
        match found {
            Some(zone) => Ok(Self(Some(zone))),
            None => Err(format!("unknown time zone {name}")),
        }
    }

    /// Seconds east of UTC at a time in seconds since 1970.
    pub(super) fn offset(&self, seconds: i64) -> i64 {
        match (&self.0, Timestamp::from_second(seconds)) {
            (Some(zone), Ok(at)) => i64::from(zone.to_offset(at).seconds()),
            _ => 0,
        }
    }

    /// What the zone's calendar and clocks show.
    pub(super) fn local(&self, instant: Instant) -> Local {
        let shown = match (&self.0, Timestamp::from_second(instant.seconds)) {
            (Some(zone), Ok(at)) => {
                let info = zone.to_offset_info(at);
                Some((i64::from(info.offset().seconds()), info.abbreviation().to_owned()))
            }
            _ => None,
        };
        let (offset, zone) = shown.unwrap_or_else(|| (0, "UTC".to_owned()));
        Local { wall: instant.seconds.saturating_add(offset), nanos: instant.nanos, offset, zone }
    }
}

/// An instant as a zone shows it.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// Seconds since 1970-01-01 00:00 on the zone's clocks.
    wall: i64,
    pub(super) nanos: i64,
    pub(super) offset: i64,
    /// The zone's abbreviation, such as `CEST`.
    pub(super) zone: String,
}

impl Local {
    pub(super) fn date(&self) -> Date {
        Date::of_days(self.wall.div_euclid(SECONDS_PER_DAY))
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::of_seconds(self.wall.rem_euclid(SECONDS_PER_DAY))
    }

    pub(super) fn weekday(&self) -> &'static str {
        // 1970-01-01 was a Thursday.
        let day = (self.wall.div_euclid(SECONDS_PER_DAY) + 4).rem_euclid(7);
        usize::try_from(day).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or_default()
    }
}
