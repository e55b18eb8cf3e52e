//! Standard Webhooks: secret, id, timestamp, signatures and body, divided by the byte 0xFF. Another HMAC than ours judges.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use seatgate_core::time::Timestamp;
use seatgate_http::sign::{Signer, Verifier, VerifyError, WebhookHeaders, WebhookId, WebhookSecret, WebhookSecrets};
use sha2::Sha256;

use super::parts;

const NOW: i64 = 1_795_334_400;
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub(super) fn run(input: &[u8]) {
    let [secret, id, timestamp, signatures, body] = parts(input);
    what_was_sent(id, timestamp, signatures, body);
    what_was_signed(secret, id, body);
}

/// Taken if and only if it is in time, and one of its signatures was made with the secret.
fn what_was_sent(id: &[u8], timestamp: &[u8], signatures: &[u8], body: &[u8]) {
    let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
    let headers = WebhookHeaders { id: Some(id), timestamp: Some(timestamp), signature: Some(signatures) };
    let taken = verifier.verify(&headers, body, Timestamp::from_micros(NOW * 1_000_000));
    let digits = std::str::from_utf8(timestamp).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let in_time = digits.and_then(|text| text.parse::<i64>().ok()).is_some_and(|sent| (NOW - sent).abs() <= 300);
    let plain = (1..=256).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'.');
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(&[id, b".", timestamp, b".", body].concat());
    let ours = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let entries = std::str::from_utf8(signatures).map(|text| text.split(' ').collect::<Vec<_>>()).unwrap_or_default();
    let signed = (1..=16).contains(&entries.len()) && entries.contains(&ours.as_str());
    assert_eq!(taken.is_ok(), plain && in_time && signed, "{taken:?}");
    taken.iter().for_each(|verified| assert_eq!((verified.id().as_str().as_bytes(), *verified.body()), (id, body)));
}

/// What was signed with a secret is taken, and nothing that was touched.
fn what_was_signed(secret: &[u8], id: &[u8], body: &[u8]) {
    let (Ok(secret), Ok(id)) = (std::str::from_utf8(secret), std::str::from_utf8(id)) else { return };
    let Ok(id) = id.parse::<WebhookId>() else { return };
    let Ok(secrets) = secret.parse::<WebhookSecrets>() else { return };
    for one in secrets.iter() {
        let printed: WebhookSecret = one.expose().parse().unwrap();
        assert_eq!((printed.expose(), format!("{one:?}")), (one.expose(), "WebhookSecret([redacted])".to_owned()));
        let good = Signer::new(printed).sign(&id, NOW, body);
        let verify = |id: &str, at: i64, signature: &str, body: &[u8]| {
            let at = at.to_string();
            let headers = WebhookHeaders {
                id: Some(id.as_bytes()),
                timestamp: Some(at.as_bytes()),
                signature: Some(signature.as_bytes()),
            };
            let verifier = Verifier::new(secrets.clone());
            verifier.verify(&headers, body.to_vec(), Timestamp::from_micros(NOW * 1_000_000)).map(drop)
        };
        let (id, signature) = (good.id.as_str(), good.signature.as_str());
        assert_eq!(verify(id, NOW, signature, body), Ok(()));
        assert_eq!(verify(id, NOW, &format!("v1a,x v1, {signature}"), body), Ok(()));
        assert_eq!(verify(id, NOW + 1, signature, body), Err(VerifyError::NoMatch));
        assert_eq!(verify(id, NOW - 301, signature, body), Err(VerifyError::TooOld));
        assert_eq!(verify(id, NOW + 301, signature, body), Err(VerifyError::TooNew));
        assert_eq!(verify(id, NOW, signature, &[body, b" "].concat()), Err(VerifyError::NoMatch));
        assert_eq!(verify(id, NOW, &signature[..signature.len() - 4], body), Err(VerifyError::NoMatch));
        assert!(verify(&format!("{id}x"), NOW, signature, body).is_err());
    }
}
