//! People as bodies name them.

use seatgate_core::id::PersonRef;
use seatgate_core::person::{Identity, PersonDraft};
use serde::Deserialize;

use crate::problem::Problem;
use crate::server::App;

/// What names a Slack user.
pub(super) const SLACK_USER: &str = "expected team and user, such as T1/U1";

/// Somebody, by address or as a Slack user.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonNamed)]
pub(super) struct Who {
    email: Option<String>,
    /// Team and user, such as `T1/U1`.
    slack: Option<String>,
}

impl Who {
    /// Who has this identity; somebody new is added.
    pub(super) async fn resolve(app: &App, identity: Identity) -> Result<PersonRef, Problem> {
        let found = app.gate.resolve(vec![PersonDraft::new(identity, None)]).await?;
        found.into_iter().next().ok_or_else(Problem::internal)
    }

    /// By what they are named; `pointer` is where.
    pub(super) fn identity(&self, pointer: &str) -> Result<Identity, Problem> {
        let invalid = |member: &str, detail: &str| Problem::invalid(format!("{pointer}{member}"), detail);
        match (&self.email, &self.slack) {
            (Some(email), None) => email
                .parse()
                .map(Identity::Email)
                .map_err(|_| invalid("/email", "expected an e-mail address such as ana@example.com")),
            (None, Some(slack)) => slack_user(slack).ok_or_else(|| invalid("/slack", SLACK_USER)),
            _ => Err(invalid("", "expected either `email` or `slack`")),
        }
    }
}

/// The Slack user that a text such as `T1/U1` names.
pub(super) fn slack_user(text: &str) -> Option<Identity> {
    format!("slack:{text}").parse().ok()
}
