//! Mutual TLS for the [framed transport](purlin_tokio::FramedTransport): a [`Network`](purlin_tokio::Network) around another.
//!
//! Both ends show a certificate, and each takes only what an authority of its own file has signed. Who dials also looks
//! whether the certificate carries the name of the place, or the one name that all nodes share. Only TLS 1.3 is spoken, by
//! [rustls](https://docs.rs/rustls) on ring.
//!
//! A certificate tells that a node belongs here, not which node it is: every holder of one may say to be any of them.
//!
//! ```no_run
//! use purlin_rustls::{TlsNetwork, TlsSettings};
//! use purlin_tokio::{FramedTransport, Site, Tcp, Wire};
//! # use purlin::protocol::Protocol;
//!
//! # async fn open<P: Protocol>(site: Site<P>) -> Result<(), Box<dyn std::error::Error>> {
//! let settings = TlsSettings {
//!     authorities: "tls/ca.pem".into(),
//!     certificate: "tls/node.pem".into(),
//!     key: "tls/node.key".into(),
//!     name: None,
//! };
//! let network = TlsNetwork::new(Tcp, &settings)?;
//! let transport: FramedTransport<P> = FramedTransport::open(network, site, Wire::default()).await?;
//! # Ok(())
//! # }
//! ```

mod files;
mod network;
mod stream;

pub use files::{TlsError, TlsSettings};
pub use network::TlsNetwork;
pub use stream::{HandshakeError, TlsStream};
