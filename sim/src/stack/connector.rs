//! Simulated connectors.

use super::life::Life;
use super::network::Network;
use super::wire::Wire;
use core::pin::Pin;
use core::task::{Context, Poll};
use http::Uri;
use hyper_util::rt::TokioIo;
use std::io;
use turmoil::net::TcpStream;

/// Connects one host with others: for hyper-util's pooled client, for tonic's `connect_with_connector`, and by hand.
///
/// A dead process on a living host refuses. Where nobody can hear, nobody refuses: it waits until somebody can, as TCP
/// does that sends its SYN again.
#[derive(Clone, Debug)]
pub struct Connector {
    host: String,
    network: Network,
    life: Life,
}

impl Connector {
    const HTTP: u16 = 80;

    /// A connector of this host. Its connections last no longer than `life`.
    pub fn new(host: &str, network: &Network, life: Life) -> Self {
        Self { host: host.to_owned(), network: network.clone(), life }
    }

    /// Connects to another host.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Wire> {
        let (own, other) = (turmoil::lookup(self.host.as_str()), turmoil::lookup(host));
        loop {
            self.network.can_meet(own, other).await;
            match TcpStream::connect((other, port)).await {
                Ok(stream) => return Ok(Wire::new(stream, self.life.clone()).of(&self.network)),
                Err(_) if !self.network.may_meet(own, other) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Wire>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let host = to.host().ok_or(io::ErrorKind::InvalidInput)?;
            let wire = connector.connect(host, to.port_u16().unwrap_or(Self::HTTP)).await?;
            Ok(TokioIo::new(wire))
        })
    }
}
