//! A protocol that tells on its host.

use core::time::Duration;
use purlin::protocol::{Effect, Errands, Fence, Input, Never, Protocol};
use purlin::{Host, Machine};
use serde::{Deserialize, Serialize};

/// Numbers its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Probe {
    image: Count,
    /// Messages to itself, by fence: how many were sent, and how many came.
    own_sent: [u64; 2],
    own_came: [u64; 2],
}

/// How many records were persisted, in all lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Count(pub(crate) u64);

/// Who it is, and whom it writes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) own: u8,
    pub(crate) peer: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Persist one record, and all that comes of it.
    Write,
    /// Persist nothing: the answer waits all the same, for what others had persisted.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    /// It waits until so many records are durable.
    Firm(Count),
    /// It does not wait for them.
    Loose(Count),
    /// To oneself: the so-many-th by this fence.
    Own { fence: Fence, number: u64, count: Count },
    /// The so-many-th message to oneself by this fence has come. Not fenced, so whether its records are durable by now is
    /// the host's doing. `in_order` if none was lost before it.
    OwnCame { fence: Fence, count: Count, in_order: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Later;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Written;

purlin::nameless!(Probe, Count, Request, Message, Written);

impl Machine for Probe {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request } => {
                if request == Request::Write {
                    self.write(config, host);
                }
                host.answer(ticket, self.image);
            }
            Input::Message { message: Message::Own { fence, number, count }, .. } => {
                let came = &mut self.own_came[fence as usize];
                *came += 1;
                let in_order = *came == number;
                host.send_unfenced(config.peer, Message::OwnCame { fence, count, in_order });
            }
            Input::Message { .. } => {}
            Input::Timer(Later) => host.notify(self.image),
            Input::Loaded(never) => match never {},
        }
    }
}

impl Probe {
    fn write(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.image.0 += 1;
        host.persist(Written);
        host.send_unfenced(config.peer, Message::Loose(self.image));
        host.send(config.peer, Message::Firm(self.image));
        for fence in [Fence::Durable, Fence::None] {
            self.own_sent[fence as usize] += 1;
            let message = Message::Own { fence, number: self.own_sent[fence as usize], count: self.image };
            host.emit(Effect::Send { to: config.own, message, fence });
        }
        host.arm(Later, Duration::from_millis(3));
    }

    /// Messages to itself that are still to come.
    pub(crate) fn own_outstanding(&self) -> u64 {
        self.own_sent.iter().sum::<u64>() - self.own_came.iter().sum::<u64>()
    }
}

impl Protocol for Probe {
    const FORMAT: u32 = 1;
    type Address = u8;
    type Timer = Later;
    type Request = Request;
    type Answer = Count;
    type Message = Message;
    type Record = Written;
    type Load = Never;
    type Loaded = Never;
    type Event = Count;
    type Image = Count;

    fn fold(image: &mut Count, _record: Written) {
        image.0 += 1;
    }

    fn image(&self) -> &Count {
        &self.image
    }

    fn recover(_config: &Config, image: Count, _host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        Self { image, ..Self::default() }
    }
}

/// Whether a message may leave its node when only so many of the node's records are durable.
pub(crate) fn may_leave(message: Message, durable: u64) -> bool {
    match message {
        Message::Firm(count) | Message::OwnCame { fence: Fence::Durable, count, .. } => count.0 <= durable,
        Message::OwnCame { in_order, .. } => in_order,
        Message::Loose(_) | Message::Own { .. } => true,
    }
}

/// Whether it left before its records were durable, as it may.
pub(crate) fn overtakes(message: Message, durable: u64) -> bool {
    matches!(message, Message::Loose(count) if count.0 > durable)
}
