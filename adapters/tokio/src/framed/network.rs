//! How streams are opened.

use core::future::Future;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// Opens streams and starts tasks, so that the same transport runs over TCP and over a simulated network.
///
/// A place is what the network connects to: `host:port` for TCP.
pub trait Network: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// Where connections come in.
    type Listener: Send + 'static;

    /// Listens at a place, and tells which it is: they differ where a place stands for any free one.
    fn listen(&self, place: &str) -> impl Future<Output = io::Result<(Self::Listener, String)>> + Send;

    /// The next connection that comes in.
    fn accept(&self, listener: &mut Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Connects to a place.
    fn connect(&self, place: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Starts a task. In a simulation it is to be one of the simulated node, started with `spawn_local`.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);
}

/// TCP as tokio has it, with `TCP_NODELAY`: what is sent is batched already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Network for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn listen(&self, place: &str) -> io::Result<(TcpListener, String)> {
        let listener = TcpListener::bind(place).await?;
        let place = listener.local_addr()?.to_string();
        Ok((listener, place))
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(&self, place: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(place).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}
