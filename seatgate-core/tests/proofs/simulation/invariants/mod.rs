//! What must hold, one file each. Everything that is seen goes through all of them after every step; what only the end
//! can show is asked at the end.

mod acknowledged;
mod approved;
mod asked;
mod by_hand;
mod cards;
mod chained;
mod deliveries;
mod denied;
mod excepted;
mod fenced;
mod honest;
mod no_late_begin;
mod one_decision;
mod one_seat;
mod repeats;
mod settled;
mod stopped_by_mode;
mod taken_in;
mod told;

use super::seen::Seen;
use super::server::Server;
use super::world::World;

/// What does not hold: why.
pub type Judgement = Result<(), String>;

/// Something that must hold.
pub trait Invariant {
    /// Judges what was seen.
    fn see(&mut self, _seen: &Seen, _world: &World) -> Judgement {
        Ok(())
    }

    /// Judges the end: mishaps are over, time has gone by, and nothing moves any more.
    fn end(&mut self, _world: &World, _servers: &[Server]) -> Judgement {
        Ok(())
    }
}

/// All of them, by name.
pub fn all() -> Vec<(&'static str, Box<dyn Invariant>)> {
    vec![
        ("one_decision", Box::new(one_decision::OneDecision::default())),
        ("approved", Box::new(approved::Approved::default())),
        ("asked", Box::new(asked::Asked::default())),
        ("by_hand", Box::new(by_hand::ByHand::default())),
        ("no_late_begin", Box::new(no_late_begin::NoLateBegin::default())),
        ("repeats", Box::new(repeats::Repeats::default())),
        ("honest", Box::new(honest::Honest::default())),
        ("stopped_by_mode", Box::new(stopped_by_mode::StoppedByMode::default())),
        ("fenced", Box::new(fenced::Fenced::default())),
        ("one_seat", Box::new(one_seat::OneSeat::default())),
        ("excepted", Box::new(excepted::Excepted::default())),
        ("acknowledged", Box::new(acknowledged::Acknowledged::default())),
        ("deliveries", Box::new(deliveries::Deliveries::default())),
        ("chained", Box::new(chained::Chained::default())),
        ("settled", Box::new(settled::Settled)),
        ("cards", Box::new(cards::Cards::default())),
        ("taken_in", Box::new(taken_in::TakenIn::default())),
        ("told", Box::new(told::Told::default())),
        ("denied", Box::new(denied::Denied)),
    ]
}

/// `Err` with these words, unless it holds.
pub fn holds(it: bool, words: impl FnOnce() -> String) -> Judgement {
    if it { Ok(()) } else { Err(words()) }
}
