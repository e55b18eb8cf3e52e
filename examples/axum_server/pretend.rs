//! A target that pretends, for trying a configuration without touching anybody's seat.

use async_trait::async_trait;
use seatgate_core::port::{Deprovisioner, EffectError, Idempotency, Job, Removal};

/// Logs what it would remove, and says that it did.
pub(crate) struct Pretend;

#[async_trait]
impl Deprovisioner for Pretend {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        tracing::info!(request = %job.request, task = %job.task, "pretending to remove a seat");
        Ok(Removal::removed().with_receipt("pretended"))
    }

    fn sees_activity(&self) -> bool {
        false
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Natural
    }
}
