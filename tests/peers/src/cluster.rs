//! A PostgreSQL of this run's own, with its durable defaults: it ends with this process, however that ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Starts a server in a folder of its own, prints the folder, and waits for its standard input to end.
const KEEP: &str = r#"
trap '' HUP INT TERM
export LC_ALL=C
dir=$(mktemp -d) && cd "$dir" || exit
initdb -D data -U peers -A trust -E UTF8 --locale=C -N >log 2>&1 &&
pg_ctl -D data -l log -w -t 120 -o "-c listen_addresses='' -k $dir -c max_connections=200" start >>log 2>&1 &&
echo "$dir" || cat log >&2
cat >/dev/null
pg_ctl -D data -m immediate stop >>log 2>&1
cd / && rm -rf "$dir"
"#;

pub(crate) struct Cluster {
    folder: String,
    pub(crate) version: String,
    /// Held open for as long as the server is wanted.
    keeper: (Child, Option<ChildStdin>),
}

impl Cluster {
    /// Starts it; `PEERS_PG_BIN` names the folder of `initdb` where that is not found.
    pub(crate) async fn start() -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL (initdb and pg_ctl) is not installed")?;
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = shell();
        shell.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = shell.spawn().map_err(|error| error.to_string())?;
        let (stdin, stdout) = (keeper.stdin.take(), keeper.stdout.take().ok_or("no output")?);
        let mut folder = String::new();
        BufReader::new(stdout).read_line(&mut folder).map_err(|error| error.to_string())?;
        let folder = folder.trim_end().to_owned();
        if folder.is_empty() {
            return Err("PostgreSQL did not start; its log is above".to_owned());
        }
        let mut cluster = Self { folder, version: String::new(), keeper: (keeper, stdin) };
        let [version, fsync, commit] = cluster.settings().await.map_err(|error| error.to_string())?;
        if (fsync.as_str(), commit.as_str()) != ("on", "on") {
            return Err(format!("expected durable defaults, found fsync={fsync}, synchronous_commit={commit}"));
        }
        cluster.version = version;
        Ok(cluster)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://peers@{}/{database}", self.folder.replace('/', "%2F"))
    }

    /// A new database of that name.
    pub(crate) async fn database(&self, name: &str) -> Result<String, sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        Ok(self.url(name))
    }

    async fn settings(&self) -> Result<[String; 3], sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let mut shown = Vec::new();
        for query in ["SHOW server_version", "SHOW fsync", "SHOW synchronous_commit"] {
            shown.push(sqlx::query_scalar::<_, String>(query).fetch_one(&mut connection).await?);
        }
        Ok(std::array::from_fn(|at| shown[at].clone()))
    }

    /// A checkpoint, so that none that another round made necessary falls into the next one.
    pub(crate) async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::query("CHECKPOINT").execute(&mut connection).await.map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.1.take());
        let _ = self.keeper.0.wait();
    }
}

/// The folder of `initdb`, which distributions keep off the path.
fn programs() -> Option<String> {
    let mut folders: Vec<String> = std::env::var("PEERS_PG_BIN").into_iter().collect();
    folders.extend(std::env::var("PATH").unwrap_or_default().split(':').map(str::to_owned));
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin").display().to_string()));
    folders
        .into_iter()
        .find(|folder| ["initdb", "pg_ctl"].iter().all(|program| Path::new(folder).join(program).exists()))
}

/// The shell that keeps the server: PostgreSQL refuses to run as root, so root steps down.
fn shell() -> Command {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    if said("id", &["-u"]).as_deref() != Some("0") {
        let mut shell = Command::new("sh");
        shell.args(["-c", KEEP]);
        return shell;
    }
    let user = if said("id", &["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
    let mut shell = Command::new("runuser");
    shell.args(["-u", user, "--", "sh", "-c", KEEP]).current_dir("/");
    shell
}
