//! Restate: its server beside this process with its own storage, and a handler that waits for the decision as an awakeable
//! and performs a run, as its documentation shows a callback.
//!
//! The intake is the call that starts the handler, and its answer the end; the handler tells in this process which awakeable
//! it waits for, which costs Restate nothing.

use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use restate_sdk::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::peer::{Candidate, Decision, Outcome, Peer, manager, remove};
use crate::waiting::Waiting;

const VERSION: &str = "1.7.12";
const PATIENCE: Duration = Duration::from_secs(60);

struct SeatRemoval(Arc<Waiting<String, String>>);

#[restate_sdk::service]
impl SeatRemoval {
    #[handler]
    async fn ask(&self, ctx: Context<'_>, candidate: Json<Candidate>) -> Result<String, HandlerError> {
        let seat = candidate.into_inner().account.id;
        let (awakeable, decision) = ctx.awakeable::<Json<Decision>>();
        self.0.tell(seat.clone(), awakeable);
        if !decision.await?.into_inner().approve {
            return Ok("kept".to_owned());
        }
        ctx.run(|| async move { Ok(remove(&seat)) }).name("remove").await?;
        Ok("reclaimed".to_owned())
    }
}

pub(crate) struct Restate {
    waiting: Arc<Waiting<String, String>>,
    http: reqwest::Client,
    ingress: String,
    partitions: String,
    /// Ends with this value.
    _server: Child,
    _data: TempDir,
}

impl Restate {
    pub(crate) async fn start(http: reqwest::Client) -> Outcome<Self> {
        let program = program().await?;
        let data = tempfile::tempdir()?;
        let [node, ingress, admin] = free_ports()?;
        let partitions = std::env::var("PEERS_RESTATE_PARTITIONS").unwrap_or_else(|_| "4".to_owned());
        let server = Command::new(program)
            .args(["--no-logo", "--base-dir"])
            .arg(data.path())
            .envs([
                ("RESTATE_LISTEN_MODE", "tcp"),
                ("RESTATE_BIND_IP", "127.0.0.1"),
                ("RESTATE_LOG_FILTER", "error,octocrab=off"),
            ])
            .envs([("RESTATE_DISABLE_TELEMETRY", "true"), ("RESTATE_DEFAULT_NUM_PARTITIONS", &partitions)])
            .env("RESTATE_BIND_PORT", node.to_string())
            .env("RESTATE_INGRESS__BIND_PORT", ingress.to_string())
            .env("RESTATE_ADMIN__BIND_PORT", admin.to_string())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let waiting = Arc::new(Waiting::default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let service = format!("http://{}", listener.local_addr()?);
        let endpoint = Endpoint::builder().bind(SeatRemoval(Arc::clone(&waiting))).build();
        tokio::spawn(HttpServer::new(endpoint).serve(listener));
        register(&http, &format!("http://127.0.0.1:{admin}"), &service).await?;
        let ingress = format!("http://127.0.0.1:{ingress}");
        let restate = Self { waiting, http, ingress, partitions, _server: server, _data: data };
        restate.first_call().await?;
        Ok(restate)
    }

    /// The ingress learns of a new service a moment later.
    async fn first_call(&self) -> Outcome<()> {
        let start = Instant::now();
        while let Err(error) = self.cycle(usize::MAX).await {
            if start.elapsed() > PATIENCE {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn decide(&self, n: usize, seat: String) -> Outcome<()> {
        let awakeable = self.waiting.wait(seat).await.ok_or("the handler is gone")?;
        let call = self.http.post(format!("{}/restate/awakeables/{awakeable}/resolve", self.ingress));
        call.json(&Decision { approve: true, by: manager(n) }).send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }
}

#[async_trait]
impl Peer for Restate {
    fn name(&self) -> &'static str {
        "Restate, over HTTP"
    }

    fn settings(&self) -> String {
        let partitions = &self.partitions;
        format!(
            "server {VERSION} (npm), crate restate-sdk 0.13.0; its own storage (RocksDB, fsync on), {partitions} partitions"
        )
    }

    fn lacks(&self) -> &'static str {
        "its own storage instead of PostgreSQL; no signature, no authority or policy, no cards, no hash chain; a run whose \
         outcome is unknown is run again; no exceptions; one seat may have two requests"
    }

    async fn cycle(&self, n: usize) -> Outcome<()> {
        let call =
            self.http.post(format!("{}/SeatRemoval/ask", self.ingress)).header("content-type", "application/json");
        let asked = async {
            let answer = call.body(Candidate::body(n)?).send().await?.error_for_status()?;
            Outcome::Ok(answer.text().await?)
        };
        let decided = self.decide(n, Candidate::number(n).account.id);
        let (answer, ()) = tokio::try_join!(asked, decided)?;
        if answer.contains("reclaimed") { Ok(()) } else { Err(answer.into()) }
    }
}

async fn register(http: &reqwest::Client, admin: &str, service: &str) -> Outcome<()> {
    let start = Instant::now();
    loop {
        let call = http.post(format!("{admin}/deployments")).json(&json!({ "uri": service })).send().await;
        match call.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Restate takes no port 0, so these are found and let go of again.
fn free_ports() -> std::io::Result<[u16; 3]> {
    let listeners =
        [StdListener::bind("127.0.0.1:0")?, StdListener::bind("127.0.0.1:0")?, StdListener::bind("127.0.0.1:0")?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// The server: the one that `PEERS_RESTATE_SERVER` names, else the one from npm, installed beside this program.
async fn program() -> Outcome<PathBuf> {
    if let Ok(program) = std::env::var("PEERS_RESTATE_SERVER") {
        return Ok(program.into());
    }
    let folder = std::env::current_exe()?.with_file_name(format!("restate-{VERSION}"));
    if find(&folder).is_none() {
        let package = format!("@restatedev/restate-server@{VERSION}");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", "--prefix"]);
        let status = npm.arg(&folder).arg(package).stdout(Stdio::null()).status().await?;
        if !status.success() {
            return Err("npm could not install its server".into());
        }
    }
    find(&folder).ok_or_else(|| "npm has no server for this machine".into())
}

fn find(folder: &Path) -> Option<PathBuf> {
    let packages = std::fs::read_dir(folder.join("node_modules/@restatedev")).ok()?.flatten();
    packages.map(|package| package.path().join("bin/restate-server")).find(|program| program.is_file())
}
