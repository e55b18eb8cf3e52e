//! Every denial is counted once in the access stream of its server, unless the server died before it could.

use std::collections::BTreeMap;

use seatgate_core::port::RequestQueries;
use seatgate_core::testing::block_on;

use super::{Invariant, Judgement, holds};
use crate::simulation::server::Server;
use crate::simulation::world::World;

pub struct Denied;

/// The counts of a stream, by action and denial.
fn recorded(world: &World, server: &Server) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for entry in block_on(world.store.trail(server.gate.access_stream())).unwrap() {
        let body: serde_json::Value = serde_json::from_str(&entry.body).expect("an entry");
        let text = |name: &str| body["data"][name].as_str().unwrap_or_default().to_owned();
        let count = body["data"]["count"].as_u64().unwrap_or_default();
        *counts.entry((text("action"), text("denial"))).or_default() += count;
    }
    counts
}

impl Invariant for Denied {
    fn end(&mut self, world: &World, servers: &[Server]) -> Judgement {
        for server in servers {
            block_on(server.gate.flush_access());
            let counted = server.gate.meter().denials;
            let counted = counted.into_iter().map(|((action, denial), n)| ((action.to_owned(), denial.to_owned()), n));
            let (counted, recorded) = (counted.collect::<BTreeMap<_, _>>(), recorded(world, server));
            holds(counted == recorded, || format!("denied {counted:?}, recorded {recorded:?}"))?;
        }
        Ok(())
    }
}
