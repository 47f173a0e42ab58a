//! The election as a scenario.

use super::machine::{Bug, Config, DoYouLead, Elected, Election, Leads};
use core::marker::PhantomData;
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Phase, Phases, Recovery, Setting};
use purlin_sim::{Die, InvalidPlan, Scenario};
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
