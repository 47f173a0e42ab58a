//! Turmoil's TCP for the framed transport of one process.

use super::stage::Stage;
use super::{PORT, host};
use crate::cluster::Cluster;
use crate::stack::{Life, Wire};
use core::future::{Future, pending};
use core::pin::Pin;
use core::task::{Context, Poll};
use purlin_tokio::Network;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Sleep, sleep};
use turmoil::net::{TcpListener, TcpStream};

/// The network as one process sees it. Its tasks stand still when the process does, and end with it.
pub(super) struct ProcessNetwork<C: Cluster> {
    stage: Arc<Stage<C>>,
    node: u32,
    life: Life,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl<C: Cluster> Clone for ProcessNetwork<C> {
    fn clone(&self) -> Self {
        let (stage, life, tasks) = (Arc::clone(&self.stage), self.life.clone(), Arc::clone(&self.tasks));
        Self { stage, node: self.node, life, tasks }
    }
}

impl<C: Cluster> ProcessNetwork<C> {
    pub(super) fn new(stage: Arc<Stage<C>>, node: u32, life: Life) -> Self {
        Self { stage, node, life, tasks: Arc::default() }
    }

    /// Ends all its tasks, in the order in which they were started.
    pub(super) fn end(&self) {
        let tasks = core::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The place of a node, as the framed transport has it.
pub(super) fn place(node: u32) -> String {
    format!("{}:{PORT}", host(node))
}

impl<C: Cluster> Network for ProcessNetwork<C> {
    type Stream = Wire;
    type Listener = TcpListener;

    async fn listen(&self, place: &str) -> io::Result<(TcpListener, String)> {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        Ok((listener, place.to_owned()))
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<Wire> {
        let (stream, _) = listener.accept().await?;
        Ok(Wire::new(stream, self.life.clone()))
    }

    /// Where nobody is to say so, nobody refuses: turmoil would.
    async fn connect(&self, place: &str) -> io::Result<Wire> {
        match TcpStream::connect(place).await {
            Ok(stream) => Ok(Wire::new(stream, self.life.clone())),
            Err(_) if !self.hears_of(place) => pending().await,
            Err(error) => Err(error),
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = Gated::new(Arc::clone(&self.stage), self.node, task);
        let task = spawn_local(task).abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl<C: Cluster> ProcessNetwork<C> {
    fn hears_of(&self, place: &str) -> bool {
        let other = (0..self.stage.nodes()).find(|node| self::place(*node) == place);
        other.is_none_or(|other| self.stage.has_power(other))
    }
}

/// A task of a process that may be made to stand still.
pub(super) struct Gated<C: Cluster, F> {
    stage: Arc<Stage<C>>,
    node: u32,
    task: Pin<Box<F>>,
    /// How long a slow process is still busy with the last thing.
    busy: Option<Pin<Box<Sleep>>>,
}

impl<C: Cluster, F: Future> Gated<C, F> {
    pub(super) fn new(stage: Arc<Stage<C>>, node: u32, task: F) -> Self {
        Self { stage, node, task: Box::pin(task), busy: None }
    }

    fn is_busy(&mut self, context: &mut Context<'_>) -> bool {
        let busy = self.busy.as_mut().is_some_and(|busy| busy.as_mut().poll(context).is_pending());
        if !busy {
            self.busy = self.stage.service(self.node).map(|takes| Box::pin(sleep(takes)));
        }
        busy
    }
}

impl<C: Cluster, F: Future> Future for Gated<C, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.stage.is_paused(self.node, context) || self.is_busy(context) {
            return Poll::Pending;
        }
        self.task.as_mut().poll(context)
    }
}
