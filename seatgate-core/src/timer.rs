//! An end to waiting. The core has no clock that ticks: whoever drives the worker brings one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits as long as it is told to; without one, nothing is ever given up.
#[derive(Clone, Default)]
pub(crate) struct Timer(Option<Arc<dyn Fn(Duration) -> Sleep + Send + Sync>>);

impl Timer {
    pub(crate) fn new<F>(sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Some(Arc::new(move |time| Box::pin(sleep(time)))))
    }

    /// Whether there is one.
    pub(crate) fn ticks(&self) -> bool {
        self.0.is_some()
    }

    /// What `question` answers; nothing, if that takes longer than `limit`.
    pub(crate) async fn within<F: Future>(&self, limit: Duration, question: F) -> Option<F::Output> {
        let Some(sleep) = &self.0 else { return Some(question.await) };
        let (mut question, mut sleep) = (pin!(question), sleep(limit));
        poll_fn(|context| match question.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
