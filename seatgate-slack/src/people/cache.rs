//! What Slack said of somebody, for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seatgate_core::time::Timestamp;

/// How long an answer is good for.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// How many are kept. Beyond that those that are too old go, and if that does not help, all of them.
const MOST: usize = 4096;

pub(crate) struct Cache<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// What was said, if that is not too long ago. A clock that jumped back makes nothing younger.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        self.entries().get(key).filter(|(since, _)| is_fresh(*since, now)).map(|(_, value)| value.clone())
    }

    /// What was said last, however long ago.
    pub(crate) fn last(&self, key: &K) -> Option<V> {
        self.entries().get(key).map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: K, value: V, now: Timestamp) {
        let mut entries = self.entries();
        if entries.len() >= MOST {
            entries.retain(|_, (since, _)| is_fresh(*since, now));
        }
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, (now, value));
    }

    /// Whoever panicked while holding the lock left nothing half done.
    fn entries(&self) -> MutexGuard<'_, HashMap<K, (Timestamp, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now < since.saturating_add(LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_answer_is_good_for_a_quarter_of_an_hour() {
        let cache = Cache::new();
        cache.put("ana", 1, at(0));
        assert_eq!((cache.get(&"ana", at(899)), cache.get(&"ana", at(900))), (Some(1), None));
        assert_eq!(cache.get(&"ana", at(-1)), None, "of a time that has not come");
        assert_eq!(cache.last(&"ana"), Some(1));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let cache = Cache::new();
        (0..MOST).for_each(|key| cache.put(key, (), at(0)));
        cache.put(MOST, (), at(1));
        assert_eq!(cache.entries().len(), 1);
        (0..MOST).for_each(|key| cache.put(key, (), at(2000)));
        assert_eq!(cache.get(&(MOST - 1), at(2000)), Some(()));
        assert!(cache.entries().len() <= MOST);
    }
}
