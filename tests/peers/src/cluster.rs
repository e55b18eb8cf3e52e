//! A PostgreSQL of this run's own, with its durable defaults: it ends with this process, however that ends.

#[path = "../../../seatgate-store-sqlx/tests/postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the store restart it as well")]
mod server;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

pub(crate) struct Cluster {
    server: server::Cluster,
    pub(crate) version: String,
}

impl Cluster {
    pub(crate) async fn start() -> Result<Self, String> {
        let server = server::Cluster::durable().ok_or("PostgreSQL (initdb and pg_ctl) is not installed")?;
        let mut cluster = Self { server, version: String::new() };
        let [version, fsync, commit] = cluster.settings().await.map_err(|error| error.to_string())?;
        if (fsync.as_str(), commit.as_str()) != ("on", "on") {
            return Err(format!("expected durable defaults, found fsync={fsync}, synchronous_commit={commit}"));
        }
        cluster.version = version;
        Ok(cluster)
    }

    /// A new database of that name.
    pub(crate) async fn database(&self, name: &str) -> Result<String, sqlx::Error> {
        let mut connection = self.connect().await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        let server = self.server.url().rsplit_once('/').map_or("", |(server, _)| server);
        Ok(format!("{server}/{name}"))
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(self.server.url()).await
    }

    async fn settings(&self) -> Result<[String; 3], sqlx::Error> {
        let mut connection = self.connect().await?;
        let mut shown = Vec::new();
        for query in ["SHOW server_version", "SHOW fsync", "SHOW synchronous_commit"] {
            shown.push(sqlx::query_scalar::<_, String>(query).fetch_one(&mut connection).await?);
        }
        Ok(std::array::from_fn(|at| shown[at].clone()))
    }

    /// A checkpoint, so that none that another round made necessary falls into the next one.
    pub(crate) async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        sqlx::query("CHECKPOINT").execute(&mut self.connect().await?).await.map(drop)
    }
}
