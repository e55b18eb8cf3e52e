//! Slack's ids: a type each, so that none stands where another belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

const LONGEST: usize = 64;

/// A text that is no id of Slack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of Slack's: 1 to 64 ASCII letters and digits")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $fits:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let length_fits = (1..=LONGEST).contains(&text.len());
                if length_fits && text.bytes().all($fits) { Ok(Self(text.to_owned())) } else { Err(IdError) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A user: `U...`, or `W...` on Enterprise Grid.
    UserId: alphanumeric;
    /// A workspace: `T...`.
    TeamId: alphanumeric;
    /// An Enterprise Grid organisation: `E...`.
    EnterpriseId: alphanumeric;
    /// A channel `C...`, a private one `G...`, or a direct message `D...`.
    ChannelId: alphanumeric;
    /// An app: `A...`.
    AppId: alphanumeric;
    /// A custom field of the workspace's profiles: `Xf...`.
    ProfileFieldId: alphanumeric;
    /// An open modal or a home tab: `V...`.
    ViewId: alphanumeric;
    /// One delivery of the Events API: the same when it is sent again.
    EventId: alphanumeric;
    /// A message within its channel, such as `1531420618.000100`: Slack's `ts`.
    MessageTs: digit_or_stop;
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn digit_or_stop(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_letters_and_digits() {
        for text in ["U1", "W0123ABCDEF", "USLACKBOT"] {
            assert_eq!(text.parse::<UserId>().map(|id| id.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "U 1", "U1/T1", "U\u{0}", "Ü1", &"U".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(IdError), "{text}");
        }
        assert!("1531420618.000100".parse::<MessageTs>().is_ok());
        assert!("p1531420618".parse::<MessageTs>().is_err());
    }

    #[test]
    fn ids_are_plain_texts_in_json() {
        let id: UserId = serde_json::from_str("\"U1\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"U1\"");
        assert!(serde_json::from_str::<UserId>("\"<!channel>\"").is_err());
    }
}
