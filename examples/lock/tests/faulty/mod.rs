//! The lock with one thing wrong, as it is easily got wrong.

use purlin::protocol::{Effect, Fence, Input, Never, Protocol};
use purlin::{Clock, Epoch, Host, Instant, Machine, Names};
use purlin_lock::models::Locklike;
use purlin_lock::{Answer, Config, Event, Image, Lock, Message, Node, Question, Record, Request, Timer};
use serde::Serialize;
use std::num::NonZeroU32;

/// Questions do not wait for the disk.
pub(crate) const UNFENCED_QUESTION: u8 = 0;
/// Grants do not wait for the disk.
pub(crate) const UNFENCED_GRANT: u8 = 1;
/// The hold is counted from when the answer comes.
pub(crate) const HELD_FROM_THE_ANSWER: u8 = 2;
/// Whoever has held the lock before gets it for longer, even if it is another's by now.
pub(crate) const RENEWS_FOR_ANYBODY: u8 = 3;

/// A lock with one of these faults.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Faulty<const FAULT: u8>(Lock);

impl<const FAULT: u8> Names for Faulty<FAULT> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.0.instants(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.0.epochs(each);
    }
}

impl<const FAULT: u8> Locklike for Faulty<FAULT> {
    fn lock(&self) -> &Lock {
        &self.0
    }

    fn lock_mut(&mut self) -> &mut Lock {
        &mut self.0
    }
}

impl<const FAULT: u8> Machine for Faulty<FAULT> {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let input = match input {
            Input::Request { ticket, request } => Input::Request { ticket, request },
            Input::Message { from, message } => Input::Message { from, message: self.heard(message, host.now()) },
            Input::Timer(timer) => Input::Timer(timer),
            Input::Loaded(never) => match never {},
        };
        self.0.step(config, input, &mut Through::<FAULT, _>(host));
    }
}

impl<const FAULT: u8> Faulty<FAULT> {
    fn heard(&self, message: Message, now: Instant) -> Message {
        match (FAULT, message) {
            (HELD_FROM_THE_ANSWER, Message::Granted(mut grant)) => {
                grant.lasts += now.saturating_since(self.0.asks_since().unwrap_or(now));
                Message::Granted(grant)
            }
            (RENEWS_FOR_ANYBODY, Message::Ask(Question { attempt, renews: Some(_) })) => {
                Message::Ask(Question { attempt, renews: self.0.lease().map(|lease| lease.token) })
            }
            (_, message) => message,
        }
    }
}

/// Carries the lock's errands to the host, with the fault.
struct Through<'a, const FAULT: u8, H: ?Sized>(&'a mut H);

impl<const FAULT: u8, H: Clock + ?Sized> Clock for Through<'_, FAULT, H> {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<const FAULT: u8, H: Host<Effect<Faulty<FAULT>>> + ?Sized> Host<Effect<Lock>> for Through<'_, FAULT, H> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.0.choose(bound)
    }

    fn emit(&mut self, effect: Effect<Lock>) {
        self.0.emit(match effect {
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Load(never) => match never {},
            Effect::Send { to, message, fence } => {
                Effect::Send { to, fence: fenced::<FAULT>(&message, fence), message }
            }
            Effect::Arm { timer, after } => Effect::Arm { timer, after },
            Effect::Disarm(timer) => Effect::Disarm(timer),
            Effect::Answer { ticket, answer } => Effect::Answer { ticket, answer },
            Effect::Notify(event) => Effect::Notify(event),
        });
    }
}

fn fenced<const FAULT: u8>(message: &Message, fence: Fence) -> Fence {
    match (FAULT, message) {
        (UNFENCED_QUESTION, Message::Ask(_)) | (UNFENCED_GRANT, Message::Granted(_)) => Fence::None,
        _ => fence,
    }
}

impl<const FAULT: u8> Protocol for Faulty<FAULT> {
    const FORMAT: u32 = Lock::FORMAT;
    type Address = Node;
    type Timer = Timer;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Record = Record;
    type Load = Never;
    type Loaded = Never;
    type Event = Event;
    type Image = Image;

    fn fold(image: &mut Image, record: Record) {
        Lock::fold(image, record);
    }

    fn image(&self) -> &Image {
        self.0.image()
    }

    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        Self(Lock::recover(config, image, &mut Through::<FAULT, _>(host)))
    }
}
