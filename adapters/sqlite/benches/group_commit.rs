//! Durable requests per second through the driver, and SQLite's own limit beside it.
//!
//! `cargo bench -p purlin-sqlite` (a number behind `--` chooses how many clients). Clients ask in a closed loop: each sends
//! its next request when it has the answer to the last one. The *driver* column is everything from the request to its
//! durable answer: inbox, machine, records, transaction, answer, and the clients themselves. The *bare* column is SQLite
//! alone: a loop of transactions into the same table, each with as many records of as many bytes as the driver's had on
//! average, on a thread that does nothing else. So a share of 100 % means that the disk never waits for us.
//!
//! Measured in November 2026 on two virtual cores and a virtual disk (ext4, a sync takes about 5 ms) that were busy with
//! other things (load average 20 to 24), which is why turns lie far apart; release profile, rustc 1.95:
//!
//! ```text
//! workload    clients  records/sync  bytes/record    driver: records/s  requests/s  bare: records/s  share
//! enqueue          64          34.7          95.2                 6584        6584             6229   106 %  (74 to 340 %)
//! enqueue         256         127.7          95.5                18206       18206            21478    85 %  (55 to 129 %)
//! enqueue        1024         405.1          95.7                41426       41426            67610    61 %  (36 to 143 %)
//! cycle            64          36.0          41.0                 4473        4473             5175    86 %  (67 to 96 %)
//! cycle           256         134.1          41.5                18819       18819            21630    87 %  (41 to 178 %)
//! cycle          1024         426.5          37.2                47837       40695            58172    82 %  (64 to 173 %)
//! ```
//!
//! With 1,024 clients that only enqueue it is the processors that set the limit, not the disk. Before the journal had a
//! [pipeline](purlin_tokio::Pipeline) the disk waited for two changes of thread between syncs; on the same machine the
//! shares were then 85, 81, 54, 77, 73 and 73 %, at half its load.

use core::time::Duration;
use purlin::protocol::{Effect, Protocol};
use purlin::queue::{Answer, NewMessage, Queue, Request, Settings};
use purlin_sqlite::SqliteJournal;
use purlin_tokio::{Handle, Observer, Setup};
use rusqlite::{Connection, TransactionBehavior, params};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::runtime::Runtime;

/// Each measurement, warm-up aside.
const LASTS: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_millis(300);
/// The driver and the bare loop take turns, so that both see the same machine; the row in the middle is shown, and how far
/// the others lie apart.
const TURNS: usize = 9;
const CLIENTS: [usize; 3] = [64, 256, 1_024];

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "workload    clients  records/sync  bytes/record    driver: records/s  requests/s  bare: records/s  share"
    )?;
    // `cargo bench` passes options of its own; a bare number chooses how many clients.
    let chosen: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for workload in [Workload::Enqueue, Workload::Cycle] {
        for clients in CLIENTS.into_iter().filter(|clients| chosen.is_empty() || chosen.contains(clients)) {
            let mut rows: Vec<Row> = (0..TURNS).map(|_| Row::measure(workload, clients)).collect();
            rows.sort_by(|one, other| one.share().total_cmp(&other.share()));
            rows[TURNS / 2].print(workload, clients, &mut out)?;
            writeln!(out, "  ({:.0} to {:.0} %)", 100.0 * rows[0].share(), 100.0 * rows[TURNS - 1].share())?;
        }
    }
    Ok(())
}

/// What each client does, over and over, each request after the answer to the one before.
#[derive(Clone, Copy)]
enum Workload {
    /// Puts messages in.
    Enqueue,
    /// Puts a message in, takes one out, finishes it.
    Cycle,
}

/// What one turn has shown.
struct Row {
    driver: Driven,
    bare_per_second: f64,
}

struct Driven {
    records_per_second: f64,
    requests_per_second: f64,
    records_per_sync: f64,
    bytes_per_record: f64,
}

impl Row {
    fn measure(workload: Workload, clients: usize) -> Self {
        let driver = drive(workload, clients);
        let records = (driver.records_per_sync.round() as usize).max(1);
        let bare_per_second = bare(records, driver.bytes_per_record.round() as usize);
        Self { driver, bare_per_second }
    }

    fn share(&self) -> f64 {
        self.driver.records_per_second / self.bare_per_second
    }

    fn print(&self, workload: Workload, clients: usize, out: &mut impl Write) -> io::Result<()> {
        let name = match workload {
            Workload::Enqueue => "enqueue",
            Workload::Cycle => "cycle",
        };
        let Driven { records_per_second, requests_per_second, records_per_sync, bytes_per_record } = self.driver;
        let (bare, share) = (self.bare_per_second, 100.0 * self.share());
        write!(out, "{name:<10} {clients:>8}  {records_per_sync:>12.1}  {bytes_per_record:>12.1}  ")?;
        write!(out, "{records_per_second:>19.0}  {requests_per_second:>10.0}  {bare:>15.0}  {share:>4.0} %")
    }
}

/// The queue through the driver, on a file of its own.
fn drive(workload: Workload, clients: usize) -> Driven {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("jobs.db");
    let tally = Tally::default();
    let (span, transactions) = Runtime::new().expect("a runtime").block_on(load(workload, clients, &file, &tally));
    Driven {
        records_per_second: span.records,
        requests_per_second: span.requests,
        records_per_sync: tally.read().records / transactions.max(1) as f64,
        bytes_per_record: mean_bytes(&file),
    }
}

async fn load(workload: Workload, clients: usize, file: &Path, tally: &Tally) -> (Span, u64) {
    let settings = Settings { max_messages: 10_000_000, max_done: 10_000, ..Settings::default() };
    let (journal, image) = SqliteJournal::<Queue>::open(file, "queue").expect("a new file");
    let config = settings.validate().expect("sensible settings");
    let (driver, handle) = Setup::new(config, journal, image).observer(tally.clone()).build();
    let running = tokio::spawn(driver.run());
    for client in 0..clients {
        tokio::spawn(ask_on_and_on(workload, client, handle.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), tally.read());
    tokio::time::sleep(LASTS).await;
    let span = tally.read().since(before, began.elapsed());
    handle.shutdown();
    let journal = running.await.expect("the driver ends").expect("the journal is whole");
    let transactions = journal.transactions();
    journal.close().expect("the file is closed");
    (span, transactions)
}

async fn ask_on_and_on(workload: Workload, client: usize, handle: Handle<Queue>) {
    for number in 0_u64.. {
        let message =
            NewMessage { id: format!("m{client}.{number}"), payload: "p".repeat(64), ..NewMessage::default() };
        let done = match workload {
            Workload::Enqueue => handle.request(Request::Enqueue(message)).await.is_ok(),
            Workload::Cycle => cycle(&handle, client, message).await,
        };
        if !done {
            return;
        }
    }
}

async fn cycle(handle: &Handle<Queue>, client: usize, message: NewMessage) -> bool {
    let claim = Request::Claim { worker: format!("w{client}"), max: 1, lease_ms: Some(60_000) };
    if handle.request(Request::Enqueue(message)).await.is_err() {
        return false;
    }
    let Ok(Answer::Claimed(deliveries)) = handle.request(claim).await else { return false };
    for delivery in deliveries {
        if handle.request(Request::Ack { token: delivery.token }).await.is_err() {
            return false;
        }
    }
    true
}

/// Counts what becomes durable.
#[derive(Clone, Default)]
struct Tally {
    requests: Arc<AtomicU64>,
    records: Arc<AtomicU64>,
}

#[derive(Clone, Copy)]
struct Span {
    requests: f64,
    records: f64,
}

impl Tally {
    fn read(&self) -> Span {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        Span { requests: read(&self.requests), records: read(&self.records) }
    }
}

impl Span {
    /// Per second.
    fn since(self, before: Self, took: Duration) -> Self {
        let rate = |now: f64, then: f64| (now - then) / took.as_secs_f64();
        Self { requests: rate(self.requests, before.requests), records: rate(self.records, before.records) }
    }
}

impl<P: Protocol> Observer<P> for Tally {
    fn synced(&mut self, records: usize, _took: Duration) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
    }

    fn released(&mut self, effect: &Effect<P>) {
        if let Effect::Answer { .. } = effect {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn mean_bytes(file: &Path) -> f64 {
    let connection = Connection::open(file).expect("the file is there");
    let mean = connection.query_row("SELECT avg(length(record)) FROM records", [], |row| row.get::<_, Option<f64>>(0));
    mean.expect("the table is there").unwrap_or(64.0)
}

/// SQLite alone: one transaction after another, each of as many records of as many bytes as the driver's had on average,
/// into the same table under the same pragmas, on one thread that does nothing else.
fn bare(records: usize, bytes: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bare.db");
    let (journal, _) = SqliteJournal::<Queue>::open(&file, "queue").expect("a new file");
    journal.close().expect("the file is closed");
    let mut connection = Connection::open(&file).expect("the file is there");
    connection.pragma_update(None, "synchronous", "FULL").expect("a pragma");
    let mut position = 0;
    run(&mut connection, records, bytes, &mut position, WARM_UP);
    let (before, began) = (position, Instant::now());
    run(&mut connection, records, bytes, &mut position, LASTS);
    (position - before) as f64 / began.elapsed().as_secs_f64()
}

fn run(connection: &mut Connection, records: usize, bytes: usize, position: &mut u64, lasts: Duration) {
    let (began, record) = (Instant::now(), vec![7_u8; bytes]);
    while began.elapsed() < lasts {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("no other writer");
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO records VALUES (?, ?, ?)").expect("the table is there");
            for _ in 0..records {
                *position += 1;
                insert.execute(params![*position, record, 7]).expect("a new position");
            }
        }
        transaction.commit().expect("the disk is not full");
    }
}
