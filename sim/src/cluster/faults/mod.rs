//! The faults of a cluster that are in force, and what they do to messages, processes, disks and dice.

mod check;
mod draw;
mod line;

pub(super) use check::check_kind;
pub(super) use draw::Arsenal;

use super::client::draw;
use crate::die::Die;
use crate::plan::{Fault, FaultKind, Link, Nodes, Span};
use core::num::NonZeroU32;
use core::time::Duration;
use line::Lines;
use purlin::Instant;
use serde::Serialize;
use std::sync::Arc;

/// Which of the plan's faults are in force.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    planned: Arc<[Fault]>,
    in_force: Vec<u32>,
    /// Flapping partitions that let everything pass at the moment.
    free: Vec<u32>,
    lines: Lines,
    nodes: u32,
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
    pub(super) fn new(planned: &[Fault], nodes: u32, grain_nanos: u64) -> Self {
        let (in_force, free, lines) = (Vec::new(), Vec::new(), Lines::default());
        Self { planned: planned.into(), in_force, free, lines, nodes, grain_nanos }
    }

    pub(super) fn begin(&mut self, fault: u32) -> FaultKind {
        self.in_force.push(fault);
        self.planned[fault as usize].kind
    }

    pub(super) fn end(&mut self, fault: u32) -> FaultKind {
        self.in_force.retain(|in_force| *in_force != fault);
        self.free.retain(|free| *free != fault);
        self.lines.forget(fault);
        self.planned[fault as usize].kind
    }

    /// Lets a flapping partition fall or rise. How long it stays so; `None` if it is over, or none.
    pub(super) fn flap(&mut self, fault: u32) -> Option<Duration> {
        let FaultKind::Flap { cut_ms, free_ms, .. } = self.planned[fault as usize].kind else { return None };
        if !self.in_force.contains(&fault) {
            return None;
        }
        let was_free = self.free.iter().position(|free| *free == fault);
        match was_free {
            Some(place) => drop(self.free.swap_remove(place)),
            None => self.free.push(fault),
        }
        Some(Duration::from_millis(if was_free.is_some() { cut_ms } else { free_ms }))
    }

    pub(super) fn draw(&self, die: &mut Die, span: Span) -> Duration {
        draw(die, span, self.grain_nanos)
    }

    fn in_force(&self) -> impl Iterator<Item = &Fault> {
        self.in_force.iter().map(|fault| &self.planned[*fault as usize])
    }

    fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        self.in_force().map(|fault| &fault.kind)
    }

    /// How much longer something takes that begins now. What a fault makes late comes as soon as it is over.
    fn longer(&self, now: Instant, die: &mut Die, fault: &Fault, extra: Span) -> Duration {
        self.draw(die, extra).min((Instant::ORIGIN + fault.end()).saturating_since(now))
    }
}

/// Processes, disks, dice and clients.
impl Faults {
    /// How long a disk takes now.
    pub(super) fn sync(&self, now: Instant, die: &mut Die, usual: Span, node: u32) -> Duration {
        let usual = self.draw(die, usual);
        let longer = self.in_force().filter_map(|fault| match fault.kind {
            FaultKind::SlowDisk { node: slow, extra } if slow == node => Some(self.longer(now, die, fault, extra)),
            _ => None,
        });
        longer.fold(usual, |sum, longer| sum + longer)
    }

    /// How long a node takes now over whatever comes in; `None` if no time worth mentioning.
    pub(super) fn service(&self, die: &mut Die, node: u32) -> Option<Duration> {
        let extra = |kind: &FaultKind| match *kind {
            FaultKind::SlowNode { node: slow, extra } if slow == node => Some(extra),
            _ => None,
        };
        self.kinds().filter_map(extra).map(|extra| self.draw(die, extra)).reduce(|sum, extra| sum + extra)
    }

    /// What a node throws, if its die is loaded.
    pub(super) fn loaded(&self, node: u32, bound: NonZeroU32) -> Option<u32> {
        self.kinds().find_map(|kind| match *kind {
            FaultKind::LoadedDie { node: loaded, face } if loaded == node => Some(face.min(bound.get() - 1)),
            _ => None,
        })
    }

    /// How a node's clock drifts, if not as usual: of several faults the last one says so.
    pub(super) fn drift(&self, node: u32) -> Option<i32> {
        let drifts = self.kinds().filter_map(|kind| match *kind {
            FaultKind::ClockDrift { node: drifting, drift_ppm } if drifting == node => Some(drift_ppm),
            _ => None,
        });
        drifts.last()
    }

    /// By how much clients rest less than usual: as the strongest of several spikes has it.
    pub(super) fn haste(&self) -> u32 {
        let factor = |kind: &FaultKind| if let FaultKind::Spike { factor } = *kind { factor } else { 1 };
        self.kinds().map(factor).fold(1, u32::max)
    }
}

/// Messages.
impl Faults {
    /// How long a message takes now.
    pub(super) fn latency(&self, now: Instant, die: &mut Die, usual: Span, link: Link) -> Duration {
        self.draw(die, usual) + self.delay(now, die, link)
    }

    /// How much longer than usual a message takes now.
    pub(super) fn delay(&self, now: Instant, die: &mut Die, link: Link) -> Duration {
        let longer = self.in_force().filter_map(|fault| match fault.kind {
            FaultKind::Delay { extra, law, link: on } if strikes(on, link) => {
                let span = extra.shortened(law, die);
                Some(self.longer(now, die, fault, span))
            }
            FaultKind::Reorder { share, extra, link: on } if strikes(on, link) && die.strikes(share) => {
                Some(self.longer(now, die, fault, extra))
            }
            _ => None,
        });
        longer.sum()
    }

    /// What becomes of a message that is sent now. Behind a partition one in two is lost.
    pub(super) fn passage(&self, die: &mut Die, link: Link) -> Passage {
        let mut copies = 1;
        for kind in self.kinds() {
            match *kind {
                FaultKind::Lose { share, link: on } if strikes(on, link) && die.strikes(share) => {
                    return Passage::Lost;
                }
                FaultKind::Duplicate { share, link: on } if strikes(on, link) && die.strikes(share) => {
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

    /// How long a message waits for those before it and for itself, where a link is narrow; `None` if it does not fit
    /// any more.
    pub(super) fn squeeze(&mut self, now: Instant, link: Link, size: impl FnOnce() -> u64) -> Option<Duration> {
        let narrow = self.in_force.iter().filter(|fault| {
            matches!(self.planned[**fault as usize].kind, FaultKind::Bandwidth { link: on, .. } if strikes(on, link))
        });
        let narrow: Vec<u32> = narrow.copied().collect();
        if narrow.is_empty() {
            return Some(Duration::ZERO);
        }
        let (size, planned) = (size(), Arc::clone(&self.planned));
        let waits = narrow.into_iter().map(|fault| match planned[fault as usize].kind {
            FaultKind::Bandwidth { bytes_per_second, queue_bytes, .. } => {
                let waits = self.lines.enter(fault, link, now, size, bytes_per_second, queue_bytes)?;
                Some(waits.min((Instant::ORIGIN + planned[fault as usize].end()).saturating_since(now)))
            }
            _ => Some(Duration::ZERO),
        });
        waits.sum()
    }

    /// Whether a partition lies between sender and receiver.
    pub(super) fn is_cut(&self, link: Link) -> bool {
        let is_free = |fault: &u32| self.free.contains(fault);
        let cutting = self.in_force.iter().filter(|fault| !is_free(fault));
        cutting.map(|fault| &self.planned[*fault as usize].kind).any(|kind| cuts(kind, link, self.nodes))
    }
}

/// How many bytes a message has on the wire.
pub(super) fn size(message: &impl Serialize) -> u64 {
    postcard::serialize_with_flavor(message, postcard::ser_flavors::Size::default()).map_or(0, |bytes| bytes as u64)
}

fn strikes(on: Option<Link>, link: Link) -> bool {
    on.is_none_or(|on| on == link)
}

fn cuts(kind: &FaultKind, link: Link, nodes: u32) -> bool {
    let Link { from, to } = link;
    match *kind {
        FaultKind::Partition { groups, one_way } => lies_between(groups, link, one_way),
        FaultKind::Flap { groups, .. } => lies_between(groups, link, false),
        FaultKind::Bridge { node } => (from < node && to > node) || (to < node && from > node),
        FaultKind::Ring => (from + 1) % nodes != to && (to + 1) % nodes != from,
        _ => false,
    }
}

fn lies_between([first, second]: [Nodes; 2], Link { from, to }: Link, one_way: bool) -> bool {
    let there = first.contains(from) && second.contains(to);
    there || (!one_way && second.contains(from) && first.contains(to))
}
