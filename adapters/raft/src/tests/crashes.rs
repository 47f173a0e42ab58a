//! Every crash of a short story.

use super::blocks::{DiskFault, Rest, Survival};
use super::ledger::holding;
use super::stand::{Stand, appending, founders, small, snapshot};
use crate::error::StoreError;
use purlin::log::Boundary;
use purlin::raft::{Entry, Image, Member, Membership, Payload, Record, Snapshot};
use purlin_tokio::{Journal, JournalError};
use std::sync::Arc;

/// One thing that happens, told by what is there.
type Scene = fn(&mut Stand) -> Result<(), StoreError>;

/// A replica begins, follows, loses entries to another leader, takes a snapshot, is given one, begins anew.
const STORY: [Scene; 14] = [
    |stand| stand.take(Record::Began { founders: founders() }),
    |stand| stand.take(Record::Term { term: 1, vote: Some(Member::new(2)) }),
    |stand| stand.take(appending(1, 6, 1, 4)),
    Stand::sync,
    |stand| stand.take(Record::Term { term: 3, vote: None }),
    |stand| stand.take(appending(5, 3, 3, 4)),
    |stand| stand.take(membership_at(8, 3)),
    Stand::sync,
    |stand| {
        stand.take(appending(9, 1, 3, 8))?;
        let snapshot = snapshot(stand.present(), 8, 700);
        stand.take(Record::Compact { snapshot, through: Boundary { index: 5, term: 3 } })?;
        stand.sync()
    },
    Stand::write_draft,
    // The first of these is there already, and was acknowledged.
    |stand| stand.take(appending(9, 3, 3, 9)),
    |stand| {
        let snapshot = installed(stand.present(), 11, 4);
        stand.take(Record::Install { snapshot })
    },
    |stand| {
        stand.take(appending(12, 2, 4, 12))?;
        stand.sync()
    },
    |stand| stand.take(Record::Began { founders: Arc::default() }),
];

fn membership_at(index: u64, term: u64) -> Record<super::ledger::Ledger> {
    let membership = Arc::new(Membership::of_voters([1, 2, 4].map(Member::new)));
    Record::Append { entries: vec![Entry { index, term, payload: Payload::Membership(membership) }].into(), commit: 4 }
}

/// A leader's snapshot, of another history than ours at its end.
fn installed(image: &Image<super::ledger::Ledger>, index: u64, term: u64) -> Arc<Snapshot<super::ledger::Ledger>> {
    let membership = Arc::clone(image.membership());
    let at = Boundary { index, term };
    Arc::new(Snapshot { at, membership_index: 8, membership, applied: holding(index, 1_200) })
}

/// Plays until the disk fails, and tells whether it did.
fn play(stand: &mut Stand) -> bool {
    STORY.iter().any(|scene| scene(stand).is_err())
}

fn survivals() -> impl Iterator<Item = Survival> {
    let prefixes = [100, 700].map(|bytes| Survival::Prefix { bytes, rest: Rest::Old });
    let sectors = (0..4).map(|seed| Survival::Sectors { seed });
    [Survival::Lost, Survival::Kept].into_iter().chain(prefixes).chain(sectors)
}

/// How many changes of the disk the story takes.
fn extent() -> u64 {
    let is_longer = |changes: &u64| {
        let mut stand = Stand::new(small());
        stand.disk.disk().arm(DiskFault::PowerOff { changes: *changes, bytes: 0 });
        play(&mut stand)
    };
    (0..).take_while(is_longer).count() as u64
}

#[test]
fn every_crash_leaves_a_prefix_of_the_story() {
    let extent = extent();
    assert!(extent > 30, "the story has only {extent} changes");
    for changes in 0..=extent {
        for (bytes, survival) in
            [0, 300, 512, 2_000].into_iter().flat_map(|bytes| survivals().map(move |it| (bytes, it)))
        {
            let mut stand = Stand::new(small());
            stand.disk.disk().arm(DiskFault::PowerOff { changes, bytes });
            play(&mut stand);
            let crashed = stand.crash(survival).and_then(|()| goes_on(&mut stand));
            crashed.unwrap_or_else(|problem| panic!("{changes} changes, {bytes} bytes, {survival:?}: {problem}"));
        }
    }
}

/// What a crash leaves is opened, the power goes meanwhile, and it is opened again.
#[test]
fn a_crash_while_a_crash_is_mended_leaves_the_same() {
    for changes in 0..=extent() {
        for (opening, survival) in (0..6).flat_map(|opening| [Survival::Lost, Survival::Kept].map(|it| (opening, it))) {
            let mut stand = Stand::new(small());
            stand.disk.disk().arm(DiskFault::PowerOff { changes, bytes: 512 });
            play(&mut stand);
            stand.disk.disk().crash(survival).unwrap();
            stand.disk.disk().arm(DiskFault::PowerOff { changes: opening, bytes: 0 });
            let _ = super::stand::reopened(&stand.disk, &small());
            let crashed = stand.crash(Survival::Lost).and_then(|()| goes_on(&mut stand));
            crashed.unwrap_or_else(|problem| panic!("{changes}, then {opening} changes, {survival:?}: {problem}"));
        }
    }
}

/// It takes another life and more entries, and keeps them.
fn goes_on(stand: &mut Stand) -> Result<(), String> {
    let next = stand.present().log.last().index + 1;
    let term = stand.present().term + 1;
    let records = [
        Record::Began { founders: founders() },
        Record::Term { term, vote: Some(Member::new(1)) },
        appending(next, 2, term, 0),
    ];
    for record in records {
        stand.take(record).map_err(|error| error.to_string())?;
    }
    stand.restart()
}

#[test]
fn after_a_failed_sync_nothing_is_written_again() {
    let mut stand = Stand::with_entries(small(), 5);
    stand.disk.disk().arm(DiskFault::SyncError);
    stand.take(appending(6, 1, 1, 5)).unwrap();
    assert!(stand.sync().is_err());
    let counted = stand.disk.disk().counts().writes;
    assert!(stand.sync().is_err());
    assert!(stand.take(appending(7, 1, 1, 5)).is_err());
    assert_eq!(stand.disk.disk().counts().writes, counted);
    stand.history.pop();
    stand.crash(Survival::Lost).unwrap();
    assert_eq!(stand.present().log.last().index, 5);
}

#[test]
fn a_full_disk_loses_nothing_and_is_told() {
    let mut stand = Stand::with_entries(small(), 5);
    stand.disk.disk().arm(DiskFault::Full);
    let told = (6..100).find_map(|index| {
        let taken = stand.take(appending(index, 1, 1, index - 1));
        taken.and_then(|()| stand.sync()).err()
    });
    assert!(told.unwrap().to_string().contains("the disk is full"));
    stand.crash(Survival::Lost).unwrap();
    goes_on(&mut stand).unwrap();
}

/// A snapshot that was being written when a leader's took the place of everything is no longer the newest.
#[test]
fn a_crash_does_not_bring_back_a_snapshot_that_was_overtaken_by_a_leaders() {
    let mut stand = Stand::with_entries(small(), 6);
    let own = snapshot(stand.present(), 4, 300);
    stand.take(Record::Compact { snapshot: own, through: Boundary { index: 3, term: 1 } }).unwrap();
    stand.sync().unwrap();
    let draft = stand.store.take_draft().unwrap();
    let leaders = installed(stand.present(), 20, 7);
    stand.take(Record::Install { snapshot: leaders }).unwrap();
    stand.sync().unwrap();
    draft.write(&stand.store.cabinet).unwrap();
    stand.crash(Survival::Lost).unwrap();
    assert_eq!(stand.present().snapshot.at.index, 20);
    stand.restart().unwrap();
}

/// The same without a crash.
#[test]
fn a_snapshot_that_was_overtaken_by_a_leaders_is_not_read() {
    let mut stand = Stand::with_entries(small(), 6);
    let own = snapshot(stand.present(), 4, 300);
    stand.take(Record::Compact { snapshot: own, through: Boundary { index: 3, term: 1 } }).unwrap();
    stand.sync().unwrap();
    let draft = stand.store.take_draft().unwrap();
    let leaders = installed(stand.present(), 20, 7);
    stand.take(Record::Install { snapshot: Arc::clone(&leaders) }).unwrap();
    let shelf = draft.write(&stand.store.cabinet).unwrap();
    stand.store.keep(shelf).unwrap();
    let chunk = purlin::raft::Load::Chunk { at: leaders.at, offset: 100, bytes_max: 500 };
    let loaded = stand.store.load(chunk.clone()).unwrap();
    assert_eq!(Some(loaded), stand.present().look_up(chunk));
    stand.restart().unwrap();
}

/// An append is told to have failed, and so is everything that comes later, by a journal with its thread.
#[test]
fn a_journal_whose_disk_fails_says_so_and_ends() {
    for fault in [DiskFault::SyncError, DiskFault::WriteError, DiskFault::Full] {
        let disk = super::drawers::Disk::default();
        let (log, drawers) = (super::drawers::log_on(&disk), super::drawers::drawers_on(&disk));
        let opened = crate::open_on::<super::ledger::Ledger, _, _>(log, drawers, &super::stand::identity(), &small());
        let (mut journal, _) = opened.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            journal.append(vec![Record::Began { founders: founders() }, appending(1, 1, 1, 0)]).await.unwrap();
            disk.disk().arm(fault);
            let many = journal.append(vec![appending(2, 40, 1, 0)]).await;
            assert!(many.unwrap_err().to_string().contains("the journal failed"), "{fault:?}");
            let more = journal.append(vec![appending(2, 1, 1, 0)]).await;
            assert_eq!(more, Err(JournalError::Failed(StoreError::Ended)), "{fault:?}");
        });
        assert!(journal.close().is_err(), "{fault:?}");
        disk.disk().crash(Survival::Lost).unwrap();
        let (_, image) = super::stand::reopened(&disk, &small()).unwrap();
        assert_eq!(image.log.last().index, 1, "{fault:?}");
    }
}
