//! What is always true of replicas, as named claims: figure 3 of the paper, and what its proof rests on.
//!
//! Claims about one replica stand in [`claims`]. Those about several take whatever replicas, logs and disks a checker has at
//! hand: they hold of any choice of them, at any moment.

use super::application::Application;
use super::config::Config;
use super::entry::Payload;
use super::image::Image;
use super::log::Log;
use super::machine::Raft;
use super::member::Member;
use super::membership::Membership;
use super::role::{Leader, Role};
use crate::log::Boundary;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A claim about one replica under its configuration.
pub type Claim<S> = fn(&Raft<S>, &Config) -> bool;

/// Every claim about one replica, by name.
pub fn claims<S: Application>() -> [(&'static str, Claim<S>); 12] {
    [
        ("commit_is_within_the_log", |raft, _| commit_is_within_the_log(raft)),
        ("applied_is_committed", |raft, _| applied_is_committed(raft)),
        ("snapshot_holds_what_is_applied", |raft, _| snapshot_holds_what_is_applied(raft)),
        ("terms_never_fall_along_the_log", |raft, _| terms_never_fall_along_the_log(raft)),
        ("the_membership_in_force_is_the_last_of_the_log", |raft, _| {
            the_membership_in_force_is_the_last_of_the_log(raft)
        }),
        ("neighbouring_memberships_share_a_voter_in_any_two_quorums", |raft, _| {
            neighbouring_memberships_share_a_voter_in_any_two_quorums(raft)
        }),
        ("who_stands_has_voted_for_itself", who_stands_has_voted_for_itself),
        ("a_leader_begins_with_an_entry_of_its_term", |raft, _| a_leader_begins_with_an_entry_of_its_term(raft)),
        ("a_leader_counts_the_votes_of_its_membership", |raft, _| a_leader_counts_the_votes_of_its_membership(raft)),
        ("next_is_behind_matched", next_is_behind_matched),
        ("matched_is_within_the_log", |raft, _| matched_is_within_the_log(raft)),
        ("a_leader_changes_members_one_at_a_time", |raft, _| a_leader_changes_members_one_at_a_time(raft)),
    ]
}

/// The first claim about one replica that does not hold.
pub fn broken<S: Application>(raft: &Raft<S>, config: &Config) -> Option<&'static str> {
    claims().into_iter().find(|(_, holds)| !holds(raft, config)).map(|(name, _)| name)
}

/// Nothing is committed that is not in the log, and what a replica was told it does not forget to have been committed.
pub fn commit_is_within_the_log<S: Application>(raft: &Raft<S>) -> bool {
    let image = &raft.image;
    image.commit <= raft.commit && raft.commit <= image.log.last().index
}

/// Nothing is applied that is not committed.
pub fn applied_is_committed<S: Application>(raft: &Raft<S>) -> bool {
    raft.applied <= raft.commit
}

/// A snapshot holds what was dropped, and only what was applied: of the membership as well.
pub fn snapshot_holds_what_is_applied<S: Application>(raft: &Raft<S>) -> bool {
    let (boundary, snapshot) = (raft.image.log.boundary(), &raft.image.snapshot);
    let at = snapshot.at.index;
    boundary.index <= at && at <= raft.applied && snapshot.membership_index <= at
}

/// Along a log terms only rise, up to the replica's own.
pub fn terms_never_fall_along_the_log<S: Application>(raft: &Raft<S>) -> bool {
    let log = &raft.image.log;
    let terms: Vec<u64> = (log.boundary().index..=log.last().index).filter_map(|index| log.term(index)).collect();
    terms.is_sorted() && terms.last().is_none_or(|last| *last <= raft.image.term)
}

/// The membership that counts is the last one in the log, committed or not; that of the snapshot where the log has none.
pub fn the_membership_in_force_is_the_last_of_the_log<S: Application>(raft: &Raft<S>) -> bool {
    let image = &raft.image;
    let expected = match memberships(image).last() {
        Some((index, membership)) => (index, membership),
        // What was evicted from memory cannot be read here.
        None if is_evicted(image, image.membership_index()) => return true,
        None => (image.snapshot.membership_index, &image.snapshot.membership),
    };
    (image.membership_index(), image.membership()) == expected
}

fn is_evicted<S: Application>(image: &Image<S>, index: u64) -> bool {
    image.snapshot.at.index < index && index < image.log.first_held()
}

/// The memberships among the entries in memory behind the snapshot.
fn memberships<S: Application>(image: &Image<S>) -> impl Iterator<Item = (u64, &Arc<Membership>)> {
    image.log.held_from(image.snapshot.at.index + 1).filter_map(|entry| match &entry.payload {
        Payload::Membership(membership) => Some((entry.index, membership)),
        _ => None,
    })
}

/// No two memberships that follow each other can decide apart: any quorum of one has a voter in common with any of the other.
pub fn neighbouring_memberships_share_a_voter_in_any_two_quorums<S: Application>(raft: &Raft<S>) -> bool {
    let image = &raft.image;
    let behind_the_snapshot = memberships(image).map(|(_, membership)| &**membership);
    let all: Vec<&Membership> = core::iter::once(&*image.snapshot.membership).chain(behind_the_snapshot).collect();
    all.windows(2).all(|pair| pair[0].voters.is_empty() || quorums_meet(pair[0], pair[1]))
}

/// Whether any quorum of one membership has a voter in common with any quorum of the other. Of large memberships it is not
/// looked at: there are too many quorums.
pub fn quorums_meet(one: &Membership, other: &Membership) -> bool {
    const MEMBERS_MAX: usize = 10;
    let everyone: BTreeSet<Member> = one.everyone().into_iter().chain(other.everyone()).collect();
    let everyone: Vec<Member> = everyone.into_iter().collect();
    if everyone.len() > MEMBERS_MAX {
        return true;
    }
    // Two quorums that do not meet are one quorum, and another one among the rest.
    (0_u32..1 << everyone.len()).all(|chosen| {
        let is_chosen = |member: Member| everyone.binary_search(&member).is_ok_and(|place| chosen >> place & 1 == 1);
        !(is_quorum(one, is_chosen) && is_quorum(other, |member| !is_chosen(member)))
    })
}

/// Whether those who are chosen are a majority of each half of a membership.
pub fn is_quorum(membership: &Membership, is_chosen: impl Fn(Member) -> bool) -> bool {
    let halves = [&membership.voters, &membership.outgoing];
    halves
        .into_iter()
        .all(|half| half.is_empty() || half.iter().filter(|member| is_chosen(**member)).count() > half.len() / 2)
}

/// Who stands for election, or leads, has given its vote of this term to itself.
pub fn who_stands_has_voted_for_itself<S: Application>(raft: &Raft<S>, config: &Config) -> bool {
    let stands = matches!(raft.role, Role::Candidate(_) | Role::Leader(_));
    !stands || raft.image.vote == Some(config.me())
}

fn of_leader<S: Application>(raft: &Raft<S>, holds: impl Fn(&Leader<S>) -> bool) -> bool {
    match &raft.role {
        Role::Leader(leader) => holds(leader),
        _ => true,
    }
}

/// From the entry with which its term begins, all entries of a leader are of its term.
pub fn a_leader_begins_with_an_entry_of_its_term<S: Application>(raft: &Raft<S>) -> bool {
    let log = &raft.image.log;
    of_leader(raft, |leader| {
        let is_own = |index| log.term(index).is_none_or(|term| term == raft.image.term);
        leader.since <= log.last().index && is_own(leader.since) && is_own(log.last().index)
    })
}

/// A leader knows of every member of the last membership in its log, and counts by its quorum.
pub fn a_leader_counts_the_votes_of_its_membership<S: Application>(raft: &Raft<S>) -> bool {
    of_leader(raft, |leader| {
        let membership = raft.image.membership();
        let members = leader.progress.iter().map(|progress| progress.member);
        leader.quorum == membership.quorum() && members.eq(membership.everyone())
    })
}

/// What is sent next to another is behind what is known to be there.
pub fn next_is_behind_matched<S: Application>(raft: &Raft<S>, config: &Config) -> bool {
    of_leader(raft, |leader| {
        let mut others = leader.progress.iter().filter(|progress| progress.member != config.me());
        others.all(|progress| progress.next > progress.matched)
    })
}

/// Nobody is believed to have what the leader has not.
pub fn matched_is_within_the_log<S: Application>(raft: &Raft<S>) -> bool {
    let last = raft.image.log.last().index;
    of_leader(raft, |leader| leader.progress.iter().all(|progress| progress.matched <= last))
}

/// A leader makes a membership of its own only once it knows what is committed, and one at a time.
pub fn a_leader_changes_members_one_at_a_time<S: Application>(raft: &Raft<S>) -> bool {
    of_leader(raft, |leader| {
        let open = || memberships(&raft.image).filter(|(index, _)| *index > raft.commit);
        let is_own_open = open().any(|(index, _)| index >= leader.since);
        !is_own_open || (raft.commit >= leader.since && open().count() == 1)
    })
}

/// Election safety: no two of these replicas lead in one term.
pub fn at_most_one_leader_a_term<'a, S: Application>(replicas: impl IntoIterator<Item = &'a Raft<S>>) -> bool {
    let leaders = replicas.into_iter().filter(|raft| matches!(raft.role, Role::Leader(_)));
    let mut terms: Vec<u64> = leaders.map(Raft::term).collect();
    terms.sort_unstable();
    terms.windows(2).all(|pair| pair[0] != pair[1])
}

/// Log matching: where two logs have an entry of the same term at one index, all before it are the same.
pub fn logs_match<S: Application>(one: &Log<S>, other: &Log<S>) -> bool {
    let first = one.boundary().index.max(other.boundary().index);
    let last = one.last().index.min(other.last().index);
    let is_same = |index: &u64| one.term(*index) == other.term(*index);
    let Some(common) = (first..=last).rev().find(is_same) else { return true };
    let held = first.max(one.first_held() - 1).max(other.first_held() - 1) + 1;
    let [entries, others] = [one, other].map(|log| log.held_from(held).take_while(|entry| entry.index <= common));
    (first..=common).all(|index| is_same(&index)) && entries.eq(others)
}

/// State-machine safety: what either replica has committed, the other has not committed otherwise; and where both have
/// applied as much, it came to the same.
pub fn committed_prefixes_agree<S: Application>(one: &Raft<S>, other: &Raft<S>) -> bool {
    let (log, others) = (&one.image.log, &other.image.log);
    let first = log.boundary().index.max(others.boundary().index);
    let last = one.commit.min(other.commit);
    let is_same = |index| log.term(index) == others.term(index);
    let same_state = one.applied != other.applied || one.state == other.state;
    same_state && (first..=last).all(is_same)
}

/// Leader completeness, for one entry: the log has it, or has dropped it once it was applied.
pub fn has<S: Application>(log: &Log<S>, at: Boundary) -> bool {
    at.index < log.boundary().index || log.matches(at)
}

/// What a leader believes a member to have is durable there, as long as no later term has begun on its disk.
pub fn matched_is_durable<S: Application>(leader: &Raft<S>, member: Member, disk: &Image<S>) -> bool {
    let Role::Leader(role) = &leader.role else { return true };
    let Some(matched) = role.slot(member).map(|slot| role.progress[slot].matched) else { return true };
    let term = leader.image.log.term(matched);
    disk.term > leader.image.term || term.is_none_or(|term| has(&disk.log, Boundary { index: matched, term }))
}

/// What a leader has committed in its term is durable on a quorum of the membership in its log, as long as it leads. Told is
/// what stands on a member's disk; nothing of those who are not looked at, who are taken to have it.
pub fn what_a_leader_commits_is_durable_on_a_quorum<'a, S: Application>(
    leader: &Raft<S>,
    disk_of: impl Fn(Member) -> Option<&'a Image<S>>,
) -> bool {
    let Some(at) = committed_in_own_term(leader) else { return true };
    let has_it = |member| disk_of(member).is_none_or(|disk| disk.term > leader.image.term || has(&disk.log, at));
    let membership = leader.image.membership();
    // A later membership has other quorums than the one by which this was committed.
    leader.image.membership_index() > at.index || is_quorum(membership, has_it)
}

fn committed_in_own_term<S: Application>(leader: &Raft<S>) -> Option<Boundary> {
    let Role::Leader(role) = &leader.role else { return None };
    let at = Boundary { index: leader.commit, term: leader.image.log.term(leader.commit)? };
    (leader.commit >= role.since).then_some(at)
}
