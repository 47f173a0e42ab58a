//! Elections: sections 5.2 and 5.4.1 of the paper; polls, quorum checks and transfers: sections 9.6, 6.2 and 3.10 of the
//! dissertation. The arithmetic of quorums.

use super::case::{Case, all_but_votes_however_late, log};
use super::claims::leads;
use super::member;
use super::witnesses::{
    a_third_term, applied, committed_everywhere, dies_on_the_way, elected, handed_over, not_handed_over, steps_down,
    true_to_the_leader, two_lead, vote_refused,
};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::raft::{Request, SteppedDown, Timer};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [standing(), polling(), handing_over(), thorough()].into_iter().flatten().collect()
}

fn quick(name: &'static str, founders: usize) -> Case {
    Case::new(name, Scope::Quick, founders)
}

fn standing() -> Vec<Box<dyn Model>> {
    vec![
        quick("two elections", 3)
            .elections([0, 1], 2)
            .sometimes([elected(), two_lead()])
            .some_step([vote_refused()])
            .boxed(),
        quick("two elections and a crash", 3)
            .elections([0, 1], 2)
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .only_votes()
            .sometimes([elected()])
            .some_step([dies_on_the_way(), vote_refused()])
            .boxed(),
        quick("three elections, and late messages", 3)
            .elections([0, 1], 3)
            .ignores(all_but_votes_however_late)
            .sometimes([elected(), a_third_term(), two_lead()])
            .some_step([vote_refused()])
            .boxed(),
        quick("a longer log of an earlier term", 3)
            .seeds([log(2, &[1, 2], 2), log(2, &[1, 2], 2), log(1, &[1, 1, 1], 1)])
            .elections([0, 2], 2)
            .only_votes()
            .sometimes([elected()])
            .some_step([vote_refused()])
            .boxed(),
        quick("two elections among four", 4)
            .elections([0, 1], 2)
            .only_votes()
            .sometimes([elected(), two_lead()])
            .boxed(),
    ]
}

fn polling() -> Vec<Box<dyn Model>> {
    let polls = |name| quick(name, 3).with(|it| (it.pre_vote, it.check_quorum) = (true, true));
    vec![
        polls("polls before elections")
            .elections([0, 1], 2)
            .only_votes()
            .sometimes([elected()])
            .some_step([vote_refused(), true_to_the_leader()])
            .boxed(),
        quick("a leader that no quorum hears", 2)
            .with(|it| it.check_quorum = true)
            .elections([0], 1)
            .hasty(Timer::CheckQuorum, [0], 2)
            .hasty(Timer::Heartbeat, [0], 1)
            .sometimes([elected()])
            .some_step([steps_down(SteppedDown::NoQuorum)])
            .boxed(),
    ]
}

/// The leader hands over to the next node.
fn handing_over() -> Vec<Box<dyn Model>> {
    let transfer = |name| {
        quick(name, 2).elections([0], 1).asks(2, |state, node, ask| {
            if leads(state, node) {
                ask(Request::Transfer { to: member(1) });
                ask(Request::Propose { stamp: None, command: state.left.requests });
            }
        })
    };
    vec![
        transfer("a transfer")
            .hasty(Timer::Transfer, [0], 1)
            .sometimes([elected()])
            .some_step([handed_over(), not_handed_over(), applied()])
            .boxed(),
    ]
}

fn thorough() -> Vec<Box<dyn Model>> {
    let full = |name, founders| Case::new(name, Scope::Full, founders);
    vec![
        full("three elections", 3)
            .elections([0, 1, 2], 3)
            .sometimes([two_lead(), a_third_term(), committed_everywhere()])
            .boxed(),
        full("two elections and two crashes", 3)
            .elections([0, 1], 2)
            .befall(Budgets { crashes: 2, ..Budgets::CALM })
            .only_votes()
            .sometimes([elected()])
            .some_step([dies_on_the_way()])
            .boxed(),
    ]
}
