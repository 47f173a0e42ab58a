//! The laws of the log (`purlin::log`), on disks that fail as they are told: random stories, every crash of short ones, and
//! every flipped bit of small ones.
//!
//! Another seed: `PURLIN_SEED=7 cargo test -p purlin --test logs`.

#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../../sim/src/blocks/mod.rs"]
mod blocks;
#[path = "logs/faults.rs"]
mod faults;
#[allow(unreachable_pub)]
#[path = "logs/naive.rs"]
mod naive;
#[path = "logs/segments.rs"]
mod segments;
#[allow(unreachable_pub)]
#[path = "logs/stand.rs"]
mod stand;
#[path = "logs/tears.rs"]
mod tears;

use blocks::{DiskFault, Rest, Survival};
use naive::{Change, Content};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use purlin::log::{Boundary, HardState, OpenError};
use stand::{Stand, config, entry};

/// One thing that happens to a log. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    Append {
        lengths: Vec<u16>,
        byte: u8,
    },
    TruncateSuffix {
        back: u8,
    },
    TruncatePrefix {
        ahead: u8,
    },
    HardState {
        term: u8,
    },
    Write,
    Sync,
    Crash(Survival),
    /// The process ends, maybe since a sync has failed; the system goes on.
    Restart {
        sync_fails: bool,
    },
    /// The power goes off in the midst of what follows: of a sync, or of opening the log.
    PowerOff {
        changes: u8,
        bytes: u16,
        survival: Survival,
    },
    CrashWhileOpening {
        changes: u8,
        bytes: u16,
        first: Survival,
        second: Survival,
    },
}

fn survivals() -> impl Strategy<Value = Survival> {
    let rests = prop_oneof![Just(Rest::Old), Just(Rest::Zeros), Just(Rest::Garbage)];
    prop_oneof![
        Just(Survival::Lost),
        Just(Survival::Kept),
        (0..3_000_u64, rests).prop_map(|(bytes, rest)| Survival::Prefix { bytes, rest }),
        any::<u64>().prop_map(|seed| Survival::Sectors { seed }),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let lengths = prop::collection::vec(prop_oneof![0..40_u16, 400..600_u16, 0..3_000_u16], 1..4);
    prop_oneof![
        // Few different payloads, so that what was cut off is often written once more.
        8 => (lengths, 0..2_u8).prop_map(|(lengths, byte)| Event::Append { lengths, byte }),
        2 => (0..6_u8).prop_map(|back| Event::TruncateSuffix { back }),
        2 => (0..12_u8).prop_map(|ahead| Event::TruncatePrefix { ahead }),
        2 => any::<u8>().prop_map(|term| Event::HardState { term }),
        2 => Just(Event::Write),
        4 => Just(Event::Sync),
        2 => survivals().prop_map(Event::Crash),
        2 => any::<bool>().prop_map(|sync_fails| Event::Restart { sync_fails }),
        1 => (0..5_u8, 0..2_000_u16, survivals())
            .prop_map(|(changes, bytes, survival)| Event::PowerOff { changes, bytes, survival }),
        1 => (0..5_u8, 0..2_000_u16, survivals(), survivals()).prop_map(|(changes, bytes, first, second)| {
            Event::CrashWhileOpening { changes, bytes, first, second }
        }),
    ]
}

fn happen(stand: &mut Stand, event: &Event) -> Result<(), String> {
    let told = |error: purlin::log::MutationError| error.to_string();
    match event {
        Event::Append { lengths, byte } => stand.change(&append(stand.present(), lengths, *byte)).map_err(told),
        Event::TruncateSuffix { back } => {
            let from = (stand.present().last() + 1).saturating_sub((*back).into());
            let from = from.max(stand.present().boundary.index + 1);
            stand.change(&Change::TruncateSuffix(from)).map_err(told)
        }
        Event::TruncatePrefix { ahead } => {
            let index = stand.present().boundary.index + u64::from(*ahead);
            stand.change(&Change::TruncatePrefix(Boundary { index, term: 3 })).map_err(told)
        }
        Event::HardState { term } => {
            let hard_state = HardState { term: (*term).into(), vote: 2, commit: 1 };
            stand.change(&Change::HardState(hard_state)).map_err(told)
        }
        Event::Write => stand.log.write().map_err(told),
        Event::Sync => stand.sync().map_err(told),
        Event::Crash(survival) => stand.crash(*survival),
        Event::Restart { sync_fails: false } => stand.restart(),
        Event::Restart { sync_fails: true } => {
            stand.arm(DiskFault::SyncError);
            // With nothing to keep, nothing is synced.
            let _ = stand.sync();
            stand.disk.disk().heal();
            stand.restart()
        }
        Event::PowerOff { changes, bytes, survival } => {
            stand.arm(power_off(*changes, *bytes));
            // Whether it still succeeds is for the disk to say.
            let _ = stand.sync();
            stand.crash(*survival)
        }
        Event::CrashWhileOpening { changes, bytes, first, second } => {
            stand.disk.disk().crash(*first).unwrap();
            stand.arm(power_off(*changes, *bytes));
            match stand.reopen() {
                Ok(()) | Err(OpenError::Io(_)) => stand.crash(*second),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

fn power_off(changes: u8, bytes: u16) -> DiskFault {
    DiskFault::PowerOff { changes: changes.into(), bytes: bytes.into() }
}

fn append(present: &Content, lengths: &[u16], byte: u8) -> Change {
    let entries = (present.last() + 1..).zip(lengths);
    Change::Append(entries.map(|(index, length)| entry(index, 1, vec![byte; usize::from(*length)])).collect())
}

fn prove<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let config =
        ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Default::default() };
    if let Err(broken) = TestRunner::new(config).run(strategy, law) {
        panic!("{broken}");
    }
}

/// Rules 1 to 4: what was synced is there, what was not is a prefix of the changes, and no crash makes a log unusable.
#[test]
fn after_every_crash_a_log_is_what_it_was_at_some_time_since_the_last_sync() {
    let stories = (0..3_usize, 0..3_u32, prop::collection::vec(events(), 1..40));
    prove(2_000, &stories, |(size, spare, events)| {
        let mut stand = Stand::new(config([1_024, 1_536, 4_096][size], spare));
        for event in &events {
            happen(&mut stand, event).map_err(|problem| TestCaseError::fail(format!("{event:?}: {problem}")))?;
            prop_assert_eq!(&Content::of(&mut stand.log), stand.present());
        }
        stand.is_writable().map_err(TestCaseError::fail)
    });
}

/// A short story with everything in it. The syncs stand for themselves.
fn script() -> Vec<Option<Change>> {
    let appended = |from: u64, payloads: &[usize]| {
        let entries = (from..).zip(payloads).map(|(index, length)| entry(index, 1, vec![b'x'; *length]));
        Some(Change::Append(entries.collect()))
    };
    let hard_state = Some(Change::HardState(HardState { term: 1, vote: 2, commit: 3 }));
    vec![
        appended(1, &[3, 0, 5]),
        hard_state,
        None,
        appended(4, &[700]),
        Some(Change::TruncateSuffix(3)),
        appended(3, &[1, 1]),
        None,
        Some(Change::TruncatePrefix(Boundary { index: 2, term: 1 })),
        appended(5, &[480, 20]),
        None,
    ]
}

/// Plays the script until the power goes off.
fn play(stand: &mut Stand, writes_each: bool) {
    for line in script() {
        let done = match &line {
            Some(given) if writes_each => stand.change(given).and_then(|()| stand.log.write()),
            Some(given) => stand.change(given),
            None => stand.sync(),
        };
        if done.is_err() {
            return;
        }
    }
}

/// How many changes to the disk the script makes, and how long its writes are at most.
fn extent(writes_each: bool) -> u64 {
    let mut stand = Stand::new(config(1_024, 1));
    let before = stand.disk.disk().counts();
    play(&mut stand, writes_each);
    let after = stand.disk.disk().counts();
    let made = after.created + after.recycled - before.created - before.recycled;
    after.writes + after.syncs + made - before.writes - before.syncs + 1
}

fn crash_of(changes: u64, bytes: u64, writes_each: bool, survival: Survival) -> Result<(), String> {
    let mut stand = Stand::new(config(1_024, 1));
    stand.arm(DiskFault::PowerOff { changes, bytes });
    play(&mut stand, writes_each);
    stand.crash(survival)?;
    stand.is_writable()
}

#[test]
fn every_crash_at_every_byte_of_a_short_story_leaves_a_prefix_of_it() {
    for writes_each in [false, true] {
        for changes in 0..extent(writes_each) {
            for bytes in 0..1_100 {
                let crash = crash_of(changes, bytes, writes_each, Survival::Kept);
                crash.unwrap_or_else(|problem| panic!("after {changes} changes and {bytes} bytes: {problem}"));
            }
        }
    }
}

#[test]
fn every_choice_of_sectors_that_a_crash_may_leave_is_a_prefix_of_the_story() {
    for changes in 0..extent(true) {
        for seed in 0..64 {
            for bytes in [0, 300, 512, 1_024] {
                let crash = crash_of(changes, bytes, true, Survival::Sectors { seed });
                crash
                    .unwrap_or_else(|problem| panic!("after {changes} changes, {bytes} bytes, seed {seed}: {problem}"));
            }
        }
    }
}

/// The power goes off while the log is opened after a crash, so that a repair is interrupted too.
fn crash_while_opening(changes: u64, bytes: u64, first: Survival, opening: DiskFault) -> Result<(), String> {
    let mut stand = Stand::new(config(1_024, 1));
    stand.arm(DiskFault::PowerOff { changes, bytes });
    play(&mut stand, true);
    stand.disk.disk().crash(first).unwrap();
    stand.arm(opening);
    match stand.reopen() {
        Ok(()) | Err(OpenError::Io(_)) => stand.crash(Survival::Kept)?,
        Err(error) => return Err(error.to_string()),
    }
    stand.is_writable()
}

#[test]
fn every_crash_while_a_crash_is_repaired_leaves_a_prefix_of_the_story() {
    let firsts = || (0..6).map(|seed| Survival::Sectors { seed }).chain([Survival::Kept]);
    for changes in 0..extent(true) {
        for bytes in [60, 130, 512, 602, 700] {
            for first in firsts() {
                for (changes_while_opening, torn) in (0..4).flat_map(|nth| [10, 22, 40, 512].map(|torn| (nth, torn))) {
                    let opening = DiskFault::PowerOff { changes: changes_while_opening, bytes: torn };
                    let crash = crash_while_opening(changes, bytes, first, opening);
                    crash.unwrap_or_else(|problem| {
                        panic!("{changes} changes, {bytes} bytes, {first:?}, {opening:?}: {problem}")
                    });
                }
            }
        }
    }
}
