//! Identifiers: newtypes with a prefix over a UUIDv7.
//!
//! Every id names what it identifies (`req_`, `tsk_`, …), so that two ids of different things neither compile nor
//! read in each other's place. The UUID's first 48 bits are the time of creation, so ids sort by age.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::canonical::Digest;
use crate::port::Entropy;
use crate::text::serde_as_text;
use crate::time::Timestamp;

/// A text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with `{prefix}` and continues with 32 hexadecimal digits")]
pub struct IdError {
    prefix: &'static str,
}

fn generate(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_micros().max(0) / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn parse(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 32);
    let uuid = digits.and_then(|digits| Uuid::try_parse(digits).ok());
    uuid.ok_or(IdError { prefix })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text of such an id starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, ordered by `now` and made unique by `entropy`.
            #[must_use]
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(generate(now, entropy))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, $prefix).map(Self)
            }
        }

        serde_as_text!($name);
    )*};
}

impl CardId {
    /// The id that everybody finds who names the same things in the same order; it sorts by `at`.
    #[must_use]
    pub(crate) fn derived(at: Timestamp, of: &[&str]) -> Self {
        Self(generate(at, &Named::of(of)))
    }
}

impl AnnouncementId {
    /// As [`CardId::derived`].
    #[must_use]
    pub(crate) fn derived(at: Timestamp, of: &[&str]) -> Self {
        Self(generate(at, &Named::of(of)))
    }
}

/// Bytes that follow from a name. A digest holds more than an id asks for.
struct Named(Digest);

impl Named {
    fn of(names: &[&str]) -> Self {
        Self(Digest::of(names.join("\0").as_bytes()))
    }
}

impl Entropy for Named {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(self.0.as_bytes()).for_each(|(byte, digest)| *byte = *digest);
    }
}

ids! {
    /// One request: the case about one seat, or one offboarding.
    RequestId = "req_";
    /// One task of a plan; also the idempotency key of its removal call.
    TaskId = "tsk_";
    /// One exception: a dated "do not ask again".
    ExceptionId = "exc_";
    /// One card: a message with live controls.
    CardId = "crd_";
    /// One sweep: a scan's batch of candidates.
    SweepId = "swp_";
    /// One person. Entries and state hold this and nothing else about anybody.
    PersonRef = "prs_";
    /// One account in one app, under which the app's own id and the e-mail address meet.
    AccountId = "acc_";
    /// One piece of free text that a person wrote, or that names people.
    TextId = "txt_";
    /// One change: its entries bear it, so that a lost reply can be told from a lost race.
    ChangeId = "chg_";
    /// One announcement.
    AnnouncementId = "msg_";
    /// One delegation: somebody stands in for somebody else.
    DelegationId = "dlg_";
    /// One running server, the only appender of its access stream.
    InstanceId = "srv_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededEntropy;

    #[test]
    fn ids_print_and_parse_and_sort_by_time() {
        let entropy = SeededEntropy::new(1);
        let early = RequestId::generate(Timestamp::from_micros(1_000_000), &entropy);
        let late = RequestId::generate(Timestamp::from_micros(2_000_000), &entropy);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string().starts_with("req_"));
        assert_eq!(early.to_string().len(), 36);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let task = TaskId::generate(Timestamp::from_micros(0), &SeededEntropy::new(1)).to_string();
        assert!(task.parse::<RequestId>().is_err());
        assert!("req_".parse::<RequestId>().is_err());
        assert!("req_zz".parse::<RequestId>().is_err());
    }
}
