//! People, kept apart from what happened.
//!
//! Entries and state hold a [`PersonRef`] and salted digests of texts; names, addresses and free
//! text live in tables of their own and are joined when something is shown. So a person can be erased, and the trail
//! still verifies.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, Salt};
use crate::id::{PersonRef, TextId};
use crate::label::labels;
use crate::port::Entropy;
use crate::text::serde_as_text;
use crate::time::Timestamp;

/// An e-mail address, in lower case, so that two spellings of one address are equal.
///
/// Only what every address has is checked: one `@` with something on both sides, no spaces, control characters or angle
/// brackets, which stand around an address or a mention, at most 254 bytes (RFC 5321, section 4.5.3.1.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

/// A text that is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an e-mail address such as ana@example.com")]
pub struct EmailError;

impl EmailAddress {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        // Before it is measured: some letters are longer in lower case.
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        let sides_fit = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
        let bare = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>'));
        if sides_fit && bare && text.len() <= 254 { Ok(Self(text)) } else { Err(EmailError) }
    }
}

/// Redacted: addresses stay out of logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// By what a person is known from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// An e-mail address: good for finding somebody, not immutable.
    Email(EmailAddress),
    /// A Slack user: team and user id, immutable.
    Slack {
        /// The workspace the user belongs to, such as `T1`.
        team: String,
        /// The user, such as `U1`.
        user: String,
    },
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Slack { team, user } => write!(f, "slack:{team}/{user}"),
        }
    }
}

/// A text that names nobody: neither `slack:TEAM/USER` nor an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected slack:TEAM/USER or an e-mail address")]
pub struct IdentityError;

impl FromStr for Identity {
    type Err = IdentityError;

    /// Reads `slack:T1/U1`, `email:ana@example.com` or a bare address.
    fn from_str(text: &str) -> Result<Self, IdentityError> {
        if let Some(slack) = text.strip_prefix("slack:") {
            let (team, user) = slack.split_once('/').ok_or(IdentityError)?;
            let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
            return if plain(team) && plain(user) {
                Ok(Self::Slack { team: team.to_owned(), user: user.to_owned() })
            } else {
                Err(IdentityError)
            };
        }
        let address = text.strip_prefix("email:").unwrap_or(text);
        address.parse().map(Self::Email).map_err(|_| IdentityError)
    }
}

/// Somebody whom outside data names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersonDraft {
    /// By what they are known.
    pub identity: Identity,
    /// What they are called, if that was said.
    pub name: Option<String>,
}

impl PersonDraft {
    /// Somebody known by `identity`.
    #[must_use]
    pub fn new(identity: Identity, name: Option<String>) -> Self {
        Self { identity, name }
    }
}

/// What is known about a person, for rendering only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersonDetails {
    /// Who this is in entries and state.
    pub reference: PersonRef,
    /// What they are called.
    pub name: Option<String>,
    /// Everything they are known by.
    pub identities: Vec<Identity>,
}

impl PersonDetails {
    /// A person with a name and identities.
    #[must_use]
    pub fn new(reference: PersonRef, name: Option<String>, identities: Vec<Identity>) -> Self {
        Self { reference, name, identities }
    }

    /// Their first e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&EmailAddress> {
        self.identities.iter().find_map(|identity| match identity {
            Identity::Email(address) => Some(address),
            Identity::Slack { .. } => None,
        })
    }

    /// What to call them: the name, else an address, else the reference.
    #[must_use]
    pub fn label(&self) -> String {
        let name = self.name.clone().or_else(|| self.email().map(ToString::to_string));
        name.unwrap_or_else(|| self.reference.to_string())
    }
}

/// Who did something, or for whom it was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Actor {
    /// A person.
    Person(PersonRef),
    /// The policy, when time was up.
    Policy,
    /// A part of the system, such as the worker or the demo.
    System(ActorName),
    /// An API token: it may hand something in, but it is nobody who could decide.
    Token(ActorName),
}

impl Actor {
    /// The part of the system called `name`, if that is a plain name.
    #[must_use]
    pub fn system(name: &str) -> Option<Self> {
        name.parse().ok().map(Self::System)
    }

    /// The worker.
    #[must_use]
    pub fn worker() -> Self {
        Self::System(ActorName("worker".to_owned()))
    }

    /// Whoever sends signed webhooks.
    #[must_use]
    pub fn webhook() -> Self {
        Self::System(ActorName("webhook".to_owned()))
    }

    /// Somebody of whom nothing is known: who was denied something before they said who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::System(ActorName("anonymous".to_owned()))
    }

    /// The person, if it is one.
    #[must_use]
    pub fn person(&self) -> Option<PersonRef> {
        match self {
            Self::Person(person) => Some(*person),
            _ => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Policy => f.write_str("policy"),
            Self::System(name) => write!(f, "system:{name}"),
            Self::Token(name) => write!(f, "token:{name}"),
        }
    }
}

/// A text that names no actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an actor such as prs_…, policy, system:worker or token:admin")]
pub struct ActorError;

impl FromStr for Actor {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        match text.split_once(':') {
            Some(("system", name)) => name.parse().map(Self::System).map_err(|_| ActorError),
            Some(("token", name)) => name.parse().map(Self::Token).map_err(|_| ActorError),
            Some(_) => Err(ActorError),
            None if text == "policy" => Ok(Self::Policy),
            None => text.parse().map(Self::Person).map_err(|_| ActorError),
        }
    }
}

/// A plain technical name: 1 to 64 of `a-z`, `0-9`, `_`, `.`, `-`. It cannot hold an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorName(String);

/// A text that is no [`ActorName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 of a-z, 0-9, `_`, `.` and `-`")]
pub struct ActorNameError;

impl FromStr for ActorName {
    type Err = ActorNameError;

    fn from_str(text: &str) -> Result<Self, ActorNameError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(ActorNameError) }
    }
}

impl ActorName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(EmailAddress, Identity, Actor, ActorName);

labels! {
    /// How whoever acts was recognised.
    #[non_exhaustive]
    MatchedBy {
        /// By an identity that cannot change hands, such as a Slack user, or by our own reference to them.
        Identity = "identity",
        /// By their e-mail address, which can be given to somebody else: a fallback that is recorded, and refused where the
        /// policy is strict.
        Email = "email",
    }

    /// Through what something reached the gate.
    #[non_exhaustive]
    Surface {
        /// The web inbox.
        Inbox = "inbox",
        /// The HTTP API.
        Api = "api",
        /// The command line.
        Cli = "cli",
        /// Slack.
        Slack = "slack",
        /// A signed webhook.
        Webhook = "webhook",
        /// The program that embeds the library.
        Library = "library",
        /// The worker, on the gate's own account.
        Worker = "worker",
    }
}

/// Points at a text that is kept apart, with a salted digest of it: whoever has the text can show that it is the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRef {
    /// Where the text is kept.
    pub id: TextId,
    /// SHA-256 of salt and text.
    pub digest: Digest,
}

/// A text with its salt, as it is stored. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Text {
    /// How entries and state point at it.
    pub reference: TextRef,
    /// Makes the digest unguessable; goes when the text is erased.
    pub salt: Salt,
    /// The text.
    pub body: String,
    /// Whose personal data it is: erased with any of them. Everybody it may name, and whoever wrote it.
    pub about: Vec<PersonRef>,
}

impl Text {
    /// A text about (or by) these people, with a new id and a new salt.
    #[must_use]
    pub fn new(
        body: impl Into<String>,
        about: impl IntoIterator<Item = PersonRef>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let body = body.into();
        let about = about.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let salt = Salt::generate(entropy);
        let reference = TextRef { id: TextId::generate(now, entropy), digest: Digest::salted(&salt, &body) };
        Self { reference, salt, body, about }
    }

    /// The same text, which names these people, too.
    #[must_use]
    pub fn also_about(mut self, people: impl IntoIterator<Item = PersonRef>) -> Self {
        self.about = self.about.into_iter().chain(people).collect::<BTreeSet<_>>().into_iter().collect();
        self
    }
}

/// Redacted: personal data stays out of logs.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("reference", &self.reference).finish_non_exhaustive()
    }
}

impl MatchedBy {
    /// Whether it is the rule, not the fallback.
    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::Identity
    }

    pub(crate) fn identity() -> Self {
        Self::Identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_as_they_print() {
        for text in ["slack:T1/U1", "email:ana@example.com"] {
            assert_eq!(text.parse::<Identity>().map(|i| i.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(
            "Ana@Example.com".parse::<Identity>().map(|i| i.to_string()).as_deref(),
            Ok("email:ana@example.com")
        );
        for text in
            ["", "ana", "slack:T1", "slack:/U1", "slack:T 1/U1", "a@b@c", "a b@c", "<a@b.c>", "<@U1>", "@c", "a@"]
        {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_that_grows_in_lower_case_reads_as_it_prints_or_is_refused() {
        // Two bytes in upper case, three in lower.
        for count in 1..127 {
            let text = format!("{}@example.com", "\u{130}".repeat(count));
            if let Ok(address) = text.parse::<EmailAddress>() {
                assert_eq!(address.as_str().parse().as_ref(), Ok(&address), "{count}");
            }
        }
    }

    #[test]
    fn actors_read_as_they_print() {
        for text in ["policy", "system:worker", "token:admin"] {
            assert_eq!(text.parse::<Actor>().map(|a| a.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "system:", "system:Ana Ruiz", "ana@example.com", "robot:x"] {
            assert!(text.parse::<Actor>().is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_and_texts_stay_out_of_debug_output() {
        let entropy = crate::port::SeededEntropy::new(1);
        let address: EmailAddress = "ana@example.com".parse().unwrap();
        let text = Text::new("Ana is on leave", None, Timestamp::MIN, &entropy);
        let shown = format!("{address:?} {text:?}");
        assert!(!shown.contains("ana@") && !shown.contains("leave"), "{shown}");
    }
}
