//! What is printed reads back as the same thing.

use proptest::prelude::*;
use seatgate_core::id::{
    AccountId, AnnouncementId, CardId, ChangeId, ExceptionId, InstanceId, PersonRef, RequestId, SweepId, TaskId, TextId,
};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::seat::{AppId, Entitlement, SeatKey};
use seatgate_core::testing::SeededEntropy;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;

/// An id of each kind reads as it prints, alone and as JSON, and as an id of no other kind.
macro_rules! reads_back {
    ($now:ident, $entropy:ident: $($id:ident),+) => {{
        let printed = [$($id::generate($now, &$entropy).to_string()),+];
        $({
            let id = $id::generate($now, &$entropy);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(serde_json::from_value::<$id>(serde_json::to_value(id).unwrap()).unwrap(), id);
            let ours = printed.iter().filter(|text| text.parse::<$id>().is_ok()).count();
            prop_assert_eq!(ours, 1, "{}", id);
        })+
    }};
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_000_i64).prop_map(Timestamp::from_micros)
}

/// Some keys of a policy, each with a value that it may have.
fn any_draft() -> impl Strategy<Value = PolicyDraft> {
    let span = (1_u64..400).prop_map(|days| format!("{days}d"));
    let key = prop_oneof![
        (prop::sample::select(vec!["min_idle", "max_evidence_age", "grace", "expiry_keep_for"]), span.clone()),
        (prop::sample::select(vec!["expire_after", "digest"]), span),
        (Just("on_expiry"), prop::sample::select(vec!["keep", "reclaim", "close"]).prop_map(str::to_owned)),
        (Just("keep_reason"), prop::sample::select(vec!["required", "optional", "off"]).prop_map(str::to_owned)),
        (Just("retry.attempts"), (1_u32..20).prop_map(|attempts| attempts.to_string())),
        (Just("strict_identity"), any::<bool>().prop_map(|strict| strict.to_string())),
        (Just("exempt_tags"), "[a-z]{1,8}(,[a-z]{1,8}){0,3}"),
    ];
    let app = prop_oneof![Just(String::new()), Just("apps.figma.".to_owned()), Just("apps.notion.".to_owned())];
    prop::collection::vec((app, key), 0..12).prop_map(|keys| {
        let mut draft = PolicyDraft::default();
        keys.iter().for_each(|(app, (key, value))| draft.set(&format!("{app}{key}"), value));
        draft
    })
}

proptest! {
    #[test]
    fn ids_read_as_they_print(now in any_time(), seed in any::<u64>()) {
        let entropy = SeededEntropy::new(seed);
        reads_back!(now, entropy: AccountId, AnnouncementId, CardId, ChangeId, ExceptionId, InstanceId, PersonRef,
            RequestId, SweepId, TaskId, TextId);
    }

    #[test]
    fn ids_sort_by_age(earlier in any_time(), later in any_time(), seed in any::<u64>()) {
        let entropy = SeededEntropy::new(seed);
        let [first, second] = [earlier, later].map(|now| RequestId::generate(now, &entropy));
        if earlier.as_micros() / 1_000 != later.as_micros() / 1_000 {
            prop_assert_eq!(first < second, earlier < later);
            prop_assert_eq!(first.to_string() < second.to_string(), earlier < later);
        }
    }

    #[test]
    fn streams_read_as_they_print(now in any_time(), seed in any::<u64>()) {
        let entropy = SeededEntropy::new(seed);
        for stream in [
            Stream::Request(RequestId::generate(now, &entropy)),
            Stream::Sweep(SweepId::generate(now, &entropy)),
            Stream::Exception(ExceptionId::generate(now, &entropy)),
            Stream::Access(InstanceId::generate(now, &entropy)),
            Stream::System,
        ] {
            prop_assert_eq!(stream.to_string().parse(), Ok(stream));
        }
    }

    #[test]
    fn a_seat_key_names_one_seat_and_reads_as_it_prints(
        apps in prop::array::uniform2("[a-b%/]{1,4}"),
        kinds in prop::array::uniform2("[a-b%/]{0,4}"),
        seed in any::<u64>(),
    ) {
        let (now, entropy) = (Timestamp::from_micros(0), SeededEntropy::new(seed));
        let accounts = [AccountId::generate(now, &entropy), AccountId::generate(now, &entropy)];
        let mut keys = Vec::new();
        for app in &apps {
            for account in accounts {
                for kind in &kinds {
                    let (app, kind): (AppId, Entitlement) = (app.parse().unwrap(), kind.parse().unwrap());
                    let key = SeatKey::of(&app, account, &kind);
                    prop_assert_eq!(key.to_string().parse(), Ok(key.clone()));
                    keys.push(((app, account, kind), key));
                }
            }
        }
        for (seat, key) in &keys {
            for (other, other_key) in &keys {
                prop_assert_eq!(seat == other, key == other_key, "{} {}", key, other_key);
            }
        }
    }

    #[test]
    fn policies_read_as_they_are_written(draft in any_draft()) {
        let Ok(policy) = Policy::from_draft(&draft) else { return Ok(()) };
        let written = serde_json::to_string(&policy).unwrap();
        let read: Policy = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read, &policy);
        prop_assert_eq!(read.version(), policy.version());
        let again: PolicyDraft = serde_json::from_str(&serde_json::to_string(&draft).unwrap()).unwrap();
        prop_assert_eq!(Policy::from_draft(&again).unwrap(), policy);
    }
}
