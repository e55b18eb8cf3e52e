//! Two things at the same time, on one task: so that two questions to a store take as long as the slower one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What both come to, once both are ready. Dropping it drops both.
pub(crate) async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none() {
            first = ready(one.as_mut().poll(context));
        }
        if second.is_none() {
            second = ready(other.as_mut().poll(context));
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            waiting => {
                (first, second) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
