//! A file moves to PostgreSQL: all of it, byte for byte, or nothing; and work goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Ask, BulkSweep, SeatNames, Store, Submission, UploadRow};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::person::{Actor, PersonDraft, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{
    Directory, EffectError, ExceptionStore, NamedSeat, NewPerson, OsEntropy, RequestFilter, RequestQueries,
    RequestStore as _, RowStatus, StoreErrorKind,
};
use seatgate_core::request::{Outcome, Resolution, StateLabel};
use seatgate_core::seat::AccountNames;
use seatgate_core::testing::{self, ManualClock};
use seatgate_core::trail::{Chain, Stream};
use seatgate_store_sqlx::migrate::{MigrateError, Moved, Step, sqlite_to_postgres};
use seatgate_store_sqlx::{PgOptions, PgStore, SqliteOptions, SqliteStore};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::cluster;
use crate::proxy::Proxy;
use crate::town::{self, House, Town, candidate, changed};

/// A file, and where it is to go.
struct Move {
    _folder: TempDir,
    path: PathBuf,
    schema: String,
    url: &'static str,
    lease_clock: Arc<ManualClock>,
}

impl Move {
    fn new(town: &Town) -> Option<Self> {
        let (url, folder) = (cluster::url()?, tempfile::tempdir().unwrap());
        let path = folder.path().join("seatgate.db");
        Some(Self { _folder: folder, path, schema: crate::schema(), url, lease_clock: town.clock.clone() })
    }

    async fn file(&self) -> SqliteStore {
        SqliteStore::open(SqliteOptions::new(&self.path).lease_clock(self.lease_clock.clone())).await.unwrap()
    }

    fn target(&self) -> PgOptions {
        PgOptions::new(self.url).schema(&self.schema).lease_clock(self.lease_clock.clone())
    }

    async fn run(&self) -> Result<Moved, MigrateError> {
        sqlite_to_postgres(&self.path, self.target(), |_| {}).await
    }

    async fn file_beside(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(&self.path).connect().await.unwrap()
    }

    async fn target_beside(&self) -> PgConnection {
        let mut connection = PgConnection::connect(self.url).await.unwrap();
        let path = AssertSqlSafe(format!("SET search_path TO {}", self.schema));
        sqlx::raw_sql(path).execute(&mut connection).await.unwrap();
        connection
    }

    /// Whether nothing at all is in the target.
    async fn is_target_empty(&self) -> bool {
        let mut target = self.target_beside().await;
        let mut rows = 0;
        for table in target_columns(&mut target).await.keys() {
            let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            rows += sqlx::query_scalar::<_, i64>(count).fetch_one(&mut target).await.unwrap();
        }
        rows == 0
    }
}

/// One request in every state that there is, and one held in the middle of a removal.
struct Requests {
    waiting: RequestId,
    in_grace: RequestId,
    reclaimed: RequestId,
    paused: RequestId,
    in_flight: RequestId,
    /// The key under which that removal was called.
    key: String,
}

/// Fills every table, some of them with more rows than fit a page.
async fn live(town: &Town, house: &House<SqliteStore>) -> Requests {
    let few = (0..8).map(|number| candidate(if number == 3 { "slow" } else { "figma" }, number));
    let many = (100..640).map(|number| candidate("figma", number));
    let report = house.sweep(few.chain(many), Some("delivery-1")).await.unwrap();
    let ids: Vec<RequestId> = report.results.iter().filter_map(|row| row.request_id).collect();
    assert_eq!((ids.len(), report.results.len()), (500, 548), "the rest is held");
    house.gate.appoint(&["mona@example.com".parse().unwrap()]).await.unwrap();
    house.idle().await;

    town.target.then(testing::Step::fails(EffectError::rejected("blocked by a group,\tsee\nbelow: \\N")));
    house.act(ids[4], Ask::Approve).await;
    house.idle().await;
    house.act(ids[1], Ask::Keep { until: None }).await;
    house.act(ids[2], Ask::Approve).await;
    house.idle().await;
    town.target.then(testing::Step::fails(EffectError::not_done("busy").retry_at(town.now().saturating_add(hours(2)))));
    house.act(ids[6], Ask::Approve).await;
    house.idle().await;
    town.clock.advance(hours(3));
    house.act(ids[3], Ask::Approve).await;
    house.act(ids[5], Ask::Withdraw).await;
    house.idle().await;
    others(town, house).await;

    town.target.then(testing::Step::hangs());
    let calls = town.target.calls().len();
    house.act(ids[7], Ask::Approve).await;
    begin(town, house, calls).await;
    let key = town.target.calls()[calls].key.clone();
    Requests { waiting: ids[0], in_grace: ids[3], reclaimed: ids[2], paused: ids[4], in_flight: ids[7], key }
}

/// Rows that are received and not sealed yet.
async fn upload(house: &House<SqliteStore>) {
    let sender: Actor = "token:admin".parse().unwrap();
    let sweep = house.gate.open_bulk(BulkSweep::new(sender.clone(), Surface::Api)).await.unwrap();
    let row = |number: usize| UploadRow::new(Digest::of(b"row"), Ok(candidate("figma", number)));
    let mut upload = house.gate.upload(sweep, &sender, 0).await.unwrap();
    upload.add(&[row(800), row(801)]).await.unwrap();
    upload.add(&[row(802)]).await.unwrap();
}

/// What is no request: a merge of accounts, an erased person, exceptions by hand, denials, and a switched mode.
async fn others(town: &Town, house: &House<SqliteStore>) {
    for account in [json!({"id": "00u-merged"}), json!({"email": "merged@example.com"})] {
        house.sweep([changed("figma", 0, json!({ "account": account }))], None).await.unwrap();
    }
    let both = json!({"account": {"id": "00u-merged", "email": "merged@example.com"}});
    house
        .sweep(
            [changed("figma", 0, both), changed("figma", 9, json!({"manager": {"email": "gone@example.com"}}))],
            None,
        )
        .await
        .unwrap();
    let gone = house.gate.people().find(&"gone@example.com".parse().unwrap()).await.unwrap().unwrap();
    house.gate.people().erase(gone).await.unwrap();
    let mona = house.by("mona@example.com").await;
    let leaver = PersonRef::generate(town.now(), &OsEntropy);
    let leaver = NewPerson::new(PersonDraft::new("leaver@example.com".parse().unwrap(), None), leaver);
    let leaver = house.gate.people().people(vec![leaver]).await.unwrap()[0];
    town::edit_directory(&*house.store, leaver, town.now()).await;
    let seat = |number| {
        let seat = candidate("figma", number);
        SeatNames::new(seat.app, seat.account, seat.entitlement)
    };
    let until = town.now().saturating_add(hours(24 * 30));
    let kept = house.gate.file_exception(seat(700), until, Some("on leave"), &mona).await.unwrap();
    house.gate.file_exception(seat(701), until, Some("on leave"), &mona).await.unwrap();
    house.gate.revoke_exception(kept.id, &mona).await.unwrap();
    let user = Submission::new(Actor::Person(gone), Surface::Api);
    house
        .gate
        .act(
            house.sweep([candidate("figma", 10)], None).await.unwrap().results[0].request_id.unwrap(),
            Ask::Approve,
            None,
            &user,
        )
        .await
        .unwrap_err();
    house.gate.flush_access().await;
    upload(house).await;
    house.gate.switch(Mode::DryRun, &mona).await.unwrap();
    house.gate.switch(Mode::Live, &mona).await.unwrap();
    house.idle().await;
}

/// Works until the target is called once more, and then goes without a word.
async fn begin(town: &Town, house: &House<SqliteStore>, calls: usize) {
    let called = async {
        while town.target.calls().len() == calls {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        idle = house.worker.run_until_idle() => unreachable!("the target hangs: {idle:?}"),
        () = called => {}
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

// ------------------------------------------------------------------------------------------------------ what is where

/// The columns of each table, but for the account of what was migrated.
async fn file_columns(file: &mut SqliteConnection) -> BTreeMap<String, BTreeSet<String>> {
    let sql = "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND tables.name <> '_seatgate_migrations'";
    columns(sqlx::query_as(sql).fetch_all(file).await.unwrap())
}

async fn target_columns(target: &mut PgConnection) -> BTreeMap<String, BTreeSet<String>> {
    let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name <> '_seatgate_migrations'";
    columns(sqlx::query_as(sql).fetch_all(target).await.unwrap())
}

fn columns(rows: Vec<(String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in rows {
        columns.entry(table).or_default().insert(column);
    }
    columns
}

/// Every row as texts, in an order of its own.
type Rows = BTreeSet<Vec<Option<String>>>;

async fn file_rows(table: &str, columns: &BTreeSet<String>, file: &mut SqliteConnection) -> Rows {
    let texts: Vec<String> = columns.iter().map(|column| format!("CAST(\"{column}\" AS TEXT)")).collect();
    let sql = AssertSqlSafe(format!("SELECT {} FROM {table}", texts.join(", ")));
    let rows = sqlx::query(sql).fetch_all(file).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|place| row.get(place)).collect()).collect()
}

/// Truth is a number in the file.
async fn target_rows(table: &str, columns: &BTreeSet<String>, target: &mut PgConnection) -> Rows {
    let text = |column: &String| match column.as_str() {
        "gated" | "ambiguous" | "may_have_happened" | "disabled" | "bot" => format!("\"{column}\"::int::text"),
        _ => format!("\"{column}\"::text"),
    };
    let texts: Vec<String> = columns.iter().map(text).collect();
    let sql = AssertSqlSafe(format!("SELECT {} FROM {table}", texts.join(", ")));
    let rows = sqlx::query(sql).fetch_all(target).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|place| row.get(place)).collect()).collect()
}

/// Everything that lists and pages read, in words.
async fn told(store: &impl Store, town: &Town) -> Vec<String> {
    let mut told = Vec::new();
    let mut filter = RequestFilter::first(10_000);
    filter.newest = true;
    let requests = RequestQueries::list(store, &filter).await.unwrap();
    let ids: Vec<RequestId> = requests.iter().map(|request| request.id).collect();
    told.extend(requests.iter().map(|request| format!("{request:?}")));
    told.push(format!("{:?}", store.load(&ids).await.unwrap()));
    for stream in store.streams(None, 10_000).await.unwrap() {
        told.push(format!("{:?} {:?}", store.chain(stream).await.unwrap(), store.trail(stream).await.unwrap()));
        if let Stream::Sweep(sweep) = stream {
            let (swept, counts) = (store.sweep(sweep).await.unwrap(), store.row_counts(sweep).await.unwrap());
            told.push(format!("{:?}", store.received(sweep, 0, 10).await.unwrap()));
            let standings = store.standings(sweep, &"C0SWEEP".parse().unwrap(), Mode::Live).await.unwrap();
            told.push(format!(
                "{swept:?} {counts:?} {standings:?} {:?}",
                store.rows(sweep, 0..u32::MAX).await.unwrap()
            ));
        }
    }
    let asked = store.asked_people(None, 100).await.unwrap();
    for person in &asked {
        filter.asked = Some(person.person);
        told.push(format!(
            "{:?} {:?}",
            RequestQueries::list(store, &filter).await.unwrap(),
            store.count_by_state(Some(person.person)).await
        ));
        told.push(format!("{:?}", store.details(&[person.person]).await.unwrap()));
    }
    let cards: Vec<_> = requests.iter().flat_map(|request| &request.approval.asked).map(|asked| asked.card).collect();
    told.push(format!("{:?}", store.cards(&cards).await.unwrap()));
    let seats: Vec<_> = requests.iter().filter_map(|request| request.seat().cloned()).collect();
    let accounts: Vec<_> = seats.iter().map(|seat| seat.account).collect();
    told.push(format!("{:?} {:?}", store.seats(&seats).await.unwrap(), store.account_names(&accounts).await.unwrap()));
    let named: Vec<_> =
        seats.into_iter().map(|seat| NamedSeat::new(seat, AccountNames::new(None, None, None))).collect();
    told.push(format!("{:?}", store.active(&named, town.now()).await.unwrap()));
    told.push(format!("{:?}", ExceptionStore::list(store, town.now(), None, 1000).await.unwrap()));
    told.push(format!("{asked:?} {:?}", store.count_by_state(None).await.unwrap()));
    told.push(format!("{:?}", store.savings(town.now()).await.unwrap()));
    let people = store.known_people(None, 1000).await.unwrap();
    told.push(format!("{:?}", Directory::people(store, &people, town.now()).await.unwrap()));
    told.push(format!("{:?} {:?}", store.owned(&people).await.unwrap(), store.operators().await.unwrap()));
    told.push(format!("{:?}", store.delegations(town.now(), None, 100).await.unwrap()));
    told.push(format!("{:?}", store.sweep_of("delivery-1").await.unwrap()));
    told
}

// ------------------------------------------------------------------------------------------------------------- the move

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_moved_reads_the_same_and_goes_on_where_it_was() {
    let town = Town::new(&[("apps.slow.grace", "24h")]);
    let Some(way) = Move::new(&town) else { return };
    let house = town.start(way.file().await);
    let requests = live(&town, &house).await;
    let before = told(&*house.store, &town).await;
    house.store.close().await;
    let mut seen = Vec::new();
    let moved = sqlite_to_postgres(&way.path, way.target(), |progress| seen.push(progress)).await.unwrap();

    let (mut file, mut target) = (way.file_beside().await, way.target_beside().await);
    let (in_file, mut in_target) = (file_columns(&mut file).await, target_columns(&mut target).await);
    let tables: BTreeSet<String> = moved.tables.iter().map(|(table, _)| (*table).to_owned()).collect();
    let tokens = BTreeSet::from(["agenda_token".to_owned()]);
    assert_eq!(in_file.keys().cloned().collect::<BTreeSet<_>>(), &tables | &tokens, "each table is moved");
    assert!(in_target.get_mut("cards").unwrap().remove("version"), "which PostgreSQL alone has");
    in_target.insert("agenda_token".to_owned(), in_file["agenda_token"].clone());
    assert_eq!(in_file, in_target, "each column is there");
    for (table, columns) in in_file.iter().filter(|(table, _)| *table != "agenda_token") {
        let mut columns = columns.clone();
        if table == "agenda" {
            columns.remove("lease_until");
        }
        let (from, to) = (file_rows(table, &columns, &mut file).await, target_rows(table, &columns, &mut target).await);
        assert!(!from.is_empty(), "{table} has rows to be moved");
        assert!(from == to, "{table}: {:?}", from.symmetric_difference(&to).take(2).collect::<Vec<_>>());
    }

    assert_eq!(
        seen.last().map(|last| (last.step, last.done, last.of)),
        Some((Step::Checking, moved.entries, moved.entries))
    );
    let last: i64 = sqlx::query_scalar("SELECT last FROM agenda_token").fetch_one(&mut file).await.unwrap();
    let next: i64 = sqlx::query_scalar("SELECT nextval('agenda_token')").fetch_one(&mut target).await.unwrap();
    assert_eq!(next, last + 1, "tokens rise across the move");
    let free = "SELECT nextval(pg_get_serial_sequence('identities', 'number')) > max(number) FROM identities";
    assert!(
        sqlx::query_scalar::<_, bool>(free).fetch_one(&mut target).await.unwrap(),
        "so do the numbers of identities"
    );
    let copied = seen.iter().filter(|progress| progress.step == Step::Copying).map(|progress| progress.done);
    assert!(copied.clone().is_sorted() && copied.max() == Some(moved.rows()), "{seen:?}");

    let house = town.start(PgStore::open(way.target()).await.unwrap());
    let after = told(&*house.store, &town).await;
    assert_eq!(before.len(), after.len());
    before.iter().zip(&after).for_each(|(before, after)| assert_eq!(before, after));
    goes_on(&town, &house, &requests).await;
}

/// What was held, waited, rested or hung goes on, and what may have happened is repeated under its key.
async fn goes_on(town: &Town, house: &House<PgStore>, requests: &Requests) {
    let outcome = async |id| house.request(id).await.outcome();
    house.gate.appoint(&["mona@example.com".parse().unwrap()]).await.unwrap();
    assert_eq!(outcome(requests.reclaimed).await, Some(Outcome::Reclaimed));
    let calls = town.target.calls().len();
    house.settle(town).await;
    let call = town.target.calls()[calls].clone();
    assert_eq!(call.key, requests.key, "a lost lease is an attempt that may have happened");
    assert_eq!(outcome(requests.in_flight).await, Some(Outcome::Reclaimed));

    let newcomer = changed("figma", 900, json!({"manager": {"email": "newcomer@example.com"}}));
    assert_eq!(house.sweep([newcomer], None).await.unwrap().results[0].status, RowStatus::Asked);
    house.act(requests.waiting, Ask::Approve).await;
    let paused = house.request(requests.paused).await;
    assert_eq!(paused.label(), StateLabel::NeedsAttention);
    let (task, resolution) = (paused.plan.tasks[0].id, Resolution::Retry);
    house.act(requests.paused, Ask::Resolve { task, pause: None, resolution }).await;
    let sweep = house.store.sweep_of("delivery-1").await.unwrap().unwrap().id;
    let released = house.gate.release(sweep, &house.by("mona@example.com").await).await.unwrap();
    assert_eq!(released.counts().get(&RowStatus::Held), None, "{:?}", released.counts());
    town.clock.advance(hours(24));
    house.settle(town).await;
    for id in [requests.waiting, requests.paused, requests.in_grace] {
        assert_eq!(outcome(id).await, Some(Outcome::Reclaimed));
    }
    for stream in house.store.streams(None, 10_000).await.unwrap() {
        let trail = house.store.trail(stream).await.unwrap();
        let mut chain = Chain::empty(stream);
        trail.iter().for_each(|entry| chain.follow(entry).unwrap());
    }
    assert_eq!(town.target.effects().len(), 6, "each seat was removed once");
}

/// Whether the failure says that nothing was written.
fn is_unavailable(moved: &Result<Moved, MigrateError>) -> bool {
    matches!(moved, Err(MigrateError::Store(error)) if error.kind() == StoreErrorKind::Unavailable)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_one_in_use_and_one_of_another_release_are_not_moved() {
    let town = Town::new(&[]);
    let Some(way) = Move::new(&town) else { return };
    assert!(matches!(way.run().await, Err(MigrateError::NoFile)));
    assert!(!way.path.exists());
    let store = way.file().await;
    let moved = way.run().await;
    assert!(is_unavailable(&moved), "{moved:?}");
    assert_eq!(moved.unwrap_err().to_string(), "the database is already open in another process");
    store.close().await;

    let mut file = way.file_beside().await;
    sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE _seatgate_migrations SET checksum = x'00'")
        .execute(&mut file)
        .await
        .unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut file).await.unwrap();
    assert!(matches!(way.run().await, Err(MigrateError::Foreign)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_empty_is_left_as_it_is() {
    let town = Town::new(&[]);
    let Some(way) = Move::new(&town) else { return };
    let house = town.start(way.file().await);
    house.sweep([candidate("figma", 1)], None).await.unwrap();
    house.store.close().await;
    let moved = way.run().await.unwrap();
    assert!((moved.streams, moved.entries) >= (2, 2), "{moved:?}");
    let house = town.start(PgStore::open(way.target()).await.unwrap());
    let before = told(&*house.store, &town).await;
    assert!(matches!(way.run().await, Err(MigrateError::NotEmpty { .. })));
    assert_eq!(told(&*house.store, &town).await, before);
    // Where nobody has more than a name, too.
    let other = Move { schema: crate::schema(), ..way };
    let store = PgStore::open(other.target()).await.unwrap();
    town.start(store).gate.appoint(&["mona@example.com".parse().unwrap()]).await.unwrap();
    let refused = other.run().await;
    assert!(matches!(refused, Err(MigrateError::NotEmpty { table: "people" })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_that_does_not_verify_moves_nothing() {
    let town = Town::new(&[]);
    let Some(way) = Move::new(&town) else { return };
    let house = town.start(way.file().await);
    let id = house.sweep([candidate("figma", 1)], None).await.unwrap().results[0].request_id.unwrap();
    house.act(id, Ask::Approve).await;
    house.settle(&town).await;
    house.store.close().await;
    let spoilt = [
        ("UPDATE events SET body = replace(body, 'seat', 'Seat') WHERE seq = 1", "was changed"),
        ("DELETE FROM events WHERE seq = 2", "out of order"),
        ("DELETE FROM events WHERE seq > 1", "does not end where it should"),
        ("DELETE FROM streams WHERE stream LIKE 'req%'", "does not end where it should"),
        ("DELETE FROM events WHERE stream LIKE 'req%'", "streams were sent"),
    ];
    for (spoil, why) in spoilt {
        let mut file = way.file_beside().await;
        sqlx::raw_sql("CREATE TABLE kept AS SELECT * FROM events; CREATE TABLE ends AS SELECT * FROM streams")
            .execute(&mut file)
            .await
            .unwrap();
        sqlx::raw_sql(spoil).execute(&mut file).await.unwrap();
        let error = way.run().await.unwrap_err();
        let said = format!("{error}: {:?}", error.source().map(ToString::to_string));
        assert!(said.contains(why), "{spoil}: {said}");
        assert!(way.is_target_empty().await, "{spoil}");
        sqlx::raw_sql(
            "DELETE FROM events; INSERT INTO events SELECT * FROM kept; DROP TABLE kept;
            DELETE FROM streams; INSERT INTO streams SELECT * FROM ends; DROP TABLE ends",
        )
        .execute(&mut file)
        .await
        .unwrap();
        file.close().await.unwrap();
    }
    way.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_moves_everything_or_nothing() {
    let town = Town::new(&[]);
    let Some(way) = Move::new(&town) else { return };
    let house = town.start(way.file().await);
    house.sweep([candidate("figma", 1)], None).await.unwrap();
    house.store.close().await;
    let Some(proxy) = Proxy::before(way.url) else { return };
    let far = || PgOptions::new(proxy.url()).schema(&way.schema);
    for marker in ["LOCK TABLE", "COPY events", "COPY agenda", "setval", "ORDER BY stream, seq"] {
        proxy.lose_reply_to(marker.to_owned());
        let moved = sqlite_to_postgres(&way.path, far(), |_| {}).await;
        assert!(is_unavailable(&moved), "{marker}: {moved:?}");
        assert!(way.is_target_empty().await, "{marker}");
    }
    proxy.lose_reply_to("COMMIT".to_owned());
    let moved = sqlite_to_postgres(&way.path, far(), |_| {}).await;
    assert!(matches!(&moved, Err(MigrateError::Store(error)) if error.kind() == StoreErrorKind::Unknown), "{moved:?}");
    assert!(matches!(way.run().await, Err(MigrateError::NotEmpty { .. })), "it had landed");
}
