//! The driver, on a clock that does not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::memory::MemoryStore;
use seatgate_core::policy::Mode;
use seatgate_core::port::{Deprovisioner, EffectError, Idempotency, Job, Removal};
use seatgate_core::request::{Outcome, StateLabel};
use seatgate_core::testing::{Fault, Faulty, ScriptedDeprovisioner};

use serde_json::json;

use crate::house::{World, candidate};
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

/// A target that takes its time.
struct Slow;

#[async_trait]
impl Deprovisioner for Slow {
    async fn deprovision(&self, _job: &Job) -> Result<Removal, EffectError> {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(Removal::removed())
    }
}

/// What is decided is claimed oftener than messages, and could take all the room whenever there is some.
#[tokio::test(start_paused = true)]
async fn removals_that_fill_all_the_room_leave_some_for_messages() {
    let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
    let (house, _) = faulty(&world, Arc::new(Slow));
    let rows = (0..30).map(|n| candidate(json!({"account": {"id": format!("00u{n}")}})));
    let report = house.sweep(rows.collect()).await;
    for result in report.results {
        house.approve(result.request_id.unwrap()).await.unwrap();
    }
    let mut options = DriverOptions::default();
    options.in_flight = 1;
    driver::run(house.worker.clone(), options, tokio::time::sleep(Duration::from_millis(600))).await;
    let sent = world.notifier.sent().len();
    let open = house.gate.queries().count_by_state(None).await.unwrap();
    assert!(sent > 1, "the channel has heard of the sweep, and how the first requests ended");
    assert!(open.of(StateLabel::Executing) > 0, "removals are left: {open:?}");
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
