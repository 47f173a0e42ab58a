//! The journal on real files.

use purlin::Instant;
use purlin::protocol::Protocol;
use purlin::queue::{Answer, Image, NewMessage, Queue, Record, Request, Settings};
use purlin_sqlite::{OpenError, Row, SqliteJournal};
use purlin_tokio::{Journal, JournalError, Options, Setup, Unanswered};
use rusqlite::Connection;
use std::fs;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn open(file: &Path) -> (SqliteJournal<Queue>, Image) {
    SqliteJournal::open(file, "queue").unwrap()
}

fn refusal(file: &Path) -> OpenError {
    match SqliteJournal::<Queue>::open(file, "queue") {
        Ok(_) => panic!("{} was opened", file.display()),
        Err(error) => error,
    }
}

fn enqueued(number: u64) -> Record {
    let message = NewMessage { id: format!("m{number}"), payload: "p".repeat(20), ..NewMessage::default() };
    Record::Enqueued { message, ready_at: Instant::ORIGIN, at: Instant::ORIGIN, dedup_until: None }
}

fn fold(numbers: impl IntoIterator<Item = u64>) -> Image {
    let mut image = Image::default();
    numbers.into_iter().for_each(|number| Queue::fold(&mut image, enqueued(number)));
    image
}

/// A closed file that holds records 1 to 3.
async fn three_records(file: &Path) {
    let (mut journal, _) = open(file);
    journal.append((1..=3).map(enqueued).collect()).await.unwrap();
    journal.close().unwrap();
}

/// Does something to a file behind the journal's back.
fn tamper(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

fn generation(file: &Path) -> i64 {
    Connection::open(file).unwrap().query_row("SELECT generation FROM journal", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_was_appended_is_there_when_the_file_is_opened_again() {
    let folder = Folder::new();
    let (mut journal, image) = open(&folder.file());
    assert_eq!((image, journal.generation(), journal.records()), (Image::default(), 1, 0));
    journal.append((1..=3).map(enqueued).collect()).await.unwrap();
    journal.append(vec![enqueued(4)]).await.unwrap();
    journal.close().unwrap();
    assert_eq!(folder.names(), ["jobs.db"], "nothing is left beside a closed file");

    let (journal, image) = open(&folder.file());
    assert_eq!((image, journal.generation(), journal.records()), (fold(1..=4), 2, 4));
}

#[tokio::test]
async fn a_compacted_journal_holds_its_image_and_what_came_after() {
    let folder = Folder::new();
    let (mut journal, _) = open(&folder.file());
    journal.append((1..=3).map(enqueued).collect()).await.unwrap();
    journal.compact(fold(1..=5)).await.unwrap();
    assert_eq!(journal.records(), 0);
    journal.append(vec![enqueued(6)]).await.unwrap();
    journal.close().unwrap();
    let (journal, image) = open(&folder.file());
    assert_eq!((image, journal.records()), (fold(1..=6), 1));
}

#[tokio::test]
async fn a_second_opener_refuses_the_first_and_nothing_of_it_is_written() {
    let folder = Folder::new();
    let (mut old, _) = open(&folder.file());
    old.append(vec![enqueued(1)]).await.unwrap();
    let (mut new, image) = open(&folder.file());
    assert_eq!(image, fold([1]), "the first one's log is read while it is open");

    assert!(matches!(old.append(vec![enqueued(2)]).await, Err(JournalError::Refused)));
    new.append(vec![enqueued(3)]).await.unwrap();
    assert!(old.compact(fold([2])).await.is_err(), "nothing comes after a refusal");
    assert!(old.append(vec![enqueued(4)]).await.is_err());
    old.close().unwrap();
    new.close().unwrap();
    assert_eq!(open(&folder.file()).1, fold([1, 3]));
}

#[tokio::test]
async fn a_replaced_journal_cannot_compact_either() {
    let folder = Folder::new();
    let (mut old, _) = open(&folder.file());
    let (new, _) = open(&folder.file());
    assert!(matches!(old.compact(fold([2])).await, Err(JournalError::Refused)));
    old.close().unwrap();
    new.close().unwrap();
    assert_eq!(open(&folder.file()).1, Image::default());
}

/// A hundred appends are handed over before the first one is waited for.
#[tokio::test]
async fn appends_that_are_handed_over_at_once_are_written_in_their_order() {
    let folder = Folder::new();
    let (journal, _) = open(&folder.file());
    let mut pipeline = journal.pipeline().unwrap();
    let appends: Vec<_> = (1..=100).map(|number| pipeline.append(vec![enqueued(number)])).collect();
    for append in appends {
        append.await.unwrap();
    }
    assert_eq!(journal.records(), 100);
    drop(pipeline);
    journal.close().unwrap();
    assert_eq!(open(&folder.file()).1, fold(1..=100));
}

/// The first of them is refused, and whatever waits behind it is not written either.
#[tokio::test]
async fn nothing_is_written_behind_an_append_that_was_refused() {
    let folder = Folder::new();
    let (old, _) = open(&folder.file());
    let (new, _) = open(&folder.file());
    let mut pipeline = old.pipeline().unwrap();
    let appends: Vec<_> = (1..=10).map(|number| pipeline.append(vec![enqueued(number)])).collect();
    let mut results = Vec::new();
    for append in appends {
        results.push(append.await);
    }
    assert!(matches!(results[0], Err(JournalError::Refused)));
    assert!(results.iter().all(Result::is_err));
    new.close().unwrap();
    assert_eq!(open(&folder.file()).1, Image::default());
}

fn enqueue(id: &str) -> Request {
    Request::Enqueue(NewMessage { id: id.into(), ..NewMessage::default() })
}

#[tokio::test]
async fn a_driver_that_was_replaced_ends_and_its_callers_know_that_nobody_knows() {
    let folder = Folder::new();
    let config = Settings::default().validate().unwrap();
    let (journal, image) = open(&folder.file());
    let (driver, handle) = Setup::<Queue, _>::new(config, journal, image).build();
    let running = tokio::spawn(driver.run());
    assert_eq!(handle.request(enqueue("a")).await, Ok(Answer::Ok));

    let (_new, image) = open(&folder.file());
    assert_eq!(image.messages.len(), 1);
    assert_eq!(handle.request(enqueue("b")).await, Err(Unanswered::Unknown));
    assert!(matches!(running.await.unwrap(), Err(JournalError::Refused)));
    assert_eq!(handle.request(enqueue("c")).await, Err(Unanswered::ShutDown));
}

#[tokio::test]
async fn a_driver_goes_on_where_the_last_one_stopped_also_after_compactions() {
    let folder = Folder::new();
    let options = Options { compact_after: NonZeroUsize::new(7).unwrap(), ..Options::default() };
    for round in 0..4 {
        let (journal, image) = open(&folder.file());
        assert_eq!(image.messages.len(), round * 10);
        let config = Settings::default().validate().unwrap();
        let (driver, handle) = Setup::<Queue, _>::new(config, journal, image).options(options).build();
        let running = tokio::spawn(driver.run());
        for number in 0..10 {
            assert_eq!(handle.request(enqueue(&format!("{round}.{number}"))).await, Ok(Answer::Ok));
        }
        handle.shutdown();
        let journal = running.await.unwrap().unwrap();
        assert!(journal.records() <= 8, "it was compacted");
        journal.close().unwrap();
    }
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let file = folder.file();
    for contents in [&b""[..], b"a letter", &[0; 5_000]] {
        fs::write(&file, contents).unwrap();
        assert!(matches!(refusal(&file), OpenError::NotOurs { .. }));
        assert_eq!(fs::read(&file).unwrap(), contents);
        fs::remove_file(&file).unwrap();
    }
    tamper(&file, "CREATE TABLE recipes (name TEXT)");
    let before = fs::read(&file).unwrap();
    assert!(matches!(refusal(&file), OpenError::NotOurs { file: named } if named == file));
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(folder.names(), ["jobs.db"]);
}

#[test]
fn a_place_where_no_file_can_be_is_an_error_that_names_it() {
    let folder = Folder::new();
    assert!(matches!(refusal(folder.0.path()), OpenError::Io { file, .. } if file == folder.0.path()));
    let nowhere = folder.0.path().join("no such folder").join("jobs.db");
    let told = refusal(&nowhere).to_string();
    assert!(told.contains("no such folder"), "{told}");
}

#[tokio::test]
async fn another_room_format_or_layout_is_refused_by_name_and_untouched() {
    let folder = Folder::new();
    let file = folder.file();
    three_records(&file).await;
    let other_room = SqliteJournal::<Queue>::open(&file, "saga").err().unwrap();
    assert!(matches!(&other_room, OpenError::Room { ours, theirs, .. } if ours == "saga" && theirs == "queue"));

    let ours = Queue::FORMAT;
    for theirs in [ours + 1, ours + 7] {
        tamper(&file, &format!("UPDATE journal SET format = {theirs}"));
        let error = refusal(&file);
        assert!(matches!(&error, OpenError::Format { ours: o, theirs: t, .. } if (*o, *t) == (ours, theirs)));
        let told = error.to_string();
        let named = [file.display().to_string(), format!("format {theirs}"), format!("format {ours}"), "newer".into()];
        assert!(named.iter().all(|name| told.contains(name)), "{told}");
    }
    tamper(&file, &format!("UPDATE journal SET format = {ours}; PRAGMA user_version = 2"));
    assert!(matches!(refusal(&file), OpenError::Layout { ours: 1, theirs: 2, .. }));
    tamper(&file, "PRAGMA user_version = 1");
    assert_eq!(generation(&file), 1, "no refusal takes a generation");
    assert_eq!(open(&file).1, fold(1..=3));
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let damages = [
        (Row::Record(2), "UPDATE records SET record = zeroblob(5) WHERE position = 2"),
        (Row::Record(2), "UPDATE records SET checksum = checksum + 1 WHERE position = 2"),
        // The same record at another place fits its bytes, and not its checksum.
        (
            Row::Record(3),
            "UPDATE records SET record = (SELECT record FROM records WHERE position = 2),
            checksum = (SELECT checksum FROM records WHERE position = 2) WHERE position = 3",
        ),
        (Row::Record(3), "DELETE FROM records WHERE position = 2"),
        (Row::Image, "UPDATE journal SET image = zeroblob(3)"),
        (Row::Image, "UPDATE journal SET covers = 1"),
    ];
    for (damaged, sql) in damages {
        let folder = Folder::new();
        let file = folder.file();
        three_records(&file).await;
        tamper(&file, sql);
        let error = refusal(&file);
        assert!(matches!(&error, OpenError::Damaged { row, .. } if *row == damaged), "{sql}: {error}");
        assert!(error.to_string().contains(&damaged.to_string()), "{error}");
        assert_eq!(generation(&file), 1, "whoever has the file open may go on");
    }
}

#[tokio::test]
async fn bytes_that_are_as_they_were_written_and_mean_nothing_are_damage_too() {
    let folder = Folder::new();
    let file = folder.file();
    three_records(&file).await;
    let nonsense = [255_u8; 9];
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&3_u64.to_le_bytes()), &nonsense);
    tamper(
        &file,
        &format!("UPDATE records SET record = x'{}', checksum = {checksum} WHERE position = 3", "ff".repeat(9)),
    );
    assert!(matches!(refusal(&file), OpenError::Damaged { row: Row::Record(3), .. }));
}

const CHILD: &str = "PURLIN_SQLITE_CHILD";

/// Not a test by itself: the next one runs it in a process of its own and kills it.
#[tokio::test]
#[allow(clippy::print_stdout, reason = "how the child tells what is durable")]
async fn child_that_appends_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD) else { return };
    let (mut journal, image) = open(Path::new(&file));
    let mut next = image.messages.len() as u64 + 1;
    loop {
        let records = (next..next + 5).map(enqueued).collect();
        journal.append(records).await.unwrap();
        next += 5;
        println!("durable {}", next - 1);
    }
}

#[test]
fn nothing_durable_is_lost_when_the_process_is_killed() {
    let folder = Folder::new();
    let file = folder.file();
    let mut durable = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_appends_until_it_is_killed", "--nocapture"])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told = lines.filter_map(|line| line.rsplit_once("durable ")?.1.parse::<u64>().ok());
        durable = told.take(20).last().unwrap_or(durable);
        child.kill().unwrap();
        child.wait().unwrap();

        let (journal, image) = open(&file);
        let found = image.messages.len() as u64;
        assert!(found >= durable && found.is_multiple_of(5), "{durable} were durable, {found} are there");
        assert_eq!(image, fold(1..=found));
        assert_eq!(journal.generation(), 2 * round);
    }
    assert!(durable >= 300, "three rounds of twenty appends of five: {durable}");
}
