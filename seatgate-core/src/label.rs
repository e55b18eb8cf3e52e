//! Labels: the one stored and printed text of each variant of a plain enum.

use std::fmt;

/// A text that is none of the labels of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {}", Choices(.labels))]
pub struct LabelError {
    labels: &'static [&'static str],
}

impl LabelError {
    /// The error of a kind that has these labels.
    pub(crate) const fn expected(labels: &'static [&'static str]) -> Self {
        Self { labels }
    }
}

/// Prints as `a`, `b` or `c`, each in backquotes.
struct Choices<'a>(&'a [&'static str]);

impl fmt::Display for Choices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.0.iter().enumerate() {
            let joint = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{joint}`{label}`")?;
        }
        Ok(())
    }
}

/// Defines enums whose every variant has one label: `label()`, `ALL`, `Display`, `FromStr` and serde all use it, so
/// that the texts in files, rows and messages cannot drift apart.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)+ })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every one, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text that stands for it in files, rows and replies.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.label())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::label::LabelError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($label => Ok(Self::$variant),)+
                    _ => Err($crate::label::LabelError::expected(&[$($label),+])),
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.label())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use labels;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro makes public enums, and nobody outside needs this one")]
mod tests {
    labels! {
        /// A thing to test with.
        Fruit {
            /// Red.
            Apple = "apple",
            /// Yellow.
            SourLemon = "sour_lemon",
            /// Blue.
            Plum = "plum",
        }
    }

    #[test]
    fn every_label_round_trips() {
        for fruit in Fruit::ALL {
            assert_eq!(fruit.label().parse(), Ok(*fruit));
            assert_eq!(fruit.to_string(), fruit.label());
            let json = serde_json::to_string(fruit).unwrap();
            assert_eq!(json, format!("\"{}\"", fruit.label()));
            assert_eq!(serde_json::from_str::<Fruit>(&json).unwrap(), *fruit);
        }
    }

    #[test]
    fn another_text_is_refused_with_the_choices() {
        let error = "Apple".parse::<Fruit>().unwrap_err();
        assert_eq!(error.to_string(), "expected `apple`, `sour_lemon` or `plum`");
        assert!(serde_json::from_str::<Fruit>("\"pear\"").is_err());
    }
}
