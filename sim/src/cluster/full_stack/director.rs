//! Lets the plan come true, tick by tick.

use super::host;
use super::stage::Stage;
use crate::cluster::{Cluster, Event, Staged};
use crate::plan::{Link, Plan};
use crate::stack::step;
use core::time::Duration;
use purlin::Instant;

pub(super) struct Director<'a, C: Cluster> {
    stage: &'a Stage<C>,
    /// What is to come, the latest first.
    agenda: Vec<(Duration, Cue)>,
    /// Every two nodes, and what lies between them.
    links: Vec<(Link, Way)>,
}

#[derive(Clone, Copy, Debug)]
enum Cue {
    Begin(u32),
    End(u32),
    /// A flapping partition falls or rises.
    Flap(u32),
    Heal,
}

/// What lies between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Free,
    /// What is sent waits.
    Held,
    /// What is sent is gone.
    Dark,
}

impl<'a, C: Cluster> Director<'a, C> {
    pub(super) fn new(plan: &Plan<Staged<C>>, stage: &'a Stage<C>) -> Self {
        let faults = (0..).zip(&plan.faults);
        let cues =
            faults.flat_map(|(index, fault)| [(fault.start(), Cue::Begin(index)), (fault.end(), Cue::End(index))]);
        let mut agenda: Vec<_> = cues.chain([(plan.options.phases().healed, Cue::Heal)]).collect();
        agenda.sort_by_key(|(at, _)| *at);
        agenda.reverse();
        let nodes = stage.nodes();
        let links = (0..nodes).flat_map(|from| (from + 1..nodes).map(move |to| (Link { from, to }, Way::Free)));
        Self { stage, agenda, links: links.collect() }
    }

    /// Returns how far the simulation came.
    pub(super) fn direct(mut self, simulation: &mut turmoil::Sim<'_>, end: Duration) -> Duration {
        while simulation.elapsed() < end && !self.stage.is_violated() {
            self.give_cues(simulation);
            self.set_latencies(simulation);
            self.stage.note(step(simulation));
        }
        simulation.elapsed()
    }

    fn give_cues(&mut self, simulation: &turmoil::Sim<'_>) {
        while let Some((_, cue)) = self.agenda.pop_if(|(at, _)| *at <= simulation.elapsed()) {
            let at = Instant::ORIGIN + simulation.elapsed();
            match cue {
                Cue::Begin(fault) => {
                    let stays = self.stage.begin(at, fault);
                    self.flap_again(fault, simulation.elapsed(), stays);
                }
                Cue::Flap(fault) => {
                    let stays = self.stage.flap(fault);
                    self.flap_again(fault, simulation.elapsed(), stays);
                }
                Cue::End(fault) => self.stage.end(at, fault),
                Cue::Heal => self.stage.record(at, &Event::Healed),
            }
            self.set_ways(simulation);
        }
    }

    fn flap_again(&mut self, fault: u32, now: Duration, stays: Option<Duration>) {
        if let Some(stays) = stays {
            let at = now + stays;
            let place = self.agenda.partition_point(|(other, _)| *other > at);
            self.agenda.insert(place, (at, Cue::Flap(fault)));
        }
    }

    /// Before a process that loses its power is torn down, the silence must have begun.
    fn set_ways(&mut self, simulation: &turmoil::Sim<'_>) {
        for (link, present) in &mut self.links {
            let way = match self.stage.link(*link) {
                (false, _) => Way::Dark,
                (true, true) => Way::Held,
                (true, false) => Way::Free,
            };
            if way != *present {
                clear(simulation, *link, *present);
                block(simulation, *link, way);
                *present = way;
            }
        }
    }

    fn set_latencies(&self, simulation: &turmoil::Sim<'_>) {
        for (link, _) in &self.links {
            simulation.set_link_latency(host(link.from), host(link.to), self.stage.latency());
        }
    }
}

fn clear(simulation: &turmoil::Sim<'_>, link: Link, way: Way) {
    let (from, to) = (host(link.from), host(link.to));
    match way {
        Way::Free => {}
        Way::Held => simulation.release(from, to),
        Way::Dark => simulation.repair(from, to),
    }
}

fn block(simulation: &turmoil::Sim<'_>, link: Link, way: Way) {
    let (from, to) = (host(link.from), host(link.to));
    match way {
        Way::Free => {}
        Way::Held => simulation.hold(from, to),
        Way::Dark => simulation.partition(from, to),
    }
}
