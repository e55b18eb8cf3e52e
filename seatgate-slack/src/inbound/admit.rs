//! Who comes in: people of ours, through an installation of ours.

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Attempt, Submission};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::person::{Actor, Surface};

use super::{Ack, SlackApp};
use crate::client::SlackUser;
use crate::id::{AppId, UserId};
use crate::installed::Belongs;
use crate::payload::{Caller, Install};
use crate::people::{LookupError, Recognised};

/// Somebody of ours, whom the gate may know or not.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) user: UserId,
    recognised: Option<Recognised>,
}

/// Why somebody is not let in. Recorded already.
#[derive(Debug)]
pub(super) enum Turned {
    /// They are of another organisation, or no full member of ours: tell them kindly.
    Outsider,
    /// It was not meant for us.
    Foreign,
    /// It cannot be told now.
    Unclear,
}

impl Visitor {
    pub(super) fn person(&self) -> Option<PersonRef> {
        self.recognised.map(|recognised| recognised.person)
    }

    /// They act for themselves, through Slack; nothing, where the gate does not know them.
    pub(super) fn submission(&self) -> Option<Submission> {
        let Recognised { person, matched_by } = self.recognised?;
        Some(Submission::new(Actor::Person(person), Surface::Slack).matched_by(matched_by))
    }
}

impl Turned {
    /// The answer where nothing can be said, or nobody is there to hear it.
    pub(super) fn ack(&self) -> Ack {
        match self {
            Self::Outsider => Ack::ok(),
            Self::Foreign => Ack::status(401),
            Self::Unclear => Ack::again(),
        }
    }
}

impl SlackApp {
    /// Lets people of ours in; `action` is what a refusal is recorded as.
    pub(super) async fn admit(
        &self,
        (install, app): (&Install, Option<&AppId>),
        caller: &Caller,
        action: &'static str,
    ) -> Result<Visitor, Turned> {
        let installed = self.workspace.installed().await.map_err(|_| Turned::Unclear)?;
        if !self.is_ours(installed.belongs(caller), caller).await.map_err(|_| Turned::Unclear)? {
            self.record(action, "outsider", None).await;
            return Err(Turned::Outsider);
        }
        if let Some(denial) = installed.refuses(install, app) {
            self.record(action, denial, None).await;
            return Err(Turned::Foreign);
        }
        let recognised = self.workspace.people().recognise(caller, self.gate.people()).await;
        let recognised = recognised.map_err(|_| Turned::Unclear)?;
        Ok(Visitor { user: caller.user.clone(), recognised })
    }

    async fn is_ours(&self, belongs: Belongs, caller: &Caller) -> Result<bool, LookupError> {
        match belongs {
            Belongs::Here => Ok(true),
            Belongs::Elsewhere => Ok(false),
            Belongs::Perhaps => {
                let user = self.workspace.people().user(&caller.user).await?;
                Ok(user.as_ref().is_some_and(SlackUser::is_member))
            }
        }
    }

    /// Records that `visitor` was denied `action`, a label of ours.
    pub(super) async fn record_of(
        &self,
        visitor: &Visitor,
        action: &'static str,
        denial: Denial,
        request: Option<RequestId>,
    ) {
        let actor = visitor.person().map_or_else(Actor::anonymous, Actor::Person);
        let attempt = Attempt::new(actor, Surface::Slack, action, denial.label());
        self.gate.record_denied(request.into_iter().fold(attempt, Attempt::about)).await;
    }

    /// Records that somebody whom the gate does not know was denied `action`. Both are labels of ours.
    pub(super) async fn record(&self, action: &'static str, denial: &'static str, request: Option<RequestId>) {
        let attempt = Attempt::new(Actor::anonymous(), Surface::Slack, action, denial);
        self.gate.record_denied(request.into_iter().fold(attempt, Attempt::about)).await;
    }
}
