//! Who the visitors of the web inbox are.

use seatgate_http::inbox::{InboxIdentity, TrustedHeaderError};

use super::Problems;
use super::settings::{Settings, secret_of};

/// Reads `[inbox]`. In a demo one picks a person, so nothing else can be meant there.
pub(super) fn read(settings: &mut Settings, demo: bool, problems: &mut Problems) -> InboxIdentity {
    let mut table = settings.file.table("inbox", problems);
    let [identity_key, header_key, secret_key] = ["identity", "header", "secret"].map(|key| table.name(key));
    let identity = table.text("identity", problems);
    let header = table.text("header", problems);
    let secret = secret_of(&mut table, "secret", problems);
    table.finish(problems);
    let trusts = match identity.as_deref() {
        Some("trusted_header") => true,
        None | Some("off") => false,
        Some(_) => {
            problems.add(&identity_key, "expected \"off\" or \"trusted_header\"");
            return InboxIdentity::off();
        }
    };
    for (key, there) in [(&header_key, header.is_some()), (&secret_key, secret.is_some())] {
        if trusts && !there {
            problems.add(key, "is required for \"trusted_header\": a header alone can be sent by anybody");
        } else if !trusts && there {
            problems.add(key, "is set, but only the identity \"trusted_header\" would use it");
        }
    }
    if trusts && demo {
        problems.add(&identity_key, "nothing else is configured, and in the demo that this starts one picks a person");
    }
    let (Some(header), Some(secret), true) = (header, secret, trusts) else { return InboxIdentity::off() };
    InboxIdentity::trusted_header(&header, &secret.text).unwrap_or_else(|error| {
        let name = if error == TrustedHeaderError::Header { &header_key } else { &secret.name };
        problems.add(name, error);
        InboxIdentity::off()
    })
}
