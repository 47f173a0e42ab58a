//! What models of replicas must be able to reach, so that their claims are not empty.

use super::claims::{State, StepOf};
use super::history::replicas;
use super::{History, Replica};
use crate::cluster::{Seen, SomeStep, Sometimes};
use purlin::raft::{Answer, Body, RoleName};

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
