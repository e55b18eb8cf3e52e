//! The library alone: one sweep, one approval, one removal, one verified trail. Nothing but memory.

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::gate::{Ask, Gate, Submission, Sweep};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Deprovisioner, EffectError, Job, OsEntropy, Removal, Router, SystemClock, Target};
use seatgate_core::seat::CandidateDraft;
use seatgate_core::trail::{Stream, verify};
use seatgate_core::worker::Worker;

struct Printer;

#[async_trait]
impl Deprovisioner for Printer {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        println!("removing {}'s seat in {}, key {}", job.account.label(), job.app.label(), job.key);
        Ok(Removal::removed())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::with_system_clock());
    let router = Router::new().otherwise(Target::new("printer", Arc::new(Printer)));
    let gate = Gate::builder(store, Arc::new(SystemClock), Arc::new(OsEntropy)).router(router).build()?;
    let worker = Worker::new(&gate);

    let draft: CandidateDraft = serde_json::from_str(
        r#"{"app": {"id": "figma", "name": "Figma"}, "account": {"email": "ana@example.com", "name": "Ana Ruiz"},
            "manager": {"email": "mona@example.com", "name": "Mona Li"}, "last_activity_at": "2026-06-01T00:00:00Z"}"#,
    )?;
    let scan = Actor::system("nightly-scan").ok_or("a plain name")?;
    let report = gate.sweep(Sweep::new(scan, Surface::Library, vec![Ok(draft.parse()?)])).await?;
    let id = report.results.first().and_then(|row| row.request_id).ok_or("nobody was asked")?;
    worker.run_until_idle().await?;

    let mona = gate.people().find(&"mona@example.com".parse()?).await?.ok_or("Mona is known")?;
    let submission = Submission::new(Actor::Person(mona), Surface::Library);
    gate.act(id, Ask::Approve, None, &submission).await?;
    worker.run_until_idle().await?;

    let request = gate.request(id).await?;
    println!("{} is {} / {:?}", id, request.label(), request.outcome());
    let trail = gate.queries().trail(Stream::Request(id)).await?;
    let lines: Vec<String> = trail.iter().map(seatgate_core::trail::Entry::to_json).collect();
    let chain = verify(Stream::Request(id), lines.iter().map(String::as_str))?;
    println!("{} entries verify", chain.version);
    Ok(())
}
