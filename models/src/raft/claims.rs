//! What is claimed of every model of replicas: figure 3 of the paper, what its proof rests on, and what clients see.

use super::history::{History, log_of, replicas};
use super::{Ledger, Replica, member};
use crate::cluster::{Always, Cluster, ClusterScope, EveryStep, Seen, Step};
use purlin::log::Boundary;
use purlin::protocol::Protocol;
use purlin::raft::{Answer, Body, Config, Image, Log, Member, RoleName, invariants};
use std::collections::BTreeSet;

pub(super) type State = Cluster<Replica, History>;
pub(super) type World = ClusterScope<Replica, History>;
pub(super) type StepOf<'a> = Step<'a, Replica, History>;
type AlwaysOf = Always<Replica, History>;

/// Whether a node leads.
pub(super) fn leads(state: &State, node: usize) -> bool {
    state.machine(node).is_some_and(|replica| replica.role() == RoleName::Leader)
}

/// Claims about states.
pub(super) fn always() -> Vec<AlwaysOf> {
    of_each().into_iter().chain(of_all()).collect()
}

fn each(state: &State, scope: &World, holds: fn(&Replica, &Config) -> bool) -> bool {
    replicas(state).all(|(node, replica)| holds(replica, scope.config(node)))
}

/// Claims about one replica each, as [`invariants::claims`] names them.
macro_rules! of_each {
    ($($name:literal => $claim:expr),+ $(,)?) => {
        [$(Always { name: $name, holds: |state, scope| each(state, scope, $claim) }),+]
    };
}

fn of_each() -> [AlwaysOf; 12] {
    of_each![
        "what is committed is in the log" => |it, _| invariants::commit_is_within_the_log(it),
        "what is applied is committed" => |it, _| invariants::applied_is_committed(it),
        "a snapshot holds what was dropped, and only what was applied" => |it, _| invariants::snapshot_holds_what_is_applied(it),
        "terms never fall along a log" => |it, _| invariants::terms_never_fall_along_the_log(it),
        "the membership in force is the last of the log" =>
            |it, _| invariants::the_membership_in_force_is_the_last_of_the_log(it),
        "neighbouring memberships cannot decide apart" =>
            |it, _| invariants::neighbouring_memberships_share_a_voter_in_any_two_quorums(it),
        "who stands has voted for itself" => invariants::who_stands_has_voted_for_itself,
        "a leader begins with an entry of its term" => |it, _| invariants::a_leader_begins_with_an_entry_of_its_term(it),
        "a leader counts by the last membership of its log" =>
            |it, _| invariants::a_leader_counts_the_votes_of_its_membership(it),
        "what is sent next is behind what is known to be there" => invariants::next_is_behind_matched,
        "nobody is believed to have what the leader has not" => |it, _| invariants::matched_is_within_the_log(it),
        "a leader changes members one at a time" => |it, _| invariants::a_leader_changes_members_one_at_a_time(it),
    ]
}

fn of_all() -> [AlwaysOf; 10] {
    [
        Always { name: "one leader a term", holds: |state, _| one_leader_a_term(state) },
        Always { name: "who leads has its own vote on its disk", holds: |state, _| leaders_have_their_votes(state) },
        Always {
            name: "logs match",
            holds: |state, _| pairs(state.nodes.len()).all(|(one, other)| logs_match(state, one, other)),
        },
        Always { name: "committed prefixes agree", holds: |state, _| committed_prefixes_agree(state) },
        Always {
            name: "what is committed stays what it is",
            holds: |state, _| only_what_is_chosen_is_committed(state),
        },
        Always { name: "a later leader has all that is committed", holds: |state, _| leaders_are_complete(state) },
        Always {
            name: "what a leader believes to be there is durable there",
            holds: |state, _| matched_is_durable(state),
        },
        Always {
            name: "what a leader commits is durable on a quorum",
            holds: |state, _| commits_are_durable_on_a_quorum(state),
        },
        Always {
            name: "what was persisted is what is known",
            holds: |state, _| replicas(state).all(|(node, it)| *it.image() == state.nodes[node].written()),
        },
        Always {
            name: "no command is applied twice",
            holds: |state, _| replicas(state).all(|(_, it)| are_distinct(it.application())),
        },
    ]
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (one + 1..count).map(move |other| (one, other)))
}

fn one_leader_a_term(state: &State) -> bool {
    let leads = |replica: &Replica| replica.role() == RoleName::Leader;
    let is_elected = |(node, replica): (usize, &Replica)| state.ghost.leader(replica.term()) == Some(node);
    invariants::at_most_one_leader_a_term(replicas(state).map(|(_, replica)| replica))
        && replicas(state).filter(|(_, replica)| leads(replica)).all(is_elected)
}

fn leaders_have_their_votes(state: &State) -> bool {
    let leaders = replicas(state).filter(|(_, replica)| replica.role() == RoleName::Leader);
    leaders.into_iter().all(|(node, leader)| {
        let disk = &state.nodes[node].disk;
        (disk.term, disk.vote) == (leader.term(), Some(member(node)))
    })
}

fn logs_match(state: &State, one: usize, other: usize) -> bool {
    invariants::logs_match(log_of(state, one), log_of(state, other))
}

fn committed_prefixes_agree(state: &State) -> bool {
    pairs(state.nodes.len()).all(|(one, other)| match (state.machine(one), state.machine(other)) {
        (Some(one), Some(other)) => invariants::committed_prefixes_agree(one, other),
        _ => true,
    })
}

fn only_what_is_chosen_is_committed(state: &State) -> bool {
    let chosen = &state.ghost.chosen;
    let is_chosen = |log: &Log<Ledger>, index: u64| {
        let term = chosen.get(index as usize - 1).map(|chosen| chosen.term);
        log.term(index).is_none_or(|of_log| term == Some(of_log))
    };
    replicas(state).all(|(_, replica)| {
        let commit = replica.commit();
        commit <= chosen.len() as u64 && (1..=commit).all(|index| is_chosen(replica.log(), index))
    })
}

fn leaders_are_complete(state: &State) -> bool {
    let chosen = || (1..).zip(&state.ghost.chosen);
    let leaders = replicas(state).filter(|(_, replica)| replica.role() == RoleName::Leader);
    leaders.into_iter().all(|(_, leader)| {
        let of_earlier = chosen().filter(|(_, chosen)| chosen.by < leader.term());
        of_earlier
            .into_iter()
            .all(|(index, chosen)| invariants::has(leader.log(), Boundary { index, term: chosen.term }))
    })
}

fn matched_is_durable(state: &State) -> bool {
    let leaders = || replicas(state).filter(|(_, replica)| replica.role() == RoleName::Leader);
    leaders().all(|(_, leader)| {
        let mut nodes = (0..).zip(&state.nodes);
        nodes.all(|(node, at)| invariants::matched_is_durable(leader, member(node), &at.disk))
    })
}

fn disk_of(state: &State, of: Member) -> Option<&Image<Ledger>> {
    let node = (0..state.nodes.len()).find(|node| member(*node) == of)?;
    Some(&state.nodes[node].disk)
}

fn commits_are_durable_on_a_quorum(state: &State) -> bool {
    let disk_of = |member| disk_of(state, member);
    replicas(state).all(|(_, leader)| invariants::what_a_leader_commits_is_durable_on_a_quorum(leader, disk_of))
}

fn are_distinct(ledger: &Ledger) -> bool {
    ledger.0.iter().collect::<BTreeSet<_>>().len() == ledger.0.len()
}

/// Claims about steps.
pub(super) fn every_step() -> Vec<EveryStep<Replica, History>> {
    vec![
        EveryStep { name: "nobody votes twice in a term", holds: nobody_votes_twice },
        EveryStep { name: "who asks for votes has its own on its disk", holds: who_asks_has_voted },
        EveryStep { name: "neither term nor vote nor commit is taken back", holds: nothing_is_taken_back },
        EveryStep { name: "a leader only appends", holds: a_leader_only_appends },
        EveryStep { name: "a leader commits up to an entry of its own term", holds: commits_end_in_the_own_term },
        EveryStep { name: "a command that is tried again is answered as before", holds: retries_are_answered_alike },
        EveryStep { name: READS_ARE_LINEARIZABLE, holds: reads_are_linearizable },
    ]
}

/// The claim that a model whose clocks break their bounds is made without.
pub(super) const READS_ARE_LINEARIZABLE: &str = "a read sees all that was told before it was asked";

fn nobody_votes_twice(step: &StepOf<'_>) -> bool {
    let mut ghost = step.before.ghost.clone();
    step.seen.iter().all(|seen| {
        let holds = match seen {
            Seen::Sent { node, to, message, .. } if matches!(message.body, Body::Voted { granted: true }) => {
                ghost.vote(*node, message.term).is_none_or(|before| before == *to)
            }
            _ => true,
        };
        crate::cluster::Ghost::observe(&mut ghost, seen, step.after);
        holds
    })
}

fn who_asks_has_voted(step: &StepOf<'_>) -> bool {
    step.seen.iter().all(|seen| match seen {
        Seen::Sent { node, message, .. } if matches!(message.body, Body::Vote { .. }) => {
            let disk = &step.after.nodes[*node].disk;
            disk.term > message.term || (disk.term, disk.vote) == (message.term, Some(member(*node)))
        }
        _ => true,
    })
}

fn nothing_is_taken_back(step: &StepOf<'_>) -> bool {
    let kept = |before: &Image<Ledger>, after: &Image<Ledger>| {
        let vote = before.term == after.term && before.vote.is_some();
        before.term <= after.term && (!vote || before.vote == after.vote) && before.commit <= after.commit
    };
    let nodes = step.before.nodes.iter().zip(&step.after.nodes);
    nodes.into_iter().all(|(before, after)| {
        let process = before.machine.as_ref().zip(after.machine.as_ref());
        let goes_on = process.is_none_or(|(before, after)| {
            kept(before.image(), after.image())
                && before.commit() <= after.commit()
                && before.applied() <= after.applied()
        });
        kept(&before.disk, &after.disk) && (goes_on || has_begun_anew(step))
    })
}

fn has_begun_anew(step: &StepOf<'_>) -> bool {
    step.seen.iter().any(|seen| matches!(seen, Seen::Recovered { .. }))
}

/// The leaders that lead in the same term before and after the step.
fn steady_leaders<'a>(step: &'a StepOf<'_>) -> impl Iterator<Item = (&'a Replica, &'a Replica)> {
    let both = |node| Some((step.before.machine(node)?, step.after.machine(node)?));
    let nodes = (0..step.before.nodes.len()).filter_map(both);
    nodes.filter(|(before, after)| {
        before.role() == RoleName::Leader && after.role() == RoleName::Leader && before.term() == after.term()
    })
}

fn a_leader_only_appends(step: &StepOf<'_>) -> bool {
    steady_leaders(step).all(|(before, after)| invariants::has(after.log(), before.log().last()))
}

fn commits_end_in_the_own_term(step: &StepOf<'_>) -> bool {
    steady_leaders(step).all(|(before, after)| {
        let commit = after.commit();
        commit == before.commit() || after.log().term(commit) == Some(after.term())
    })
}

fn retries_are_answered_alike(step: &StepOf<'_>) -> bool {
    step.seen.iter().all(|seen| {
        let Seen::Answered { node, ticket, answer: Answer::Applied { outcome, .. } } = seen else { return true };
        let ghost = &step.before.ghost;
        let sequence = ghost.sequence(*node, *ticket);
        sequence.and_then(|sequence| ghost.outcome(sequence)).is_none_or(|before| before == *outcome)
    })
}

/// What was told to anybody before the read was asked, the read has seen.
pub(super) fn reads_are_linearizable(step: &StepOf<'_>) -> bool {
    step.seen.iter().all(|seen| {
        let Seen::Answered { node, ticket, answer: Answer::Read { index, .. } } = seen else { return true };
        let told = step.before.ghost.told_before(*node, *ticket);
        told.is_none_or(|told| *index >= told)
    })
}
