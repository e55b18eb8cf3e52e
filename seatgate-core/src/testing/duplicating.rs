use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::port::{Deprovisioner, EffectError, Idempotency, Job, Removal, RequestStore, SeatStatus, StoreError};
use crate::testing::Around;

/// A port whose every write happens twice, as when a reply was lost and the caller repeats itself. What may be repeated
/// safely must not show it.
///
/// The caller gets the first answer. Reads and claims pass once: a repeated claim is a different claim.
#[derive(Debug)]
pub struct Duplicating<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Duplicating<T> {
    /// The port `inner`, twice over.
    #[must_use]
    pub fn new(inner: Arc<T>) -> Self {
        Self(inner)
    }
}

#[async_trait]
impl<T: RequestStore + ?Sized> Around for Duplicating<T> {
    type Inner = T;

    fn inner(&self) -> &T {
        &self.0
    }

    async fn write<O: Send, F: Future<Output = Result<O, StoreError>> + Send>(
        &self,
        _call: &'static str,
        make: impl Fn() -> F + Send,
    ) -> Result<O, StoreError> {
        let first = make().await?;
        make().await?;
        Ok(first)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Deprovisioner + ?Sized> Deprovisioner for Duplicating<T> {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        let first = self.0.deprovision(job).await;
        let _ = self.0.deprovision(job).await;
        first
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        self.0.probe(job).await
    }

    fn sees_activity(&self) -> bool {
        self.0.sees_activity()
    }

    fn idempotency(&self) -> Idempotency {
        self.0.idempotency()
    }
}
