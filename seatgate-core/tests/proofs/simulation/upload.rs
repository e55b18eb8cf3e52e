//! Sweeps in bulk: somebody outside opens one, sends its rows in parts, and seals it; and goes on where that was cut.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{BulkSweep, Gate, GateError, UploadRow};
use seatgate_core::id::SweepId;
use seatgate_core::person::{Actor, Surface};

use super::outside::{call, candidate, fail};
use super::reached::Reached;
use super::server::Server;
use super::world::World;

pub fn upload(world: &Arc<World>, server: &Server) {
    let chance = &world.stage.chance;
    let row = |number: usize| {
        let candidate = candidate(world);
        UploadRow::new(Digest::of(format!("{number} {}", candidate.received).as_bytes()), Ok(candidate))
    };
    let rows: Vec<UploadRow> = (0..=chance.below(5)).map(row).collect();
    let part = 1 + chance.below(3);
    let mut bulk = BulkSweep::new(Actor::system("scan").expect("a name"), Surface::Api);
    bulk.external_id = Some(chance.word().to_string());
    bulk.dry_run = chance.one_in(20);
    call(world, server, "upload", |world, gate| async move {
        for _ in 0..4 {
            match hand_in(&gate, &bulk, &rows, part).await {
                Ok(sweep) => {
                    world.stage.meet(Reached::Sealed);
                    return world.known().sweeps.push(sweep);
                }
                Err(error) if error.is_transient() => world.stage.sleep(Duration::from_secs(1)).await,
                Err(error) => return fail(&world, &error),
            }
        }
    });
}

async fn hand_in(gate: &Gate, bulk: &BulkSweep, rows: &[UploadRow], part: usize) -> Result<SweepId, GateError> {
    let sweep = gate.open_bulk(bulk.clone()).await?;
    let (record, _) = gate.swept(sweep, 0..0).await?;
    if record.is_open() {
        let mut upload = gate.upload(sweep, &bulk.submitted_by, record.rows).await?;
        for part in rows[usize::try_from(record.rows).expect("a few rows")..].chunks(part) {
            upload.add(part).await?;
        }
    }
    let count = u32::try_from(rows.len()).expect("a few rows");
    gate.seal(sweep, (&bulk.submitted_by, bulk.surface), Some(count)).await?;
    Ok(sweep)
}
