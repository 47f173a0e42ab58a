//! Chatter: every node tells every other one something, time and again. The machine does next to nothing, so what a run of
//! it costs is what the simulation costs.

use core::time::Duration;
use purlin::protocol::{Effect, Errands, Input, Never, Protocol};
use purlin::{Host, Instant, Machine};
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{
    Client, Cluster, Desk, Environment, Event, Node, Occasion, Phase, Phases, Recovery, Setting, View,
};
use purlin_sim::{Die, InvalidPlan};
use serde::{Deserialize, Serialize};

/// How a node is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    own: u32,
    nodes: u32,
    period: Duration,
}

/// 64 bytes: the how many-th from this sender to all, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Chat(pub(crate) [u64; 8]);

impl Chat {
    /// The so many-th.
    pub(crate) fn new(number: u64) -> Self {
        Self(core::array::from_fn(|word| number.wrapping_mul(word as u64 + 1)))
    }

    fn number(self) -> u64 {
        self.0[0]
    }
}

/// It is time to say the next thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Next;

/// A node: it counts what it says and hears, and writes nothing down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Chatter {
    said: u64,
    heard: u64,
    heard_from: Vec<u64>,
    image: Image,
}

/// What survives a crash: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Image;

purlin::nameless!(Chat, Chatter, Image);

impl Machine for Chatter {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        match input {
            Input::Timer(Next) => self.say(config, host),
            Input::Message { from, .. } => self.hear(from),
            Input::Request { request, .. } => match request {},
            Input::Loaded(loaded) => match loaded {},
        }
    }
}

impl Protocol for Chatter {
    const FORMAT: u32 = 1;
    type Address = u32;
    type Timer = Next;
    type Request = Never;
    type Answer = Never;
    type Message = Chat;
    type Record = Never;
    type Load = Never;
    type Loaded = Never;
    type Event = Never;
    type Image = Image;

    fn fold(_image: &mut Image, record: Never) {
        match record {}
    }

    fn image(&self) -> &Image {
        &self.image
    }

    fn recover(config: &Config, image: Image, host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        host.arm(Next, config.period);
        Self { image, heard_from: vec![0; config.nodes as usize], ..Self::default() }
    }
}

impl Chatter {
    fn say(&mut self, config: &Config, host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        self.said += 1;
        for to in (0..config.nodes).filter(|node| *node != config.own) {
            host.send_unfenced(to, Chat::new(self.said));
        }
        host.arm(Next, config.period);
    }

    fn hear(&mut self, from: u32) {
        self.heard += 1;
        if let Some(heard) = self.heard_from.get_mut(from as usize) {
            *heard += 1;
        }
    }
}

/// The scenario.
pub(crate) struct Chattering;

/// How many nodes there are, and how often each of them says something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Options {
    /// The nodes.
    pub(crate) nodes: u32,
    /// The time between two chats, in milliseconds.
    pub(crate) period_ms: u64,
}

/// Whoever hears something, it was said.
pub(crate) const ONLY_WHAT_WAS_SAID_IS_HEARD: &str = "only_what_was_said_is_heard";
/// What a node has heard in all is what it has heard from each.
pub(crate) const HEARD_IN_ALL_IS_HEARD_FROM_EACH: &str = "heard_in_all_is_heard_from_each";
/// In the end everybody hears everybody.
pub(crate) const EVERYBODY_HEARS_EVERYBODY: &str = "everybody_hears_everybody";

impl Cluster for Chattering {
    const NAME: &'static str = "chatter";
    const ROOM: &'static str = "chatter";
    const SUMMARY: &'static str = "every node tells every other one something, time and again";
    const ALWAYS: &'static [&'static str] =
        &[ONLY_WHAT_WAS_SAID_IS_HEARD, HEARD_IN_ALL_IS_HEARD_FROM_EACH, EVERYBODY_HEARS_EVERYBODY];
    const SOMETIMES: &'static [&'static str] = &[];
    type Protocol = Chatter;
    type Options = Options;
    type Client = Nobody;
    type Judge = Listener;

    fn draw(die: &mut Die) -> Options {
        Options { nodes: 5, period_ms: *die.pick(&[1, 10, 100]) }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless((2..=9).contains(&options.nodes), "nodes", options.nodes, "give 2 to 9")?;
        InvalidPlan::unless(options.period_ms >= 1, "period_ms", options.period_ms, "give at least 1")
    }

    fn nodes(options: &Options) -> Vec<Node<Chatter>> {
        let (nodes, period) = (options.nodes, Duration::from_millis(options.period_ms));
        (0..nodes).map(|own| Node::at(own, Config { own, nodes, period })).collect()
    }

    fn clients(_setting: &Setting<Options>) -> Vec<Nobody> {
        Vec::new()
    }

    fn judge(setting: &Setting<Options>) -> Listener {
        let phases = Self::recovery(setting).phases(setting.environment.safety_ms);
        Listener::new(setting.workload.nodes as usize, phases)
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let calm_ms = 2 * setting.workload.period_ms + 2 * Environment::LINK_MS_MAX;
        Recovery { within_ms: Environment::LINK_MS_MAX, calm_ms, answer_ms: 1 }
    }

    /// Looks into the machine that has just stepped.
    fn inspect(_setting: &Setting<Options>, view: &View<'_, Chatter>) -> Result<(), Violation> {
        let Some(Chatter { heard, heard_from, .. }) = view.machine(view.stepped()) else { return Ok(()) };
        claim(HEARD_IN_ALL_IS_HEARD_FROM_EACH, *heard == heard_from.iter().sum::<u64>(), || {
            format!("{heard}, {heard_from:?}")
        })
    }
}

/// The nodes chat among themselves.
#[derive(Clone)]
pub(crate) enum Nobody {}

impl Client<Chatter> for Nobody {
    fn act(&mut self, _occasion: Occasion<'_, Chatter>, _desk: &mut Desk<'_, Chatter>) {
        match *self {}
    }
}

/// Listens on every link.
#[derive(Clone)]
pub(crate) struct Listener {
    nodes: usize,
    phases: Phases,
    links: Vec<Line>,
}

/// What is known of one link.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    sent_last: u64,
    arrived_in_calm: bool,
}

impl Listener {
    fn new(nodes: usize, phases: Phases) -> Self {
        Self { nodes, phases, links: vec![Line::default(); nodes * nodes] }
    }

    fn line(&mut self, from: u32, to: u32) -> &mut Line {
        &mut self.links[from as usize * self.nodes + to as usize]
    }

    /// A node that lost its memory counts from the beginning; so the last number on a link is the highest so far.
    fn sent(&mut self, from: u32, to: u32, chat: Chat) {
        let line = self.line(from, to);
        line.sent_last = line.sent_last.max(chat.number());
    }

    fn arrived(&mut self, at: Instant, from: u32, to: u32, chat: Chat) -> Result<(), Violation> {
        let is_calm = self.phases.at(at.saturating_since(Instant::ORIGIN)) == Phase::Calm;
        let line = self.line(from, to);
        line.arrived_in_calm |= is_calm;
        let was_said = chat.number() <= line.sent_last;
        claim(ONLY_WHAT_WAS_SAID_IS_HEARD, was_said, || format!("{chat:?} from {from} to {to}"))
    }

    fn silent(&self) -> Option<usize> {
        let others = |link: &usize| link / self.nodes != link % self.nodes;
        (0..self.links.len()).filter(others).find(|link| !self.links[*link].arrived_in_calm)
    }
}

impl Judge for Listener {
    type Event<'a> = Event<'a, Chatter>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Chatter>) -> Result<(), Violation> {
        match *event {
            Event::Sent { from, to, message } => {
                self.sent(from, to, *message);
                Ok(())
            }
            Event::Arrived { from, to, message } => self.arrived(at, from, to, *message),
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        let silent = self.silent();
        claim(EVERYBODY_HEARS_EVERYBODY, silent.is_none(), || format!("nothing comes over link {silent:?}"))
    }

    fn coverage(&self) -> Coverage {
        Coverage::default()
    }
}
