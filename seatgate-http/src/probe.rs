//! Probes and numbers for whoever watches the server: `/livez`, `/readyz` and `/metrics`.

use std::fmt::{self, Display, Write};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use seatgate_core::gate::{Gate, Latency, Meter};
use seatgate_core::policy::Mode;
use seatgate_core::port::{AgendaDepth, RequestFilter, StateCounts, StoreError};
use seatgate_core::request::{Proof, StateLabel};
use seatgate_core::savings::Savings;
use serde::Serialize;

use crate::problem::Problem;
use crate::server::App;

/// How long the store may take to show that it is there.
const READY_WITHIN: Duration = Duration::from_secs(3);
/// Work that could be claimed, and waited longer than this: the worker does not keep up.
const LATE_AFTER: Duration = Duration::from_secs(60);
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How Slack is, for a server that uses it: told, because the routes here know nothing about Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlackHealth {
    /// A label for `/readyz`, such as `ok`, `unknown`, `unreachable` or `refused`.
    pub status: &'static str,
    /// How many calls were made: method, result, count.
    pub calls: Vec<(&'static str, &'static str, u64)>,
    /// How many payloads came in whose type is not known.
    pub unknown_payloads: u64,
}

impl SlackHealth {
    /// Slack stands so, and so many calls were made: method, result, count.
    #[must_use]
    pub fn new(status: &'static str, calls: Vec<(&'static str, &'static str, u64)>) -> Self {
        Self { status, calls, unknown_payloads: 0 }
    }

    /// So many payloads came in whose type is not known.
    #[must_use]
    pub fn unknown_payloads(mut self, count: u64) -> Self {
        self.unknown_payloads = count;
        self
    }
}

/// Where to ask how Slack is.
#[derive(Clone)]
pub(crate) struct AskSlack(pub(crate) Arc<dyn Fn() -> SlackHealth + Send + Sync>);

impl fmt::Debug for AskSlack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskSlack")
    }
}

/// Where to ask whether the server is about to stop.
#[derive(Clone)]
pub(crate) struct AskLeaving(pub(crate) Arc<dyn Fn() -> bool + Send + Sync>);

impl Default for AskLeaving {
    fn default() -> Self {
        Self(Arc::new(|| false))
    }
}

impl fmt::Debug for AskLeaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskLeaving")
    }
}

/// `GET /livez`.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// What `/readyz` says.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Readiness {
    /// `ok`; `leaving` once the server is about to stop; `unavailable` while the database is.
    #[schema(value_type = String)]
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ReadinessChecks)]
struct Checks {
    /// `ok` or `unavailable`.
    #[schema(value_type = String)]
    database: &'static str,
    /// `ok`, or `unknown` while the database is not there: the tables that this release needs can be read.
    #[schema(value_type = String)]
    migrations: &'static str,
    agenda: AgendaCheck,
    /// How the last call to Slack ended: `ok`, `unreachable`, `refused` (the token, or what it may do), or `unknown` while
    /// there was none. Absent in a server without Slack. No reason to send nobody here: people can answer in the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    slack: Option<&'static str>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AgendaCheck {
    /// `ok`, `late` (which is no reason to send nobody here: the answer stays 200) or `unknown`.
    #[schema(value_type = String)]
    status: &'static str,
    due: u64,
    lag_seconds: u64,
}

/// `GET /readyz`: 503 while the store cannot be asked, and once the server is about to stop.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let mut readiness = match in_time(look(&app.gate)).await {
        Some(depth) => Readiness::ready(depth, lag(&app.gate, depth)),
        None => Readiness::unavailable(),
    };
    readiness.checks.slack = app.options.slack.as_ref().map(|slack| slack.0().status);
    if app.options.leaving.0() {
        readiness.status = "leaving";
    }
    let status = if readiness.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

/// Reads from the table of requests and from the agenda, as the server does all the time.
async fn look(gate: &Gate) -> Result<AgendaDepth, StoreError> {
    gate.queries().list(&RequestFilter::first(1)).await?;
    depth(gate).await
}

async fn depth(gate: &Gate) -> Result<AgendaDepth, StoreError> {
    gate.queries().agenda_depth(gate.now(), gate.settings().mode == Mode::Live).await
}

async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(error)) => tracing::warn!(%error, "not ready: the store did not answer"),
        Err(_) => tracing::warn!("not ready: the store did not answer in time"),
    }
    None
}

fn lag(gate: &Gate, depth: AgendaDepth) -> Duration {
    depth.waiting_since.map_or(Duration::ZERO, |since| gate.now().since(since))
}

impl Readiness {
    fn ready(depth: AgendaDepth, lag: Duration) -> Self {
        let status = if lag > LATE_AFTER { "late" } else { "ok" };
        let agenda = AgendaCheck { status, due: depth.due, lag_seconds: lag.as_secs() };
        Self { status: "ok", checks: Checks { database: "ok", migrations: "ok", agenda, slack: None } }
    }

    fn unavailable() -> Self {
        let agenda = AgendaCheck { status: "unknown", due: 0, lag_seconds: 0 };
        let checks = Checks { database: "unavailable", migrations: "unknown", agenda, slack: None };
        Self { status: "unavailable", checks }
    }
}

/// `GET /metrics`: Prometheus' text format. No label names a person, an account or a request.
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let counts = app.gate.queries().count_by_state(None).await?;
    let depth = depth(&app.gate).await?;
    let savings = app.gate.queries().savings(app.gate.now()).await?;
    let mut page = render(&counts, depth, lag(&app.gate, depth), &app.gate.meter(), &savings);
    app.options.slack.iter().for_each(|slack| page.slack(&slack.0()));
    let text = page.0;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT), (header::CACHE_CONTROL, "no-store")], text).into_response())
}

fn render(counts: &StateCounts, depth: AgendaDepth, lag: Duration, meter: &Meter, savings: &Savings) -> Page {
    let mut page = Page(String::new());
    page.family("seatgate_requests", "gauge", "Requests by state.");
    for state in StateLabel::ALL {
        page.number("seatgate_requests", &[("state", state.label())], counts.of(*state));
    }
    page.family("seatgate_agenda_items", "gauge", "Items on the agenda, whenever they are due.");
    page.number("seatgate_agenda_items", &[], depth.items);
    page.family("seatgate_agenda_due_items", "gauge", "Items on the agenda that are due.");
    page.number("seatgate_agenda_due_items", &[], depth.due);
    page.family("seatgate_agenda_lag_seconds", "gauge", "How long the oldest item that could be claimed has waited.");
    page.number("seatgate_agenda_lag_seconds", &[], lag.as_secs_f64());
    page.family("seatgate_decisions_total", "counter", "Decisions since the start.");
    for ((decision, surface), count) in &meter.decisions {
        let labels = [("decision", decision.label()), ("surface", surface.label())];
        page.number("seatgate_decisions_total", &labels, count);
    }
    page.latency(&meter.decision_latency);
    page.family("seatgate_effect_attempts_total", "counter", "Calls to targets that ended, since the start.");
    page.attempts("seatgate_effect_attempts_total", meter, |_| true);
    page.family("seatgate_effect_errors_total", "counter", "Those that did not do what they were asked.");
    page.attempts("seatgate_effect_errors_total", meter, |result| result != "done");
    page.family("seatgate_messages_undelivered_total", "counter", "Messages that did not arrive, each try, by why.");
    for (why, count) in &meter.undelivered {
        page.number("seatgate_messages_undelivered_total", &[("why", why)], count);
    }
    page.family("seatgate_denials_total", "counter", "What was denied since the start.");
    for ((action, denial), count) in &meter.denials {
        page.number("seatgate_denials_total", &[("action", action), ("denial", denial)], count);
    }
    page.savings(savings);
    page
}

/// Prometheus' text format. Writing to a text does not fail.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn number(&mut self, name: &str, labels: &[(&str, &str)], number: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {number}");
    }

    fn latency(&mut self, latency: &Latency) {
        const NAME: &str = "seatgate_decision_latency_seconds";
        self.family(NAME, "histogram", "From the opening of a request to its decision.");
        for (bound, count) in Latency::BOUNDS.iter().zip(latency.buckets) {
            self.number(&format!("{NAME}_bucket"), &[("le", &bound.as_secs().to_string())], count);
        }
        self.number(&format!("{NAME}_bucket"), &[("le", "+Inf")], latency.count);
        self.number(&format!("{NAME}_sum"), &[], latency.sum.as_secs_f64());
        self.number(&format!("{NAME}_count"), &[], latency.count);
    }

    /// A gauge: a seat that is given again saves no more.
    fn savings(&mut self, savings: &Savings) {
        const NAME: &str = "seatgate_verified_savings_monthly";
        self.family(NAME, "gauge", "What seats cost a month that are gone, by proof and currency.");
        for proof in Proof::ALL {
            let proven = savings.total(|key| key.proof == Some(*proof));
            for (amount, currency) in proven.monthly.amounts() {
                self.number(NAME, &[("currency", currency.code()), ("proof", proof.label())], amount);
            }
        }
    }

    fn slack(&mut self, slack: &SlackHealth) {
        const NAME: &str = "seatgate_slack_calls_total";
        self.family(NAME, "counter", "Calls to Slack since the start, by method and what came of them.");
        for (method, result, count) in &slack.calls {
            self.number(NAME, &[("method", method), ("result", result)], count);
        }
        const UNKNOWN: &str = "seatgate_slack_unknown_payloads_total";
        self.family(UNKNOWN, "counter", "Payloads from Slack of a type that is not known, since the start.");
        self.number(UNKNOWN, &[], slack.unknown_payloads);
    }

    fn attempts(&mut self, name: &str, meter: &Meter, counts: impl Fn(&str) -> bool) {
        for ((target, result), count) in meter.attempts.iter().filter(|((_, result), _)| counts(result)) {
            self.number(name, &[("target", target), ("result", result)], count);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page(String::new());
        page.number("n", &[("target", "a\"b\\c\nd")], 1);
        assert_eq!(page.0, "n{target=\"a\\\"b\\\\c\\nd\"} 1\n");
    }

    #[test]
    fn late_work_shows_and_turns_nobody_away() {
        let late = Readiness::ready(AgendaDepth::new(3, 2, None), Duration::from_secs(61));
        assert_eq!((late.status, late.checks.agenda.status, late.checks.agenda.lag_seconds), ("ok", "late", 61));
    }
}
