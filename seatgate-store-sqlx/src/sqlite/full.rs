//! A disk without room: what does not fit is refused whole, and lands once there is room again.

use async_trait::async_trait;
use seatgate_core::id::TextId;
use seatgate_core::port::{Answer, Change, ExceptionStore, PeopleStore, RequestQueries, RequestStore, StoreErrorKind};
use seatgate_core::testing::World;
use sqlx::AssertSqlSafe;

use super::SqliteStore;
use super::writer::{Desk, Outcome, Work};

/// Lets the file have so many pages more than it has.
struct Room(u32);

#[async_trait]
impl Work for Room {
    type Answer = ();
    const CONTEXT: &'static str = "giving room";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<()>, sqlx::Error> {
        let pages: u32 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut desk.connection).await?;
        let most = AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages.saturating_add(self.0)));
        sqlx::query(most).execute(&mut desk.connection).await?;
        Ok(Outcome::Keep(()))
    }
}

/// A change that needs many pages, and the text that does.
fn large(world: &World) -> (Change, TextId) {
    let mut change = world.change(&mut world.new_chain());
    let text = world.text(&"long ".repeat(100_000), None);
    let id = text.reference.id;
    change.texts = vec![text];
    (change, id)
}

/// A store in a folder that goes with it.
async fn open() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("seatgate.db")).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn a_change_that_finds_no_room_is_refused_whole_and_lands_later() {
    let (_folder, store) = open().await;
    let world = World::new(1);
    let (change, text) = large(&world);
    store.writer.perform(Room(2)).await.unwrap();
    for _ in 0..2 {
        let error = store.commit(vec![change.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert_eq!(store.chain(change.stream).await.unwrap().version, 0);
        assert!(store.trail(change.stream).await.unwrap().is_empty());
        assert_eq!(store.texts(&[text]).await.unwrap(), [None]);
    }
    store.writer.perform(Room(10_000)).await.unwrap();
    assert_eq!(store.commit(vec![change.clone()]).await.unwrap(), [Answer::Committed]);
    assert_eq!(store.commit(vec![change]).await.unwrap(), [Answer::Duplicate]);
    assert!(store.texts(&[text]).await.unwrap()[0].is_some());
    store.close().await;
}

#[tokio::test]
async fn what_still_fits_lands_beside_what_does_not() {
    let (_folder, store) = open().await;
    let world = World::new(1);
    let (change, text) = large(&world);
    store.writer.perform(Room(2)).await.unwrap();
    let small: Vec<Change> = (0..4).map(|_| world.change(&mut world.new_chain())).collect();
    let [first, second] = [&small[..2], &small[2..]].map(<[Change]>::to_vec);
    let (first, refused, second) = tokio::join!(store.commit(first), store.commit(vec![change]), store.commit(second));
    assert_eq!((first.unwrap(), second.unwrap()), (vec![Answer::Committed; 2], vec![Answer::Committed; 2]));
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Unavailable);
    for change in small {
        assert_eq!(store.trail(change.stream).await.unwrap().len(), 1);
    }
    assert_eq!(store.texts(&[text]).await.unwrap(), [None]);
    store.close().await;
}

#[tokio::test]
async fn an_exception_that_finds_no_room_is_certainly_not_filed() {
    use seatgate_core::person::Actor;
    use seatgate_core::port::{EffectErrorKind, Exception};
    let (_folder, store) = open().await;
    let world = World::new(1);
    let seat = world.seat(world.account_id());
    store.writer.perform(Room(0)).await.unwrap();
    let mut filed = Vec::new();
    // Each takes some of the page that is left.
    let refused = loop {
        let exception = Exception::new(world.exception_id(), seat.clone(), world.now, Actor::worker(), world.now);
        match store.file(&exception).await {
            Ok(()) => filed.push(exception.id),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), EffectErrorKind::NotDone);
    let generation = store.seats(std::slice::from_ref(&seat)).await.unwrap()[0].generation;
    assert_eq!(generation, filed.len() as u64, "the one that was refused left nothing");
    store.close().await;
}
