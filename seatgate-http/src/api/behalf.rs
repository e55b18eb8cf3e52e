//! For whom a token hands something in.

use std::str::FromStr;

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Attempt, Submission};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Actor, EmailAddress, Identity, MatchedBy, Surface};
use serde::Deserialize;

use super::auth::Caller;
use crate::problem::Problem;
use crate::server::App;

/// The person that a body names as `as`.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnBehalf {
    email: Option<String>,
}

impl OnBehalf {
    /// The address.
    pub(super) fn email(&self) -> Result<EmailAddress, Problem> {
        let invalid = |detail: String| Problem::invalid("/as/email", detail);
        let email = self.email.as_deref().ok_or_else(|| invalid("expected an address".to_owned()))?;
        EmailAddress::from_str(email).map_err(|error| invalid(error.to_string()))
    }

    /// The person, if anybody knows them.
    pub(super) async fn person(&self, app: &App) -> Result<Option<PersonRef>, Problem> {
        Ok(app.gate.people().find(&Identity::Email(self.email()?)).await?)
    }
}

/// Who does something that is about no one request: the token, which counts as an operator, or the person it names.
/// Somebody whom nobody knows is no operator, which is recorded as a denied `action`.
pub(super) async fn operator(
    app: &App,
    caller: &Caller,
    on_behalf: Option<OnBehalf>,
    action: &'static str,
) -> Result<Submission, Problem> {
    let token = caller.actor();
    let Some(on_behalf) = on_behalf else { return Ok(Submission::new(token, Surface::Api).with_admin_token()) };
    let Some(person) = on_behalf.person(app).await? else {
        let attempt = Attempt::new(token, Surface::Api, action, Denial::NotOperator.label());
        app.gate.record_denied(attempt).await;
        return Err(Problem::denied(Denial::NotOperator));
    };
    Ok(submission(person, caller).with_admin_token())
}

/// `person` acts, as the token says that names them by their address.
pub(super) fn submission(person: PersonRef, token: &Caller) -> Submission {
    let by = Submission::new(Actor::Person(person), Surface::Api).matched_by(MatchedBy::Email);
    by.submitted_by(token.actor())
}
