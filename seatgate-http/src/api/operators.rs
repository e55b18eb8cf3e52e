//! Who operates seatgate: listing, appointing and dismissing them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use seatgate_core::id::PersonRef;
use seatgate_core::port::DirectoryEdit;
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

use super::auth::Caller;
use super::who::Who;
use super::{BODY_LIMIT, Page, behalf};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, InPath, Whole};
use crate::server::App;
use crate::view::PersonView;

/// One operator. Personal data: never log it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Operator)]
pub(super) struct OperatorView {
    #[schema(value_type = String)]
    id: PersonRef,
    #[serde(flatten)]
    person: PersonView,
    /// Whether the configuration names them: then they are dismissed there.
    configured: bool,
    /// Since when, for whoever was appointed.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorAsked)]
struct OperatorBody {
    #[serde(default)]
    person: Who,
}

const OPERATOR: &Members =
    &[&[("", Expected::Object), ("/person", Expected::Object), ("/person/email", TEXT), ("/person/slack", TEXT)]];

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<OperatorBody>(with::<OperatorView>(schemas))
}

/// `GET /v1/operators`: everybody, on one page.
pub(super) async fn list(State(app): State<App>) -> Result<Json<Page<OperatorView>>, Problem> {
    let appointed = app.gate.directory_queries().operators().await?;
    let since: BTreeMap<_, _> = appointed.iter().map(|operator| (operator.person, operator.since)).collect();
    let settings = app.gate.settings();
    let people: Vec<PersonRef> = settings.operators.iter().copied().collect();
    let details = app.gate.people().details(&people).await?;
    let view = |(id, details): (PersonRef, Option<_>)| OperatorView {
        id,
        person: PersonView::of(details.as_ref()),
        configured: settings.is_configured(id),
        since: since.get(&id).copied(),
    };
    Ok(Json(Page { items: people.into_iter().zip(details).map(view).collect(), next: None }))
}

/// `POST /v1/operators`: appoints somebody, at once here and within a poll on other servers. 201 with the operator.
pub(super) async fn appoint(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<(StatusCode, Json<OperatorView>), Problem> {
    let body: OperatorBody = request::json(&headers, &body, OPERATOR)?;
    let person = body.person.identity("/person")?;
    let by = behalf::operator(&app, &caller, None, "edit_directory").await?;
    let person = Who::resolve(&app, person).await?;
    let edit = DirectoryEdit::Appoint { person, at: app.gate.now() };
    app.gate.edit_directory(vec![edit], &by).await?;
    let Json(Page { items, .. }) = list(State(app)).await?;
    let operator = items.into_iter().find(|operator| operator.id == person).ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Json(operator)))
}

/// `DELETE /v1/operators/{id}`: dismisses somebody who was appointed.
pub(super) async fn dismiss(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    InPath(person): InPath<PersonRef>,
) -> Result<StatusCode, Problem> {
    let by = behalf::operator(&app, &caller, None, "edit_directory").await?;
    app.gate.edit_directory(vec![DirectoryEdit::Dismiss { person }], &by).await?;
    Ok(StatusCode::NO_CONTENT)
}
