//! A protocol that does what it is told.

use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Host, Machine, nameless};
use serde::{Deserialize, Serialize};

/// Something to ask of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Errand {
    Persist(u32),
    Load(u32),
    /// To a node, which is to do this.
    Send(u8, Fence, Script),
    /// This is to be done later.
    Arm(Script, Duration),
    Disarm(Script),
    /// Answers the latest request.
    Answer(u32),
    Notify(u32),
    /// Notifies of the present instant, in seconds.
    TellTime,
}

/// What to ask of the host, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Script(pub(crate) Vec<Errand>);

/// One number that is persisted, read back, answered or announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Word(pub(crate) u32);

/// Every number that was persisted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Words(pub(crate) Vec<u32>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Puppet {
    image: Words,
    latest: Option<Ticket>,
}

nameless!(Script, Word, Words, Puppet);

impl Machine for Puppet {
    type Config = ();
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, _config: &(), input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let script = match input {
            Input::Request { ticket, request } => {
                self.latest = Some(ticket);
                request
            }
            Input::Message { message, .. } => message,
            Input::Timer(script) => script,
            Input::Loaded(Word(word)) => Script(vec![Errand::Notify(word)]),
        };
        script.0.into_iter().for_each(|errand| self.run(errand, host));
    }
}

impl Puppet {
    fn run(&mut self, errand: Errand, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let effect = match errand {
            Errand::Persist(word) => {
                self.image.0.push(word);
                Effect::Persist(Word(word))
            }
            Errand::Load(word) => Effect::Load(Word(word)),
            Errand::Send(to, fence, message) => Effect::Send { to, message, fence },
            Errand::Arm(timer, after) => Effect::Arm { timer, after },
            Errand::Disarm(timer) => Effect::Disarm(timer),
            Errand::Answer(word) => match self.latest {
                Some(ticket) => Effect::Answer { ticket, answer: Word(word) },
                None => return,
            },
            Errand::Notify(word) => Effect::Notify(Word(word)),
            Errand::TellTime => Effect::Notify(Word((host.now().as_nanos() / 1_000_000_000) as u32)),
        };
        host.emit(effect);
    }
}

impl Protocol for Puppet {
    const FORMAT: u32 = 1;
    type Address = u8;
    type Timer = Script;
    type Request = Script;
    type Answer = Word;
    type Message = Script;
    type Record = Word;
    type Load = Word;
    type Loaded = Word;
    type Event = Word;
    type Image = Words;

    fn fold(image: &mut Words, record: Word) {
        image.0.push(record.0);
    }

    fn image(&self) -> &Words {
        &self.image
    }

    fn recover(_config: &(), image: Words, _host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        Self { image, latest: None }
    }

    /// The word itself, if it was persisted.
    fn lookup(journal: &[Word], load: Word) -> Option<Word> {
        journal.contains(&load).then_some(load)
    }
}
