//! What must be known of the directory before somebody else is asked.

use std::collections::BTreeSet;

use crate::authorize::Action;
use crate::gate::{Ask, Gate, GateError, Submission};
use crate::id::{PersonRef, RequestId};
use crate::person::{Identity, PersonDraft};
use crate::port::{StoreError, StoreErrorKind};
use crate::request::{ApprovalInput, ApprovalState, Refusal, Request};
use crate::route::{self, Concerned, Known, Missing, Reach};
use crate::time::Timestamp;

/// How often the directory is asked for what the last answer led to. Managers are followed 32 steps at the most.
const ROUNDS: usize = 40;

impl Gate {
    /// The person whom others know by this identity, who is added if they are new.
    ///
    /// # Errors
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether they were added; asking again is safe.
    pub async fn person(&self, identity: Identity, name: Option<String>) -> Result<PersonRef, StoreError> {
        let found = self.resolve(vec![PersonDraft::new(identity, name)]).await?;
        found.into_iter().next().ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, "finding a person"))
    }

    /// Asks whoever others know by `to` in place of those who are asked, as [`Gate::act`] does. They are added if they are
    /// new, but not for somebody who may not ask them.
    ///
    /// # Errors
    /// As for [`Gate::act`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn reassign(
        &self,
        id: RequestId,
        to: Identity,
        reason: Option<&str>,
        by: &Submission,
    ) -> Result<Request, GateError> {
        let to = match self.parts.people.find(&to).await? {
            Some(person) => person,
            None => self.newcomer(id, to, reason, by).await?,
        };
        self.act(id, Ask::Reassign { to }, reason, by).await
    }

    /// Somebody nobody knew, once it is clear that they can be asked.
    async fn newcomer(
        &self,
        id: RequestId,
        identity: Identity,
        reason: Option<&str>,
        by: &Submission,
    ) -> Result<PersonRef, GateError> {
        let has_reason = self.reason(reason, by)?.is_some();
        let request = self.load(id).await?.request;
        self.authorized(&request, Some(Action::Reassign), None, has_reason, by, self.now()).await?;
        let refusal = match request.approval.state.next(ApprovalInput::Keep) {
            Ok(_) if has_reason => return Ok(self.person(identity, None).await?),
            Ok(_) => Refusal::AnswerNeedsReason,
            Err(refusal) => refusal,
        };
        Err(GateError::Refused { refusal, request: Box::new(request) })
    }

    /// Everything that must be known to judge who is asked about this request, and whether it can be handed to `other`.
    pub(crate) async fn known_about(&self, request: &Request, other: Option<PersonRef>) -> Result<Known, StoreError> {
        if request.approval.state != ApprovalState::Open {
            return Ok(Known::default());
        }
        let concerned = Concerned::of(request);
        let mut known = Known::new(self.settings().operators.iter().copied());
        self.learn(&mut known, |known| route::missing(&concerned, &request.approval.asked, other, known, self.now()))
            .await?;
        Ok(known)
    }

    /// Everything that must be known to say who is asked first about what concerns each of these.
    pub(super) async fn known_about_all(
        &self,
        concerned: &[&Concerned],
        operators: &BTreeSet<PersonRef>,
    ) -> Result<Known, StoreError> {
        let now = self.now();
        let mut known = Known::new(operators.iter().copied());
        self.learn(&mut known, |known| {
            let mut missing = Missing::default();
            concerned.iter().for_each(|concerned| missing.join(route::missing(concerned, &[], None, known, now)));
            missing
        })
        .await?;
        Ok(known)
    }

    /// Asks the directory until nothing is missing. Whom it cannot lead to in many rounds is taken as unknown.
    pub(crate) async fn learn(&self, known: &mut Known, missing: impl Fn(&Known) -> Missing) -> Result<(), StoreError> {
        let directory = &self.parts.directory;
        for _ in 0..ROUNDS {
            let Missing { people, owners } = missing(known);
            if people.is_empty() && owners.is_empty() {
                break;
            }
            if !people.is_empty() {
                let people: Vec<PersonRef> = people.into_iter().collect();
                known.learn(directory.people(&people, self.now()).await?);
            }
            for app in owners {
                let people = directory.owners(&app).await?;
                known.owners.insert(app, people);
            }
        }
        Ok(())
    }

    /// Whether the delegation by which `person` is asked was ended early, or a part of it changed: nobody has moved the
    /// request yet, and it is theirs no more.
    pub(crate) async fn has_moved(
        &self,
        request: &Request,
        person: Option<PersonRef>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let asked = person.and_then(|person| request.approval.asks(person, now));
        let Some(asked) = asked.filter(|asked| asked.on_behalf_of.is_some()) else { return Ok(false) };
        let known = self.known_about(request, None).await?;
        Ok(route::reach(request, asked, &known, now) != Reach::Same)
    }
}
