//! Changes, on their way to the function that lands them.

use seatgate_core::port::{Answer, Change, Conflict, SeatChange, StoreError};
use sqlx::PgConnection;

use super::PgStore;
use super::error::{store_error, write_error};
use super::queue::{Work, each_or_none, in_order};
use super::together::Landing;
use crate::batch::Batch;
use crate::changes::add_change;
use crate::row::unknown;

const CONTEXT: &str = "committing a change";
const COMMIT: &str = "SELECT commit_together($1::jsonb, $2, $3, $4, $5)";

fn answer(label: &str) -> Result<Answer, sqlx::Error> {
    Ok(match label {
        "committed" => Answer::Committed,
        "duplicate" => Answer::Duplicate,
        "version" => Answer::Conflict(Conflict::Version),
        "seat" => Answer::Conflict(Conflict::Seat),
        "lease" => Answer::Conflict(Conflict::Lease),
        "row" => Answer::Conflict(Conflict::Row),
        other => return Err(unknown(other)),
    })
}

/// Which of two changes goes first, so that batches that want the same rows want them in the same order: those that take
/// seats by seat, as their streams are new; the others by stream.
fn order(change: &Change) -> Order {
    match &change.seat {
        Some(SeatChange::Take { seat, .. }) => {
            let (app, entitlement) = (seat.app.id.as_str().to_owned(), seat.entitlement.as_str().to_owned());
            (true, app, seat.account.to_string(), entitlement)
        }
        _ => (false, change.stream.to_string(), String::new(), String::new()),
    }
}

type Order = (bool, String, String, String);

/// The function that lands changes; `schema` as a prefix, where it is not on the search path.
pub(super) fn commit_statement(schema: &str) -> String {
    format!("SELECT {schema}commit_together($1::jsonb, $2, $3, $4, $5)")
}

fn landing(sql: &str) -> Landing<'_> {
    Landing { sql, bodies: &["opened", "moved", "events", "texts"], landed: "committed" }
}

/// A change on its way to the function that lands it.
pub(super) struct NewChange {
    batch: Batch,
    order: Order,
}

impl NewChange {
    fn of(change: &Change, now: Option<i64>) -> Result<Self, sqlx::Error> {
        let mut batch = Batch::with_bodies(now);
        add_change(change, &mut batch)?;
        Ok(Self { batch, order: order(change) })
    }
}

impl Work for NewChange {
    type Answer = Answer;
    const CONTEXT: &'static str = CONTEXT;
    const WRITES: bool = true;
    /// What a sweep brings at once is worked on in parts, two of them at a time.
    const BATCH: usize = 64;
    /// While one batch waits for the disk, the next is worked on.
    const SIDE_BY_SIDE: usize = 2;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Answer>, sqlx::Error> {
        let (places, batches) = sorted(pieces);
        let labels = landing(COMMIT).land(&batches, connection).await?;
        Ok(in_order(&places, answers(&labels)?))
    }
}

/// The batches in their order, and whose they are.
fn sorted<'a>(pieces: &[&'a NewChange]) -> (Vec<usize>, Vec<&'a Batch>) {
    let mut places: Vec<usize> = (0..pieces.len()).collect();
    places.sort_by_key(|place| &pieces[*place].order);
    let batches = places.iter().map(|place| &pieces[*place].batch).collect();
    (places, batches)
}

impl PgStore {
    /// Lands changes, and answers in their order. While the first of many are worked on, the next are made ready.
    pub(super) async fn land(&self, changes: &[Change]) -> Result<Vec<Answer>, StoreError> {
        let hand_in = |part: &[Change]| self.queues.changes.hand_in(self.pieces(part)?);
        let parts: Vec<_> = changes.chunks(NewChange::BATCH).map(hand_in).collect();
        let mut answers = Vec::with_capacity(changes.len());
        for part in parts {
            match part {
                Ok(part) => answers.extend(part.answers().await),
                Err(error) => answers.push(Err(error)),
            }
        }
        each_or_none(answers, CONTEXT)
    }

    /// Lands changes within a transaction of the caller's, and answers in their order.
    pub(super) async fn land_in(
        &self,
        transaction: &mut PgConnection,
        changes: &[Change],
    ) -> Result<Vec<Answer>, StoreError> {
        let pieces = self.pieces(changes)?;
        let (places, batches) = sorted(&pieces.iter().collect::<Vec<_>>());
        let labels = landing(&self.commit_here).land_in(&batches, transaction).await.map_err(write_error(CONTEXT))?;
        Ok(in_order(&places, answers(&labels).map_err(store_error(CONTEXT))?))
    }

    fn pieces(&self, changes: &[Change]) -> Result<Vec<NewChange>, StoreError> {
        let now = self.given_now();
        let pieces: Result<_, _> = changes.iter().map(|change| NewChange::of(change, now)).collect();
        pieces.map_err(store_error(CONTEXT))
    }
}

fn answers(labels: &[String]) -> Result<Vec<Answer>, sqlx::Error> {
    labels.iter().map(|label| answer(label)).collect()
}
