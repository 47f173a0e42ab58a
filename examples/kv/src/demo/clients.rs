//! Clients that write and watch until they are told to stop, and what they were told.

use anyhow::Context;
use core::time::Duration;
use http::StatusCode;
use purlin_kv::{Client, ClientError, Condition, Item};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use tokio::task::JoinHandle;
use tokio::time::Instant;

const WRITERS: usize = 3;
const COUNTER: &str = "counter";
/// Longer than any time without a leader.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients at work.
pub(super) struct Clients {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Result<Written, ClientError>>>,
    watcher: JoinHandle<Result<u64, ClientError>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// How many changes were acknowledged.
    acknowledged: AtomicU64,
    /// How many the watcher has seen.
    seen: AtomicU64,
    /// The longest wait for an answer, in milliseconds.
    longest_ms: AtomicU64,
}

/// What one writer was told.
struct Written {
    name: String,
    /// It has put so many keys of its own: 1, 2 and so on.
    puts: u64,
    increments: u64,
}

/// What all of them were told.
pub(super) struct Tally {
    written: Vec<Written>,
    seen: u64,
}

impl Clients {
    pub(super) fn start(servers: &[String]) -> Self {
        let shared = Arc::new(Shared::default());
        let client = || Client::new(servers.iter().cloned()).patience(PATIENCE);
        let write = |number| tokio::spawn(write(client(), format!("writer-{number}"), Arc::clone(&shared)));
        let writers = (1..=WRITERS).map(write).collect();
        let watcher = tokio::spawn(watch(client(), Arc::clone(&shared)));
        Self { shared, writers, watcher }
    }

    pub(super) fn so_far(&self) -> String {
        let Shared { acknowledged, seen, longest_ms, .. } = &*self.shared;
        let longest = longest_ms.swap(0, SeqCst);
        let (acknowledged, seen) = (acknowledged.load(SeqCst), seen.load(SeqCst));
        format!("{acknowledged:>6} writes acknowledged, {seen:>6} seen by the watch; the longest took {longest} ms")
    }

    pub(super) async fn stop(self) -> anyhow::Result<Tally> {
        self.shared.is_over.store(true, SeqCst);
        let mut written = Vec::new();
        for writer in self.writers {
            written.push(writer.await?.context("a writer was refused")?);
        }
        // The last change that it is to see: it stops behind it.
        let seen = self.watcher.await?.context("the watch was refused")?;
        Ok(Tally { written, seen })
    }
}

async fn write(mut client: Client, name: String, shared: Arc<Shared>) -> Result<Written, ClientError> {
    let mut written = Written { name, puts: 0, increments: 0 };
    while !shared.is_over.load(SeqCst) {
        let began = Instant::now();
        let number = written.puts + 1;
        client.put(&key(&written.name, number), &number.to_string()).await?;
        written.puts = number;
        shared.tell(began);
        if increment(&mut client).await? {
            written.increments += 1;
            shared.tell(began);
        }
    }
    Ok(written)
}

impl Shared {
    fn tell(&self, began: Instant) {
        self.acknowledged.fetch_add(1, SeqCst);
        self.longest_ms.fetch_max(began.elapsed().as_millis() as u64, SeqCst);
    }
}

fn key(name: &str, number: u64) -> String {
    format!("{name}/{number:08}")
}

/// Adds 1 to a counter that all writers share; false if another one was faster.
async fn increment(client: &mut Client) -> Result<bool, ClientError> {
    let item = client.get(COUNTER).await?;
    let (condition, value) = match &item {
        Some(item) => (Condition::Revision(item.modified), item.value.parse().unwrap_or(0)),
        None => (Condition::Absent, 0),
    };
    let value: u64 = value;
    match client.swap(COUNTER, &condition, &(value + 1).to_string()).await {
        Ok(_) => Ok(true),
        Err(error) if error.status() == Some(StatusCode::PRECONDITION_FAILED) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Watches everything from the first revision on, at whichever server answers, until there is no more to come.
async fn watch(mut client: Client, shared: Arc<Shared>) -> Result<u64, ClientError> {
    let (mut next, mut last, mut seen) = (1, 0, 0);
    loop {
        let was_over = shared.is_over.load(SeqCst);
        let watched = client.watch("", next, Duration::from_millis(300)).await?;
        for change in &watched.changes {
            // One change a revision, each revision once and in its order.
            seen += u64::from(change.revision == last + 1);
            last = change.revision;
        }
        shared.seen.store(seen, SeqCst);
        next = watched.next;
        if was_over && watched.changes.is_empty() {
            return Ok(seen);
        }
    }
}

impl Tally {
    pub(super) fn increments(&self) -> u64 {
        self.written.iter().map(|one| one.increments).sum()
    }

    fn puts(&self) -> u64 {
        self.written.iter().map(|one| one.puts).sum()
    }

    /// Every write is a revision of its own, so as many were to be seen as were acknowledged.
    pub(super) fn watcher_saw_everything(&self) -> bool {
        self.seen == self.puts() + self.increments()
    }

    /// How many puts are not there any more.
    pub(super) async fn lost(&self, client: &mut Client) -> Result<u64, ClientError> {
        let mut lost = 0;
        for Written { name, puts, .. } in &self.written {
            let items: BTreeMap<String, Item> = client.list(&format!("{name}/")).await?.into_iter().collect();
            let is_there =
                |number: &u64| items.get(&key(name, *number)).is_some_and(|item| *item.value == *number.to_string());
            lost += puts - (1..=*puts).filter(is_there).count() as u64;
        }
        Ok(lost)
    }

    pub(super) async fn counter(&self, client: &mut Client) -> anyhow::Result<u64> {
        let item = client.get(COUNTER).await?.context("the counter is gone")?;
        Ok(item.value.parse()?)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (puts, increments, seen) = (self.puts(), self.increments(), self.seen);
        write!(
            formatter,
            "{puts} puts and {increments} increments of a shared counter were acknowledged; the watch saw {seen}"
        )
    }
}
