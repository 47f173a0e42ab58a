//! Stock tonic in a simulation.

use core::pin::Pin;
use core::task::{Context, Poll};
use futures_util::stream;
use purlin_sim::stack::{Connector, Doorway, Life, Network, Process, Wire, dated};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::util::MapResponseLayer;

use super::stacks::PORT;

/// A wire as tonic's server takes it.
struct Served(Wire);

impl Connected for Served {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Served {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl AsyncWrite for Served {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A stock tonic server of the health service on a host of its own.
pub(crate) fn serve_health<H: Health>(
    world: &mut turmoil::Sim<'_>,
    host: &str,
    network: &Network,
    health: HealthServer<H>,
) -> Arc<Process> {
    let process = Arc::new(Process::default());
    let (network, runs) = (network.clone(), Arc::clone(&process));
    world.host(host, move || {
        let (network, process, health) = (network.clone(), Arc::clone(&runs), health.clone());
        async move { process.run(|life| live(network.clone(), life, health.clone())).await }
    });
    process
}

async fn live<H: Health>(network: Network, life: Life, health: HealthServer<H>) -> turmoil::Result {
    let door = Doorway::open(PORT, life).await?.of(&network);
    let incoming = stream::unfold(door, |mut door| async {
        let accepted = door.accept().await.map(|(wire, _)| Served(wire));
        Some((accepted, door))
    });
    let server = Server::builder().layer(MapResponseLayer::new(dated::<tonic::body::Body>));
    Ok(server.serve_with_incoming(health, incoming).await?)
}

/// A client of the health service on that host, with a channel that connects when it has to, again and again.
pub(crate) fn health_client(own: &str, network: &Network, host: &str) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{host}")).unwrap();
    let connector = Connector::new(own, network, Life::default());
    HealthClient::new(endpoint.connect_with_connector_lazy(connector))
}
