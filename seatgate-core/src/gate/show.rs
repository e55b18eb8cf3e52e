//! What is shown to people, joined from the state of this moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::agenda::{Announcement, Audience, News};
use crate::card::{About, Card, errand_id, notice_id};
use crate::gate::{Gate, Joined};
use crate::id::{CardId, PersonRef, RequestId, SweepId, TaskId};
use crate::message::{Content, Message, Recipient, Row, SweepStanding};
use crate::person::PersonDetails;
use crate::policy::Mode;
use crate::port::{StoreError, StoreErrorKind};
use crate::request::{Phase, Request, Task};
use crate::schedule::{self, Outlook};
use crate::seat::Channel;
use crate::time::Timestamp;

/// A card as it is to be shown now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Shown {
    /// What it says. Holds personal data: never log it.
    pub message: Message,
    /// Whom it is about, the one who is asked included.
    pub about: Vec<PersonRef>,
    /// Whether somebody can still answer on it, or whether it only tells.
    pub live: bool,
    /// The requests it asks about, as they were read for it.
    pub requests: Vec<Request>,
}

/// When cards were delivered: one who is asked later, beside others, has no more time than they.
#[derive(Debug, Default)]
struct Begun {
    own: Option<Timestamp>,
    delivered: BTreeMap<CardId, Timestamp>,
}

impl Begun {
    fn of(&self, request: &Request) -> Option<Timestamp> {
        let asked = request.approval.active().filter_map(|asked| self.delivered.get(&asked.card));
        asked.min().copied().or(self.own)
    }
}

impl Gate {
    /// The card as it is kept; nothing, if there is none.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn card(&self, id: CardId) -> Result<Option<Card>, StoreError> {
        Ok(self.parts.requests.cards(&[id]).await?.into_iter().next().flatten())
    }

    /// When the first card of each of these requests was delivered to somebody who is asked still: from then on they have
    /// their time. Only those that wait for a decision are looked up.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn delivered(&self, requests: &[Request]) -> Result<BTreeMap<RequestId, Timestamp>, StoreError> {
        let open = requests.iter().filter(|request| request.phase == Phase::AwaitingDecision);
        let asked = open.flat_map(|request| request.approval.active().map(|asked| (asked.card, request.id)));
        let (cards, ids): (Vec<CardId>, Vec<RequestId>) = asked.unzip();
        if cards.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut delivered = BTreeMap::new();
        for (card, id) in self.parts.requests.cards(&cards).await?.into_iter().zip(ids) {
            let Some(at) = card.and_then(|card| card.delivered_at) else { continue };
            let first = delivered.entry(id).or_insert(at);
            *first = at.min(*first);
        }
        Ok(delivered)
    }

    /// What a card says at this moment.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn show(&self, card: &Card) -> Result<Shown, StoreError> {
        match &card.about {
            About::Requests { approver, requests } => self.show_asked(card, *approver, requests).await,
            About::Sweep { sweep, channel } => self.show_sweep(card, *sweep, channel).await,
            About::Offboarding { request, channel } => self.show_offboarding(card, *request, channel).await,
        }
    }

    async fn show_asked(&self, card: &Card, approver: PersonRef, ids: &[RequestId]) -> Result<Shown, StoreError> {
        let requests = self.parts.requests.load(ids).await?;
        let requests: Vec<Request> = requests.into_iter().flatten().map(|stored| stored.request).collect();
        if let [request] = requests.as_slice()
            && let Some((task, _)) = request.errands().find(|(task, _)| errand_id(task) == card.id)
        {
            return self.show_errand(card, approver, request, task).await;
        }
        let (joined, begun) = (self.join(&requests).await?, self.begun(card, &requests).await?);
        let row = |request: &Request| joined.row_on(self, request, card, begun.of(request));
        let rows: Vec<Row> = requests.iter().map(row).collect();
        let live = rows.iter().any(Row::is_live);
        let to = known(&joined, approver);
        let content = Content::Card { card: card.id, rows, page: card.page };
        let about = requests.iter().flat_map(Request::people).chain([approver]).collect();
        Ok(Shown { message: Message::new(Recipient::Person(to), content), about, live, requests })
    }

    /// What somebody is to do by hand. It asks them while they can do it, and only tells from then on.
    async fn show_errand(
        &self,
        card: &Card,
        assignee: PersonRef,
        request: &Request,
        task: &Task,
    ) -> Result<Shown, StoreError> {
        let mut run = self.standing(card.id, request).await?;
        run.narrow_to(task.id);
        let to = known(&self.join(std::slice::from_ref(request)).await?, assignee);
        let message = Message::new(Recipient::Person(to), Content::Errand(Box::new(run)));
        let (about, live) = (request.people().collect(), task.waits_for_person());
        Ok(Shown { message, about, live, requests: Vec::new() })
    }

    async fn show_offboarding(&self, card: &Card, id: RequestId, channel: &Channel) -> Result<Shown, StoreError> {
        let request = self.parts.requests.load(&[id]).await?.into_iter().flatten().next().map(|stored| stored.request);
        let missing = || StoreError::new(StoreErrorKind::Corrupt, "reading an offboarding's card");
        let request = request.ok_or_else(missing)?;
        let run = Box::new(self.standing(card.id, &request).await?);
        let message = Message::new(Recipient::Channel(channel.clone()), Content::Offboarding(run));
        Ok(Shown { message, about: request.people().collect(), live: true, requests: Vec::new() })
    }

    /// When the time to answer began for these requests, all of which `card` shows.
    async fn begun(&self, card: &Card, requests: &[Request]) -> Result<Begun, StoreError> {
        let asked = requests.iter().flat_map(|request| request.approval.active());
        let others: BTreeSet<CardId> = asked.map(|asked| asked.card).filter(|other| *other != card.id).collect();
        let others: Vec<CardId> = others.into_iter().collect();
        let cards = if others.is_empty() { Vec::new() } else { self.parts.requests.cards(&others).await? };
        let delivered = |card: &Card| Some((card.id, card.delivered_at?));
        let delivered = cards.iter().flatten().chain([card]).filter_map(delivered).collect();
        Ok(Begun { own: card.delivered_at, delivered })
    }

    async fn show_sweep(&self, card: &Card, sweep: SweepId, channel: &Channel) -> Result<Shown, StoreError> {
        let received_at = self.parts.requests.sweep(sweep).await?.map(|record| record.received_at);
        // Requests of one sweep may differ in their mode, and each is told on the notice of its own.
        let test = card.id == notice_id(sweep, channel, Mode::DryRun);
        let mode = if test { Mode::DryRun } else { Mode::Live };
        let standing = SweepStanding {
            sweep,
            card: card.id,
            received_at: received_at.unwrap_or_else(|| self.now()),
            test,
            rows: self.parts.queries.row_counts(sweep).await?,
            standings: self.parts.queries.standings(sweep, channel, mode).await?,
        };
        let content = Content::Sweep(Box::new(standing));
        let message = Message::new(Recipient::Channel(channel.clone()), content);
        Ok(Shown { message, about: Vec::new(), live: true, requests: Vec::new() })
    }

    /// What comes of an open request, and when, while nobody answers.
    ///
    /// # Errors
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn outlook(&self, request: &Request) -> Result<Outlook, StoreError> {
        let (delivered_at, _) = self.cards_of(request, None).await?;
        Ok(schedule::outlook(request, delivered_at))
    }

    /// What an audience is told about these requests, or these tasks of an offboarding; `card` is the one that asks them.
    pub(crate) async fn tell(
        &self,
        announcement: &Announcement,
        card: Option<&Card>,
        requests: &[Request],
        tasks: &[TaskId],
    ) -> Result<Message, StoreError> {
        let joined = self.join(requests).await?;
        let to = match &announcement.to {
            Audience::Channel(channel) => Recipient::Channel(channel.clone()),
            Audience::Person(person) => Recipient::Person(known(&joined, *person)),
        };
        let over = announcement.news == News::Standing;
        if let [request] = requests
            && request.offboarding.is_some()
            && (over || !tasks.is_empty())
        {
            let mut run = self.standing(announcement.under, request).await?;
            match (&announcement.to, tasks) {
                (Audience::Person(_), [task, ..]) => run.narrow_to(*task),
                _ => run.tasks.retain(|line| over || tasks.contains(&line.task)),
            }
            let (news, run) = (announcement.news, Box::new(run));
            return Ok(Message::new(to, Content::Progress { news, run }));
        }
        let begun = match card {
            Some(card) => self.begun(card, requests).await?,
            None => Begun::default(),
        };
        let viewer = match announcement.to {
            Audience::Channel(_) => None,
            Audience::Person(person) => Some(person),
        };
        let rows = requests.iter().map(|request| joined.row(self, request, viewer, begun.of(request))).collect();
        let content = match announcement.to {
            Audience::Channel(_) => Content::Report(rows),
            Audience::Person(_) => Content::Note { news: announcement.news, rows },
        };
        Ok(Message::new(to, content))
    }
}

/// Somebody as they are known; erased, only who it is.
fn known(joined: &Joined, person: PersonRef) -> PersonDetails {
    joined.person(person).cloned().unwrap_or_else(|| PersonDetails::new(person, None, Vec::new()))
}
