//! A protocol with a planted bug, so that there are failures to report: a note is confirmed before it is durable.
//!
//! Every node keeps notes, and tells the others of them until they have them too.

use core::time::Duration;
use purlin::protocol::{Effect, Fence, Input, Protocol, Ticket};
use purlin::{Host, Instant, Machine};
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Recovery, Setting};
use purlin_sim::{Die, InvalidPlan, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

type Note = u64;

/// What no HTML may trip over is part of every answer.
pub(crate) const HOSTILE: &str = "</script><b title=\"x\">&'<!--{{data}}";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    own: u32,
    nodes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Request {
    Write(Note),
    Read,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Answer {
    Written,
    Notes { own: BTreeSet<Note>, signature: String },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    Copy(Note),
    Copied(Note),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Record {
    by: u32,
    note: Note,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Never {}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TellAgain;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Image {
    notes: BTreeMap<u32, BTreeSet<Note>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Notes {
    image: Image,
    untold: BTreeSet<(u32, Note)>,
}

purlin::nameless!(Request, Answer, Message, Record, Never, Image, Notes);

impl Machine for Notes {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Request { ticket, request: Request::Write(note) } => self.write(config, ticket, note, host),
            Input::Request { ticket, request: Request::Read } => {
                let own = self.image.notes.get(&config.own).cloned().unwrap_or_default();
                host.emit(Effect::Answer { ticket, answer: Answer::Notes { own, signature: HOSTILE.to_owned() } });
            }
            Input::Message { from, message: Message::Copy(note) } => {
                self.keep(Record { by: from, note }, host);
                host.emit(Effect::Send { to: from, message: Message::Copied(note), fence: Fence::Durable });
            }
            Input::Message { from, message: Message::Copied(note) } => drop(self.untold.remove(&(from, note))),
            Input::Timer(TellAgain) => self.tell(host),
            Input::Loaded(never) => match never {},
        }
    }
}

impl Protocol for Notes {
    const FORMAT: u32 = 1;
    type Address = u32;
    type Timer = TellAgain;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Record = Record;
    type Load = Never;
    type Loaded = Never;
    type Event = Never;
    type Image = Image;

    fn fold(image: &mut Image, Record { by, note }: Record) {
        image.notes.entry(by).or_default().insert(note);
    }

    fn image(&self) -> &Image {
        &self.image
    }

    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let own = image.notes.get(&config.own).cloned().unwrap_or_default();
        let peers = (0..config.nodes).filter(|node| *node != config.own);
        let untold = peers.flat_map(|peer| own.iter().map(move |note| (peer, *note))).collect();
        let notes = Self { image, untold };
        notes.tell(host);
        notes
    }

    fn lookup(_journal: &[Record], load: Never) -> Option<Never> {
        match load {}
    }
}

impl Notes {
    /// The bug: the answer comes before the record, and so does not wait for the disk.
    fn write(&mut self, config: &Config, ticket: Ticket, note: Note, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        host.emit(Effect::Answer { ticket, answer: Answer::Written });
        self.keep(Record { by: config.own, note }, host);
        self.untold.extend((0..config.nodes).filter(|node| *node != config.own).map(|peer| (peer, note)));
        self.tell(host);
    }

    fn keep(&mut self, record: Record, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        if !self.image.notes.get(&record.by).is_some_and(|known| known.contains(&record.note)) {
            Self::fold(&mut self.image, record.clone());
            host.emit(Effect::Persist(record));
        }
    }

    fn tell(&self, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        for (to, note) in &self.untold {
            host.emit(Effect::Send { to: *to, message: Message::Copy(*note), fence: Fence::None });
        }
        host.emit(Effect::Arm { timer: TellAgain, after: Duration::from_millis(150) });
    }
}

pub(crate) const NOTHING_CONFIRMED_IS_LOST: &str = "nothing_confirmed_is_lost";

/// Somebody writes on each of three nodes, and looks what is there.
pub(crate) struct Scribbling;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    notes: u64,
    rest: Span,
}

impl Cluster for Scribbling {
    const NAME: &'static str = "scribbling";
    const ROOM: &'static str = "notes";
    const SUMMARY: &'static str = "what is noted on one node is copied to the others";
    const ALWAYS: &'static [&'static str] = &[NOTHING_CONFIRMED_IS_LOST];
    const SOMETIMES: &'static [&'static str] = &[];
    type Protocol = Notes;
    type Options = Options;
    type Client = Writer;
    type Judge = Reader;

    fn draw(die: &mut Die) -> Options {
        Options { notes: die.between(20, 60), rest: Span::new(10, die.between(50, 200)) }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless(options.notes <= 1_000, "notes", options.notes, "give at most 1000")
    }

    fn nodes(_options: &Options) -> Vec<Node<Notes>> {
        (0..3).map(|own| Node::at(own, Config { own, nodes: 3 })).collect()
    }

    fn clients(setting: &Setting<Options>) -> Vec<Writer> {
        let Options { notes, rest } = setting.workload;
        (0..3).map(|node| Writer { node, next: 0, notes, rest }).collect()
    }

    fn judge(_setting: &Setting<Options>) -> Reader {
        Reader::default()
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        Recovery { within_ms: 2_000, calm_ms: 1_000, answer_ms: 6 * setting.environment.slowest_ms() + 50 }
    }
}

#[derive(Clone)]
pub(crate) struct Writer {
    node: u32,
    next: u64,
    notes: u64,
    rest: Span,
}

impl Client<Notes> for Writer {
    fn act(&mut self, occasion: Occasion<'_, Notes>, desk: &mut Desk<'_, Notes>) {
        match occasion {
            Occasion::Woken if self.next < self.notes && desk.die().below(3) > 0 => {
                let note = 1_000 * u64::from(self.node) + self.next;
                self.next += 1;
                desk.ask(self.node, Request::Write(note));
            }
            Occasion::Woken => {
                desk.ask(self.node, Request::Read);
            }
            Occasion::Notified { .. } => {}
            _ => {
                let rest = desk.draw(self.rest);
                desk.wake_after(rest.max(Duration::from_millis(1)));
            }
        }
    }
}

/// What a client has read must hold whatever was confirmed to it.
#[derive(Clone, Default)]
pub(crate) struct Reader {
    open: BTreeMap<u64, Note>,
    confirmed: BTreeMap<u32, BTreeSet<Note>>,
}

impl Judge for Reader {
    type Event<'a> = Event<'a, Notes>;

    fn observe(&mut self, _at: Instant, event: &Event<'_, Notes>) -> Result<(), Violation> {
        match event {
            Event::Asked { ask, request: Request::Write(note), .. } => drop(self.open.insert(ask.0, *note)),
            Event::Answered { node, ask, answer: Answer::Written, .. } => {
                self.confirmed.entry(*node).or_default().extend(self.open.remove(&ask.0));
            }
            Event::Answered { node, answer: Answer::Notes { own, .. }, .. } => {
                let lost: Vec<_> = self.confirmed.entry(*node).or_default().difference(own).copied().collect();
                return claim(NOTHING_CONFIRMED_IS_LOST, lost.is_empty(), || {
                    format!("node {node} had confirmed {lost:?}, and knows it no more {HOSTILE}")
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        Ok(())
    }

    fn coverage(&self) -> Coverage {
        Coverage::default()
    }
}
