//! The same protocol as a scenario: all that a user writes to have it stormed in both tiers.

use crate::machine::{Answer, Config, Gossip, Request};
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Phase, Phases, Recovery, Setting, sights};
use purlin_sim::{Die, InvalidPlan, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Gossiping;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) nodes: u32,
    pub(crate) words: u64,
    pub(crate) again_ms: u64,
}

pub(crate) const NOTHING_SAID_IS_LOST: &str = "nothing_said_is_lost";
pub(crate) const EVERYBODY_HEARS_EVERYTHING: &str = "everybody_hears_everything";
pub(crate) const RECORDS_READ_BACK_ARE_THOSE_WRITTEN: &str = "records_read_back_are_those_written";

impl Cluster for Gossiping {
    const NAME: &'static str = "gossiping";
    const ROOM: &'static str = "gossip";
    const SUMMARY: &'static str = "what is said on one node is heard on all of them";
    const ALWAYS: &'static [&'static str] =
        &[NOTHING_SAID_IS_LOST, EVERYBODY_HEARS_EVERYTHING, RECORDS_READ_BACK_ARE_THOSE_WRITTEN];
    const SOMETIMES: &'static [&'static str] = &[
        "a_word_arrived_twice",
        "a_record_was_read_back",
        "words_were_counted_in_calm",
        sights::RECORDS_WERE_LOST,
        sights::AN_ANSWER_STAYED_UNKNOWN,
        sights::A_PARTITION_LAY_BETWEEN_NODES,
        sights::A_JOURNAL_WAS_TAKEN_OVER,
        sights::A_PROCESS_WAS_PAUSED,
    ];
    type Protocol = Gossip;
    type Options = Options;
    type Client = Speaker;
    type Judge = Listener;

    fn draw(die: &mut Die) -> Options {
        Options { nodes: die.between(2, 4) as u32, words: die.between(5, 40), again_ms: die.between(20, 200) }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless((1..=9).contains(&options.nodes), "nodes", options.nodes, "give 1 to 9")?;
        InvalidPlan::unless(options.words <= 1_000, "words", options.words, "give at most 1000")
    }

    fn nodes(options: &Options) -> Vec<Node<Gossip>> {
        let Options { nodes, again_ms, .. } = *options;
        (0..nodes).map(|own| Node::at(own, Config { own, nodes, again_ms })).collect()
    }

    const VERSIONS: u32 = 2;

    /// The later version tells everything twice as often.
    fn nodes_of(options: &Options, version: u32) -> Vec<Node<Gossip>> {
        let again_ms = (options.again_ms >> version).max(1);
        Self::nodes(&Options { again_ms, ..options.clone() })
    }

    fn clients(setting: &Setting<Options>) -> Vec<Speaker> {
        let Options { nodes, words, .. } = setting.workload;
        (0..nodes).map(|node| Speaker { node, next: 0, words, recalls: 0 }).collect()
    }

    fn judge(setting: &Setting<Options>) -> Listener {
        let phases = Self::recovery(setting).phases(setting.environment.safety_ms);
        Listener { phases, said: BTreeSet::new(), last_count: BTreeMap::new(), coverage: Coverage::default() }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let round_ms = 6 * setting.environment.slowest_ms() + setting.workload.again_ms + 50;
        let within_ms = 5_000 + setting.workload.words * (round_ms + 100) + 4 * round_ms;
        Recovery { within_ms, calm_ms: 1_000 + 4 * round_ms, answer_ms: round_ms }
    }
}

/// Says one word after the other on its node, each until it is confirmed, and looks around in between.
#[derive(Clone)]
pub(crate) struct Speaker {
    node: u32,
    next: u64,
    words: u64,
    recalls: u64,
}

impl Client<Gossip> for Speaker {
    fn act(&mut self, occasion: Occasion<'_, Gossip>, desk: &mut Desk<'_, Gossip>) {
        match occasion {
            Occasion::Woken => return self.ask(desk),
            Occasion::Notified { .. } => return,
            Occasion::Answered { answer: Answer::Said, .. } => self.next += 1,
            _ => {}
        }
        let rest = desk.draw(Span::new(1, 100));
        desk.wake_after(rest.max(Duration::from_millis(1)));
    }
}

impl Speaker {
    fn ask(&mut self, desk: &mut Desk<'_, Gossip>) {
        let recalls = desk.die().below(4) == 0;
        let request = match desk.phase() {
            Phase::Calm => Request::Count,
            _ if recalls => Request::Recall(desk.die().below(10)),
            _ if self.next < self.words => Request::Say(1_000 * u64::from(self.node) + self.next),
            _ => Request::Count,
        };
        self.recalls += u64::from(recalls);
        desk.ask(self.node, request);
    }
}

#[derive(Clone)]
pub(crate) struct Listener {
    phases: Phases,
    said: BTreeSet<u64>,
    /// What each node last counted in calm.
    last_count: BTreeMap<u32, u64>,
    coverage: Coverage,
}

impl Judge for Listener {
    type Event<'a> = Event<'a, Gossip>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Gossip>) -> Result<(), Violation> {
        match *event {
            Event::Asked { request: Request::Say(word), .. } if !self.said.insert(*word) => self.coverage.note(0),
            Event::Answered { answer: Answer::Recalled(word), .. } => {
                self.coverage.note(1);
                return claim(RECORDS_READ_BACK_ARE_THOSE_WRITTEN, self.said.contains(word), || {
                    format!("nobody has said {word}")
                });
            }
            Event::Answered { node, answer: Answer::Count(count), .. } => {
                let calm = at > Instant::ORIGIN + self.phases.recovered;
                if calm {
                    self.coverage.note(2);
                    self.last_count.insert(node, *count);
                }
                let before = self.last_count.get(&node).copied().unwrap_or_default();
                return claim(NOTHING_SAID_IS_LOST, *count >= before, || {
                    format!("node {node} knew {before}, now {count}")
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        let all = self.said.len() as u64;
        let holds = !self.last_count.is_empty() && self.last_count.values().all(|count| *count == all);
        claim(EVERYBODY_HEARS_EVERYTHING, holds, || {
            format!("{all} words were said, and counted were {:?}", self.last_count)
        })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}
