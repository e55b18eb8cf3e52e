//! A real PostgreSQL: the one behind `TEST_DATABASE_URL`, or one that lives as long as this process; or one of a test's own.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// Starts a server in a folder of its own, prints the folder, restarts the server for each line of its standard input, and
/// waits for that to end: with this process, however that ends. Then the server and the folder go.
const KEEP: &str = r#"
trap '' HUP INT TERM
export LC_ALL=C
dir=$(mktemp -d) && cd "$dir" || exit
initdb -D data -U seatgate -A trust -E UTF8 --locale=C -N >log 2>&1 &&
pg_ctl -D data -l log -w -t 120 -o "-c listen_addresses='' -k $dir -c fsync=$FSYNC -c max_connections=200" start >>log 2>&1 &&
echo "$dir" || cat log >&2
while read -r mode; do
    pg_ctl -D data -l log -w -t 120 -m "$mode" restart >>log 2>&1
    echo "restarted: $?"
done
pg_ctl -D data -m immediate stop >>log 2>&1
cd / && rm -rf "$dir"
"#;

/// A server of our own.
pub(crate) struct Cluster {
    url: String,
    keeper: Child,
    /// Held open for as long as the server is wanted.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

static SHARED: OnceLock<Option<(String, Option<Cluster>)>> = OnceLock::new();

/// The database; none where there is no PostgreSQL, which `SEATGATE_REQUIRE_ALL` forbids. One of our own is quick, and
/// would not survive a power cut.
pub(crate) fn url() -> Option<&'static str> {
    url_of("off")
}

/// The same; one of our own keeps what it says, as the defaults have it.
pub(crate) fn durable_url() -> Option<&'static str> {
    url_of("on")
}

fn url_of(fsync: &str) -> Option<&'static str> {
    let shared = SHARED.get_or_init(|| match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => Some((url, None)),
        Err(_) => Cluster::start_with(fsync).map(|cluster| (cluster.url.clone(), Some(cluster))),
    });
    shared.as_ref().map(|(url, _)| url.as_str())
}

impl Cluster {
    /// A server for one test alone; none where there is no PostgreSQL, which `SEATGATE_REQUIRE_ALL` forbids.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("off")
    }

    /// The same, which keeps what it says, as the defaults have it.
    pub(crate) fn durable() -> Option<Self> {
        Self::start_with("on")
    }

    fn start_with(fsync: &str) -> Option<Self> {
        let Some(programs) = programs(&["initdb", "pg_ctl"]) else {
            let required = std::env::var_os("SEATGATE_REQUIRE_ALL").is_some();
            assert!(!required, "PostgreSQL is required, and is not installed");
            eprintln!("skipped: there is no PostgreSQL (initdb and pg_ctl), and TEST_DATABASE_URL is not set");
            return None;
        };
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let mut keeper = shell()
            .env("PATH", path)
            .env("FSYNC", fsync)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell keeps the server");
        let orders = keeper.stdin.take();
        let mut answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut folder = String::new();
        answers.read_line(&mut folder).unwrap();
        let folder = folder.trim_end();
        assert!(!folder.is_empty(), "the server did not start; its log is above");
        let url = format!("postgres://seatgate@{}/postgres", folder.replace('/', "%2F"));
        Some(Self { url, keeper, orders, answers })
    }

    /// Its database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server as `pg_ctl -m` does, and starts it again; answers when it accepts connections.
    pub(crate) fn restart(&mut self, mode: &str) {
        writeln!(self.orders.as_ref().unwrap(), "{mode}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "restarted: 0\n");
    }
}

impl Drop for Cluster {
    /// The server and its folder are gone when this returns.
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.keeper.wait();
    }
}

/// The folder of these programs of PostgreSQL's, which distributions keep off the path.
pub(crate) fn programs(names: &[&str]) -> Option<String> {
    let on_path = std::env::var("PATH").unwrap_or_default();
    let mut folders: Vec<String> = on_path.split(':').map(str::to_owned).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin").display().to_string()));
    folders.into_iter().find(|folder| names.iter().all(|name| Path::new(folder).join(name).exists()))
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
