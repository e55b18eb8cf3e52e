//! What is known of people, on every server the same, and edited from outside; now and then it cannot be asked.

use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::id::PersonRef;
use seatgate_core::port::{Directory, DirectoryEntry, StoreError, StoreErrorKind};
use seatgate_core::seat::AppId;
use seatgate_core::testing::ScriptedDirectory;
use seatgate_core::time::Timestamp;

use super::reached::Reached;
use super::stage::Stage;
use super::stepped::turn;

/// The directory as a server sees it.
pub struct Remote {
    pub stage: Arc<Stage>,
    pub inner: Arc<ScriptedDirectory>,
}

impl Remote {
    async fn travel(&self) -> Result<(), StoreError> {
        self.stage.note("the directory", 0);
        turn().await;
        if self.stage.mishap(self.stage.features.directory) {
            self.stage.meet(Reached::DirectoryFails);
            return Err(StoreError::new(StoreErrorKind::Unavailable, "asking the directory"));
        }
        Ok(())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Directory for Remote {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        self.travel().await?;
        self.inner.people(people, now).await
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        self.travel().await?;
        self.inner.owners(app).await
    }
}
