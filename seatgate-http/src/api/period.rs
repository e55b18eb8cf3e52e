//! Times that begin and end, as bodies name them.

use seatgate_core::port::Period;
use seatgate_core::time::Timestamp;

pub(super) const START: &str = "expected a date such as \"2026-12-21\" (its start, UTC) or an RFC 3339 timestamp";
pub(super) const END: &str = "expected a date such as \"2026-12-31\" (its end, UTC) or an RFC 3339 timestamp";
const ORDER: &str = "expected an end after the start";

/// Which of the two texts does not fit, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Start(&'static str),
    End(&'static str),
}

/// From `start`, or from `now` on, until `end`, or for good.
pub(super) fn period(start: Option<&str>, end: Option<&str>, now: Timestamp) -> Result<Period, Unfit> {
    let starts_at = start.map_or(Ok(now), |text| begin(text).ok_or(Unfit::Start(START)))?;
    let ends_at = end.map(|text| Timestamp::parse_end(text).map_err(|_| Unfit::End(END))).transpose()?;
    match ends_at {
        Some(end) if end <= starts_at => Err(Unfit::End(ORDER)),
        _ => Ok(Period::new(starts_at, ends_at)),
    }
}

fn begin(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_whole_as_a_start_and_as_an_end() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-22T08:00:00Z");
        let day = period(Some("2026-12-21"), Some("2026-12-21"), now);
        assert_eq!(day, Ok(Period::new(at("2026-12-21T00:00:00Z"), Some(at("2026-12-22T00:00:00Z")))));
        assert_eq!(period(None, None, now), Ok(Period::new(now, None)));
        assert_eq!(period(Some("soon"), None, now), Err(Unfit::Start(START)));
        assert_eq!(period(None, Some("later"), now), Err(Unfit::End(END)));
        assert_eq!(period(None, Some("2026-11-21"), now), Err(Unfit::End(ORDER)));
    }
}
