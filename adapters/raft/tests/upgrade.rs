//! Three replicas on real files and real sockets, of which one after the other is upgraded to the newer words.

use bytes::Bytes;
use core::time::Duration;
use purlin::raft::{Answer, Application, Config, Consistency, Member, Raft, Request, Settings};
use purlin_raft::wire::{Opaque, RaftCodec};
use purlin_raft::{Identity, Options, RaftJournal, StoreError, open};
use purlin_tokio::{Directory, Framing, Handle, JournalError, Setup, Site, Tcp, Versions, Wire};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::task::JoinHandle;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Ledger(Vec<Opaque>);

purlin::nameless!(Ledger);

impl Application for Ledger {
    type Command = Opaque;
    type Outcome = u64;
    type Query = ();
    type View = u64;
    type Event = ();

    fn apply(&mut self, _index: u64, command: &Opaque, _announce: &mut dyn FnMut(())) -> u64 {
        self.0.push(command.clone());
        self.0.len() as u64
    }

    fn read(&self, (): &()) -> u64 {
        self.0.len() as u64
    }

    fn size(command: &Opaque) -> usize {
        command.0.len()
    }
}

type Ran = Result<RaftJournal<Ledger>, JournalError<StoreError>>;

struct Replica {
    handle: Handle<Raft<Ledger>>,
    directory: Directory<Raft<Ledger>>,
    running: JoinHandle<Ran>,
}

/// Where replicas keep their files, and those that run.
struct Cluster {
    folder: PathBuf,
    places: BTreeMap<Member, String>,
    replicas: BTreeMap<Member, Replica>,
}

fn members() -> [Member; 3] {
    [1, 2, 3].map(Member::new)
}

fn identity(member: Member) -> Identity {
    Identity { cluster: "ledgers".into(), member }
}

fn small() -> Options {
    Options { segment_bytes: 1 << 16, ..Options::default() }
}

fn config(me: Member) -> Config {
    let quick = Settings {
        election_timeout_ms: 300,
        heartbeat_ms: 30,
        snapshot_every: 0,
        chunk_bytes: 4_096,
        ..Settings::founding(me, members())
    };
    quick.validate().unwrap()
}

impl Cluster {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), places: BTreeMap::new(), replicas: BTreeMap::new() }
    }

    fn directory(&self, member: Member) -> PathBuf {
        self.folder.join(member.to_string())
    }

    async fn start(&mut self, me: Member, versions: Versions) {
        let (journal, image) = open::<Ledger>(self.directory(me), &identity(me), &small()).unwrap();
        let peers = self.places.clone().into_iter().filter(|(member, _)| *member != me).collect();
        let site = Site { cluster: "ledgers".into(), address: me, listen: Some("127.0.0.1:0".into()), peers };
        let wire =
            Wire { backoff_min: Duration::from_millis(5), backoff_max: Duration::from_millis(50), ..Wire::default() };
        let framing = Framing::new(Tcp, site).wire(wire).codec(RaftCodec::speaking(versions).unwrap());
        let transport = framing.open().await.unwrap();
        let (place, directory) = (transport.place().unwrap().to_owned(), transport.directory());
        self.replicas.values().for_each(|other| other.directory.set_place(me, place.clone()));
        self.places.insert(me, place);
        let (driver, handle) = Setup::new(config(me), journal, image).transport(transport).build();
        let running = tokio::spawn(driver.run());
        self.replicas.insert(me, Replica { handle, directory, running });
    }

    async fn stop(&mut self, member: Member) {
        let Replica { handle, running, .. } = self.replicas.remove(&member).unwrap();
        handle.shutdown();
        running.await.unwrap().unwrap().close().unwrap();
    }

    /// Asks whoever leads.
    async fn ask(&self, request: Request<Ledger>) -> Answer<Ledger> {
        for _ in 0..1_000 {
            for replica in self.replicas.values() {
                match replica.handle.request(request.clone()).await.unwrap() {
                    Answer::Refused(_) => {}
                    answer => return answer,
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody leads");
    }

    async fn propose(&self, bytes: usize) -> u64 {
        let command = Opaque(Bytes::from(vec![7; bytes]));
        match self.ask(Request::Propose { stamp: None, command }).await {
            Answer::Applied { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// Whoever leads drops all that it has applied.
    async fn compact_everywhere(&self) {
        for replica in self.replicas.values() {
            let Answer::Status(status) = replica.handle.request(Request::Status).await.unwrap() else { panic!() };
            let compacted = replica.handle.request(Request::Compact { through: status.applied }).await.unwrap();
            assert!(matches!(compacted, Answer::Compacted { .. }), "{compacted:?}");
        }
    }

    /// Until a replica has applied so many.
    async fn await_count(&self, member: Member, count: u64) {
        let request = Request::Read { consistency: Consistency::Stale, query: () };
        for _ in 0..1_000 {
            match self.replicas[&member].handle.request(request.clone()).await.unwrap() {
                Answer::Read { view, .. } if view == count => return,
                Answer::Read { view, .. } => assert!(view < count, "{view} commands of {count}"),
                other => panic!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("replica {member} does not come to have {count} commands");
    }
}

/// The last replica to be upgraded misses what its leader drops meanwhile: it is given a snapshot in pieces, in the new words.
#[tokio::test]
async fn a_cluster_is_upgraded_one_replica_after_the_other_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::new(folder.path());
    for member in members() {
        cluster.start(member, Versions::only(1)).await;
    }
    let mut count = 0;
    for (nth, member) in members().into_iter().enumerate() {
        cluster.stop(member).await;
        for _ in 0..10 {
            count += 1;
            assert_eq!(cluster.propose(2_000).await, count);
        }
        if nth == 2 {
            cluster.compact_everywhere().await;
        }
        cluster.start(member, Versions::new(1, 2)).await;
        cluster.await_count(member, count).await;
    }
    for member in members() {
        cluster.await_count(member, count).await;
        cluster.stop(member).await;
        let (_, image) = open::<Ledger>(cluster.directory(member), &identity(member), &small()).unwrap();
        assert_eq!(image.lives, 2, "replica {member}");
        let was_given_a_snapshot = image.snapshot.at.index > 0 && image.log.boundary() == image.snapshot.at;
        assert!(was_given_a_snapshot || member != members()[2], "{:?}", image.log.boundary());
    }
}
