//! Disks that fail as they are told (`purlin_sim::blocks`), under a log: what each fault does while it is on, and that it ends.

use core::num::NonZeroU32;
use purlin::log::{BlockError, Blocks, Boundary, Entry, Log, MutationError, OpenError, ReadError, Settings};
use purlin_sim::blocks::{Chance, DiskFault, FaultyDisk, Memory, Rest, Survival};

type Disk = FaultyDisk<Memory>;

fn config() -> purlin::log::Config {
    Settings { segment_bytes: 2_048, spare_segments_max: 0, ..Settings::new(7) }.validate().unwrap()
}

fn opened(disk: Disk) -> Log<Disk> {
    Log::open(config(), disk).unwrap()
}

fn append(log: &mut Log<Disk>, payload: &[u8]) -> Result<(), MutationError> {
    log.append(&[Entry { index: log.last_index() + 1, term: 1, payload }])?;
    log.sync()
}

/// A log of eight durable entries.
fn filled(seed: u64) -> Log<Disk> {
    let mut log = opened(FaultyDisk::seeded(Memory::default(), seed));
    (0..8).for_each(|nth| append(&mut log, &[nth; 200]).unwrap());
    log
}

fn with(fault: DiskFault) -> Log<Disk> {
    let mut log = filled(1);
    log.blocks_mut().switch_on(fault, Chance::ALWAYS);
    log
}

/// The process ends, the power goes, the fault ends, and the log is opened.
fn after(log: Log<Disk>, fault: &DiskFault, survival: Survival) -> Result<Log<Disk>, OpenError> {
    let mut disk = log.abandon();
    assert!(disk.counts().faults > 0, "{fault:?} never struck");
    disk.switch_off(fault);
    disk.crash(survival).unwrap();
    Log::open(config(), disk)
}

#[test]
fn errors_of_writes_and_syncs_last_as_long_as_they_are_switched_on() {
    for fault in [DiskFault::WriteError, DiskFault::TornWriteError { bytes: 30 }, DiskFault::SyncError] {
        let mut log = with(fault);
        assert!(matches!(append(&mut log, &[9; 3_000]), Err(MutationError::Io(_))), "{fault:?}");
        let mut disk = log.abandon();
        for _ in 0..3 {
            let (error, same) = Log::open_or_give_back(config(), disk).map(|_| ()).unwrap_err();
            assert!(matches!(error, OpenError::Io(_)), "{fault:?}: {error}");
            disk = same;
        }
        disk.switch_off(&fault);
        disk.crash(Survival::Lost).unwrap();
        let mut log = opened(disk);
        assert_eq!(log.last_index(), 8, "{fault:?}");
        append(&mut log, &[9; 3_000]).unwrap();
    }
}

#[test]
fn a_full_disk_still_takes_what_fits_the_segments_that_are_there() {
    let mut log = with(DiskFault::Full);
    assert!(matches!(append(&mut log, &[9; 3_000]), Err(MutationError::Io(BlockError::Full(_)))));
    let mut log = opened(log.abandon());
    append(&mut log, b"short").unwrap();
    assert!(matches!(append(&mut log, &[9; 3_000]), Err(MutationError::Io(BlockError::Full(_)))));
    let mut log = after(log, &DiskFault::Full, Survival::Lost).unwrap();
    assert_eq!(log.last_index(), 9);
    append(&mut log, &[9; 3_000]).unwrap();
}

#[test]
fn a_disk_that_does_not_read_loses_nothing() {
    let fault = DiskFault::ReadError;
    let mut log = with(fault);
    assert!(matches!(log.read(1..9), Err(ReadError::Io(_))));
    let (error, mut disk) = Log::open_or_give_back(config(), log.abandon()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Io(_)));
    disk.switch_off(&fault);
    assert_eq!(opened(disk).read(1..9).unwrap().len(), 8);
}

#[test]
fn a_bit_that_rots_while_it_is_read_stays_rotten() {
    let mut log = with(DiskFault::BitRot);
    // A read fetches whole sectors, some of which hold other entries.
    let is_rotten = |log: &mut Log<Disk>| matches!(log.read(3..4), Err(ReadError::Corrupt(_)));
    assert!((0..100).any(|_| is_rotten(&mut log)));
    log.blocks_mut().heal();
    assert!(is_rotten(&mut log));
    assert!(matches!(Log::open(config(), log.abandon()), Err(OpenError::Corrupt(_))));
}

#[test]
fn bits_rot_where_something_was_written() {
    assert_eq!(FaultyDisk::new(Memory::default()).rot_somewhere(), Ok(None));
    let mut segments = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut log = filled(seed);
        let before = log.blocks().inner().clone();
        let (segment, byte) = log.blocks_mut().rot_somewhere().unwrap().unwrap();
        let at = usize::try_from(byte).unwrap();
        let (old, new) = (before.segment(segment).unwrap(), log.blocks().inner().segment(segment).unwrap());
        assert_eq!((old[at] ^ new[at]).count_ones(), 1);
        segments.insert(segment);
    }
    assert_eq!(segments, (0..3).collect(), "the segment ahead was never written");
}

#[test]
fn writes_that_go_astray_are_confirmed_and_missed_later() {
    for fault in [DiskFault::LostWrite, DiskFault::MisdirectedWrite { sectors: 1 }] {
        let mut log = with(fault);
        append(&mut log, b"astray").unwrap();
        log.blocks_mut().switch_off(&fault);
        append(&mut log, b"after").unwrap();
        assert!(matches!(after(log, &fault, Survival::Kept), Err(OpenError::Corrupt(_))), "{fault:?}");
    }
}

#[test]
fn a_write_that_is_directed_beyond_every_segment_goes_nowhere() {
    for sectors in [i64::MIN, -10_000, 10_000, i64::MAX] {
        let fault = DiskFault::MisdirectedWrite { sectors };
        let mut log = with(fault);
        let before = log.blocks().inner().clone();
        append(&mut log, b"astray").unwrap();
        assert_eq!(log.blocks().inner(), &before, "{sectors}");
    }
}

#[test]
fn power_that_goes_in_the_midst_of_a_write_tears_it() {
    let mut repaired = 0;
    for (changes, bytes) in (0..3).flat_map(|changes| (0..500).step_by(10).map(move |bytes| (changes, bytes))) {
        let fault = DiskFault::PowerOff { changes, bytes };
        let mut log = with(fault);
        assert!(matches!(append(&mut log, &[7; 1_500]), Err(MutationError::Io(_))), "{fault:?}");
        let log = after(log, &fault, Survival::Kept).unwrap();
        assert_eq!(log.last_index(), 8, "{fault:?}: a part of a record is no record");
        repaired += u64::from(log.repair().is_some());
    }
    assert!(repaired > 40, "only {repaired} were torn");
}

#[test]
fn a_share_of_the_operations_is_struck_and_a_copy_is_struck_alike() {
    let share = Chance::new(1, NonZeroU32::new(4).unwrap());
    let mut disk = FaultyDisk::seeded(Memory::default(), 3);
    disk.create(0, 512).unwrap();
    disk.switch_on(DiskFault::WriteError, share);
    let mut copy = disk.clone();
    let struck = |disk: &mut Disk| (0..1_000).map(|_| disk.write(0, 0, b"x").is_err()).collect::<Vec<_>>();
    let first = struck(&mut disk);
    assert_eq!(first, struck(&mut copy));
    assert_eq!(disk, copy);
    let failed = first.iter().filter(|failed| **failed).count();
    assert!((200..300).contains(&failed), "{failed} of 1000");
    assert_eq!(disk.counts().faults, failed as u64);
}

#[test]
fn two_copies_of_a_log_go_on_each_by_itself() {
    let mut log = filled(1);
    let mut copy = log.clone();
    append(&mut log, b"one").unwrap();
    append(&mut copy, b"other").unwrap();
    log.truncate_prefix(Boundary { index: 8, term: 1 }).unwrap();
    log.sync().unwrap();
    assert_eq!(opened(log.abandon()).read(9..10).unwrap()[0].payload, b"one");
    assert_eq!(opened(copy.abandon()).read(8..10).unwrap()[1].payload, b"other");
}

/// What a system keeps in memory after a failed sync looks as if it was written.
#[test]
fn what_a_failed_sync_was_to_keep_is_there_until_the_power_goes() {
    let written = |writes_again: bool| {
        let mut disk = FaultyDisk::new(Memory::default());
        disk.create(0, 1_024).unwrap();
        disk.arm(DiskFault::SyncError);
        disk.write(0, 0, &[1; 600]).unwrap();
        assert!(matches!(disk.sync(0), Err(BlockError::Failed(_))));
        assert_eq!(disk.inner().segment(0).unwrap()[..600], [1; 600]);
        if writes_again {
            disk.write(0, 100, &[1; 600]).unwrap();
        }
        disk.sync(0).unwrap();
        disk.crash(Survival::Lost).unwrap();
        disk.inner().segment(0).unwrap().iter().map(|byte| usize::from(*byte)).sum::<usize>()
    };
    assert_eq!(written(false), 0);
    assert_eq!(written(true), 600, "only what was written once more is durable");
}

#[test]
fn a_torn_write_leaves_sectors_alone_that_it_was_not_to_change() {
    let mut disk = FaultyDisk::new(Memory::default());
    disk.create(0, 1_536).unwrap();
    disk.write(0, 0, &[7; 1_024]).unwrap();
    disk.sync(0).unwrap();
    disk.write(0, 0, &[[7; 1_024].as_slice(), &[8; 512]].concat()).unwrap();
    disk.crash(Survival::Prefix { bytes: 100, rest: Rest::Garbage }).unwrap();
    let segment = disk.inner().segment(0).unwrap();
    assert_eq!(segment[..1_024], [7; 1_024]);
    assert!(segment[1_024..].iter().all(|byte| ![0, 8].contains(byte)));
}
