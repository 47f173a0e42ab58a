//! Simpler plans of a cluster: fewer nodes, less to do, and tamer surroundings.

use super::environment::{ClockError, Environment, Setting};
use super::{Cluster, Staged};
use crate::plan::{Fault, FaultKind, Link, Nodes, Plan, Span};

/// The simpler plans, the simplest first.
pub(super) fn plans<C: Cluster>(plan: &Plan) -> Vec<Plan> {
    let Ok(plan) = plan.typed::<Staged<C>>() else { return Vec::new() };
    let present = C::nodes(&plan.options.setting.workload).len() as u32;
    let mut plans = Vec::new();
    for workload in C::simpler(&plan.options.setting.workload) {
        let fewer = present.saturating_sub(C::nodes(&workload).len() as u32);
        plans.extend(choices(present, fewer).iter().map(|gone| without::<C>(&plan, gone, workload.clone())));
    }
    let Setting { environment, workload } = &plan.options.setting;
    let tamer = tamer(environment, &plan.faults).into_iter();
    plans.extend(tamer.map(|environment| with(&plan, environment, workload.clone())));
    plans.into_iter().map(Plan::erased).collect()
}

/// Which nodes may be those that are gone: each one, each pair, or else the last ones. In ascending order.
fn choices(present: u32, fewer: u32) -> Vec<Vec<u32>> {
    match fewer {
        1 => (0..present).rev().map(|gone| vec![gone]).collect(),
        2 => (0..present).rev().flat_map(|last| (0..last).rev().map(move |first| vec![first, last])).collect(),
        _ => vec![(present - fewer..present).collect()],
    }
}

fn with<C: Cluster>(plan: &Plan<Staged<C>>, environment: Environment, workload: C::Options) -> Plan<Staged<C>> {
    Plan { options: Staged { setting: Setting { environment, workload } }, ..plan.clone() }
}

/// The plan without some nodes: those after them move up, and faults of theirs alone are gone.
fn without<C: Cluster>(plan: &Plan<Staged<C>>, gone: &[u32], workload: C::Options) -> Plan<Staged<C>> {
    let mut environment = plan.options.setting.environment.clone();
    let mut faults = plan.faults.clone();
    for gone in gone.iter().rev() {
        environment.clocks.remove(*gone as usize);
        faults.retain_mut(|fault| {
            let kind = survivor(fault.kind, *gone);
            fault.kind = kind.unwrap_or(fault.kind);
            kind.is_some()
        });
    }
    Plan { faults, ..with(plan, environment, workload) }
}

/// What is left of a fault when a node is gone. Those after it move up.
fn survivor(mut kind: FaultKind, gone: u32) -> Option<FaultKind> {
    if let Some(node) = kind.node_mut() {
        *node = moved(*node, gone)?;
    }
    if let Some(link) = kind.link_mut() {
        *link = Link { from: moved(link.from, gone)?, to: moved(link.to, gone)? };
    }
    if let Some(groups) = kind.groups_mut() {
        *groups = groups.map(|group| group.iter().filter_map(|node| moved(node, gone)).fold(Nodes::NONE, Nodes::with));
        return (!groups.contains(&Nodes::NONE)).then_some(kind);
    }
    Some(kind)
}

fn moved(node: u32, gone: u32) -> Option<u32> {
    match node {
        node if node == gone => None,
        node if node > gone => Some(node - 1),
        node => Some(node),
    }
}

/// True clocks, constant durations, coarse time, and an end of trouble as soon as the faults are over.
fn tamer(environment: &Environment, faults: &[Fault]) -> Vec<Environment> {
    let clocks = vec![ClockError::default(); environment.clocks.len()];
    let constant = |Span { least_ms, .. }| Span::new(least_ms, least_ms);
    let last_ms = faults.iter().map(Fault::end_ms).max().unwrap_or(0).max(1);
    let safety_ms = environment.safety_ms;
    let candidates = [
        Environment { clocks, ..environment.clone() },
        Environment { grain_ns: 1_000_000, ..environment.clone() },
        Environment { link: constant(environment.link), ..environment.clone() },
        Environment { sync: constant(environment.sync), ..environment.clone() },
        Environment { safety_ms: last_ms.min(safety_ms), ..environment.clone() },
        Environment { safety_ms: (safety_ms / 2).max(last_ms), ..environment.clone() },
    ];
    candidates.into_iter().filter(|candidate| candidate != environment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_move_up_with_their_nodes_and_go_with_them() {
        assert_eq!(survivor(FaultKind::Kill { node: 3 }, 1), Some(FaultKind::Kill { node: 2 }));
        assert_eq!(survivor(FaultKind::Kill { node: 1 }, 1), None);
        let groups = |first: &[u32], second: &[u32]| {
            [first, second].map(|nodes| nodes.iter().copied().fold(Nodes::NONE, Nodes::with))
        };
        let partition = |groups| FaultKind::Partition { groups, one_way: true };
        assert_eq!(survivor(partition(groups(&[0, 2], &[1])), 0), Some(partition(groups(&[1], &[0]))));
        assert_eq!(survivor(partition(groups(&[0], &[1])), 0), None);
    }
}
