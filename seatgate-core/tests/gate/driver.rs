//! The driver, on a clock that does not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::memory::MemoryStore;
use seatgate_core::port::{Deprovisioner, EffectError, Idempotency, Job, Removal};
use seatgate_core::request::Outcome;
use seatgate_core::testing::{Fault, Faulty, ScriptedDeprovisioner};

use crate::house::World;
use crate::mishaps::faulty;

/// A target after whose only call the store is away for a while.
struct StoreGoesAway {
    inner: Arc<ScriptedDeprovisioner>,
    store: OnceLock<Arc<Faulty<MemoryStore>>>,
    called: AtomicBool,
}

#[async_trait]
impl Deprovisioner for StoreGoesAway {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        if let Some(store) = self.store.get()
            && !self.called.swap(true, Ordering::SeqCst)
        {
            (1..10).for_each(|nth| store.fail_at(store.calls() + nth, Fault::Before));
        }
        self.inner.deprovision(job).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_driver_keeps_a_result_until_the_store_is_back() {
    let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
    let target =
        Arc::new(StoreGoesAway { inner: world.target.clone(), store: OnceLock::new(), called: AtomicBool::new(false) });
    let (house, store) = faulty(&world, target.clone());
    let id = house.open().await;
    house.approve(id).await.unwrap();
    assert!(target.store.set(store).is_ok());
    let minute = tokio::time::sleep(Duration::from_secs(60));
    driver::run(house.worker.clone(), DriverOptions::default(), minute).await;
    assert_eq!((house.calls(), house.request(id).await.outcome()), (1, Some(Outcome::Reclaimed)));
}
