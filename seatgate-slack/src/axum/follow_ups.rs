use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::inbound::After;

/// What still runs after answers were sent. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct FollowUps {
    running: Arc<watch::Sender<usize>>,
}

/// One that runs, however it ends.
struct Running(Arc<watch::Sender<usize>>);

impl FollowUps {
    /// Ready as soon as nothing runs.
    ///
    /// # Cancel safety
    /// Cancel safe: what runs goes on.
    pub async fn ended(&self) {
        // The sender lives as long as this, so waiting does not fail.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    pub(super) fn spawn(&self, work: After) {
        self.running.send_modify(|running| *running += 1);
        let running = Running(Arc::clone(&self.running));
        tokio::spawn(async move {
            work.await;
            drop(running);
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}

impl fmt::Debug for FollowUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowUps").field("running", &*self.running.borrow()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_waits_for_what_runs_and_for_what_fails() {
        let (follow_ups, (go, gone)) = (FollowUps::default(), tokio::sync::oneshot::channel::<()>());
        follow_ups.ended().await;
        follow_ups.spawn(Box::pin(async move { gone.await.unwrap() }));
        follow_ups.spawn(Box::pin(async { panic!("a bug in what follows") }));
        assert_eq!(format!("{follow_ups:?}"), "FollowUps { running: 2 }");
        go.send(()).unwrap();
        follow_ups.ended().await;
        assert_eq!(format!("{follow_ups:?}"), "FollowUps { running: 0 }");
    }
}
