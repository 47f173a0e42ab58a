//! Persist × acknowledge: disks that are slow, processes that die, and what is read back.

use super::case::{Case, log};
use super::witnesses::{
    applied, committed_before_it_is_durable_here, committed_everywhere, elected, read_back, recovered_with_entries,
    something_is_lost, steps_down,
};
use crate::cluster::Budgets;
use crate::{Model, Scope};
use purlin::raft::{SteppedDown, Timer};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    [slow(), dying(), reading_back(), thorough()].into_iter().flatten().collect()
}

fn quick(name: &'static str, founders: usize) -> Case {
    Case::new(name, Scope::Quick, founders)
}

/// Nothing is in its turn where a disk is slow: what a node says to itself comes when it comes.
fn lagging(case: Case, crashes: u8, stalls: u8) -> Case {
    let requests = case.requests();
    case.world(|world| world.own_first = false).befall(Budgets { crashes, stalls, requests, ..Budgets::CALM })
}

fn slow() -> Vec<Box<dyn Model>> {
    vec![
        lagging(quick("one replica with a slow disk", 1).elections([0], 1).proposals(2), 1, 1)
            .sometimes([committed_everywhere()])
            .some_step([applied(), something_is_lost(), recovered_with_entries()])
            .boxed(),
        lagging(quick("two replicas with slow disks", 2).elections([0, 1], 2).proposals(1), 0, 1)
            .sometimes([elected()])
            .some_step([applied()])
            .boxed(),
        lagging(quick("a leader with a slow disk", 3).elections([0], 1).proposals(1), 0, 1)
            .world(|world| world.ignores = super::case::silent_third)
            .sometimes([elected()])
            .some_step([applied()])
            .boxed(),
        lagging(quick("a leader with a slow disk, and two followers", 3).elections([0], 1), 0, 1)
            .sometimes([elected(), committed_before_it_is_durable_here()])
            .boxed(),
        lagging(quick("a disk that writes no more", 2).elections([0], 1), 0, 1)
            .with(|it| it.check_quorum = true)
            .hasty(Timer::CheckQuorum, [0], 2)
            .hasty(Timer::Heartbeat, [0], 1)
            .some_step([steps_down(SteppedDown::DiskStalled)])
            .boxed(),
    ]
}

fn dying() -> Vec<Box<dyn Model>> {
    vec![
        quick("recovery from a log", 2)
            .seeds([log(2, &[1, 1, 2], 1), log(2, &[1, 1], 1)])
            .elections([0, 1], 2)
            .befall(Budgets { crashes: 2, ..Budgets::CALM })
            .sometimes([committed_everywhere()])
            .some_step([recovered_with_entries()])
            .boxed(),
    ]
}

/// Memory has no room for what was applied.
fn reading_back() -> Vec<Box<dyn Model>> {
    vec![
        quick("entries that are read back", 3)
            .with(|it| it.log_memory_bytes_max = 0)
            .world(|world| (world.reads_back, world.looks_up) = (true, None))
            .seeds([log(2, &[1, 1, 1], 3), log(2, &[1, 1, 1], 3), log(1, &[1], 1)])
            .elections([0], 1)
            .sometimes([committed_everywhere()])
            .some_step([read_back()])
            .boxed(),
    ]
}

fn thorough() -> Vec<Box<dyn Model>> {
    vec![
        lagging(Case::new("slow disks and a crash", Scope::Full, 2).elections([0, 1], 2).proposals(1), 1, 2)
            .sometimes([committed_everywhere()])
            .some_step([applied(), something_is_lost(), recovered_with_entries()])
            .boxed(),
    ]
}
