use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::port::{RequestStore, StoreError, StoreErrorKind};
use crate::testing::Around;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Before,
    /// All of it is done, and the reply is lost.
    After,
}

/// A store that fails at chosen calls, counted from 1 over all methods of [`RequestStore`].
#[derive(Debug)]
pub struct Faulty<T: ?Sized> {
    calls: AtomicU64,
    faults: Mutex<BTreeMap<u64, Fault>>,
    inner: Arc<T>,
}

impl<T: RequestStore + ?Sized> Faulty<T> {
    /// The store `inner`, which does not fail yet. Its other ports are reached through `inner` itself.
    #[must_use]
    pub fn new(inner: Arc<T>) -> Self {
        Self { calls: AtomicU64::new(0), faults: Mutex::default(), inner }
    }

    /// Fails at call `nth`.
    pub fn fail_at(&self, nth: u64, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(nth, fault);
    }

    /// Fails at the next call.
    pub fn fail_next(&self, fault: Fault) {
        self.fail_at(self.calls() + 1, fault);
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl<T: RequestStore + ?Sized> Around for Faulty<T> {
    type Inner = T;

    fn inner(&self) -> &T {
        &self.inner
    }

    /// Makes the call, unless it is to fail.
    async fn pass<O: Send>(
        &self,
        _call: &'static str,
        made: impl Future<Output = Result<O, StoreError>> + Send,
    ) -> Result<O, StoreError> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).remove(&nth);
        if fault == Some(Fault::Before) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "a call that was told to fail"));
        }
        let answer = made.await;
        match fault {
            Some(_) => Err(StoreError::new(StoreErrorKind::Unknown, "a call whose reply was to be lost")),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Fault, Faulty};
    use crate::memory::MemoryStore;
    use crate::port::{Answer, RequestStore as _, StoreErrorKind};
    use crate::testing::{ManualClock, World, block_on};

    #[test]
    fn it_fails_where_it_was_told_to_and_only_there() {
        let world = World::new(1);
        let store = Faulty::new(Arc::new(MemoryStore::new(Arc::new(ManualClock::new(world.now)))));
        let change = world.change(&mut world.new_chain());
        let commit = || block_on(store.commit(vec![change.clone()])).map_err(|error| error.kind());
        store.fail_at(1, Fault::Before);
        store.fail_at(3, Fault::After);
        let version = || block_on(store.chain(change.stream)).unwrap().version;
        assert_eq!(commit(), Err(StoreErrorKind::Unavailable));
        assert_eq!(version(), 0, "nothing was done");
        assert_eq!(commit(), Err(StoreErrorKind::Unknown));
        assert_eq!(version(), 1, "all of it was done");
        assert_eq!(commit(), Ok(vec![Answer::Duplicate]));
        store.fail_next(Fault::Before);
        assert!(commit().is_err());
        assert!(commit().is_ok());
        assert_eq!(store.calls(), 7);
    }
}
