//! Dates and times as exports write them.

use std::str::FromStr;

use seatgate_core::time::Timestamp;

/// How an export writes dates.
///
/// Each reads timestamps with an offset (RFC 3339) and ISO dates as well; neither can be taken for anything else. A date
/// means the start of that day in UTC, so that two dates are as many days apart as they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dates {
    /// `2026-06-30`.
    #[default]
    Iso,
    /// `6/30/2026`, as in the United States.
    MonthFirst,
    /// `30/6/2026`.
    DayFirst,
}

/// A name that is no form of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected \"iso\", \"m/d/yyyy\" or \"d/m/yyyy\"")]
pub struct UnknownDates;

impl Dates {
    /// Reads a date or a time strictly: a day that does not exist is no date.
    pub(in crate::intake) fn read(self, text: &str) -> Option<Timestamp> {
        let date = match self {
            Self::Iso => None,
            Self::MonthFirst => numbers(text).map(|[month, day, year]| [year, month, day]),
            Self::DayFirst => numbers(text).map(|[day, month, year]| [year, month, day]),
        };
        match date {
            Some([year, month, day]) => format!("{year:04}-{month:02}-{day:02}T00:00:00Z").parse().ok(),
            None if is_date(text) => format!("{text}T00:00:00Z").parse().ok(),
            None => text.parse().ok(),
        }
    }

    /// What is expected, in words.
    pub(in crate::intake) fn expected(self) -> &'static str {
        match self {
            Self::Iso => "expected a date such as 2026-06-30, or a time with its offset such as 2026-06-30T08:00:00Z",
            Self::MonthFirst => {
                "expected a date such as 6/30/2026 (month first) or 2026-06-30, or a time with its offset"
            }
            Self::DayFirst => "expected a date such as 30/6/2026 (day first) or 2026-06-30, or a time with its offset",
        }
    }
}

impl FromStr for Dates {
    type Err = UnknownDates;

    fn from_str(name: &str) -> Result<Self, UnknownDates> {
        match name {
            "iso" => Ok(Self::Iso),
            "m/d/yyyy" => Ok(Self::MonthFirst),
            "d/m/yyyy" => Ok(Self::DayFirst),
            _ => Err(UnknownDates),
        }
    }
}

/// Two numbers of one or two digits and one of four, with slashes between.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let parts: Vec<&str> = text.split('/').collect();
    let fits = |part: &str, index: usize| {
        let length = if index == 2 { 4..=4 } else { 1..=2 };
        length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.len() != 3 || !parts.iter().enumerate().all(|(index, part)| fits(part, index)) {
        return None;
    }
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

/// Ten characters of the form `2026-06-30`.
fn is_date(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(dates: Dates, text: &str) -> Option<String> {
        dates.read(text).map(|at| at.to_string())
    }

    #[test]
    fn each_form_reads_its_dates_and_what_is_plain_to_all() {
        let day = Some("2026-06-05T00:00:00.000000Z".to_owned());
        for dates in [Dates::Iso, Dates::MonthFirst, Dates::DayFirst] {
            assert_eq!(read(dates, "2026-06-05"), day);
            assert_eq!(read(dates, "2026-06-05T02:00:00+02:00"), day);
        }
        assert_eq!(read(Dates::MonthFirst, "6/5/2026"), day);
        assert_eq!(read(Dates::MonthFirst, "06/05/2026"), day);
        assert_eq!(read(Dates::DayFirst, "5/6/2026"), day);
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        let never = [
            "",
            "yesterday",
            "6/5/26",
            "2026-6-5",
            "2026-02-30",
            "2026-06-05 08:00:00",
            "1780000000",
            "+6/5/2026",
            "6/5/2026 8:00",
        ];
        for dates in [Dates::Iso, Dates::MonthFirst, Dates::DayFirst] {
            for text in never {
                assert_eq!(read(dates, text), None, "{text}");
            }
        }
        assert_eq!(read(Dates::Iso, "6/5/2026"), None);
        assert_eq!(read(Dates::MonthFirst, "13/5/2026"), None);
        assert_eq!(read(Dates::MonthFirst, "2/30/2026"), None);
        assert_eq!(read(Dates::DayFirst, "5/13/2026"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            for dates in [Dates::Iso, Dates::MonthFirst, Dates::DayFirst] {
                let _ = dates.read(&text);
            }
        }
    }
}
