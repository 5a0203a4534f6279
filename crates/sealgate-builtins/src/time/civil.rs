//! The Gregorian calendar and the clock of a day. Sums wrap around like Go's: what lies far outside the range of an
//! instant is refused by its callers.

pub(super) const NANOS: i64 = 1_000_000_000;
pub(super) const SECONDS_PER_DAY: i64 = 86_400;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A date; month and day count from 1, and may lie outside their range where a date is built from a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// Years are counted from this many before year 0, a multiple of 400, so that every year of an i64 of seconds is positive.
const YEARS_BEFORE: u64 = 292_277_022_400;

/// Days from the start of that count to 1970-01-01.
const EPOCH: u64 = absolute_days(1970, 1, 1);

/// Days since the start of the count. The year begins in March, so that the leap day is its last.
const fn absolute_days(year: i64, month: i64, day: i64) -> u64 {
    let early = month < 3;
    let month = if early { month + 12 } else { month };
    let year = year.cast_unsigned().wrapping_sub(early as u64).wrapping_add(YEARS_BEFORE);
    let before_month = (979 * month.cast_unsigned() - 2919) >> 5;
    let before_century = 146_097_u64.wrapping_mul(year / 100) / 4;
    let before_year = 1461 * (year % 100) / 4;
    before_century
        .wrapping_add(before_year)
        .wrapping_add(before_month)
        .wrapping_add(day.cast_unsigned())
        .wrapping_sub(1)
}

impl Date {
    /// Days since 1970-01-01. Months outside 1 to 12 count into other years, days outside the month into other months.
    pub(super) fn days(self) -> i64 {
        let months = self.month.wrapping_sub(1);
        let year = self.year.wrapping_add(months.div_euclid(12));
        absolute_days(year, months.rem_euclid(12) + 1, self.day).wrapping_sub(EPOCH).cast_signed()
    }

    /// The date that lies so many days after 1970-01-01 (at most some millions of years).
    pub(super) fn of_days(days: i64) -> Self {
        // Days since 0000-03-01.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day: day_of_year - (153 * shifted + 2) / 5 + 1 }
    }

    /// The day of the year, from 1.
    pub(super) fn day_of_year(self) -> i64 {
        self.days() - Self { month: 1, day: 1, ..self }.days() + 1
    }
}

impl Clock {
    pub(super) fn of_seconds(seconds: i64) -> Self {
        Self { hour: seconds / 3600, minute: seconds / 60 % 60, second: seconds % 60 }
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month from 1 to 12.
pub(super) fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
