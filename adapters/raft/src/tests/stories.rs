//! Random stories.

use super::blocks::Survival;
use super::ledger::{Ledger, Line};
use super::stand::{Stand, founders, small, snapshot};
use crate::open::Options;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use purlin::log::Boundary;
use purlin::raft::{Entry, Member, Membership, Payload, Record, Stamp, Stamped};
use std::sync::Arc;

/// One thing that happens to a journal. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    Began,
    Term {
        ahead: u8,
        vote: u8,
    },
    Append {
        back: u8,
        kinds: Vec<u8>,
        bytes: u16,
        committed: u8,
    },
    /// Entries that are there already.
    Repeat {
        back: u8,
        count: u8,
    },
    Compact {
        back: u8,
        through: u8,
    },
    Install {
        ahead: u8,
    },
    Sync,
    Draft,
    Restart,
    Crash {
        survival: Survival,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let survival = prop_oneof![
        Just(Survival::Lost),
        Just(Survival::Kept),
        any::<u64>().prop_map(|seed| Survival::Sectors { seed }),
    ];
    let append = (any::<u8>(), prop::collection::vec(any::<u8>(), 1..6), 0_u16..900, any::<u8>())
        .prop_map(|(back, kinds, bytes, committed)| Event::Append { back, kinds, bytes, committed });
    prop_oneof![
        1 => Just(Event::Began),
        2 => any::<(u8, u8)>().prop_map(|(ahead, vote)| Event::Term { ahead, vote }),
        8 => append,
        1 => any::<(u8, u8)>().prop_map(|(back, count)| Event::Repeat { back, count }),
        2 => any::<(u8, u8)>().prop_map(|(back, through)| Event::Compact { back, through }),
        1 => any::<u8>().prop_map(|ahead| Event::Install { ahead }),
        3 => Just(Event::Sync),
        2 => Just(Event::Draft),
        1 => Just(Event::Restart),
        1 => survival.prop_map(|survival| Event::Crash { survival }),
    ]
}

fn payload(kind: u8, bytes: u16) -> Payload<Ledger> {
    let command = Line(vec![kind; bytes.into()].into());
    match kind % 8 {
        0 => Payload::Empty,
        1 => Payload::Session { sessions_max: kind.into() },
        2 => Payload::Membership(Arc::new(Membership::of_voters([Member::new(u32::from(kind) + 1)]))),
        3 => {
            let stamp = Stamp { session: 1, sequence: kind.into(), acknowledged: 0 };
            Payload::Stamped(Box::new(Stamped { stamp, command }))
        }
        _ => Payload::Command(command),
    }
}

fn happen(stand: &mut Stand, event: Event) -> Result<(), String> {
    let record = match event {
        Event::Sync => return stand.sync().map_err(|error| error.to_string()),
        Event::Draft => return draft(stand),
        Event::Restart => return stand.restart(),
        Event::Crash { survival } => return stand.crash(survival),
        other => record(stand, other),
    };
    record.map_or(Ok(()), |record| stand.take(record).map_err(|error| error.to_string()))
}

/// A draft is begun once what came before it is durable.
fn draft(stand: &mut Stand) -> Result<(), String> {
    stand.sync().and_then(|()| stand.write_draft()).map_err(|error| error.to_string())
}

fn record(stand: &mut Stand, event: Event) -> Option<Record<Ledger>> {
    let image = stand.present();
    let (commit, last, boundary) = (image.commit, image.log.last().index, image.log.boundary());
    match event {
        Event::Began => Some(Record::Began { founders: founders() }),
        Event::Term { ahead, vote } => {
            let vote = Member::try_from(u64::from(vote % 4)).ok();
            Some(Record::Term { term: image.term + u64::from(ahead % 3) + 1, vote })
        }
        Event::Append { back, kinds, bytes, committed } => {
            let first = last + 1 - u64::from(back % 4).min(last - commit);
            // What takes the place of an entry is of a later term.
            let term = if first > last { image.term.max(image.log.last().term) } else { image.term + 1 };
            let new = (first..).zip(&kinds).map(|(index, kind)| Entry { index, term, payload: payload(*kind, bytes) });
            let entries: Vec<_> = new.collect();
            let end = first + entries.len() as u64;
            let commit = commit.max(end - 1 - (u64::from(committed) % (end - commit)).min(end - 1));
            if term > image.term {
                stand.take(Record::Term { term, vote: None }).ok()?;
            }
            Some(Record::Append { entries: entries.into(), commit })
        }
        Event::Repeat { back, count } => {
            let first = last.checked_sub(u64::from(back % 4))?.max(boundary.index + 1).max(image.log.first_held());
            let end = (first + u64::from(count % 4)).max(commit);
            let entries: Vec<_> = image.log.held_from(first).take_while(|entry| entry.index <= end).cloned().collect();
            Some(Record::Append { entries: entries.into(), commit })
        }
        Event::Compact { back, through } => {
            let oldest = image.snapshot.at.index.max(boundary.index + 1);
            let at = commit.saturating_sub((back % 4).into()).max(oldest);
            let index = at.saturating_sub((through % 8).into()).max(boundary.index);
            let term = image.log.term(index)?;
            let is_there = at <= commit;
            is_there.then(|| snapshot(image, at, 300)).map(|snapshot| {
                let through = Boundary { index, term };
                Record::Compact { snapshot, through }
            })
        }
        Event::Install { ahead } => {
            let at = Boundary { index: commit + 1 + u64::from(ahead % 6), term: image.term + 1 };
            let mut snapshot = snapshot(image, commit, 500).as_ref().clone();
            snapshot.at = at;
            Some(Record::Install { snapshot: Arc::new(snapshot) })
        }
        _ => None,
    }
}

pub(super) fn prove<T: Strategy>(cases: u32, values: &T, test: impl Fn(T::Value) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x1_06);
    let config =
        ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Default::default() };
    TestRunner::new(config).run(values, test).unwrap();
}

#[test]
fn a_journal_holds_what_its_records_come_to() {
    prove(500, &prop::collection::vec(event(), 1..40), |events| {
        let mut stand = Stand::new(Options { log_memory_bytes_max: usize::MAX, ..small() });
        stand.take(Record::Began { founders: founders() }).unwrap();
        for (nth, event) in events.into_iter().enumerate() {
            let told = format!("event {nth}, {event:?}");
            happen(&mut stand, event).map_err(|problem| TestCaseError::fail(format!("{told}: {problem}")))?;
        }
        stand.restart().map_err(TestCaseError::fail)
    });
}

/// With next to nothing in memory an image says the same: entries that were evicted are there by their terms and their hash, and
/// on the disk.
#[test]
fn a_journal_that_holds_little_in_memory_is_the_same() {
    let whole = Stand::with_entries(Options { log_memory_bytes_max: usize::MAX, ..small() }, 600);
    let (mut store, image) = super::stand::reopened(&whole.disk, &small()).unwrap();
    assert_eq!(&image, whole.present());
    assert!(image.log.first_held() > 580, "{}", image.log.first_held());
    let load = |first, last, bytes_max| purlin::raft::Load::Entries { first, last, bytes_max };
    for (first, last, bytes_max) in
        [(1, 600, 50_000), (1, 10, 1), (300, 600, u64::MAX), (600, 900, 0), (601, 602, 9), (0, 5, 9)]
    {
        let loaded = store.load(load(first, last, bytes_max)).unwrap();
        assert_eq!(Some(loaded), whole.present().look_up(load(first, last, bytes_max)), "{first} {last} {bytes_max}");
    }
}

/// What another leader may take back is in memory, so that it can be.
#[test]
fn entries_that_are_not_known_to_be_committed_stay_in_memory() {
    let mut stand = Stand::with_entries(small(), 10);
    stand.take(super::stand::appending(11, 200, 1, 50)).unwrap();
    stand.sync().unwrap();
    let (_, image) = super::stand::reopened(&stand.disk, &small()).unwrap();
    assert_eq!(image.commit, 50);
    assert!((20..=51).contains(&image.log.first_held()), "{}", image.log.first_held());
}
