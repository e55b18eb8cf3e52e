//! Events are sent again when an answer was late: each is worked once.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::id::EventId;

/// So many events are remembered. Slack repeats one three times within an hour.
const MOST: usize = 4096;

#[derive(Default)]
pub(super) struct SeenEvents(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    known: HashSet<EventId>,
    oldest_first: VecDeque<EventId>,
}

impl SeenEvents {
    /// Whether this is the first time; remembers it.
    pub(super) fn is_new(&self, event: &EventId) -> bool {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.known.insert(event.clone()) {
            return false;
        }
        memory.oldest_first.push_back(event.clone());
        if memory.oldest_first.len() > MOST
            && let Some(oldest) = memory.oldest_first.pop_front()
        {
            memory.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_new_once_and_the_oldest_are_forgotten() {
        let seen = SeenEvents::default();
        let event = |number: usize| format!("Ev{number}").parse::<EventId>().unwrap();
        assert!(seen.is_new(&event(0)) && !seen.is_new(&event(0)));
        assert!((1..=MOST).all(|number| seen.is_new(&event(number))));
        assert!(!seen.is_new(&event(1)) && seen.is_new(&event(0)));
        assert_eq!(seen.0.lock().unwrap().known.len(), MOST);
    }
}
