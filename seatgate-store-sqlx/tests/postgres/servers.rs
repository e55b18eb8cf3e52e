//! What only the PostgreSQL store promises: several servers on one database, and connections that break.

use std::collections::BTreeSet;
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Claim, Claimed, Item, Lane, Next, Settlement};
use seatgate_core::card::{Card, CardEdit, CardReceipt};
use seatgate_core::id::{AccountId, ChangeId, InstanceId, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{
    Answer, Change, Conflict, NewAccount, OsEntropy, PeopleStore, RequestQueries, RequestStore, SeatChange,
    StoreErrorKind,
};
use seatgate_core::seat::{AccountNames, Seat};
use seatgate_core::testing::{World, join_all};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, EntryDraft, Stream, verify};
use seatgate_store_sqlx::{PgOptions, PgStore};
use sqlx::{Connection as _, PgConnection};

use crate::cluster;
use crate::proxy::Proxy;

fn noon() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

/// Several servers on one empty database.
struct Servers {
    url: &'static str,
    schema: String,
    stores: Vec<PgStore>,
}

impl Servers {
    async fn start(count: usize) -> Option<Self> {
        let (url, schema) = (cluster::url()?, crate::schema());
        let open = || PgStore::open(PgOptions::new(url).schema(&schema).connections(8));
        let stores = join_all((0..count).map(|_| open())).await;
        let stores = stores.into_iter().map(Result::unwrap).collect();
        Some(Self { url, schema, stores })
    }

    fn one(&self) -> &PgStore {
        &self.stores[0]
    }

    /// A connection beside those of the servers, with the tables at hand.
    async fn beside(&self) -> PgConnection {
        let mut connection = PgConnection::connect(self.url).await.unwrap();
        run(&format!("SET search_path TO {}", self.schema), &mut connection).await;
        connection
    }

    /// Commits each change on one server after the other, all at once.
    async fn commit_all(&self, changes: Vec<Change>) -> Vec<Answer> {
        let servers = self.stores.iter().cycle();
        let commits = changes.into_iter().zip(servers).map(|(change, server)| server.commit(vec![change]));
        join_all(commits).await.into_iter().map(|answers| answers.unwrap()[0]).collect()
    }
}

async fn run(sql: &str, connection: &mut PgConnection) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// How many of this database's sessions wait for a lock that session `of` holds; asked until somebody does.
async fn blocked_by(of: i32, connection: &mut PgConnection) -> i32 {
    let waiting = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
    loop {
        if let Some(pid) = sqlx::query_scalar(waiting).bind(of).fetch_optional(&mut *connection).await.unwrap() {
            return pid;
        }
        tokio::task::yield_now().await;
    }
}

async fn pid(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.unwrap()
}

fn new_chain() -> Chain {
    Chain::empty(Stream::Access(InstanceId::generate(noon(), &OsEntropy)))
}

/// A change that appends one entry to `chain`.
fn change(chain: &mut Chain) -> Change {
    let id = ChangeId::generate(noon(), &OsEntropy);
    let mut change = Change::new(id, chain);
    let draft = EntryDraft::new(noon(), "denied", Actor::worker(), Surface::Api, serde_json::Value::Null);
    change.entries.push(chain.append(id, draft).unwrap());
    change
}

fn schedule(item: Item, lane: Option<Lane>) -> AgendaChange {
    AgendaChange::Schedule { item, due: noon(), lane, gated: true }
}

fn wake() -> Item {
    Item::Wake(RequestId::generate(noon(), &OsEntropy))
}

fn kept(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| **answer == Answer::Committed).count()
}

async fn account(store: &PgStore, world: &World, id: Option<&str>, email: Option<&str>) -> AccountId {
    let names = AccountNames::new(id.map(str::to_owned), email.map(|email| email.parse().unwrap()), None);
    let new = NewAccount::new(world.app().id, names, world.account_id());
    store.accounts(vec![new], noon()).await.unwrap()[0]
}

// --------------------------------------------------------------------------------------------------------------- servers

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_that_start_at_once_migrate_once() {
    let Some(servers) = Servers::start(4).await else { return };
    let mut beside = servers.beside().await;
    let count = "SELECT count(*) FROM _seatgate_migrations WHERE success";
    let migrations: i64 = sqlx::query_scalar(count).fetch_one(&mut beside).await.unwrap();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres")).unwrap().count();
    assert_eq!(usize::try_from(migrations), Ok(files));
    for server in &servers.stores {
        assert_eq!(server.chain(Stream::System).await.unwrap(), Chain::empty(Stream::System));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_64_changes_of_a_chain_lands_over_four_servers() {
    let Some(servers) = Servers::start(4).await else { return };
    let chain = new_chain();
    let answers = servers.commit_all((0..64).map(|_| change(&mut chain.clone())).collect()).await;
    assert_eq!(kept(&answers), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Committed | Answer::Conflict(Conflict::Version))));
    // And once more, behind the first entry.
    let chain = servers.one().chain(chain.stream).await.unwrap();
    let answers = servers.commit_all((0..64).map(|_| change(&mut chain.clone())).collect()).await;
    assert_eq!(kept(&answers), 1, "{answers:?}");
    let trail = servers.one().trail(chain.stream).await.unwrap();
    let lines: Vec<String> = trail.iter().map(|entry| entry.to_json()).collect();
    assert_eq!(verify(chain.stream, lines.iter().map(String::as_str)).unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_change_on_four_servers_lands_once() {
    let Some(servers) = Servers::start(4).await else { return };
    let mut first = change(&mut new_chain());
    first.agenda.push(schedule(wake(), None));
    let answers = servers.commit_all(vec![first; 64]).await;
    assert_eq!(kept(&answers), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.is_kept()), "{answers:?}");
    assert_eq!(servers.one().claim(Claim::new(noon(), 10)).await.unwrap().items[0].wanted, 1);
}

/// A lone commit waits for nobody; those that come while it is under way go together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_come_at_once_share_transactions() {
    let Some(servers) = Servers::start(1).await else { return };
    let commits = (0..64).map(|_| servers.one().commit(vec![change(&mut new_chain())]));
    let answers = join_all(commits.collect::<Vec<_>>()).await;
    assert!(answers.into_iter().all(|answers| answers.unwrap() == [Answer::Committed]));
    let transactions = "SELECT count(DISTINCT xmin::text) FROM events";
    let transactions: i64 = sqlx::query_scalar(transactions).fetch_one(&mut servers.beside().await).await.unwrap();
    assert!(transactions < 32, "64 commits took {transactions} transactions");
}

/// One that lost a race keeps nobody who came along from landing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_collides_keeps_no_other_of_its_batch_from_landing() {
    let Some(servers) = Servers::start(1).await else { return };
    let mut chain = new_chain();
    let (first, stale) = (change(&mut chain.clone()), change(&mut chain));
    assert_eq!(servers.one().commit(vec![first.clone()]).await.unwrap(), [Answer::Committed]);
    let (other, another) = (change(&mut new_chain()), change(&mut new_chain()));
    let answers = servers.one().commit(vec![other, stale, first, another]).await.unwrap();
    let expected = [Answer::Committed, Answer::Conflict(Conflict::Version), Answer::Duplicate, Answer::Committed];
    assert_eq!(answers, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_can_wait_is_refused_and_nothing_of_it_is_done() {
    let Some(servers) = Servers::start(1).await else { return };
    let mut holder = servers.beside().await;
    run("BEGIN; LOCK TABLE streams IN EXCLUSIVE MODE", &mut holder).await;
    let crowd: Vec<_> = (0..8_448).map(|_| change(&mut new_chain())).collect();
    let (holding, mut watcher) = (pid(&mut holder).await, servers.beside().await);
    let mut waiting = Box::pin(servers.one().commit(crowd.clone()));
    tokio::select! {
        biased;
        _ = &mut waiting => unreachable!("the table is locked"),
        _ = blocked_by(holding, &mut watcher) => {}
    }
    let late = change(&mut new_chain());
    let error = servers.one().commit(vec![late.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    run("ROLLBACK", &mut holder).await;
    // On a slow machine the lock was held for longer than anybody waits: then whoever was refused tries again.
    let answers = match waiting.await {
        Ok(answers) => answers,
        Err(_) => servers.one().commit(crowd).await.unwrap(),
    };
    assert_eq!(answers.iter().filter(|answer| answer.is_kept()).count(), 8_448);
    assert_eq!(servers.one().commit(vec![late]).await.unwrap(), [Answer::Committed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_64_requests_takes_a_seat_over_four_servers() {
    let Some(servers) = Servers::start(4).await else { return };
    let world = World::new(1);
    let seat = world.seat(world.account_id());
    let changes = (0..64).map(|_| world.opened_change(&seat, 0, world.person_ref())).collect();
    let answers = servers.commit_all(changes).await;
    assert_eq!(kept(&answers), 1, "{answers:?}");
}

/// Sweeps about the same seats in opposite orders, each in one batch: every seat is taken once, and nobody waits for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_want_the_same_seats_in_opposite_orders_all_end() {
    let Some(servers) = Servers::start(2).await else { return };
    let world = World::new(1);
    let seats: Vec<Seat> = (0..40).map(|_| world.seat(world.account_id())).collect();
    let batch = |seats: Vec<&Seat>| -> Vec<Change> {
        seats.into_iter().map(|seat| world.opened_change(seat, 0, world.person_ref())).collect()
    };
    let batches = (0..8).map(|turn| match turn % 2 {
        0 => batch(seats.iter().collect()),
        _ => batch(seats.iter().rev().collect()),
    });
    let commits = batches.zip(servers.stores.iter().cycle()).map(|(batch, server)| server.commit(batch));
    let answers = join_all(commits.collect::<Vec<_>>()).await;
    let answers: Vec<Answer> = answers.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(kept(&answers), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_never_claim_the_same_item() {
    let Some(servers) = Servers::start(2).await else { return };
    let mut first = change(&mut new_chain());
    first.agenda = (0..300).map(|_| schedule(wake(), None)).collect();
    servers.one().commit(vec![first]).await.unwrap();
    let claims = (0..40).map(|turn| servers.stores[turn % 2].claim(Claim::new(noon(), 7)));
    let claimed: Vec<Claimed> = join_all(claims).await.into_iter().flat_map(|claims| claims.unwrap().items).collect();
    let keys: BTreeSet<String> = claimed.iter().map(|claimed| claimed.item.key()).collect();
    assert_eq!((claimed.len(), keys.len()), (280, 280), "40 claims of 7, none twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_quota_of_a_lane() {
    let Some(servers) = Servers::start(2).await else { return };
    let lane = Lane::Messages("C1".to_owned());
    let mut first = change(&mut new_chain());
    first.agenda = (0..50).map(|_| schedule(wake(), Some(lane.clone()))).collect();
    servers.one().commit(vec![first]).await.unwrap();
    let claims = join_all((0..16).map(|turn| servers.stores[turn % 2].claim(Claim::new(noon(), 50)))).await;
    let claimed: Vec<Claimed> = claims.into_iter().flat_map(|claims| claims.unwrap().items).collect();
    assert_eq!(claimed.len(), Claim::PER_LANE);
    let settled = claimed.iter().map(|claimed| Settlement::new(claimed, Next::Done)).collect();
    assert_eq!(servers.one().settle(settled).await.unwrap(), [true; Claim::PER_LANE]);
}

/// Workers that claim and settle, and requests that want the same items meanwhile: every wish is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wishes_and_settlements_that_cross_lose_nothing() {
    let Some(servers) = Servers::start(2).await else { return };
    let items: Vec<Item> = (0..20).map(|_| wake()).collect();
    let wishes = |turn: usize| {
        let mut change = change(&mut new_chain());
        let items = items.iter().cycle().skip(turn).take(20);
        change.agenda = items.map(|item| schedule(item.clone(), None)).collect();
        change
    };
    let work = async |server: &PgStore| {
        for _ in 0..20 {
            let claims = server.claim(Claim::new(noon(), 50)).await.unwrap();
            let settled = claims.items.iter().rev().map(|claimed| Settlement::new(claimed, Next::Done)).collect();
            assert!(server.settle(settled).await.unwrap().into_iter().all(|ours| ours));
        }
    };
    let want = async |server: &PgStore, from: usize| {
        for turn in from..from + 20 {
            assert_eq!(server.commit(vec![wishes(turn)]).await.unwrap(), [Answer::Committed]);
        }
    };
    let [one, two] = &servers.stores[..] else { unreachable!("two servers") };
    tokio::join!(work(one), want(two, 0), work(two), want(one, 7));
    // Whatever is left can be had, once.
    let left = one.claim(Claim::new(noon(), 50)).await.unwrap();
    let settled = left.items.iter().map(|claimed| Settlement::new(claimed, Next::Done)).collect();
    assert!(one.settle(settled).await.unwrap().into_iter().all(|ours| ours));
    assert_eq!(one.claim(Claim::new(noon(), 50)).await.unwrap().next_due, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_and_edits_of_a_card_that_cross_lose_nothing() {
    let Some(servers) = Servers::start(2).await else { return };
    let world = World::new(1);
    let card = Card::asking(world.card_id(), world.person_ref(), vec![world.request_id()]);
    let mut first = change(&mut new_chain());
    first.cards = vec![card.clone()];
    first.agenda = (0..4).map(|_| schedule(wake(), None)).collect();
    servers.one().commit(vec![first]).await.unwrap();
    let claims = servers.one().claim(Claim::new(noon(), 4)).await.unwrap();
    let settlements = claims.items.iter().enumerate().map(|(number, claimed)| {
        let mut receipt = CardReceipt::new(card.id, false);
        receipt.copies = vec![format!("C1/{number}")];
        let mut settlement = Settlement::new(claimed, Next::Done);
        settlement.card = Some(receipt);
        settlement
    });
    let settle = join_all(settlements.zip(servers.stores.iter().cycle()).map(|(one, server)| server.settle(vec![one])));
    let edits = (0..4).map(|number| CardEdit::Adopt { place: format!("C2/{number}") });
    let edit = join_all(
        edits.zip(servers.stores.iter().cycle()).map(|(edit, server)| server.edit_card(card.id, edit, noon())),
    );
    let (settled, edited) = tokio::join!(settle, edit);
    assert!(settled.into_iter().all(|settled| settled.unwrap() == [true]));
    assert!(edited.into_iter().all(|edited| edited.unwrap()));
    let kept = servers.one().cards(&[card.id]).await.unwrap().remove(0).unwrap();
    assert_eq!(kept.copies.len(), 8, "{:?}", kept.copies);
}

/// A merge moves a seat while others take and free it: no seat stays behind, and none stays taken by a closed request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_that_move_in_a_merge_are_neither_lost_nor_stuck() {
    let Some(servers) = Servers::start(2).await else { return };
    let [one, two] = &servers.stores[..] else { unreachable!("two servers") };
    let world = World::new(1);
    for round in 0..40 {
        let (id, email) = (format!("00u{round}"), format!("user{round}@example.com"));
        let by_id = account(one, &world, Some(&id), None).await;
        let by_email = account(one, &world, None, Some(&email)).await;
        let (target, source) = (world.seat(by_id), world.seat(by_email));
        let opened = world.opened_change(&source, 0, world.person_ref());
        let request = opened.request.clone().unwrap().id;
        let take = async {
            let answer = two.commit(vec![opened]).await.unwrap()[0];
            if answer != Answer::Committed {
                return;
            }
            let mut chain = two.chain(Stream::Request(request)).await.unwrap();
            let mut close = world.change(&mut chain);
            close.seat = Some(SeatChange::Release { quiet_until: None });
            assert_eq!(two.commit(vec![close]).await.unwrap(), [Answer::Committed]);
        };
        tokio::join!(account(one, &world, Some(&id), Some(&email)), take);
        let rows = one.seats(&[source, target]).await.unwrap();
        assert_eq!(rows[0], rows[1], "both keys lead to one seat");
        assert_eq!(rows[0].open_request, None, "round {round}");
    }
    let stray = "SELECT count(*) FROM seats JOIN accounts ON accounts.id = account WHERE merged_into IS NOT NULL";
    let stray: i64 = sqlx::query_scalar(stray).fetch_one(&mut servers.beside().await).await.unwrap();
    assert_eq!(stray, 0, "seats of accounts that are no more");
}

// ------------------------------------------------------------------------------------------------------------- failures

#[tokio::test]
async fn a_connection_lost_in_a_commit_leaves_it_unknown_and_a_repeat_tells() {
    let Some(servers) = Servers::start(1).await else { return };
    let (mut holder, mut watcher) = (servers.beside().await, servers.beside().await);
    run("BEGIN; LOCK TABLE events IN EXCLUSIVE MODE", &mut holder).await;
    let holding = pid(&mut holder).await;
    let change = change(&mut new_chain());
    let cut = async {
        let victim = blocked_by(holding, &mut watcher).await;
        sqlx::query("SELECT pg_terminate_backend($1)").bind(victim).execute(&mut watcher).await.unwrap();
    };
    let (answer, ()) = tokio::join!(servers.one().commit(vec![change.clone()]), cut);
    assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Unknown);
    run("ROLLBACK", &mut holder).await;
    assert_eq!(servers.one().commit(vec![change.clone()]).await.unwrap(), [Answer::Committed], "it had not landed");
    assert_eq!(servers.one().commit(vec![change]).await.unwrap(), [Answer::Duplicate]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_leaves_a_commit_unknown_and_a_repeat_tells() {
    let Some(servers) = Servers::start(1).await else { return };
    let Some(proxy) = Proxy::before(servers.url) else { return };
    let options = PgOptions::new(proxy.url()).schema(&servers.schema).connections(1);
    let far = PgStore::open(options).await.unwrap();
    let (first, second) = (change(&mut new_chain()), change(&mut new_chain()));
    assert_eq!(far.commit(vec![first]).await.unwrap(), [Answer::Committed]);
    proxy.lose_reply_to(second.id.to_string());
    let error = far.commit(vec![second.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(servers.one().commit(vec![second.clone()]).await.unwrap(), [Answer::Duplicate], "it had landed");
    assert_eq!(far.commit(vec![second]).await.unwrap(), [Answer::Duplicate], "over a new connection");
}

#[tokio::test]
async fn a_connection_that_went_while_idle_is_replaced() {
    let Some(servers) = Servers::start(1).await else { return };
    let store = PgStore::open(PgOptions::new(servers.url).schema(&servers.schema).connections(1)).await.unwrap();
    store.chain(Stream::System).await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
        WHERE application_name = 'seatgate' AND pid <> pg_backend_pid() AND query LIKE '%streams%' AND state = 'idle'";
    let mut beside = servers.beside().await;
    sqlx::query(kill).execute(&mut beside).await.unwrap();
    // The first one may find out; nobody after it does.
    let _may_fail = store.chain(Stream::System).await;
    assert_eq!(store.chain(Stream::System).await.unwrap(), Chain::empty(Stream::System));
}

#[tokio::test]
async fn a_commit_whose_caller_left_lands_whole_or_not_at_all() {
    let Some(servers) = Servers::start(1).await else { return };
    for polls in 1..12 {
        let mut change = change(&mut new_chain());
        let item = wake();
        change.agenda.push(schedule(item.clone(), None));
        let mut commit = Box::pin(servers.one().commit(vec![change.clone()]));
        for _ in 0..polls {
            tokio::select! {
                biased;
                _ = &mut commit => break,
                () = tokio::task::yield_now() => {}
            }
        }
        drop(commit);
        let answer = servers.one().commit(vec![change.clone()]).await.unwrap()[0];
        assert!(answer.is_kept(), "{answer:?}");
        let claims = servers.one().claim(Claim::new(noon(), 10)).await.unwrap().items;
        assert_eq!(claims.iter().map(|claimed| (&claimed.item, claimed.wanted)).collect::<Vec<_>>(), [(&item, 1)]);
        servers.one().settle(vec![Settlement::new(&claims[0], Next::Done)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_bad_change_fails_alone_and_leaves_its_batch_unknown() {
    let Some(servers) = Servers::start(1).await else { return };
    let good: Vec<Change> = (0..100).map(|_| change(&mut new_chain())).collect();
    let mut bad = change(&mut new_chain());
    // Twice the same place in the chain: no check foresees it, and the table refuses it.
    bad.entries.push(bad.entries[0].clone());
    bad.agenda.push(schedule(wake(), None));
    let mut batch = good.clone();
    batch.insert(40, bad.clone());
    let error = servers.one().commit(batch).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(servers.one().commit(good).await.unwrap(), [Answer::Duplicate; 100]);
    assert_eq!(servers.one().commit(vec![bad.clone()]).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(servers.one().chain(bad.stream).await.unwrap().version, 0);
    assert!(
        servers.one().claim(Claim::new(noon(), 10)).await.unwrap().items.is_empty(),
        "nothing of the bad one landed"
    );
}

/// Makes the database undo so many commits as it undoes one of two that deadlock.
async fn trip(times: u32, servers: &Servers) {
    let trip = format!(
        "CREATE SEQUENCE IF NOT EXISTS trips; ALTER SEQUENCE trips RESTART;
        CREATE OR REPLACE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('trips') <= {times} THEN
                RAISE EXCEPTION USING ERRCODE = '40P01';
            END IF;
            RETURN new;
        END $$;
        CREATE OR REPLACE TRIGGER trip BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION trip()"
    );
    run(&trip, &mut servers.beside().await).await;
}

#[tokio::test]
async fn a_commit_that_lost_a_deadlock_is_repeated_and_given_up_in_the_end() {
    let Some(servers) = Servers::start(1).await else { return };
    trip(3, &servers).await;
    assert_eq!(servers.one().commit(vec![change(&mut new_chain())]).await.unwrap(), [Answer::Committed]);
    trip(1000, &servers).await;
    let error = servers.one().commit(vec![change(&mut new_chain())]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "nothing was written, and a later try may succeed");
}

#[tokio::test]
async fn a_claim_waits_for_nobody() {
    let Some(servers) = Servers::start(1).await else { return };
    let mut change = change(&mut new_chain());
    change.agenda.push(schedule(wake(), None));
    servers.one().commit(vec![change]).await.unwrap();
    let mut holder = servers.beside().await;
    run("BEGIN; UPDATE agenda SET due = due", &mut holder).await;
    let claims = servers.one().claim(Claim::new(noon(), 10)).await.unwrap();
    assert_eq!(claims.items, [], "what somebody works on is not waited for");
    assert_eq!(claims.next_due, Some(noon()), "and is asked for again");
    run("ROLLBACK", &mut holder).await;
    assert_eq!(servers.one().claim(Claim::new(noon(), 10)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_keeps_no_other_from_being_claimed() {
    let Some(servers) = Servers::start(1).await else { return };
    let mut first = change(&mut new_chain());
    first.agenda = vec![schedule(wake(), None), schedule(wake(), None)];
    servers.one().commit(vec![first]).await.unwrap();
    let spoil = "UPDATE agenda SET item = '{\"v\":99}' WHERE key = (SELECT min(key) FROM agenda)";
    run(spoil, &mut servers.beside().await).await;
    assert_eq!(servers.one().claim(Claim::new(noon(), 10)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn texts_come_back_byte_for_byte_and_what_postgresql_cannot_keep_is_refused() {
    let Some(servers) = Servers::start(1).await else { return };
    let world = World::new(1);
    let bodies = ["", "Zoë \"quoted\" \\ back", "two\nlines\ttab", "\u{1f600}\u{7f}\u{2028}", "{\"a\": 1e400}"];
    let mut change_of_texts = change(&mut new_chain());
    change_of_texts.texts = bodies.map(|body| world.text(body, None)).to_vec();
    let ids: Vec<_> = change_of_texts.texts.iter().map(|text| text.reference.id).collect();
    servers.one().commit(vec![change_of_texts]).await.unwrap();
    let found: Vec<_> = servers.one().texts(&ids).await.unwrap().into_iter().flatten().collect();
    assert_eq!(found, bodies);
    let mut nul = change(&mut new_chain());
    nul.texts = vec![world.text("\u{0}", None)];
    assert_eq!(servers.one().commit(vec![nul]).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_closed_store_and_an_unreachable_one_say_so() {
    let Some(servers) = Servers::start(1).await else { return };
    servers.one().close().await;
    servers.one().close().await;
    let error = servers.one().commit(vec![change(&mut new_chain())]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let nowhere = tempfile::tempdir().unwrap();
    let url =
        format!("postgres://somebody:secret@{}/postgres", nowhere.path().display().to_string().replace('/', "%2F"));
    for url in [url.as_str(), "postgres://user:secret@[bad"] {
        let error = PgStore::open(url).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(!format!("{error:?} {:?}", PgOptions::new(url)).contains("secret"));
    }
    let error = PgStore::open(PgOptions::new(servers.url).schema("a; DROP TABLE people")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

// ------------------------------------------------------------------------------------------------------------ embedding

#[tokio::test]
async fn changes_join_a_transaction_of_the_hosts() {
    let Some(servers) = Servers::start(1).await else { return };
    // The host's own search path knows nothing of the store's tables.
    let mut host = PgConnection::connect(servers.url).await.unwrap();
    let table = format!("host_{}", servers.schema);
    run(&format!("CREATE TABLE {table} (n int)"), &mut host).await;
    let insert = format!("INSERT INTO {table} VALUES (1)");
    let change = change(&mut new_chain());
    for (keep, expected) in [(false, 0), (true, 1)] {
        let mut transaction = host.begin().await.unwrap();
        run(&insert, &mut transaction).await;
        let answers = servers.one().commit_in(&mut transaction, std::slice::from_ref(&change)).await.unwrap();
        assert_eq!(answers, [Answer::Committed]);
        if keep {
            transaction.commit().await.unwrap()
        } else {
            transaction.rollback().await.unwrap()
        }
        assert_eq!(servers.one().chain(change.stream).await.unwrap().version, expected);
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut host).await.unwrap();
        assert_eq!(rows, i64::try_from(expected).unwrap());
    }
    let mut transaction = host.begin().await.unwrap();
    let answers = servers.one().commit_in(&mut transaction, &[change]).await.unwrap();
    assert_eq!(answers, [Answer::Duplicate]);
}

#[tokio::test]
async fn leases_are_judged_by_the_databases_clock_and_survive_their_server() {
    let Some(servers) = Servers::start(2).await else { return };
    let mut first = change(&mut new_chain());
    first.agenda.push(schedule(wake(), None));
    servers.stores[0].commit(vec![first]).await.unwrap();
    let mut claim = Claim::new(noon(), 10);
    claim.lease = Duration::from_secs(600);
    let claimed = servers.stores[0].claim(claim.clone()).await.unwrap().items.remove(0);
    servers.stores[0].close().await;
    let mut beside = servers.beside().await;
    let left = "SELECT (lease_until - extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM agenda";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut beside).await.unwrap();
    assert!((500_000_000..=600_000_000).contains(&left), "{left}");
    assert_eq!(servers.stores[1].claim(claim.clone()).await.unwrap().items, [], "the others' leases stand");
    run("UPDATE agenda SET lease_until = 0", &mut beside).await;
    let again = servers.stores[1].claim(claim).await.unwrap().items.remove(0);
    assert!(again.after_lost_lease && again.token > claimed.token);
}
