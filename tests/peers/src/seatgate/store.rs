//! A store that tells whoever waits that a request is closed.

use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::id::RequestId;
use seatgate_core::port::{Answer, Change, RequestStore as _, StoreError};
use seatgate_core::testing::Around;
use seatgate_store_sqlx::PgStore;

use crate::waiting::Waiting;

pub(super) struct Watched {
    pub(super) store: Arc<PgStore>,
    pub(super) closed: Waiting<RequestId>,
}

#[async_trait]
impl Around for Watched {
    type Inner = PgStore;

    fn inner(&self) -> &PgStore {
        &self.store
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let closes = |change: &Change| Some(change.request.as_ref().filter(|request| request.outcome().is_some())?.id);
        let ends: Vec<Option<RequestId>> = changes.iter().map(closes).collect();
        let answers = self.store.commit(changes).await?;
        let kept = ends.into_iter().zip(&answers).filter(|(_, answer)| answer.is_kept());
        kept.filter_map(|(request, _)| request).for_each(|request| self.closed.tell(request, ()));
        Ok(answers)
    }
}
