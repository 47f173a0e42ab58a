//! Disks that give back something else, or nothing, and what a log says to that.

use crate::blocks::{DiskFault, Survival};
use crate::naive::{Change, Content};
use crate::stand::{Stand, config, entry};
use proptest::prelude::*;
use purlin::log::{BlockError, Boundary, HardState, MutationError, OpenError, ReadError};

/// The two changes of a batch.
fn changes(batch: u64) -> [Change; 2] {
    let next = 3 * batch + 1;
    let entries = (next..next + 3).map(|index| entry(index, batch, vec![b'a'; 150 * batch as usize]));
    let hard_state = HardState { term: batch, vote: 1, commit: next };
    [Change::Append(entries.collect()), Change::HardState(hard_state)]
}

/// A log of several segments and batches, all of it durable.
fn written() -> Stand {
    let mut stand = Stand::new(config(2_048, 0));
    for batch in 0..4 {
        changes(batch).iter().for_each(|change| stand.change(change).unwrap());
        stand.sync().unwrap();
    }
    stand
}

/// What it was after each change.
fn states() -> Vec<Content> {
    let mut states = vec![Content::default()];
    for change in (0..4).flat_map(changes) {
        states.extend(states.last().map(|state| state.after(&change)));
    }
    states
}

/// What each segment holds.
fn bytes_of(stand: &Stand) -> Vec<(u64, usize)> {
    let disk = stand.disk.disk();
    let lengths = (0..20).filter_map(|segment| Some((segment, disk.inner().segment(segment)?.len())));
    lengths.collect()
}

#[test]
fn no_flipped_bit_is_answered_by_a_shorter_log() {
    let pristine = written();
    let whole = pristine.present().clone();
    let without_last = Content { hard_state: HardState { term: 2, vote: 1, commit: 7 }, ..whole.clone() };
    let (mut refused, mut dropped) = (0, 0);
    for (segment, length) in bytes_of(&pristine) {
        for offset in 0..length as u64 {
            let mut stand = written();
            stand.disk.disk().rot(segment, offset, 1 << (offset % 8)).unwrap();
            match stand.reopen() {
                Ok(()) => {
                    let found = Content::of(&mut stand.log);
                    dropped += u64::from(found == without_last);
                    assert!(found == whole || found == without_last, "byte {offset} of segment {segment}: {found:?}");
                }
                Err(OpenError::Corrupt(_)) => refused += 1,
                Err(error) => panic!("byte {offset} of segment {segment}: {error}"),
            }
        }
    }
    assert!(refused > 4_000, "only {refused} flips were refused");
    // The last record is a hard state: a head of 13 bytes and three numbers, over the edge of a sector with its stamp.
    assert_eq!(dropped, 13 + 24 + 22, "the last record alone may be dropped");
}

/// However much is damaged: a log that opens is one that was, and nothing panics.
#[test]
fn many_flipped_bits_leave_a_prefix_of_the_changes_or_nothing() {
    let pristine = written();
    let places = bytes_of(&pristine);
    let flips = prop::collection::vec((0..places.len(), any::<u64>(), 1..=u8::MAX), 1..40);
    let opened = std::cell::Cell::new(0);
    crate::prove(1_000, &flips, |flips| {
        let mut stand = written();
        for (nth, offset, mask) in flips {
            let (segment, length) = places[nth];
            stand.disk.disk().rot(segment, offset % length as u64, mask).unwrap();
        }
        if stand.reopen().is_ok() {
            opened.set(opened.get() + 1);
            let found = Content::of(&mut stand.log);
            prop_assert!(states().contains(&found), "{:?}", found);
        }
        Ok(())
    });
    assert!(opened.get() > 0, "no log was opened");
}

#[test]
fn a_bit_that_flips_while_the_log_is_open_is_noticed_by_the_next_read() {
    let mut stand = written();
    let whole = stand.present().clone();
    for (segment, length) in bytes_of(&stand) {
        for offset in (0..length as u64).step_by(3) {
            stand.disk.disk().rot(segment, offset, 0x10).unwrap();
            match stand.log.read(1..stand.log.last_index() + 1) {
                Ok(entries) => assert_eq!(entries, whole.entries, "byte {offset} of segment {segment}"),
                Err(ReadError::Corrupt(place)) => assert_eq!(place.problem, "an entry is not what was written"),
                Err(error) => panic!("{error}"),
            }
            stand.disk.disk().rot(segment, offset, 0x10).unwrap();
        }
    }
}

#[test]
fn a_failed_write_or_sync_ends_all_writing() {
    let faults = [DiskFault::WriteError, DiskFault::TornWriteError { bytes: 30 }, DiskFault::SyncError];
    for fault in faults {
        let mut stand = written();
        stand.arm(fault);
        stand.append("lost?").unwrap();
        assert!(matches!(stand.sync(), Err(MutationError::Io(_))), "{fault:?}");
        assert_eq!(stand.sync(), Err(MutationError::Poisoned), "{fault:?}");
        assert_eq!(stand.append("more"), Err(MutationError::Poisoned), "{fault:?}");
        assert_eq!(stand.log.set_hard_state(HardState::default()), Err(MutationError::Poisoned), "{fault:?}");
        assert_eq!(stand.log.truncate_suffix(1), Err(MutationError::Poisoned), "{fault:?}");
        stand.crash(Survival::Lost).unwrap();
        stand.is_writable().unwrap();
    }
}

#[test]
fn what_a_failed_sync_was_to_keep_is_confirmed_by_no_later_one() {
    let mut stand = written();
    let synced = stand.present().clone();
    stand.append("a").unwrap();
    stand.arm(DiskFault::SyncError);
    stand.sync().unwrap_err();
    let confirmed = stand.log.sync().is_ok();
    stand.disk.disk().crash(Survival::Lost).unwrap();
    stand.reopen().unwrap();
    assert!(!confirmed);
    assert_eq!(Content::of(&mut stand.log), synced);
}

/// The process ends on the error, as it should, and starts again on a system that still has in memory what it could not write.
#[test]
fn what_a_log_shows_after_a_failed_sync_and_a_restart_is_durable() {
    let survivals = [Survival::Lost, Survival::Sectors { seed: 1 }, Survival::Sectors { seed: 2 }, Survival::Kept];
    for (survival, length) in
        survivals.into_iter().flat_map(|survival| [5, 600, 5_000].map(|length| (survival, length)))
    {
        let mut stand = written();
        stand.arm(DiskFault::SyncError);
        stand.append(vec![b'd'; length]).unwrap();
        stand.sync().unwrap_err();
        stand.reopen().unwrap();
        let shown = Content::of(&mut stand.log);
        stand.crash(survival).unwrap();
        assert_eq!(Content::of(&mut stand.log), shown, "{survival:?}, {length} bytes");
        stand.is_writable().unwrap();
    }
}

#[test]
fn a_truncated_suffix_that_was_acknowledged_never_comes_back() {
    let survivals = [Survival::Lost, Survival::Kept].into_iter().chain((0..8).map(|seed| Survival::Sectors { seed }));
    for survival in survivals {
        let mut stand = written();
        stand.change(&Change::TruncateSuffix(5)).unwrap();
        stand.sync().unwrap();
        stand.append("another fifth").unwrap();
        stand.log.write().unwrap();
        stand.crash(survival).unwrap();
        let found = Content::of(&mut stand.log);
        assert!(found.entries[4..].iter().all(|entry| entry.payload == b"another fifth"), "{survival:?}");
    }
}

#[test]
fn a_full_disk_is_told_and_ends_all_writing() {
    let mut stand = written();
    stand.arm(DiskFault::Full);
    stand.append(vec![1; 5_000]).unwrap();
    assert!(matches!(stand.sync(), Err(MutationError::Io(BlockError::Full(_)))));
    assert_eq!(stand.sync(), Err(MutationError::Poisoned));
    stand.crash(Survival::Kept).unwrap();
    stand.is_writable().unwrap();
}

#[test]
fn a_failed_read_is_told_and_harms_nothing() {
    let mut stand = written();
    stand.arm(DiskFault::ReadError);
    assert!(matches!(stand.log.read(1..2), Err(ReadError::Io(_))));
    assert_eq!(&Content::of(&mut stand.log), stand.present());
    stand.arm(DiskFault::ReadError);
    assert!(matches!(stand.reopen(), Err(OpenError::Io(_))));
    stand.reopen().unwrap();
    stand.is_writable().unwrap();
}

/// A write that the disk confirmed and put nowhere, or elsewhere, is missed as soon as the one after it is durable.
#[test]
fn a_lost_or_misdirected_write_is_refused_once_something_durable_follows() {
    let faults =
        [DiskFault::LostWrite].into_iter().chain([-2, -1, 1, 2].map(|sectors| DiskFault::MisdirectedWrite { sectors }));
    for fault in faults {
        let mut stand = Stand::new(config(1 << 16, 0));
        (0..3).for_each(|_| {
            stand.append("before").unwrap();
            stand.sync().unwrap();
        });
        stand.arm(fault);
        stand.append("astray").unwrap();
        stand.sync().unwrap();
        stand.append("after").unwrap();
        stand.sync().unwrap();
        assert!(matches!(stand.reopen(), Err(OpenError::Corrupt(_))), "{fault:?}");
    }
}

/// Of two un-synced writes the first is lost, and the second is there.
fn with_a_leftover() -> Stand {
    let mut stand = Stand::new(config(1 << 16, 0));
    stand.append("kept").unwrap();
    stand.sync().unwrap();
    write_two(&mut stand);
    let seed = (0..64).find(|seed| {
        let mut copy = stand.disk.disk().clone();
        copy.crash(Survival::Sectors { seed: *seed }).unwrap();
        let sectors = copy.inner().segment(0).unwrap().chunks(512).map(|it| it.iter().any(|byte| *byte != 0));
        sectors.skip(3).take(2).eq([false, true])
    });
    stand.disk.disk().crash(Survival::Sectors { seed: seed.unwrap() }).unwrap();
    stand.history.truncate(1);
    stand
}

fn write_two(stand: &mut Stand) {
    for payload in [vec![b'x'; 20], vec![b'y'; 20]] {
        stand.append(payload).unwrap();
        stand.log.write().unwrap();
    }
}

#[test]
fn what_a_repair_cut_off_never_comes_back() {
    let mut stand = with_a_leftover();
    stand.reopen().unwrap();
    assert!(stand.log.repair().is_some());
    // The very same bytes again, of which the first survive.
    write_two(&mut stand);
    stand.crash(Survival::Prefix { bytes: 512, rest: crate::blocks::Rest::Old }).unwrap();
    assert_eq!(stand.log.last_index(), 2);
}

/// What was to be wiped is of an earlier incarnation all the same.
#[test]
fn a_repair_that_the_disk_confirmed_and_did_not_do_harms_nothing() {
    for bytes in 0..=512 {
        let mut stand = with_a_leftover();
        // The first write is of what was found, and is done where it should be.
        stand.arm(DiskFault::MisdirectedWrite { sectors: 0 });
        stand.arm(DiskFault::LostWrite);
        stand.reopen().unwrap();
        stand.append("new").unwrap();
        stand.arm(DiskFault::PowerOff { changes: 0, bytes });
        stand.log.write().unwrap_err();
        stand.crash(Survival::Kept).unwrap_or_else(|problem| panic!("after {bytes} bytes: {problem}"));
        stand.is_writable().unwrap();
    }
}

#[test]
fn damage_is_told_with_its_place() {
    let mut stand = Stand::new(config(4_096, 0));
    for payload in ["a", "b", "c"] {
        stand.append(payload).unwrap();
        stand.sync().unwrap();
    }
    stand.disk.disk().rot(0, 3 * 512 + 40, 1).unwrap();
    let told = stand.reopen().unwrap_err().to_string();
    assert_eq!(told, "the log is damaged in segment 0 at byte 1558: what was durable here is damaged or gone");
}

#[test]
fn wrong_indexes_change_nothing() {
    let mut stand = written();
    let whole = stand.present().clone();
    let last = whole.last();
    let mut given = |index| stand.log.append(&[entry(index, 1, "x")]);
    assert_eq!(given(last), Err(MutationError::Overlap { given: last, next: last + 1 }));
    assert_eq!(given(last + 2), Err(MutationError::Gap { given: last + 2, next: last + 1 }));
    assert_eq!(given(u64::MAX), Err(MutationError::LastIndex));
    let holey = [entry(last + 1, 1, "x"), entry(last + 3, 1, "x")];
    assert_eq!(stand.log.append(&holey), Err(MutationError::Gap { given: last + 3, next: last + 2 }));
    let ends = Boundary { index: u64::MAX, term: 1 };
    assert_eq!(stand.log.truncate_prefix(ends), Err(MutationError::LastIndex));
    assert_eq!(stand.log.truncate_suffix(0), Err(MutationError::Compacted { given: 0, boundary: 0 }));
    assert_eq!(Content::of(&mut stand.log), whole);
}

#[test]
fn a_payload_may_be_as_long_as_configured_and_no_longer() {
    let settings = purlin::log::Settings { payload_bytes_max: 100, ..purlin::log::Settings::new(7) };
    let mut stand = Stand::new(settings.validate().unwrap());
    stand.append(vec![0; 100]).unwrap();
    assert_eq!(stand.append(vec![0; 101]), Err(MutationError::TooLong { index: 2, bytes: 101, max: 100 }));
    assert_eq!(stand.log.last_index(), 1);
}

#[test]
fn the_last_indexes_of_all_can_be_used() {
    let mut stand = Stand::new(config(4_096, 0));
    stand.change(&Change::TruncatePrefix(Boundary { index: u64::MAX - 2, term: 1 })).unwrap();
    stand.append("the last one").unwrap();
    assert_eq!(stand.log.append(&[entry(u64::MAX, 1, "x")]), Err(MutationError::LastIndex));
    stand.sync().unwrap();
    stand.crash(Survival::Lost).unwrap();
    assert_eq!(stand.log.term(u64::MAX - 1), Ok(1));
}
