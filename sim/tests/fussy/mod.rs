//! A cluster whose judge is fussy: it has several things to say about faults, each in a way of its own.

use crate::election::cluster::Onlooker;
use crate::election::machine::{Bug, Config, Election};
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Cluster, End, Event, Node, Recovery, Setting};
use purlin_sim::{Die, InvalidPlan, Scenario};
use serde::{Deserialize, Serialize};

pub(crate) fn fussy() -> Scenario {
    Scenario::of_protocol::<Fussy>()
}

/// Broken by a power loss: in one way if a process was killed before it, and in another if none was.
pub(crate) const POWER_STAYS: &str = "power_stays";
/// Broken if nothing ends.
pub(crate) const SOMETHING_ENDS: &str = "something_ends";

struct Fussy;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    nodes: u32,
}

impl Cluster for Fussy {
    const NAME: &'static str = "fussy";
    const ROOM: &'static str = "election";
    const SUMMARY: &'static str = "nobody likes faults";
    const ALWAYS: &'static [&'static str] = &[POWER_STAYS, SOMETHING_ENDS];
    const SOMETIMES: &'static [&'static str] = &[];
    type Protocol = Election;
    type Options = Options;
    type Client = Onlooker;
    type Judge = Critic;

    fn draw(_die: &mut Die) -> Options {
        Options { nodes: 3 }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless((1..=9).contains(&options.nodes), "nodes", options.nodes, "give 1 to 9")
    }

    fn nodes(options: &Options) -> Vec<Node<Election>> {
        let config = |own| Config { own, nodes: options.nodes, patience_ms: 200, beat_ms: 60, bug: Bug::None };
        (0..options.nodes).map(|own| Node::at(own, config(own))).collect()
    }

    fn clients(_setting: &Setting<Options>) -> Vec<Onlooker> {
        Vec::new()
    }

    fn judge(_setting: &Setting<Options>) -> Critic {
        Critic::default()
    }

    fn recovery(_setting: &Setting<Options>) -> Recovery {
        Recovery { within_ms: 100, calm_ms: 100, answer_ms: 100 }
    }

    fn simpler(options: &Options) -> Vec<Options> {
        if options.nodes > 1 { vec![Options { nodes: options.nodes - 1 }] } else { Vec::new() }
    }
}

#[derive(Clone, Default)]
struct Critic {
    killed: Option<u32>,
}

impl Judge for Critic {
    type Event<'a> = Event<'a, Election>;

    fn observe(&mut self, _at: Instant, event: &Event<'_, Election>) -> Result<(), Violation> {
        match (event, self.killed) {
            (Event::Ended { end: End::Stopped, node, .. }, _) => panic!("node {node} was stopped"),
            (Event::Ended { end: End::Killed, node, .. }, _) => {
                self.killed = Some(*node);
                Ok(())
            }
            (Event::Ended { end: End::PowerLost, node, .. }, Some(killed)) => {
                claim(POWER_STAYS, false, || format!("node {node} lost its power after node {killed} was killed"))
            }
            (Event::Ended { end: End::PowerLost, node, .. }, None) => {
                claim(POWER_STAYS, false, || format!("node {node} lost its power out of the blue"))
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        claim(SOMETHING_ENDS, self.killed.is_some(), || "nobody was killed".to_owned())
    }

    fn coverage(&self) -> Coverage {
        Coverage::default()
    }
}
