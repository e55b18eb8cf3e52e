//! People: what the directory knows of them, a list of them taken in, and forgetting one.

mod import;
mod row;
mod table;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use seatgate_core::gate::Gate;
use seatgate_core::id::PersonRef;
use seatgate_core::person::{EmailAddress, Identity, PersonDetails};
use seatgate_core::port::{DirectoryEntry, Period};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use serde::Serialize;
use utoipa::openapi::ComponentsBuilder;

use super::auth::Caller;
use super::requests::{cursor, cut, limit};
use super::{Page, behalf};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{InPath, parameters};
use crate::server::App;
use crate::view::PersonView;

pub(super) use import::import;

/// One person, as the store's own directory knows them. Personal data: never log it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = KnownPerson)]
pub(super) struct KnownView {
    #[schema(value_type = String)]
    id: PersonRef,
    #[serde(flatten)]
    person: PersonView,
    /// Team and user, such as `T1/U1`.
    slack: Option<String>,
    manager: Option<PersonView>,
    /// Whether they have left: they are never asked.
    disabled: bool,
    /// Whether this is no human: never asked.
    bot: bool,
    absences: Vec<AbsenceView>,
    /// Apps whose owner they are.
    #[schema(value_type = Vec<String>)]
    owns: Vec<AppId>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Absence)]
struct AbsenceView {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<row::PersonBody>(with::<KnownView>(schemas))
}

/// `GET /v1/people`: everybody who is known, by id; with `email` that person, or nobody.
pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Page<KnownView>>, Problem> {
    let parameters = parameters(query.as_deref(), &["email", "cursor", "limit"])?;
    let (after, limit) = (cursor(parameters.get("cursor"))?, limit(parameters.get("limit"))?);
    let (people, next) = match parameters.get("email") {
        Some(_) if parameters.len() > 1 => return Err(Problem::bad_request("`email` stands alone")),
        Some(email) => {
            let email: EmailAddress =
                email.parse().map_err(|error| Problem::bad_request(format!("`email`: {error}")))?;
            (app.gate.people().find(&Identity::Email(email)).await?.into_iter().collect(), None)
        }
        None => {
            let found = app.gate.directory_queries().known_people(after, limit + 1).await?;
            cut(found, limit, PersonRef::to_string)
        }
    };
    Ok(Json(Page { items: views(&app.gate, &people).await?, next }))
}

/// `DELETE /v1/people/{id}`: forgets somebody. The trail stays, and still verifies.
pub(super) async fn erase(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    InPath(person): InPath<PersonRef>,
) -> Result<StatusCode, Problem> {
    let by = behalf::operator(&app, &caller, None, "erase_person").await?;
    app.gate.erase(person, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn views(gate: &Gate, people: &[PersonRef]) -> Result<Vec<KnownView>, Problem> {
    let entries = gate.own_directory().people(people, gate.now()).await?;
    let owned = gate.directory_queries().owned(people).await?;
    let managers: Vec<PersonRef> = entries.iter().filter_map(|entry| entry.manager).collect();
    let details = gate.people().details(people).await?;
    let mut managers = gate.people().details(&managers).await?.into_iter();
    let known = entries.into_iter().zip(details).zip(owned);
    let view = |((entry, details), owns): ((DirectoryEntry, Option<PersonDetails>), Vec<AppId>)| {
        let manager = entry.manager.and_then(|_| managers.next()).map(|manager| PersonView::of(manager.as_ref()));
        KnownView::of(entry, details.as_ref(), manager, owns)
    };
    Ok(known.map(view).collect())
}

impl KnownView {
    fn of(
        entry: DirectoryEntry,
        details: Option<&PersonDetails>,
        manager: Option<PersonView>,
        owns: Vec<AppId>,
    ) -> Self {
        let slack = details.and_then(|details| {
            details.identities.iter().find_map(|identity| match identity {
                Identity::Slack { team, user } => Some(format!("{team}/{user}")),
                _ => None,
            })
        });
        let absence = |period: Period| AbsenceView { from: period.starts_at, until: period.ends_at };
        Self {
            id: entry.person,
            person: PersonView::of(details),
            slack,
            manager,
            disabled: entry.disabled,
            bot: entry.bot,
            absences: entry.absences.into_iter().map(absence).collect(),
            owns,
        }
    }
}
