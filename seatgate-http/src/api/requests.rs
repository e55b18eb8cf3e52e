//! Reading requests and their trails.

use std::str::FromStr;

use axum::Json;
use axum::extract::{RawQuery, State};
use seatgate_core::id::RequestId;
use seatgate_core::port::RequestFilter;
use seatgate_core::trail::Stream;
use serde_json::value::RawValue;

use super::Page;
use crate::problem::Problem;
use crate::request::{InPath, parameters};
use crate::server::App;
use crate::view::RequestView;

const DEFAULT_LIMIT: usize = 50;
pub(super) const MOST: usize = 200;

/// A page's size: `limit`, from 1 to [`MOST`].
pub(super) fn limit(text: Option<&String>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| Problem::bad_request(format!("`limit`: expected a number from 1 to {MOST}")))
}

/// Where a list goes on.
pub(super) fn cursor<T: FromStr>(text: Option<&String>) -> Result<Option<T>, Problem> {
    let cursor = text.map(|cursor| cursor.parse()).transpose();
    cursor.map_err(|_| Problem::bad_request("`cursor`: expected the `next` of another page"))
}

/// One page of what was found, where one more than `limit` was asked for, and the cursor of the next.
pub(super) fn cut<T>(mut found: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(cursor);
    (found, next)
}

/// `GET /v1/requests`: oldest first.
pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<RequestView>>, Problem> {
    let parameters = parameters(query.as_deref(), &["state", "cursor", "limit"])?;
    let limit = limit(parameters.get("limit"))?;
    // One more than asked for shows whether there is a next page.
    let mut filter = RequestFilter::first(limit + 1);
    if let Some(state) = parameters.get("state") {
        let state = state.parse().map_err(|error| Problem::bad_request(format!("`state`: {error}")))?;
        filter.state = Some(state);
    }
    filter.after = cursor(parameters.get("cursor"))?;
    let (requests, next) = cut(app.gate.queries().list(&filter).await?, limit, |last| last.id.to_string());
    Ok(Json(Page { items: RequestView::all(&app.gate, &requests).await?, next }))
}

/// `GET /v1/requests/{id}`.
pub(super) async fn one(State(app): State<App>, InPath(id): InPath<RequestId>) -> Result<Json<RequestView>, Problem> {
    let request = app.gate.request(id).await;
    Ok(Json(RequestView::answer(&app.gate, request).await?))
}

/// `GET /v1/requests/{id}/trail`: the entries as they are exported, each with its hash.
pub(super) async fn trail(
    State(app): State<App>,
    InPath(id): InPath<RequestId>,
) -> Result<Json<Page<Box<RawValue>>>, Problem> {
    app.gate.request(id).await?;
    let entries = app.gate.queries().trail(Stream::Request(id)).await?;
    let items: Result<Vec<_>, _> = entries.iter().map(|entry| RawValue::from_string(entry.to_json())).collect();
    let items = items.map_err(|_| Problem::internal())?;
    Ok(Json(Page { items, next: None }))
}
