//! Offboardings: starting one, and the table of all.

mod table;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{GateError, Offboard, OffboardProblem};
use seatgate_core::id::RequestId;
use seatgate_core::person::{EmailAddress, Identity, PersonDraft};
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

pub(crate) use table::file_for;
pub(super) use table::list;

use super::BODY_LIMIT;
use super::auth::Caller;
use super::behalf::{self, OnBehalf};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, Whole};
use crate::server::App;

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OffboardingAsked)]
struct OffboardBody {
    person: Option<NamedPerson>,
    /// Who manages them: playbooks may tell targets.
    manager: Option<NamedPerson>,
    /// Without one, the default one is meant.
    playbook: Option<String>,
    reason: Option<String>,
    /// Optional tasks to leave out, by name.
    #[serde(default)]
    without: Vec<String>,
    r#as: Option<OnBehalf>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonNamed)]
struct NamedPerson {
    email: Option<String>,
    name: Option<String>,
}

/// What was started.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = OffboardingStarted)]
pub(super) struct Started {
    #[schema(value_type = String)]
    request_id: RequestId,
}

const WITHOUT: &str = "expected a list of names of tasks";
const OFFBOARD: &Members = &[&[
    ("", Expected::Object),
    ("/person", Expected::Object),
    ("/person/email", TEXT),
    ("/person/name", TEXT),
    ("/manager", Expected::Object),
    ("/manager/email", TEXT),
    ("/manager/name", TEXT),
    ("/playbook", TEXT),
    ("/reason", TEXT),
    ("/without", Expected::Value(WITHOUT)),
    ("/as", Expected::Object),
    ("/as/email", TEXT),
]];

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<table::TableRow>(with::<Started>(with::<OffboardBody>(schemas)))
}

/// `POST /v1/offboardings`: 202 with the request.
pub(super) async fn start(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let body: OffboardBody = request::json(&headers, &body, OFFBOARD)?;
    let mut ask = Offboard::new(person(body.person, "/person")?);
    ask.manager = body.manager.map(|manager| person(Some(manager), "/manager")).transpose()?;
    (ask.playbook, ask.without, ask.reason) = (body.playbook, body.without, body.reason);
    let mut by = behalf::operator(&app, &caller, body.r#as, "offboard").await?;
    // Whoever is named must be an operator themselves: the token only hands it in.
    by.admin = by.actor.person().is_none();
    let started = app.gate.offboard(&ask, &by).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(Started { request_id: started.id })))
}

fn person(named: Option<NamedPerson>, pointer: &str) -> Result<PersonDraft, Problem> {
    let invalid = |detail: String| Problem::invalid(format!("{pointer}/email"), detail);
    let Some(NamedPerson { email: Some(email), name }) = named else {
        return Err(invalid("expected an address".to_owned()));
    };
    let email: EmailAddress =
        email.parse().map_err(|error: seatgate_core::person::EmailError| invalid(error.to_string()))?;
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)) {
        let detail = format!("expected at most {LONGEST_NAME} characters without control characters");
        return Err(Problem::invalid(format!("{pointer}/name"), detail));
    }
    Ok(PersonDraft::new(Identity::Email(email), name))
}

const LONGEST_NAME: usize = 200;

/// What the gate said, about the field that it is about.
fn problem(error: GateError) -> Problem {
    match error {
        GateError::Denied(denial @ Denial::Nobody) => Problem::invalid("/as", denial.to_string()),
        GateError::BadOffboarding(problem) => match problem {
            OffboardProblem::WhichPlaybook | OffboardProblem::NoPlaybook => {
                Problem::invalid("/playbook", problem.to_string())
            }
            // Nothing that was sent is quoted.
            OffboardProblem::NoTask(_) => Problem::invalid("/without", "the playbook has no such task"),
            OffboardProblem::NotOptional(_) => Problem::invalid("/without", "names a task that cannot be left out"),
            other => Problem::invalid("/without", other.to_string()),
        },
        other => other.into(),
    }
}
