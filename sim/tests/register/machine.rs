//! A protocol of a user's: one node that keeps one value. It can be built with a bug: reads come from a copy that follows
//! the writes a while later.

use core::time::Duration;
use purlin::protocol::{Effect, Errands, Input, Never, Protocol, Ticket};
use purlin::{Host, Machine};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// How long after a write the copy is made from which reads are answered. The bug; without it there is no copy.
    pub(crate) copied_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    Read,
    Write(u64),
    Swap { expected: u64, new: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Answer {
    Value(u64),
    Done,
    OtherValue,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Copy;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Keeper {
    value: u64,
    copy: u64,
}

purlin::nameless!(Request, Answer, Keeper);

impl Machine for Keeper {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request } => self.asked(config, ticket, request, host),
            Input::Timer(Copy) => self.copy = self.value,
            Input::Message { message, .. } => match message {},
            Input::Loaded(loaded) => match loaded {},
        }
    }
}

impl Protocol for Keeper {
    const FORMAT: u32 = 1;
    type Address = Never;
    type Timer = Copy;
    type Request = Request;
    type Answer = Answer;
    type Message = Never;
    type Record = u64;
    type Load = Never;
    type Loaded = Never;
    type Event = Never;
    type Image = u64;

    fn fold(image: &mut u64, record: u64) {
        *image = record;
    }

    fn image(&self) -> &u64 {
        &self.value
    }

    fn recover(_config: &Config, value: u64, _host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        Self { value, copy: value }
    }
}

impl Keeper {
    fn asked(
        &mut self,
        config: &Config,
        ticket: Ticket,
        request: Request,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) {
        let answer = match request {
            Request::Read if config.copied_after.is_some() => Answer::Value(self.copy),
            Request::Read => Answer::Value(self.value),
            Request::Swap { expected, .. } if expected != self.value => Answer::OtherValue,
            Request::Write(new) | Request::Swap { new, .. } => self.keep(config, new, host),
        };
        host.answer(ticket, answer);
    }

    fn keep(&mut self, config: &Config, new: u64, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Answer {
        self.value = new;
        host.persist(new);
        config.copied_after.into_iter().for_each(|after| host.arm(Copy, after));
        Answer::Done
    }
}
