//! Simulated TCP streams.

use super::life::Life;
use super::network::Network;
use super::tap::Sound;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

/// A simulated TCP stream that lasts no longer than its process.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// Its own and the other.
    ends: [SocketAddr; 2],
    life: Life,
    place: u64,
    line: Line,
    network: Option<(Network, u64)>,
}

/// What is between two ends: it can be broken, which resets the connection at this end.
///
/// A handler of axum gets that of its connection by `ConnectInfo<Line>`.
#[derive(Clone, Debug, Default)]
pub struct Line(Life);

impl Line {
    /// Resets the connection.
    pub fn reset(&self) {
        self.0.end();
    }
}

impl Wire {
    /// A wire that nothing cuts and nobody taps.
    pub fn new(stream: TcpStream, life: Life) -> Self {
        let ends = [stream.local_addr(), stream.peer_addr()];
        let ends = ends.map(|end| end.expect("a simulated stream knows its ends"));
        let place = life.register();
        Self { stream, ends, life, place, line: Line::default(), network: None }
    }

    /// The same wire as a part of a network.
    #[must_use]
    pub fn of(mut self, network: &Network) -> Self {
        self.network = Some((network.clone(), network.register()));
        self
    }

    /// Connects to a simulated host by its name.
    pub(crate) async fn connect(host: String, port: u16) -> io::Result<TokioIo<Self>> {
        let stream = TcpStream::connect((host, port)).await?;
        Ok(TokioIo::new(Self::new(stream, Life::default())))
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    fn poll_broken(&self, context: &Context<'_>) -> Poll<()> {
        if self.life.poll_ended(self.place, context).is_ready() {
            return Poll::Ready(());
        }
        self.line.0.poll_ended(0, context)
    }

    fn poll_hears(&self, context: &Context<'_>) -> Poll<()> {
        let [own, other] = self.ends;
        let Some((network, place)) = &self.network else { return Poll::Ready(()) };
        network.poll_hears(*place, context, [other.ip(), own.ip()])
    }

    fn note(&self, sound: Sound, bytes: &[u8]) {
        if let Some((network, _)) = &self.network {
            network.tap().note(sound, self.ends, bytes);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.note(Sound::Closed, &[]);
        self.life.forget(self.place);
        self.network.iter().for_each(|(network, place)| network.forget(*place));
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_broken(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        ready!(self.poll_hears(context));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.note(Sound::Heard, &buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    /// The dead say nothing more, whichever of their tasks is still woken.
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.life.is_over() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.note(Sound::Said, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        self.note(Sound::Shut, &[]);
        Poll::Ready(Ok(()))
    }
}
