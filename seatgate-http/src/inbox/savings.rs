//! What was saved: for everybody whom the inbox knows, since sums by app name nobody.

mod chart;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::request::Proof;
use seatgate_core::savings::{Savings, Standing, Tally};

use self::chart::Chart;
use super::Inbox;
use super::page::{Frame, PageError, html};
use crate::api::savings::table;

#[derive(Template)]
#[template(path = "inbox/savings.html")]
struct SavingsPage {
    frame: Frame,
    sums: Vec<(&'static str, String)>,
    kept_rate: Option<String>,
    charts: Vec<Chart>,
    lines: Vec<Line>,
}

struct Line {
    month: String,
    app: String,
    standing: String,
    tally: String,
}

pub(super) async fn show(State(inbox): State<Inbox>, headers: HeaderMap) -> Response {
    inbox.respond(answer(&inbox, &headers, false).await)
}

/// The same as a table.
pub(super) async fn csv(State(inbox): State<Inbox>, headers: HeaderMap) -> Response {
    inbox.respond(answer(&inbox, &headers, true).await)
}

async fn answer(inbox: &Inbox, headers: &HeaderMap, csv: bool) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    let savings = inbox.gate.queries().savings(inbox.gate.now()).await?;
    if csv {
        return Ok(table(&savings));
    }
    let page = SavingsPage {
        frame: inbox.frame(Some(&viewer), None),
        sums: sums(&savings),
        kept_rate: savings.kept_rate().map(|rate| format!("{:.0} %", rate * 100.0)),
        charts: Chart::of(&savings),
        lines: lines(&savings),
    };
    Ok(html(StatusCode::OK, &page))
}

/// Each proof by itself, then what is only hoped for, and what is not saved.
fn sums(savings: &Savings) -> Vec<(&'static str, String)> {
    let proven = Proof::ALL.iter().map(|proof| (proven_by(*proof), savings.total(|key| key.proof == Some(*proof))));
    let rest = [Standing::Projected, Standing::Kept, Standing::Unsaved];
    let rest = rest.into_iter().map(|standing| (words(standing), savings.total(|key| key.standing == standing)));
    proven.chain(rest).filter(|(_, tally)| tally.requests > 0).map(|(name, tally)| (name, told(&tally))).collect()
}

fn lines(savings: &Savings) -> Vec<Line> {
    let line = |(key, tally): (&seatgate_core::savings::LineKey, &Tally)| Line {
        month: key.month.clone(),
        app: key.app.to_string(),
        standing: key.proof.map_or_else(|| words(key.standing), proven_by).to_owned(),
        tally: told(tally),
    };
    savings.lines().map(line).collect()
}

fn proven_by(proof: Proof) -> &'static str {
    match proof {
        Proof::ReadBack => "Saved, looked up",
        Proof::Receipt => "Saved, by receipt",
        Proof::Attested => "Saved, attested",
    }
}

fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Verified => "Saved",
        Standing::Projected => "Projected",
        Standing::Kept => "Kept",
        Standing::Unsaved => "Not saved",
    }
}

fn told(tally: &Tally) -> String {
    let seats = if tally.requests == 1 { "seat" } else { "seats" };
    match tally.monthly.is_empty() {
        true => format!("{} {seats}, cost not reported", tally.requests),
        false => format!("{} a month, {} {seats}", tally.monthly, tally.requests),
    }
}
