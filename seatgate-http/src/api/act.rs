//! Acting on requests: decisions, asking somebody else, undo, withdraw, stop, and answers to pauses.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, post};
use axum::{Extension, Json};
use seatgate_core::authorize::{Action, Denial};
use seatgate_core::gate::{Ask, Attempt, Submission};
use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::{EmailAddress, EmailError, Identity, Surface};
use seatgate_core::request::{Decision, Resolution};
use seatgate_core::time::Timestamp;
use serde::Deserialize;
use utoipa::openapi::ComponentsBuilder;

use super::BODY_LIMIT;
use super::auth::Caller;
use super::behalf::{self, OnBehalf};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, InPath, Whole};
use crate::server::App;
use crate::view::RequestView;

type Body = Whole<BODY_LIMIT>;
type Answer = Result<Json<RequestView>, Problem>;

const DECISIONS: &str = "expected `approve` (remove the seat) or `keep`";
const RESOLUTIONS: &str = "expected `retry`, `skip`, `confirm` or `done`";
const PAUSE: &str = "expected the number of a pause";
const KEEP_UNTIL: &str = "expected a date such as \"2026-12-31\" (its end, UTC) or an RFC 3339 timestamp";

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecisionAsked)]
struct DecisionBody {
    #[schema(value_type = crate::openapi::labels::Decision)]
    decision: Option<String>,
    reason: Option<String>,
    keep_until: Option<String>,
    r#as: Option<OnBehalf>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReasonGiven)]
struct PlainBody {
    reason: Option<String>,
    r#as: Option<OnBehalf>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReassignAsked)]
struct ReassignBody {
    to: Option<ToAsk>,
    reason: Option<String>,
    r#as: Option<OnBehalf>,
}

/// Whom to ask.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ToAsk {
    email: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskAnswer)]
struct TaskBody {
    #[schema(value_type = crate::openapi::labels::Resolution)]
    resolution: Option<String>,
    reason: Option<String>,
    pause: Option<u32>,
    r#as: Option<OnBehalf>,
}

const DECISION: &Members =
    &[PLAIN, &[("/decision", Expected::Value(DECISIONS)), ("/keep_until", Expected::Value(KEEP_UNTIL))]];
const PLAIN: &[(&str, Expected)] =
    &[("", Expected::Object), ("/reason", TEXT), ("/as", Expected::Object), ("/as/email", TEXT)];
const TASK: &Members = &[PLAIN, &[("/resolution", Expected::Value(RESOLUTIONS)), ("/pause", Expected::Value(PAUSE))]];

const REASSIGN: &Members = &[PLAIN, &[("/to", Expected::Object), ("/to/email", TEXT)]];

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    let schemas = with::<ReassignBody>(schemas);
    with::<TaskBody>(with::<PlainBody>(with::<DecisionBody>(schemas)))
}

/// One call about one request.
struct Call {
    app: App,
    id: RequestId,
    caller: Caller,
}

/// `POST /v1/requests/{id}/decision`.
pub(super) async fn decide(
    State(app): State<App>,
    InPath(id): InPath<RequestId>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Body,
) -> Answer {
    let body: DecisionBody = request::json(&headers, &body, DECISION)?;
    let (ask, action) = ask(&body)?;
    let on_behalf = body.r#as.ok_or_else(|| Problem::invalid("/as", "a token decides nothing: say for whom"))?;
    let call = Call { app, id, caller };
    let person = call.person(&on_behalf, action, Denial::NotAsked).await?;
    let by = behalf::submission(person, &call.caller);
    call.act(ask, body.reason.as_deref(), &by).await
}

fn ask(body: &DecisionBody) -> Result<(Ask, Action), Problem> {
    match (label(body.decision.as_deref(), "/decision", DECISIONS)?, body.keep_until.as_deref()) {
        (Decision::Keep, until) => {
            let until = until.map(Timestamp::parse_end).transpose();
            let until = until.map_err(|_| Problem::invalid("/keep_until", KEEP_UNTIL))?;
            Ok((Ask::Keep { until }, Action::Keep))
        }
        (Decision::Approve, None) => Ok((Ask::Approve, Action::Approve)),
        (Decision::Approve, Some(_)) => Err(Problem::invalid("/keep_until", "only a keep has an end")),
    }
}

/// `POST /v1/requests/{id}/reassign`.
pub(super) async fn reassign(
    State(app): State<App>,
    InPath(id): InPath<RequestId>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Body,
) -> Answer {
    let body: ReassignBody = request::json(&headers, &body, REASSIGN)?;
    let to = Identity::Email(body.to.ok_or_else(|| Problem::invalid("/to", "expected whom to ask"))?.email()?);
    let call = Call { app, id, caller };
    let by = call.submission(Action::Reassign, Denial::NotAsked, body.r#as).await?;
    let answer = call.app.gate.reassign(id, to, body.reason.as_deref(), &by).await;
    Ok(Json(RequestView::answer(&call.app.gate, answer).await?))
}

impl ToAsk {
    fn email(&self) -> Result<EmailAddress, Problem> {
        let email = self.email.as_deref().ok_or_else(|| Problem::invalid("/to/email", "expected an address"))?;
        email.parse().map_err(|error: EmailError| Problem::invalid("/to/email", error.to_string()))
    }
}

/// `POST /v1/requests/{id}/undo`, `/withdraw` and `/stop`: what only says why.
pub(super) fn plainly(ask: Ask, action: Action) -> MethodRouter<App> {
    post(move |State(app), InPath(id), Extension(caller), headers: HeaderMap, Whole(body): Body| {
        Call { app, id, caller }.plain(headers, body, ask, action)
    })
}

/// `POST /v1/requests/{id}/tasks/{task}`.
pub(super) async fn resolve(
    State(app): State<App>,
    InPath((id, task)): InPath<(RequestId, TaskId)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Body,
) -> Answer {
    let body: TaskBody = request::json(&headers, &body, TASK)?;
    let resolution: Resolution = label(body.resolution.as_deref(), "/resolution", RESOLUTIONS)?;
    let ask = Ask::Resolve { task, pause: body.pause, resolution };
    Call { app, id, caller }.operate(ask, Action::Resolve, body.reason.as_deref(), body.r#as).await
}

impl Call {
    async fn plain(self, headers: HeaderMap, body: Bytes, ask: Ask, action: Action) -> Answer {
        let body: PlainBody = request::json(&headers, &body, &[PLAIN])?;
        self.operate(ask, action, body.reason.as_deref(), body.r#as).await
    }

    /// The token counts as an operator, for itself or for the person it names.
    async fn operate(self, ask: Ask, action: Action, reason: Option<&str>, on_behalf: Option<OnBehalf>) -> Answer {
        let by = self.submission(action, Denial::NotOperator, on_behalf).await?;
        self.act(ask, reason, &by).await
    }

    /// Who acts, backed by the token; `denial` is said of somebody whom nobody knows.
    async fn submission(
        &self,
        action: Action,
        denial: Denial,
        on_behalf: Option<OnBehalf>,
    ) -> Result<Submission, Problem> {
        let by = match on_behalf {
            None => Submission::new(self.caller.actor(), Surface::Api),
            Some(on_behalf) => behalf::submission(self.person(&on_behalf, action, denial).await?, &self.caller),
        };
        Ok(by.with_admin_token())
    }

    async fn act(&self, ask: Ask, reason: Option<&str>, by: &Submission) -> Answer {
        let answer = self.app.gate.act(self.id, ask, reason, by).await;
        Ok(Json(RequestView::answer(&self.app.gate, answer).await?))
    }

    /// The person that a token names. Somebody whom nobody knows was not asked, which is recorded.
    async fn person(&self, on_behalf: &OnBehalf, action: Action, denial: Denial) -> Result<PersonRef, Problem> {
        on_behalf.email()?;
        self.app.gate.request(self.id).await?;
        if let Some(person) = on_behalf.person(&self.app).await? {
            return Ok(person);
        }
        let attempt = Attempt::new(self.caller.actor(), Surface::Api, action.label(), denial.label());
        self.app.gate.record_denied(attempt.about(self.id)).await;
        Err(Problem::denied(denial))
    }
}

fn label<T: FromStr>(text: Option<&str>, pointer: &str, expected: &str) -> Result<T, Problem> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| Problem::invalid(pointer, expected))
}
