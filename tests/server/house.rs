//! A running server in a directory of its own, and what talks to it.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use serde_json::Value;

/// Much longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LISTENS: &str = "seatgate listens on ";

/// The example, which cargo builds before it runs the tests of its package.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("examples").join("axum_server");
    assert!(binary.is_file(), "{} is missing: cargo build --example axum_server", binary.display());
    binary
}

/// A command of the example in `directory`, with nothing of our own environment in it.
pub(crate) fn command(directory: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(directory).env_clear().args(arguments);
    command.envs(environment.iter().copied());
    command
}

/// Runs a command to its end.
pub(crate) fn run(directory: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> (Output, String) {
    let output = command(directory, environment, arguments).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}

/// Where a server can be asked.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
}

impl Door {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    lines: Receiver<String>,
    seen: Vec<String>,
    pub(crate) http: reqwest::Client,
}

impl Server {
    /// Starts the server and waits for its first line.
    pub(crate) fn start(directory: &Path, environment: &[(&str, &str)]) -> Self {
        Self::spawn(directory, environment, Stdio::inherit()).listening()
    }

    /// The same for a server that writes its log to this file.
    pub(crate) fn start_logging(directory: &Path, environment: &[(&str, &str)], log: &Path) -> Self {
        Self::spawn(directory, environment, std::fs::File::create(log).unwrap().into()).listening()
    }

    fn listening(mut self) -> Self {
        self.base = address(&self.line(LISTENS)).to_owned();
        self
    }

    /// The same for a server that may end before it listens: then, how it ended.
    pub(crate) fn try_start(directory: &Path, environment: &[(&str, &str)]) -> Result<Self, ExitStatus> {
        let mut server = Self::spawn(directory, environment, Stdio::inherit());
        match server.find_line(LISTENS) {
            Some(line) => {
                server.base = address(&line).to_owned();
                Ok(server)
            }
            None => Err(server.wait()),
        }
    }

    fn spawn(directory: &Path, environment: &[(&str, &str)], log: Stdio) -> Self {
        let mut command = command(directory, environment, &[]);
        let command = command.env("SEATGATE_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only([]).build().unwrap();
        Self { child, base: String::new(), lines, seen: Vec::new(), http }
    }

    /// The next line that starts so.
    pub(crate) fn line(&mut self, start: &str) -> String {
        self.find_line(start).unwrap_or_else(|| panic!("no line \"{start}\" among {:#?}", self.seen))
    }

    /// The next line that starts so, if one comes before the server ends.
    fn find_line(&mut self, start: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            self.seen.push(line.clone());
            if line.starts_with(start) {
                return Some(line);
            }
        }
    }

    /// Everything it has printed.
    pub(crate) fn printed(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        answer(self.http.get(self.url(path)).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        answer(self.http.post(self.url(path)).bearer_auth(token).json(body)).await
    }

    /// One request, once it is closed.
    pub(crate) async fn closed(&self, id: &str, token: &str) -> Value {
        eventually(|| async {
            let (_, request) = self.get(&format!("/v1/requests/{id}"), token).await;
            (request["state"] == "closed").then_some(request)
        })
        .await
    }

    /// Where it can be asked by whoever does not own it.
    pub(crate) fn door(&self) -> Door {
        Door { base: self.base.clone(), http: self.http.clone() }
    }

    /// The most memory it has held so far, in KiB, where the system says so.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill` is everywhere.
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(status.success());
    }

    /// Tells it to stop, and goes on.
    pub(crate) fn tell_to_stop(&self) {
        self.signal("TERM");
    }

    /// Asks it to stop, and answers how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.tell_to_stop();
        self.child.wait().unwrap()
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for it to end by itself, and answers how it did.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended;
            }
            assert!(Instant::now() < deadline, "it did not end");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Ends it without a word, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last word of a line.
fn address(line: &str) -> &str {
    line.split(' ').next_back().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// Looks until there is something, and fails when it takes too long.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What stands between `before` and `after`.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}
