//! One server over one file: the lives of the processes that serve it one after the other.

use std::os::unix::process::ExitStatusExt;

use seatgate_core::time::Timestamp;

use super::account::Evidence;
use super::ground::{End, Ground, Life, now};
use super::work::Work;
use crate::house::Server;

pub(super) const SIGABRT: i32 = 6;

pub(super) struct Lives<'a> {
    ground: Ground<'a>,
    work: Work,
    lived: Vec<Life>,
}

impl<'a> Lives<'a> {
    pub(super) fn new(ground: Ground<'a>) -> Self {
        let work = Work::new("0", &ground.slack);
        Self { ground, work, lived: Vec::new() }
    }

    pub(super) fn kills(&self) -> usize {
        self.lived.iter().filter(|life| life.is_cut()).count()
    }

    fn record(&mut self, started_at: Timestamp, end: End) {
        self.lived.push(Life { started_at, ended_at: now(), end });
    }

    /// A life that ends while the target holds so many calls open, whatever else is going on.
    pub(super) async fn until_held(&mut self, calls: usize) {
        let (life, started_at) = (self.lived.len(), now());
        self.ground.target.hold([life]);
        let server = self.ground.start(life, None).unwrap();
        let door = server.door();
        let asking = async {
            loop {
                self.work.refill();
                assert!(self.work.ask_all(&door).await, "nobody killed it yet");
            }
        };
        tokio::select! {
            () = self.ground.target.called(life, calls) => {}
            () = asking => {}
        }
        server.kill();
        self.ground.target.hold([]);
        self.record(started_at, End::Held);
    }

    /// A life that ends at this failpoint; `false` where it is never reached, and the server stops in order.
    pub(super) async fn until(&mut self, failpoint: &str) -> bool {
        let (life, started_at) = (self.lived.len(), now());
        let ended = match self.ground.start(life, Some(failpoint)) {
            Err(ended) => ended,
            Ok(server) => {
                self.work.refill();
                let door = server.door();
                let alive = self.work.ask_all(&door).await && self.ground.settled(&door, &self.work.book).await;
                if alive { server.stop() } else { server.wait() }
            }
        };
        let reached = ended.signal() == Some(SIGABRT);
        assert!(reached || ended.success(), "{failpoint}: {ended}");
        self.record(started_at, if reached { End::At(failpoint.to_owned()) } else { End::Whole });
        reached
    }

    /// A life in which everything still to be asked is asked, and everything settles: what is found in it.
    pub(super) async fn last(&mut self) -> (Server, Evidence) {
        let (life, started_at) = (self.lived.len(), now());
        let server = self.ground.start(life, None).unwrap();
        let door = server.door();
        let alive = self.work.ask_all(&door).await && self.ground.settled(&door, &self.work.book).await;
        assert!(alive, "nobody kills it");
        let copies = self.ground.click_on_what_is_left(&door).await;
        self.record(started_at, End::Whole);
        let (book, lived) = (self.work.book.clone(), self.lived.clone());
        (server, Evidence::gather(&self.ground, &door, book, lived, copies).await)
    }
}
