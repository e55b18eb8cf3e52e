//! How SQLite answers the lists: through an index and in its order, so that a page costs the same however many rows there
//! are. Checked by the plan, which no busy machine makes slower.

use seatgate_core::port::RequestFilter;
use seatgate_core::request::StateLabel;
use seatgate_core::testing::World;
use sqlx::{Sqlite, SqlitePool};

use super::{SWEEP, SWEEP_OF};
use crate::questions::{ASKED, BATCHES, COUNTS, COUNTS_OF, ENTRIES, EXCEPTIONS, OPENED, Questions, ROWS, STREAMS};
use crate::sqlite::SqliteStore;
use crate::sqlite::people::ERASE;

/// The steps of the plan.
async fn plan(db: &SqlitePool, sql: &str) -> Vec<String> {
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explained).fetch_all(db).await.unwrap();
    rows.into_iter().map(|(_, _, _, step)| step).collect()
}

/// Every list that a page or a route can ask for.
fn filters() -> Vec<RequestFilter> {
    let world = World::new(1);
    let person = Some(world.person_ref());
    let mut filters = Vec::new();
    for state in [None, Some(StateLabel::Closed)] {
        for after in [None, Some(world.request_id())] {
            for newest in [false, true] {
                for (asked, not_asked) in [(None, None), (person, None), (None, person)] {
                    for kept_beyond in [None, asked.filter(|_| state.is_none()).map(|_| world.now)] {
                        let mut filter = RequestFilter::first(50);
                        (filter.state, filter.after, filter.newest) = (state, after, newest);
                        (filter.asked, filter.not_asked, filter.kept_beyond) = (asked, not_asked, kept_beyond);
                        filters.push(filter);
                    }
                }
            }
        }
    }
    filters
}

#[tokio::test]
async fn no_list_reads_more_than_its_page_or_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("seatgate.db")).await.unwrap();
    for filter in filters() {
        let plan = plan(&store.readers, Questions::<Sqlite>::listing(&filter).sql().as_str()).await;
        let expected = match (filter.asked.is_some(), filter.state, filter.kept_beyond) {
            (true, _, Some(_)) => "SEARCH found USING COVERING INDEX request_asked_kept (person=?",
            (true, Some(_), None) => "SEARCH found USING COVERING INDEX request_asked_state (person=? AND state=?",
            (true, None, None) => "SEARCH found USING PRIMARY KEY (person=?",
            (false, Some(_), _) => "SEARCH found USING INDEX requests_state (state=?",
            (false, None, _) if filter.after.is_some() => "SEARCH found USING INDEX sqlite_autoindex_requests_1 (id",
            (false, None, _) => "SCAN found USING INDEX sqlite_autoindex_requests_1",
        };
        assert!(plan[0].starts_with(expected), "{filter:?}: {plan:?}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{filter:?}: {plan:?}");
        assert!(plan[1..].iter().all(|step| !step.starts_with("SCAN")), "{filter:?}: {plan:?}");
    }
    for (sql, index) in [
        (EXCEPTIONS, "SEARCH exceptions USING INDEX exceptions_unrevoked (id>?)"),
        (ASKED, "SEARCH request_asked USING COVERING INDEX request_asked_state (person>?)"),
        (COUNTS, "SCAN requests USING COVERING INDEX requests_state"),
        (COUNTS_OF, "SEARCH request_asked USING COVERING INDEX request_asked_state (person=?)"),
        (ENTRIES, "SEARCH events USING INDEX sqlite_autoindex_events_1 (stream=? AND seq>?)"),
        (STREAMS, "SEARCH streams USING PRIMARY KEY (stream>?)"),
        (ROWS, "SEARCH sweep_rows USING PRIMARY KEY (sweep=? AND row>? AND row<?)"),
        (BATCHES, "SEARCH batches USING INDEX sqlite_autoindex_batches_1 (sweep=?)"),
    ] {
        assert_eq!(plan(&store.readers, sql).await, [index], "{sql}");
    }
}

#[tokio::test]
async fn what_is_about_one_sweep_or_one_person_is_found_without_reading_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("seatgate.db")).await.unwrap();
    let writable =
        SqlitePool::connect(&format!("sqlite://{}", folder.path().join("seatgate.db").display())).await.unwrap();
    for sql in [SWEEP, SWEEP_OF, ROWS, OPENED].into_iter().chain(ERASE.split(';')) {
        let steps = plan(&writable, sql).await;
        let searched = |step: &String| !step.starts_with("SCAN");
        assert!(!steps.is_empty() && steps.iter().all(searched), "{sql}: {steps:?}");
    }
    writable.close().await;
    store.close().await;
}
