//! When people may be messaged: hours of the week in a time zone.
//!
//! The rules of the time zones are built in (the IANA time zone database, through `jiff`): nothing is read from the
//! machine, so a deadline means the same on every server.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::text::serde_as_text;
use crate::time::Timestamp;

/// A time zone by its IANA name, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ZoneName(String);

/// A text that names no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an IANA time zone such as Europe/Berlin or UTC")]
pub struct ZoneNameError;

impl FromStr for ZoneName {
    type Err = ZoneNameError;

    fn from_str(text: &str) -> Result<Self, ZoneNameError> {
        let zone = TimeZone::get(text).map_err(|_| ZoneNameError)?;
        // As the database spells it: two spellings of one zone are equal.
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or(ZoneNameError)
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl ZoneName {
    fn zone(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Hours of the week: `always`, or days and hours such as `mon-fri 09:00-17:00`.
///
/// The days run from the first to the last, around the end of the week if need be (`sat-mon`, or one day alone); the
/// hours lie within one day, and `24:00` is its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BusinessHours(Option<Week>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Week {
    first: usize,
    last: usize,
    /// Minutes of the day.
    opens: u32,
    closes: u32,
}

/// A text that names no hours of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `always`, or days and hours such as mon-fri 09:00-17:00")]
pub struct BusinessHoursError;

impl FromStr for BusinessHours {
    type Err = BusinessHoursError;

    fn from_str(text: &str) -> Result<Self, BusinessHoursError> {
        if text == "always" {
            return Ok(Self(None));
        }
        let (days, hours) = text.split_once(' ').ok_or(BusinessHoursError)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (opens, closes) = hours.split_once('-').ok_or(BusinessHoursError)?;
        let (first, last) = (day(first)?, day(last)?);
        let (opens, closes) = (minutes(opens)?, minutes(closes)?);
        if opens < closes { Ok(Self(Some(Week { first, last, opens, closes }))) } else { Err(BusinessHoursError) }
    }
}

fn day(text: &str) -> Result<usize, BusinessHoursError> {
    DAYS.iter().position(|(name, _)| *name == text).ok_or(BusinessHoursError)
}

fn minutes(text: &str) -> Result<u32, BusinessHoursError> {
    let (hours, minutes) = text.split_once(':').ok_or(BusinessHoursError)?;
    let number = |digits: &str| {
        let fits = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| fits).ok_or(BusinessHoursError)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    if minutes < 60 && total <= 24 * 60 { Ok(total) } else { Err(BusinessHoursError) }
}

impl fmt::Display for BusinessHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Week { first, last, opens, closes }) = self.0 else { return f.write_str("always") };
        let name = |day: usize| DAYS.get(day).map_or("", |(name, _)| name);
        f.write_str(name(first))?;
        if first != last {
            write!(f, "-{}", name(last))?;
        }
        write!(f, " {:02}:{:02}-{:02}:{:02}", opens / 60, opens % 60, closes / 60, closes % 60)
    }
}

serde_as_text!(ZoneName, BusinessHours);

impl BusinessHours {
    /// The first instant at or after `at` that lies within these hours in `zone`.
    #[must_use]
    pub fn next_open(&self, at: Timestamp, zone: &ZoneName) -> Timestamp {
        let Some(week) = self.0 else { return at };
        week.next_open(at, &zone.zone()).unwrap_or(at)
    }
}

impl Week {
    /// Nothing at the very end of what can be written.
    fn next_open(self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let now = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        let mut date = now.to_zoned(zone.clone()).date();
        // A week and a day: today's hours may be over.
        for _ in 0..=7 {
            if self.includes(date.weekday()) {
                let (opens, closes) = (instant(date, self.opens, zone)?, instant(date, self.closes, zone)?);
                if at < closes {
                    return Some(at.max(opens));
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn includes(self, weekday: Weekday) -> bool {
        let day = DAYS.iter().position(|(_, day)| *day == weekday).unwrap_or_default();
        if self.first <= self.last {
            (self.first..=self.last).contains(&day)
        } else {
            day >= self.first || day <= self.last
        }
    }
}

/// An hour that the zone skips is the instant at which it would have been; one that it repeats is the first of the two.
fn instant(date: Date, minutes: u32, zone: &TimeZone) -> Option<Timestamp> {
    let (date, minutes) = if minutes == 24 * 60 { (date.tomorrow().ok()?, 0) } else { (date, minutes) };
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    let zoned = date.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(hours: &str, zone: &str, at: &str) -> String {
        let (hours, zone): (BusinessHours, ZoneName) = (hours.parse().unwrap(), zone.parse().unwrap());
        hours.next_open(at.parse().unwrap(), &zone).to_string()
    }

    #[test]
    fn what_falls_outside_waits_for_the_next_opening() {
        // Sunday, 22 November 2026.
        assert_eq!(open("mon-fri 09:00-17:00", "UTC", "2026-11-22T12:00:00Z"), "2026-11-23T09:00:00.000000Z");
        assert_eq!(open("mon-fri 09:00-17:00", "UTC", "2026-11-23T12:00:00Z"), "2026-11-23T12:00:00.000000Z");
        assert_eq!(open("mon-fri 09:00-17:00", "UTC", "2026-11-23T17:00:00Z"), "2026-11-24T09:00:00.000000Z");
        assert_eq!(open("mon-fri 09:00-17:00", "UTC", "2026-11-27T18:00:00Z"), "2026-11-30T09:00:00.000000Z");
        assert_eq!(open("sun 00:00-24:00", "UTC", "2026-11-23T00:00:00Z"), "2026-11-29T00:00:00.000000Z");
        assert_eq!(open("sat-mon 10:00-11:00", "UTC", "2026-11-22T12:00:00Z"), "2026-11-23T10:00:00.000000Z");
        assert_eq!(open("always", "UTC", "2026-11-22T12:00:00Z"), "2026-11-22T12:00:00.000000Z");
    }

    #[test]
    fn the_hours_are_those_of_the_zone_in_summer_and_winter() {
        assert_eq!(open("mon-fri 09:00-17:00", "Europe/Berlin", "2026-11-22T12:00:00Z"), "2026-11-23T08:00:00.000000Z");
        assert_eq!(open("mon-fri 09:00-17:00", "Europe/Berlin", "2026-06-21T12:00:00Z"), "2026-06-22T07:00:00.000000Z");
        // The night in which 02:30 does not exist: 29 March 2026.
        assert_eq!(open("sun 02:30-05:00", "Europe/Berlin", "2026-03-29T00:00:00Z"), "2026-03-29T01:30:00.000000Z");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "mon",
            "mon-fri",
            "mon-fri 9:00-17:00",
            "mon-fri 17:00-09:00",
            "xyz 09:00-17:00",
            "mon 09:60-10:00",
            "mon 09:00-24:01",
        ] {
            assert!(text.parse::<BusinessHours>().is_err(), "{text}");
        }
        for text in ["", "Mars/Olympus", "+02:00"] {
            assert!(text.parse::<ZoneName>().is_err(), "{text}");
        }
        assert_eq!("europe/berlin".parse::<ZoneName>().map(|zone| zone.to_string()).as_deref(), Ok("Europe/Berlin"));
    }

    proptest! {
        #[test]
        fn hours_round_trip_and_an_opening_is_open(first in 0..7_usize, last in 0..7_usize, opens in 0..1439_u32, length in 1..1440_u32, at in any::<i64>()) {
            let hours = BusinessHours(Some(Week { first, last, opens, closes: (opens + length).min(1440) }));
            prop_assert_eq!(hours.to_string().parse(), Ok(hours));
            let (at, zone) = (Timestamp::from_micros(at), ZoneName::default());
            let open = hours.next_open(at, &zone);
            prop_assert!(open >= at);
            prop_assert_eq!(hours.next_open(open, &zone), open);
        }
    }
}
