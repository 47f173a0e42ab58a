//! A replica on real files, run by the driver.

use bytes::Bytes;
use purlin::raft::{
    Answer, Application, Config, Consistency, Load, Loaded, Member, Membership, Message, Raft, Record, Request,
    Settings,
};
use purlin_raft::{Identity, OpenError, Options, RaftJournal, RecoveryError, backup, force_new_cluster, open, restore};
use purlin_tokio::{Handle, Journal, Setup, Transport};
use serde::{Deserialize, Serialize};
use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Ledger(Vec<Bytes>);

purlin::nameless!(Ledger);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Line(Bytes);

purlin::nameless!(Line);

impl Application for Ledger {
    type Command = Line;
    type Outcome = u64;
    type Query = ();
    type View = u64;
    type Event = ();

    fn apply(&mut self, _index: u64, command: &Line, _announce: &mut dyn FnMut(())) -> u64 {
        self.0.push(command.0.clone());
        self.0.len() as u64
    }

    fn read(&self, (): &()) -> u64 {
        self.0.len() as u64
    }

    fn size(command: &Line) -> usize {
        command.0.len()
    }
}

/// Nobody else, but an address.
struct Me(Member);

impl Transport<Raft<Ledger>> for Me {
    fn address(&self) -> Option<&Member> {
        Some(&self.0)
    }

    fn receive(&mut self) -> impl Future<Output = (Member, Message<Ledger>)> + Send {
        pending()
    }

    fn try_receive(&mut self) -> Option<(Member, Message<Ledger>)> {
        None
    }

    fn send(&mut self, _to: Member, _message: Message<Ledger>) {}
}

fn identity() -> Identity {
    Identity { cluster: "ledgers".into(), member: Member::new(1) }
}

fn small() -> Options {
    Options { segment_bytes: 1 << 16, ..Options::default() }
}

fn config() -> Config {
    let me = Member::new(1);
    let quick =
        Settings { election_timeout_ms: 20, heartbeat_ms: 5, snapshot_every: 0, ..Settings::founding(me, [me]) };
    quick.validate().unwrap()
}

/// Runs a replica for as long as the guest has something to ask.
async fn hosting<F: Future<Output = ()>>(directory: &Path, guest: impl FnOnce(Handle<Raft<Ledger>>) -> F) {
    let (journal, image) = open::<Ledger>(directory, &identity(), &small()).unwrap();
    let (driver, handle) = Setup::new(config(), journal, image).transport(Me(Member::new(1))).build();
    let running = tokio::spawn(driver.run());
    guest(handle.clone()).await;
    handle.shutdown();
    running.await.unwrap().unwrap().close().unwrap();
}

/// The replica leads after a moment.
async fn propose(handle: &Handle<Raft<Ledger>>, line: Vec<u8>) -> u64 {
    for _ in 0..500 {
        let command = Line(line.clone().into());
        match handle.request(Request::Propose { stamp: None, command }).await.unwrap() {
            Answer::Applied { outcome, .. } => return outcome,
            Answer::Refused(_) => tokio::time::sleep(core::time::Duration::from_millis(5)).await,
            other => panic!("{other:?}"),
        }
    }
    panic!("the replica does not come to lead")
}

async fn count(handle: &Handle<Raft<Ledger>>) -> u64 {
    match handle.request(Request::Read { consistency: Consistency::Linearizable, query: () }).await.unwrap() {
        Answer::Read { view, .. } => view,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart_with_and_without_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    hosting(folder.path(), |handle| async move {
        for nth in 0..40_u8 {
            assert_eq!(propose(&handle, vec![nth; 500]).await, u64::from(nth) + 1);
        }
        let compacted = handle.request(Request::Compact { through: 30 }).await.unwrap();
        assert!(matches!(compacted, Answer::Compacted { at: 41 }), "{compacted:?}");
        assert_eq!(propose(&handle, vec![40]).await, 41);
    })
    .await;
    hosting(folder.path(), |handle| async move {
        assert_eq!(propose(&handle, vec![41]).await, 42);
        assert_eq!(count(&handle).await, 42);
    })
    .await;
    let (journal, image) = open::<Ledger>(folder.path(), &identity(), &small()).unwrap();
    assert_eq!((image.lives, image.log.boundary().index, image.snapshot.at.index), (2, 30, 41));
    assert!(image.log.last().index > 43);
    journal.close().unwrap();
}

#[tokio::test]
async fn a_directory_in_use_is_refused_and_free_once_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open::<Ledger>(folder.path(), &identity(), &small()).unwrap();
    let told = open::<Ledger>(folder.path(), &identity(), &small()).map(|_| ()).unwrap_err();
    assert!(matches!(told, OpenError::InUse(_)), "{told}");
    assert!(told.to_string().contains("in use by another process"), "{told}");
    journal.close().unwrap();
    open::<Ledger>(folder.path(), &identity(), &small()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_or_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let told = open::<Ledger>(file.join("1"), &identity(), &small()).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("a file"), "{told}");
    let nowhere = folder.path().join("nowhere");
    let told = open::<Ledger>(&nowhere, &identity(), &Options { may_create: false, ..small() });
    assert!(matches!(told.map(|_| ()), Err(OpenError::Missing { .. })));
    assert!(!nowhere.exists());
}

/// Many appends that are handed over at once are answered in order, and a load sees all of them.
#[tokio::test]
async fn appends_that_come_together_are_synced_together() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open::<Ledger>(folder.path(), &identity(), &small()).unwrap();
    let founders = Arc::new(Membership::of_voters([Member::new(1)]));
    journal.append(vec![Record::Began { founders }]).await.unwrap();
    let mut pipeline = journal.pipeline().unwrap();
    let appends: Vec<_> = (1..=500).map(|index| pipeline.append(vec![appending(index)])).collect();
    for append in appends {
        append.await.unwrap();
    }
    let load = Load::Entries { first: 1, last: 1_000, bytes_max: u64::MAX };
    let Some(Loaded::Entries { entries, .. }) = journal.load(load).await.unwrap() else { panic!() };
    assert_eq!(entries.len(), 500);
    let syncs = journal.syncs();
    assert!((2..400).contains(&syncs), "{syncs} syncs for 500 appends");
    journal.close().unwrap();
}

fn appending(index: u64) -> Record<Ledger> {
    let payload = purlin::raft::Payload::Command(Line(vec![7; 100].into()));
    Record::Append { entries: vec![purlin::raft::Entry { index, term: 1, payload }].into(), commit: index - 1 }
}

/// The first failure is told with its reason, everything behind it with none, and the thread is gone.
#[tokio::test]
async fn after_an_error_everything_is_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { payload_bytes_max: 1_000, ..small() };
    let (mut journal, _) = open::<Ledger>(folder.path(), &identity(), &options).unwrap();
    let founders = Arc::new(Membership::of_voters([Member::new(1)]));
    journal.append(vec![Record::Began { founders }, appending(1)]).await.unwrap();
    let payload = purlin::raft::Payload::Command(Line(vec![7; 2_000].into()));
    let long = Record::Append { entries: vec![purlin::raft::Entry { index: 2, term: 1, payload }].into(), commit: 0 };
    let told = |result: Result<(), purlin_tokio::JournalError<purlin_raft::StoreError>>| match result.unwrap_err() {
        purlin_tokio::JournalError::Failed(error) => error.to_string(),
        other => panic!("{other}"),
    };
    assert!(told(journal.append(vec![long]).await).contains("give at most 1000"));
    assert!(told(journal.append(vec![appending(2)]).await).contains("open the directory again"));
    assert!(journal.close().is_err());
    let (_, image) = open::<Ledger>(folder.path(), &identity(), &options).unwrap();
    assert_eq!(image.log.last().index, 1);
}

async fn filled(directory: &Path) {
    hosting(directory, |handle| async move {
        for nth in 0..10_u8 {
            propose(&handle, vec![nth; 500]).await;
        }
        handle.request(Request::Compact { through: 5 }).await.unwrap();
        propose(&handle, vec![10]).await;
    })
    .await;
}

/// One of three, which alone cannot lead, goes on by itself and has all that it had.
#[tokio::test]
async fn a_survivor_goes_on_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open::<Ledger>(folder.path(), &identity(), &small()).unwrap();
    let founders = Arc::new(Membership::of_voters([1, 2, 3].map(Member::new)));
    let mut records = vec![Record::Began { founders }, Record::Term { term: 1, vote: Some(Member::new(2)) }];
    records.extend((1..=5).map(appending));
    journal.append(records).await.unwrap();
    let told = force_new_cluster::<Ledger>(folder.path(), &identity(), &small()).unwrap_err();
    assert!(told.to_string().contains("in use"), "{told}");
    journal.close().unwrap();
    let began = force_new_cluster::<Ledger>(folder.path(), &identity(), &small()).unwrap();
    assert_eq!((began.index, began.term), (6, 2));
    hosting(folder.path(), |handle| async move { assert_eq!(propose(&handle, vec![9]).await, 6) }).await;
    let stranger = Identity { member: Member::new(7), ..identity() };
    assert!(force_new_cluster::<Ledger>(folder.path(), &stranger, &small()).is_err());
}

#[test]
fn nothing_is_recovered_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let told = force_new_cluster::<Ledger>(&nowhere, &identity(), &small()).unwrap_err().to_string();
    assert!(told.contains("there is no replica in"), "{told}");
    open::<Ledger>(folder.path(), &identity(), &small()).unwrap().0.close().unwrap();
    let told = force_new_cluster::<Ledger>(folder.path(), &identity(), &small()).unwrap_err().to_string();
    assert!(told.contains("blank"), "{told}");
    assert!(backup::<Ledger>(folder.path(), folder.path().join("copy")).is_err());
}

#[tokio::test]
async fn another_cluster_begins_with_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let [first, copy, second] = ["first", "copy", "second"].map(|name| folder.path().join(name));
    filled(&first).await;
    let at = backup::<Ledger>(&first, &copy).unwrap();
    assert_eq!(at.index, 11);
    assert!(matches!(backup::<Ledger>(&first, &copy), Err(RecoveryError::Exists(_))));
    let other = Identity { cluster: "copies".into(), member: Member::new(1) };
    let founders = || Membership::of_voters([other.member]);
    assert_eq!(restore::<Ledger>(&copy, &second, &other, founders(), &small()).unwrap(), at);
    let again = restore::<Ledger>(&copy, &second, &other, founders(), &small());
    assert!(matches!(again, Err(RecoveryError::Exists(_))));
    assert!(matches!(open::<Ledger>(&second, &identity(), &small()).map(|_| ()), Err(OpenError::OtherReplica { .. })));
    let (journal, image) = open::<Ledger>(&second, &other, &small()).unwrap();
    assert_eq!((image.lives, image.snapshot.at, image.log.boundary()), (1, at, at));
    let (driver, handle) = Setup::new(config(), journal, image).transport(Me(other.member)).build();
    let running = tokio::spawn(driver.run());
    assert_eq!(propose(&handle, vec![11]).await, 11, "ten were in the backup");
    handle.shutdown();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_damaged_backup_and_who_is_no_founder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [first, copy, second] = ["first", "copy", "second"].map(|name| folder.path().join(name));
    filled(&first).await;
    backup::<Ledger>(&first, &copy).unwrap();
    let stranger = Identity { member: Member::new(2), ..identity() };
    let founders = || Membership::of_voters([Member::new(1)]);
    let refused = restore::<Ledger>(&copy, &second, &stranger, founders(), &small());
    assert!(matches!(refused, Err(RecoveryError::NoFounder(_))));
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    let refused = restore::<Ledger>(&copy, &second, &identity(), founders(), &small());
    assert!(matches!(refused, Err(RecoveryError::Damaged { .. })));
    assert!(!second.exists());
}

/// The journal is what a driver wants, whatever is replicated.
#[test]
fn the_journal_can_be_sent() {
    fn is_journal<J: Journal<Raft<Ledger>>>() {}
    is_journal::<RaftJournal<Ledger>>();
}
