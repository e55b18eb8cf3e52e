//! The effective policy for one app.

use serde::{Deserialize, Serialize};

use crate::business_hours::{BusinessHours, ZoneName};
use crate::label::labels;
use crate::retry::Backoff;
use crate::time::Span;

labels! {
    /// How much of its work the gate does.
    Mode {
        /// Nothing is removed; decisions are still taken and kept. The emergency stop.
        Off = "off",
        /// People are asked on cards marked as a test, and nothing follows.
        DryRun = "dry_run",
        /// Approved removals are performed.
        Live = "live",
    }

    /// What happens to a request that nobody answered in time.
    OnExpiry {
        /// The seat is kept for `expiry_keep_for`.
        Keep = "keep",
        /// The seat is removed, decided by the policy. Refused for targets that cannot be undone.
        Reclaim = "reclaim",
        /// The request ends without a decision.
        Close = "close",
    }

    /// What it is worth when the holder gives up their own seat.
    HolderRelease {
        /// The removal is approved by it.
        Suffices = "suffices",
        /// The approver learns of it and still decides.
        Informs = "informs",
    }

    /// Whether a decision to keep a seat must say why.
    KeepReason {
        /// It must.
        Required = "required",
        /// It may.
        Optional = "optional",
        /// It is not asked for.
        Off = "off",
    }
}

/// How a removal that did not succeed is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryTerms {
    /// The longest wait after the first attempt; doubles with each.
    pub first: Span,
    /// The longest wait after any attempt.
    pub max: Span,
    /// So many attempts whose outcome is not known.
    pub attempts: u32,
    /// No attempt begins so long after the first, though each certainly did nothing.
    pub give_up_after: Span,
}

impl RetryTerms {
    /// The waits between attempts.
    #[must_use]
    pub const fn backoff(&self) -> Backoff {
        Backoff::new(self.first.duration(), self.max.duration())
    }
}

impl Default for RetryTerms {
    fn default() -> Self {
        Self { first: Span::seconds(1), max: Span::seconds(600), attempts: 8, give_up_after: Span::days(1) }
    }
}

/// The effective policy for one app: every key of the `[policy]` table.
///
/// A key that is missing in a stored policy, because it is younger, has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// A seat used within this time is not dormant.
    pub min_idle: Span,
    /// Evidence older than this is refused.
    pub max_evidence_age: Span,
    /// How long requests to one approver are gathered into one card.
    pub digest: Span,
    /// Whether the holder is asked before the approvers.
    pub ask_holder_first: bool,
    /// How long the holder, who is asked first, has to answer before the approvers are asked.
    pub holder_wait: Span,
    /// What the holder's own release is worth.
    pub holder_release: HolderRelease,
    /// When an approver who has not answered is reminded, counted from the delivery of the card.
    pub remind_after: Vec<Span>,
    /// When further people are asked.
    pub escalate_after: Span,
    /// When the time to answer is up.
    pub expire_after: Span,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// How long a seat is kept on silence.
    pub expiry_keep_for: Span,
    /// How long a seat is not asked about again after an approval was undone, or after nobody answered and the policy closed.
    pub cool_down: Span,
    /// The wait between approval and removal, in which it can be undone.
    pub grace: Span,
    /// How long a seat is kept when the decision does not say.
    pub keep_for: Span,
    /// How long a decision may keep a seat.
    pub keep_max: Span,
    /// Whether a keep must say why.
    pub keep_reason: KeepReason,
    /// How many people must approve a removal.
    pub quorum: u32,
    /// Who is asked when nobody else can be: e-mail addresses in lower case.
    pub fallback_approvers: Vec<String>,
    /// A candidate with one of these risk tags is not asked about.
    pub exempt_tags: Vec<String>,
    /// Requests of one sweep beyond this number are held until released.
    pub max_requests_per_sweep: u32,
    /// How many seats the app has in all; 0: nobody says.
    pub seats: u32,
    /// Requests of one sweep beyond this share of the app's seats, in percent, are held until released.
    pub max_share_per_sweep: u32,
    /// Whether only an immutable identity counts, and never a match by e-mail address.
    pub strict_identity: bool,
    /// Whether whoever uploaded a sweep may approve removals from it.
    pub sender_may_approve: bool,
    /// When people are messaged; what falls outside waits for the next opening. Deadlines run on.
    pub business_hours: BusinessHours,
    /// The time zone of these hours.
    pub time_zone: ZoneName,
    /// How a removal that did not succeed is tried again.
    pub retry: RetryTerms,
}

impl Terms {
    /// What of these terms holds for somebody who leaves: an operator's word counts at once, and silence does nothing.
    pub(crate) fn for_leaving(&self) -> Self {
        let nothing = Span::seconds(0);
        Self {
            digest: nothing,
            ask_holder_first: false,
            escalate_after: self.expire_after,
            on_expiry: OnExpiry::Close,
            grace: nothing,
            keep_reason: KeepReason::Optional,
            quorum: 1,
            ..self.clone()
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            min_idle: Span::days(30),
            max_evidence_age: Span::days(7),
            digest: Span::seconds(0),
            ask_holder_first: false,
            holder_wait: Span::days(3),
            holder_release: HolderRelease::Informs,
            remind_after: vec![Span::days(2), Span::days(4)],
            escalate_after: Span::days(5),
            expire_after: Span::days(14),
            on_expiry: OnExpiry::Keep,
            expiry_keep_for: Span::days(14),
            cool_down: Span::days(7),
            grace: Span::seconds(0),
            keep_for: Span::days(90),
            keep_max: Span::days(365),
            keep_reason: KeepReason::Required,
            quorum: 1,
            fallback_approvers: Vec::new(),
            exempt_tags: Vec::new(),
            max_requests_per_sweep: 500,
            seats: 0,
            max_share_per_sweep: 100,
            strict_identity: false,
            sender_may_approve: false,
            business_hours: BusinessHours::default(),
            time_zone: ZoneName::default(),
            retry: RetryTerms::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;
    use std::str::FromStr;

    fn round_trips<T>(all: &[T], labels: &[&str])
    where
        T: Debug + PartialEq + FromStr<Err: Debug> + ToString + Serialize + for<'de> Deserialize<'de>,
    {
        let printed: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(printed, labels);
        for value in all {
            assert_eq!(value.to_string().parse::<T>().unwrap(), *value);
            let json = serde_json::to_value(value).unwrap();
            assert_eq!(json, serde_json::json!(value.to_string()));
            assert_eq!(serde_json::from_value::<T>(json).unwrap(), *value);
        }
    }

    #[test]
    fn modes_round_trip() {
        round_trips(Mode::ALL, &["off", "dry_run", "live"]);
    }

    #[test]
    fn expiries_round_trip() {
        round_trips(OnExpiry::ALL, &["keep", "reclaim", "close"]);
    }

    #[test]
    fn holder_releases_round_trip() {
        round_trips(HolderRelease::ALL, &["suffices", "informs"]);
    }

    #[test]
    fn keep_reasons_round_trip() {
        round_trips(KeepReason::ALL, &["required", "optional", "off"]);
    }

    #[test]
    fn terms_round_trip_and_fill_in_younger_keys() {
        let terms = Terms { quorum: 2, ..Terms::default() };
        let json = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<Terms>(&json).unwrap(), terms);
        assert_eq!(serde_json::from_str::<Terms>(r#"{"quorum": 2}"#).unwrap(), terms);
        assert!(serde_json::from_str::<Terms>(r#"{"quorums": 2}"#).is_err());
    }

    /// What a policy says of seats, which would delay, divide or silence an operator's word about somebody who leaves, falls
    /// away; how long it waits, and how a task is tried again, stays.
    #[test]
    fn whoever_leaves_is_no_seat() {
        let (day, retry) = (Span::days(1), RetryTerms { attempts: 3, ..RetryTerms::default() });
        let (on_expiry, keep_reason) = (OnExpiry::Reclaim, KeepReason::Required);
        let seats = Terms { digest: day, ask_holder_first: true, escalate_after: day, grace: day, ..Terms::default() };
        let seats = Terms { expire_after: Span::days(3), on_expiry, keep_reason, quorum: 2, retry, ..seats };
        let leaving = seats.for_leaving();
        assert!(leaving.digest.is_zero() && leaving.grace.is_zero(), "at once");
        assert_eq!((leaving.ask_holder_first, leaving.quorum), (false, 1), "one operator's word");
        assert_eq!(
            (leaving.on_expiry, leaving.keep_reason),
            (OnExpiry::Close, KeepReason::Optional),
            "nothing is kept"
        );
        assert_eq!((leaving.escalate_after, leaving.expire_after), (Span::days(3), Span::days(3)));
        assert_eq!(leaving.retry, seats.retry);
    }

    #[test]
    fn retry_terms_give_the_backoff() {
        let backoff = RetryTerms::default().backoff();
        assert_eq!((backoff.first.as_secs(), backoff.max.as_secs()), (1, 600));
    }
}
