//! The server: journal, driver and HTTP, started and stopped together.

use crate::api;
use axum::Router;
use core::future::Future;
use core::num::NonZeroUsize;
use metrics_exporter_prometheus::PrometheusBuilder;
use purlin::queue::{Config, Queue};
use purlin_sqlite::{OpenError, SqliteError, SqliteJournal};
use purlin_tokio::{DriverMetrics, Handle, JournalError, Options, Setup};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The file that holds the queue. It is made if there is none.
    pub db: PathBuf,
    /// Where to listen; port 0 is any that is free.
    pub listen: SocketAddr,
    /// The queue.
    pub queue: Config,
    /// After how many records the file is compacted.
    pub compact_after: NonZeroUsize,
}

/// The server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The file was not opened. Nothing was started.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address cannot be listened at. Nothing was started.
    #[error("{address} cannot be listened at: free it, or give another one with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
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

type Running = JoinHandle<Result<SqliteJournal<Queue>, JournalError<SqliteError>>>;

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    queue: Handle<Queue>,
    driver: Running,
}

impl Server {
    /// Opens the file, starts the driver and listens.
    ///
    /// # Errors
    /// [`ServerError::Open`] or [`ServerError::Listen`].
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { db, listen, queue: config, compact_after } = options;
        let refused = |source| ServerError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        // Opening blocks, and nothing else is to be done meanwhile. It comes last: it turns an earlier server out.
        let (journal, image) = SqliteJournal::open(db, "queue")?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let (driver, queue) = Setup::<Queue, _>::new(config, journal, image)
            .observer(DriverMetrics::recorded_by(&recorder, "queue"))
            .options(Options { compact_after, ..Options::default() })
            .build();
        let router = api::router(queue.clone(), &recorder);
        Ok(Self { listener, address, router, queue, driver: tokio::spawn(driver.run()) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then finishes what has come in. Stops by itself if the journal refuses or fails.
    ///
    /// # Errors
    /// Why it had to stop.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, router, queue, mut driver, .. } = self;
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop);
        let ended = tokio::select! {
            biased;
            ended = &mut driver => ended,
            served = serving => {
                served?;
                queue.shutdown();
                driver.await
            }
        };
        ended??.close()?;
        Ok(())
    }
}
