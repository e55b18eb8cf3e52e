//! People as bodies name them.

use seatgate_core::id::PersonRef;
use seatgate_core::person::{Identity, PersonDraft};
use serde::Deserialize;

use crate::problem::Problem;
use crate::server::App;

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
    /// Who it is; somebody new is added. `pointer` is where they are named.
    pub(super) async fn resolve(&self, app: &App, pointer: &str) -> Result<PersonRef, Problem> {
        let draft = PersonDraft::new(self.identity(pointer)?, None);
        let found = app.gate.resolve(vec![draft]).await?;
        found.into_iter().next().ok_or_else(Problem::internal)
    }

    fn identity(&self, pointer: &str) -> Result<Identity, Problem> {
        let invalid = |member: &str, detail: &str| Problem::invalid(format!("{pointer}{member}"), detail);
        match (&self.email, &self.slack) {
            (Some(email), None) => email
                .parse()
                .map(Identity::Email)
                .map_err(|_| invalid("/email", "expected an e-mail address such as ana@example.com")),
            (None, Some(slack)) => {
                format!("slack:{slack}").parse().map_err(|_| invalid("/slack", "expected team and user, such as T1/U1"))
            }
            _ => Err(invalid("", "expected either `email` or `slack`")),
        }
    }
}
