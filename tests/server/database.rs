//! Databases of their own on the tests' PostgreSQL.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::cluster;

pub(crate) struct Database {
    pub(crate) url: String,
}

impl Database {
    /// An empty one; none where there is no PostgreSQL.
    pub(crate) async fn create(name: &str) -> Option<Self> {
        let cluster = cluster::url()?;
        // The cluster may be one that is used again and again.
        let name = format!("{name}_{}", std::process::id());
        let mut connection = PgConnection::connect(cluster).await.unwrap();
        for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let (server, rest) = cluster.rsplit_once('/').unwrap();
        let options = rest.split_once('?').map(|(_, options)| format!("?{options}")).unwrap_or_default();
        Some(Self { url: format!("{server}/{name}{options}") })
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Lets every lease run out, as if nobody had been there for half a minute. Only while nobody is.
    pub(crate) async fn let_leases_run_out(&self) {
        const AGE: &str =
            "UPDATE seatgate.agenda SET lease_until = lease_until - 30000000 WHERE lease_until IS NOT NULL";
        self.connect().await.execute(AGE).await.unwrap();
    }
}
