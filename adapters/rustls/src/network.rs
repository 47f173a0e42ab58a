//! A network whose streams are encrypted.

use crate::files::{Credentials, TlsError, TlsSettings};
use crate::stream::{TlsStream, handshake_failed};
use core::fmt;
use core::future::Future;
use purlin_tokio::Network;
use std::io;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Another network, with TLS on every stream; both ends show certificates. Clones share what was read.
#[derive(Clone)]
pub struct TlsNetwork<N> {
    network: N,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl<N: Network> TlsNetwork<N> {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them is missing, is not what it should be, or does not fit the others.
    pub fn new(network: N, settings: &TlsSettings) -> Result<Self, TlsError> {
        let Credentials { client, server, name } = settings.read()?;
        Ok(Self { network, acceptor: TlsAcceptor::from(server), connector: TlsConnector::from(client), name })
    }

    /// The name that the certificate of whoever stands there must carry.
    fn name_at(&self, place: &str) -> io::Result<ServerName<'static>> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let host = place.rsplit_once(':').map_or(place, |(host, _port)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        ServerName::try_from(host.to_owned()).map_err(|_| {
            let why = format!("`{place}` names no host that a certificate could carry: set a name for all nodes");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })
    }
}

impl<N: Network> Network for TlsNetwork<N> {
    type Stream = TlsStream<N::Stream>;
    type Listener = N::Listener;

    fn listen(&self, place: &str) -> impl Future<Output = io::Result<(Self::Listener, String)>> + Send {
        self.network.listen(place)
    }

    /// The handshake is made by whoever uses the stream first, so that nobody who is slow at it holds others up.
    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Self::Stream> {
        let stream = self.network.accept(listener).await?;
        Ok(TlsStream::accepting(self.acceptor.accept(stream)))
    }

    async fn connect(&self, place: &str) -> io::Result<Self::Stream> {
        let name = self.name_at(place)?;
        let stream = self.network.connect(place).await?;
        let secured = self.connector.connect(name, stream).await.map_err(handshake_failed)?;
        Ok(TlsStream::open(secured.into()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.network.spawn(task);
    }
}

impl<N> fmt::Debug for TlsNetwork<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsNetwork").field("name", &self.name).finish_non_exhaustive()
    }
}
