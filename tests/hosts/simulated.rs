//! The probe as a scenario of both tiers.

use crate::probe::{Config, Message, Probe, Request, may_leave, overtakes};
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Recovery, Setting, sights};
use purlin_sim::{Die, InvalidPlan};
use serde::{Deserialize, Serialize};

/// Two probes that write to each other.
pub(crate) struct Relay;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Options {
    clients: u32,
}

const FENCED_WAITS: &str = "what_is_fenced_waits_for_every_earlier_record";
const THE_DEAD_ARE_SILENT: &str = "a_process_that_has_ended_says_nothing";
const OVERTAKES: &str = "an_unfenced_message_overtakes_a_record";
const OWN_CAME: &str = "a_message_to_oneself_tells_that_a_record_is_durable";

impl Cluster for Relay {
    const NAME: &'static str = "relay";
    const ROOM: &'static str = "hosts";
    const SUMMARY: &'static str = "two probes tell on their hosts";
    const ALWAYS: &'static [&'static str] = &[FENCED_WAITS, THE_DEAD_ARE_SILENT];
    const SOMETIMES: &'static [&'static str] = &[
        OVERTAKES,
        OWN_CAME,
        sights::ONE_SYNC_SERVED_SEVERAL_RECORDS,
        sights::A_PROCESS_WAS_KILLED,
        sights::THE_POWER_WENT,
        sights::RECORDS_WERE_LOST,
        sights::AN_ANSWER_STAYED_UNKNOWN,
    ];
    type Protocol = Probe;
    type Options = Options;
    type Client = Asker;
    type Judge = Laws;

    fn draw(die: &mut Die) -> Options {
        Options { clients: die.between(1, 12) as u32 }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless((1..=16).contains(&options.clients), "clients", options.clients, "give 1 to 16")
    }

    fn nodes(_options: &Options) -> Vec<Node<Probe>> {
        let node = |own, peer| Node::at(own, Config { own, peer });
        vec![node(0, 1), node(1, 0)]
    }

    fn clients(setting: &Setting<Options>) -> Vec<Asker> {
        (0..setting.workload.clients).map(|client| Asker { node: client % 2 }).collect()
    }

    fn judge(_setting: &Setting<Options>) -> Laws {
        Laws { nodes: [NodeSeen { durable: 0, lives: true }; 2], coverage: Coverage::default() }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        Recovery { within_ms: 1_000, calm_ms: 1_000, answer_ms: 3 * setting.environment.slowest_ms() + 100 }
    }
}

/// Asks one node, over and over.
#[derive(Clone)]
pub(crate) struct Asker {
    node: u32,
}

impl Client<Probe> for Asker {
    fn act(&mut self, occasion: Occasion<'_, Probe>, desk: &mut Desk<'_, Probe>) {
        match occasion {
            Occasion::Started | Occasion::Answered { .. } | Occasion::Unanswered { .. } => {
                let rest = Duration::from_millis(desk.die().between(1, 12));
                desk.wake_after(rest);
            }
            Occasion::Woken => {
                let request = *desk.die().pick(&[Request::Write, Request::Write, Request::Read]);
                let _ = desk.ask(self.node, request);
            }
            Occasion::Notified { .. } => {}
        }
    }
}

#[derive(Clone)]
pub(crate) struct Laws {
    nodes: [NodeSeen; 2],
    coverage: Coverage,
}

#[derive(Clone, Copy)]
struct NodeSeen {
    durable: u64,
    lives: bool,
}

impl Laws {
    fn says(&mut self, node: u32, needs: u64) -> Result<(), Violation> {
        let NodeSeen { durable, lives } = self.nodes[node as usize];
        claim(THE_DEAD_ARE_SILENT, lives, || format!("node {node} has ended"))?;
        claim(FENCED_WAITS, needs <= durable, || format!("node {node} needs {needs} records, {durable} are durable"))
    }

    fn sent(&mut self, from: u32, message: Message) -> Result<(), Violation> {
        self.says(from, 0)?;
        let durable = self.nodes[from as usize].durable;
        self.see(0, overtakes(message, durable));
        self.see(1, matches!(message, Message::OwnCame { .. }));
        claim(FENCED_WAITS, may_leave(message, durable), || format!("node {from} sends {message:?} at {durable}"))
    }

    fn see(&mut self, sight: u32, seen: bool) {
        if seen {
            self.coverage.note(sight);
        }
    }
}

impl Judge for Laws {
    type Event<'a> = Event<'a, Probe>;

    fn observe(&mut self, _at: Instant, event: &Event<'_, Probe>) -> Result<(), Violation> {
        match *event {
            Event::Answered { node, answer: count, .. } | Event::Notified { node, event: count, .. } => {
                self.says(node, count.0)
            }
            Event::Sent { from, message, .. } => self.sent(from, *message),
            Event::Synced { node, records } => {
                self.nodes[node as usize].durable = records;
                Ok(())
            }
            Event::Ended { node, .. } => {
                self.nodes[node as usize].lives = false;
                Ok(())
            }
            Event::Recovered { node, records, .. } => {
                self.nodes[node as usize] = NodeSeen { durable: records, lives: true };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        Ok(())
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}
