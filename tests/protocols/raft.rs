//! A Raft replica under the laws: among three, alone, or not yet a member; with so little memory that entries are read back.

use core::num::NonZeroU32;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use purlin::log::Boundary;
use purlin::nameless;
use purlin::protocol::{Effect, Input, Ticket};
use purlin::raft::{
    Answer, Application, Applied, Body, Change, Config, Consistency, Entry, Lease, Member, Membership, Message,
    Payload, Raft, ReadId, Refusal, Request, RoleName, Settings, Snapshot, Stamp, Stamped, Timer, Transition,
    invariants,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

const ME: Member = Member::new(1);

#[derive(Clone, Debug)]
pub(crate) struct Subject;

/// Every command, with its index.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Commands(Vec<(u64, u8)>);

nameless!(Commands);

impl Application for Commands {
    type Command = u8;
    type Outcome = u64;
    type Query = u8;
    type View = u64;
    type Event = u8;

    fn apply(&mut self, index: u64, command: &u8, announce: &mut dyn FnMut(u8)) -> u64 {
        self.0.push((index, *command));
        announce(*command);
        self.0.len() as u64
    }

    fn read(&self, query: &u8) -> u64 {
        self.0.iter().filter(|(_, command)| command == query).count() as u64
    }

    fn size(command: &u8) -> usize {
        usize::from(*command)
    }
}

type Replica = Raft<Commands>;

impl crate::script::Subject for Subject {
    type Machine = Replica;

    fn configs() -> BoxedStrategy<Config> {
        let memory = prop_oneof![Just(0_usize), 0..200_usize, Just(usize::MAX)];
        let bytes = (0..120_usize, 0..120_usize, 0..200_usize, memory);
        let counts = (1..4_usize, 0..5_u64, 0..4_u64, 1..40_u64, 1..3_u32);
        let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        (founders(), 3..2_000_u64, switches, bytes, counts)
            .prop_map(|(founders, timeout, (pre_vote, check_quorum, has_lease, batching), bytes, counts)| Settings {
                founders: Membership::of_voters(founders),
                election_timeout_ms: timeout,
                election_spread: NonZeroU32::MIN,
                heartbeat_ms: timeout / 3,
                pre_vote,
                check_quorum,
                lease: (has_lease && check_quorum).then_some(Lease { max_drift_ppm: 1_000, max_pause_ms: 1 }),
                batching,
                message_bytes_max: bytes.0,
                inflight_messages_max: counts.0,
                inflight_bytes_max: bytes.1,
                uncommitted_bytes_max: bytes.2,
                log_memory_bytes_max: bytes.3,
                snapshot_every: counts.1,
                trailing_entries: counts.2,
                chunk_bytes: counts.3,
                sessions_max: counts.4,
                ..Settings::joining(ME)
            })
            .prop_map(|settings| settings.validate().expect("the strategy makes valid settings"))
            .boxed()
    }

    fn inputs() -> BoxedStrategy<Input<Replica>> {
        let requests = requests().prop_map(|request| Input::Request { ticket: Ticket(0), request });
        let others = prop_oneof![6 => Just(Member::new(2)), 3 => Just(Member::new(3)), 1 => Just(Member::new(4))];
        let messages = (others, messages()).prop_map(|(from, message)| Input::Message { from, message });
        let stand = Input::Timer(Timer::Election);
        prop_oneof![10 => requests, 12 => messages, 2 => Just(stand)].boxed()
    }

    fn timers() -> Vec<Timer> {
        vec![
            Timer::Election,
            Timer::Stickiness,
            Timer::Heartbeat,
            Timer::CheckQuorum,
            Timer::Transfer,
            Timer::RetryReads,
        ]
    }

    fn oneself(_config: &Config) -> Option<Member> {
        Some(ME)
    }

    /// Mostly messages are of the term in which the replica is.
    fn fitted(replica: &Replica, mut input: Input<Replica>) -> Input<Replica> {
        if let Input::Message { message: Message { term, body }, .. } = &mut input
            && *term == NOW
        {
            let is_poll = matches!(body, Body::PreVote { .. } | Body::PreVoted { granted: true });
            *term = replica.term() + u64::from(is_poll);
        }
        input
    }

    fn is_stale(replica: &Replica, timer: &Timer) -> bool {
        *timer != Timer::Election || replica.role() == RoleName::Leader || !replica.membership().is_voter(ME)
    }

    /// What is committed and who leads is forgotten on purpose. A later term decides without either.
    fn rests_on_the_image(replica: &Replica, input: &Input<Replica>) -> bool {
        let Input::Message { message: Message { term, body }, .. } = input else { return false };
        *term > replica.term() && matches!(body, Body::Vote { forced: true, .. } | Body::TimeoutNow)
    }

    fn takes_leave(effect: &Effect<Replica>) -> bool {
        match effect {
            Effect::Answer { answer: Answer::Unknown | Answer::Refused(Refusal::NotLeader { .. }), .. } => true,
            Effect::Send { message, .. } => matches!(message.body, Body::ReadIndexIs { index: None, .. }),
            _ => false,
        }
    }

    fn broken_claim(replica: &Replica, config: &Config) -> Option<&'static str> {
        let log = replica.log();
        let held = log.held_from(0).map(|entry| entry.index);
        let commands: Vec<u64> = replica.application().0.iter().map(|(index, _)| *index).collect();
        let claims = [
            (held.eq(log.first_held()..=log.last().index), "entries follow each other up to the last"),
            (commands.is_sorted_by(|one, next| one < next), "commands are applied in their order, once"),
        ];
        let broken = claims.into_iter().find(|(holds, _)| !holds).map(|(_, claim)| claim);
        broken.or_else(|| {
            let claims = invariants::claims().into_iter().filter(|(name, _)| !REST_ON_OTHERS.contains(name));
            claims.into_iter().find(|(_, holds)| !holds(replica, config)).map(|(name, _)| name)
        })
    }
}

/// What holds only where leaders are honest. Those who write here are not.
const REST_ON_OTHERS: [&str; 2] =
    ["neighbouring_memberships_share_a_voter_in_any_two_quorums", "a_leader_changes_members_one_at_a_time"];

/// The term in which the replica is, whichever that is.
const NOW: u64 = u64::MAX;

fn members() -> impl Strategy<Value = Member> {
    (1..5_u32).prop_map(Member::new)
}

fn founders() -> impl Strategy<Value = Vec<Member>> {
    let three = [1, 2, 3].map(Member::new).to_vec();
    prop_oneof![9 => Just(three), 3 => Just(vec![ME]), 1 => Just(Vec::new())]
}

fn requests() -> impl Strategy<Value = Request<Commands>> {
    let consistency = prop_oneof![Just(Consistency::Linearizable), Just(Consistency::Stale)];
    let transition = prop_oneof![Just(Transition::Auto), Just(Transition::Implicit), Just(Transition::Explicit)];
    prop_oneof![
        12 => (option::of(stamps()), 0..40_u8).prop_map(|(stamp, command)| Request::Propose { stamp, command }),
        1 => Just(Request::OpenSession),
        3 => (consistency, 0..4_u8).prop_map(|(consistency, query)| Request::Read { consistency, query }),
        2 => (transition, vec(changes(), 0..3))
            .prop_map(|(transition, changes)| Request::ChangeMembers { transition, changes }),
        1 => members().prop_map(|to| Request::Transfer { to }),
        2 => (0..9_u64).prop_map(|through| Request::Compact { through }),
        1 => Just(Request::Status),
    ]
}

fn stamps() -> impl Strategy<Value = Stamp> {
    (1..9_u64, 1..5_u64, 0..4_u64).prop_map(|(session, sequence, acknowledged)| Stamp {
        session,
        sequence,
        acknowledged,
    })
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        members().prop_map(Change::AddVoter),
        members().prop_map(Change::AddLearner),
        members().prop_map(Change::Remove),
    ]
}

fn messages() -> impl Strategy<Value = Message<Commands>> {
    let usual = (terms(), bodies()).prop_map(|(term, body)| Message { term, body });
    prop_oneof![180 => usual, 8 => appends(), 3 => chunks()]
}

fn terms() -> impl Strategy<Value = u64> {
    prop_oneof![24 => Just(NOW), 1 => 0..9_u64]
}

fn mostly() -> impl Strategy<Value = bool> {
    prop_oneof![4 => Just(true), 1 => Just(false)]
}

fn boundaries() -> impl Strategy<Value = Boundary> {
    (0..7_u64, 0..4_u64).prop_map(|(index, term)| Boundary { index, term })
}

fn bodies() -> impl Strategy<Value = Body<Commands>> {
    let read_id = || (0..3_u64, 0..3_u64).prop_map(|(life, attempt)| ReadId { life, attempt });
    let (round, count) = (|| 0..5_u64, || 0..7_u64);
    prop_oneof![
        1 => boundaries().prop_map(|last| Body::PreVote { last }),
        8 => mostly().prop_map(|granted| Body::PreVoted { granted }),
        2 => (boundaries(), any::<bool>()).prop_map(|(last, forced)| Body::Vote { last, forced }),
        8 => mostly().prop_map(|granted| Body::Voted { granted }),
        16 => (round(), count()).prop_map(|(round, matched)| Body::Appended { round, matched }),
        6 => (round(), count(), boundaries())
            .prop_map(|(round, prev, hint)| Body::NotAppended { round, prev, hint }),
        1 => (round(), boundaries(), 0..60_u64)
            .prop_map(|(round, at, received)| Body::ChunkTaken { round, at, received }),
        1 => Just(Body::TimeoutNow),
        2 => read_id().prop_map(|id| Body::ReadIndex { id }),
        1 => (read_id(), option::of(count())).prop_map(|(id, index)| Body::ReadIndexIs { id, index }),
    ]
}

/// Entries whose terms rise, in the term of a leader that may have them.
fn appends() -> impl Strategy<Value = Message<Commands>> {
    let entries = vec((0..2_u64, payloads()), 0..4);
    (boundaries(), entries, 0..3_u64, 0..9_u64, 0..3_u64).prop_map(|(prev, entries, later, commit, round)| {
        let mut term = prev.term.max(1);
        let entry = |(index, (rise, payload)): (u64, (u64, Payload<Commands>))| {
            term += rise;
            Entry { index, term, payload }
        };
        let entries: Vec<_> = (prev.index + 1..).zip(entries).map(entry).collect();
        Message { term: term + later, body: Body::Append { round, prev, commit, entries: entries.into() } }
    })
}

fn payloads() -> impl Strategy<Value = Payload<Commands>> {
    let stamped = (stamps(), 0..40_u8).prop_map(|(stamp, command)| Payload::Stamped(Stamped { stamp, command }.into()));
    prop_oneof![
        1 => Just(Payload::Empty),
        4 => (0..40_u8).prop_map(Payload::Command),
        2 => stamped,
        1 => (0..3_u32).prop_map(|sessions_max| Payload::Session { sessions_max }),
        1 => memberships().prop_map(Payload::Membership),
    ]
}

fn memberships() -> impl Strategy<Value = Arc<Membership>> {
    let members = || vec(members(), 0..3).prop_map(|members| members.into_iter().collect::<BTreeSet<_>>());
    (members(), members(), members(), any::<bool>()).prop_map(|(voters, outgoing, learners, auto_leave)| {
        let learners = learners.into_iter().filter(|one| !voters.contains(one) && !outgoing.contains(one)).collect();
        Arc::new(Membership { voters, outgoing, learners, learners_next: BTreeSet::new(), auto_leave })
    })
}

/// Pieces of snapshots, some of them whole.
fn chunks() -> impl Strategy<Value = Message<Commands>> {
    let snapshots = (0..9_u64, 1..7_u64, memberships(), vec(any::<u8>(), 0..3));
    (snapshots, 0..3_u64, 0..3_u64, any::<bool>()).prop_map(|(snapshot, later, round, is_whole)| {
        let (index, term, membership, commands) = snapshot;
        let at = Boundary { index, term };
        let applied = Applied { state: Commands((1..).zip(commands).collect()), ..Applied::default() };
        let mut bytes = Snapshot { at, membership_index: index, membership, applied }.encode();
        let total = bytes.len() as u64;
        bytes.truncate(if is_whole { bytes.len() } else { bytes.len() / 2 });
        Message { term: term + later, body: Body::Chunk { round, at, offset: 0, total, bytes: bytes.into() } }
    })
}
