//! Calling the functions that write, for one caller.
//!
//! Each call is one statement and so one transaction: a caller that is dropped leaves nothing half done.

use seatgate_core::port::StoreError;
use sqlx::PgPool;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryScalar;

use super::error::{is_crossed, write_error};
use super::queue::TRIES;

/// A statement that answers with one value.
pub(super) type Call<'q, O> = QueryScalar<'q, Postgres, O, PgArguments>;

/// Writes, again where two transactions got in each other's way: PostgreSQL has undone this one then.
pub(super) async fn write<'q, O>(
    pool: &PgPool,
    context: &'static str,
    call: impl Fn() -> Call<'q, O>,
) -> Result<O, StoreError>
where
    O: Send + Unpin,
    (O,): Send + Unpin + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    let mut connection = pool.acquire().await.map_err(super::error::store_error(context))?;
    for _ in 1..TRIES {
        match call().fetch_one(&mut *connection).await {
            Err(error) if is_crossed(&error) => tracing::debug!(%error, context, "repeated"),
            result => return result.map_err(write_error(context)),
        }
    }
    call().fetch_one(&mut *connection).await.map_err(write_error(context))
}
