use proptest::prelude::*;
use seatgate_core::port::SeededEntropy;
use seatgate_core::time::Timestamp;

use super::*;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SENT: i64 = 1_649_367_553;
const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

fn id() -> WebhookId {
    "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn verifier() -> Verifier {
    Verifier::new(SECRET.parse().unwrap())
}

fn other_secret() -> WebhookSecret {
    WebhookSecret::generate(&SeededEntropy::new(7))
}

fn verify(signed: &SignedHeaders, body: &[u8], now: Timestamp) -> Result<Verified<Vec<u8>>, VerifyError> {
    verify_with(&verifier(), signed, body, now)
}

fn verify_with(
    verifier: &Verifier,
    signed: &SignedHeaders,
    body: &[u8],
    now: Timestamp,
) -> Result<Verified<Vec<u8>>, VerifyError> {
    let headers = WebhookHeaders {
        id: Some(signed.id.as_bytes()),
        timestamp: Some(signed.timestamp.as_bytes()),
        signature: Some(signed.signature.as_bytes()),
    };
    verifier.verify(&headers, body.to_vec(), now)
}

fn signed() -> SignedHeaders {
    Signer::new(SECRET.parse().unwrap()).sign(&id(), SENT, BODY)
}

fn with_signature(signature: &str) -> SignedHeaders {
    SignedHeaders { signature: signature.to_owned(), ..signed() }
}

#[test]
fn the_published_vector_signs_and_verifies() {
    assert_eq!(signed().signature, SIGNATURE);
    let verified = verify(&signed(), BODY, at(SENT)).unwrap();
    assert_eq!(verified.id(), &id());
    assert_eq!(verified.sent_at(), at(SENT));
    assert_eq!(verified.into_body(), BODY);
}

/// Made with the reference library of Standard Webhooks for Python: keys up to SHA-256's block, a body beyond ASCII.
#[test]
fn agrees_with_the_reference_library_for_every_length_of_key() {
    for (count, signature) in [
        (24, "v1,8D8UtDnRbI0+nEg/LhUFBlTP8AqvwxMA8ch2BWWBaGM="),
        (32, "v1,3EOc+Pv7uqdYfFQx1GBfuVVYR/ws1YVjSKuWUovq4eQ="),
        (63, "v1,fC2WB7YhLhiweX0vcK2TeS+Q7pCG7VPvyPpwPv5Obo8="),
        (64, "v1,HyqoZCSlVUjvSQrfJKMczawF6/1RFOGvnN0hd0tAx9c="),
    ] {
        let secret = format!("whsec_{}", STANDARD.encode(vec![count; usize::from(count)]));
        let signer = Signer::new(secret.parse().unwrap());
        let signed = signer.sign(&"tsk_1-2".parse().unwrap(), SENT, r#"{"a":"é"}"#.as_bytes());
        assert_eq!(signed.signature, signature, "{count}");
    }
}

#[test]
fn either_secret_of_a_rotation_is_accepted_and_any_signature_may_match() {
    let list = format!("{}, {SECRET}", other_secret().expose());
    let both = Verifier::new(list.parse().unwrap());
    assert!(verify_with(&both, &signed(), BODY, at(SENT)).is_ok());
    let new = Signer::new(other_secret()).sign(&id(), SENT, BODY);
    assert!(verify_with(&both, &new, BODY, at(SENT)).is_ok());
    assert_eq!(verify(&new, BODY, at(SENT)).err(), Some(VerifyError::NoMatch));
    let two = with_signature(&format!("{} v1a,AAAA {SIGNATURE}", new.signature));
    assert!(verify(&two, BODY, at(SENT)).is_ok());
}

#[test]
fn a_truncated_empty_or_foreign_signature_fails() {
    let cut = &SIGNATURE[..SIGNATURE.len() - 4];
    let foreign = SIGNATURE.replacen("v1,", "v1a,", 1);
    let unversioned = SIGNATURE.replacen("v1,", "", 1);
    for signature in ["", "v1,", "v1", "v1, ", "v1,tQ==", "v1,****", " ", cut, &foreign, &unversioned] {
        assert_eq!(verify(&with_signature(signature), BODY, at(SENT)).err(), Some(VerifyError::NoMatch), "{signature}");
    }
}

#[test]
fn too_many_signatures_are_refused() {
    let many = with_signature(&format!("{}{SIGNATURE}", "v1, ".repeat(16)));
    assert_eq!(verify(&many, BODY, at(SENT)).err(), Some(VerifyError::Malformed { header: SIGNATURE_HEADER }));
    let just = with_signature(&format!("{}{SIGNATURE}", "v1, ".repeat(15)));
    assert!(verify(&just, BODY, at(SENT)).is_ok());
}

#[test]
fn the_tolerance_is_five_minutes_both_ways_and_inclusive() {
    assert!(verify(&signed(), BODY, at(SENT + 300)).is_ok());
    assert!(verify(&signed(), BODY, at(SENT - 300)).is_ok());
    assert_eq!(verify(&signed(), BODY, at(SENT + 301)).err(), Some(VerifyError::TooOld));
    assert_eq!(verify(&signed(), BODY, at(SENT - 301)).err(), Some(VerifyError::TooNew));
    let far = SignedHeaders { timestamp: i64::MAX.to_string(), ..signed() };
    for now in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(verify(&far, BODY, now).err(), Some(VerifyError::TooNew));
    }
}

#[test]
fn a_timestamp_is_digits_only() {
    for text in ["", "+1649367553", "-1", " 1649367553", "1649367553.0", "0x62", "١٦٤٩", "99999999999999999999"] {
        let headers = SignedHeaders { timestamp: text.to_owned(), ..signed() };
        let expected = VerifyError::Malformed { header: TIMESTAMP_HEADER };
        assert_eq!(verify(&headers, BODY, at(SENT)).err(), Some(expected), "{text}");
    }
}

#[test]
fn an_id_is_visible_ascii_without_a_full_stop() {
    for text in ["", "a.b", "a b", "a\n", "é", &"x".repeat(257)] {
        assert!(text.parse::<WebhookId>().is_err(), "{text}");
        let headers = SignedHeaders { id: text.to_owned(), ..signed() };
        let expected = VerifyError::Malformed { header: ID_HEADER };
        assert_eq!(verify(&headers, BODY, at(SENT)).err(), Some(expected), "{text}");
    }
    assert!("x".repeat(256).parse::<WebhookId>().is_ok());
    assert!("tsk_018f-2".parse::<WebhookId>().is_ok());
}

#[test]
fn a_signed_text_cannot_be_split_another_way() {
    let signer = Signer::new(SECRET.parse().unwrap());
    let body = format!("{SENT}.rest");
    let captured = signer.sign(&"a".parse().unwrap(), SENT, body.as_bytes());
    let shifted = SignedHeaders { id: format!("a.{SENT}"), ..captured };
    assert!(verify(&shifted, b"rest", at(SENT)).is_err());
}

#[test]
fn a_missing_header_is_named() {
    let full = WebhookHeaders { id: Some(b"a"), timestamp: Some(b"1649367553"), signature: Some(b"v1,") };
    let cases = [
        (WebhookHeaders { id: None, ..full }, ID_HEADER),
        (WebhookHeaders { timestamp: None, ..full }, TIMESTAMP_HEADER),
        (WebhookHeaders { signature: None, ..full }, SIGNATURE_HEADER),
    ];
    for (headers, header) in cases {
        assert_eq!(verifier().verify(&headers, BODY, at(SENT)).err(), Some(VerifyError::Missing { header }));
    }
}

#[test]
fn a_body_need_not_be_text() {
    let body = [0xff, 0x00, 0xfe, b'.'];
    let signed = Signer::new(SECRET.parse().unwrap()).sign(&id(), SENT, &body);
    assert_eq!(verify(&signed, &body, at(SENT)).map(Verified::into_body), Ok(body.to_vec()));
}

#[test]
fn a_parsed_body_stays_verified() {
    let verified = verify(&signed(), BODY, at(SENT)).unwrap();
    let parsed = verified.try_map(String::from_utf8).unwrap();
    assert_eq!(parsed.id(), &id());
    assert!(parsed.body().starts_with('{'));
}

#[test]
fn secrets_are_refused_by_name_of_the_fault() {
    let encode = |count: usize| format!("whsec_{}", STANDARD.encode(vec![9; count]));
    let cases = [
        (String::new(), SecretError::Empty),
        (" \n".to_owned(), SecretError::Empty),
        ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned(), SecretError::Prefix),
        ("whsec_".to_owned(), SecretError::TooShort { bytes: 0 }),
        ("whsec_not base64".to_owned(), SecretError::Base64),
        (encode(23), SecretError::TooShort { bytes: 23 }),
        (encode(65), SecretError::TooLong { bytes: 65 }),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<WebhookSecret>().err(), Some(expected));
    }
    for count in [24, 32, 64] {
        assert_eq!(encode(count).parse::<WebhookSecret>().map(|s| s.expose()), Ok(encode(count)));
    }
}

#[test]
fn a_list_of_secrets_names_the_faulty_entry() {
    for (text, message) in [
        ("", "entry 1: the secret is empty"),
        (" , ", "entry 1: the secret is empty"),
        (&format!("{SECRET},") as &str, "entry 2: the secret is empty"),
        (&format!("{SECRET}, nonsense"), "entry 2: the secret does not start with `whsec_`"),
    ] {
        assert_eq!(text.parse::<WebhookSecrets>().map(|_| ()).map_err(|e| e.to_string()), Err(message.to_owned()));
    }
    assert_eq!(format!("{SECRET}\n").parse::<WebhookSecrets>().map(|s| s.iter().count()), Ok(1));
}

#[test]
fn nothing_prints_a_secret_or_a_signature() {
    let verified = verify(&signed(), BODY, at(SENT)).unwrap();
    let signer = Signer::new(SECRET.parse().unwrap());
    let shown = format!("{signer:?} {:?} {:?} {verified:?}", verifier(), signed());
    for hidden in ["C2FV", "tZ1I4", "test@example.com"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn a_generated_secret_round_trips() {
    let text = other_secret().expose();
    assert_eq!(text.parse::<WebhookSecret>().map(|s| s.expose()), Ok(text.clone()));
    assert_eq!(text.len(), "whsec_".len() + 44);
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

proptest! {
    #[test]
    fn what_is_signed_verifies(body in proptest::collection::vec(any::<u8>(), 0..200), seed: u64) {
        let secret = WebhookSecret::generate(&SeededEntropy::new(seed));
        let signed = Signer::new(secret.clone()).sign(&id(), SENT, &body);
        prop_assert!(verify_with(&Verifier::new(secret.into()), &signed, &body, at(SENT)).is_ok());
    }

    #[test]
    fn any_flipped_bit_fails(part in 0..4_usize, position in any::<proptest::sample::Index>()) {
        let signed = signed();
        let mut parts =
            [signed.id.into_bytes(), signed.timestamp.into_bytes(), signed.signature.into_bytes(), BODY.to_vec()];
        let bit = position.index(parts[part].len() * 8);
        parts[part] = flipped(&parts[part], bit);
        let [id, timestamp, signature, body] = &parts;
        let headers = WebhookHeaders { id: Some(id), timestamp: Some(timestamp), signature: Some(signature) };
        prop_assert!(verifier().verify(&headers, body, at(SENT)).is_err());
    }

    #[test]
    fn no_header_makes_it_panic(
        id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        timestamp in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        signature in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
        micros: i64,
    ) {
        let headers = WebhookHeaders {
            id: id.as_deref(), timestamp: timestamp.as_deref(), signature: signature.as_deref(),
        };
        prop_assert!(verifier().verify(&headers, BODY, Timestamp::from_micros(micros)).is_err());
    }
}
