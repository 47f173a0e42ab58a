//! What models of replicas must be able to reach, so that their claims are not empty.

use super::claims::{State, StepOf};
use super::history::replicas;
use super::{History, Replica};
use crate::cluster::{Kind, Seen, SomeStep, Sometimes};
use purlin::protocol::Protocol;
use purlin::raft::{Answer, Body, Event, Record, Refusal, Request, RoleName, SteppedDown};

type SometimesOf = Sometimes<Replica, History>;
type SomeStepOf = SomeStep<Replica, History>;

fn leaders(state: &State) -> impl Iterator<Item = &Replica> {
    replicas(state).map(|(_, replica)| replica).filter(|replica| replica.role() == RoleName::Leader)
}

/// Two replicas lead, each in its term.
pub(super) fn two_lead() -> SometimesOf {
    Sometimes { name: "two lead, each in its term", holds: |state, _| leaders(state).count() >= 2 }
}

/// Somebody leads in the third term or a later one.
pub(super) fn a_third_term() -> SometimesOf {
    Sometimes { name: "somebody leads in a third term", holds: |state, _| leaders(state).any(|it| it.term() >= 3) }
}

/// Somebody was elected.
pub(super) fn elected() -> SometimesOf {
    Sometimes { name: "somebody leads", holds: |state, _| leaders(state).next().is_some() }
}

/// The first entry of a term is committed everywhere.
pub(super) fn committed_everywhere() -> SometimesOf {
    Sometimes {
        name: "all that is chosen is committed on every node",
        holds: |state, _| {
            let chosen = state.ghost.chosen.len() as u64;
            chosen > 0 && (0..state.nodes.len()).all(|node| state.machine(node).is_some_and(|it| it.commit() == chosen))
        },
    }
}

/// A node has lost what it had written.
pub(super) fn truncated() -> SomeStepOf {
    SomeStep {
        name: "entries are replaced by others",
        holds: |step| {
            let both = |node| Some((step.before.machine(node)?, step.after.machine(node)?));
            let mut nodes = (0..step.before.nodes.len()).filter_map(both);
            nodes.any(|(before, after)| !purlin::raft::invariants::has(after.log(), before.log().last()))
        },
    }
}

/// A process dies after something of its step was seen, or with records that are lost.
pub(super) fn dies_on_the_way() -> SomeStepOf {
    SomeStep {
        name: "a process dies within its step",
        holds: |step| !step.action.fate.is_whole() && step.seen.iter().any(|seen| matches!(seen, Seen::Crashed { .. })),
    }
}

fn sends(step: &StepOf<'_>, is_meant: fn(&Body<super::Ledger>) -> bool) -> bool {
    step.seen.iter().any(|seen| matches!(seen, Seen::Sent { message, .. } if is_meant(&message.body)))
}

/// Somebody is not voted for.
pub(super) fn vote_refused() -> SomeStepOf {
    SomeStep {
        name: "a vote is refused",
        holds: |step| {
            sends(step, |body| matches!(body, Body::Voted { granted: false } | Body::PreVoted { granted: false }))
        },
    }
}

/// A follower lacks what comes before.
pub(super) fn append_refused() -> SomeStepOf {
    SomeStep { name: "entries are refused", holds: |step| sends(step, |body| matches!(body, Body::NotAppended { .. })) }
}

/// A command is applied, and its client is told.
pub(super) fn applied() -> SomeStepOf {
    SomeStep {
        name: "a command is answered",
        holds: |step| answers(step, |answer| matches!(answer, Answer::Applied { .. })),
    }
}

fn answers(step: &StepOf<'_>, is_meant: fn(&Answer<super::Ledger>) -> bool) -> bool {
    step.seen.iter().any(|seen| matches!(seen, Seen::Answered { answer, .. } if is_meant(answer)))
}

/// A client hears that nobody knows what became of its command.
pub(super) fn unknown() -> SomeStepOf {
    SomeStep {
        name: "the fate of a command is not known",
        holds: |step| answers(step, |answer| matches!(answer, Answer::Unknown)),
    }
}

/// A reply or request is seen that has this in it.
macro_rules! steps {
    ($($(#[$doc:meta])+ $name:ident: $words:literal, $holds:expr;)+) => {$(
        $(#[$doc])+
        pub(super) fn $name() -> SomeStepOf {
            SomeStep { name: $words, holds: $holds }
        }
    )+};
}

steps! {
    /// A client hears that the leadership is where it wanted it.
    handed_over: "the leadership is handed over", |step| answers(step, |it| matches!(it, Answer::Transferred { .. }));
    /// A client hears that it is not.
    not_handed_over: "the leadership is not handed over",
        |step| answers(step, |it| matches!(it, Answer::Refused(Refusal::NotTransferred)));
    /// A client reads.
    read_answered: "a read is answered", |step| answers(step, |it| matches!(it, Answer::Read { .. }));
    /// A client is sent on.
    read_refused: "a read is refused", |step| {
        let is_read = |node, ticket| step.before.ghost.told_before(node, ticket).is_some();
        step.seen.iter().any(|seen| matches!(seen, Seen::Answered { node, ticket, answer: Answer::Refused(_) } if is_read(*node, *ticket)))
    };
    /// A read is answered at once, with no message between.
    read_by_lease: "a read is answered at once", |step| {
        let is_asked = matches!(&step.action.kind, Kind::Request { request: Request::Read { .. }, .. });
        is_asked && answers(step, |it| matches!(it, Answer::Read { .. }))
    };
    /// A membership is committed.
    members_changed: "a change of members is answered", |step| answers(step, |it| matches!(it, Answer::MembersChanged { .. }));
    /// A snapshot is taken while the last membership is not committed.
    compacted_on_the_way: "a snapshot is taken while a change is under way", |step| {
        let is_open = |it: &Replica| it.image().membership_index() > it.commit();
        replicas(step.after).any(|(_, it)| is_open(it))
            && step.seen.iter().any(|seen| matches!(seen, Seen::Persisted { record: Record::Compact { .. }, .. }))
    };
    /// A snapshot has taken the place of a log.
    installed: "a snapshot is installed",
        |step| step.seen.iter().any(|seen| matches!(seen, Seen::Persisted { record: Record::Install { .. }, .. }));
    /// Entries come back from the disk.
    read_back: "entries are read back",
        |step| matches!(step.action.kind, Kind::Loaded { .. }) && sends(step, |body| matches!(body, Body::Append { .. }));
    /// Records do not survive a crash.
    something_is_lost: "something that was written is lost", |step| {
        let nodes = step.before.nodes.iter().zip(&step.after.nodes);
        nodes.into_iter().any(|(before, after)| before.is_up() && !after.is_up() && before.written() != *after.disk)
    };
    /// A process finds entries that it had not known to be committed.
    recovered_with_entries: "a process comes up with entries that may be committed", |step| {
        let recovers = step.seen.iter().any(|seen| matches!(seen, Seen::Recovered { .. }));
        recovers && replicas(step.after).any(|(_, it)| it.commit() < it.log().last().index)
    };
    /// A command of a session that was applied before is answered as it was then.
    answered_again: "a command is answered once more", |step| {
        step.seen.iter().any(|seen| {
            let Seen::Answered { node, ticket, answer: Answer::Applied { .. } } = seen else { return false };
            let ghost = &step.before.ghost;
            ghost.sequence(*node, *ticket).is_some_and(|sequence| ghost.outcome(sequence).is_some())
        })
    };
    /// A voter does not even look at a candidate, for its leader lives.
    true_to_the_leader: "a voter is true to its leader", |step| {
        let Kind::Deliver { packet, .. } = &step.action.kind else { return false };
        let term = step.before.machine(packet.to).map_or(0, |it| it.term());
        matches!(packet.message.body, Body::Vote { .. } | Body::PreVote { .. })
            && packet.message.term > term
            && !sends(step, |body| matches!(body, Body::Voted { granted: true } | Body::PreVoted { granted: true }))
    };
}

/// A change is refused for this reason.
pub(super) fn change_refused() -> SomeStepOf {
    SomeStep {
        name: "a change of members has to wait",
        holds: |step| answers(step, |it| matches!(it, Answer::Refused(Refusal::ChangeInProgress))),
    }
}

macro_rules! stepped_down {
    ($step:ident, $why:ident) => {
        $step
            .seen
            .iter()
            .any(|seen| matches!(seen, Seen::Notified { event: Event::SteppedDown { why: SteppedDown::$why, .. }, .. }))
    };
}

/// A leader leads no more, for this reason.
pub(super) fn steps_down(why: SteppedDown) -> SomeStepOf {
    match why {
        SteppedDown::LaterTerm => {
            SomeStep { name: "a leader hears of a later term", holds: |step| stepped_down!(step, LaterTerm) }
        }
        SteppedDown::NoQuorum => {
            SomeStep { name: "a leader is not heard", holds: |step| stepped_down!(step, NoQuorum) }
        }
        SteppedDown::DiskStalled => {
            SomeStep { name: "a leader's disk writes no more", holds: |step| stepped_down!(step, DiskStalled) }
        }
        SteppedDown::Removed => {
            SomeStep { name: "a leader is no member any more", holds: |step| stepped_down!(step, Removed) }
        }
    }
}

/// Both halves decide.
pub(super) fn in_a_joint_membership() -> SometimesOf {
    Sometimes {
        name: "a leader is in a joint membership",
        holds: |state, _| leaders(state).any(|it| it.membership().is_joint()),
    }
}

/// The leader's own disk is behind those of the others.
pub(super) fn committed_before_it_is_durable_here() -> SometimesOf {
    Sometimes {
        name: "a leader has committed what its own disk does not have",
        holds: |state, _| {
            let mut nodes = replicas(state).filter(|(_, it)| it.role() == RoleName::Leader);
            nodes.any(|(node, it)| it.commit() > state.nodes[node].disk.log.last().index)
        },
    }
}

/// Figure 8 (c) of the paper.
pub(super) fn on_a_majority_and_not_committed() -> SometimesOf {
    Sometimes {
        name: "an entry of an earlier term is known to be on a majority, and is not committed",
        holds: |state, scope| {
            replicas(state).any(|(node, it)| {
                let has = |status: &purlin::raft::FollowerStatus| status.matched == 2;
                let followers = it.status(scope.config(node)).followers;
                it.commit() == 1 && it.log().term(2) == Some(2) && followers.iter().any(has)
            })
        },
    }
}
