//! Lanes: until when each is closed, and how often in a row it has failed.

use seatgate_core::agenda::LaneReport;

use super::writer::Desk;

/// A closing that still runs stands.
const WORKS: &str = "UPDATE lanes SET failures = 0 WHERE lane = $1";
const FAILS: &str = "INSERT INTO lanes (lane, not_before, failures) VALUES ($1, $2, 1)
    ON CONFLICT DO UPDATE SET not_before = max(not_before, excluded.not_before), failures = failures + 1";

/// Takes up what an attempt says about its lane.
pub(super) async fn report(report: &LaneReport, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let lane = report.lane.to_string();
    let statement = match report.closed_until {
        Some(until) => sqlx::query(FAILS).bind(lane).bind(until.as_micros()),
        None => sqlx::query(WORKS).bind(lane),
    };
    statement.execute(&mut desk.connection).await.map(|_| ())
}
