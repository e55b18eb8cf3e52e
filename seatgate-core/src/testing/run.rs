//! As much of a runtime as tests without one need.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread. For futures that need no runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Runs futures at the same time, and answers in their order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(move |context| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        if running.iter().any(|(_, output)| output.is_none()) {
            return Poll::Pending;
        }
        Poll::Ready(running.iter_mut().filter_map(|(_, output)| output.take()).collect())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pending once, and woken from another thread.
    async fn pause() {
        let mut paused = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut paused, true) {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn futures_run_to_their_end_and_answer_in_their_order() {
        let numbers = (0..8).map(|n| async move {
            for _ in n..8 {
                pause().await;
            }
            n
        });
        assert_eq!(block_on(join_all(numbers)), (0..8).collect::<Vec<_>>());
        assert_eq!(block_on(join_all(Vec::<std::future::Ready<()>>::new())), []);
    }
}
