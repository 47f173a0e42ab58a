//! What is not as it was, and what is said to that.

use super::blocks::Survival;
use super::drawers::{Disk, drawers_on, log_on, segment_of_note, segment_of_snapshot};
use super::stand::{Stand, appending, identity, reopened, small, snapshot};
use crate::cabinet::Cabinet;
use crate::error::{Damage, Loss, OpenError, SheetError};
use crate::identity::Identity;
use crate::open::{Opening, Options};
use crate::tests::ledger::Ledger;
use purlin::log::{self, Blocks, Boundary};
use purlin::raft::{Member, Record};

/// Six entries, a snapshot of the first four, of which three are dropped.
fn compacted() -> Stand {
    let mut stand = Stand::with_entries(small(), 6);
    let snapshot = snapshot(stand.present(), 4, 300);
    stand.take(Record::Compact { snapshot, through: Boundary { index: 3, term: 1 } }).unwrap();
    stand.restart().unwrap();
    stand
}

fn refusal(disk: &Disk) -> OpenError {
    reopened(disk, &small()).map(|_| ()).unwrap_err()
}

fn loss(disk: &Disk) -> Loss {
    match refusal(disk) {
        OpenError::Lost { loss, .. } => loss,
        other => panic!("{other}"),
    }
}

fn as_somebody(disk: &Disk, somebody: &Identity, options: &Options) -> OpenError {
    let opened = Opening::begin(drawers_on(disk), somebody, options).and_then(|it| it.store::<Ledger, _>(log_on(disk)));
    opened.map(|_| ()).unwrap_err()
}

#[test]
fn the_directory_of_somebody_else_is_refused_by_name() {
    let stand = compacted();
    let other_member = Identity { member: Member::new(2), ..identity() };
    let other_life = Identity { member: Member { incarnation: 1, ..Member::new(1) }, ..identity() };
    let other_cluster = Identity { cluster: "orders".into(), ..identity() };
    for (other, name) in [(other_member, "member 2 of"), (other_life, "member 1.1 of"), (other_cluster, "`orders`")] {
        let told = as_somebody(&stand.disk, &other, &small());
        assert!(matches!(told, OpenError::OtherReplica { .. }), "{told}");
        assert!(told.to_string().contains(name), "{told}");
    }
}

#[test]
fn another_format_is_refused_with_both_versions() {
    let stand = compacted();
    let told = as_somebody(&stand.disk, &identity(), &Options { application_format: 2, ..small() });
    assert!(matches!(&told, OpenError::Format { .. }), "{told}");
    assert!(told.to_string().contains("application 1") && told.to_string().contains("application 2"), "{told}");
}

#[test]
fn a_log_under_a_note_of_another_identity_is_refused() {
    let (ours, mut theirs) = (compacted(), Stand::new(small()));
    drop(theirs.store);
    let disk = Disk::default();
    let other = Identity { cluster: "orders".into(), ..identity() };
    (theirs.store, _) = Opening::begin(drawers_on(&disk), &other, &small()).unwrap().store(log_on(&disk)).unwrap();
    theirs.disk = disk;
    theirs.take(Record::Began { founders: super::stand::founders() }).unwrap();
    let told =
        Opening::begin(drawers_on(&ours.disk), &identity(), &small()).unwrap().store::<Ledger, _>(log_on(&theirs.disk));
    let told = told.map(|_| ()).unwrap_err();
    assert!(matches!(told, OpenError::Log { source: log::OpenError::Foreign { .. }, .. }), "{told}");
}

#[test]
fn a_lost_log_is_told() {
    let stand = compacted();
    let mut blocks = log_on(&stand.disk);
    blocks.list().unwrap().into_iter().for_each(|segment| blocks.remove(segment).unwrap());
    assert_eq!(loss(&stand.disk), Loss::Log);
    assert!(blocks.list().unwrap().is_empty(), "a lost log is not made anew");
}

#[test]
fn a_deleted_segment_is_told() {
    for deleted in 0..4 {
        let stand = Stand::with_entries(small(), 60);
        let mut blocks = log_on(&stand.disk);
        let segments = blocks.list().unwrap();
        assert!(segments.len() > 3);
        blocks.remove(segments[deleted]).unwrap();
        let told = reopened(&stand.disk, &small()).map(|_| ()).expect_err(&format!("segment {deleted}"));
        assert!(matches!(told, OpenError::Log { source: log::OpenError::Corrupt(_), .. }), "{deleted}: {told}");
    }
}

#[test]
fn a_lost_snapshot_is_told_whether_or_not_entries_were_dropped() {
    let stand = compacted();
    drawers_on(&stand.disk).remove_snapshot(2).unwrap();
    assert_eq!(loss(&stand.disk), Loss::Snapshot { boundary: Boundary { index: 3, term: 1 } });
    let stand = Stand::with_entries(small(), 3);
    drawers_on(&stand.disk).remove_snapshot(1).unwrap();
    assert_eq!(loss(&stand.disk), Loss::Snapshot { boundary: Boundary::default() });
}

#[test]
fn an_older_snapshot_in_the_place_of_the_newest_is_told() {
    let stand = Stand::with_entries(small(), 3);
    let mut older = Vec::new();
    let segment = segment_of_snapshot(1);
    older.extend_from_slice(stand.disk.disk().inner().segment(segment).unwrap());
    let stand = compacted();
    drawers_on(&stand.disk).remove_snapshot(2).unwrap();
    drawers_on(&stand.disk).put_snapshot(1, &[&older]).unwrap();
    assert_eq!(loss(&stand.disk), Loss::Snapshot { boundary: Boundary { index: 3, term: 1 } });
}

#[test]
fn every_flipped_bit_of_a_snapshot_or_the_note_is_told() {
    let stand = compacted();
    for (segment, is_note) in [(segment_of_snapshot(2), false), (segment_of_note(), true)] {
        let length = stand.disk.disk().inner().segment(segment).unwrap().len();
        for offset in 0..length as u64 {
            let bit = 1 << (offset % 8);
            stand.disk.disk().rot(segment, offset, bit).unwrap();
            let told = refused_or_unharmed(&stand, offset);
            match told {
                None if !is_note => assert!((13..16).contains(&offset) || offset >= 60, "byte {offset}"),
                None => {}
                Some(OpenError::Damaged { damage: Damage::Note(_), .. }) => assert!(is_note),
                Some(OpenError::Damaged { damage: Damage::Snapshot { number: 2, .. }, .. }) => assert!(!is_note),
                Some(OpenError::Format { .. }) => assert!(is_note),
                Some(other) => panic!("byte {offset} of segment {segment}: {other}"),
            }
            stand.disk.disk().rot(segment, offset, bit).unwrap();
        }
    }
}

/// Blanks of the note mean nothing.
fn refused_or_unharmed(stand: &Stand, offset: u64) -> Option<OpenError> {
    match reopened(&stand.disk, &small()) {
        Ok((_, image)) => {
            assert_eq!(&image, stand.present(), "byte {offset}");
            None
        }
        Err(error) => Some(error),
    }
}

type Edit = fn(&[u8]) -> Vec<u8>;

#[test]
fn a_snapshot_that_was_cut_short_or_is_none_is_told() {
    let edits: [(Edit, SheetError); 3] = [
        (|bytes| bytes[..bytes.len() - 1].to_vec(), SheetError::Damaged("it is not as long as it was written")),
        (|bytes| [&b"PURLLOGS"[..], &bytes[8..]].concat(), SheetError::NoSnapshot),
        (
            |bytes| [&bytes[..8], &2_u32.to_le_bytes(), &bytes[12..]].concat(),
            SheetError::Version { theirs: 2, ours: 1 },
        ),
    ];
    for (edit, expected) in edits {
        let stand = compacted();
        let edited = edit(stand.disk.disk().inner().segment(segment_of_snapshot(2)).unwrap());
        drawers_on(&stand.disk).put_snapshot(2, &[&edited]).unwrap();
        let OpenError::Damaged { damage: Damage::Snapshot { error, .. }, .. } = refusal(&stand.disk) else { panic!() };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_lost_note_beside_a_log_is_told() {
    let stand = compacted();
    stand.disk.clone().remove(segment_of_note()).unwrap();
    assert_eq!(loss(&stand.disk), Loss::Note);
}

#[test]
fn a_log_that_was_put_back_to_what_it_was_is_told() {
    let mut stand = Stand::with_entries(small(), 3);
    let older = stand.disk.disk().inner().clone();
    stand.take(Record::Term { term: 5, vote: None }).unwrap();
    stand.take(appending(4, 9, 5, 12)).unwrap();
    stand.take(Record::Began { founders: super::stand::founders() }).unwrap();
    stand.restart().unwrap();
    let mut blocks = log_on(&stand.disk);
    for segment in blocks.list().unwrap() {
        blocks.remove(segment).unwrap();
    }
    for segment in (0..20).filter(|segment| older.segment(2 * segment).is_some()) {
        let bytes = older.segment(2 * segment).unwrap();
        blocks.create(segment, bytes.len() as u64).unwrap();
        blocks.write(segment, 0, bytes).unwrap();
        blocks.sync(segment).unwrap();
    }
    assert_eq!(loss(&stand.disk), Loss::EndOfLog { term: 1, last: 3, known_term: 5, known: 12 });
}

#[test]
fn a_note_that_is_older_than_its_log_is_told() {
    let stand = Stand::new(small());
    let fresh = stand.disk.disk().inner().segment(segment_of_note()).unwrap().to_vec();
    let stand = compacted();
    drawers_on(&stand.disk).set_note(&fresh).unwrap();
    assert_eq!(loss(&stand.disk), Loss::NoteIsOld);
}

#[test]
fn what_was_refused_is_opened_again_once_it_is_mended() {
    let mut stand = compacted();
    let whole = stand.disk.disk().inner().segment(segment_of_snapshot(2)).unwrap().to_vec();
    drawers_on(&stand.disk).remove_snapshot(2).unwrap();
    refusal(&stand.disk);
    drawers_on(&stand.disk).put_snapshot(2, &[&whole]).unwrap();
    stand.restart().unwrap();
    stand.crash(Survival::Lost).unwrap();
}

#[test]
fn nothing_is_made_where_nothing_may_be_made() {
    let disk = Disk::default();
    let told = as_somebody(&disk, &identity(), &Options { may_create: false, ..small() });
    assert!(matches!(told, OpenError::Missing { .. }), "{told}");
    assert!(disk.clone().list().unwrap().is_empty());
}
