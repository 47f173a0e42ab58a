//! Segments: made ahead, used again, missed when they are gone; and what a batch costs.

use crate::blocks::Survival;
use crate::naive::{Change, Content};
use crate::stand::{Disk, Stand, config, entry};
use purlin::log::{Blocks, Boundary, Config, HardState, Log, OpenError, Settings};

fn turn(stand: &mut Stand) {
    stand.append(vec![1; 300]).unwrap();
    let index = stand.present().last().saturating_sub(3);
    stand.change(&Change::TruncatePrefix(Boundary { index, term: 1 })).unwrap();
    stand.sync().unwrap();
}

#[test]
fn a_batch_costs_one_write_and_one_sync() {
    let mut stand = Stand::new(config(1 << 20, 0));
    let before = stand.disk.disk().counts();
    for _ in 0..10 {
        let next = stand.present().last() + 1;
        let entries = (next..next + 50).map(|index| entry(index, 1, vec![7; 100]));
        stand.change(&Change::Append(entries.collect())).unwrap();
        stand.change(&Change::HardState(Default::default())).unwrap();
        stand.sync().unwrap();
    }
    let after = stand.disk.disk().counts();
    assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (10, 10));
    stand.sync().unwrap();
    assert_eq!(stand.disk.disk().counts(), after, "a sync with nothing to keep asks for nothing");
}

#[test]
fn segments_are_used_again() {
    let mut stand = Stand::new(config(4_096, 2));
    (0..500).for_each(|_| turn(&mut stand));
    let counts = stand.disk.disk().counts();
    assert!(counts.created <= 5, "{counts:?}");
    assert!(counts.recycled > 50, "{counts:?}");
    stand.crash(Survival::Lost).unwrap();
    stand.is_writable().unwrap();
}

#[test]
fn what_is_dropped_gives_its_room_back() {
    let mut stand = Stand::new(config(4_096, 0));
    (0..200).for_each(|_| turn(&mut stand));
    let segments = stand.disk.clone().list().unwrap();
    assert!(segments.len() <= 3, "{segments:?}");
    assert!(segments[0] > 10, "{segments:?}");
}

#[test]
fn entries_that_are_needed_hold_their_segments() {
    let mut stand = Stand::new(config(1_024, 0));
    (0..40).for_each(|_| stand.append(vec![1; 300]).and_then(|()| stand.sync()).unwrap());
    stand.crash(Survival::Lost).unwrap();
    assert_eq!(stand.log.last_index(), 40);
}

fn several() -> Stand {
    let mut stand = Stand::new(config(1_024, 0));
    for _ in 0..6 {
        stand.append(vec![1; 300]).unwrap();
        stand.sync().unwrap();
    }
    stand
}

/// A record that goes on where nothing is looks like a torn one: but nothing is written up to the end of a segment before the
/// next one is there.
#[test]
fn a_missing_segment_in_which_the_last_batch_ends_is_noticed() {
    for count in 1..90 {
        let mut stand = Stand::new(config(4_096, 0));
        let entries = (1..=count).map(|index| entry(index, 1, vec![1; 150]));
        stand.change(&Change::Append(entries.collect())).unwrap();
        stand.sync().unwrap();
        let last = *stand.disk.list().unwrap().last().unwrap();
        stand.disk.remove(last).unwrap();
        let opened = stand.reopen();
        assert!(last == 0 || matches!(opened, Err(OpenError::Corrupt(_))), "{count} entries: {opened:?}");
    }
}

#[test]
fn a_missing_segment_is_noticed_wherever_it_was() {
    let present = several().disk.list().unwrap();
    assert!(present.len() > 4);
    // The last one is made ahead and holds nothing.
    for segment in &present {
        let mut stand = several();
        stand.disk.remove(*segment).unwrap();
        let opened = stand.reopen();
        assert!(matches!(opened, Err(OpenError::Corrupt(_))), "without segment {segment}: {opened:?}");
    }
}

#[test]
fn a_segment_with_an_absurd_number_is_refused() {
    let mut stand = several();
    stand.disk.create(u64::MAX, 1_024).unwrap();
    assert!(matches!(stand.reopen(), Err(OpenError::Corrupt(_))));
}

#[test]
fn a_zeroed_segment_is_noticed() {
    let present = several().disk.list().unwrap();
    for segment in &present[..present.len() - 1] {
        let mut stand = several();
        stand.disk.remove(*segment).unwrap();
        stand.disk.create(*segment, 1_024).unwrap();
        let opened = stand.reopen();
        // Nothing tells a last batch that vanished without a trace from one that was never synced.
        if *segment == present[present.len() - 2] {
            assert_eq!(Content::of(&mut stand.log).last(), 5);
        } else {
            assert!(matches!(opened, Err(OpenError::Corrupt(_))), "zeros for segment {segment}: {opened:?}");
        }
    }
}

#[test]
fn another_log_is_refused() {
    let stand = several();
    let other = Settings::new(8).validate().unwrap();
    let refused = Log::open(other, stand.disk).map(|_| ()).unwrap_err();
    assert_eq!(refused, OpenError::Foreign { found: 7, expected: 8 });
}

#[test]
fn another_version_is_refused() {
    let mut stand = several();
    let mut header = [0; 512];
    let first = stand.disk.list().unwrap()[0];
    stand.disk.read(first, 0, &mut header).unwrap();
    header[30] = 2;
    let check = crc32c::crc32c(&header[..22 + 84]);
    header[22 + 84..22 + 88].copy_from_slice(&check.to_le_bytes());
    stand.disk.disk().crash(Survival::Kept).unwrap();
    stand.disk.write(first, 0, &header).unwrap();
    assert_eq!(stand.reopen().map(|_| ()), Err(OpenError::Version { segment: first, found: 2 }));
}

#[test]
fn a_log_keeps_the_size_of_its_segments() {
    let mut stand = several();
    stand.config = Config::try_from(Settings::new(7)).unwrap();
    stand.crash(Survival::Lost).unwrap();
    stand.append(vec![2; 2_000]).unwrap();
    stand.sync().unwrap();
    stand.crash(Survival::Lost).unwrap();
    assert_eq!(stand.disk.disk().inner().segment(6).unwrap().len(), 1_024);
}

#[test]
fn the_same_story_gives_the_same_bytes() {
    let disk = |stand: Stand| stand.disk.disk().inner().clone();
    assert_eq!(disk(several()), disk(several()));
    assert_ne!(disk(several()), Disk::default().disk().inner().clone());
}

/// Whoever changes a byte of what is written gives the format another version. The checksum is CRC32C, with an example of
/// RFC 3720, B.4.
#[test]
fn the_format_is_that_of_version_1() {
    assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    let mut stand = several();
    stand.change(&Change::HardState(HardState { term: 2, vote: 3, commit: 4 })).unwrap();
    stand.change(&Change::TruncateSuffix(5)).unwrap();
    stand.change(&Change::TruncatePrefix(Boundary { index: 2, term: 1 })).unwrap();
    stand.sync().unwrap();
    let bytes: Vec<u8> = (0..20)
        .filter_map(|segment| stand.disk.disk().inner().segment(segment).map(<[u8]>::to_vec))
        .flatten()
        .collect();
    assert_eq!((bytes.len(), crc32c::crc32c(&bytes)), (6_144, 0xc1a5_6b63));
}

/// What was true before it is known by the header alone.
#[test]
fn a_lost_header_of_the_only_segment_is_refused() {
    let mut stand = Stand::new(config(1_024, 0));
    (0..20).for_each(|_| turn(&mut stand));
    let through = Boundary { index: stand.present().last(), term: 1 };
    stand.change(&Change::TruncatePrefix(through)).unwrap();
    stand.sync().unwrap();
    let segments = stand.disk.list().unwrap();
    assert_eq!(segments.len(), 2, "the one that is written, and the one ahead");
    stand.disk.disk().crash(Survival::Kept).unwrap();
    stand.disk.write(segments[0], 0, &[0; 512]).unwrap();
    assert!(matches!(stand.reopen(), Err(OpenError::Corrupt(_))));
}

/// Places and numbers agree; only the chain of checksums tells the two apart.
#[test]
fn a_segment_of_a_log_that_went_another_way_is_refused() {
    let fork = |byte: u8| {
        let mut stand = several();
        for _ in 0..6 {
            stand.append(vec![byte; 300]).unwrap();
            stand.sync().unwrap();
        }
        stand
    };
    let (mut ours, mut theirs) = (fork(1), fork(2));
    let last = *ours.disk.list().unwrap().last().unwrap();
    for segment in last - 2..last {
        let mut bytes = [0; 1_024];
        theirs.disk.read(segment, 0, &mut bytes).unwrap();
        ours.disk.write(segment, 0, &bytes).unwrap();
    }
    assert!(matches!(ours.reopen(), Err(OpenError::Corrupt(_))));
}
