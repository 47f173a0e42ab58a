//! A bulkhead that can be told to be wrong: what the checker must catch.

#![allow(unreachable_pub, reason = "shared by test files")]

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::{Epoch, Host, Instant, Machine, Names, Policy};
use serde::{Deserialize, Serialize};

/// How a bulkhead is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    None,
    /// A cancelled call keeps its slot.
    LeaksWhenCancelled,
    /// It panics when it is asked while it is full.
    PanicsWhenFull,
    /// Its closing time passes unheeded: it does not wake.
    SleepsForEver,
}

/// How a bulkhead is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    pub slots: u32,
    pub fault: Fault,
    /// A refused caller makes it rest for one tick more than the die shows.
    pub rests_up_to: Option<NonZeroU32>,
}

pub fn setup(fault: Fault) -> Setup {
    Setup { slots: 2, fault, rests_up_to: None }
}

pub const TICK: Duration = Duration::from_millis(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Bulkhead {
    pub busy: u32,
    pub rests_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub Epoch);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    Ask,
    End(Outcome),
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    Done,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reply {
    Granted(Slot),
    Full,
    Done,
}

purlin::nameless!(Slot);
impl Names for Bulkhead {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.rests_until.iter_mut().for_each(each);
    }

    fn epochs(&mut self, _each: &mut dyn FnMut(&mut purlin::Epoch)) {}
}

impl Machine for Bulkhead {
    type Config = Setup;
    type Input = Input;
    type Reply = Reply;
    type Effect = ();

    fn step(&mut self, setup: &Setup, input: Input, host: &mut (impl Host<()> + ?Sized)) -> Reply {
        if setup.fault != Fault::SleepsForEver && self.rests_until.is_some_and(|until| host.now() >= until) {
            self.rests_until = None;
        }
        match input {
            Input::Ask if self.busy < setup.slots && self.rests_until.is_none() => {
                self.busy += 1;
                Reply::Granted(Slot(Epoch(0)))
            }
            Input::Ask => self.refuse(setup, host),
            Input::End(outcome) => {
                if setup.fault != Fault::LeaksWhenCancelled || outcome != Outcome::Cancelled {
                    self.busy -= 1;
                }
                Reply::Done
            }
            Input::Tick => Reply::Done,
        }
    }
}

impl Bulkhead {
    fn refuse(&mut self, setup: &Setup, host: &mut (impl Host<()> + ?Sized)) -> Reply {
        assert!(setup.fault != Fault::PanicsWhenFull, "nobody thought of a full bulkhead");
        if let (None, Some(bound)) = (self.rests_until, setup.rests_up_to) {
            let ticks = 1 + host.choose(bound);
            self.rests_until = Some(host.now() + TICK * ticks);
        }
        Reply::Full
    }
}

impl Policy for Bulkhead {
    type Permit = Slot;
    type Outcome = Outcome;
    const CANCELLED: Outcome = Outcome::Cancelled;

    fn new(_: &Setup, _: &mut (impl Host<()> + ?Sized)) -> Self {
        Self { busy: 0, rests_until: None }
    }

    fn wake(&self, _: &Setup) -> Option<Instant> {
        self.rests_until
    }

    fn ask() -> Input {
        Input::Ask
    }

    fn end(_: Slot, outcome: Outcome) -> Input {
        Input::End(outcome)
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn granted(reply: Reply) -> Result<Slot, Reply> {
        if let Reply::Granted(slot) = reply { Ok(slot) } else { Err(reply) }
    }
}
