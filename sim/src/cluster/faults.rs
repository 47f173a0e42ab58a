//! The faults of a cluster: which of them are in force, and how they are drawn and checked.

use super::client::draw;
use super::environment::Environment;
use crate::die::Die;
use crate::plan::{Fault, FaultKind, InvalidPlan, Link, Nodes, Ratio, Span};
use core::time::Duration;

/// Which of the plan's faults are in force.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    in_force: Vec<u32>,
    grain_nanos: u64,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is lost.
    Lost,
    /// It waits until its way is free.
    Held,
    /// It arrives so many times.
    Free {
        /// Once or twice.
        copies: u32,
    },
}

impl Faults {
    /// No fault is in force yet. Durations are drawn as multiples of `grain_nanos`.
    pub(super) fn new(planned: &[Fault], grain_nanos: u64) -> Self {
        Self { planned: planned.to_vec(), in_force: Vec::new(), grain_nanos }
    }

    pub(super) fn begin(&mut self, fault: u32) -> FaultKind {
        self.in_force.push(fault);
        self.planned[fault as usize].kind
    }

    pub(super) fn end(&mut self, fault: u32) -> FaultKind {
        self.in_force.retain(|in_force| *in_force != fault);
        self.planned[fault as usize].kind
    }

    pub(super) fn draw(&self, die: &mut Die, span: Span) -> Duration {
        draw(die, span, self.grain_nanos)
    }

    /// How long a disk takes now.
    pub(super) fn sync(&self, die: &mut Die, usual: Span, node: u32) -> Duration {
        let extra = |kind: &FaultKind| match *kind {
            FaultKind::SlowDisk { node: slow, extra } if slow == node => Some(extra),
            _ => None,
        };
        let usual = self.draw(die, usual);
        self.kinds().filter_map(extra).fold(usual, |sum, extra| sum + self.draw(die, extra))
    }

    /// How long a message takes now.
    pub(super) fn latency(&self, die: &mut Die, usual: Span, link: Link) -> Duration {
        self.draw(die, usual) + self.delay(die, link)
    }

    /// How much longer than usual a message takes now.
    pub(super) fn delay(&self, die: &mut Die, link: Link) -> Duration {
        let extra = |kind: &FaultKind| match *kind {
            FaultKind::Delay { extra, link: on } if on.is_none_or(|on| on == link) => Some(extra),
            _ => None,
        };
        self.kinds().filter_map(extra).fold(Duration::ZERO, |sum, extra| sum + self.draw(die, extra))
    }

    /// What becomes of a message that is sent now. Behind a partition one in two is lost.
    pub(super) fn passage(&self, die: &mut Die, link: Link) -> Passage {
        let mut copies = 1;
        for kind in self.kinds() {
            match *kind {
                FaultKind::Lose { share, link: on } if on.is_none_or(|on| on == link) && die.strikes(share) => {
                    return Passage::Lost;
                }
                FaultKind::Duplicate { share, link: on } if on.is_none_or(|on| on == link) && die.strikes(share) => {
                    copies = 2;
                }
                _ => {}
            }
        }
        match self.is_cut(link) {
            true if die.below(2) == 0 => Passage::Lost,
            true => Passage::Held,
            false => Passage::Free { copies },
        }
    }

    /// Whether a partition lies between sender and receiver.
    pub(super) fn is_cut(&self, link: Link) -> bool {
        self.kinds().any(|kind| cuts(kind, link))
    }

    fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        self.in_force.iter().map(|fault| &self.planned[*fault as usize].kind)
    }
}

fn cuts(kind: &FaultKind, Link { from, to }: Link) -> bool {
    let FaultKind::Partition { groups: [first, second], one_way } = *kind else { return false };
    let there = first.contains(from) && second.contains(to);
    there || (!one_way && second.contains(from) && first.contains(to))
}

/// Draws a fault of a cluster of so many nodes. Faults of links are drawn only where there are any.
pub(super) fn draw_kind(die: &mut Die, nodes: u32, environment: &Environment) -> FaultKind {
    let node = die.below(nodes.into()) as u32;
    match die.below(if nodes > 1 { 16 } else { 10 }) {
        0..=2 => FaultKind::Kill { node },
        3..=5 => FaultKind::PowerLoss { node },
        6 => FaultKind::Usurp { node },
        7 => FaultKind::Pause { node },
        8 => FaultKind::SlowDisk { node, extra: slowness(die, environment.sync.most_ms) },
        9 => FaultKind::ClockJump { node, forward_ms: die.between(1, 5_000) },
        10 => FaultKind::Lose { share: share(die), link: link(die, nodes) },
        11 => FaultKind::Duplicate { share: share(die), link: link(die, nodes) },
        12..=13 => FaultKind::Delay { extra: slowness(die, environment.link.most_ms), link: link(die, nodes) },
        _ => FaultKind::Partition { groups: groups(die, nodes), one_way: die.below(3) == 0 },
    }
}

fn share(die: &mut Die) -> Ratio {
    let part = *die.pick(&[1, 2, 5, 7, 10]);
    Ratio::new(part, 10).unwrap_or(Ratio::ALL)
}

fn slowness(die: &mut Die, usual_ms: u64) -> Span {
    let least_ms = die.between(0, 10 * (usual_ms + 1));
    Span::new(least_ms, least_ms + die.between(0, 200))
}

fn link(die: &mut Die, nodes: u32) -> Option<Link> {
    let from = die.below(nodes.into()) as u32;
    let to = (from + 1 + die.below(u64::from(nodes) - 1) as u32) % nodes;
    (die.below(2) == 0).then_some(Link { from, to })
}

/// Every node is in one of the groups, and no group is empty.
fn groups(die: &mut Die, nodes: u32) -> [Nodes; 2] {
    let alone = die.below(nodes.into()) as u32;
    let other = (alone + 1) % nodes;
    let mut groups = [Nodes::NONE.with(alone), Nodes::NONE.with(other)];
    for node in (0..nodes).filter(|node| *node != alone && *node != other) {
        let group = &mut groups[die.below(2) as usize];
        *group = group.with(node);
    }
    groups
}

/// Checks that a fault strikes a protocol's nodes, and such as there are.
pub(super) fn check_kind(field: &str, kind: &FaultKind, nodes: u32) -> Result<(), InvalidPlan> {
    use FaultKind::{ClockJump, Delay, Duplicate, Kill, Lose, Partition, Pause, PowerLoss, SlowDisk, Usurp};
    let name = kind.name();
    let known = match *kind {
        Kill { .. } | PowerLoss { .. } | Usurp { .. } | Pause { .. } | SlowDisk { .. } | ClockJump { .. } => true,
        Lose { .. } | Delay { .. } | Duplicate { .. } | Partition { .. } => nodes > 1,
        _ => false,
    };
    let on_nodes = "kill, power_loss, usurp, pause, slow_disk and clock_jump";
    let on_links = if nodes > 1 { ", and lose, delay, duplicate and partition" } else { "" };
    InvalidPlan::unless(known, field, name, format!("this scenario knows {on_nodes}{on_links}"))?;
    let mend = format!("give a node from 0 to {}", nodes - 1);
    let node = kind.node().unwrap_or(0);
    InvalidPlan::unless(node < nodes, format!("{field}.{name}.node"), node, mend)?;
    if let Some(Link { from, to }) = kind.link() {
        let mend = format!("give two different nodes from 0 to {}", nodes - 1);
        let fits = from < nodes && to < nodes && from != to;
        InvalidPlan::unless(fits, format!("{field}.{name}.link"), format!("[{from}, {to}]"), mend)?;
    }
    if let Partition { groups, .. } = kind { check_groups(field, *groups, nodes) } else { Ok(()) }
}

fn check_groups(field: &str, groups: [Nodes; 2], nodes: u32) -> Result<(), InvalidPlan> {
    for (index, group) in groups.into_iter().enumerate() {
        let members: Vec<u32> = group.into();
        let fits = !members.is_empty() && members.iter().all(|node| *node < nodes);
        let mend = format!("give at least one node, from 0 to {}", nodes - 1);
        InvalidPlan::unless(fits, format!("{field}.partition.groups[{index}]"), format!("{members:?}"), mend)?;
    }
    let overlap = groups[0].iter().find(|node| groups[1].contains(*node));
    let given = overlap.map_or(String::new(), |node| format!("both with node {node}"));
    InvalidPlan::unless(
        overlap.is_none(),
        format!("{field}.partition.groups"),
        given,
        "give groups that do not overlap",
    )
}
