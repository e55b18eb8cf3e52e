//! What must be known of the directory before somebody else is asked.

use crate::gate::Gate;
use crate::id::PersonRef;
use crate::person::{Identity, PersonDraft};
use crate::port::{StoreError, StoreErrorKind};
use crate::request::{ApprovalState, Request};
use crate::route::{self, Concerned, Known, Missing, Reach};

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
    pub(crate) async fn has_moved(&self, request: &Request, person: Option<PersonRef>) -> Result<bool, StoreError> {
        let asked = person.and_then(|person| request.approval.asks(person, self.now()));
        let Some(asked) = asked.filter(|asked| asked.on_behalf_of.is_some()) else { return Ok(false) };
        let known = self.known_about(request, None).await?;
        Ok(route::reach(request, asked, &known, self.now()) != Reach::Same)
    }
}
