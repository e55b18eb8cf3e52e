//! Cards: messages that are desired state. A card is a row behind a fence, not a stream: whoever syncs it renders what it
//! is about at that moment, and posts it or replaces what was posted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agenda::Lane;
use crate::id::{CardId, PersonRef, RequestId, SweepId};
use crate::person::TextRef;
use crate::policy::Mode;
use crate::request::{Request, Task};
use crate::seat::Channel;
use crate::time::Timestamp;

/// What a card is about, and who sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// It asks one approver about 1..n requests, with live controls.
    Requests {
        /// Who is asked.
        approver: PersonRef,
        /// About what, oldest first.
        requests: Vec<RequestId>,
    },
    /// It tells a channel how a sweep goes.
    Sweep {
        /// Which.
        sweep: SweepId,
        /// Who hears it.
        channel: Channel,
    },
    /// It tells a channel how an offboarding goes.
    Offboarding {
        /// Which.
        request: RequestId,
        /// Who hears it.
        channel: Channel,
    },
}

/// One message that is kept true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// Which.
    pub id: CardId,
    /// What it is about.
    pub about: About,
    /// Where it is, in the notifier's words.
    pub posted: Option<String>,
    /// Where there are copies of it, which are kept true as well.
    pub copies: Vec<String>,
    /// What it says.
    pub shown: Option<TextRef>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// How many requests it showed then.
    pub delivered: u32,
    /// Which page of it is turned up, from 0.
    pub page: u32,
    /// Whether there may be a copy that we do not know of.
    pub ambiguous: bool,
}

/// How many copies of a card are kept true. More than a few come only from a notifier that fails all the time.
const MOST_COPIES: usize = 8;

impl Card {
    /// A card that was never posted.
    #[must_use]
    pub fn new(id: CardId, about: About) -> Self {
        Self {
            id,
            about,
            posted: None,
            copies: Vec::new(),
            shown: None,
            delivered_at: None,
            delivered: 0,
            page: 0,
            ambiguous: false,
        }
    }

    /// One that asks `approver` about `requests`.
    #[must_use]
    pub fn asking(id: CardId, approver: PersonRef, requests: Vec<RequestId>) -> Self {
        Self::new(id, About::Requests { approver, requests })
    }

    /// The requests that it asks about, or whose progress it tells.
    #[must_use]
    pub fn requests(&self) -> &[RequestId] {
        match &self.about {
            About::Requests { requests, .. } => requests,
            About::Offboarding { request, .. } => std::slice::from_ref(request),
            About::Sweep { .. } => &[],
        }
    }

    /// Who is asked with it.
    #[must_use]
    pub fn approver(&self) -> Option<PersonRef> {
        match self.about {
            About::Requests { approver, .. } => Some(approver),
            About::Sweep { .. } | About::Offboarding { .. } => None,
        }
    }

    /// The lane of whatever is sent for it.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane::Messages(match &self.about {
            About::Requests { approver, .. } => approver.to_string(),
            About::Sweep { channel, .. } | About::Offboarding { channel, .. } => channel.to_string(),
        })
    }

    /// Takes up requests that join it.
    pub fn join(&mut self, others: &[RequestId]) {
        if let About::Requests { requests, .. } = &mut self.about {
            requests.extend(others);
            requests.sort_unstable();
            requests.dedup();
        }
    }

    /// Takes up what a notifier said.
    pub fn receive(&mut self, receipt: &CardReceipt) {
        self.posted = receipt.posted.clone().or_else(|| self.posted.take());
        self.copies.retain(|copy| Some(copy) != self.posted.as_ref());
        self.shown = receipt.shown.or(self.shown);
        self.delivered_at = self.delivered_at.or(receipt.delivered_at);
        self.delivered = receipt.delivered.max(self.delivered);
        self.ambiguous = receipt.ambiguous;
        self.copies.retain(|copy| !receipt.gone.contains(copy));
        receipt.copies.iter().for_each(|copy| self.adopt(copy));
    }

    /// Takes up what a viewer did.
    pub fn edit(&mut self, edit: &CardEdit) {
        match edit {
            CardEdit::Turn { page } => self.page = *page,
            CardEdit::Adopt { place } => self.adopt(place),
        }
    }

    fn adopt(&mut self, place: &str) {
        let known = self.posted.as_deref() == Some(place) || self.copies.iter().any(|copy| copy == place);
        if !known && self.copies.len() < MOST_COPIES {
            self.copies.push(place.to_owned());
        }
    }
}

/// What a viewer does to a card, outside any lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardEdit {
    /// Turns to a page.
    Turn {
        /// Which, from 0.
        page: u32,
    },
    /// Was seen using a copy of the card that may not be known.
    Adopt {
        /// Where, in the notifier's words.
        place: String,
    },
}

/// What a notifier said about a card.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardReceipt {
    /// Which card.
    pub card: CardId,
    /// Where it is, in the notifier's words; absent keeps what is known.
    pub posted: Option<String>,
    /// Copies that were found.
    pub copies: Vec<String>,
    /// Copies that are there no more.
    pub gone: Vec<String>,
    /// What it says.
    pub shown: Option<TextRef>,
    /// When it was first delivered; only the first counts.
    pub delivered_at: Option<Timestamp>,
    /// How many requests it showed.
    pub delivered: u32,
    /// Whether there may be a copy that we do not know of.
    pub ambiguous: bool,
}

impl CardReceipt {
    /// Nothing known yet about `card`.
    #[must_use]
    pub fn new(card: CardId, ambiguous: bool) -> Self {
        Self {
            card,
            posted: None,
            copies: Vec::new(),
            gone: Vec::new(),
            shown: None,
            delivered_at: None,
            delivered: 0,
            ambiguous,
        }
    }
}

/// The card that gathers what `approver` is asked at `now`, where requests are gathered for as long as `window`.
///
/// Windows are aligned to the clock, so that everybody who opens a request finds the same card without asking the store.
/// Each approver, window and mode has a card of its own. Without a window every request has one: `None`.
#[must_use]
pub fn digest_card(approver: PersonRef, window: Duration, mode: Mode, now: Timestamp) -> Option<CardId> {
    let start = window_start(window, now)?;
    let window = window.as_micros().to_string();
    Some(CardId::derived(start, &["digest", &approver.to_string(), &window, mode.label()]))
}

/// When the card of a request that is gathered with others is due: at the end of the window in which somebody was asked.
pub(crate) fn digest_due(request: &Request, asked_at: Timestamp) -> Option<Timestamp> {
    let window = request.terms.digest.duration();
    window_start(window, asked_at).map(|start| start.saturating_add(window))
}

fn window_start(window: Duration, now: Timestamp) -> Option<Timestamp> {
    let window = i64::try_from(window.as_micros()).ok().filter(|window| *window > 0)?;
    Some(Timestamp::from_micros(now.as_micros().saturating_sub(now.as_micros().rem_euclid(window))))
}

/// The card that tells a request's channel about its sweep, or how the offboarding goes.
pub(crate) fn notice_of(request: &Request) -> Option<Card> {
    let channel = request.channel.clone()?;
    Some(match request.origin.sweep {
        Some(sweep) => Card::new(notice_id(sweep, &channel, request.mode), About::Sweep { sweep, channel }),
        None => {
            let id = CardId::derived(request.opened_at, &["offboarding", &request.id.to_string(), channel.as_str()]);
            Card::new(id, About::Offboarding { request: request.id, channel })
        }
    })
}

/// The cards that ask people to do a task of an offboarding by hand: one a task, posted when it is due.
pub(crate) fn errands_of(request: &Request) -> impl Iterator<Item = Card> {
    let errands = request.errands().filter(|_| request.mode == Mode::Live);
    errands.map(|(task, assignee)| Card::asking(errand_id(task), assignee, vec![request.id]))
}

/// The card that asks somebody to do this task.
pub(crate) fn errand_id(task: &Task) -> CardId {
    CardId::derived(Timestamp::from_micros(0), &["errand", &task.id.to_string()])
}

/// The id of the notice for a sweep's requests of one mode: whether it is a test stays, whatever the mode is later.
pub(crate) fn notice_id(sweep: SweepId, channel: &Channel, mode: Mode) -> CardId {
    CardId::derived(Timestamp::from_micros(0), &["sweep", &sweep.to_string(), channel.as_str(), mode.label()])
}
