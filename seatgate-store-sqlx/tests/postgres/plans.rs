//! How PostgreSQL finds what it is asked for: through an index, however many rows there are. What is measured is what was
//! read, by every statement of every function, while a gate lives a day over tables full of others' rows.

use std::collections::BTreeMap;
use std::time::Duration;

use seatgate_core::gate::{Ask, SeatNames, Submission};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{
    EffectError, ExceptionStore, OffboardingFilter, PeopleStore as _, RequestFilter, RequestQueries, RequestStore as _,
};
use seatgate_core::request::StateLabel;
use seatgate_core::testing::Step;
use seatgate_core::trail::Stream;
use seatgate_store_sqlx::{PgOptions, PgStore};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::cluster::Cluster;
use crate::town::{self, House, Town, candidate, changed};

/// So many rows of others stand in each table.
const OTHERS: i64 = 20_000;
/// So much of an index the whole day may read: far less than a single look at all of it.
const MOST: i64 = OTHERS / 4;

/// Others' rows, in every table but those that have a handful (lanes, operators, and the account of migrations). All older than
/// ours, by their ids; closed, settled, ended, and not due.
const FILL: &str = "
    CREATE TEMPORARY TABLE n AS SELECT n, lpad(n::text, 32, '0') AS id FROM generate_series(1, $OTHERS) AS n;
    INSERT INTO streams SELECT 'req_' || id, 1, '' FROM n;
    INSERT INTO events SELECT 'req_' || id, 1, 'chg_' || id, 'opened', n, '', '{}' FROM n;
    INSERT INTO requests SELECT 'req_' || id, 'closed', 'live', 'figma', n, n, n, 'swp_' || id, 'C1', 'kept', 1, 'USD',
        'prs_' || id, 'prs_' || id, NULL, '{}' FROM n;
    INSERT INTO request_asked SELECT 'prs_' || id, 'req_' || id, 'closed', n FROM n;
    INSERT INTO tasks SELECT 'req_' || id, 'tsk_' || id, 0, 'remove', 'done', 1, NULL, false, NULL, NULL, n, n FROM n;
    INSERT INTO savings SELECT 'req_' || id, '2026-01', 'figma', 'kept', NULL, NULL, 'USD', 1 FROM n;
    INSERT INTO seats SELECT 'figma', 'acc_' || id, '', 1, 'req_' || id FROM n;
    INSERT INTO agenda SELECT 'wake/req_' || id, '{}', 4000000000000000, 'messages/C' || n % 10, true FROM n;
    INSERT INTO cards SELECT 'crd_' || id, 'prs_' || id, NULL, NULL, NULL, '[]', NULL, NULL, 0, 0, false, 0 FROM n;
    INSERT INTO card_requests SELECT 'crd_' || id, 'req_' || id FROM n;
    INSERT INTO sweeps SELECT 'swp_' || id, 'system:scan', n, 1, 'old-' || id FROM n;
    INSERT INTO inbound_ids SELECT 'old-' || id, '', 'swp_' || id, 0, n FROM n;
    INSERT INTO sweep_rows SELECT 'swp_' || id, 0, 'asked', '{}' FROM n;
    INSERT INTO exceptions SELECT 'exc_' || id, 'figma', 'acc_' || id, '', n, NULL, '{}' FROM n;
    INSERT INTO accounts SELECT 'acc_' || id, 'figma', id, id || '@example.org', NULL, NULL FROM n;
    INSERT INTO account_aliases SELECT 'figma', 'email', id || '@example.org', 'acc_' || id FROM n;
    INSERT INTO people SELECT 'prs_' || id, NULL FROM n;
    INSERT INTO identities (identity, person) SELECT 'email:' || id || '@example.org', 'prs_' || id FROM n;
    INSERT INTO texts SELECT 'txt_' || id, '', '' FROM n;
    INSERT INTO text_subjects SELECT 'prs_' || id, 'txt_' || id FROM n;
    INSERT INTO directory SELECT 'prs_' || id, 'prs_' || lpad((n / 8)::text, 32, '0'), false, false FROM n;
    INSERT INTO absences SELECT 'prs_' || id, 0, n, NULL FROM n;
    INSERT INTO delegations SELECT 'dlg_' || id, 'prs_' || id, 'prs_' || lpad((n / 8)::text, 32, '0'), n, NULL FROM n;
    INSERT INTO app_owners SELECT 'app-' || id, 0, 'prs_' || id FROM n;
    ANALYZE";

/// How often each table was read from end to end, and how many entries of each index were.
async fn read(schema: &str, beside: &mut PgConnection) -> BTreeMap<String, i64> {
    let sql = "SELECT relname::text, COALESCE(seq_scan, 0) FROM pg_stat_user_tables WHERE schemaname = $1
        UNION ALL SELECT indexrelname::text, idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = $1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(schema).fetch_all(beside).await.unwrap();
    rows.into_iter().collect()
}

/// Waits until no server has a session any more, and what they read is counted.
async fn gone(beside: &mut PgConnection) {
    let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seatgate'";
    while sqlx::query_scalar::<_, i64>(there).fetch_one(&mut *beside).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn fill(url: &str, schema: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let fill = FILL.replace("$OTHERS", &OTHERS.to_string());
    let sql = AssertSqlSafe(format!("SET application_name = 'seatgate'; SET search_path TO {schema}; {fill}"));
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A day: whatever a gate, its workers and its pages ask for.
async fn live(town: &Town, house: &House<PgStore>) {
    house.gate.appoint(&["mona@example.com".parse().unwrap()]).await.unwrap();
    let report = house.sweep((0..6).map(|number| candidate("figma", number)), Some("new-1")).await.unwrap();
    let ids: Vec<_> = report.results.iter().filter_map(|row| row.request_id).collect();
    house.idle().await;
    house.act(ids[0], Ask::Approve).await;
    house.act(ids[1], Ask::Keep { until: None }).await;
    house.act(ids[2], Ask::Withdraw).await;
    town.target.then(Step::fails(EffectError::not_done("busy").retry_at(town.now().saturating_add(HOUR))));
    house.act(ids[3], Ask::Approve).await;
    house.idle().await;
    town.clock.advance(2 * HOUR);
    house.idle().await;
    for account in
        [json!({"id": "00m"}), json!({"email": "m@example.com"}), json!({"id": "00m", "email": "m@example.com"})]
    {
        house.sweep([changed("figma", 0, json!({ "account": account }))], None).await.unwrap();
    }
    house.idle().await;
    let mona = house.by("mona@example.com").await;
    let seat = candidate("figma", 70);
    let seat = SeatNames::new(seat.app, seat.account, seat.entitlement);
    let until = town.now().saturating_add(24 * HOUR);
    let filed = house.gate.file_exception(seat.clone(), until, Some("on leave"), &mona).await.unwrap();
    house.gate.covering(&[seat]).await.unwrap();
    house.gate.revoke_exception(filed.id, &mona).await.unwrap();
    let stranger = Submission::new(Actor::system("stranger").unwrap(), Surface::Api);
    house.gate.act(ids[4], Ask::Approve, None, &stranger).await.unwrap_err();
    house.gate.flush_access().await;
    pages(town, house, &ids).await;
    let gone = house.gate.people().find(&"mona@example.com".parse().unwrap()).await.unwrap().unwrap();
    town::edit_directory(&*house.store, gone, town.now()).await;
    directory(town, house, gone).await;
    house.gate.people().erase(gone).await.unwrap();
}

/// Whatever is asked of the directory.
async fn directory(town: &Town, house: &House<PgStore>, person: PersonRef) {
    let queries = house.gate.directory_queries();
    assert_eq!(house.gate.directory().people(&[person], town.now()).await.unwrap()[0].absences.len(), 1);
    assert_eq!(queries.owned(&[person]).await.unwrap()[0].len(), 1);
    house.gate.directory().owners(&"miro".parse().unwrap()).await.unwrap();
    let (delegations, people) = (queries.delegations(town.now(), None, 3), queries.known_people(Some(person), 3));
    assert_eq!((delegations.await.unwrap().len(), people.await.is_ok()), (3, true));
}

const HOUR: Duration = Duration::from_secs(3600);

/// Whatever pages and routes read.
async fn pages(town: &Town, house: &House<PgStore>, ids: &[seatgate_core::id::RequestId]) {
    let (store, now) = (&house.store, town.now());
    let mona = house.gate.people().find(&"mona@example.com".parse().unwrap()).await.unwrap();
    for newest in [false, true] {
        for state in [None, Some(StateLabel::AwaitingDecision)] {
            for (asked, not_asked) in [(mona, None), (None, mona)] {
                if newest && asked.is_none() {
                    continue; // the newest of others, which only fill the tables
                }
                let mut filter = RequestFilter::first(3);
                (filter.state, filter.newest, filter.asked, filter.not_asked) = (state, newest, asked, not_asked);
                filter.after = Some(ids[usize::from(newest) * 5]);
                RequestQueries::list(&**store, &filter).await.unwrap();
                filter.decided_by = mona;
                RequestQueries::list(&**store, &filter).await.unwrap();
            }
        }
    }
    let mut kept = RequestFilter::first(3);
    (kept.asked, kept.kept_beyond) = (mona, Some(now));
    assert_eq!(RequestQueries::list(&**store, &kept).await.unwrap().len(), 1);
    let mut held = RequestFilter::first(3);
    (held.holder, held.state) = (mona, Some(StateLabel::AwaitingDecision));
    RequestQueries::list(&**store, &held).await.unwrap();
    for person in [None, mona] {
        let mut table = OffboardingFilter::first(3);
        (table.person, table.open) = (person, person.is_some());
        store.offboardings(&table).await.unwrap();
    }
    store.count_by_state(mona).await.unwrap();
    store.asked_people(None, 3).await.unwrap();
    let sweep = store.sweep_of("new-1").await.unwrap().unwrap().id;
    house.gate.swept(sweep, 0..u32::MAX).await.unwrap();
    store.row_counts(sweep).await.unwrap();
    store.standings(sweep, &"C0SWEEP".parse().unwrap(), Mode::Live).await.unwrap();
    store.entries(Stream::Request(ids[0]), 1, 3).await.unwrap();
    store.streams(Some(Stream::Request(ids[0])), 3).await.unwrap();
    ExceptionStore::list(&**store, now, None, 3).await.unwrap();
    let requests = vec![house.request(ids[0]).await, house.request(ids[1]).await];
    house.gate.join(&requests).await.unwrap();
    store.texts(&[]).await.unwrap();
}

/// What adds up, or counts, everything there is: from an index. Only the agenda is read itself, and once.
async fn sums(town: &Town, house: &House<PgStore>) {
    house.store.count_by_state(None).await.unwrap();
    house.store.savings(town.now()).await.unwrap();
    house.store.agenda_depth(town.now(), true).await.unwrap();
}

/// Opens the store, and lets it be asked. Where there is an index that serves, it is taken, as in larger tables: so whatever
/// reads a table from end to end lacks one. Answers what was read of each table and index meanwhile.
async fn measured(
    url: &str,
    schema: &str,
    ask: impl AsyncFnOnce(&Town, &House<PgStore>),
) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let mut beside = PgConnection::connect(url).await.unwrap();
    gone(&mut beside).await;
    let before = read(schema, &mut beside).await;
    let town = Town::new(&[]);
    let options = PgOptions::new(format!("{url}?options=-c%20enable_seqscan%3Doff")).schema(schema);
    let store = PgStore::open(options.lease_clock(town.clock.clone())).await.unwrap();
    let house = town.start(store);
    ask(&town, &house).await;
    house.store.close().await;
    gone(&mut beside).await;
    let after = read(schema, &mut beside).await;
    let all = after.into_iter().map(|(name, read)| (name.clone(), read - before[&name]));
    all.partition(|(name, _)| before.contains_key(&format!("{name}_pkey")))
}

/// Lanes are as many as there are targets and channels, and operators a handful.
fn is_small(table: &str) -> bool {
    ["lanes", "operators"].contains(&table)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_gate_asks_for_reads_a_table_from_end_to_end() {
    // Of its own, so that only our own sessions are there to be waited for.
    let Some(cluster) = Cluster::start() else { return };
    let (url, schema) = (cluster.url(), crate::schema());
    PgStore::open(PgOptions::new(url).schema(&schema)).await.unwrap().close().await;
    fill(url, &schema).await;
    let (tables, indexes) = measured(url, &schema, live).await;
    assert!(indexes["requests_pkey"] > 10 && indexes["agenda_lane"] > 10, "it was counted: {indexes:?}");
    let scanned: Vec<_> = tables.iter().filter(|(name, scans)| !is_small(name) && **scans > 0).collect();
    assert!(scanned.is_empty(), "read from end to end: {scanned:?}");
    let much: Vec<_> = indexes.iter().filter(|(_, entries)| **entries > MOST).collect();
    assert!(much.is_empty(), "read for the most part: {much:?}");

    let (tables, indexes) = measured(url, &schema, sums).await;
    let scanned: Vec<_> = tables.iter().filter(|(name, scans)| !is_small(name) && **scans > 0).collect();
    // How deep the agenda is, is counted in one go over all of it.
    assert!(scanned == [(&"agenda".to_owned(), &1)] && indexes["savings_lines"] >= OTHERS, "{scanned:?} {indexes:?}");
}
