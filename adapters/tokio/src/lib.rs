//! The driver: runs any [protocol](purlin::protocol) on tokio, over a [`Journal`] and a [`Transport`].
//!
//! ```text
//!   callers ── Handle ──▶ ┌────────┐ ── records ──▶ Journal      (SQLite: purlin-sqlite)
//!   timers ─────────────▶ │ Driver │
//!   Transport ── in ────▶ └────────┘ ── out ──────▶ Transport    (framed TCP: FramedTransport; with TLS: purlin-rustls)
//! ```
//!
//! It keeps the [laws of hosts](purlin::protocol#the-laws-of-hosts): one sync serves everything that was persisted since
//! the last one began, answers wait for it, and the loop goes on stepping meanwhile. It starts no task, throws no die of
//! its own and looks at what woke it in a fixed order, so on a single-threaded runtime with a simulated clock and network
//! the same seed gives the same run.
//!
//! ```
//! use purlin::queue::{Answer, NewMessage, Queue, Request, Settings};
//! use purlin_tokio::{Setup, Volatile};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let setup = Setup::<Queue, _>::new(Settings::default().validate()?, Volatile, Default::default());
//! let (driver, handle) = setup.build();
//! let running = tokio::spawn(driver.run());
//!
//! let message = NewMessage { id: "parcel 7".into(), payload: "to Oslo".into(), ..NewMessage::default() };
//! assert_eq!(handle.request(Request::Enqueue(message)).await?, Answer::Ok);
//! let claim = Request::Claim { worker: "van 1".into(), max: 1, lease_ms: None };
//! let Answer::Claimed(deliveries) = handle.request(claim).await? else { panic!("claims are answered so") };
//! assert_eq!(deliveries[0].payload, "to Oslo");
//!
//! handle.shutdown();
//! running.await??;
//! # Ok(())
//! # }
//! ```

mod driver;
mod framed;
mod handle;
mod journal;
mod metrics;
mod observer;
mod options;
mod setup;
mod surroundings;
mod transport;

pub use driver::Driver;
pub use framed::{
    Codec, CodecError, ConnectionError, Directory, FrameError, FramedTransport, Framing, HelloError, Lane, Network,
    Postcard, Site, Tcp, Versions, Wire, WireMetrics, WireObserver,
};
pub use handle::{Handle, Unanswered};
pub use journal::{Appending, Journal, JournalError, Pipeline, Volatile};
pub use metrics::DriverMetrics;
pub use observer::Observer;
pub use options::Options;
pub use setup::Setup;
pub use surroundings::{Process, Surroundings};
pub use transport::{Alone, Transport};
