//! SQL stores for [seatgate](https://github.com/seatgate/seatgate).
//!
//! `SqliteStore` is the embedded one: a file, one process, every commit durable before it is answered. It is the gate's
//! `RequestStore`, `RequestQueries`, `PeopleStore` and `ExceptionStore` at once. `PgStore` (feature `postgres`) is the same
//! for several servers that share a PostgreSQL database. With both, `migrate` moves everything from the one to the other.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example() -> Result<(), seatgate_core::port::StoreError> {
//! use seatgate_store_sqlx::SqliteStore;
//!
//! let store = SqliteStore::open("seatgate.db").await?;
//! // ... hand it to the gate ...
//! store.close().await;
//! # Ok(())
//! # }
//! ```

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod batch;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod changes;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod directory;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod edits;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod failure;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod found;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod landing;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
pub mod migrate;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod offboardings;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod pieces;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod questions;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod received;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod row;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod savings;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::{PgOptions, PgStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{FileState, SqliteOptions, SqliteStore};
