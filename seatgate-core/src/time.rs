//! Time: an instant in UTC with microseconds, and durations as people write them.
//!
//! Microseconds, because PostgreSQL rounds to them: a value read back equals the value written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::text::serde_as_text;

/// An instant: microseconds since 1970-01-01T00:00:00Z, between the years 0000 and 9999.
///
/// Prints as RFC 3339 in UTC with exactly six digits of a second, so that equal instants have equal texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 timestamp (or date, where one is allowed), or lies outside the years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 timestamp such as 2026-06-01T00:00:00Z")]
pub struct TimestampError;

const EARLIEST: i64 = -62_167_219_200_000_000;
const LATEST: i64 = 253_402_207_200_000_000;
const DAY: Duration = Duration::from_secs(86_400);

impl Timestamp {
    /// The earliest instant that can be written.
    pub const MIN: Self = Self(EARLIEST);
    /// The latest instant that can be written.
    pub const MAX: Self = Self(LATEST);

    /// The instant so many microseconds after 1970-01-01T00:00:00Z, held within the years 0000 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(EARLIEST, LATEST))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The instant `duration` later, or [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(duration)))
    }

    /// The instant `duration` earlier, or [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads a timestamp, or a date, which means the end of that day in UTC.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse_end(text: &str) -> Result<Self, TimestampError> {
        match text.parse::<jiff::civil::Date>() {
            Ok(date) if text.len() == 10 => {
                let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| TimestampError)?;
                Ok(Self::from_micros(start.timestamp().as_microsecond()).saturating_add(DAY))
            }
            _ => text.parse(),
        }
    }

    /// The last day before this instant in UTC: who wrote a date as an end, with [`Timestamp::parse_end`], reads it again.
    #[must_use]
    pub fn last_date(self) -> String {
        self.saturating_sub(Duration::from_micros(1)).date()
    }

    /// The day of this instant in UTC, such as `2026-06-01`.
    #[must_use]
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `from_micros` keeps the value within jiff's range, so the fallback is never seen.
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        write!(f, "{instant:.6}")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let micros = instant.as_microsecond();
        if (EARLIEST..=LATEST).contains(&micros) { Ok(Self(micros)) } else { Err(TimestampError) }
    }
}

serde_as_text!(Timestamp);

/// A length of time as people write it: `30s`, `15m`, `12h`, `2d`, `0s`.
///
/// A whole number and one unit (`s`, `m`, `h`, `d`); a day has 24 hours. At most 100 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(Duration);

/// A text that is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number and a unit, such as 30s, 15m, 12h or 2d, of at most 100 years")]
pub struct SpanError;

const LONGEST_SPAN: u64 = 36_525 * 86_400;

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many days of 24 hours.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self::seconds(days * 86_400)
    }

    /// The same as a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Whether this is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0 => (0, 's'),
            s if s % 86_400 == 0 => (s / 86_400, 'd'),
            s if s % 3_600 == 0 => (s / 3_600, 'h'),
            s if s % 60 == 0 => (s / 60, 'm'),
            s => (s, 's'),
        };
        write!(f, "{count}{unit}")
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let unit = text.chars().last().ok_or(SpanError)?;
        let seconds_each = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(SpanError),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SpanError);
        }
        let count: u64 = digits.parse().map_err(|_| SpanError)?;
        let seconds = count.checked_mul(seconds_each).filter(|s| *s <= LONGEST_SPAN).ok_or(SpanError)?;
        Ok(Self::seconds(seconds))
    }
}

serde_as_text!(Span);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_six_digits_always() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(1).to_string(), "1970-01-01T00:00:00.000001Z");
    }

    #[test]
    fn a_date_means_its_end() {
        let end = Timestamp::parse_end("2026-12-31");
        assert_eq!(end.map(|t| t.to_string()).as_deref(), Ok("2027-01-01T00:00:00.000000Z"));
        let exact = Timestamp::parse_end("2026-12-31T08:00:00+02:00");
        assert_eq!(exact.map(|t| t.to_string()).as_deref(), Ok("2026-12-31T06:00:00.000000Z"));
        assert_eq!(end.map(Timestamp::last_date).as_deref(), Ok("2026-12-31"));
        assert!(Timestamp::parse_end("tomorrow").is_err());
        assert!("2026-12-31".parse::<Timestamp>().is_err());
    }

    #[test]
    fn spans_refuse_what_they_cannot_mean() {
        for text in ["", "d", "3", "-1d", "1.5h", "2w", "+2d", "99999999999999999999d", "40000d", "1 d", "2é"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!("24h".parse::<Span>().map(|s| s.to_string()).as_deref(), Ok("1d"));
    }

    proptest! {
        #[test]
        fn timestamps_round_trip(micros in EARLIEST..=LATEST) {
            let instant = Timestamp::from_micros(micros);
            prop_assert_eq!(instant.to_string().parse(), Ok(instant));
            prop_assert_eq!(instant.to_string().len(), 27);
        }

        #[test]
        fn spans_round_trip(seconds in 0..=LONGEST_SPAN) {
            let span = Span::seconds(seconds);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
