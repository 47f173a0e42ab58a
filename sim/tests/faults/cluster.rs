//! The protocol as a scenario, with an option for the mistake that is planted.

use crate::bugs::Bug;
use crate::machine::{Answer, Config, LEASE, News, Request, Team, Word};
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{
    Client, ClockBounds, Cluster, Desk, Event, Node, Occasion, Phase, Phases, Recovery, Setting,
};
use purlin_sim::{Die, InvalidPlan, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Teamwork;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) words: u64,
    pub(crate) bug: Option<Bug>,
}

pub(crate) const EVERYBODY_HEARS_EVERYTHING: &str = "everybody_hears_everything";
pub(crate) const NO_TOKEN_IS_TAKEN_TWICE: &str = "no_token_is_taken_twice";
pub(crate) const NO_ID_IS_GIVEN_TWICE: &str = "no_id_is_given_twice";
pub(crate) const NOBODY_ACTS_WITHOUT_A_LEASE: &str = "nobody_acts_without_a_lease";

/// Four, so that in a ring those who do not reach each other have two neighbours in common, and at a bridge one.
pub(crate) const NODES: u32 = 4;
/// How many may be destroyed.
const SPARE: u32 = 1;
/// How many draw ids on each node.
const DRAWERS: u32 = 5;

impl Cluster for Teamwork {
    const NAME: &'static str = "teamwork";
    const ROOM: &'static str = "team";
    const SUMMARY: &'static str =
        "words are spread, tokens passed on, leases taken and ids drawn, with one mistake or none";
    const ALWAYS: &'static [&'static str] =
        &[EVERYBODY_HEARS_EVERYTHING, NO_TOKEN_IS_TAKEN_TWICE, NO_ID_IS_GIVEN_TWICE, NOBODY_ACTS_WITHOUT_A_LEASE];
    const SOMETIMES: &'static [&'static str] = &["a_token_was_taken", "a_node_acted", "an_id_was_drawn"];
    type Protocol = Team;
    type Options = Options;
    type Client = Person;
    type Judge = Auditor;

    fn draw(die: &mut Die) -> Options {
        Options { words: die.between(8, 14), bug: None }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless(options.words < 1_000, "words", options.words, "give at most 999")
    }

    fn nodes(options: &Options) -> Vec<Node<Team>> {
        Self::nodes_of(options, 0)
    }

    const VERSIONS: u32 = 2;

    fn nodes_of(options: &Options, version: u32) -> Vec<Node<Team>> {
        let Options { bug, .. } = *options;
        (0..NODES).map(|own| Node::at(own, Config { own, nodes: NODES, version, bug })).collect()
    }

    fn spare(_options: &Options) -> u32 {
        SPARE
    }

    fn clocks(_options: &Options) -> ClockBounds {
        ClockBounds { ahead_ms_max: 10_000, drift_ppm_max: 500_000 }
    }

    fn clients(setting: &Setting<Options>) -> Vec<Person> {
        let (words, safety_ms) = (setting.workload.words, setting.environment.safety_ms);
        let speaker = |node| Person::Speaker { node, next: 0, words, rest_ms: safety_ms / 10 };
        let drawers = (0..NODES * DRAWERS).map(|index| Person::Drawer { node: index / DRAWERS });
        (0..NODES).map(speaker).chain(drawers).collect()
    }

    fn judge(setting: &Setting<Options>) -> Auditor {
        let phases = Self::recovery(setting).phases(setting.environment.safety_ms);
        Auditor { phases, ..Auditor::default() }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let round_ms = 8 * setting.environment.slowest_ms() + 50;
        let within_ms = 2_000 + setting.workload.words * (round_ms + 20);
        Recovery { within_ms, calm_ms: 500 + 2 * round_ms, answer_ms: round_ms }
    }
}

/// Who asks the nodes.
#[derive(Clone)]
pub(crate) enum Person {
    /// Says one word after the other, each until it is confirmed; most of them while anything may fail, and some later.
    Speaker { node: u32, next: Word, words: u64, rest_ms: u64 },
    /// Draws ids.
    Drawer { node: u32 },
}

impl Client<Team> for Person {
    fn act(&mut self, occasion: Occasion<'_, Team>, desk: &mut Desk<'_, Team>) {
        match occasion {
            Occasion::Woken => return self.ask(desk),
            Occasion::Notified { .. } => return,
            Occasion::Answered { answer: Answer::Said, .. } => self.said(),
            _ => {}
        }
        let rest = desk.draw(self.rest(desk.phase()));
        desk.wake_after(rest.max(Duration::from_millis(1)));
    }
}

impl Person {
    fn said(&mut self) {
        if let Self::Speaker { next, .. } = self {
            *next += 1;
        }
    }

    fn rest(&self, phase: Phase) -> Span {
        match *self {
            Self::Speaker { rest_ms, .. } if phase == Phase::Safety => Span::new(rest_ms / 2, rest_ms),
            Self::Speaker { .. } => Span::new(1, 20),
            Self::Drawer { .. } => Span::new(50, 500),
        }
    }

    fn ask(&self, desk: &mut Desk<'_, Team>) {
        let at = desk.now().as_nanos();
        let (node, request) = match *self {
            Self::Speaker { node, next, words, .. } if next < words && desk.phase() != Phase::Calm => {
                (node, Request::Say(1_000 * u64::from(node) + next))
            }
            Self::Speaker { node, .. } => (node, Request::Count),
            Self::Drawer { node } => (node, Request::Draw(at)),
        };
        desk.ask(node, request);
    }
}

#[derive(Clone)]
pub(crate) struct Auditor {
    phases: Phases,
    /// How many words were said on each node.
    said: BTreeMap<u32, BTreeSet<Word>>,
    /// What each node counted last in calm, unless it is destroyed.
    counts: BTreeMap<u32, Vec<u64>>,
    tokens: BTreeSet<(u32, u32, u64)>,
    ids: BTreeSet<[u64; 4]>,
    leased: BTreeMap<u32, Instant>,
    coverage: Coverage,
}

impl Default for Auditor {
    fn default() -> Self {
        let [healed, recovered, end] = [Duration::ZERO; 3];
        Self {
            phases: Phases { healed, recovered, end },
            said: BTreeMap::new(),
            counts: BTreeMap::new(),
            tokens: BTreeSet::new(),
            ids: BTreeSet::new(),
            leased: BTreeMap::new(),
            coverage: Coverage::default(),
        }
    }
}

impl Judge for Auditor {
    type Event<'a> = Event<'a, Team>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Team>) -> Result<(), Violation> {
        match *event {
            Event::Answered { node, answer, .. } => return self.answered(at, node, answer),
            Event::Notified { node, event, .. } => return self.notified(at, node, event),
            Event::Asked { node, request: Request::Say(word), .. } => {
                self.said.entry(node).or_default().insert(*word);
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        let said = |node: &u32| self.said.get(node).map_or(0, BTreeSet::len) as u64;
        let knows_all = |counts: &Vec<u64>| self.counts.keys().all(|node| counts[*node as usize] == said(node));
        let holds = self.counts.len() as u32 + SPARE >= NODES && self.counts.values().all(knows_all);
        claim(EVERYBODY_HEARS_EVERYTHING, holds, || {
            let said: Vec<u64> = (0..NODES).map(|node| said(&node)).collect();
            format!("said were {said:?}, and counted {:?}", self.counts)
        })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Auditor {
    fn answered(&mut self, at: Instant, node: u32, answer: &Answer) -> Result<(), Violation> {
        match answer {
            Answer::Count(counts) if at > Instant::ORIGIN + self.phases.recovered => {
                self.counts.insert(node, counts.clone());
            }
            Answer::Drawn(id) => {
                self.coverage.note(2);
                let is_new = self.ids.insert(*id);
                return claim(NO_ID_IS_GIVEN_TWICE, is_new, || format!("node {node} gives {id:?} again"));
            }
            _ => {}
        }
        Ok(())
    }

    fn notified(&mut self, at: Instant, node: u32, news: &News) -> Result<(), Violation> {
        match *news {
            News::Took { from, seq } => {
                self.coverage.note(0);
                let is_new = self.tokens.insert((node, from, seq));
                claim(NO_TOKEN_IS_TAKEN_TWICE, is_new, || format!("node {node} takes {seq} from node {from} again"))
            }
            News::Leased => {
                self.leased.insert(node, at);
                Ok(())
            }
            News::Acted => {
                self.coverage.note(1);
                let passed = self.leased.get(&node).map(|leased| at.saturating_since(*leased));
                let holds = passed.is_some_and(|passed| passed <= LEASE);
                claim(NOBODY_ACTS_WITHOUT_A_LEASE, holds, || format!("node {node} acts {passed:?} after its lease"))
            }
        }
    }
}
