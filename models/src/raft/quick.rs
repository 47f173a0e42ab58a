//! Models of seconds.

use super::case::Case;
use super::witnesses::{
    a_third_term, append_refused, applied, committed_everywhere, dies_on_the_way, elected, truncated, two_lead,
    unknown, vote_refused,
};
use crate::cluster::Budgets;
use crate::{Model, Scope};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [electing(), replicating()].into_iter().flatten().collect()
}

fn quick(name: &'static str, founders: usize) -> Case {
    Case::new(name, Scope::Quick, founders)
}

/// Elections: sections 5.2 and 5.4.1 of the paper.
fn electing() -> Vec<Box<dyn Model>> {
    vec![
        quick("two elections", 3)
            .elections([0, 1], 2)
            .sometimes([elected(), two_lead()])
            .some_step([vote_refused()])
            .boxed(),
        quick("two elections and a crash", 3)
            .elections([0, 1], 2)
            .befall(Budgets { crashes: 1, ..Budgets::CALM })
            .sometimes([elected(), two_lead()])
            .some_step([dies_on_the_way()])
            .boxed(),
    ]
}

/// Replication: section 5.3 of the paper.
fn replicating() -> Vec<Box<dyn Model>> {
    vec![
        quick("a command and another leader", 3)
            .elections([0, 1], 2)
            .proposals(1)
            .sometimes([committed_everywhere(), two_lead()])
            .some_step([applied(), unknown(), truncated(), append_refused()])
            .boxed(),
    ]
}
