//! An encrypted stream, which makes its handshake when it is first used.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::Accept;

/// The two ends do not trust each other, or do not understand each other. It is the inner error of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake failed: {source}")]
pub struct HandshakeError {
    /// What was wrong; rustls's error, if the other end was there to the end.
    source: io::Error,
}

pub(crate) fn handshake_failed(source: io::Error) -> io::Error {
    io::Error::new(source.kind(), HandshakeError { source })
}

/// A stream of a [`TlsNetwork`](crate::TlsNetwork).
pub struct TlsStream<S>(State<S>);

/// What is large is boxed: most of the time a connection is in the one state that matters.
enum State<S> {
    Accepting(Box<Accept<S>>),
    Open(Box<tokio_rustls::TlsStream<S>>),
    /// The handshake has failed, and whoever was told uses it all the same.
    Failed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    pub(crate) fn accepting(accept: Accept<S>) -> Self {
        Self(State::Accepting(Box::new(accept)))
    }

    pub(crate) fn open(stream: tokio_rustls::TlsStream<S>) -> Self {
        Self(State::Open(Box::new(stream)))
    }

    /// The stream, once its handshake is made.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut tokio_rustls::TlsStream<S>>>> {
        if let State::Accepting(accept) = &mut self.0 {
            match ready!(Pin::new(accept.as_mut()).poll(context)) {
                Ok(stream) => self.0 = State::Open(Box::new(stream.into())),
                Err(error) => {
                    self.0 = State::Failed;
                    return Poll::Ready(Err(handshake_failed(error)));
                }
            }
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(stream.as_mut())),
            State::Accepting(_) | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_shutdown(context)
    }
}
