//! Something between a server and its database that loses replies.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = ".s.PGSQL.5432";

/// Whoever says this gets no reply.
type Marker = Arc<Mutex<Option<String>>>;

pub(crate) struct Proxy {
    /// Holds the socket.
    _folder: TempDir,
    url: String,
    marker: Marker,
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
        tokio::spawn(serve(listener, socket, marker.clone()));
        let host = folder.path().display().to_string().replace('/', "%2F");
        Some(Self { url: format!("postgres://{user}@{host}/{database}"), _folder: folder, marker })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the database answers to a message that holds `marker` is lost, once, and the connection with it.
    pub(crate) fn lose_reply_to(&self, marker: String) {
        *self.marker.lock().unwrap() = Some(marker);
    }
}

async fn serve(listener: UnixListener, socket: PathBuf, marker: Marker) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, socket.clone(), marker.clone()));
    }
}

async fn carry(client: UnixStream, socket: PathBuf, marker: Marker) {
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
        true
    };
    let reply = |_: &[u8]| !lost.load(Ordering::SeqCst);
    tokio::select! {
        () = pass(from_client, to_database, listen) => {}
        () = pass(from_database, to_client, reply) => {}
    }
}

/// Carries bytes until an end is closed, or until `may_pass` says no.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, may_pass: impl Fn(&[u8]) -> bool) {
    let mut bytes = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if !may_pass(&bytes[..read]) || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
