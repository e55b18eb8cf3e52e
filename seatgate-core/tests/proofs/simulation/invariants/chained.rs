//! The trail is the truth: every kept change lengthens its chain without a gap, folding a request's facts gives the state
//! that is stored with them, and at the end every chain verifies from its start.

use std::collections::BTreeMap;

use seatgate_core::canonical::Digest;
use seatgate_core::id::RequestId;
use seatgate_core::port::{Change, RequestQueries, RequestStore};
use seatgate_core::request::{Event, Fact, Request};
use seatgate_core::testing::block_on;
use seatgate_core::trail::{Entry, Stream, verify};

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Chained {
    ends: BTreeMap<Stream, (u64, Digest)>,
    folded: BTreeMap<RequestId, Request>,
}

impl Chained {
    fn entry(&mut self, entry: &Entry) -> Judgement {
        let (seq, head) = self.ends.get(&entry.stream).copied().unwrap_or((0, Digest::ZERO));
        let stream = entry.stream;
        holds(entry.seq == seq + 1, || format!("{stream}: entry {} after {seq}", entry.seq))?;
        let prev = format!("\"prev\":\"{head}\"");
        holds(entry.body.contains(&prev), || format!("{stream}: entry {} names another one", entry.seq))?;
        holds(entry.hash == Digest::of(entry.body.as_bytes()), || format!("{stream}: a wrong hash"))?;
        self.ends.insert(stream, (entry.seq, entry.hash));
        Ok(())
    }

    fn fold(&mut self, id: RequestId, facts: &[Fact], change: &Change) -> Judgement {
        for fact in facts {
            match (&fact.event, self.folded.get_mut(&id)) {
                (Event::Opened(opening), None) => {
                    self.folded.insert(id, Request::open(id, fact.at, (**opening).clone()));
                }
                (Event::Opened(_), Some(_)) => return Err(format!("{id} was opened twice")),
                (_, Some(request)) => request.apply(fact),
                (_, None) => return Err(format!("{id} does not begin with its opening")),
            }
        }
        let stored = change.request.as_ref();
        holds(stored == self.folded.get(&id), || format!("{id}: its facts do not give its state"))
    }
}

impl Invariant for Chained {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        let Seen::Committed { change, facts, .. } = seen else { return Ok(()) };
        change.entries.iter().try_for_each(|entry| self.entry(entry))?;
        match change.stream {
            Stream::Request(id) => {
                holds(facts.len() == change.entries.len(), || format!("{id}: an entry that is no fact"))?;
                self.fold(id, facts, change)
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for (stream, (length, head)) in &self.ends {
            let entries = block_on(world.store.trail(*stream)).unwrap();
            let lines: Vec<String> = entries.iter().map(Entry::to_json).collect();
            let end = verify(*stream, lines.iter().map(String::as_str)).map_err(|broken| broken.to_string())?;
            holds((end.version, end.head) == (*length, *head), || format!("{stream} ends elsewhere"))?;
        }
        for (id, folded) in &self.folded {
            let stored = block_on(world.store.load(&[*id])).unwrap().remove(0);
            holds(stored.is_some_and(|stored| stored.request == *folded), || format!("{id} is stored otherwise"))?;
        }
        Ok(())
    }
}
