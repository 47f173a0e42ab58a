//! A protocol of a user's: what is said on one node is heard on all of them, in the end.
//!
//! A word is confirmed once it is durable where it was said, which a fenced message to oneself tells. Until a peer has
//! acknowledged it, which it does once it is durable there too, it is told again and again.

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Host, Machine};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

type Word = u64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) own: u32,
    pub(crate) nodes: u32,
    pub(crate) again_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    Say(Word),
    /// How many words are known.
    Count,
    /// The so many-th record, read back from the journal.
    Recall(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Answer {
    Said,
    Count(u64),
    Recalled(Word),
    NoSuchRecord,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    Tell(Word),
    Heard(Word),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) word: Word,
    pub(crate) own: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Read {
    ticket: u64,
    place: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct WasRead {
    ticket: u64,
    word: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Known(pub(crate) Word);

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) words: BTreeSet<Word>,
    own: BTreeSet<Word>,
    records: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TellAgain;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Gossip {
    image: Image,
    /// Own words, and who has not acknowledged them.
    untold: BTreeMap<Word, BTreeSet<u32>>,
    waiting: BTreeMap<Word, Ticket>,
}

purlin::nameless!(Request, Answer, Message, Record, Read, WasRead, Known, Image, Gossip);

impl Machine for Gossip {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request } => self.asked(config, ticket, request, host),
            Input::Message { from, message: Message::Tell(word) } => {
                self.learn(word, false, host);
                host.emit(Effect::Send { to: from, message: Message::Heard(word), fence: Fence::Durable });
            }
            Input::Message { from, message: Message::Heard(word) } => self.acknowledged(config, from, word, host),
            Input::Timer(TellAgain) => self.tell_again(config, host),
            Input::Loaded(WasRead { ticket, word }) => {
                host.emit(Effect::Answer { ticket: Ticket(ticket), answer: Answer::Recalled(word) });
            }
        }
    }
}

impl Protocol for Gossip {
    const FORMAT: u32 = 1;
    type Address = u32;
    type Timer = TellAgain;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Record = Record;
    type Load = Read;
    type Loaded = WasRead;
    type Event = Known;
    type Image = Image;

    fn fold(image: &mut Image, Record { word, own }: Record) {
        image.words.insert(word);
        image.records += 1;
        if own {
            image.own.insert(word);
        }
    }

    fn image(&self) -> &Image {
        &self.image
    }

    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let peers = |_: &Word| (0..config.nodes).filter(|node| *node != config.own).collect();
        let untold = image.own.iter().map(|word| (*word, peers(word))).collect();
        let mut gossip = Self { image, untold, waiting: BTreeMap::new() };
        gossip.tell_again(config, host);
        gossip
    }

    fn lookup(journal: &[Record], Read { ticket, place }: Read) -> Option<WasRead> {
        journal.get(place as usize).map(|record| WasRead { ticket, word: record.word })
    }
}

impl Gossip {
    fn asked(
        &mut self,
        config: &Config,
        ticket: Ticket,
        request: Request,
        host: &mut (impl Host<Effect<Self>> + ?Sized),
    ) {
        match request {
            Request::Say(word) => self.say(config, ticket, word, host),
            Request::Count => {
                let answer = Answer::Count(self.image.words.len() as u64);
                host.emit(Effect::Answer { ticket, answer });
            }
            Request::Recall(place) if place < self.image.records => {
                host.emit(Effect::Load(Read { ticket: ticket.0, place }));
            }
            Request::Recall(_) => host.emit(Effect::Answer { ticket, answer: Answer::NoSuchRecord }),
        }
    }

    fn say(&mut self, config: &Config, ticket: Ticket, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.learn(word, true, host);
        self.waiting.insert(word, ticket);
        host.emit(Effect::Send { to: config.own, message: Message::Heard(word), fence: Fence::Durable });
        self.untold.insert(word, (0..config.nodes).filter(|node| *node != config.own).collect());
        self.tell(word, host);
        self.arm(config, host);
    }

    fn learn(&mut self, word: Word, own: bool, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if self.image.words.contains(&word) && (!own || self.image.own.contains(&word)) {
            return;
        }
        let record = Record { word, own };
        Self::fold(&mut self.image, record.clone());
        host.emit(Effect::Persist(record));
        host.emit(Effect::Notify(Known(word)));
    }

    fn acknowledged(&mut self, config: &Config, from: u32, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if from == config.own {
            let ticket = self.waiting.remove(&word);
            ticket.into_iter().for_each(|ticket| host.emit(Effect::Answer { ticket, answer: Answer::Said }));
        } else if let Some(peers) = self.untold.get_mut(&word) {
            peers.remove(&from);
        }
        self.untold.retain(|_, peers| !peers.is_empty());
        if self.untold.is_empty() {
            host.emit(Effect::Disarm(TellAgain));
        }
    }

    fn tell(&self, word: Word, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for to in self.untold.get(&word).into_iter().flatten() {
            host.emit(Effect::Send { to: *to, message: Message::Tell(word), fence: Fence::None });
        }
    }

    fn tell_again(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.untold.keys().for_each(|word| self.tell(*word, host));
        self.arm(config, host);
    }

    fn arm(&self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let jitter = u64::from(host.choose(NonZeroU32::new(10).unwrap()));
        let after = Duration::from_millis(config.again_ms + jitter);
        host.emit(Effect::Arm { timer: TellAgain, after });
    }
}
