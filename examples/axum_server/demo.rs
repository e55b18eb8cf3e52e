//! The demo: secrets that are made up, people who do not exist, and a target that only says what it was told.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seatgate_core::port::{Clock, Entropy, SystemClock};
use seatgate_core::seat::{Candidate, CandidateDraft, CandidateError};
use seatgate_core::time::Timestamp;
use seatgate_http::sign::{Verifier, WebhookHeaders, WebhookSecret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::output::{plain, say};

const VERSION: u32 = 1;
const DEPROVISION_PATH: &str = "/demo/deprovision";

/// What the demo made up, kept beside the database so that commands find it and a restart keeps it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    v: u32,
    pub(crate) intake_secret: String,
    pub(crate) api_token: String,
    pub(crate) deprovision_secret: String,
    /// Where the server listened last.
    pub(crate) server: Option<String>,
}

impl Secrets {
    /// `seatgate.secrets` beside `seatgate.db`.
    pub(crate) fn path(database: &Path) -> PathBuf {
        database.with_extension("secrets")
    }

    pub(crate) fn read(database: &Path) -> io::Result<Self> {
        let secrets: Self = serde_json::from_slice(&fs::read(Self::path(database))?)?;
        if secrets.v == VERSION { Ok(secrets) } else { Err(io::Error::other("written by another version of seatgate")) }
    }

    /// The secrets beside `database`, made up if there are none, with the address that the server has now.
    pub(crate) fn keep(database: &Path, address: SocketAddr, entropy: &dyn Entropy) -> io::Result<Self> {
        let mut secrets = match Self::read(database) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make_up(entropy),
            read => read?,
        };
        secrets.server = Some(format!("http://{address}"));
        secrets.write(&Self::path(database))?;
        Ok(secrets)
    }

    fn make_up(entropy: &dyn Entropy) -> Self {
        let mut token = [0; 32];
        entropy.fill(&mut token);
        Self {
            v: VERSION,
            intake_secret: WebhookSecret::generate(entropy).expose(),
            api_token: URL_SAFE_NO_PAD.encode(token),
            deprovision_secret: WebhookSecret::generate(entropy).expose(),
            server: None,
        }
    }

    /// Written whole or not at all, and never readable for others, not even for a moment.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let _ = fs::remove_file(&beside);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

/// The address of the pretended target: this very server.
pub(crate) fn target_url(address: SocketAddr) -> Result<Url, url::ParseError> {
    Url::parse(&format!("http://{address}{DEPROVISION_PATH}"))
}

/// The pretended target: it checks the signature as a real one should, and says what it was told.
pub(crate) fn target(secret: WebhookSecret) -> Router {
    Router::new().route(DEPROVISION_PATH, post(receive)).with_state(Verifier::new(secret.into()))
}

async fn receive(State(verifier): State<Verifier>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = WebhookHeaders::from_lookup(|name| headers.get(name).map(|value| value.as_bytes()));
    let Ok(call) = verifier.verify(&signature, body, SystemClock.now()) else {
        say("removal call: signature NOT valid, refused");
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let body: Value = serde_json::from_slice(call.body()).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    let account = ["/account/email", "/account/id"].map(text).into_iter().find(|text| text != "?");
    let (app, account, key) = (text("/app/id"), account.unwrap_or_default(), call.id());
    say(&plain(&format!("removal call: {app} / {account}, key {key}, signature valid")));
    let reference: String = key.as_str().chars().rev().take(6).collect();
    axum::Json(json!({ "outcome": "removed", "receipt": format!("demo-{reference}") })).into_response()
}

/// What the sample reports.
struct Sample {
    app: (&'static str, &'static str),
    account: (&'static str, &'static str, &'static str),
    manager: (&'static str, &'static str),
    /// How long ago it was used; never, without.
    idle_days: Option<u64>,
    cost: (&'static str, &'static str),
}

const MONA: (&str, &str) = ("mona@example.com", "Mona Li");
const OMAR: (&str, &str) = ("omar@example.com", "Omar Diaz");

const SAMPLE: [Sample; 6] = [
    Sample {
        app: ("figma", "Figma"),
        account: ("00u1", "ana@example.com", "Ana Ruiz"),
        manager: MONA,
        idle_days: Some(174),
        cost: ("45.00", "USD"),
    },
    Sample {
        app: ("zoom", "Zoom"),
        account: ("z-2041", "ben@example.com", "Ben Okafor"),
        manager: MONA,
        idle_days: None,
        cost: ("13.33", "USD"),
    },
    Sample {
        app: ("github", "GitHub"),
        account: ("carla-n", "carla@example.com", "Carla Nowak"),
        manager: OMAR,
        idle_days: Some(96),
        cost: ("21.00", "USD"),
    },
    Sample {
        app: ("miro", "Miro"),
        account: ("m-77", "deniz@example.com", "Deniz Kaya"),
        manager: OMAR,
        idle_days: Some(210),
        cost: ("16.00", "EUR"),
    },
    Sample {
        app: ("figma", "Figma"),
        account: ("00u9", "omar@example.com", "Omar Diaz"),
        manager: MONA,
        idle_days: Some(61),
        cost: ("45.00", "USD"),
    },
    // Used lately: the policy's `min_idle` filters it.
    Sample {
        app: ("zoom", "Zoom"),
        account: ("z-2077", "eva@example.com", "Eva Lind"),
        manager: OMAR,
        idle_days: Some(4),
        cost: ("13.33", "USD"),
    },
];

/// The sample sweep as JSON, observed at `now`.
pub(crate) fn sample(now: Timestamp) -> Vec<Value> {
    SAMPLE.iter().map(|sample| sample.candidate(now)).collect()
}

/// The sample sweep, ready for the gate.
pub(crate) fn sample_candidates(now: Timestamp) -> Vec<Candidate> {
    let parse = |value| {
        let draft = serde_json::from_value::<CandidateDraft>(value).map_err(|e| CandidateError::new("", e))?;
        draft.parse()
    };
    let parsed: Result<Vec<_>, _> = sample(now).into_iter().map(parse).collect();
    parsed.unwrap_or_else(|error| {
        tracing::error!(%error, "the sample is not well formed");
        Vec::new()
    })
}

impl Sample {
    fn candidate(&self, now: Timestamp) -> Value {
        let used = self.idle_days.map(|days| now.saturating_sub(Duration::from_secs(days * 86_400)));
        json!({
            "source": "sample",
            "app": { "id": self.app.0, "name": self.app.1 },
            "account": { "id": self.account.0, "email": self.account.1, "name": self.account.2 },
            "manager": { "email": self.manager.0, "name": self.manager.1 },
            "last_activity_at": used,
            "never_used": used.is_none(),
            "observed_at": now,
            "monthly_cost": { "amount": self.cost.0, "currency": self.cost.1 },
        })
    }
}
