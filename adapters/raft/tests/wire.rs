//! The words that replicas exchange: every message is read as it was written, and what is damaged is refused.
//!
//! Another seed: `PURLIN_SEED=7 cargo test -p purlin-raft --test wire`.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use purlin::log::Boundary;
use purlin::raft::{
    Application, Body, Entry, Member, Membership, Message, Payload, Raft, ReadId, Stamp, Stamped, size,
};
use purlin_raft::wire::{NEWEST, OLDEST, Opaque, RaftCodec, WireError, decode, encode};
use purlin_tokio::{Codec, Lane, Versions};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Nothing;

purlin::nameless!(Nothing);

impl Application for Nothing {
    type Command = Opaque;
    type Outcome = ();
    type Query = ();
    type View = ();
    type Event = ();

    fn apply(&mut self, _index: u64, _command: &Opaque, _announce: &mut dyn FnMut(())) {}

    fn read(&self, (): &()) {}

    fn size(command: &Opaque) -> usize {
        command.0.len()
    }
}

type Said = Message<Nothing>;

fn prove<T: Strategy>(cases: u32, values: &T, test: impl Fn(T::Value) -> Result<(), TestCaseError>) {
    let seed = std::env::var("PURLIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x1_07);
    let config =
        ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Default::default() };
    TestRunner::new(config).run(values, test).unwrap();
}

fn boundary() -> impl Strategy<Value = Boundary> {
    (0..u64::MAX / 2, 0..1_000_u64).prop_map(|(index, term)| Boundary { index, term })
}

fn opaque() -> impl Strategy<Value = Opaque> {
    prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| Opaque(bytes.into()))
}

fn payload() -> impl Strategy<Value = Payload<Nothing>> {
    let stamped = (any::<(u64, u64, u64)>(), opaque()).prop_map(|((session, sequence, acknowledged), command)| {
        Payload::Stamped(Box::new(Stamped { stamp: Stamp { session, sequence, acknowledged }, command }))
    });
    let membership = prop::collection::btree_set(1..100_u32, 0..5)
        .prop_map(|ids| Payload::Membership(Arc::new(Membership::of_voters(ids.into_iter().map(Member::new)))));
    prop_oneof![
        Just(Payload::Empty),
        opaque().prop_map(Payload::Command),
        stamped,
        any::<u32>().prop_map(|sessions_max| Payload::Session { sessions_max }),
        membership,
    ]
}

fn append() -> impl Strategy<Value = Body<Nothing>> {
    let payloads = prop::collection::vec((payload(), 0..3_u64), 0..6);
    (any::<(u64, u64)>(), boundary(), payloads).prop_map(|((round, commit), prev, payloads)| {
        let (mut index, mut term) = (prev.index, prev.term);
        let entries = payloads.into_iter().map(|(payload, later)| {
            (index, term) = (index + 1, term + later);
            Entry { index, term, payload }
        });
        Body::Append { round, prev, commit, entries: entries.collect::<Vec<_>>().into() }
    })
}

fn body() -> impl Strategy<Value = Body<Nothing>> {
    let chunk = (any::<(u64, u64, u64)>(), boundary(), prop::collection::vec(any::<u8>(), 0..300));
    let chunk = chunk.prop_map(|((round, offset, total), at, bytes)| Body::Chunk {
        round,
        at,
        offset,
        total,
        bytes: bytes.into(),
    });
    let read_id = || any::<(u64, u64)>().prop_map(|(life, attempt)| ReadId { life, attempt });
    prop_oneof![
        4 => append(),
        1 => chunk,
        1 => boundary().prop_map(|last| Body::PreVote { last }),
        1 => any::<bool>().prop_map(|granted| Body::PreVoted { granted }),
        1 => (boundary(), any::<bool>()).prop_map(|(last, forced)| Body::Vote { last, forced }),
        1 => any::<bool>().prop_map(|granted| Body::Voted { granted }),
        1 => any::<(u64, u64)>().prop_map(|(round, matched)| Body::Appended { round, matched }),
        1 => (any::<(u64, u64)>(), boundary()).prop_map(|((round, prev), hint)| Body::NotAppended { round, prev, hint }),
        1 => (any::<(u64, u64)>(), boundary())
            .prop_map(|((round, received), at)| Body::ChunkTaken { round, at, received }),
        1 => Just(Body::TimeoutNow),
        1 => read_id().prop_map(|id| Body::ReadIndex { id }),
        1 => (read_id(), any::<Option<u64>>()).prop_map(|(id, index)| Body::ReadIndexIs { id, index }),
    ]
}

fn message() -> impl Strategy<Value = Said> {
    (1_000..u64::MAX, body()).prop_map(|(term, body)| Message { term, body })
}

fn written(version: u32, message: &Said) -> Bytes {
    let mut out = Vec::new();
    encode(version, message, &mut out).unwrap();
    out.into()
}

/// What a message says in the words of a version.
fn in_words_of(version: u32, message: &Said) -> Said {
    match message.body {
        Body::Vote { last, .. } if version == 1 => Message { body: Body::Vote { last, forced: false }, ..*message },
        _ => message.clone(),
    }
}

#[test]
fn every_message_is_read_as_it_was_written_in_every_version() {
    prove(2_000, &message(), |message| {
        for version in OLDEST..=NEWEST {
            let read = decode::<Nothing>(version, written(version, &message));
            prop_assert_eq!(read, Ok(in_words_of(version, &message)), "version {}", version);
        }
        Ok(())
    });
}

#[test]
fn no_part_of_a_message_is_a_message_and_none_may_be_followed_by_more() {
    prove(200, &message(), |message| {
        for version in OLDEST..=NEWEST {
            let whole = written(version, &message);
            for end in 0..whole.len() {
                prop_assert!(decode::<Nothing>(version, whole.slice(..end)).is_err(), "{} of {}", end, whole.len());
            }
            let more = [&whole[..], &[0]].concat();
            prop_assert!(decode::<Nothing>(version, more.into()).is_err());
        }
        Ok(())
    });
}

/// In version 2 what can be read is what would be written, but for what postcard takes in more than one form.
#[test]
fn damaged_bytes_are_refused_or_are_another_message() {
    let damages = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    prove(5_000, &(message(), damages), |(message, damages)| {
        for version in OLDEST..=NEWEST {
            let mut bytes = written(version, &message).to_vec();
            for (place, byte) in &damages {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            let Ok(read) = decode::<Nothing>(version, bytes.clone().into()) else { continue };
            let again = written(version, &read);
            prop_assert_eq!(decode(version, again.clone()), Ok(in_words_of(version, &read)));
            prop_assert!(version == 1 || has_postcard(&read) || again == bytes, "{:?}", read);
        }
        Ok(())
    });
}

fn has_postcard(message: &Said) -> bool {
    match &message.body {
        Body::Append { entries, .. } => entries.iter().any(|entry| matches!(entry.payload, Payload::Membership(_))),
        Body::PreVote { .. } | Body::PreVoted { .. } | Body::Vote { .. } | Body::Voted { .. } | Body::TimeoutNow => {
            true
        }
        _ => false,
    }
}

#[test]
fn more_members_than_a_cluster_can_have_are_refused() {
    for version in OLDEST..=NEWEST {
        let membership = Arc::new(Membership::of_voters((1..66).map(Member::new)));
        let entries = vec![Entry { index: 1, term: 1, payload: Payload::Membership(membership) }].into();
        let message =
            Message { term: 3, body: Body::Append { round: 0, prev: Boundary::default(), commit: 0, entries } };
        let read = decode::<Nothing>(version, written(version, &message));
        assert_eq!(read, Err(WireError::Unknown { what: "number of members that a cluster can have", number: 65 }));
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    prove(20_000, &(prop::collection::vec(any::<u8>(), 0..120), 0..8_u8), |(mut bytes, kind)| {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        for version in OLDEST..=NEWEST {
            let _ = decode::<Nothing>(version, bytes.clone().into());
        }
        Ok(())
    });
}

fn one_append(command: Vec<u8>) -> Said {
    let entry = Entry { index: 8, term: 3, payload: Payload::Command(Opaque(command.into())) };
    let prev = Boundary { index: 7, term: 2 };
    Message { term: 3, body: Body::Append { round: 9, prev, commit: 6, entries: vec![entry].into() } }
}

#[test]
fn a_message_of_version_2_is_laid_out_as_it_says() {
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let halves = |halves: &[u32]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<u8>>();
    let parts = [halves(&[1, 1]), words(&[3, 9, 7, 2, 6]), words(&[8, 3]), halves(&[1, 3]), b"abc".to_vec()];
    assert_eq!(written(2, &one_append(b"abc".to_vec())), parts.concat());
}

/// What the bounds in bytes count is what an entry takes.
#[test]
fn an_entry_takes_as_many_bytes_as_is_reckoned() {
    let message = one_append(vec![7; 1_000]);
    let Body::Append { entries, .. } = &message.body else { panic!() };
    assert_eq!(written(2, &message).len(), 48 + size(&entries[0]));
}

#[test]
fn commands_and_pieces_lie_where_they_were_received() {
    let append = written(2, &one_append(vec![7; 100]));
    let Body::Append { entries, .. } = decode::<Nothing>(2, append.clone()).unwrap().body else { panic!() };
    let Payload::Command(Opaque(command)) = &entries[0].payload else { panic!() };
    assert!(append.as_ptr_range().contains(&command.as_ptr()), "the command was copied");
    let body = Body::Chunk { round: 1, at: Boundary::default(), offset: 0, total: 50, bytes: vec![1; 50].into() };
    let chunk = written(2, &Message { term: 3, body });
    let Body::Chunk { bytes, .. } = decode::<Nothing>(2, chunk.clone()).unwrap().body else { panic!() };
    assert!(chunk.as_ptr_range().contains(&bytes.as_ptr()), "the piece was copied");
}

/// A count or a length that is not there makes no room.
#[test]
fn absurd_lengths_are_refused_before_any_room_is_made() {
    let mut bytes = written(2, &one_append(vec![7; 10])).to_vec();
    bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(decode::<Nothing>(2, bytes.into()), Err(WireError::TooShort { .. })));
    let mut bytes = written(2, &one_append(vec![7; 10])).to_vec();
    bytes[68..72].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode::<Nothing>(2, bytes.into()), Err(WireError::TooShort { wanted: u32::MAX as usize, left: 10 }));
}

#[test]
fn entries_that_do_not_follow_are_refused_in_every_version() {
    let wrong = [(9, 3), (7, 3), (8, 1), (8, 4)];
    for (version, (index, term)) in (OLDEST..=NEWEST).flat_map(|version| wrong.map(|wrong| (version, wrong))) {
        let prev = Boundary { index: 7, term: 2 };
        let entries = vec![Entry { index, term, payload: Payload::Empty }].into();
        let message = Message { term: 3, body: Body::Append { round: 0, prev, commit: 0, entries } };
        let read = decode::<Nothing>(version, written(version, &message));
        assert_eq!(read, Err(WireError::Gap { given: index, term, expected: 8 }), "version {version}");
    }
}

#[test]
fn what_a_replica_says_to_itself_does_not_travel() {
    for body in [Body::Flush, Body::Stored { at: Boundary::default() }] {
        let message: Said = Message { term: 1, body };
        for version in OLDEST..=NEWEST {
            assert_eq!(encode(version, &message, &mut Vec::new()), Err(WireError::ToOneself));
        }
    }
    assert_eq!(encode(3, &one_append(Vec::new()), &mut Vec::new()), Err(WireError::Version(3)));
    assert_eq!(decode::<Nothing>(0, Bytes::new()), Err(WireError::Version(0)));
}

#[test]
fn pieces_of_snapshots_travel_apart_and_incarnations_are_one_node() {
    let codec: &dyn Codec<Raft<Nothing>> = &RaftCodec::default();
    let body = Body::Chunk { round: 1, at: Boundary::default(), offset: 0, total: 0, bytes: Bytes::new() };
    assert_eq!(codec.lane(&Message { term: 1, body }), Lane::Bulk);
    assert_eq!(codec.lane(&one_append(Vec::new())), Lane::Normal);
    let (one, again) = (Member::new(1), Member { incarnation: 4, ..Member::new(1) });
    assert!(codec.is_same_node(&one, &again) && !codec.is_same_node(&one, &Member::new(2)));
    assert_eq!(codec.versions(), Versions::new(1, 2));
    assert!(RaftCodec::speaking(Versions::new(2, 3)).is_err());
    let old = RaftCodec::speaking(Versions::only(1)).unwrap();
    assert_eq!(Codec::<Raft<Nothing>>::versions(&old), Versions::only(1));
}
