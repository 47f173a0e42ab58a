//! The demonstration: processes that work, processes that are killed, and what became of the messages.

use crate::children::{Child, ServerChild};
use crate::{client, say};
use core::time::Duration;
use purlin::queue::Stats;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

const PRODUCERS: [&str; 3] = ["anna", "bela", "cleo"];
const WORKERS: [&str; 4] = ["wren", "xeno", "yara", "zeno"];
const MESSAGES_EACH: usize = 400;
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// When everything should be done, kills included.
const PATIENCE: Duration = Duration::from_secs(18);
const SERVER: [&str; 4] = ["--lease-ms", "1000", "--max-attempts", "20"];

/// Who is killed, and after how many seconds.
const SCRIPT: [(u64, Victim); 6] = [
    (1, Victim::Worker(0)),
    (2, Victim::Server),
    (3, Victim::Producer(1)),
    (4, Victim::Worker(2)),
    (5, Victim::Server),
    (6, Victim::Worker(3)),
];

#[derive(Clone, Copy)]
enum Victim {
    Server,
    Worker(usize),
    Producer(usize),
}

/// Runs the script. False if a message was lost or finished twice.
pub(crate) async fn run() -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    let mut stage = Stage::set(folder.path().join("jobs.db")).await?;
    for (second, victim) in SCRIPT {
        stage.watch_until(second).await?;
        stage.kill(victim).await?;
    }
    stage.watch_to_the_end().await?;
    stage.conclude().await
}

struct Stage {
    began: Instant,
    db: PathBuf,
    server: ServerChild,
    producers: Vec<Child>,
    workers: Vec<Child>,
    lines: mpsc::UnboundedReceiver<String>,
    /// Kept for processes that start later.
    teller: mpsc::UnboundedSender<String>,
    tally: Tally,
}

impl Stage {
    async fn set(db: PathBuf) -> anyhow::Result<Self> {
        let server = ServerChild::start(&db, ANYWHERE, &SERVER).await?;
        let (teller, lines) = mpsc::unbounded_channel();
        let (began, tally) = (Instant::now(), Tally::default());
        let (producers, workers) = (Vec::new(), Vec::new());
        let mut stage = Self { began, db, server, producers, workers, lines, teller, tally };
        stage.producers = PRODUCERS.iter().map(|name| stage.producer(name)).collect::<Result<_, _>>()?;
        stage.workers = WORKERS.iter().map(|name| stage.worker(name)).collect::<Result<_, _>>()?;
        let (url, id) = (stage.server.url(), stage.server.child.id());
        stage.tell(format_args!("server {url} (process {id}), journal {}", stage.db.display()))?;
        let count = PRODUCERS.len() * MESSAGES_EACH;
        let (producers, workers) = (PRODUCERS.len(), WORKERS.len());
        stage.tell(format_args!(
            "{producers} producers are to enqueue {count} messages, {workers} workers to finish them"
        ))?;
        Ok(stage)
    }

    fn producer(&self, name: &str) -> anyhow::Result<Child> {
        let (url, count) = (self.server.url(), MESSAGES_EACH.to_string());
        let arguments = ["produce", "--server", &url, "--name", name, "--count", &count, "--pause-ms", "10"];
        Child::telling(&arguments.map(str::to_owned), self.teller.clone())
    }

    fn worker(&self, name: &str) -> anyhow::Result<Child> {
        let url = self.server.url();
        let arguments = ["work", "--server", &url, "--name", name, "--work-ms-max", "40"];
        Child::telling(&arguments.map(str::to_owned), self.teller.clone())
    }

    async fn watch_until(&mut self, second: u64) -> anyhow::Result<()> {
        let deadline = self.began + Duration::from_secs(second);
        while let Ok(Some(line)) = timeout_at(deadline, self.lines.recv()).await {
            self.tally.count(&line);
        }
        self.tell(format_args!("{}", self.tally))
    }

    /// Kills one process and starts it again.
    async fn kill(&mut self, victim: Victim) -> anyhow::Result<()> {
        match victim {
            Victim::Server => self.kill_server().await,
            Victim::Worker(index) => {
                let again = self.worker(WORKERS[index])?;
                let killed = std::mem::replace(&mut self.workers[index], again);
                self.end(WORKERS[index], killed).await
            }
            Victim::Producer(index) => {
                let again = self.producer(PRODUCERS[index])?;
                let killed = std::mem::replace(&mut self.producers[index], again);
                self.end(PRODUCERS[index], killed).await
            }
        }
    }

    async fn end(&self, name: &str, mut child: Child) -> anyhow::Result<()> {
        let id = child.id();
        child.kill().await?;
        self.tell(format_args!(">> SIGKILL to {name} (process {id}), and another one started"))
    }

    /// The new one listens where the old one did: whoever has asked in vain asks again.
    async fn kill_server(&mut self) -> anyhow::Result<()> {
        let (address, id, killed) = (self.server.address, self.server.child.id(), Instant::now());
        let Self { server, db, .. } = self;
        server.child.kill().await?;
        *server = ServerChild::start(db, address, &SERVER).await?;
        let millis = killed.elapsed().as_millis();
        self.tell(format_args!(">> SIGKILL to the server (process {id}); a new one serves {millis} ms later"))
    }

    /// Until nothing is left to do, or patience ends.
    async fn watch_to_the_end(&mut self) -> anyhow::Result<()> {
        let mut second = self.began.elapsed().as_secs();
        while self.began.elapsed() < PATIENCE && !self.is_over().await {
            second += 1;
            self.watch_until(second).await?;
        }
        // What was said last is still on its way.
        sleep(Duration::from_millis(100)).await;
        while let Ok(line) = self.lines.try_recv() {
            self.tally.count(&line);
        }
        Ok(())
    }

    async fn is_over(&mut self) -> bool {
        let produced = self.producers.iter_mut().all(Child::has_ended);
        produced && self.stats().await.is_ok_and(|stats| stats.ready + stats.delayed + stats.leased == 0)
    }

    async fn stats(&self) -> anyhow::Result<Stats> {
        Ok(client(&self.server.url())?.stats().await?)
    }

    async fn conclude(self) -> anyhow::Result<bool> {
        let stats = self.stats().await?;
        let (wanted, twice) = ((PRODUCERS.len() * MESSAGES_EACH) as u64, self.tally.finished_twice());
        let whole = stats == Stats { done: wanted, ..Stats::default() } && twice.is_empty();
        self.tell(format_args!(
            "the server knows of {} messages done, {} left, {} dead",
            stats.done,
            left(stats),
            stats.dead
        ))?;
        for id in &twice {
            self.tell(format_args!("{id} was finished twice"))?;
        }
        let verdict = match whole {
            true => "every message that was enqueued is done, and none was finished twice",
            false => "something was lost or doubled, or was not done in time: is this machine overloaded?",
        };
        self.tell(format_args!("{}\n\n{verdict}", self.tally))?;
        Ok(whole)
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        Ok(say(format_args!("{:>5.1} s  {text}", self.began.elapsed().as_secs_f64()))?)
    }
}

fn left(stats: Stats) -> u64 {
    stats.ready + stats.delayed + stats.leased
}

/// What the processes have said.
#[derive(Default)]
struct Tally {
    enqueued: BTreeSet<String>,
    taken: BTreeMap<String, u32>,
    done: BTreeMap<String, u32>,
    late: u32,
}

impl Tally {
    fn count(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some(what), Some(id)) = (words.next(), words.next()) else { return };
        match what {
            "enqueued" => drop(self.enqueued.insert(id.to_owned())),
            "took" => *self.taken.entry(id.to_owned()).or_default() += 1,
            "done" => *self.done.entry(id.to_owned()).or_default() += 1,
            "late" => self.late += 1,
            _ => {}
        }
    }

    fn finished_twice(&self) -> Vec<&String> {
        self.done.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let again = self.taken.values().filter(|times| **times > 1).count();
        let (enqueued, done, late) = (self.enqueued.len(), self.done.len(), self.late);
        write!(
            formatter,
            "{enqueued:>4} enqueued {done:>4} done {again:>3} handed out again {late:>3} late acks refused"
        )
    }
}
