//! Slack's signatures: secret, timestamp, signature and body, divided by the byte 0xFF. Another HMAC than ours judges.

use hmac::{Hmac, KeyInit, Mac};
use seatgate_core::time::Timestamp;
use seatgate_slack::verify::{RequestHeaders, SigningSecrets, Verified, VerifyError};
use sha2::Sha256;

use super::parts;

const NOW: i64 = 1_795_334_400;
pub(super) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

pub(super) fn run(input: &[u8]) {
    let [secret, timestamp, signature, body] = parts(input);
    what_was_sent(timestamp, signature, body);
    what_was_signed(secret, body);
}

/// Taken if and only if it is in time, and signed with the secret.
fn what_was_sent(timestamp: &[u8], signature: &[u8], body: &[u8]) {
    let secrets: SigningSecrets = SECRET.parse().unwrap();
    let headers = RequestHeaders { signature: Some(signature), timestamp: Some(timestamp) };
    let taken = secrets.verify(&headers, body, Timestamp::from_micros(NOW * 1_000_000));
    let sent = std::str::from_utf8(timestamp).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let in_time = sent.and_then(|text| text.parse::<i64>().ok()).is_some_and(|sent| (NOW - sent).abs() <= 300);
    assert_eq!(taken.is_ok(), in_time && signature == sign(SECRET, timestamp, body), "{taken:?}");
    taken.iter().for_each(|verified| assert_eq!(verified.bytes(), body));
}

/// What was signed with a secret is taken, and a touched signature, time or body is not, nor one under another secret.
fn what_was_signed(secret: &[u8], body: &[u8]) {
    let Some((secret, secrets)) = std::str::from_utf8(secret).ok().and_then(|text| Some((text, text.parse().ok()?)))
    else {
        return;
    };
    let secrets: SigningSecrets = secrets;
    assert_eq!(secrets.count(), secret.split(',').count());
    assert_eq!(format!("{secrets:?}"), "SigningSecrets([redacted])");
    let timestamp = NOW.to_string();
    for one in secret.split(',') {
        let good = sign(one.trim(), timestamp.as_bytes(), body);
        let verify = |timestamp: &str, signature: &[u8], body: &[u8]| {
            let headers = RequestHeaders { signature: Some(signature), timestamp: Some(timestamp.as_bytes()) };
            secrets.verify(&headers, body.to_vec(), Timestamp::from_micros(NOW * 1_000_000)).map(drop)
        };
        assert_eq!(verify(&timestamp, &good, body), Ok(()));
        assert_eq!(verify(&(NOW + 1).to_string(), &good, body), Err(VerifyError::Mismatch));
        assert_eq!(verify(&(NOW - 301).to_string(), &good, body), Err(VerifyError::Late));
        assert_eq!(verify(&(NOW + 301).to_string(), &good, body), Err(VerifyError::Early));
        assert_eq!(verify(&timestamp, &good, &[body, b" "].concat()), Err(VerifyError::Mismatch));
        let place = 3 + body.len() % 64;
        let mut touched = good.clone();
        touched[place] = if touched[place] == b'0' { b'1' } else { b'0' };
        assert_eq!(verify(&timestamp, &touched, body), Err(VerifyError::Mismatch));
        assert!(verify(&timestamp, &good.to_ascii_uppercase(), body).is_err());
    }
}

/// A body as Slack signs it, verified.
pub(super) fn verified(body: &[u8]) -> Verified<&[u8]> {
    let timestamp = NOW.to_string();
    let signature = sign(SECRET, timestamp.as_bytes(), body);
    let headers = RequestHeaders { signature: Some(&signature), timestamp: Some(timestamp.as_bytes()) };
    let secrets: SigningSecrets = SECRET.parse().unwrap();
    secrets.verify(&headers, body, Timestamp::from_micros(NOW * 1_000_000)).unwrap()
}

fn sign(secret: &str, timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&[b"v0:", timestamp, b":", body].concat());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={digest}").into_bytes()
}
