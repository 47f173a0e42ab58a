//! A server: journal, transport, driver and HTTP, started and stopped together.
//!
//! ```text
//!   clients ──▶ api ─▶ Handle ─▶ Driver ─▶ Raft<Kv>           each server a process
//!                │       ▲         ├──▶ journal
//!                │       │         ├──▶ FramedTransport ◀── TCP or TLS ──▶ the other servers
//!                │    steward      └──▶ lookout ─▶ standing
//!                └─ forwards to the leader's api
//! ```

mod directory;
mod error;
mod peers;
mod standing;
mod steward;
mod stop;
mod tokens;
mod words;

pub(crate) use directory::Places;
pub use error::ServerError;
pub use peers::{BadPeers, Peers, member_named, place};
pub use standing::Standing;
pub use tokens::{Tokens, TokensError};

use crate::api::{Service, StateGauges, router};
use crate::state::{Kv, Place};
use axum::Router;
use core::time::Duration;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use purlin::raft::{Config, Member, Raft};
use purlin_raft::wire::RaftCodec;
use purlin_raft::{Identity, RaftJournal, StoreError};
use purlin_rustls::{TlsNetwork, TlsSettings};
use purlin_tokio::{
    Directory, DriverMetrics, FramedTransport, Framing, Handle, JournalError, Network, Setup, Site, Tcp, WireMetrics,
};
use standing::Lookout;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use steward::Steward;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The name of the cluster. Servers of different ones refuse each other, and each other's directories.
    pub cluster: String,
    /// Where its log and its snapshots are kept. It is made if there is none.
    pub dir: PathBuf,
    /// All members that it knows of, itself among them, and where they stand. The log may say more later.
    pub peers: Peers,
    /// Where it listens for the other servers, if that is not where they reach it.
    pub listen_peer: Option<String>,
    /// Where it listens for clients, if that is not where they reach it.
    pub listen_http: Option<String>,
    /// Certificates for the connections between servers; none is no encryption.
    pub tls: Option<TlsSettings>,
    /// Which clients are let in.
    pub tokens: Tokens,
    /// The longest that a request waits for the replicas.
    pub patience: Duration,
    /// The replica.
    pub raft: Config,
}

type Running = JoinHandle<Result<RaftJournal<Kv>, JournalError<StoreError>>>;

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    raft: Handle<Raft<Kv>>,
    standing: watch::Receiver<Standing>,
    stopping: watch::Sender<bool>,
    driver: Running,
}

impl Server {
    /// Listens, opens the directory and starts the driver.
    ///
    /// # Errors
    /// See [`ServerError`]; nothing was started.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let me = options.raft.me();
        let mine = options.peers.0.get(&me).cloned().ok_or(ServerError::Nowhere(me))?;
        let (listener, address) = listen(&options, &mine).await?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let transport = meet(&options, me, &mine, &recorder).await?;
        // Opening blocks, and nothing else is to be done meanwhile.
        let identity = Identity { cluster: options.cluster.clone(), member: me };
        let (journal, image) = purlin_raft::open(&options.dir, &identity, &store_options())?;
        let directory = transport.directory();
        let (lookout, standing) = watch::channel(Standing::default());
        let (driver, raft) = Setup::<Raft<Kv>, _>::new(options.raft.clone(), journal, image)
            .transport(transport)
            .observer((DriverMetrics::recorded_by(&recorder, "kv"), Lookout(lookout)))
            .build();
        let (stopping, told) = watch::channel(false);
        let places = keep_house(&options, me, &raft, standing.clone(), directory);
        let ServerOptions { cluster, tokens, patience, .. } = options;
        let (page, gauges) = (recorder.handle(), StateGauges::register(&recorder));
        let (handle, seen) = (raft.clone(), standing.clone());
        let service =
            Service { cluster, raft: handle, standing: seen, stopping: told, places, tokens, patience, page, gauges };
        let router = router(Arc::new(service));
        Ok(Self { listener, address, router, raft, standing, stopping, driver: tokio::spawn(driver.run()) })
    }

    /// Where it listens for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How its replica stands, kept up to date.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Serves until `stop` resolves. Then it hands the leadership over, answers everybody, and ends. It stops by itself if the
    /// journal refuses or fails.
    ///
    /// # Errors
    /// Why it had to stop.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, router, raft, stopping, mut driver, .. } = self;
        let ending = async move {
            stop.await;
            stop::hand_over(&raft).await;
            // Watches end; then the driver, which answers everybody who still waits.
            stopping.send_replace(true);
            raft.shutdown();
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(ending).into_future();
        tokio::pin!(serving);
        let ended = tokio::select! {
            biased;
            ended = &mut driver => {
                if matches!(ended, Ok(Ok(_))) {
                    serving.await?;
                }
                ended
            }
            served = &mut serving => {
                served?;
                driver.await
            }
        };
        ended??.close()?;
        Ok(())
    }
}

/// How directories of this service are written. Whatever opens one is to do it like this.
pub(crate) fn store_options() -> purlin_raft::Options {
    purlin_raft::Options { application_format: Kv::FORMAT, ..purlin_raft::Options::default() }
}

async fn listen(options: &ServerOptions, mine: &Place) -> Result<(TcpListener, SocketAddr), ServerError> {
    let place = options.listen_http.clone().unwrap_or_else(|| mine.http.to_string());
    let refused = |source| ServerError::Listen { place: place.clone(), option: "--listen-http", source };
    let listener = TcpListener::bind(&place).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

async fn meet(
    options: &ServerOptions,
    me: Member,
    mine: &Place,
    recorder: &PrometheusRecorder,
) -> Result<FramedTransport<Raft<Kv>>, ServerError> {
    let listen = options.listen_peer.clone().unwrap_or_else(|| mine.peer.to_string());
    let others = options.peers.0.iter().filter(|(member, _)| **member != me);
    let peers = others.map(|(member, place)| (*member, place.peer.to_string())).collect();
    let site = Site { cluster: options.cluster.clone(), address: me, listen: Some(listen.clone()), peers };
    let refused = |source| ServerError::Listen { place: listen, option: "--listen-peer", source };
    let opened = match &options.tls {
        Some(tls) => open(TlsNetwork::new(Tcp, tls)?, site, recorder).await,
        None => open(Tcp, site, recorder).await,
    };
    opened.map_err(refused)
}

async fn open<N: Network>(
    network: N,
    site: Site<Raft<Kv>>,
    recorder: &PrometheusRecorder,
) -> io::Result<FramedTransport<Raft<Kv>>> {
    Framing::new(network, site)
        .codec(RaftCodec::default())
        .observer(WireMetrics::recorded_by(recorder, "kv"))
        .open()
        .await
}

/// Starts what the server does beside answering. It ends with the driver.
fn keep_house(
    options: &ServerOptions,
    me: Member,
    raft: &Handle<Raft<Kv>>,
    standing: watch::Receiver<Standing>,
    directory: Directory<Raft<Kv>>,
) -> Places {
    let told = options.peers.0.clone();
    let places = Places::new(told.clone());
    tokio::spawn(directory::follow(raft.clone(), me, told.clone(), places.clone(), directory));
    tokio::spawn(Steward { raft: raft.clone(), standing, places: told }.run());
    places
}
