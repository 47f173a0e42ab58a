//! The protocol as a scenario whose judge is a [`Historian`].

use crate::machine::{Answer, Config, Keeper, Request};
use core::time::Duration;
use purlin_sim::cluster::{Client, Cluster, Desk, Node, Occasion, Phase, Recovery, Setting, sights};
use purlin_sim::linearizability::{
    Checker, Historian, Register, RegisterOperation, RegisterOutcome, Translated, Translation,
};
use purlin_sim::{Die, InvalidPlan, Span};
use serde::{Deserialize, Serialize};

/// With the bug, or without.
pub(crate) struct Keeping<const READS_A_COPY: bool>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) clients: u32,
    /// How often clients swap, one time in so many.
    pub(crate) swaps: u64,
}

pub(crate) const THE_REGISTER_IS_LINEARIZABLE: &str = "the_register_is_linearizable";

impl<const READS_A_COPY: bool> Cluster for Keeping<READS_A_COPY> {
    const NAME: &'static str = "keeping";
    const ROOM: &'static str = "register";
    const SUMMARY: &'static str = "one value is read, written and swapped by several clients at once";
    const ALWAYS: &'static [&'static str] = &[THE_REGISTER_IS_LINEARIZABLE];
    const SOMETIMES: &'static [&'static str] = &[
        "a_history_was_decided",
        sights::RECORDS_WERE_LOST,
        sights::AN_ANSWER_STAYED_UNKNOWN,
        sights::A_DOWN_NODE_WAS_ASKED,
    ];
    type Protocol = Keeper;
    type Options = Options;
    type Client = User;
    type Judge = Historian<Registers>;

    fn draw(die: &mut Die) -> Options {
        Options { clients: die.between(2, 8) as u32, swaps: *die.pick(&[4, 1_000_000]) }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless(options.swaps >= 1, "swaps", options.swaps, "give at least 1")
    }

    fn nodes(_options: &Options) -> Vec<Node<Keeper>> {
        vec![Node::alone(Config { copied_after: READS_A_COPY.then_some(Duration::from_millis(20)) })]
    }

    fn clients(setting: &Setting<Options>) -> Vec<User> {
        let Options { clients, swaps } = setting.workload;
        (0..u64::from(clients)).map(|client| User { fresh: client, step: clients.into(), swaps, known: 0 }).collect()
    }

    fn judge(_setting: &Setting<Options>) -> Historian<Registers> {
        let checker = Checker::new(Register::new(0));
        Historian::new(THE_REGISTER_IS_LINEARIZABLE, Registers, checker).judging_every(500).noting_decided(0)
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let answer_ms = 6 * setting.environment.slowest_ms() + 50;
        Recovery { within_ms: 1_000, calm_ms: 1_000, answer_ms }
    }
}

/// The requests and answers are the register's operations and outcomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers;

impl Translation for Registers {
    type Protocol = Keeper;
    type Specification = Register<u64>;

    fn operations(&self, request: &Request, answer: Option<&Answer>) -> Vec<Translated<Register<u64>>> {
        let operation = match *request {
            Request::Read => RegisterOperation::Read,
            Request::Write(value) => RegisterOperation::Write(value),
            Request::Swap { expected, new } => RegisterOperation::Swap { expected, new },
        };
        let outcome = answer.map(|answer| match (request, answer) {
            (_, Answer::Value(value)) => RegisterOutcome::Read(*value),
            (_, Answer::OtherValue) => RegisterOutcome::Refused,
            (Request::Swap { .. }, Answer::Done) => RegisterOutcome::Swapped,
            (_, Answer::Done) => RegisterOutcome::Written,
        });
        vec![(operation, outcome)]
    }
}

/// Reads, writes what nobody wrote before, and swaps what it read last.
#[derive(Clone)]
pub(crate) struct User {
    fresh: u64,
    step: u64,
    swaps: u64,
    known: u64,
}

impl Client<Keeper> for User {
    fn act(&mut self, occasion: Occasion<'_, Keeper>, desk: &mut Desk<'_, Keeper>) {
        match occasion {
            Occasion::Woken => {
                let request = self.draw(desk);
                desk.ask(0, request);
                return;
            }
            Occasion::Answered { answer: Answer::Value(value), .. } => self.known = *value,
            _ => {}
        }
        let rest = desk.draw(Span::new(1, 60));
        desk.wake_after(rest.max(Duration::from_millis(1)));
    }
}

impl User {
    fn draw(&mut self, desk: &mut Desk<'_, Keeper>) -> Request {
        if desk.phase() == Phase::Calm || desk.die().below(2) == 0 {
            return Request::Read;
        }
        self.fresh += self.step;
        if desk.die().below(self.swaps) == 0 {
            return Request::Swap { expected: self.known, new: self.fresh };
        }
        Request::Write(self.fresh)
    }
}
