//! Clicks on cards and on the home tab.

use std::collections::BTreeSet;

use seatgate_core::authorize::Denial;
use seatgate_core::card::CardEdit;
use seatgate_core::gate::Ask;
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::request::Decision;

use super::admit::{Turned, Visitor};
use super::answer::Spot;
use super::judge::Declined;
use super::{Ack, SlackApp};
use crate::action::{Press, Verb};
use crate::card::{AnswerKind, Notice};
use crate::doctor::Sample;
use crate::payload::{Action, BlockActions, Place, TriggerId};

impl SlackApp {
    pub(super) async fn click(&self, click: BlockActions) -> Ack {
        let Some(action) = click.actions.first() else { return Ack::ok() };
        let press = pressed(action);
        if press.is_none() && !matches!(click.place, Place::Message { .. }) {
            return Ack::ok();
        }
        let spot = Spot::of(&click);
        let label = press.as_ref().map_or("click", label);
        match (self.admit((&click.install, click.app.as_ref()), &click.by, label).await, press) {
            (Ok(_), Some(press)) if is_sample(&press) => self.refuse(spot, Notice::Sample),
            (Ok(visitor), Some(press)) => self.press(press, &visitor, spot, click.trigger.as_ref()).await,
            (Ok(_), None) => self.refuse(spot, Notice::Superseded),
            (Err(Turned::Outsider), _) => self.refuse(spot, Notice::Outsider),
            (Err(turned), _) => turned.ack(),
        }
    }

    async fn press(&self, press: Press, visitor: &Visitor, spot: Spot, trigger: Option<&TriggerId>) -> Ack {
        match press {
            Press::On(verb, request) => self.press_on(verb, request, visitor, spot, trigger).await,
            Press::KeepRest(requests) => self.keep(unique(requests), visitor, spot, trigger).await,
            Press::ApproveRest(requests) => {
                self.decide_all(unique(requests), (Ask::Approve, Decision::Approve), visitor, spot).await
            }
            Press::Resolve(request, answer) => self.resolve(request, answer, visitor, spot, trigger).await,
            Press::Turn { card, page } => self.turn(card, page, visitor, spot).await,
        }
    }

    async fn press_on(
        &self,
        verb: Verb,
        request: RequestId,
        visitor: &Visitor,
        spot: Spot,
        trigger: Option<&TriggerId>,
    ) -> Ack {
        match verb {
            Verb::Approve | Verb::Release => self.decide(request, Ask::Approve, visitor, spot).await,
            Verb::Undo => self.decide(request, Ask::Undo, visitor, spot).await,
            Verb::Keep => self.keep(vec![request], visitor, spot, trigger).await,
            Verb::StillNeed => self.need(request, visitor, spot, trigger).await,
            Verb::Reassign => self.reassign(request, visitor, spot, trigger).await,
            Verb::Why => self.why(request, visitor, spot).await,
            Verb::Decline => self.ask_why(request, (AnswerKind::Decline, None), visitor, spot, trigger).await,
            Verb::Stop => self.ask_why(request, (AnswerKind::Stop, None), visitor, spot, trigger).await,
        }
    }

    /// Commits first, and answers then.
    pub(super) async fn decide(&self, id: RequestId, ask: Ask, visitor: &Visitor, spot: Spot) -> Ack {
        match self.act(id, ask, None, visitor).await {
            Ok(_) => Ack::ok().then(self.clone().after_done(spot)),
            Err(Declined::Told(notice)) => self.refuse(spot, notice),
            Err(Declined::BadReason | Declined::Failed) => Ack::again(),
        }
    }

    /// Each on its own; one answer with the result of all. If the store fails in between, the next click does the rest.
    pub(super) async fn decide_all(
        &self,
        requests: Vec<RequestId>,
        (ask, decision): (Ask, Decision),
        visitor: &Visitor,
        spot: Spot,
    ) -> Ack {
        let (mut recorded, mut refused) = (0, 0);
        for id in requests {
            match self.act(id, ask, None, visitor).await {
                Ok(_) => recorded += 1,
                Err(Declined::Told(_)) if self.decided_before(id, decision, visitor).await => recorded += 1,
                Err(Declined::Told(_)) => refused += 1,
                Err(Declined::BadReason | Declined::Failed) => return Ack::again(),
            }
        }
        self.refuse(spot, Notice::Answered { decision, recorded, refused })
    }

    /// Only whoever is asked with a card turns its pages: whatever one sees there, everybody does.
    async fn turn(&self, card: CardId, page: u32, visitor: &Visitor, spot: Spot) -> Ack {
        let Ok(known) = self.gate.card(card).await else { return Ack::again() };
        let Some(known) = known else { return self.refuse(spot, Notice::Unknown) };
        if known.approver().is_none() || known.approver() != visitor.person() {
            self.record_of(visitor, "turn_page", Denial::NotAsked, None).await;
            return self.refuse(spot, Notice::NotAsked);
        }
        match self.gate.edit_card(card, CardEdit::Turn { page }).await {
            Ok(_) => Ack::ok().then(self.clone().after_done(spot)),
            Err(_) => Ack::again(),
        }
    }

    /// 200, and they are told; what they clicked on is drawn anew.
    pub(super) fn refuse(&self, spot: Spot, notice: Notice) -> Ack {
        Ack::ok().then(self.clone().after_refused(spot, notice))
    }
}

fn pressed(action: &Action) -> Option<Press> {
    Press::read(&action.action_id, action.input.one()?)
}

fn is_sample(press: &Press) -> bool {
    match press {
        Press::On(_, request) | Press::Resolve(request, _) => *request == Sample::request(),
        Press::ApproveRest(_) | Press::KeepRest(_) | Press::Turn { .. } => false,
    }
}

fn label(press: &Press) -> &'static str {
    match press {
        Press::ApproveRest(_) | Press::On(Verb::Approve | Verb::Release, _) => "approve",
        Press::KeepRest(_) | Press::On(Verb::Keep | Verb::StillNeed | Verb::Decline, _) => "keep",
        Press::On(Verb::Stop, _) => "stop",
        Press::On(Verb::Undo, _) => "undo",
        Press::On(Verb::Reassign, _) => "reassign",
        Press::On(Verb::Why, _) => "why",
        Press::Resolve(..) => "resolve",
        Press::Turn { .. } => "turn_page",
    }
}

fn unique(requests: Vec<RequestId>) -> Vec<RequestId> {
    let mut seen = BTreeSet::new();
    requests.into_iter().filter(|request| seen.insert(*request)).collect()
}
