//! What an offboarding makes pointless: to go on asking about the seats of whoever leaves.

use crate::gate::{GateError, TRIES};
use crate::id::RequestId;
use crate::port::RequestFilter;
use crate::request::{Command, Request, StateLabel};
use crate::worker::Worker;

/// So many requests are read at a time.
const PAGE: usize = 100;

impl Worker {
    /// Withdraws what nobody has decided yet about the seats of whoever leaves. Repeating it does nothing more.
    pub(super) async fn withdraw_reclamations(&self, offboarding: &Request) -> Result<(), GateError> {
        let mut filter = RequestFilter::first(PAGE);
        (filter.state, filter.holder) = (Some(StateLabel::AwaitingDecision), offboarding.holder());
        loop {
            let page = self.gate.queries().list(&filter).await?;
            for request in page.iter().filter(|request| request.seat().is_some()) {
                self.withdraw_reclamation(request.id).await?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => filter.after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    async fn withdraw_reclamation(&self, id: RequestId) -> Result<(), GateError> {
        let change = self.gate.new_change();
        for _ in 0..TRIES {
            let before = self.gate.load(id).await?;
            let mut context = self.context(&before.request, None);
            context.holder_leaves = true;
            let Ok(transition) = before.request.handle(&Command::Wake, &context) else { return Ok(()) };
            if transition.facts.is_empty() {
                return Ok(());
            }
            let change = self.gate.change(change, &before, transition, None, Vec::new())?;
            if self.gate.commit_one(change).await?.is_kept() {
                self.gate.wake();
                return Ok(());
            }
        }
        Err(GateError::Contended)
    }
}
