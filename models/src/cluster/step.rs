//! One action of a cluster model.

use super::errands::Errands;
use super::{
    Action, Budgets, Cluster, ClusterModel, Fate, Ghost, Kind, NOW, Node, NodeScope, Packet, Seen, Shared, Step,
};
use crate::odometer::Odometer;
use crate::panics::catch;
use crate::world::Broken;
use core::num::NonZeroU32;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::{Clock, Host, Instant};
use smallvec::SmallVec;
use std::sync::Arc;

/// The host of one step: time stands still, the die shows what the odometer says, effects are kept.
struct StepHost<'a, Effect> {
    now: Instant,
    die: &'a mut Odometer,
    effects: Vec<Effect>,
}

impl<Effect> Clock for StepHost<'_, Effect> {
    fn now(&self) -> Instant {
        self.now
    }
}

impl<Effect> Host<Effect> for StepHost<'_, Effect> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        // A die with one face is no die.
        if bound == NonZeroU32::MIN { 0 } else { self.die.choose(bound) }
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

/// What a process does next.
enum Run<P: Protocol> {
    Step(Input<P>),
    Recover,
}

impl<P: Protocol, G: Ghost<P>> ClusterModel<P, G> {
    pub(super) fn first_state(&self, die: &mut Odometer) -> Cluster<P, G> {
        let mut state = Cluster {
            nodes: self.scope.nodes.iter().map(|node| Arc::new(self.first_node(node))).collect(),
            network: SmallVec::new(),
            left: self.scope.budgets,
            hasty: self.scope.hasty.iter().map(|hasty| hasty.times).collect(),
            ghost: G::default(),
            broken: None,
        };
        let mut seen = Vec::new();
        for node in 0..state.nodes.len() {
            let mut stepping = Stepping { model: self, next: &mut state, seen: &mut seen, die: &mut *die };
            stepping.run(node, Run::Recover, Fate::Whole);
        }
        self.observe(&mut state, &seen);
        self.normalise(&mut state);
        state
    }

    fn first_node(&self, node: &NodeScope<P>) -> Node<P> {
        let mut disk = node.image.clone();
        node.records.iter().cloned().for_each(|record| P::fold(&mut disk, record));
        Node {
            machine: None,
            disk: Shared::new(disk),
            tail: SmallVec::new(),
            is_stalled: false,
            timers: SmallVec::new(),
            own: SmallVec::new(),
            loaded: SmallVec::new(),
            asked: SmallVec::new(),
            now: NOW + self.scope.tick * node.ahead,
            set_off: 0,
            journal: self.scope.reads_back.then(|| Shared::new(node.records.clone())),
        }
    }

    /// The state after an action. A step that panics leads to the state before it, marked as broken.
    pub(super) fn successor(&self, prior: &Cluster<P, G>, action: &Action<P>) -> Cluster<P, G> {
        let mut next = prior.clone();
        if catch(|| self.take(prior, &mut next, action)).is_err() {
            next.clone_from(prior);
            next.broken = Some(Broken::Panic);
        }
        next
    }

    /// Turns `next`, a copy of `prior`, into the state after `action`, and returns what was seen of it.
    pub(super) fn take(&self, prior: &Cluster<P, G>, next: &mut Cluster<P, G>, action: &Action<P>) -> Vec<Seen<P>> {
        let mut die = Odometer::showing(&action.throws);
        let mut seen = Vec::new();
        Stepping { model: self, next, seen: &mut seen, die: &mut die }.take(&action.kind, action.fate);
        self.judge(prior, next, action, &seen);
        self.observe(next, &seen);
        self.normalise(next);
        seen
    }

    fn judge(&self, before: &Cluster<P, G>, after: &mut Cluster<P, G>, action: &Action<P>, seen: &[Seen<P>]) {
        if self.claims.every_step.is_empty() && self.claims.some_step.is_empty() {
            return;
        }
        let step = Step { before, action, seen, after: &*after, scope: &self.scope };
        self.watch_step(&step);
        let broken = self.claims.every_step.iter().position(|claim| !(claim.holds)(&step));
        // The laws come first among the claims about steps, and what they say stands.
        after.broken = after.broken.or(broken.map(|index| Broken::Claim((Self::LAWS.len() + index) as u8)));
    }

    fn observe(&self, state: &mut Cluster<P, G>, seen: &[Seen<P>]) {
        if size_of::<G>() > 0 {
            let mut ghost = state.ghost.clone();
            seen.iter().for_each(|seen| ghost.observe(seen, state));
            ghost.conclude(state);
            state.ghost = ghost;
        }
    }

    /// The effects of an action's step, before anything comes of them; none if it has no step.
    pub(super) fn rehearse(&self, state: &Cluster<P, G>, kind: &Kind<P>, die: &mut Odometer) -> Vec<Effect<P>> {
        let mut next = state.clone();
        let mut stepping = Stepping { model: self, next: &mut next, seen: &mut Vec::new(), die };
        let Some((node, run)) = stepping.prepare(kind) else { return Vec::new() };
        stepping.process(node, run).1
    }
}

/// An action on its way.
pub(super) struct Stepping<'a, P: Protocol, G: Ghost<P>> {
    pub(super) model: &'a ClusterModel<P, G>,
    pub(super) next: &'a mut Cluster<P, G>,
    pub(super) seen: &'a mut Vec<Seen<P>>,
    die: &'a mut Odometer,
}

impl<P: Protocol, G: Ghost<P>> Stepping<'_, P, G> {
    pub(super) fn node(&mut self, node: usize) -> &mut Node<P> {
        Arc::make_mut(&mut self.next.nodes[node])
    }

    fn take(&mut self, kind: &Kind<P>, fate: Fate) {
        match fate {
            Fate::Whole => {}
            Fate::Crash { .. } => Budgets::spend(&mut self.next.left.crashes),
            Fate::Refused => Budgets::spend(&mut self.next.left.refusals),
        }
        if let Some((node, run)) = self.prepare(kind) {
            self.run(node, run, fate);
            return;
        }
        match kind {
            Kind::Advance { node } => self.advance(*node),
            Kind::Stall { node } => {
                Budgets::spend(&mut self.next.left.stalls);
                self.node(*node).is_stalled = true;
            }
            Kind::Sync { node, records } => self.end_sync(*node, *records, fate),
            Kind::Crash { node, survive } => {
                Budgets::spend(&mut self.next.left.crashes);
                self.crash(*node, *survive);
            }
            _ => {}
        }
    }

    /// What has to be done before a process takes its step: which node, and what it takes. `None` for what is no step.
    fn prepare(&mut self, kind: &Kind<P>) -> Option<(usize, Run<P>)> {
        Some(match kind {
            Kind::Request { node, request } => (*node, Run::Step(self.ask(*node, request.clone()))),
            Kind::Deliver { packet, twice } => (packet.to, Run::Step(self.deliver(packet, *twice))),
            Kind::Own { node } => (*node, Run::Step((*self.node(*node).own.remove(0)).clone())),
            Kind::Loaded { node, index } => (*node, Run::Step((*self.node(*node).loaded.remove(*index)).clone())),
            Kind::Fire { node, timer } => (*node, Run::Step(self.fire(*node, timer))),
            Kind::Restart { node, set_off } => {
                self.set_clock(*node, *set_off);
                (*node, Run::Recover)
            }
            Kind::Lose { packet } => {
                Budgets::spend(&mut self.next.left.losses);
                self.take_from_network(packet);
                return None;
            }
            Kind::Advance { .. } | Kind::Stall { .. } | Kind::Sync { .. } | Kind::Crash { .. } => return None,
        })
    }

    fn ask(&mut self, node: usize, request: P::Request) -> Input<P> {
        Budgets::spend(&mut self.next.left.requests);
        let asked = &mut self.node(node).asked;
        let place = asked.iter().zip(0..).position(|(ticket, free)| ticket.0 != free).unwrap_or(asked.len());
        let ticket = Ticket(place as u64);
        asked.insert(place, ticket);
        self.see(|| Seen::Asked { node, ticket, request: request.clone() });
        Input::Request { ticket, request }
    }

    fn deliver(&mut self, packet: &Shared<Packet<P>>, twice: bool) -> Input<P> {
        if twice {
            Budgets::spend(&mut self.next.left.duplicates);
        } else {
            self.take_from_network(packet);
        }
        let from = self.model.scope.nodes[packet.from].address.clone().expect("whoever sends has an address");
        Input::Message { from, message: packet.message.clone() }
    }

    fn take_from_network(&mut self, packet: &Shared<Packet<P>>) {
        let place = self.next.network.iter().position(|other| other == packet);
        self.next.network.remove(place.expect("an offered message is under way"));
    }

    fn fire(&mut self, node: usize, timer: &P::Timer) -> Input<P> {
        let due = self.next.nodes[node].due(timer);
        match due {
            Some(due) if due > self.next.nodes[node].now => {
                let hasty = self.model.hasty(self.next, node, timer);
                Budgets::spend(&mut self.next.hasty[hasty.expect("a timer that is offered early is hasty")]);
            }
            Some(_) => {}
            None => Budgets::spend(&mut self.next.left.strays),
        }
        self.node(node).timers.retain(|(name, _)| name != timer);
        Input::Timer(timer.clone())
    }

    fn set_clock(&mut self, node: usize, set_off: i16) {
        if set_off == 0 {
            return;
        }
        Budgets::spend(&mut self.next.left.jumps);
        let by = self.model.scope.tick * u32::from(set_off.unsigned_abs());
        let node = self.node(node);
        node.now = if set_off > 0 { node.now + by } else { node.now - by };
        node.set_off += set_off;
    }

    fn advance(&mut self, only: Option<usize>) {
        Budgets::spend(&mut self.next.left.ticks);
        let tick = self.model.scope.tick;
        for node in 0..self.next.nodes.len() {
            if only.is_none_or(|only| only == node) {
                let node = self.node(node);
                node.now = node.now + tick;
            }
        }
    }

    fn run(&mut self, node: usize, run: Run<P>, fate: Fate) {
        let is_recovery = matches!(run, Run::Recover);
        let (machine, effects) = self.process(node, run);
        if is_recovery {
            self.see(|| Seen::Recovered { node });
        }
        self.node(node).machine = Some(Shared::new(machine));
        Errands { stepping: self, node }.carry_out(effects, fate);
    }

    /// The step itself.
    fn process(&mut self, node: usize, run: Run<P>) -> (P, Vec<Effect<P>>) {
        let config = &self.model.scope.nodes[node].config;
        let state = &self.next.nodes[node];
        let mut host = StepHost { now: state.now, die: &mut *self.die, effects: Vec::new() };
        let is_recovery = matches!(run, Run::Recover);
        let machine = match run {
            Run::Recover => P::recover(config, (*state.disk).clone(), &mut host),
            Run::Step(input) => {
                let machine = state.machine.as_deref();
                let mut machine = machine.expect("whatever is offered to a node finds it up").clone();
                machine.step(config, input, &mut host);
                machine
            }
        };
        let mut effects = host.effects;
        if let Some(fault) = self.model.scope.host_fault {
            fault(&mut effects, is_recovery);
        }
        (machine, effects)
    }

    /// Notes what can be seen from outside, if anybody looks.
    pub(super) fn see(&mut self, seen: impl FnOnce() -> Seen<P>) {
        if self.model.is_watching() {
            self.seen.push(seen());
        }
    }
}
