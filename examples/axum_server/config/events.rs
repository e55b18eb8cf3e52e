//! Who is told what has ended: the `SEATGATE_EVENTS_...` variables, or `[events]` in the file.

use seatgate_http::sign::WebhookSecret;
use url::Url;

use super::Problems;
use super::settings::Settings;

const URL: &str = "SEATGATE_EVENTS_URL";
const SECRET: &str = "SEATGATE_EVENTS_SECRET";

/// Where events go, and what they are signed with.
pub(crate) struct EventsConfig {
    pub(crate) url: Url,
    pub(crate) secret: WebhookSecret,
}

/// What is said about events. One half without the other is a mistake.
pub(super) fn read(settings: &mut Settings, problems: &mut Problems) -> Option<EventsConfig> {
    let mut table = settings.file.table("events", problems);
    let before = problems.0.len();
    let url = settings.plain_in(&mut table, URL, "url", problems);
    let secret = settings.secret_in(&mut table, SECRET, "secret", problems);
    table.finish(problems);
    // What is lacking may be what could not be read.
    if problems.0.len() == before {
        for (name, lacks) in [(URL, url.is_none() && secret.is_some()), (SECRET, secret.is_none() && url.is_some())] {
            if lacks {
                problems.add(name, "is required, because the other half of events is set");
            }
        }
    }
    let url = problems.read(url, |text| text.parse::<Url>().map_err(|_| "expected a URL"));
    let secret = problems.read(secret, str::parse::<WebhookSecret>);
    Some(EventsConfig { url: url?, secret: secret? })
}
