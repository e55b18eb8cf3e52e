use hmac::{Hmac, KeyInit};
use proptest::prelude::*;
use sha2::Sha256;

use super::*;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SENT: i64 = 1_531_420_618;
const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F\
%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.\
47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SIGNATURE: &[u8] = b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn secrets() -> SigningSecrets {
    SECRET.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn headers<'a>(signature: &'a [u8], timestamp: &'a [u8]) -> RequestHeaders<'a> {
    RequestHeaders { signature: Some(signature), timestamp: Some(timestamp) }
}

fn verify(signature: &[u8], timestamp: &[u8], body: &[u8], now: i64) -> Result<(), VerifyError> {
    secrets().verify(&headers(signature, timestamp), body, at(now)).map(|_| ())
}

fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={digest}")
}

#[test]
fn the_documented_vector_verifies() {
    let verified = secrets().verify(&headers(SIGNATURE, b"1531420618"), BODY, at(SENT)).unwrap();
    assert_eq!(verified.bytes(), BODY);
    assert_eq!(verified.sent_at(), at(SENT));
    assert_eq!(sign(SECRET, "1531420618", BODY).as_bytes(), SIGNATURE);
}

#[test]
fn five_minutes_are_the_limit_in_both_directions() {
    for now in [SENT - 300, SENT + 300] {
        assert_eq!(verify(SIGNATURE, b"1531420618", BODY, now), Ok(()), "{now}");
    }
    assert_eq!(verify(SIGNATURE, b"1531420618", BODY, SENT + 301), Err(VerifyError::Late));
    assert_eq!(verify(SIGNATURE, b"1531420618", BODY, SENT - 301), Err(VerifyError::Early));
    assert_eq!(verify(SIGNATURE, b"1531420618", BODY, SENT - 3600), Err(VerifyError::Early));
    assert_eq!(verify(SIGNATURE, b"9223372036854775807", BODY, SENT), Err(VerifyError::Early));
    let earliest = secrets().verify(&headers(SIGNATURE, b"9223372036854775807"), BODY, Timestamp::MIN);
    assert_eq!(earliest.map(|_| ()), Err(VerifyError::Early));
}

#[test]
fn a_timestamp_is_digits() {
    let malformed = Err(VerifyError::Malformed { header: TIMESTAMP_HEADER });
    for text in ["", "-1531420618", "+1531420618", " 1531420618", "1531420618.0", "0x5b47", "99999999999999999999", "९"]
    {
        assert_eq!(verify(SIGNATURE, text.as_bytes(), BODY, SENT), malformed, "{text}");
    }
    // Another way to write the same number is another text, so it is signed differently.
    assert_eq!(verify(SIGNATURE, b"01531420618", BODY, SENT), Err(VerifyError::Mismatch));
}

#[test]
fn a_signature_has_one_form() {
    let text = std::str::from_utf8(SIGNATURE).unwrap();
    let malformed = Err(VerifyError::Malformed { header: SIGNATURE_HEADER });
    let shorter = &text[..text.len() - 2];
    let long = format!("{text}00");
    let upper = text.to_uppercase().replace("V0=", "v0=");
    for signature in ["", "v0=", "v0", shorter, &long, &upper, &text.replace("v0", "v1"), &text[3..], " v0="] {
        assert_eq!(verify(signature.as_bytes(), b"1531420618", BODY, SENT), malformed, "{signature}");
    }
}

#[test]
fn a_missing_header_is_named() {
    let lookup = |known: &'static str| {
        RequestHeaders::from_lookup(|name| {
            (name == known).then_some(if name == SIGNATURE_HEADER { SIGNATURE } else { b"1" })
        })
    };
    let verify = |headers: RequestHeaders<'_>| secrets().verify(&headers, BODY, at(SENT)).map(|_| ());
    assert_eq!(verify(lookup(SIGNATURE_HEADER)), Err(VerifyError::Missing { header: TIMESTAMP_HEADER }));
    assert_eq!(verify(lookup(TIMESTAMP_HEADER)), Err(VerifyError::Missing { header: SIGNATURE_HEADER }));
    assert_eq!(verify(RequestHeaders::default()), Err(VerifyError::Missing { header: TIMESTAMP_HEADER }));
}

#[test]
fn any_of_several_secrets_will_do() {
    for list in [format!("{SECRET},new"), format!("new, {SECRET}\n"), format!("a,{SECRET},b")] {
        let secrets: SigningSecrets = list.parse().unwrap();
        assert!(secrets.verify(&headers(SIGNATURE, b"1531420618"), BODY, at(SENT)).is_ok(), "{list}");
    }
    let others: SigningSecrets = "old,new".parse().unwrap();
    let refused = others.verify(&headers(SIGNATURE, b"1531420618"), BODY, at(SENT));
    assert_eq!(refused.map(|_| ()), Err(VerifyError::Mismatch));
}

#[test]
fn a_secret_that_slack_would_not_write_is_noticed() {
    let secrets: SigningSecrets =
        "8f742231b10e8888abcd99baac0ffee5 , xoxb-1,8F742231B10E8888ABCD99BAAC0FFEE5".parse().unwrap();
    assert_eq!((secrets.count(), secrets.unusual()), (3, [2, 3].as_slice()));
}

#[test]
fn there_is_no_blank_secret() {
    for (text, position) in [("", 1), (" \n", 1), ("a,", 2), (",a", 1), ("a, ,b", 2)] {
        assert_eq!(text.parse::<SigningSecrets>().map(|_| ()), Err(SecretError::Blank { position }), "{text:?}");
    }
    assert_eq!("a b".parse::<SigningSecrets>().map(|_| ()), Err(SecretError::Characters { position: 1 }));
    assert_eq!(SigningSecrets::new([]).map(|_| ()), Err(SecretError::None));
}

#[test]
fn nothing_secret_is_printed() {
    let verified = secrets().verify(&headers(SIGNATURE, b"1531420618"), BODY, at(SENT)).unwrap();
    let printed = format!("{:?} {:?} {verified:?}", secrets(), headers(SIGNATURE, b"1531420618"));
    for secret in [SECRET, "a2114d57", "roadrunner", "token"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn each_refusal_has_its_label() {
    let missing = VerifyError::Missing { header: SIGNATURE_HEADER };
    let malformed = VerifyError::Malformed { header: SIGNATURE_HEADER };
    let all = [missing, malformed, VerifyError::Late, VerifyError::Early, VerifyError::Mismatch];
    assert_eq!(all.map(|refusal| refusal.label()), ["missing", "malformed", "late", "early", "mismatch"]);
}

proptest! {
    #[test]
    fn whatever_comes_is_answered(
        signature in proptest::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        timestamp in proptest::option::of(prop::collection::vec(any::<u8>(), 0..30)),
        body in prop::collection::vec(any::<u8>(), 0..200),
        now in any::<i64>(),
    ) {
        let headers = RequestHeaders { signature: signature.as_deref(), timestamp: timestamp.as_deref() };
        prop_assert!(secrets().verify(&headers, body, Timestamp::from_micros(now)).is_err());
    }

    #[test]
    fn what_was_signed_verifies(body in prop::collection::vec(any::<u8>(), 0..300), sent in 0..4_000_000_000_i64) {
        let timestamp = sent.to_string();
        let signature = sign(SECRET, &timestamp, &body);
        prop_assert_eq!(verify(signature.as_bytes(), timestamp.as_bytes(), &body, sent), Ok(()));
    }

    #[test]
    fn any_flipped_bit_is_refused(part in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut parts = [SIGNATURE.to_vec(), b"1531420618".to_vec(), BODY.to_vec()];
        let at = at.index(parts[part].len());
        parts[part][at] ^= 1 << bit;
        let [signature, timestamp, body] = parts;
        prop_assert!(verify(&signature, &timestamp, &body, SENT).is_err());
    }
}
