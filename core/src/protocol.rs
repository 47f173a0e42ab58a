//! The dialect of machines that live in an event loop: they take requests, write records, send messages and set timers.
//!
//! ```text
//!   requests, messages, timers, loads ──▶ ┌──────────┐ ──▶ Persist ─▶ journal ─▶ fold ─▶ image
//!                                         │ protocol │ ──▶ Send, Answer, Notify   (fenced: once all that is before is durable)
//!              recover(image) ──────────▶ └──────────┘ ──▶ Arm, Disarm, Load
//! ```
//!
//! What survives a crash is the *image*: the fold of every record that was persisted. A host that keeps the journal
//! keeps the image, and may replace the one by the other.
//!
//! # The laws of protocols
//! Beside those of all machines (see the [crate]):
//! - the image equals the fold of all records persisted so far, and [`Protocol::recover`] decides durably alike;
//! - a stale timer changes nothing durable.
//!
//! # The laws of hosts
//! 1. A fenced [`Effect::Send`], an [`Effect::Answer`] and an [`Effect::Notify`] wait for every earlier
//!    [`Effect::Persist`], of any step. Unfenced sends, [`Effect::Arm`] and [`Effect::Disarm`] never wait.
//! 2. A refused `Persist` (a stale generation) ends the machine and drops what follows.
//! 3. At most one answer a ticket; exactly one by the time of shutdown or of a closed channel.
//! 4. One sync serves a whole drained inbox.
//! 5. Messages to oneself are never lost, die with the process, and run after the current batch. A fenced one tells that
//!    one's own write is durable.

use crate::machine::{Data, Host, Machine};
use core::time::Duration;
use derive_where::derive_where;
use serde::{Deserialize, Serialize};

/// Marks a request, so that its answer finds the one who asked. Volatile: never persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// Whether a message waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// It leaves once everything persisted before it is durable. Votes, and requests for them, are such.
    Durable,
    /// It need not wait: a leader's appends, refusals.
    None,
}

/// Everything that can happen to a protocol.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Input<P: Protocol> {
    /// Somebody on this node asks for something.
    Request {
        /// Goes back with the answer.
        ticket: Ticket,
        /// What is asked.
        request: P::Request,
    },
    /// A message came in.
    Message {
        /// Who sent it.
        from: P::Address,
        /// What it says.
        message: P::Message,
    },
    /// A timer that was armed has fired, perhaps late.
    Timer(P::Timer),
    /// What an [`Effect::Load`] asked for.
    Loaded(P::Loaded),
}

/// Everything a protocol may ask of its host.
#[derive_where(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", rename_all = "snake_case")]
pub enum Effect<P: Protocol> {
    /// Append a record to the journal.
    Persist(P::Record),
    /// Read something back that was persisted before. Answered once, by [`Input::Loaded`], or never.
    Load(P::Load),
    /// Send a message.
    Send {
        /// To whom; perhaps to oneself.
        to: P::Address,
        /// What it says.
        message: P::Message,
        /// Whether it waits for the disk.
        fence: Fence,
    },
    /// Set a timer, in place of an earlier one of the same name. It may fire at any later moment.
    Arm {
        /// Its name.
        timer: P::Timer,
        /// After how long.
        after: Duration,
    },
    /// Stop a timer. It may fire all the same.
    Disarm(P::Timer),
    /// Answer a request, once all that was persisted before is durable.
    Answer {
        /// The request's.
        ticket: Ticket,
        /// What is answered.
        answer: P::Answer,
    },
    /// Tell whoever watches, once all that was persisted before is durable.
    Notify(P::Event),
}

/// A machine that lives in an event loop.
pub trait Protocol: Machine<Input = Input<Self>, Effect = Effect<Self>, Reply = ()> {
    /// Another node.
    type Address: Data;
    /// What is asked of this node.
    type Request: Data;
    /// What it answers.
    type Answer: Data;
    /// What nodes say to each other.
    type Message: Data;
    /// The names of its timers.
    type Timer: Data;
    /// What it writes to its journal.
    type Record: Data;
    /// What it reads back.
    type Load: Data;
    /// What was read back.
    type Loaded: Data;
    /// What it announces.
    type Event: Data;
    /// What survives a crash. A journal is compacted by writing it.
    type Image: Data + Default;

    /// Takes one record into the image. Total: a record that does not fit changes nothing.
    fn fold(config: &Self::Config, image: &mut Self::Image, record: Self::Record);

    /// What would survive if everything persisted so far were durable and the process died now.
    fn image(&self) -> &Self::Image;

    /// A machine that goes on from what survived.
    fn recover(config: &Self::Config, image: Self::Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self;

    /// What a load means, told by the whole journal: models run it, adapters keep an index instead.
    fn lookup(_config: &Self::Config, _journal: &[Self::Record], _load: Self::Load) -> Option<Self::Loaded> {
        None
    }
}

/// For associated types that a protocol has no use for: nothing can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Never {}
