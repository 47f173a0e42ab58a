//! Glue between stock HTTP stacks and turmoil's network.
//!
//! What keeps a run the same in every process, although the stacks are stock:
//!
//! - Latencies are drawn by our own [`Die`](crate::Die), one for each link and tick, and given to turmoil as constants:
//!   its own law goes through floating point and one generator for everybody.
//! - A server that dies is not turmoil's `crash`, which drops the tasks of connections in an order that depends on a
//!   counter of the process. Here a [`Life`] ends, and the connections fail in the order in which they were accepted.
//! - No idle connections are kept: a pool closes them in an order of its own.
//! - Only the history is hashed, not the bytes on the wire: the `Date` header carries the real clock.
//! - The simulation's epoch, its seed and the order of hosts are fixed.

use crate::checker::Violation;
use crate::panics;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use purlin::Instant;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// One life of a process. When it ends, its connections are reset, as the system beneath a dead process does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    course: Arc<Mutex<Course>>,
}

#[derive(Debug, Default)]
struct Course {
    is_over: bool,
    registered: u64,
    /// Whoever has to learn of the end, in order of registration.
    mourners: BTreeMap<u64, Waker>,
}

impl Life {
    /// Ends it.
    pub(crate) fn end(&self) {
        let mut course = self.lock();
        course.is_over = true;
        let mourners = core::mem::take(&mut course.mourners);
        drop(course);
        mourners.into_values().for_each(Waker::wake);
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) {
        let place = self.register();
        poll_fn(|context| self.poll_ended(place, context)).await;
    }

    fn register(&self) -> u64 {
        let mut course = self.lock();
        course.registered += 1;
        course.registered
    }

    fn poll_ended(&self, place: u64, context: &Context<'_>) -> Poll<()> {
        let mut course = self.lock();
        if course.is_over {
            return Poll::Ready(());
        }
        course.mourners.insert(place, context.waker().clone());
        Poll::Pending
    }

    fn forget(&self, place: u64) {
        self.lock().mourners.remove(&place);
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A simulated TCP stream that lasts no longer than its process.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    life: Life,
    place: u64,
    line: Line,
}

/// What is between two ends: it can be broken, which resets the connection at this end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(pub(crate) Life);

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Doorway>> for Line {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Doorway>) -> Self {
        stream.io().line.clone()
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, life: Life) -> Self {
        let place = life.register();
        Self { stream, life, place, line: Line::default() }
    }

    /// Connects to a simulated host by its name.
    pub(crate) async fn connect(host: String, port: u16) -> io::Result<TokioIo<Self>> {
        let stream = TcpStream::connect((host, port)).await?;
        Ok(TokioIo::new(Self::new(stream, Life::default())))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.life.forget(self.place);
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
        if self.life.poll_ended(self.place, context).is_ready() || self.line.0.poll_ended(0, context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }
}

/// A simulated listener for `axum::serve`.
pub(crate) struct Doorway {
    listener: TcpListener,
    life: Life,
}

impl Doorway {
    /// Listens on a port of the present host, for one life of its process.
    pub(crate) async fn open(port: u16, life: Life) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        Ok(Self { listener, life })
    }
}

impl axum::serve::Listener for Doorway {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                return (Wire::new(stream, self.life.clone()), address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The time on one host, counted from the start of the simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostTime {
    started: tokio::time::Instant,
}

impl HostTime {
    /// To be called when the host starts, which is when the simulation does.
    pub(crate) fn start() -> Self {
        Self { started: tokio::time::Instant::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ORIGIN + self.started.elapsed()
    }
}

/// One tick of a simulation. A panic in any of its tasks is a violation, whoever caught it.
pub(crate) fn step(simulation: &mut turmoil::Sim<'_>) -> Result<(), Violation> {
    let stepped = simulation.step();
    if let Some(panic) = panics::first() {
        return Err(Violation::new(crate::NOTHING_PANICS, panic));
    }
    stepped.map(drop).map_err(|error| Violation::new(crate::NOTHING_PANICS, error))
}

/// A simulation of whole milliseconds in which nothing is left to chance.
pub(crate) fn simulation<'a>(seed: u64, duration: Duration) -> turmoil::Sim<'a> {
    panics::remember();
    turmoil::Builder::new()
        .epoch(SystemTime::UNIX_EPOCH)
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(duration)
        .tcp_capacity(1 << 20)
        .ephemeral_ports(1_024..=u16::MAX)
        .build()
}
