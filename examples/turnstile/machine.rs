//! A turnstile: it lets in so many at a time. The smallest machine that is of use, in one word.

use core::num::NonZeroU32;
use purlin::{Host, Instant, Machine, Packed, Policy};
use serde::{Deserialize, Serialize};

/// How many may be inside at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// At least one.
    pub places: NonZeroU32,
}

/// The turnstile: all it has to know is how many are inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Turnstile {
    inside: u32,
}

/// What a guest holds until leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket;

/// What happens at a turnstile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A guest wants in.
    Enter,
    /// A guest goes.
    Leave(Ticket),
    /// Time passes, which means nothing here.
    Tick,
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reply {
    /// Come in.
    Welcome(Ticket),
    /// All places are taken.
    Full,
    /// To everything else.
    Noted,
}

/// What it announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The last place was taken.
    Filled,
}

purlin::nameless!(Ticket, Turnstile);

impl Machine for Turnstile {
    type Config = Config;
    type Input = Input;
    type Reply = Reply;
    type Effect = Event;

    fn step(&mut self, config: &Config, input: Input, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        match input {
            Input::Enter => self.enter(config, host),
            Input::Leave(Ticket) => self.leave(),
            Input::Tick => Reply::Noted,
        }
    }
}

impl Turnstile {
    fn enter(&mut self, config: &Config, host: &mut (impl Host<Event> + ?Sized)) -> Reply {
        if self.inside >= config.places.get() {
            return Reply::Full;
        }
        self.inside += 1;
        if self.inside == config.places.get() {
            host.emit(Event::Filled);
        }
        Reply::Welcome(Ticket)
    }

    fn leave(&mut self) -> Reply {
        self.inside = self.inside.saturating_sub(1);
        Reply::Noted
    }

    /// How many are inside.
    pub fn inside(&self) -> u32 {
        self.inside
    }
}

impl Policy for Turnstile {
    type Permit = Ticket;
    type Outcome = ();
    const CANCELLED: () = ();

    fn new(_config: &Config, _host: &mut (impl Host<Event> + ?Sized)) -> Self {
        Self::default()
    }

    fn wake(&self, _config: &Config) -> Option<Instant> {
        None
    }

    fn ask() -> Input {
        Input::Enter
    }

    fn end(ticket: Ticket, _outcome: ()) -> Input {
        Input::Leave(ticket)
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn granted(reply: Reply) -> Result<Ticket, Reply> {
        if let Reply::Welcome(ticket) = reply { Ok(ticket) } else { Err(reply) }
    }
}

impl Packed for Turnstile {
    fn pack(&self) -> u64 {
        u64::from(self.inside)
    }

    fn unpack(word: u64) -> Self {
        Self { inside: word as u32 }
    }
}
