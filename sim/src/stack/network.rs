//! What lies between hosts.

use super::life::Process;
use super::tap::Tap;
use crate::Die;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use turmoil::Sim;

/// The network between hosts, and the ways in which it fails. Clones are the same network.
///
/// | fault | what turmoil would do | here |
/// |---|---|---|
/// | [`cut`](Self::cut) | a partition loses bytes that nobody sends again: the connection never recovers | holds them, as TCP does in effect |
/// | [`cut_one_way`](Self::cut_one_way) | the same, and the SYN-ACK passes | holds them at the reader; nobody connects |
/// | [`cut_power`](Self::cut_power) | a crash sends FIN | silence first |
/// | connecting where nobody can hear | is refused at once | waits until somebody can |
///
/// All connections have TCP's patience without end: who is to give up must have a timeout.
#[derive(Clone, Debug)]
pub struct Network {
    hosts: Arc<[String]>,
    state: Arc<Mutex<State>>,
    tap: Tap,
}

#[derive(Debug, Default)]
struct State {
    /// In both orders.
    cut: BTreeSet<(IpAddr, IpAddr)>,
    /// From, to.
    cut_one_way: BTreeSet<(IpAddr, IpAddr)>,
    without_power: BTreeSet<IpAddr>,
    registered: u64,
    /// Whoever waits for a change, in order of registration.
    waiting: BTreeMap<u64, Waker>,
}

/// What turmoil does with messages between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Free,
    /// What is sent waits.
    Held,
    /// What is sent is gone.
    Dark,
}

impl State {
    fn way(&self, a: IpAddr, b: IpAddr) -> Way {
        if self.without_power.contains(&a) || self.without_power.contains(&b) {
            Way::Dark
        } else if self.cut.contains(&(a, b)) {
            Way::Held
        } else {
            Way::Free
        }
    }

    /// Whether a handshake comes to an end. A cut on both sides is not asked about: turmoil holds the SYN.
    fn may_meet(&self, a: IpAddr, b: IpAddr) -> bool {
        self.way(a, b) != Way::Dark && !self.cut_one_way.contains(&(a, b)) && !self.cut_one_way.contains(&(b, a))
    }
}

impl Network {
    /// The network of these hosts.
    pub fn of<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { hosts: hosts.into_iter().map(str::to_owned).collect(), state: Arc::default(), tap: Tap::default() }
    }

    /// What goes over its wires.
    pub const fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Draws the latency of each link, in whole milliseconds. To be called before each tick: turmoil's own law goes
    /// through floating point and one generator for everybody.
    pub fn draw_latencies(&self, simulation: &Sim<'_>, die: &mut Die, least_ms: u64, most_ms: u64) {
        for (index, host) in self.hosts.iter().enumerate() {
            for other in &self.hosts[index + 1..] {
                let latency = Duration::from_millis(die.between(least_ms, most_ms));
                simulation.set_link_latency(host.as_str(), other.as_str(), latency);
            }
        }
    }

    /// Cuts the link between two hosts: what is sent arrives when it is mended.
    pub fn cut(&self, simulation: &Sim<'_>, one: &str, other: &str) {
        let [a, b] = [one, other].map(|host| simulation.lookup(host));
        self.change(simulation, |state| state.cut.extend([(a, b), (b, a)]));
    }

    /// Mends what [`cut`](Self::cut) cut.
    pub fn mend(&self, simulation: &Sim<'_>, one: &str, other: &str) {
        let [a, b] = [one, other].map(|host| simulation.lookup(host));
        self.change(simulation, |state| state.cut.retain(|link| *link != (a, b) && *link != (b, a)));
    }

    /// Cuts one direction: what arrives is not heard until it is mended, and nobody connects either way. On connections that
    /// are there the other direction goes on, as if no acknowledgement were missed.
    pub fn cut_one_way(&self, simulation: &Sim<'_>, from: &str, to: &str) {
        let link = (simulation.lookup(from), simulation.lookup(to));
        self.change(simulation, |state| state.cut_one_way.extend([link]));
    }

    /// Mends what [`cut_one_way`](Self::cut_one_way) cut.
    pub fn mend_one_way(&self, simulation: &Sim<'_>, from: &str, to: &str) {
        let link = (simulation.lookup(from), simulation.lookup(to));
        self.change(simulation, |state| state.cut_one_way.retain(|other| *other != link));
    }

    /// Cuts the power of a host: all links fall silent, then its process ends. Nobody is told. It is to last at least one
    /// tick, in which the host's tasks come to their end.
    pub fn cut_power(&self, simulation: &Sim<'_>, host: &str, process: &Process) {
        let address = simulation.lookup(host);
        self.change(simulation, |state| state.without_power.extend([address]));
        process.kill();
    }

    /// Gives the power back, and starts the process.
    pub fn restore_power(&self, simulation: &Sim<'_>, host: &str, process: &Process) {
        let address = simulation.lookup(host);
        self.change(simulation, |state| state.without_power.retain(|other| *other != address));
        process.start();
    }

    fn change(&self, simulation: &Sim<'_>, change: impl FnOnce(&mut State)) {
        let before = self.ways(simulation);
        change(&mut self.lock());
        let after = self.ways(simulation);
        for ((link, was), (_, is)) in before.into_iter().zip(after).filter(|((_, was), (_, is))| was != is) {
            lay(simulation, link, was, is);
        }
        let waiting = core::mem::take(&mut self.lock().waiting);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Each link once, and what lies between its ends.
    fn ways(&self, simulation: &Sim<'_>) -> Vec<([IpAddr; 2], Way)> {
        let addresses: Vec<_> = self.hosts.iter().map(|host| simulation.lookup(host.as_str())).collect();
        let state = self.lock();
        let links = (0..addresses.len()).flat_map(|from| (from + 1..addresses.len()).map(move |to| (from, to)));
        let links = links.map(|(from, to)| [addresses[from], addresses[to]]);
        links.map(|[a, b]| ([a, b], state.way(a, b))).collect()
    }

    /// Waits until a handshake can come to an end.
    pub(super) async fn can_meet(&self, a: IpAddr, b: IpAddr) {
        let place = self.register();
        poll_fn(|context| self.poll(place, context, |state| state.may_meet(a, b))).await;
    }

    pub(super) fn may_meet(&self, a: IpAddr, b: IpAddr) -> bool {
        self.lock().may_meet(a, b)
    }

    pub(super) fn register(&self) -> u64 {
        let mut state = self.lock();
        state.registered += 1;
        state.registered
    }

    pub(super) fn forget(&self, place: u64) {
        self.lock().waiting.remove(&place);
    }

    /// Whether what `from` says is heard at `to`.
    pub(super) fn poll_hears(&self, place: u64, context: &Context<'_>, [from, to]: [IpAddr; 2]) -> Poll<()> {
        self.poll(place, context, |state| !state.cut_one_way.contains(&(from, to)))
    }

    fn poll(&self, place: u64, context: &Context<'_>, is_so: impl Fn(&State) -> bool) -> Poll<()> {
        let mut state = self.lock();
        if is_so(&state) {
            return Poll::Ready(());
        }
        state.waiting.insert(place, context.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lay(simulation: &Sim<'_>, [a, b]: [IpAddr; 2], was: Way, is: Way) {
    match was {
        Way::Free => {}
        Way::Held => simulation.release(a, b),
        Way::Dark => simulation.repair(a, b),
    }
    match is {
        Way::Free => {}
        Way::Held => simulation.hold(a, b),
        Way::Dark => simulation.partition(a, b),
    }
}
