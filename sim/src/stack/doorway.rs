//! Simulated listeners.

use super::life::Life;
use super::network::Network;
use super::wire::{Line, Wire};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use turmoil::net::TcpListener;

/// A simulated listener, for `axum::serve` and for whoever accepts by himself.
pub struct Doorway {
    listener: TcpListener,
    life: Life,
    network: Option<Network>,
}

impl Doorway {
    /// Listens on a port of the present host, for one life of its process.
    pub async fn open(port: u16, life: Life) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        Ok(Self { listener, life, network: None })
    }

    /// The same listener as a part of a network.
    #[must_use]
    pub fn of(mut self, network: &Network) -> Self {
        self.network = Some(network.clone());
        self
    }

    /// The next connection.
    pub async fn accept(&mut self) -> io::Result<(Wire, SocketAddr)> {
        let (stream, address) = self.listener.accept().await?;
        let wire = Wire::new(stream, self.life.clone());
        let wire = self.network.iter().fold(wire, Wire::of);
        Ok((wire, address))
    }
}

impl axum::serve::Listener for Doorway {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            if let Ok(accepted) = Self::accept(self).await {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Doorway>> for Line {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Doorway>) -> Self {
        stream.io().line().clone()
    }
}
