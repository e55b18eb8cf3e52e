//! One whole cycle on seatgate and on other engines, in one run on one machine. See README.md.

mod cluster;
mod dbos_workflow;
mod peer;
mod plain;
mod restate;
mod seatgate;
mod table;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use self::cluster::Cluster;
use self::peer::{Outcome, Peer};
use self::table::Row;

const IN_FLIGHT: usize = 32;

struct Settings {
    cycles: usize,
    rounds: usize,
    only: Option<String>,
}

impl Settings {
    fn read() -> Self {
        let number =
            |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
        Self {
            cycles: number("PEERS_CYCLES", 2_000),
            rounds: number("PEERS_ROUNDS", 5),
            only: std::env::var("PEERS_ONLY").ok(),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split(',').any(|wanted| wanted == name))
    }
}

fn main() -> Outcome<()> {
    let cores = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()?;
    runtime.block_on(compare(&Settings::read(), cores))
}

async fn compare(settings: &Settings, cores: usize) -> Outcome<()> {
    let cluster = Cluster::start().await?;
    let peers = start(settings, &cluster).await?;
    let mut rows: Vec<Row> = peers.iter().map(|peer| Row::of(&**peer)).collect();
    let numbers = AtomicUsize::new(0);
    // What is compiled, cached or planned at the first use counts for nobody.
    for peer in &peers {
        round(Arc::clone(peer), settings.cycles / 4, &numbers).await?;
    }
    for number in 1..=settings.rounds {
        for (peer, row) in peers.iter().zip(&mut rows) {
            cluster.checkpoint().await?;
            let (rate, rest) = round(Arc::clone(peer), settings.cycles, &numbers).await?;
            println!("round {number}: {:<30} {rate:8.0} cycles/s, nothing left to do {rest:.1} s later", peer.name());
            row.rates.push(rate);
            row.rests.push(rest);
        }
    }
    for peer in &peers {
        peer.stop().await;
    }
    let Settings { cycles, rounds, .. } = settings;
    println!(
        "\n{rounds} rounds of {cycles} cycles, {IN_FLIGHT} in flight, {cores} cores shared with the callers and the \
         database; PostgreSQL {}, fsync and synchronous_commit on\n",
        cluster.version
    );
    print!("{}", table::print(&rows));
    Ok(())
}

/// Whoever can be had.
async fn start(settings: &Settings, cluster: &Cluster) -> Outcome<Vec<Arc<dyn Peer>>> {
    let http = reqwest::Client::builder().pool_max_idle_per_host(2 * IN_FLIGHT).no_proxy().tcp_nodelay(true).build()?;
    let mut peers: Vec<Arc<dyn Peer>> = Vec::new();
    let mut add = |name: &str, started: Outcome<Arc<dyn Peer>>| match started {
        Ok(peer) => peers.push(peer),
        Err(error) => println!("WITHOUT {name}: {error}"),
    };
    if settings.wants("seatgate") {
        add("seatgate", seatgate::InProcess::start(&cluster.database("seatgate").await?).await.map(shared));
    }
    if settings.wants("dbos") {
        add("DBOS", dbos_workflow::Dbos::start(&cluster.database("dbos").await?).await.map(shared));
    }
    if settings.wants("restate") {
        add("Restate", restate::Restate::start(http.clone()).await.map(shared));
    }
    if settings.wants("plain") {
        add(
            "the plain service",
            plain::Plain::start(&cluster.database("plain").await?, http.clone()).await.map(shared),
        );
    }
    if settings.wants("seatgate-http") {
        let url = cluster.database("seatgate_http").await?;
        add("seatgate over HTTP", seatgate::OverHttp::start(&url, http.clone()).await.map(shared));
    }
    Ok(peers)
}

fn shared<P: Peer + 'static>(peer: P) -> Arc<dyn Peer> {
    Arc::new(peer)
}

/// Cycles a second, and how many seconds after the last of them nothing was left to do.
async fn round(peer: Arc<dyn Peer>, cycles: usize, numbers: &AtomicUsize) -> Outcome<(f64, f64)> {
    let first = numbers.fetch_add(cycles, Ordering::Relaxed);
    let start = Instant::now();
    let clients: Vec<_> = (0..IN_FLIGHT)
        .map(|client| {
            let peer = Arc::clone(&peer);
            tokio::spawn(async move {
                for n in (first + client..first + cycles).step_by(IN_FLIGHT) {
                    peer.cycle(n).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for client in clients {
        client.await?.map_err(|error| format!("{}: {error}", peer.name()))?;
    }
    let took = start.elapsed().as_secs_f64();
    peer.rest().await?;
    Ok((cycles as f64 / took, start.elapsed().as_secs_f64() - took))
}
