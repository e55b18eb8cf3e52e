//! Who waits for which request to end: nobody polls, so that no engine pays for being asked.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use tokio::sync::oneshot;

pub(crate) struct Waiting<K, V = ()>(Mutex<HashMap<K, Meeting<V>>>);

enum Meeting<V> {
    Awaited(oneshot::Sender<V>),
    Here(V),
}

impl<K, V> Default for Waiting<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Waiting<K, V> {
    /// What was, or will be, told under `key`.
    pub(crate) async fn wait(&self, key: K) -> Option<V> {
        let told = {
            let mut meetings = self.0.lock().ok()?;
            if let Some(Meeting::Here(value)) = meetings.remove(&key) {
                return Some(value);
            }
            let (tell, told) = oneshot::channel();
            meetings.insert(key, Meeting::Awaited(tell));
            told
        };
        told.await.ok()
    }

    pub(crate) fn tell(&self, key: K, value: V) {
        let Ok(mut meetings) = self.0.lock() else { return };
        match meetings.remove(&key) {
            Some(Meeting::Awaited(tell)) => drop(tell.send(value)),
            _ => drop(meetings.insert(key, Meeting::Here(value))),
        }
    }
}
