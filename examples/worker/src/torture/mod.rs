//! Kills the server again and again, in the middle of its work, and checks what it says afterwards against what clients
//! were told before.

mod clients;
mod judge;

use crate::children::ServerChild;
use crate::{client, say};
use anyhow::Context;
use clap::Args;
use clients::{Consumer, Notes, Producer};
use core::time::Duration;
use judge::Judge;
use purlin::queue::Stats;
use purlin_worker::Client;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Leases are asked for by the claim, and nothing dies: every message is to be finished in the end.
const SERVER: [&str; 4] = ["--max-attempts", "1000000", "--compact-after", "2000"];
const PRODUCERS: u64 = 4;
const CONSUMERS: u64 = 6;
/// How long a round lasts before the kill, in microseconds.
const ROUND_MICROS: core::ops::Range<u64> = 500..80_000;
/// When the last messages should be finished.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// Violations that are printed.
const PRINTED_MAX: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Torture {
    /// How many times the server is killed.
    #[arg(long, default_value = "1000")]
    rounds: u32,
    /// What the load and the moments of the kills follow from. [default: drawn]
    #[arg(long)]
    seed: Option<u64>,
    /// Where to keep the queue's file, which must not be there yet. [default: a temporary folder]
    #[arg(long)]
    db: Option<PathBuf>,
}

/// Runs the rounds. False if anything was lost or doubled.
pub(crate) async fn run(torture: Torture) -> anyhow::Result<bool> {
    let Torture { rounds, seed, db } = torture;
    let seed = seed.unwrap_or_else(|| rand::rng().random());
    say(format_args!("seed {seed}: {rounds} rounds of {PRODUCERS} producers, {CONSUMERS} workers and one SIGKILL"))?;
    let folder = tempfile::tempdir()?;
    let db = db.unwrap_or_else(|| folder.path().join("jobs.db"));
    anyhow::ensure!(!db.exists(), "{} is there already: a torture begins with an empty queue", db.display());
    let mut chamber = Chamber::new(db, seed);
    for round in 1..=rounds {
        chamber.round().await.with_context(|| format!("round {round}"))?;
        if round % 50 == 0 || !chamber.is_clean() {
            say(format_args!("round {round:>4}: {chamber}"))?;
        }
        if !chamber.is_clean() {
            break;
        }
    }
    chamber.finish().await
}

/// Everything that outlives a server.
struct Chamber {
    db: PathBuf,
    die: ChaCha12Rng,
    producers: Vec<Producer>,
    consumers: Vec<Consumer>,
    judge: Arc<Mutex<Judge>>,
    restarts: Vec<Duration>,
}

impl Chamber {
    fn new(db: PathBuf, seed: u64) -> Self {
        let judge = Arc::new(Mutex::new(Judge::default()));
        let die = |stream: u64| {
            let mut die = ChaCha12Rng::seed_from_u64(seed);
            die.set_stream(stream);
            die
        };
        let notes = || Notes::new(Arc::clone(&judge));
        let producers = (0..PRODUCERS).map(|number| Producer::new(number, die(1 + number), notes())).collect();
        let consumers = (0..CONSUMERS).map(|number| Consumer::new(number, die(100 + number), notes())).collect();
        Self { db, die: die(0), producers, consumers, judge, restarts: Vec::new() }
    }

    /// One life of a server: check what it has kept, load it, kill it.
    async fn round(&mut self) -> anyhow::Result<()> {
        let mut server = self.start().await?;
        let client = client(&server.url())?;
        let touched = self.judge().take_touched();
        self.check_statuses(&client, touched).await?;

        let mut clients = Clients::default();
        self.producers.drain(..).for_each(|producer| clients.produce(producer, &client));
        self.consumers.drain(..).for_each(|consumer| clients.consume(consumer, &client));
        sleep(Duration::from_micros(self.die.random_range(ROUND_MICROS))).await;
        server.child.kill().await?;
        (self.producers, self.consumers) = clients.come_back().await?;
        Ok(())
    }

    async fn start(&mut self) -> anyhow::Result<ServerChild> {
        let began = Instant::now();
        let server = ServerChild::start(&self.db, ANYWHERE, &SERVER).await?;
        self.restarts.push(began.elapsed());
        Ok(server)
    }

    async fn check_statuses(&self, client: &Client, ids: BTreeSet<String>) -> anyhow::Result<()> {
        for id in ids {
            let status = client.status(&id).await?;
            self.judge().status(&id, status);
        }
        Ok(())
    }

    /// A last server that nobody kills: every message is finished, and every one is asked about.
    async fn finish(mut self) -> anyhow::Result<bool> {
        let server = self.start().await?;
        let client = client(&server.url())?;
        for producer in &mut self.producers {
            producer.settle(&client).await;
        }
        let stats = self.drain(&client).await?;
        let ids = self.judge().every_id();
        self.check_statuses(&client, ids).await?;
        self.judge().finish(stats);
        self.report(stats)
    }

    async fn drain(&mut self, client: &Client) -> anyhow::Result<Stats> {
        let until = Instant::now() + DRAIN_MAX;
        loop {
            for consumer in &mut self.consumers {
                consumer.finish_some(client).await;
            }
            let stats = client.stats().await?;
            if stats.ready + stats.delayed + stats.leased == 0 || Instant::now() > until {
                return Ok(stats);
            }
        }
    }

    fn report(&self, stats: Stats) -> anyhow::Result<bool> {
        say(format_args!("in the end: {self}; the server knows of {} done", stats.done))?;
        say(format_args!("restarts: {}", spread(&self.restarts)))?;
        let judge = self.judge();
        for violation in judge.violations().iter().take(PRINTED_MAX) {
            say(format_args!("VIOLATED {violation}"))?;
        }
        let clean = judge.violations().is_empty();
        say(format_args!("{}", if clean { VERDICT } else { "something was lost or doubled" }))?;
        Ok(clean)
    }

    fn is_clean(&self) -> bool {
        self.judge().violations().is_empty()
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const VERDICT: &str = "nothing acknowledged was lost, nothing finished was handed out again, no message had two leases at a \
                       time, attempts only rose, keys kept their order";

impl std::fmt::Display for Chamber {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.judge().counts())
    }
}

fn spread(durations: &[Duration]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let at = |share: usize| sorted.get((sorted.len() * share / 100).min(sorted.len() - 1)).copied().unwrap_or_default();
    format!("{} of them, half within {:?}, 99 % within {:?}, the slowest {:?}", sorted.len(), at(50), at(99), at(100))
}

/// Clients at work, until their server is gone.
#[derive(Default)]
struct Clients {
    producers: JoinSet<Producer>,
    consumers: JoinSet<Consumer>,
}

impl Clients {
    fn produce(&mut self, mut producer: Producer, client: &Client) {
        let client = client.clone();
        self.producers.spawn(async move {
            producer.work(&client).await;
            producer
        });
    }

    fn consume(&mut self, mut consumer: Consumer, client: &Client) {
        let client = client.clone();
        self.consumers.spawn(async move {
            consumer.work(&client).await;
            consumer
        });
    }

    async fn come_back(self) -> anyhow::Result<(Vec<Producer>, Vec<Consumer>)> {
        let mut producers = self.producers.join_all().await;
        let mut consumers = self.consumers.join_all().await;
        producers.sort_by_key(Producer::number);
        consumers.sort_by_key(Consumer::number);
        Ok((producers, consumers))
    }
}
