//! Why a server does not run.

use purlin::raft::Member;
use purlin_raft::{OpenError, StoreError};
use purlin_rustls::TlsError;
use purlin_tokio::JournalError;
use std::io;
use tokio::task::JoinError;

/// A server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It was not told where it stands itself. Nothing was started.
    #[error("--peers does not say where {0} stands, which is this server: add it")]
    Nowhere(Member),
    /// The directory was not opened. Nothing was started.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A place cannot be listened at. Nothing was started.
    #[error("{place} cannot be listened at: free it, or give another one in --peers or with {option}")]
    Listen {
        /// The place.
        place: String,
        /// The option that gives it.
        option: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificates cannot be used. Nothing was started.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The journal has refused or failed. Everybody who waited for an answer was told that nobody knows.
    #[error(transparent)]
    Journal(#[from] JournalError<StoreError>),
    /// The directory could not be closed. What was answered is not lost.
    #[error(transparent)]
    Close(#[from] StoreError),
    /// The driver has panicked, which is a bug.
    #[error("the driver has ended unexpectedly")]
    Driver(#[from] JoinError),
    /// The HTTP server has failed.
    #[error("the HTTP server has failed")]
    Http(#[from] io::Error),
}
