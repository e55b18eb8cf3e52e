//! DBOS Transact for Rust: a workflow that receives the decision and performs a step, in this process.
//!
//! As its documentation shows an approval: `recv` in the workflow, `send` from outside, the handle's result at the end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbos::{Config, DBOS, WorkflowRef};

use crate::peer::{Candidate, Decision, Outcome, Peer, manager, remove};

const CONNECTIONS: u32 = 32;
const PATIENCE: Duration = Duration::from_secs(14 * 86_400);

pub(crate) struct Dbos {
    dbos: DBOS,
    removal: Arc<WorkflowRef<Candidate, String, dbos::EngineOnly>>,
}

impl Dbos {
    pub(crate) async fn start(url: &str) -> Outcome<Self> {
        let settings = Config::new("seatgate-peers", url);
        let settings = Config { app_version: Some("1".to_owned()), max_connections: CONNECTIONS, ..settings };
        let dbos = DBOS::new(settings);
        let removal = dbos.register_workflow("removal", removal)?;
        dbos.launch().await?;
        Ok(Self { dbos, removal: Arc::new(removal) })
    }
}

async fn removal(candidate: Candidate) -> dbos::Result<String> {
    let decision: Option<Decision> = dbos::recv(None, PATIENCE).await?;
    if decision.is_none_or(|decision| !decision.approve) {
        return Ok("kept".to_owned());
    }
    let seat = &candidate.account.id;
    dbos::step("remove", || async move { dbos::Result::Ok(remove(seat)) }).await?;
    Ok("reclaimed".to_owned())
}

#[async_trait]
impl Peer for Dbos {
    fn name(&self) -> &'static str {
        "DBOS, in process"
    }

    fn settings(&self) -> String {
        format!("dbos 0.5.0 (crate); {CONNECTIONS} connections, LISTEN/NOTIFY, else its defaults")
    }

    fn lacks(&self) -> &'static str {
        "no signature, no authority or policy, no cards, no hash chain; a second decision is a message that nobody reads; \
         an effect whose outcome is unknown is run again; no exceptions; one seat may have two requests"
    }

    async fn cycle(&self, n: usize) -> Outcome<()> {
        let candidate: Candidate = serde_json::from_slice(&Candidate::body(n)?)?;
        let handle = self.removal.start(candidate).await?;
        self.dbos.send(handle.workflow_id(), &Decision { approve: true, by: manager(n) }).await?;
        match handle.result().await?.as_str() {
            "reclaimed" => Ok(()),
            other => Err(other.into()),
        }
    }

    async fn stop(&self) {
        self.dbos.shutdown().await;
    }
}
