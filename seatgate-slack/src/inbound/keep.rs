//! Keeping seats: the modal that asks why and until when, and its answers.

use seatgate_core::gate::Ask;
use seatgate_core::id::RequestId;
use seatgate_core::policy::KeepReason;
use seatgate_core::port::StoreError;
use seatgate_core::request::{Decision, Request};
use seatgate_core::time::{Span, Timestamp};
use serde_json::Value;

use super::admit::Visitor;
use super::answer::Spot;
use super::carried::Carried;
use super::judge::Declined;
use super::modal::{entered, problem};
use super::{Ack, SlackApp};
use crate::card::{KEEP_REASON, KEEP_UNTIL, KeepAsk, KeepProblem, Notice, Renderer};
use crate::payload::{TriggerId, ViewSubmission};

/// Stands for the reason that is still to be given, where it is only asked whether somebody could keep a seat.
pub(super) const SOME_REASON: &str = "to be given";

/// What a modal was answered.
struct Answers<'a> {
    reason: Option<&'a str>,
    /// The end of the day that was chosen.
    until: Timestamp,
}

impl SlackApp {
    /// Opens the modal where the policy asks for a reason or leaves the end open; else keeps at once. Nobody is asked why
    /// who may not keep the seat.
    pub(super) async fn keep(
        &self,
        requests: Vec<RequestId>,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        let (mut keepable, mut kept, mut last_refusal, asked) = (Vec::new(), Vec::new(), None, requests.len());
        for id in requests {
            match self.keepable(id, visitor).await {
                Ok(request) => keepable.push(request),
                Err(Declined::Told(_)) if asked > 1 && self.decided_before(id, Decision::Keep, visitor).await => {
                    kept.push(id);
                }
                Err(Declined::Told(notice)) => last_refusal = Some(notice),
                Err(Declined::BadReason | Declined::Failed) => return Ack::again(),
            }
        }
        match last_refusal {
            Some(notice) if keepable.is_empty() && asked == 1 => self.refuse(spot, notice),
            _ if keepable.is_empty() => self.refuse(spot, none_kept(kept.len(), asked)),
            _ if keepable.iter().any(|request| asks_more(request, visitor)) => {
                self.open_modal(&keepable, visitor, spot, trigger).await
            }
            _ => {
                kept.extend(keepable.iter().map(|request| request.id));
                self.keep_at_once(kept, asked, visitor, spot).await
            }
        }
    }

    /// The request, if `visitor` could keep its seat now. Judged as the real thing is, and recorded if denied.
    pub(super) async fn keepable(&self, id: RequestId, visitor: &Visitor) -> Result<Request, Declined> {
        let ask = Ask::Keep { until: None };
        let by = self.submission(id, "keep", visitor).await?;
        let prepared = self.gate.prepare(id, ask, Some(SOME_REASON), &by).await;
        self.judged(prepared).await?;
        let request = self.gate.request(id).await;
        self.judged(request).await
    }

    async fn keep_at_once(&self, requests: Vec<RequestId>, asked: usize, visitor: &Visitor, spot: Spot) -> Ack {
        let ask = Ask::Keep { until: None };
        match requests.as_slice() {
            [request] if asked == 1 => self.decide(*request, ask, visitor, spot).await,
            _ => self.decide_all(requests, (ask, Decision::Keep), visitor, spot).await,
        }
    }

    async fn open_modal(
        &self,
        requests: &[Request],
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        let Some(trigger) = trigger.cloned() else { return self.refuse(spot, Notice::ClickAgain) };
        let Ok(view) = self.modal(requests, visitor, &spot).await else { return Ack::again() };
        self.open(trigger, view, spot)
    }

    async fn modal(&self, requests: &[Request], visitor: &Visitor, spot: &Spot) -> Result<Value, StoreError> {
        let joined = self.gate.join(requests).await?;
        let rows = requests.iter().map(|request| joined.row(&self.gate, request, visitor.person(), None)).collect();
        let ids = requests.iter().map(|request| request.id).collect();
        let reasons = requests.iter().map(|request| reason_asked(request, visitor));
        let reason = reasons.max_by_key(|reason| weight(*reason)).unwrap_or(KeepReason::Required);
        let now = self.gate.now();
        let end = |spans: &mut dyn Iterator<Item = Span>| {
            now.saturating_add(spans.min().map(Span::duration).unwrap_or_default())
        };
        let default = end(&mut requests.iter().map(|request| request.terms.keep_for));
        let latest = end(&mut requests.iter().map(|request| request.terms.keep_max));
        let ask = KeepAsk::new(rows, reason, Carried::new(ids, spot).encode()).within(now, default, latest);
        Ok(self.workspace.renderer().keep_modal(&ask))
    }

    pub(super) async fn submit_keep(&self, submitted: &ViewSubmission, carried: &Carried, visitor: &Visitor) -> Ack {
        match answers(submitted) {
            Ok(answers) => self.keep_all(carried, &answers, visitor).await,
            Err(wrong) => problem(self.workspace.renderer().keep_error(&wrong)),
        }
    }

    /// Keeps what the modal was about. With one seat every problem is said in the modal; with several, those that were
    /// kept are counted in an answer beside the card.
    async fn keep_all(&self, carried: &Carried, answers: &Answers<'_>, visitor: &Visitor) -> Ack {
        let (mut recorded, mut refused, mut problem) = (0, 0, None);
        let several = carried.requests.len() > 1;
        for id in &carried.requests {
            match self.keep_one(*id, answers, visitor).await {
                Ok(()) => recorded += 1,
                Err(Declined::Told(_)) if several && self.decided_before(*id, Decision::Keep, visitor).await => {
                    recorded += 1;
                }
                Err(Declined::Failed) => return Ack::again(),
                Err(declined) => {
                    refused += 1;
                    problem.get_or_insert(declined);
                }
            }
        }
        let spot = carried.spot(&visitor.user);
        match problem {
            Some(declined) if recorded == 0 => self.declined(declined, spot, Renderer::keep_error),
            None if !several => Ack::ok().then(self.clone().after_done(spot)),
            _ => self.refuse(spot, Notice::Answered { decision: Decision::Keep, recorded, refused }),
        }
    }

    async fn keep_one(&self, id: RequestId, answers: &Answers<'_>, visitor: &Visitor) -> Result<(), Declined> {
        let request = self.gate.request(id).await;
        let request = self.judged(request).await?;
        let until = Some(within_policy(answers.until, &request, self.gate.now()));
        self.act(id, Ask::Keep { until }, answers.reason, visitor).await.map(drop)
    }

    /// The modal stays and says why, as `draw` does; the card behind it is drawn anew.
    pub(super) fn declined(
        &self,
        declined: Declined,
        spot: Spot,
        draw: impl FnOnce(&Renderer, &KeepProblem) -> (&'static str, String),
    ) -> Ack {
        let wrong = match declined {
            Declined::BadReason => KeepProblem::ReasonTooLong,
            Declined::Failed => return Ack::again(),
            Declined::Told(Notice::ReasonRequired) => KeepProblem::ReasonRequired,
            Declined::Told(Notice::KeepEndsInPast) => KeepProblem::EndsInPast,
            Declined::Told(Notice::KeepTooLong { latest: Some(latest) }) => KeepProblem::TooLong { latest },
            Declined::Told(notice) => KeepProblem::Refused(notice),
        };
        let ack = problem(draw(self.workspace.renderer(), &wrong));
        match wrong {
            KeepProblem::Refused(_) => ack.then(self.clone().after_refused_in_modal(spot)),
            _ => ack,
        }
    }
}

/// Nothing is left to keep: how many they had kept before, and how many are not theirs to keep now.
fn none_kept(kept: usize, asked: usize) -> Notice {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Notice::Answered { decision: Decision::Keep, recorded: number(kept), refused: number(asked.saturating_sub(kept)) }
}

/// Whether there is anything to ask: why, or until when.
fn asks_more(request: &Request, visitor: &Visitor) -> bool {
    reason_asked(request, visitor) != KeepReason::Off || request.terms.keep_for < request.terms.keep_max
}

/// An operator who was not asked must say why, whatever the policy says.
fn reason_asked(request: &Request, visitor: &Visitor) -> KeepReason {
    let asked = visitor.person().is_some_and(|person| request.approval.waits_for(person));
    if asked { request.terms.keep_reason } else { KeepReason::Required }
}

fn weight(reason: KeepReason) -> u8 {
    match reason {
        KeepReason::Off => 0,
        KeepReason::Optional => 1,
        KeepReason::Required => 2,
    }
}

fn answers(submitted: &ViewSubmission) -> Result<Answers<'_>, KeepProblem> {
    let until = entered(submitted, KEEP_UNTIL).and_then(|date| Timestamp::parse_end(date).ok());
    Ok(Answers { reason: entered(submitted, KEEP_REASON), until: until.ok_or(KeepProblem::NoDate)? })
}

/// The last day that the policy allows counts until the policy's very end, not until midnight.
fn within_policy(until: Timestamp, request: &Request, now: Timestamp) -> Timestamp {
    let latest = now.saturating_add(request.terms.keep_max.duration());
    if until > latest && until.last_date() == latest.last_date() { latest } else { until }
}
