//! The driver, on a clock that does not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::memory::MemoryStore;
use seatgate_core::policy::Mode;
use seatgate_core::port::{Deprovisioner, EffectError, Idempotency, Job, Removal};
use seatgate_core::request::Outcome;
use seatgate_core::testing::{Fault, Faulty, ScriptedDeprovisioner};

use crate::house::World;
use crate::mishaps::faulty;
use crate::stepped::Steps;

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

#[tokio::test(start_paused = true)]
async fn the_driver_follows_a_stop_on_another_server() {
    let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
    let (house, other) = (world.start(Steps::free()), world.start(Steps::free()));
    house.gate.start_mode(Some(Mode::Live)).await.unwrap();
    let options = DriverOptions::default();
    let poll = options.poll;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let driver = tokio::spawn(driver::run(house.worker.clone(), options, async move {
        let _ = stopped.await;
    }));
    tokio::time::sleep(poll / 2).await;
    let operator = other.appoint("lead@example.com").await;
    other.gate.switch(Mode::Off, &operator).await.unwrap();
    tokio::time::sleep(poll).await;
    assert_eq!(house.gate.settings().mode, Mode::Off);
    drop(stop);
    driver.await.unwrap();
}
