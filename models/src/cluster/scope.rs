//! How large a cluster's world is, and what may befall it.

use super::{Cluster, Ghost, Node, Packet};
use core::time::Duration;
use derive_where::derive_where;
use purlin::protocol::{Effect, Protocol};
use std::sync::Arc;

/// The bounds of a cluster model. Every bound is part of the state, so a search that ends has seen everything inside.
#[derive_where(Clone, Debug)]
pub struct ClusterScope<P: Protocol, G: Ghost<P> = ()> {
    /// The nodes.
    pub nodes: Vec<NodeScope<P>>,
    /// What is asked of them.
    pub requests: Requests<P, G>,
    /// How many requests of one node may be open at once.
    pub open_requests: usize,
    /// How often things may happen on one path.
    pub budgets: Budgets,
    /// How far time moves at once; zero if it stands still.
    pub tick: Duration,
    /// By how many ticks clocks may lie apart. With 0 they all move together. What [`Kind::Restart`](super::Kind) sets a
    /// clock off by comes on top.
    pub skew: u32,
    /// By how many ticks a clock may have been set on or back when its process comes up again; each costs one of
    /// [`Budgets::jumps`].
    pub jumps: Vec<i16>,
    /// By how many ticks a timer may fire late. `None`: at any later moment, or never.
    pub lateness: Option<u32>,
    /// Timers that may fire although they are not set; each costs one of [`Budgets::strays`].
    pub strays: Vec<P::Timer>,
    /// Timers that never fire.
    pub unset: Vec<P::Timer>,
    /// Timers that need not wait: for worlds where time stands still.
    pub hasty: Vec<Hasty<P>>,
    /// What a node says to itself, and what it has read back, comes before anything else happens, but for crashes. Worlds
    /// whose disks are never slow differ little by it and are much smaller.
    pub own_first: bool,
    /// How many messages may be under way at once. What is sent beyond is lost.
    pub in_flight: usize,
    /// How many equal messages may be under way at once. What is sent beyond is lost.
    pub copies: usize,
    /// Messages that their receiver ignores now and for ever need not be kept.
    pub ignores: fn(&Node<P>, &Packet<P>) -> bool,
    /// Whether a new message takes the place of one that is under way, which is then lost: told are the new one, and the
    /// old one, which goes the same way.
    pub supersedes: fn(&Packet<P>, &Packet<P>) -> bool,
    /// Whether the protocol throws its die under these configurations. Looking for throws costs a second step for each
    /// action; a throw that was not announced is caught as a panic.
    pub throws: bool,
    /// Whether the protocol reads its journal back: then all of it is kept in the state. If not, a load is never answered.
    pub reads_back: bool,
    /// What a load finds in the image, for protocols that need no older records: the journal is then not kept.
    pub looks_up: Option<LookUp<P>>,
    /// What the protocol makes of instants that are past.
    pub past: Past,
    /// Renamings under which the world stays the same, such as the exchange of two clients: all of them but the identity
    /// (together they must be a group). Of the states that they turn into each other, only one is visited.
    pub symmetries: Vec<fn(&mut Cluster<P, G>)>,
    /// Where the world ends: states beyond are not visited. For what only grows.
    pub boundary: fn(&Cluster<P, G>) -> bool,
    /// A fault of the hosts, for tests: what they make of a step's effects, before they carry them out. A claim that no
    /// fault breaks says nothing.
    pub host_fault: Option<HostFault<P>>,
}

/// Answers a load from the fold of all records.
pub type LookUp<P> = fn(&<P as Protocol>::Image, <P as Protocol>::Load) -> Option<<P as Protocol>::Loaded>;

/// A timer that, once it is set, may fire at any moment: so often on one path, on all of these nodes together.
#[derive_where(Clone, Debug)]
pub struct Hasty<P: Protocol> {
    /// Its name.
    pub timer: P::Timer,
    /// On which nodes.
    pub nodes: Vec<usize>,
    /// How often. [`Budgets::UNLIMITED`] never runs out.
    pub times: u8,
}

/// Changes the effects of a step; told is whether it was a recovery.
pub type HostFault<P> = fn(&mut Vec<Effect<P>>, bool);

impl<P: Protocol, G: Ghost<P>> ClusterScope<P, G> {
    /// Nodes that nobody asks for anything, and that nothing befalls: time stands still, and every sync follows its step at
    /// once. Messages may come in any order, late or never. The past is kept as it was: say otherwise before time passes
    /// without end.
    pub fn new(nodes: impl IntoIterator<Item = NodeScope<P>>) -> Self {
        Self {
            nodes: nodes.into_iter().collect(),
            requests: Requests::none(),
            open_requests: 1,
            budgets: Budgets::default(),
            tick: Duration::ZERO,
            skew: 0,
            jumps: Vec::new(),
            lateness: Some(0),
            strays: Vec::new(),
            unset: Vec::new(),
            hasty: Vec::new(),
            own_first: false,
            in_flight: 4,
            copies: 1,
            ignores: |_, _| false,
            supersedes: |_, _| false,
            throws: false,
            reads_back: false,
            looks_up: None,
            past: Past::Exact,
            symmetries: Vec::new(),
            boundary: |_| true,
            host_fault: None,
        }
    }

    /// The configuration of a node.
    pub fn config(&self, node: usize) -> &P::Config {
        &self.nodes[node].config
    }
}

/// One node at the beginning.
#[derive_where(Clone, Debug)]
pub struct NodeScope<P: Protocol> {
    /// How the others call it, if anybody does.
    pub address: Option<P::Address>,
    /// Its configuration.
    pub config: P::Config,
    /// What stands on its disk at the beginning.
    pub image: P::Image,
    /// What was written to it since.
    pub records: Vec<P::Record>,
    /// By how many ticks its clock is ahead of the slowest.
    pub ahead: u32,
}

impl<P: Protocol> NodeScope<P> {
    /// A node that nobody sends messages to, with an empty disk.
    pub fn alone(config: P::Config) -> Self {
        Self { address: None, config, image: P::Image::default(), records: Vec::new(), ahead: 0 }
    }

    /// A node with an address and an empty disk.
    pub fn at(address: P::Address, config: P::Config) -> Self {
        Self { address: Some(address), ..Self::alone(config) }
    }
}

/// What is asked, and of which node, as a function of the state: what a client asks may depend on what it was answered,
/// which the ghost remembers. Instants in requests are counted from [`super::NOW`], or from the node's own clock.
#[derive_where(Clone, Debug)]
pub struct Requests<P: Protocol, G: Ghost<P> = ()>(#[derive_where(skip(Debug))] Arc<RequestsOf<P, G>>);

type RequestsOf<P, G> = dyn Fn(&Cluster<P, G>, usize, &mut dyn FnMut(<P as Protocol>::Request)) + Send + Sync;

impl<P: Protocol, G: Ghost<P>> Requests<P, G> {
    /// Nobody asks.
    pub fn none() -> Self {
        Self::by(|_, _, _| ())
    }

    /// Any of these, of any node that is up.
    pub fn any_of(requests: impl Into<Vec<P::Request>>) -> Self {
        let requests = requests.into();
        Self::by(move |_, _, ask| requests.iter().cloned().for_each(ask))
    }

    /// Any of these, of the node beside each.
    pub fn of_nodes(requests: impl Into<Vec<(usize, P::Request)>>) -> Self {
        let requests = requests.into();
        Self::by(move |_, node, ask| {
            requests.iter().filter(|(of, _)| *of == node).for_each(|(_, request)| ask(request.clone()));
        })
    }

    /// Whatever the function asks of a node that is up.
    pub fn by(ask: impl Fn(&Cluster<P, G>, usize, &mut dyn FnMut(P::Request)) + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    pub(super) fn each(&self, state: &Cluster<P, G>, node: usize, ask: &mut dyn FnMut(P::Request)) {
        (self.0)(state, node, ask);
    }
}

/// How often things may happen, and in a state, how often they still may. [`Budgets::UNLIMITED`] never runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// Requests.
    pub requests: u8,
    /// Ticks of time, of any clock.
    pub ticks: u8,
    /// Crashes.
    pub crashes: u8,
    /// Journals taken over.
    pub refusals: u8,
    /// Disks that get slow.
    pub stalls: u8,
    /// Messages that come twice.
    pub duplicates: u8,
    /// Messages that are lost. Without any, a message may still come never, but promises may count on it.
    pub losses: u8,
    /// Timers that fire although they are not set.
    pub strays: u8,
    /// Clocks that are set on or back while their process is down.
    pub jumps: u8,
}

impl Budgets {
    /// Never runs out.
    pub const UNLIMITED: u8 = u8::MAX;

    /// Whatever is asked, however long it takes; and nothing befalls anybody.
    pub const CALM: Self = Self {
        requests: Self::UNLIMITED,
        ticks: Self::UNLIMITED,
        crashes: 0,
        refusals: 0,
        stalls: 0,
        duplicates: 0,
        losses: 0,
        strays: 0,
        jumps: 0,
    };

    pub(super) fn spend(budget: &mut u8) {
        if *budget != Self::UNLIMITED {
            *budget -= 1;
        }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self::CALM
    }
}

/// What a protocol makes of instants that are past: how states are kept finite while time passes without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Past {
    /// All of it is kept. States are then finite only under a budget of ticks.
    Exact,
    /// Of instants that lie further back than this on every clock, it only matters which came first: nobody computes how
    /// long ago they were. Zero, if the protocol only ever compares what is past.
    OrderBeyond(Duration),
}
