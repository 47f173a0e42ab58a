//! When processes live, and who has to learn of their end.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

/// One life of a process. When it ends, its connections are reset, as the system beneath a dead process does.
///
/// Clones are the same life. A client may have one as well: where it ends before a connection pool is dropped, the
/// connections are closed in the order in which they were made, not in the order of the pool's hash map.
#[derive(Clone, Debug, Default)]
pub struct Life {
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
    /// Ends it. Whoever waits for the end is woken in order of registration.
    pub fn end(&self) {
        let mut course = self.lock();
        course.is_over = true;
        let mourners = core::mem::take(&mut course.mourners);
        drop(course);
        mourners.into_values().for_each(Waker::wake);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        let place = self.register();
        poll_fn(|context| self.poll_ended(place, context)).await;
    }

    pub(super) fn register(&self) -> u64 {
        let mut course = self.lock();
        course.registered += 1;
        course.registered
    }

    pub(super) fn poll_ended(&self, place: u64, context: &Context<'_>) -> Poll<()> {
        let mut course = self.lock();
        if course.is_over {
            return Poll::Ready(());
        }
        course.mourners.insert(place, context.waker().clone());
        Poll::Pending
    }

    pub(super) fn forget(&self, place: u64) {
        self.lock().mourners.remove(&place);
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The software of one host, life after life.
///
/// This takes the place of turmoil's `crash` and `bounce`. Those drop the tasks of connections in an order that depends
/// on a counter of the whole program, and whoever connects to a crashed host hangs, though its machine is there to refuse.
#[derive(Debug, Default)]
pub struct Process {
    life: Mutex<Life>,
    started: Notify,
}

impl Process {
    /// The present life, or the last.
    pub fn life(&self) -> Life {
        self.lock().clone()
    }

    /// Kills it: at the host's next tick its port is closed, and its connections are reset.
    pub fn kill(&self) {
        self.life().end();
    }

    /// Starts it again; one that lives goes on.
    pub fn start(&self) {
        let mut life = self.lock();
        if life.is_over() {
            *life = Life::default();
            self.started.notify_one();
        }
    }

    /// Does at each start what `live` does, until the life ends. This is what a host runs; it ends with an error only.
    pub async fn run<F: Future<Output = turmoil::Result>>(&self, live: impl Fn(Life) -> F) -> turmoil::Result {
        loop {
            let life = self.life();
            tokio::select! {
                biased;
                () = life.ended() => {}
                done = live(life.clone()) => {
                    done?;
                    life.ended().await;
                }
            }
            self.started.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
