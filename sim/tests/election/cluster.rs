//! The election as a scenario, and storms of two hundred faults for it.

use super::machine::{Bug, Config, DoYouLead, Elected, Election, Leads};
use core::marker::PhantomData;
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{
    Client, Cluster, Desk, Environment, Event, Node, Occasion, Phase, Phases, Recovery, Setting,
};
use purlin_sim::document::Document;
use purlin_sim::{Budget, Die, Fault, FaultKind, InvalidPlan, Law, Link, Nodes, Plan, Ratio, Scenario, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The nodes elect leaders, rightly or not.
pub(crate) struct Electing<B>(PhantomData<B>);

/// Which bug a scenario has. It is no part of the plan, so one plan serves to show it and to show it mended.
pub(crate) trait Planted: 'static {
    const BUG: Bug;
}

pub(crate) struct Mended;

impl Planted for Mended {
    const BUG: Bug = Bug::None;
}

pub(crate) struct VotesAreNotSynced;

impl Planted for VotesAreNotSynced {
    const BUG: Bug = Bug::VotesAreNotSynced;
}

pub(crate) fn scenario<B: Planted>() -> Scenario {
    Scenario::of_protocol::<Electing<B>>()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) nodes: u32,
    pub(crate) patience_ms: u64,
    pub(crate) beat_ms: u64,
}

pub(crate) const AT_MOST_ONE_LEADER_A_TERM: &str = "at_most_one_leader_a_term";
pub(crate) const SOMEBODY_LEADS_IN_CALM: &str = "somebody_leads_in_calm";

impl<B: Planted> Cluster for Electing<B> {
    const NAME: &'static str = "electing";
    const ROOM: &'static str = "election";
    const SUMMARY: &'static str = "nodes elect a leader, at most one in each term";
    const ALWAYS: &'static [&'static str] = &[AT_MOST_ONE_LEADER_A_TERM, SOMEBODY_LEADS_IN_CALM];
    const SOMETIMES: &'static [&'static str] = &["a_second_leader_was_elected"];
    type Protocol = Election;
    type Options = Options;
    type Client = Onlooker;
    type Judge = Returning;

    fn draw(die: &mut Die) -> Options {
        let patience_ms = die.between(40, 150);
        Options { nodes: 5, patience_ms, beat_ms: patience_ms / 3 }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless((1..=9).contains(&options.nodes), "nodes", options.nodes, "give 1 to 9")?;
        let fits = (10..=10_000).contains(&options.patience_ms);
        InvalidPlan::unless(fits, "patience_ms", options.patience_ms, "give 10 to 10000 ms")?;
        let fits = (1..options.patience_ms).contains(&options.beat_ms);
        InvalidPlan::unless(fits, "beat_ms", options.beat_ms, "give at least 1 ms and less than the patience")
    }

    fn nodes(options: &Options) -> Vec<Node<Election>> {
        let Options { nodes, patience_ms, beat_ms } = *options;
        (0..nodes).map(|own| Node::at(own, Config { own, nodes, patience_ms, beat_ms, bug: B::BUG })).collect()
    }

    fn simpler(options: &Options) -> Vec<Options> {
        [3, 4]
            .into_iter()
            .filter(|nodes| *nodes < options.nodes)
            .map(|nodes| Options { nodes, ..options.clone() })
            .collect()
    }

    fn clients(setting: &Setting<Options>) -> Vec<Onlooker> {
        vec![Onlooker { nodes: setting.workload.nodes }]
    }

    fn judge(setting: &Setting<Options>) -> Returning {
        let phases = Self::recovery(setting).phases(setting.environment.safety_ms);
        Returning { phases, elected: BTreeMap::new(), calm: Calm::default(), coverage: Coverage::default() }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let answer_ms = 3 * setting.environment.slowest_ms() + 10;
        let round_ms = 2 * setting.workload.patience_ms + 4 * setting.environment.slowest_ms();
        Recovery { within_ms: 20 * round_ms, calm_ms: 2_000 + 2 * round_ms, answer_ms }
    }
}

/// Asks every node once a second whether it leads.
#[derive(Clone)]
pub(crate) struct Onlooker {
    nodes: u32,
}

impl Client<Election> for Onlooker {
    fn act(&mut self, occasion: Occasion<'_, Election>, desk: &mut Desk<'_, Election>) {
        if let Occasion::Woken = occasion {
            for node in 0..self.nodes {
                desk.ask(node, DoYouLead);
            }
        }
        if let Occasion::Woken | Occasion::Started = occasion {
            desk.wake_after(Duration::from_secs(1));
        }
    }
}

/// Counts the leaders.
#[derive(Clone)]
pub(crate) struct Returning {
    phases: Phases,
    elected: BTreeMap<u64, u32>,
    calm: Calm,
    coverage: Coverage,
}

/// What was answered once all should be well.
#[derive(Clone, Copy, Debug, Default)]
struct Calm {
    answers: u64,
    leaders: u64,
}

impl Judge for Returning {
    type Event<'a> = Event<'a, Election>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Election>) -> Result<(), Violation> {
        match *event {
            Event::Notified { node, event: Elected(term), .. } => self.was_elected(node, *term),
            Event::Answered { answer: Leads(leads), .. } => {
                let is_calm = self.phases.at(at.saturating_since(Instant::ORIGIN)) == Phase::Calm;
                self.calm.answers += u64::from(is_calm);
                self.calm.leaders += u64::from(is_calm && *leads);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        let Calm { answers, leaders } = self.calm;
        claim(SOMEBODY_LEADS_IN_CALM, leaders > 0, || format!("of {answers} answers none was that of a leader"))
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Returning {
    fn was_elected(&mut self, node: u32, term: u64) -> Result<(), Violation> {
        let first = *self.elected.entry(term).or_insert(node);
        if self.elected.len() > 1 {
            self.coverage.note(0);
        }
        claim(AT_MOST_ONE_LEADER_A_TERM, first == node, || {
            format!("nodes {first} and {node} were both elected in term {term}")
        })
    }
}

/// How many faults a storm has.
pub(crate) const FAULTS: usize = 200;

/// How long it rages, in milliseconds.
pub(crate) const SAFETY_MS: u64 = 30_000;

/// Two hundred faults of several kinds for five nodes in thirty seconds.
pub(crate) fn storm(seed: u64) -> Plan {
    let die = &mut Die::new(seed, "storm");
    let workload = <Electing<Mended> as Cluster>::draw(die);
    let bounds = <Electing<Mended> as Cluster>::clocks(&workload);
    let drawn = Environment::draw(die, workload.nodes, bounds);
    let environment = Environment { safety_ms: SAFETY_MS, sync: Span::new(5, 40), ..drawn };
    let faults = (0..FAULTS).map(|_| fault(die, workload.nodes)).collect();
    let noise = die.below(Plan::NOISE_MAX);
    let options = Document::of(&Setting { environment, workload });
    Plan {
        scenario: Electing::<Mended>::NAME.to_owned(),
        noise,
        options,
        budget: Budget::default(),
        faults,
        throws: None,
    }
}

fn fault(die: &mut Die, nodes: u32) -> Fault {
    let longest = *die.pick(&[20, 100, 1_000, 2_000]);
    let duration_ms = die.between(1, longest);
    let start_ms = die.between(0, SAFETY_MS - duration_ms);
    Fault { start_ms, duration_ms, kind: kind(die, nodes) }
}

fn kind(die: &mut Die, nodes: u32) -> FaultKind {
    let node = die.below(nodes.into()) as u32;
    let to = (node + 1 + die.below(u64::from(nodes) - 1) as u32) % nodes;
    let link = (die.below(2) == 0).then_some(Link { from: node, to });
    let share = Ratio::new(*die.pick(&[1, 3, 6, 10]), 10).unwrap_or(Ratio::ALL);
    match die.below(16) {
        0 => FaultKind::Kill { node },
        1..=5 => FaultKind::PowerLoss { node },
        6 => FaultKind::Pause { node },
        7..=8 => FaultKind::SlowDisk { node, extra: Span::new(0, die.between(1, 200)) },
        9 => FaultKind::ClockJump { node, forward_ms: die.between(1, 500) },
        10 => FaultKind::Lose { share, link },
        11 => FaultKind::Duplicate { share, link },
        12 => FaultKind::Delay { extra: Span::new(0, die.between(1, 200)), law: Law::Even, link },
        _ => FaultKind::Partition { groups: groups(die, nodes), one_way: die.below(3) == 0 },
    }
}

/// Two groups that do not hear of each other; the others hear of both.
fn groups(die: &mut Die, nodes: u32) -> [Nodes; 2] {
    let first = die.below(nodes.into()) as u32;
    let mut groups = [Nodes::NONE.with(first), Nodes::NONE.with((first + 1) % nodes)];
    for node in (2..nodes).map(|step| (first + step) % nodes) {
        let place = die.below(4) as usize;
        groups.iter_mut().skip(place).take(1).for_each(|group| *group = group.with(node));
    }
    groups
}
