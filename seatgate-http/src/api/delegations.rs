//! Who stands in for whom: listing, adding and ending.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use seatgate_core::gate::{EditProblem, Gate, GateError};
use seatgate_core::id::{DelegationId, PersonRef};
use seatgate_core::person::PersonDetails;
use seatgate_core::port::{Delegation, StoreError};
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

use super::auth::Caller;
use super::period::{END, START, Unfit, period};
use super::requests::{cursor, cut, limit};
use super::who::Who;
use super::{BODY_LIMIT, Page, behalf};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, InPath, Whole, parameters};
use crate::server::App;
use crate::view::PersonView;

/// One delegation. Personal data: never log it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Delegation)]
pub(super) struct DelegationView {
    #[schema(value_type = String)]
    id: DelegationId,
    /// Who is stood in for.
    from: PersonView,
    /// Who stands in.
    to: PersonView,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Without it, the delegation lasts until it is ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
}

/// What is asked for: by default from now on, until it is ended.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DelegationAsked)]
struct DelegationBody {
    #[serde(default)]
    from: Who,
    #[serde(default)]
    to: Who,
    starts_at: Option<String>,
    ends_at: Option<String>,
}

const DELEGATION: &Members = &[&[
    ("", Expected::Object),
    ("/from", Expected::Object),
    ("/from/email", TEXT),
    ("/from/slack", TEXT),
    ("/to", Expected::Object),
    ("/to/email", TEXT),
    ("/to/slack", TEXT),
    ("/starts_at", Expected::Value(START)),
    ("/ends_at", Expected::Value(END)),
]];

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<DelegationBody>(with::<DelegationView>(schemas))
}

/// `GET /v1/delegations`: those that hold or will hold, oldest first.
pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<DelegationView>>, Problem> {
    let parameters = parameters(query.as_deref(), &["cursor", "limit"])?;
    let (after, limit) = (cursor(parameters.get("cursor"))?, limit(parameters.get("limit"))?);
    let found = app.gate.directory_queries().delegations(app.gate.now(), after, limit + 1).await?;
    let (found, next) = cut(found, limit, |last| last.id.to_string());
    Ok(Json(Page { items: views(&app.gate, &found).await?, next }))
}

/// `POST /v1/delegations`: what the one would be asked, the other is asked. 201 with the delegation.
pub(super) async fn add(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<(StatusCode, Json<DelegationView>), Problem> {
    let body: DelegationBody = request::json(&headers, &body, DELEGATION)?;
    let period = period(body.starts_at.as_deref(), body.ends_at.as_deref(), app.gate.now());
    let period = period.map_err(|unfit| match unfit {
        Unfit::Start(detail) => Problem::invalid("/starts_at", detail),
        Unfit::End(detail) => Problem::invalid("/ends_at", detail),
    })?;
    let (from, to) = (body.from.identity("/from")?, body.to.identity("/to")?);
    let by = behalf::operator(&app, &caller, None, "edit_directory").await?;
    let (from, to) = (Who::resolve(&app, from).await?, Who::resolve(&app, to).await?);
    let delegation = app.gate.delegate(from, to, period, &by).await.map_err(|error| match error {
        GateError::UnfitEdit { problem: problem @ EditProblem::OwnStandIn, .. } => {
            Problem::invalid("/to", problem.to_string())
        }
        error => error.into(),
    })?;
    let added = views(&app.gate, std::slice::from_ref(&delegation)).await?;
    let added = added.into_iter().next().ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// `DELETE /v1/delegations/{id}`: ends it now.
pub(super) async fn end(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    InPath(id): InPath<DelegationId>,
) -> Result<StatusCode, Problem> {
    let by = behalf::operator(&app, &caller, None, "edit_directory").await?;
    app.gate.end_delegation(id, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn views(gate: &Gate, delegations: &[Delegation]) -> Result<Vec<DelegationView>, StoreError> {
    let people: Vec<PersonRef> = delegations.iter().flat_map(|known| [known.from, known.to]).collect();
    let details = gate.people().details(&people).await?;
    let person = |details: Option<&Option<PersonDetails>>| PersonView::of(details.and_then(Option::as_ref));
    let view = |(known, people): (&Delegation, &[Option<PersonDetails>])| DelegationView {
        id: known.id,
        from: person(people.first()),
        to: person(people.get(1)),
        starts_at: known.period.starts_at,
        ends_at: known.period.ends_at,
    };
    Ok(delegations.iter().zip(details.chunks(2)).map(view).collect())
}
