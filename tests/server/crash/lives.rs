//! One server file, and the lives of the processes that serve it one after the other.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use seatgate_core::port::{Clock, SystemClock};
use seatgate_core::time::Timestamp;

use super::target::Target;
use super::work::{self, Work};
use super::{INTAKE, REMOVAL, TOKEN};
use crate::house::{Server, eventually};

const CONFIG: &str = "[policy]\ngrace = \"0s\"\n[policy.retry]\nfirst = \"1s\"\nmax = \"1s\"\nattempts = 1000\n\
    [policy.apps.notion]\ngrace = \"1d\"\n";
const SIGABRT: i32 = 6;

/// How a life ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// By SIGKILL, while the target holds a call open.
    Held,
    /// At this failpoint, such as `commit:7`.
    At(String),
    /// In order.
    Whole,
}

/// A life that was.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) started_at: Timestamp,
    pub(super) end: End,
}

pub(super) struct Lives<'a> {
    pub(super) directory: &'a Path,
    pub(super) target: Target,
    pub(super) work: Work,
    pub(super) lived: Vec<Life>,
}

impl<'a> Lives<'a> {
    pub(super) async fn new(directory: &'a Path) -> Self {
        std::fs::write(directory.join("seatgate.toml"), CONFIG).unwrap();
        Self { directory, target: Target::start().await, work: Work::default(), lived: Vec::new() }
    }

    pub(super) fn kills(&self) -> usize {
        self.lived.iter().filter(|life| life.end != End::Whole).count()
    }

    fn environment(&self, failpoint: Option<&str>) -> BTreeMap<&'static str, String> {
        let mut environment = BTreeMap::from([
            ("SEATGATE_CONFIG", "seatgate.toml".to_owned()),
            ("SEATGATE_INTAKE_SECRET", INTAKE.to_owned()),
            ("SEATGATE_API_TOKEN", TOKEN.to_owned()),
            ("SEATGATE_DEPROVISION_URL", self.target.url(self.lived.len())),
            ("SEATGATE_DEPROVISION_SECRET", REMOVAL.to_owned()),
            ("SEATGATE_ALLOW_PRIVATE_TARGETS", self.target.address.clone()),
        ]);
        environment.extend(failpoint.map(|failpoint| ("SEATGATE_FAILPOINT", failpoint.to_owned())));
        environment
    }

    fn start(&self, failpoint: Option<&str>) -> Result<Server, ExitStatus> {
        let environment = self.environment(failpoint);
        let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Server::try_start(self.directory, &pairs)
    }

    fn record(&mut self, started_at: Timestamp, end: End) {
        self.lived.push(Life { started_at, end });
    }

    /// A life that ends while the target holds so many calls open, whatever else is going on.
    pub(super) async fn until_held(&mut self, calls: usize) {
        let (life, started_at) = (self.lived.len(), SystemClock.now());
        self.target.hold(Some(life));
        let server = self.start(None).unwrap();
        let asking = async {
            loop {
                self.work.refill();
                assert!(self.work.ask_all(&server).await, "nobody killed it yet");
            }
        };
        tokio::select! {
            () = self.target.called(life, calls) => {}
            () = asking => {}
        }
        server.kill();
        self.target.hold(None);
        self.record(started_at, End::Held);
    }

    /// A life that ends at this failpoint; `false` where it is never reached, and the server stops in order.
    pub(super) async fn until(&mut self, failpoint: &str) -> bool {
        let started_at = SystemClock.now();
        let ended = match self.start(Some(failpoint)) {
            Err(ended) => ended,
            Ok(server) => {
                self.work.refill();
                let alive = self.work.ask_all(&server).await && self.settled(&server).await;
                if alive { server.stop() } else { server.wait() }
            }
        };
        let reached = ended.signal() == Some(SIGABRT);
        assert!(reached || ended.success(), "{failpoint}: {ended}");
        self.record(started_at, if reached { End::At(failpoint.to_owned()) } else { End::Whole });
        reached
    }

    /// A life in which everything still to be asked is asked, and everything settles.
    pub(super) async fn last(&mut self) -> Server {
        let started_at = SystemClock.now();
        let server = self.start(None).unwrap();
        assert!(self.work.ask_all(&server).await && self.settled(&server).await, "nobody kills it");
        self.record(started_at, End::Whole);
        server
    }

    /// Waits until no request is open; `false` where the server died over it.
    async fn settled(&self, server: &Server) -> bool {
        eventually(|| async {
            let mut closed = 0;
            let mut cursor = String::new();
            loop {
                let Some((_, page)) = work::get(server, &format!("/v1/requests?state=closed&limit=200{cursor}")).await
                else {
                    return Some(false);
                };
                closed += page["items"].as_array().unwrap().len();
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            (closed == self.work.requests.len()).then_some(true)
        })
        .await
    }
}
