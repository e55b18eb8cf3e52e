//! Seats: apps, accounts, and the candidates that a sweep reports.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, PersonRef};
use crate::money::{Currency, Money};
use crate::object::{object, object_or_null};
use crate::person::{EmailAddress, Identity, PersonDraft, TextRef};
use crate::text::serde_as_text;
use crate::time::Timestamp;

/// A text that does not fit a field: empty where it may not be, too long, or with control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {at_least} to {at_most} characters without control characters")]
pub struct TextError {
    at_least: usize,
    at_most: usize,
}

fn bounded(text: &str, at_least: usize, at_most: usize) -> Result<String, TextError> {
    let text = text.trim();
    let fits = (at_least..=at_most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(TextError { at_least, at_most }) }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $at_least:literal ..= $at_most:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                bounded(text, $at_least, $at_most).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_text!($name);
    )*};
}

texts! {
    /// An app, as sweeps and targets call it, such as `figma`.
    AppId 1..=120;
    /// What kind of licence of an app a seat is, such as `pro`; empty where the app has one kind.
    Entitlement 0..=120;
    /// A channel that hears outcomes, such as Slack's `C0SWEEP`.
    Channel 1..=120;
    /// The canonical text of app, account and entitlement: one seat, one key.
    SeatKey 1..=1000;
}

impl Default for Entitlement {
    /// The app has one kind of licence.
    fn default() -> Self {
        Self(String::new())
    }
}

/// An app with the name people know it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct App {
    /// What sweeps and targets call it.
    pub id: AppId,
    /// What people call it.
    pub name: Option<String>,
}

impl App {
    /// An app.
    #[must_use]
    pub fn new(id: AppId, name: Option<String>) -> Self {
        Self { id, name }
    }

    /// What to show.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}

/// One paid licence in one app, as entries and state know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seat {
    /// The app.
    pub app: App,
    /// The account in it. After a merge of accounts, stores follow it to the one that remains.
    pub account: AccountId,
    /// The kind of licence.
    pub entitlement: Entitlement,
    /// Who holds it, where the report named an address.
    pub holder: Option<PersonRef>,
}

impl Seat {
    /// A seat.
    #[must_use]
    pub fn new(app: App, account: AccountId, entitlement: Entitlement, holder: Option<PersonRef>) -> Self {
        Self { app, account, entitlement, holder }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> SeatKey {
        SeatKey::of(&self.app.id, self.account, &self.entitlement)
    }
}

impl SeatKey {
    /// The key of a seat: `app/account/entitlement`, with `%` and `/` inside a part percent-encoded.
    #[must_use]
    pub fn of(app: &AppId, account: AccountId, entitlement: &Entitlement) -> Self {
        let part = |text: &str| text.replace('%', "%25").replace('/', "%2F");
        Self(format!("{}/{account}/{}", part(app.as_str()), part(entitlement.as_str())))
    }
}

/// An account as the outside names it. At least one of id and e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountNames {
    /// The app's own id.
    pub id: Option<String>,
    /// The account's address.
    pub email: Option<EmailAddress>,
    /// The holder's name.
    pub name: Option<String>,
}

impl AccountNames {
    /// The names of an account.
    #[must_use]
    pub fn new(id: Option<String>, email: Option<EmailAddress>, name: Option<String>) -> Self {
        Self { id, email, name }
    }

    /// What to show: name, else address, else id.
    #[must_use]
    pub fn label(&self) -> String {
        let email = || self.email.as_ref().map(ToString::to_string);
        self.name.clone().or_else(email).or_else(|| self.id.clone()).unwrap_or_else(|| "(erased)".to_owned())
    }
}

/// When the seat was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// At this time.
    LastAt(Timestamp),
    /// Not once.
    NeverUsed,
}

/// Why a seat was reported, as a request keeps it. Without names and addresses: those are in `received`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// When the seat was last used.
    pub activity: Activity,
    /// When that was observed.
    pub observed_at: Timestamp,
    /// What the seat costs a month.
    pub monthly_cost: Option<Money>,
    /// The whole candidate as it was received.
    pub received: TextRef,
}

impl Evidence {
    /// Evidence for a seat's dormancy.
    #[must_use]
    pub fn new(activity: Activity, observed_at: Timestamp, monthly_cost: Option<Money>, received: TextRef) -> Self {
        Self { activity, observed_at, monthly_cost, received }
    }

    /// Whole days without use at `now`; `None` for a seat never used.
    #[must_use]
    pub fn days_idle(&self, now: Timestamp) -> Option<u64> {
        match self.activity {
            Activity::LastAt(at) => Some(now.since(at).as_secs() / 86_400),
            Activity::NeverUsed => None,
        }
    }
}

/// A seat reported dormant, with its evidence: outside data that became a domain type once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The app.
    pub app: App,
    /// Whose account.
    pub account: AccountNames,
    /// The kind of licence.
    pub entitlement: Entitlement,
    /// Whom to ask.
    pub manager: Option<PersonDraft>,
    /// When it was last used.
    pub activity: Activity,
    /// When that was observed; the time of receipt where nothing was said.
    pub observed_at: Option<Timestamp>,
    /// What it costs a month.
    pub monthly_cost: Option<Money>,
    /// Who hears the outcome.
    pub requesting_channel: Option<Channel>,
    /// Marks that a policy can exempt.
    pub risk_tags: Vec<String>,
    /// What was received, as text: the evidence an auditor can ask for.
    pub received: String,
}

/// A candidate as it is written in JSON: everything optional, nothing checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the public contract of the intake, described there")]
#[non_exhaustive]
pub struct CandidateDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(deserialize_with = "object")]
    pub app: AppDraft,
    #[serde(deserialize_with = "object")]
    pub account: AccountDraft,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object_or_null")]
    pub manager: Option<ManagerDraft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_used: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object_or_null")]
    pub monthly_cost: Option<CostDraft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requesting_channel: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk_tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, serde_json::Value>,
}

/// The app of a [`CandidateDraft`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see CandidateDraft")]
pub struct AppDraft {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The account of a [`CandidateDraft`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see CandidateDraft")]
pub struct AccountDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The manager of a [`CandidateDraft`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see CandidateDraft")]
pub struct ManagerDraft {
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The cost of a [`CandidateDraft`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see CandidateDraft")]
pub struct CostDraft {
    pub amount: String,
    pub currency: String,
}

/// What is wrong with a candidate, and where: a JSON pointer (RFC 6901) and a reason. It quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct CandidateError {
    /// The field.
    pub pointer: String,
    /// What is expected there.
    pub detail: String,
}

impl CandidateError {
    /// Something wrong at `pointer`.
    #[must_use]
    pub fn new(pointer: &str, detail: impl ToString) -> Self {
        Self { pointer: pointer.to_owned(), detail: detail.to_string() }
    }
}

/// The most that one candidate may take, as JSON: it is kept as evidence.
const LARGEST: usize = 16 * 1024;

impl CandidateDraft {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that does not fit, with its JSON pointer.
    pub fn parse(self) -> Result<Candidate, CandidateError> {
        let received = serde_json::to_string(&self).map_err(|e| CandidateError::new("", e))?;
        let candidate = Candidate {
            app: self.app.parse()?,
            account: self.account.parse()?,
            entitlement: field("/entitlement", self.entitlement.as_deref().unwrap_or_default())?,
            manager: self.manager.map(manager).transpose()?,
            activity: activity(self.last_activity_at.as_deref(), self.never_used)?,
            observed_at: self.observed_at.map(|at| field("/observed_at", &at)).transpose()?,
            monthly_cost: self.monthly_cost.map(|cost| monthly_cost(&cost)).transpose()?,
            requesting_channel: self.requesting_channel.map(|c| field("/requesting_channel", &c)).transpose()?,
            risk_tags: self.risk_tags,
            received,
        };
        if candidate.received.len() > LARGEST || candidate.received.contains("\\u0000") {
            let detail = format!("expected at most {LARGEST} bytes in all, and no U+0000");
            return Err(CandidateError::new("", detail));
        }
        Ok(candidate)
    }
}

impl AppDraft {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that does not fit, with its pointer in a candidate.
    pub fn parse(self) -> Result<App, CandidateError> {
        Ok(App::new(field("/app/id", &self.id)?, name("/app/name", self.name)?))
    }
}

impl AccountDraft {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that does not fit, with its pointer in a candidate.
    pub fn parse(self) -> Result<AccountNames, CandidateError> {
        let id = name("/account/id", self.id)?;
        let email = self.email.filter(|email| !email.trim().is_empty());
        let email = email.map(|email| field("/account/email", &email)).transpose()?;
        if id.is_none() && email.is_none() {
            return Err(CandidateError::new("/account", "expected an `id` or an `email`"));
        }
        Ok(AccountNames { id, email, name: name("/account/name", self.name)? })
    }
}

fn field<T: FromStr>(pointer: &str, text: &str) -> Result<T, CandidateError>
where
    T::Err: fmt::Display,
{
    text.parse().map_err(|error: T::Err| CandidateError::new(pointer, error))
}

fn name(pointer: &str, text: Option<String>) -> Result<Option<String>, CandidateError> {
    let text = text.map(|text| bounded(&text, 0, 200)).transpose();
    let text = text.map_err(|error| CandidateError::new(pointer, error))?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn manager(draft: ManagerDraft) -> Result<PersonDraft, CandidateError> {
    let address = field("/manager/email", &draft.email)?;
    Ok(PersonDraft::new(Identity::Email(address), name("/manager/name", draft.name)?))
}

fn activity(last: Option<&str>, never_used: Option<bool>) -> Result<Activity, CandidateError> {
    match (last, never_used.unwrap_or(false)) {
        (Some(at), false) => Ok(Activity::LastAt(field("/last_activity_at", at)?)),
        (None, true) => Ok(Activity::NeverUsed),
        (Some(_), true) => Err(CandidateError::new("/never_used", "contradicts `last_activity_at`")),
        (None, false) => Err(CandidateError::new("/last_activity_at", "expected this, or `never_used`: true")),
    }
}

fn monthly_cost(draft: &CostDraft) -> Result<Money, CandidateError> {
    let currency: Currency = field("/monthly_cost/currency", &draft.currency)?;
    Money::parse(&draft.amount, currency).map_err(|error| CandidateError::new("/monthly_cost/amount", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: serde_json::Value) -> Result<Candidate, CandidateError> {
        serde_json::from_value::<CandidateDraft>(json).expect("a draft").parse()
    }

    #[test]
    fn each_wrong_field_is_named() {
        let good = serde_json::json!({
            "app": {"id": "figma"}, "account": {"email": "ana@example.com"}, "never_used": true
        });
        assert!(parse(good.clone()).is_ok());
        let cases = [
            ("/app/id", "app", serde_json::json!({"id": ""})),
            ("/app/id", "app", serde_json::json!({"id": "fig\u{0}ma"})),
            ("/account", "account", serde_json::json!({})),
            ("/account/email", "account", serde_json::json!({"email": "ana"})),
            ("/manager/email", "manager", serde_json::json!({"email": ""})),
            ("/never_used", "last_activity_at", serde_json::json!("2026-06-01T00:00:00Z")),
            ("/last_activity_at", "never_used", serde_json::json!(false)),
            ("/monthly_cost/amount", "monthly_cost", serde_json::json!({"amount": "-1", "currency": "USD"})),
            ("/monthly_cost/currency", "monthly_cost", serde_json::json!({"amount": "1", "currency": "usd"})),
            ("/observed_at", "observed_at", serde_json::json!("yesterday")),
        ];
        for (pointer, member, value) in cases {
            let mut json = good.clone();
            json[member] = value;
            assert_eq!(parse(json).map_err(|e| e.pointer).err().as_deref(), Some(pointer));
        }
    }

    #[test]
    fn a_list_is_no_object_though_its_values_would_fit() {
        let good = serde_json::json!({"app": {"id": "figma"}, "account": {"id": "1"}, "never_used": true});
        let lists = [("app", ["figma", "Figma"]), ("account", ["1", "a@b"]), ("manager", ["a@b", "Ana"])];
        for (member, list) in lists.into_iter().chain([("monthly_cost", ["1.00", "USD"])]) {
            let mut json = good.clone();
            json[member] = serde_json::json!(list);
            assert!(serde_json::from_value::<CandidateDraft>(json.clone()).is_err(), "{member}");
            json[member] = serde_json::Value::Null;
            let optional = ["manager", "monthly_cost"].contains(&member);
            assert_eq!(serde_json::from_value::<CandidateDraft>(json).is_ok(), optional, "{member}");
        }
    }

    #[test]
    fn free_fields_are_bounded_and_hold_no_nul() {
        for custom in ["x".repeat(LARGEST), "a\u{0}b".to_owned()] {
            let json = serde_json::json!({
                "app": {"id": "figma"}, "account": {"id": "1"}, "never_used": true, "custom": {"note": custom}
            });
            assert_eq!(parse(json).map_err(|e| e.pointer).err().as_deref(), Some(""));
        }
    }

    #[test]
    fn keys_of_different_seats_differ() {
        let entropy = crate::port::SeededEntropy::new(1);
        let account = AccountId::generate(Timestamp::MIN, &entropy);
        let key = |app: &str, kind: &str| SeatKey::of(&app.parse().unwrap(), account, &kind.parse().unwrap());
        assert_ne!(key("a/b", "c"), key("a", "b/c"));
        assert_ne!(key("a%2Fb", ""), key("a/b", ""));
        assert_eq!(key("a", ""), key("a", " "));
    }
}
