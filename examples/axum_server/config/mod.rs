//! What the server is told: a TOML file and the environment, judged as a whole.
//!
//! The environment beats the file. Every mistake is found before anything starts, and each is named by the variable or
//! the key that it stands in.

mod database;
mod events;
mod inbox;
mod mappings;
mod playbooks;
mod settings;
mod slack;
mod table;
mod targets;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use seatgate_core::person::Identity;
use seatgate_core::playbook::Playbooks;
use seatgate_core::policy::{Mode, Policy, PolicyDraft};
use seatgate_core::time::Span;
use seatgate_http::guard::AllowedPrivate;
use seatgate_http::inbox::InboxIdentity;
use seatgate_http::intake::mapping::Mapping;
use seatgate_http::sign::{WebhookSecret, WebhookSecrets};
use seatgate_http::token::ApiTokens;

use settings::{Named, Settings};

#[cfg(feature = "failpoints")]
use crate::failpoint::Failpoint;

pub(crate) use database::Database;
pub(crate) use events::EventsConfig;
pub(crate) use playbooks::DEMO_TARGET;
pub(crate) use slack::SlackConfig;
pub(crate) use targets::{TargetConfig, TargetKind};

/// The environment's variables.
pub(crate) type Environment = BTreeMap<String, String>;

/// Everything that is wrong, each by its name.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    pub(crate) fn of(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }

    fn add(&mut self, name: &str, what: impl fmt::Display) {
        self.0.push(format!("{name}: {what}"));
    }

    /// The value, or nothing and the problem noted under `name`.
    fn keep<T, E: fmt::Display>(&mut self, name: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(name, error)).ok()
    }

    /// Reads a setting, if it is there.
    fn read<T, E: fmt::Display>(&mut self, named: Option<Named>, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        named.and_then(|named| self.keep(&named.name, read(&named.text)))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))
    }
}

/// How the server runs.
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// How long it says that it leaves before it does.
    pub(crate) drain: Duration,
    pub(crate) database: Database,
    /// The mode to start in; without one, the mode that was switched to last.
    pub(crate) mode: Option<Mode>,
    pub(crate) policy: Policy,
    pub(crate) operators: Vec<Identity>,
    /// What people who leave are taken through.
    pub(crate) playbooks: Playbooks,
    pub(crate) allowed: AllowedPrivate,
    /// Who the inbox's visitors are; the demo has its own.
    pub(crate) inbox: InboxIdentity,
    /// How other people's exports are read, by name, beside the presets.
    pub(crate) mappings: Vec<(String, Mapping)>,
    /// Who is told what has ended.
    pub(crate) events: Option<EventsConfig>,
    /// Without it, the inbox alone shows cards.
    pub(crate) slack: Option<SlackConfig>,
    pub(crate) access: Access,
    /// Where the kill tests want the process to end.
    #[cfg(feature = "failpoints")]
    pub(crate) failpoint: Option<Failpoint>,
}

/// Who may hand in and ask, and where removals go.
pub(crate) enum Access {
    /// Nothing is configured: secrets are made up, and the target is a pretended one.
    Demo,
    Configured(Box<Configured>),
}

pub(crate) struct Configured {
    pub(crate) intake: WebhookSecrets,
    pub(crate) tokens: ApiTokens,
    pub(crate) targets: Vec<TargetConfig>,
}

/// What a command needs to talk to a running server.
pub(crate) struct ClientConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) database: Database,
    pub(crate) intake: Option<WebhookSecret>,
    pub(crate) token: Option<String>,
    pub(crate) demo: bool,
}

impl Config {
    /// Reads the file, if there is one, and the environment.
    pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut settings = Settings::load(file, environment, &mut problems);
        let config = Self::judge(&mut settings, &mut problems);
        settings.refuse_the_rest(&mut problems);
        match config {
            Some(config) if problems.0.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    fn judge(settings: &mut Settings, problems: &mut Problems) -> Option<Self> {
        let listen = listen(settings, problems);
        let drain = drain(settings, problems);
        let database = Database::read(settings, problems);
        let mode = settings.plain("SEATGATE_MODE", "mode", problems);
        let mode = problems.read(mode, str::parse::<Mode>);
        let policy = policy(settings, problems);
        let operators = operators(settings, problems);
        let allowed = settings.plain("SEATGATE_ALLOW_PRIVATE_TARGETS", "allow_private_targets", problems);
        let allowed = problems.read(allowed, str::parse).unwrap_or_default();
        let says_slack = settings.names_slack();
        let slack = slack::read(settings, problems);
        let targets = playbooks::targets(settings);
        let access = access(settings, says_slack, problems);
        let playbooks = playbooks::read(settings, &targets, problems);
        let demo = matches!(access, Some(Access::Demo));
        let inbox = inbox::read(settings, demo, problems);
        let mappings = mappings::read(settings, problems);
        let events = events::read(settings, problems);
        #[cfg(feature = "failpoints")]
        let failpoint = problems.read(settings.variable("SEATGATE_FAILPOINT"), str::parse);
        settings.judge_later_parts(problems);
        if let Some(listen) = listen.filter(|listen| demo && !listen.ip().is_loopback()) {
            let why =
                "nothing is configured, and the demo lets whoever reaches it be anybody: it listens on loopback only";
            problems.add("SEATGATE_LISTEN", format!("{listen}: {why}"));
        }
        Some(Self {
            listen: listen?,
            drain,
            database: database?,
            mode,
            policy: policy?,
            operators,
            playbooks,
            allowed,
            inbox,
            mappings,
            events,
            slack,
            access: access?,
            #[cfg(feature = "failpoints")]
            failpoint,
        })
    }
}

impl ClientConfig {
    /// Reads only what a command needs; the server's own settings are judged where the server runs.
    pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut settings = Settings::load(file, environment, &mut problems);
        let listen = listen(&mut settings, &mut problems);
        let database = Database::read(&mut settings, &mut problems);
        let intake = settings.secret("SEATGATE_INTAKE_SECRET", "intake_secret", &mut problems);
        let token = settings.secret("SEATGATE_API_TOKEN", "api_token", &mut problems);
        let demo = intake.is_none() && token.is_none() && !settings.names_target() && !settings.names_slack();
        let intake = problems.read(intake, str::parse::<WebhookSecrets>);
        match (listen, database) {
            (Some(listen), Some(database)) if problems.0.is_empty() => Ok(Self {
                listen,
                database,
                intake: intake.and_then(|secrets| secrets.iter().next().cloned()),
                token: token.map(|token| token.text.trim().to_owned()),
                demo,
            }),
            _ => Err(problems),
        }
    }
}

fn listen(settings: &mut Settings, problems: &mut Problems) -> Option<SocketAddr> {
    let named = settings.plain("SEATGATE_LISTEN", "listen", problems);
    let named = named.unwrap_or_else(|| Named::new("SEATGATE_LISTEN", "127.0.0.1:8080"));
    let text = named.text.replace("localhost:", "127.0.0.1:");
    problems.keep(&named.name, text.parse().map_err(|_| "expected an address such as 127.0.0.1:8080 or [::1]:8080"))
}

/// At most what the longest drain of an orchestrator is.
const LONGEST_DRAIN: Duration = Duration::from_secs(3600);

fn drain(settings: &mut Settings, problems: &mut Problems) -> Duration {
    let named = settings.plain("SEATGATE_DRAIN", "drain", problems);
    let fits = |span: &Span| span.duration() <= LONGEST_DRAIN;
    let read = |text: &str| text.parse().ok().filter(fits).ok_or("expected a duration such as 10s, of at most 1h");
    problems.read(named, read).map(Span::duration).unwrap_or_default()
}

fn policy(settings: &mut Settings, problems: &mut Problems) -> Option<Policy> {
    let mut draft: PolicyDraft = settings.policy_table(problems)?;
    for (path, text) in settings.policy_variables() {
        draft.set(&path, &text);
    }
    match Policy::from_draft(&draft) {
        Ok(policy) => Some(policy),
        Err(found) => {
            found.iter().for_each(|problem| problems.add(&format!("policy.{}", problem.key()), problem.reason()));
            None
        }
    }
}

fn operators(settings: &mut Settings, problems: &mut Problems) -> Vec<Identity> {
    let Some(named) = settings.plain("SEATGATE_OPERATORS", "operators", problems) else { return Vec::new() };
    let texts = named.text.split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.filter_map(|text| problems.keep(&named.name, text.parse::<Identity>().map_err(|_| WHO))).collect()
}

const WHO: &str = "expected a comma-separated list of e-mail addresses or slack:TEAM/USER";

fn access(settings: &mut Settings, says_slack: bool, problems: &mut Problems) -> Option<Access> {
    let intake = settings.secret("SEATGATE_INTAKE_SECRET", "intake_secret", problems);
    let token = settings.secret("SEATGATE_API_TOKEN", "api_token", problems);
    let says_target = settings.names_target();
    let targets = targets::read(settings, problems);
    if intake.is_none() && token.is_none() && !says_target && !says_slack {
        return Some(Access::Demo);
    }
    for (name, there) in [("SEATGATE_INTAKE_SECRET", intake.is_some()), ("SEATGATE_API_TOKEN", token.is_some())] {
        if !there {
            problems
                .add(name, "is required, because something else is configured (with nothing at all, a demo starts)");
        }
    }
    let intake = problems.read(intake, str::parse::<WebhookSecrets>);
    let tokens = problems.read(token, ApiTokens::admin);
    Some(Access::Configured(Box::new(Configured { intake: intake?, tokens: tokens?, targets })))
}
