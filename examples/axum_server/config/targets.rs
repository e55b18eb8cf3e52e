//! Which target removes which app's seats.

use std::time::Duration;

use seatgate_core::agenda::Claim;
use seatgate_core::port::Target;
use seatgate_core::seat::AppId;
use seatgate_core::time::Span;
use seatgate_http::deprovisioner::{StatusUrl, WebhookTarget};
use seatgate_http::sign::WebhookSecret;
use url::Url;

use super::Problems;
use super::settings::{Named, Settings, secret_of};
use super::table::Table;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Half of what the worker does at a time: so a target that hangs leaves room for the others.
const MOST_AT_A_TIME: usize = 32;
const SHARED_SECRET: &str = "SEATGATE_DEPROVISION_SECRET";

/// One target.
pub(crate) struct TargetConfig {
    /// Whose seats; nothing stands for all other apps.
    pub(crate) app: Option<AppId>,
    pub(crate) kind: TargetKind,
    pub(crate) reversible: bool,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: usize,
}

pub(crate) enum TargetKind {
    /// A signed call. `urls` are those that the guard must let out, by their keys.
    Webhook { urls: Vec<(&'static str, Url)>, target: Box<WebhookTarget> },
    /// Says that it removed the seat, and does nothing.
    Pretend,
}

/// Every target of the file, and the one of the environment.
pub(super) fn read(settings: &mut Settings, problems: &mut Problems) -> Vec<TargetConfig> {
    let url = settings.variable("SEATGATE_DEPROVISION_URL");
    let mut shared = Shared { secret: settings.secret_variable(SHARED_SECRET, problems), used: false };
    let mut tables = settings.file.table("targets", problems);
    let mut targets = Vec::new();
    let mut names = tables.names();
    if url.is_some() && !names.iter().any(|name| name == "*") {
        names.push("*".to_owned());
    }
    for name in names {
        let mut table = tables.table(&name, problems);
        if let Some(url) = url.as_ref().filter(|_| name == "*") {
            table.put("kind", "webhook");
            table.put("url", &url.text);
        }
        targets.extend(target(&name, &mut table, &mut shared, problems));
        table.finish(problems);
    }
    if let Some(secret) = shared.secret.filter(|_| !shared.used) {
        problems.add(&secret.name, "is set, but there is no target that would use it");
    }
    targets
}

/// The secret of every target without one of its own.
struct Shared {
    secret: Option<Named>,
    used: bool,
}

fn target(name: &str, table: &mut Table, shared: &mut Shared, problems: &mut Problems) -> Option<TargetConfig> {
    let app = match name {
        "*" => Some(None),
        name => problems.keep(table.name("").trim_end_matches('.'), name.parse()).map(Some),
    };
    let reversible = table.flag("reversible", false, problems);
    let timeout = timeout(table, problems);
    let concurrency = concurrency(table, problems);
    let kind = match table.text("kind", problems).as_deref() {
        Some("webhook") => webhook(table, shared, problems),
        Some("pretend") => Some(TargetKind::Pretend),
        Some(kind @ ("http" | "scim" | "okta" | "google" | "entra" | "manual")) => {
            problems
                .add(&table.name("kind"), format!("\"{kind}\" is not available yet; \"webhook\" and \"pretend\" are"));
            None
        }
        Some(_) | None => {
            problems.add(&table.name("kind"), "expected \"webhook\" or \"pretend\"");
            None
        }
    };
    Some(TargetConfig { app: app?, kind: kind?, reversible, timeout, concurrency })
}

fn timeout(table: &mut Table, problems: &mut Problems) -> Duration {
    let Some(text) = table.text("timeout", problems) else { return Target::TIMEOUT };
    let span = text.parse::<Span>().map_err(|error| error.to_string());
    let fits = |span: Span| !span.is_zero() && span.duration() <= LONGEST_TIMEOUT;
    let span = span.and_then(|span| if fits(span) { Ok(span) } else { Err("expected 1s to 5m".to_owned()) });
    problems.keep(&table.name("timeout"), span).map_or(Target::TIMEOUT, Span::duration)
}

fn concurrency(table: &mut Table, problems: &mut Problems) -> usize {
    let Some(value) = table.take("concurrency") else { return Claim::PER_LANE };
    let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| (1..=MOST_AT_A_TIME).contains(number));
    let expected = format!("expected a number from 1 to {MOST_AT_A_TIME}");
    problems.keep(&table.name("concurrency"), number.ok_or(expected)).unwrap_or(Claim::PER_LANE)
}

fn webhook(table: &mut Table, shared: &mut Shared, problems: &mut Problems) -> Option<TargetKind> {
    let url = table.text("url", problems);
    if url.is_none() {
        problems.add(&table.name("url"), "is required for a webhook");
    }
    // Not quoted: such addresses may hold a token.
    let url = url.and_then(|url| problems.keep(&table.name("url"), Url::parse(&url).map_err(|_| "expected a URL")));
    let idempotent = table.flag("idempotent", true, problems);
    let status_url = table.text("status_url", problems);
    let status_url = status_url.and_then(|url| problems.keep(&table.name("status_url"), url.parse::<StatusUrl>()));
    let own = secret_of(table, "secret", problems);
    shared.used |= own.is_none();
    let named = own.or_else(|| shared.secret.as_ref().map(|secret| Named::new(&secret.name, &secret.text)));
    if named.is_none() {
        problems.add(&table.name("secret"), format!("is required, here or as {SHARED_SECRET}: removals are signed"));
    }
    let secret = problems.read(named, str::parse::<WebhookSecret>);
    let url = url?;
    let status = status_url.as_ref().map(|status| ("status_url", status.sample().clone()));
    let urls = [("url", url.clone())].into_iter().chain(status).collect();
    let target = WebhookTarget::new(url, secret?).idempotent(idempotent);
    let target = status_url.into_iter().fold(target, WebhookTarget::status_url);
    Some(TargetKind::Webhook { urls, target: Box::new(target) })
}
