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

use crate::machine::{Data, Epoch, Host, Machine, Names};
use crate::nameless;
use crate::time::Instant;
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        bound = "P::Request: schemars::JsonSchema, P::Address: schemars::JsonSchema, P::Message: schemars::JsonSchema, P::Timer: schemars::JsonSchema, P::Loaded: schemars::JsonSchema"
    )
)]
#[serde(bound = "", rename_all = "snake_case", deny_unknown_fields)]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        bound = "P::Record: schemars::JsonSchema, P::Load: schemars::JsonSchema, P::Address: schemars::JsonSchema, P::Message: schemars::JsonSchema, P::Timer: schemars::JsonSchema, P::Answer: schemars::JsonSchema, P::Event: schemars::JsonSchema"
    )
)]
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
///
/// What travels and what is written holds its instants and epochs where [`Names`] finds them, so that a model can shift
/// a whole cluster in time. A fresh machine is one that recovers from an empty image.
pub trait Protocol: Machine<Input = Input<Self>, Effect = Effect<Self>, Reply = ()> {
    /// The version of records and images as they are written. A journal that holds another is refused, so it rises
    /// whenever the meaning or the shape of either changes.
    const FORMAT: u32;
    /// Another node.
    type Address: Data;
    /// The names of its timers.
    type Timer: Data;
    /// What is asked of this node.
    type Request: Data + Names;
    /// What it answers.
    type Answer: Data + Names;
    /// What nodes say to each other.
    type Message: Data + Names;
    /// What it writes to its journal.
    type Record: Data + Names;
    /// What it reads back.
    type Load: Data + Names;
    /// What was read back.
    type Loaded: Data + Names;
    /// What it announces.
    type Event: Data + Names;
    /// What survives a crash. A journal is compacted by writing it.
    type Image: Data + Names + Default;

    /// Takes one record into the image. Total: a record that does not fit changes nothing.
    ///
    /// There is no configuration here. A journal is read long after it was written, and must mean what it meant then:
    /// whatever a configuration decided stands in the record.
    fn fold(image: &mut Self::Image, record: Self::Record);

    /// What would survive if everything persisted so far were durable and the process died now.
    fn image(&self) -> &Self::Image;

    /// A machine that goes on from what survived.
    fn recover(config: &Self::Config, image: Self::Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self;

    /// What a load means, told by the whole journal: models run it, adapters keep an index instead.
    fn lookup(_journal: &[Self::Record], _load: Self::Load) -> Option<Self::Loaded> {
        None
    }
}

/// The effects by name, so that a protocol reads as what it asks for.
///
/// ```
/// use core::time::Duration;
/// use purlin::Host;
/// use purlin::protocol::{Effect, Errands, Ticket};
/// use purlin::queue::{Answer, Queue, Timer};
///
/// fn well(host: &mut dyn Host<Effect<Queue>>) {
///     host.arm(Timer::LeaseOver, Duration::from_secs(1));
///     host.answer(Ticket(7), Answer::Ok);
/// }
/// ```
pub trait Errands<P: Protocol>: Host<Effect<P>> {
    /// Appends a record to the journal.
    fn persist(&mut self, record: P::Record) {
        self.emit(Effect::Persist(record));
    }

    /// Reads something back.
    fn load(&mut self, load: P::Load) {
        self.emit(Effect::Load(load));
    }

    /// Sends a message once all that was persisted before is durable.
    fn send(&mut self, to: P::Address, message: P::Message) {
        self.emit(Effect::Send { to, message, fence: Fence::Durable });
    }

    /// Sends a message that need not wait for the disk.
    fn send_unfenced(&mut self, to: P::Address, message: P::Message) {
        self.emit(Effect::Send { to, message, fence: Fence::None });
    }

    /// Sets a timer, in place of an earlier one of the same name.
    fn arm(&mut self, timer: P::Timer, after: Duration) {
        self.emit(Effect::Arm { timer, after });
    }

    /// Stops a timer.
    fn disarm(&mut self, timer: P::Timer) {
        self.emit(Effect::Disarm(timer));
    }

    /// Answers a request.
    fn answer(&mut self, ticket: Ticket, answer: P::Answer) {
        self.emit(Effect::Answer { ticket, answer });
    }

    /// Tells whoever watches.
    fn notify(&mut self, event: P::Event) {
        self.emit(Effect::Notify(event));
    }
}

impl<P: Protocol, H: Host<Effect<P>> + ?Sized> Errands<P> for H {}

/// For associated types that a protocol has no use for: nothing can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Never {}

nameless!(Never);

macro_rules! visit_input {
    ($visit:ident: $name:ty) => {
        fn $visit(&mut self, each: &mut dyn FnMut(&mut $name)) {
            match self {
                Self::Request { request, .. } => request.$visit(each),
                Self::Message { message, .. } => message.$visit(each),
                Self::Timer(_) => {}
                Self::Loaded(loaded) => loaded.$visit(each),
            }
        }
    };
}

impl<P: Protocol> Names for Input<P> {
    visit_input!(instants: Instant);
    visit_input!(epochs: Epoch);
}

macro_rules! visit_effect {
    ($visit:ident: $name:ty) => {
        fn $visit(&mut self, each: &mut dyn FnMut(&mut $name)) {
            match self {
                Self::Persist(record) => record.$visit(each),
                Self::Load(load) => load.$visit(each),
                Self::Send { message, .. } => message.$visit(each),
                Self::Arm { .. } | Self::Disarm(_) => {}
                Self::Answer { answer, .. } => answer.$visit(each),
                Self::Notify(event) => event.$visit(each),
            }
        }
    };
}

impl<P: Protocol> Names for Effect<P> {
    visit_effect!(instants: Instant);
    visit_effect!(epochs: Epoch);
}
