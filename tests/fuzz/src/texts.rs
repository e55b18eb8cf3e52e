//! The small texts: times, spans, money, ids, addresses, actors and the like. What is read prints as what is read again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use seatgate_core::agenda::Lane;
use seatgate_core::canonical::Digest;
use seatgate_core::id::*;
use seatgate_core::money::{Currency, Money, Totals};
use seatgate_core::person::{Actor, ActorName, EmailAddress, Identity};
use seatgate_core::seat::{AppId, Channel, Entitlement};
use seatgate_core::time::{Span, Timestamp};
use seatgate_core::trail::Stream;
use seatgate_http::deprovisioner::StatusUrl;
use seatgate_http::guard::AllowedPrivate;
use seatgate_slack::id as slack;

use super::is_a_sentence;

pub(super) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    times(text);
    money(text);
    ids(text);
    for prefix in ["email:", "slack:", "system:", "token:"] {
        let named = format!("{prefix}{text}");
        round_trip::<Identity>(&named);
        round_trip::<Actor>(&named);
    }
    round_trip::<EmailAddress>(text);
    round_trip::<Identity>(text);
    round_trip::<ActorName>(text);
    round_trip::<Actor>(text);
    round_trip::<AppId>(text);
    round_trip::<Entitlement>(text);
    round_trip::<Channel>(text);
    refusal(text.parse::<StatusUrl>());
    refusal(text.parse::<AllowedPrivate>());
}

fn times(text: &str) {
    round_trip::<Timestamp>(text);
    round_trip::<Span>(text);
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(Timestamp::from_micros(time.as_micros()), time);
        assert_eq!(Timestamp::parse_end(text), Ok(time), "an instant is no day");
        assert_eq!(time.to_string().len(), 27);
    }
    if let Ok(end) = Timestamp::parse_end(text) {
        assert!(text.parse::<Timestamp>().is_ok() || end.last_date() == text || end == Timestamp::MAX, "{end}");
    }
}

/// A currency and an amount, with a blank between.
fn money(text: &str) {
    round_trip::<Currency>(text);
    let Some((code, amount)) = text.split_once(' ') else { return };
    let Ok(currency) = code.parse::<Currency>() else { return };
    let read = Money::parse(amount, currency);
    refusal(read);
    let Ok(money) = read else { return };
    assert_eq!(Money::parse(&money.amount(), currency), Ok(money));
    assert_eq!(Money::new(money.minor(), currency), Ok(money));
    let json = serde_json::to_string(&money).unwrap();
    assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    let twice: Totals = [money, money].into_iter().collect();
    assert_eq!(twice.iter().collect::<Vec<_>>(), [(currency, 2 * i128::from(money.minor()))]);
    // The digits are those that were written.
    let digits = |text: &str| text.trim_start_matches('0').trim_end_matches('0').replace('.', "");
    let (written, printed) = (amount.contains('.'), money.amount());
    assert!(!written || digits(amount).trim_matches('0') == digits(&printed).trim_matches('0'), "{amount} {printed}");
}

fn ids(text: &str) {
    macro_rules! each {
        ($how:ident: $($name:ty),*) => { $($how::<$name>(text);)* };
    }
    // Hexadecimal digits of either case are read.
    each!(round_trip: RequestId, TaskId, ExceptionId, CardId, SweepId, PersonRef, AccountId, TextId, ChangeId, AnnouncementId);
    each!(round_trip: InstanceId, Stream);
    each!(exactly: Lane, Digest);
    each!(exactly: slack::UserId, slack::TeamId, slack::EnterpriseId, slack::ChannelId, slack::AppId, slack::ViewId);
    each!(exactly: slack::EventId, slack::MessageTs);
}

/// There is one way to write it.
fn exactly<T: FromStr<Err: Display> + Display + Debug + PartialEq>(text: &str) {
    round_trip::<T>(text);
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

fn round_trip<T: FromStr<Err: Display> + Display + Debug + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            let again = printed.parse::<T>().map_err(|error| error.to_string());
            assert_eq!(again, Ok(value), "printed as {printed:?}");
        }
        Err(error) => assert!(is_a_sentence(&error.to_string())),
    }
}

fn refusal<T, E: Display>(read: Result<T, E>) {
    read.err().into_iter().for_each(|error| assert!(is_a_sentence(&error.to_string()), "{error}"));
}
