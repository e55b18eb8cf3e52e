//! Canonical JSON and digests: equal values have equal bytes, and so equal SHA-256.

mod writer;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::port::Entropy;
use crate::text::serde_as_text;

use writer::Writer;

/// A value that has no canonical form here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A number with a fraction or an exponent. Money and times are text, so no such number is ever needed.
    #[error("a number with a fraction or an exponent has no canonical form here")]
    Fraction,
    /// An integer that other readers of JSON might round.
    #[error("an integer beyond 9007199254740991 has no canonical form")]
    OutOfRange,
    /// A value that is no JSON at all, such as a map whose keys are no texts.
    #[error("a value that is no JSON has no canonical form")]
    Malformed,
}

/// Writes `value` in the canonical form of RFC 8785 (JCS).
///
/// # Errors
/// When the value contains a number that is no integer between -(2^53 - 1) and 2^53 - 1, or is no JSON.
pub fn to_canonical<T: ?Sized + Serialize>(value: &T) -> Result<String, CanonicalError> {
    let mut writer = Writer::default();
    value.serialize(&mut writer)?;
    Ok(writer.into_text())
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// A SHA-256 digest. Prints, parses and serializes as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// 64 zeros: what stands before the first entry of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of `text` under `salt`: SHA-256 over the salt's 16 bytes followed by the text in UTF-8.
    ///
    /// Once the salt is erased, the text cannot be found by guessing, though the digest stays in the trail.
    #[must_use]
    pub fn salted(salt: &Salt, text: &str) -> Self {
        Self(Sha256::new().chain_update(salt.0).chain_update(text).finalize().into())
    }

    /// The digest that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(as_text(&self.0.map(to_hex)))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        from_hex(text).map(Self)
    }
}

serde_as_text!(Digest);

/// The random bytes that keep a digest of personal data from being guessed. Erased together with the data.
///
/// Serializes as 32 lower-case hexadecimal digits; `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A new salt.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The salt that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(as_text(&self.0.map(to_hex)))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A text that is not the wanted number of lower-case hexadecimal digits.
///
/// Upper case is refused: a value has one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} lower-case hexadecimal digits")]
pub struct HexError {
    digits: usize,
}

fn to_hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 0xf].map(|nibble| DIGITS[usize::from(nibble)])
}

/// Hexadecimal digits as a text.
fn as_text(digits: &[[u8; 2]]) -> &str {
    // Digits are always a text.
    std::str::from_utf8(digits.as_flattened()).unwrap_or_default()
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let error = HexError { digits: 2 * N };
    if text.len() != 2 * N {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = pair.iter().try_fold(0, |high, digit| Some(high << 4 | nibble(*digit)?)).ok_or(error)?;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededEntropy;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn canonical(json: &str) -> Result<String, CanonicalError> {
        to_canonical(&serde_json::from_str::<Value>(json).unwrap())
    }

    /// RFC 8785, section 3.2.3.
    #[test]
    fn members_are_sorted_as_in_the_rfc() {
        let text = canonical(
            r#"{
                "\u20ac": "Euro Sign",
                "\r": "Carriage Return",
                "\ufb33": "Hebrew Letter Dalet With Dagesh",
                "1": "One",
                "\ud83d\ude00": "Emoji: Grinning Face",
                "\u0080": "Control",
                "\u00f6": "Latin Small Letter O With Diaeresis"
            }"#,
        );
        let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
            \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
            \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    /// RFC 8785, section 3.2.2, without its fractions.
    #[test]
    fn strings_and_literals_are_written_as_in_the_rfc() {
        let text = canonical(
            r#"{
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
        );
        let expected = "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    #[test]
    fn control_characters_have_one_escape_each() {
        let text = to_canonical(&json!("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{2028}"));
        assert_eq!(text.as_deref(), Ok("\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\u{2028}\""));
    }

    #[test]
    fn only_exact_integers_are_written() {
        assert_eq!(
            canonical("[0, -1, 9007199254740991, -9007199254740991]").as_deref(),
            Ok("[0,-1,9007199254740991,-9007199254740991]")
        );
        for json in ["9007199254740992", "-9007199254740992", "18446744073709551615", "[-9223372036854775808]"] {
            assert_eq!(canonical(json), Err(CanonicalError::OutOfRange), "{json}");
        }
        for json in ["1.0", "0.5", "1e3", "{\"a\": [1e30]}", "18446744073709551616"] {
            assert_eq!(canonical(json), Err(CanonicalError::Fraction), "{json}");
        }
    }

    /// FIPS 180-2, appendix B.1, and the empty text.
    #[test]
    fn digests_are_those_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), abc);
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(abc.parse(), Ok(Digest::of(b"abc")));
        assert_eq!(Digest::ZERO.to_string(), "0".repeat(64));
    }

    #[test]
    fn a_salted_digest_is_salt_then_text() {
        let salt = Salt::from_bytes(*b"0123456789abcdef");
        assert_eq!(Digest::salted(&salt, "Zoë"), Digest::of("0123456789abcdefZoë".as_bytes()));
    }

    #[test]
    fn salts_differ_and_stay_unseen() {
        let entropy = SeededEntropy::new(1);
        let salt = Salt::generate(&entropy);
        assert_ne!(salt, Salt::generate(&entropy));
        assert_eq!(format!("{salt:?}"), "Salt(redacted)");
        let json = serde_json::to_string(&salt).unwrap();
        assert_eq!(json.len(), 34);
        assert_eq!(serde_json::from_str::<Salt>(&json).unwrap(), salt);
        assert!(serde_json::from_str::<Salt>(&json.to_uppercase()).is_err());
    }

    #[test]
    fn other_texts_are_no_digest() {
        let upper = sha256_hex(b"abc").to_uppercase();
        for text in ["", "0", "zz", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66), &"é".repeat(32), &upper] {
            assert_eq!(text.parse::<Digest>(), Err(HexError { digits: 64 }), "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let integer = -9_007_199_254_740_991_i64..=9_007_199_254_740_991;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            integer.prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back(value in any_value()) {
            let text = to_canonical(&value).unwrap();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&parsed, &value);
            prop_assert_eq!(to_canonical(&parsed), Ok(text));
        }

        #[test]
        fn digests_round_trip(bytes in any::<[u8; 32]>()) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }
    }
}
