//! One connection: both ends say hello, then each sends what it has and reads what comes.

use super::Wire;
use super::codec::{self, Codec, Lane, Versions};
use super::frame::{self, FrameError, Kind};
use super::hello::{self, Greeted, Hello, HelloError};
use super::lanes::Lanes;
use super::network::Network;
use super::observer::WireObserver;
use super::outbox::Outbox;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use purlin::protocol::Protocol;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How much room there is for what is read next, and how little is too little.
const READ_ROOM: usize = 64 << 10;
const READ_ROOM_MIN: usize = 4 << 10;

/// Why a connection has ended, or did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The two ends do not belong together.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// What came in is no frame, or no message.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream broke, or was never opened.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other end is gone without a word, or stands still.
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    /// The other end takes nothing in.
    #[error("nothing could be sent for {0:?}")]
    Stuck(Duration),
    /// The other end wants nothing of this one.
    #[error("the other end refuses: {why:?}")]
    Refused {
        /// What it says.
        why: String,
    },
    /// The other end has closed it.
    #[error("the other end closed it")]
    Closed,
}

/// How a connection ends in peace.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nobody will ever send anything on it.
    Over,
    /// Nobody has sent anything on it for a while, and it is only held while there is something.
    Idle,
}

/// What every connection of a transport shares.
pub(super) struct Line<P: Protocol, N> {
    pub(super) network: N,
    pub(super) wire: Wire,
    pub(super) cluster: String,
    pub(super) address: P::Address,
    pub(super) versions: Versions,
    pub(super) codec: Arc<dyn Codec<P>>,
    pub(super) observer: Arc<dyn WireObserver<P>>,
    pub(super) inbound: Lanes<mpsc::Sender<(P::Address, P::Message)>>,
}

/// A connection whose ends belong together.
pub(super) struct Connection<P: Protocol, S> {
    pub(super) with: Greeted<P::Address>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    read: BytesMut,
}

impl<P: Protocol, N: Network> Line<P, N> {
    /// Both hellos, in a bounded time. If they do not fit, both ends have heard why. Who is `dialled`, and for which lane, is
    /// known to the end that did it.
    pub(super) async fn greet(
        &self,
        stream: N::Stream,
        dialled: Option<(&P::Address, Lane)>,
    ) -> Result<Connection<P, N::Stream>, ConnectionError> {
        let greeted = timeout(self.wire.silence_max, self.exchange_hellos(stream, dialled)).await;
        greeted.unwrap_or(Err(ConnectionError::Silent(self.wire.silence_max)))
    }

    async fn exchange_hellos(
        &self,
        stream: N::Stream,
        dialled: Option<(&P::Address, Lane)>,
    ) -> Result<Connection<P, N::Stream>, ConnectionError> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let ours = Hello { cluster: &self.cluster, address: &self.address, versions: self.versions };
        let lane = dialled.map(|(_, lane)| lane);
        writer.write_all(&hello::written(&ours, lane.unwrap_or_default())?).await?;
        writer.flush().await?;
        let mut read = BytesMut::new();
        let theirs = loop {
            if let Some(theirs) = hello::take(&mut read, &ours)? {
                break theirs;
            }
            read_some(&mut reader, &mut read).await?;
        };
        let is_same_node = |one: &_, other: &_| self.codec.is_same_node(one, other);
        hello::check_peer(is_same_node, &self.address, dialled.map(|(peer, _)| peer), &theirs.peer)?;
        let with = Greeted { lane: lane.unwrap_or(theirs.lane), ..theirs };
        Ok(Connection { with, reader, writer, read })
    }

    /// Sends what is queued and takes in what comes, until either end has had enough; or until nothing was queued for a while,
    /// if it `ends_when_idle`.
    pub(super) async fn serve(
        &self,
        connection: Connection<P, N::Stream>,
        outbox: &mut Outbox<P>,
        ends_when_idle: bool,
    ) -> Result<Ended, ConnectionError> {
        let Connection { with, reader, mut writer, read } = connection;
        self.observer.connected(&with.peer, with.lane, with.version);
        let ended = tokio::select! {
            biased;
            error = self.take_in(&with, reader, read) => Err(error),
            ended = self.send_out(&with, &mut writer, outbox, ends_when_idle) => ended,
        };
        if ended.is_ok() {
            let _ = timeout(self.wire.silence_max, writer.shutdown()).await;
        }
        self.observer.parted(&with.peer, with.lane, ended.as_ref().err());
        ended
    }

    /// Goes on when nobody takes messages any more: what is queued is to be sent all the same.
    async fn take_in(
        &self,
        with: &Greeted<P::Address>,
        mut reader: ReadHalf<N::Stream>,
        mut read: BytesMut,
    ) -> ConnectionError {
        loop {
            if let Err(error) = self.take_frames(with, &mut read).await {
                return error;
            }
            let silent = ConnectionError::Silent(self.wire.silence_max);
            let heard = timeout(self.wire.silence_max, read_some(&mut reader, &mut read)).await;
            if let Err(error) = heard.unwrap_or(Err(silent)) {
                return error;
            }
        }
    }

    async fn take_frames(&self, with: &Greeted<P::Address>, read: &mut BytesMut) -> Result<(), ConnectionError> {
        while let Some((kind, body)) = frame::take(read, self.wire.frame_max)? {
            match kind {
                Kind::StillHere => {}
                Kind::Message => self.take_message(with, body).await?,
                Kind::Refusal => return Err(refused(&body)?),
                Kind::Hello => return Err(FrameError::Misplaced { kind: Some(kind as u8) }.into()),
            }
        }
        Ok(())
    }

    async fn take_message(&self, with: &Greeted<P::Address>, body: Bytes) -> Result<(), FrameError> {
        let message = self.codec.decode(with.version, body).map_err(FrameError::Unreadable)?;
        let _ = self.inbound.of(with.lane).send((with.peer.clone(), message)).await;
        Ok(())
    }

    async fn send_out(
        &self,
        with: &Greeted<P::Address>,
        writer: &mut WriteHalf<N::Stream>,
        outbox: &mut Outbox<P>,
        ends_when_idle: bool,
    ) -> Result<Ended, ConnectionError> {
        let (mut bytes, mut latest) = (Vec::new(), Instant::now());
        loop {
            match timeout(self.wire.heartbeat, outbox.wait(self.wire.write_max)).await {
                Ok(false) => return Ok(Ended::Over),
                Ok(true) => {
                    self.send_messages(with, writer, outbox, &mut bytes).await?;
                    latest = Instant::now();
                }
                Err(_) if ends_when_idle && latest.elapsed() >= self.wire.silence_max => return Ok(Ended::Idle),
                Err(_) => {
                    frame::append(Kind::StillHere, self.wire.frame_max, &mut bytes, |_| Ok(()))?;
                    self.write(writer, &mut bytes).await?;
                }
            }
        }
    }

    /// As many messages as are there go into one write, unless they are large.
    async fn send_messages(
        &self,
        with: &Greeted<P::Address>,
        writer: &mut WriteHalf<N::Stream>,
        outbox: &mut Outbox<P>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ConnectionError> {
        while let Some(message) = outbox.take() {
            self.encode(with, &message, bytes);
            if bytes.len() >= self.wire.write_bytes_max {
                self.write(writer, bytes).await?;
            }
        }
        self.write(writer, bytes).await
    }

    /// A message that cannot be written is lost, as any other may be; the connection can do nothing about it.
    fn encode(&self, with: &Greeted<P::Address>, message: &P::Message, bytes: &mut Vec<u8>) {
        let written = frame::append(Kind::Message, self.wire.frame_max, bytes, |out| {
            self.codec.encode(with.version, message, out)
        });
        if let Err(error) = written {
            tracing::error!(peer = ?with.peer, %error, "a message was not sent");
            self.observer.lost(&with.peer, with.lane);
        }
    }

    /// The time runs anew whenever a part was taken.
    async fn write(&self, writer: &mut WriteHalf<N::Stream>, bytes: &mut Vec<u8>) -> Result<(), ConnectionError> {
        let (silence_max, mut at) = (self.wire.silence_max, 0);
        let stuck = |_| ConnectionError::Stuck(silence_max);
        while at < bytes.len() {
            match timeout(silence_max, writer.write(&bytes[at..])).await.map_err(stuck)?? {
                0 => return Err(ConnectionError::Closed),
                written => at += written,
            }
        }
        bytes.clear();
        bytes.shrink_to(2 * self.wire.write_bytes_max);
        Ok(timeout(silence_max, writer.flush()).await.map_err(stuck)??)
    }

    /// Tells the other end why it is turned away, and waits until it has hung up: whoever closes first may take back what it
    /// said last.
    pub(super) async fn turn_away(&self, connection: Connection<P, N::Stream>, why: &HelloError) {
        let Connection { mut reader, mut writer, mut read, .. } = connection;
        let parting = async {
            let mut bytes = Vec::new();
            frame::append_refusal(&why.to_string(), self.wire.frame_max, &mut bytes)?;
            writer.write_all(&bytes).await?;
            writer.shutdown().await?;
            loop {
                read.clear();
                read_some(&mut reader, &mut read).await?;
            }
        };
        let _: Result<Result<(), ConnectionError>, _> = timeout(self.wire.silence_max, parting).await;
    }
}

fn refused(body: &[u8]) -> Result<ConnectionError, FrameError> {
    let why = codec::whole(body).map_err(FrameError::Unreadable)?;
    Ok(ConnectionError::Refused { why })
}

/// A buffer that was as large as its largest frame would be kept so large by the smallest slice out of it: it is let go.
async fn read_some(reader: &mut (impl AsyncReadExt + Unpin), read: &mut BytesMut) -> Result<(), ConnectionError> {
    if read.is_empty() && read.capacity() > 2 * READ_ROOM {
        *read = BytesMut::new();
    }
    if read.capacity() - read.len() < READ_ROOM_MIN {
        read.reserve(READ_ROOM);
    }
    match reader.read_buf(read).await? {
        0 => Err(ConnectionError::Closed),
        _ => Ok(()),
    }
}
