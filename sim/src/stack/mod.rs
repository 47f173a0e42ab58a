//! Stock HTTP stacks in a deterministic simulation: axum, hyper, hyper-util's pooled client and tonic over turmoil's
//! network, all as they are.
//!
//! ```text
//!   axum::serve ── Doorway ──┐                        ┌── Connector ── hyper-util, tonic
//!                            Wire ── Network, Tap ── Wire
//!   Process, Life ───────────┘                        └── Life of a pool
//! ```
//!
//! What would make two runs of one seed differ, or a network unlike any, and what copes with it:
//!
//! | trap | what copes |
//! |---|---|
//! | a connection over turmoil's partition never recovers | [`Network::cut`] holds what is sent, and releases it |
//! | a connect over a partition is refused at once | [`Connector`] waits until somebody can hear |
//! | the SYN-ACK passes a one-way cut | [`Connector`] waits until both directions are free |
//! | a crash sends FIN, so that all know of a power loss | [`Network::cut_power`]: silence, then the end of the life |
//! | a connect to a crashed host hangs, though its machine could refuse | a [`Process`] is killed, its host goes on |
//! | the tasks of a crashed host end in an order that depends on a counter of the program | a [`Life`] ends, in order |
//! | runtimes keep the panics of their tasks to themselves | [`step`] hears of each |
//! | hyper puts the real clock into `Date` | [`dated`] puts the simulated one there before |
//! | a pool closes its connections in the order of its hash map | end the pool's [`Life`], yield, drop the pool |
//! | a pool measures idle time by the real clock, and evicts in the order of its hash map | give it `TokioTimer` and no idle timeout |
//! | turmoil begins at the real time | [`simulation`] begins on 1 January 1970 |
//!
//! Two runs are compared to the last byte by [`Tap::fingerprint`]. Software of one's own has to keep from clocks, threads,
//! `HashMap` iteration, thread-local randomness and `tokio::select!` without `biased` too.
//!
//! A stock server and a stock pooled client, and a cut of half a second that loses nothing:
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_body_util::Empty;
//! use hyper_util::client::legacy::Client;
//! use hyper_util::rt::{TokioExecutor, TokioTimer};
//! use purlin_sim::stack::{Connector, Doorway, Life, Network, Process, dated, run_until, simulation};
//! use std::{sync::Arc, time::Duration};
//! use tower::util::MapResponseLayer;
//!
//! let network = Network::of(["bank", "shop"]);
//! let bank = Arc::new(Process::default());
//! let mut world = simulation(7, Duration::from_secs(10));
//! let around = network.clone();
//! world.host("bank", move || {
//!     let (bank, network) = (Arc::clone(&bank), around.clone());
//!     async move {
//!         let live = async |life| {
//!             let router = Router::new().route("/", get(async || "paid")).layer(MapResponseLayer::new(dated));
//!             Ok(axum::serve(Doorway::open(80, life).await?.of(&network), router).await?)
//!         };
//!         bank.run(live).await
//!     }
//! });
//! let around = network.clone();
//! world.client("shop", async move {
//!     let life = Life::default();
//!     let mut builder = Client::builder(TokioExecutor::new());
//!     let builder = builder.pool_timer(TokioTimer::new()).pool_idle_timeout(None);
//!     let client = builder.build::<_, Empty<&[u8]>>(Connector::new("shop", &around, life.clone()));
//!     for _ in 0..100 {
//!         let paid = client.get("http://bank/".parse()?).await?;
//!         assert!(paid.headers()["date"].to_str()?.starts_with("Thu, 01 Jan 1970 00:00:0"));
//!     }
//!     life.end();
//!     tokio::task::yield_now().await;
//!     Ok(())
//! });
//! run_until(&mut world, Duration::from_millis(200), |_| {})?;
//! network.cut(&world, "shop", "bank");
//! run_until(&mut world, Duration::from_millis(700), |_| {})?;
//! network.mend(&world, "shop", "bank");
//! run_until(&mut world, Duration::from_secs(9), |_| {})?;
//! # Ok::<(), purlin_sim::checker::Violation>(())
//! ```
//!
//! A tonic client is `Endpoint::connect_with_connector(Connector::new(…))`. A tonic server takes a stream of what
//! [`Doorway::accept`] yields, in a newtype around [`Wire`] that implements tonic's `Connected`: see
//! `sim/tests/stock_stacks/tonic_stack.rs`.

mod connector;
mod doorway;
mod life;
mod network;
mod simulation;
mod tap;
mod time;
mod wire;

pub use connector::Connector;
pub use doorway::Doorway;
pub use life::{Life, Process};
pub use network::Network;
pub use simulation::{run_until, simulation, step};
pub use tap::Tap;
pub use time::{HostTime, dated};
pub use wire::{Line, Wire};
