//! One connection: both ends say hello, then each sends what it has and reads what comes.

use super::codec::{self, FrameError};
use super::hello::{self, HelloError};
use super::network::Network;
use super::{Site, Wire};
use bytes::BytesMut;
use core::time::Duration;
use purlin::protocol::Protocol;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Hello(#[from] HelloError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    #[error("the other end closed it")]
    Closed,
}

/// What every connection of a transport shares.
pub(super) struct Line<P: Protocol, N> {
    pub(super) network: N,
    pub(super) site: Site<P>,
    pub(super) wire: Wire,
    pub(super) inbound: mpsc::Sender<(P::Address, P::Message)>,
}

/// A connection whose ends belong together.
pub(super) struct Connection<P: Protocol, S> {
    pub(super) peer: P::Address,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    read: BytesMut,
}

impl<P: Protocol, N: Network> Line<P, N> {
    /// Both hellos, in a bounded time. If they do not fit, both ends have heard why.
    pub(super) async fn greet(
        &self,
        stream: N::Stream,
        expected: Option<&P::Address>,
    ) -> Result<Connection<P, N::Stream>, ConnectionError> {
        let greeted = timeout(self.wire.silence_max, self.exchange_hellos(stream, expected)).await;
        greeted.unwrap_or(Err(ConnectionError::Silent(self.wire.silence_max)))
    }

    async fn exchange_hellos(
        &self,
        stream: N::Stream,
        expected: Option<&P::Address>,
    ) -> Result<Connection<P, N::Stream>, ConnectionError> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        writer.write_all(&hello::hello::<P>(&self.site.cluster, &self.site.address)?).await?;
        writer.flush().await?;
        let mut read = BytesMut::new();
        let peer = loop {
            if let Some(peer) = hello::take_hello::<P>(&mut read, &self.site.cluster)? {
                break peer;
            }
            read_some(&mut reader, &mut read).await?;
        };
        hello::check_expected(expected, &peer)?;
        Ok(Connection { peer, reader, writer, read })
    }

    /// Sends what is queued and takes in what comes, until either end has had enough.
    pub(super) async fn serve(
        &self,
        connection: Connection<P, N::Stream>,
        queue: &mut mpsc::Receiver<P::Message>,
    ) -> Result<(), ConnectionError> {
        let Connection { peer, reader, writer, read } = connection;
        tokio::select! {
            biased;
            result = self.take_in(&peer, reader, read) => result,
            result = self.send_out(writer, queue) => result,
        }
    }

    async fn take_in(
        &self,
        peer: &P::Address,
        mut reader: ReadHalf<N::Stream>,
        mut read: BytesMut,
    ) -> Result<(), ConnectionError> {
        loop {
            while let Some(payload) = codec::take_payload(&mut read, self.wire.frame_max)? {
                let Some(message) = codec::decode::<Option<P::Message>>(&payload)? else { continue };
                if self.inbound.send((peer.clone(), message)).await.is_err() {
                    return Ok(());
                }
            }
            let silent = ConnectionError::Silent(self.wire.silence_max);
            timeout(self.wire.silence_max, read_some(&mut reader, &mut read)).await.map_err(|_| silent)??;
        }
    }

    /// As many messages as are there go into one write.
    async fn send_out(
        &self,
        mut writer: WriteHalf<N::Stream>,
        queue: &mut mpsc::Receiver<P::Message>,
    ) -> Result<(), ConnectionError> {
        let (mut messages, mut bytes) = (Vec::new(), Vec::new());
        loop {
            match timeout(self.wire.heartbeat, queue.recv_many(&mut messages, self.wire.write_max)).await {
                Ok(0) => return Ok(()),
                Ok(_) => messages.drain(..).for_each(|message| self.encode(message, &mut bytes)),
                Err(_) => codec::encode(&None::<P::Message>, self.wire.frame_max, &mut bytes)?,
            }
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            bytes.clear();
        }
    }

    /// A message that is too long is lost, as any other may be; the connection can do nothing about it.
    fn encode(&self, message: P::Message, bytes: &mut Vec<u8>) {
        if let Err(error) = codec::encode(&Some(message), self.wire.frame_max, bytes) {
            tracing::error!(%error, "a message was not sent");
        }
    }
}

async fn read_some(reader: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> Result<(), ConnectionError> {
    match reader.read_buf(read).await? {
        0 => Err(ConnectionError::Closed),
        _ => Ok(()),
    }
}
