//! A server that ends at a chosen point, for the kill tests. Compiled in by the feature `failpoints` alone.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use seatgate_core::agenda::{Claim, Claims, Settlement};
use seatgate_core::gate::{GateBuilder, Store};
use seatgate_core::id::{ExceptionId, SweepId};
use seatgate_core::port::{
    Answer, Batch, Change, EffectError, Exception, ExceptionStore, NamedSeat, RowResult, StoreError,
};
use seatgate_core::testing::Around;
use seatgate_core::time::Timestamp;

/// Where the process ends: right after the n-th write of a kind is kept, before anybody hears of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failpoint {
    write: Write,
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Commit,
    Claim,
    Settle,
    File,
    Receive,
    Forget,
}

impl FromStr for Failpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected commit, claim, settle, file, receive or forget, a colon and a number, such as commit:7";
        let (write, number) = text.split_once(':').ok_or(EXPECTED)?;
        let write = match write {
            "commit" => Write::Commit,
            "claim" => Write::Claim,
            "settle" => Write::Settle,
            "file" => Write::File,
            "receive" => Write::Receive,
            "forget" => Write::Forget,
            _ => return Err(EXPECTED),
        };
        Ok(Self { write, number: number.parse().map_err(|_| EXPECTED)? })
    }
}

impl Failpoint {
    /// The gate's store, with the failpoint in it.
    pub(crate) fn install<S: Store + 'static>(self, gate: GateBuilder, store: &Arc<S>) -> GateBuilder {
        let fatal = Arc::new(Fatal { failpoint: self, kept: AtomicU64::new(0), store: Arc::clone(store) });
        gate.requests(fatal.clone()).exceptions(fatal)
    }
}

/// A store whose failpoint ends the process. Only calls that kept something count.
struct Fatal<S> {
    failpoint: Failpoint,
    kept: AtomicU64,
    store: Arc<S>,
}

impl<S> Fatal<S> {
    /// As a power cut would: nothing is tidied up, and no reply goes out.
    fn kept(&self, write: Write, kept: bool) {
        if kept
            && write == self.failpoint.write
            && self.kept.fetch_add(1, Ordering::SeqCst) + 1 == self.failpoint.number
        {
            std::process::abort();
        }
    }
}

#[async_trait]
impl<S: Store> Around for Fatal<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.store
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let answers = self.store.commit(changes).await?;
        self.kept(Write::Commit, answers.iter().any(|answer| answer.is_kept()));
        Ok(answers)
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        let claims = self.store.claim(claim).await?;
        self.kept(Write::Claim, !claims.items.is_empty());
        Ok(claims)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let settled = self.store.settle(settlements).await?;
        self.kept(Write::Settle, settled.contains(&true));
        Ok(settled)
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        let kept = self.store.receive(batch, rejected).await?;
        self.kept(Write::Receive, kept);
        Ok(kept)
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.store.forget(sweep, before).await?;
        self.kept(Write::Forget, true);
        Ok(())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> ExceptionStore for Fatal<S> {
    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        self.store.file(exception).await?;
        self.kept(Write::File, true);
        Ok(())
    }

    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        self.store.active(seats, now).await
    }

    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        self.store.revoke(id, now).await
    }

    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        ExceptionStore::list(&*self.store, now, after, limit).await
    }
}
