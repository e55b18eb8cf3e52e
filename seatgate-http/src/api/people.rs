//! People.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use seatgate_core::id::PersonRef;

use super::auth::Caller;
use super::behalf;
use crate::problem::Problem;
use crate::request::InPath;
use crate::server::App;

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
