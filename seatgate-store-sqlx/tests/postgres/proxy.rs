//! Something between a server and its database that loses replies, and cuts connections in the middle of a message.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = ".s.PGSQL.5432";

/// Whoever says this gets no reply.
type Marker = Arc<Mutex<Option<String>>>;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToDatabase,
    FromDatabase,
}

/// Counts the messages of one way over all connections, and cuts one.
#[derive(Default)]
struct Shears {
    passed: AtomicU64,
    /// The number of the message to be cut; 0 for none.
    cut: AtomicU64,
}

impl Shears {
    /// How much of the next message passes. Of the one that is cut, half does.
    fn pass(&self, bytes: &[u8]) -> usize {
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.cut.load(Ordering::SeqCst) { bytes.len() / 2 } else { bytes.len() }
    }
}

pub(crate) struct Proxy {
    /// Holds the socket.
    _folder: TempDir,
    url: String,
    marker: Marker,
    shears: Arc<[Shears; 2]>,
}

impl Proxy {
    /// Before the database behind `url`; none where that is not reached over a Unix socket.
    pub(crate) fn before(url: &str) -> Option<Self> {
        let (user, rest) = url.strip_prefix("postgres://")?.split_once("@%2F")?;
        let (path, database) = rest.split_once('/')?;
        let socket = PathBuf::from(format!("/{}", path.replace("%2F", "/"))).join(SOCKET);
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let marker = Marker::default();
        let shears = Arc::<[Shears; 2]>::default();
        tokio::spawn(serve(listener, socket, marker.clone(), shears.clone()));
        let host = folder.path().display().to_string().replace('/', "%2F");
        Some(Self { url: format!("postgres://{user}@{host}/{database}"), _folder: folder, marker, shears })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the database answers to a message that holds `marker` is lost, once, and the connection with it.
    pub(crate) fn lose_reply_to(&self, marker: String) {
        *self.marker.lock().unwrap() = Some(marker);
    }

    /// Cuts the `nth` message from now on that goes this way in two, and its connection with it. 0: none.
    pub(crate) fn cut(&self, way: Way, nth: u64) {
        let shears = &self.shears[way as usize];
        shears.passed.store(0, Ordering::SeqCst);
        shears.cut.store(nth, Ordering::SeqCst);
    }

    /// How many messages went this way since then.
    pub(crate) fn passed(&self, way: Way) -> u64 {
        self.shears[way as usize].passed.load(Ordering::SeqCst)
    }
}

async fn serve(listener: UnixListener, socket: PathBuf, marker: Marker, shears: Arc<[Shears; 2]>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, socket.clone(), marker.clone(), shears.clone()));
    }
}

async fn carry(client: UnixStream, socket: PathBuf, marker: Marker, shears: Arc<[Shears; 2]>) {
    let Ok(database) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_database, to_database) = database.into_split();
    let lost = AtomicBool::new(false);
    let listen = |bytes: &[u8]| {
        let mut marker = marker.lock().unwrap();
        let said =
            marker.as_ref().is_some_and(|marker| bytes.windows(marker.len()).any(|part| part == marker.as_bytes()));
        if said {
            *marker = None;
            lost.store(true, Ordering::SeqCst);
        }
        shears[Way::ToDatabase as usize].pass(bytes)
    };
    let reply = |bytes: &[u8]| match lost.load(Ordering::SeqCst) {
        true => 0,
        false => shears[Way::FromDatabase as usize].pass(bytes),
    };
    tokio::select! {
        () = pass(from_client, to_database, listen) => {}
        () = pass(from_database, to_client, reply) => {}
    }
}

/// Carries bytes until an end is closed, or until `may_pass` lets only some of them pass.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, may_pass: impl Fn(&[u8]) -> usize) {
    let mut bytes = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let passes = may_pass(&bytes[..read]);
        if to.write_all(&bytes[..passes]).await.is_err() || passes < read {
            return;
        }
    }
}
