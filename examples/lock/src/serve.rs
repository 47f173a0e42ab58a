//! A node of the lock as a service: journal, transport, driver and HTTP, started and stopped together.
//!
//! ```text
//!   callers ──▶ POST /acquire ─▶ Handle ─▶ Driver ─▶ Lock         each node a process
//!               GET /events   ◀────────────┘    ├──▶ SqliteJournal
//!                                               └──▶ FramedTransport ◀── TCP ──▶ the other nodes
//! ```
//!
//! The keeper listens for the others, and they dial it. What is answered is durable at the keeper.

mod api;
mod client;
mod resource;

pub use api::router;
pub use client::{Client, ClientError, Told};
pub use resource::{Resource, ResourceError};

use crate::{Config, Lock, Node};
use axum::Router;
use core::future::Future;
use metrics_exporter_prometheus::PrometheusBuilder;
use purlin_sqlite::{OpenError, SqliteError, SqliteJournal};
use purlin_tokio::{DriverMetrics, FramedTransport, Handle, JournalError, Setup, Site, Tcp, Wire};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};

/// How a node is set up.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Which node it is.
    pub node: Node,
    /// The file that holds its journal. It is made if there is none.
    pub db: PathBuf,
    /// Where to listen for HTTP; port 0 is any that is free.
    pub listen: SocketAddr,
    /// How it meets the other nodes.
    pub meets: Meets,
    /// The lock.
    pub lock: Config,
}

/// How a node meets the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meets {
    /// The keeper listens at a place such as `127.0.0.1:4000`; port 0 is any that is free.
    At(String),
    /// The others dial the keeper there.
    TheKeeperAt(String),
}

/// A node could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The file was not opened. Nothing was started.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address cannot be listened at. Nothing was started.
    #[error("{address} cannot be listened at: free it, or give another one with {option}")]
    Listen {
        /// The address.
        address: String,
        /// The option that gives it.
        option: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The journal has refused or failed. Everybody who waited for an answer was told that nobody knows.
    #[error(transparent)]
    Journal(#[from] JournalError<SqliteError>),
    /// The file could not be closed. Nothing is lost.
    #[error(transparent)]
    Close(#[from] SqliteError),
    /// The driver has panicked, which is a bug.
    #[error("the driver has ended unexpectedly")]
    Driver(#[from] JoinError),
    /// The HTTP server has failed.
    #[error("the HTTP server has failed")]
    Http(#[from] io::Error),
}

type Running = JoinHandle<Result<SqliteJournal<Lock>, JournalError<SqliteError>>>;

/// A node that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    place: Option<String>,
    router: Router,
    lock: Handle<Lock>,
    driver: Running,
}

impl Server {
    /// Listens, opens the file and starts the driver.
    ///
    /// # Errors
    /// [`ServerError::Listen`] or [`ServerError::Open`].
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { node, db, listen, meets, lock: config } = options;
        let refused = |source| ServerError::Listen { address: listen.to_string(), option: "--listen", source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let transport = meet(node, &config, meets).await?;
        let place = transport.place().map(str::to_owned);
        // Opening blocks, and nothing else is to be done meanwhile. It comes last: it turns an earlier process out.
        let (journal, image) = SqliteJournal::open(db, &format!("lock, node {}", node.0))?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let (driver, lock) = Setup::<Lock, _>::new(config, journal, image)
            .transport(transport)
            .observer(DriverMetrics::recorded_by(&recorder, "lock"))
            .build();
        let router = router(lock.clone(), recorder.handle());
        Ok(Self { listener, address, place, router, lock, driver: tokio::spawn(driver.run()) })
    }

    /// Where it listens for HTTP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for other nodes, if it does.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Serves until `stop` resolves, then finishes what has come in. Stops by itself if the journal refuses or fails.
    ///
    /// # Errors
    /// Why it had to stop.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, router, lock, mut driver, .. } = self;
        // The driver is told first: whoever listens to its events hangs up when it ends.
        let stopping = async move {
            stop.await;
            lock.shutdown();
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopping).into_future();
        tokio::pin!(serving);
        let ended = tokio::select! {
            biased;
            ended = &mut driver => ended,
            served = &mut serving => {
                served?;
                driver.await
            }
        };
        ended??.close()?;
        Ok(())
    }
}

async fn meet(node: Node, config: &Config, meets: Meets) -> Result<FramedTransport<Lock>, ServerError> {
    let (listen, peers) = match meets {
        Meets::At(place) => (Some(place), BTreeMap::new()),
        Meets::TheKeeperAt(place) => (None, BTreeMap::from([(config.settings().keeper, place)])),
    };
    let address = listen.clone().unwrap_or_default();
    let site = Site { cluster: "lock".to_owned(), address: node, listen, peers };
    let refused = |source| ServerError::Listen { address, option: "--meet", source };
    FramedTransport::open(Tcp, site, Wire::default()).await.map_err(refused)
}
