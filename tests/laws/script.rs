//! A script of random operations, and what comes of running it.

use crate::DAWN;
use core::fmt::Debug;
use core::num::NonZeroU32;
use core::time::Duration;
use proptest::prelude::*;
use proptest::sample::Index;
use purlin::{Clock, Host, Instant, Machine, Names, Policy};

/// A machine that is tried by the laws.
pub(crate) trait Subject: Debug + Clone + 'static {
    type Machine: Policy<Input: Names, Reply: Names, Effect: Names>;
    /// Two configurations to go back and forth between.
    fn configs() -> BoxedStrategy<[<Self::Machine as Machine>::Config; 2]>;
    fn outcomes() -> BoxedStrategy<<Self::Machine as Policy>::Outcome>;
    /// Inputs that are neither an ask nor the end of a call: controls, forged permits.
    fn others() -> BoxedStrategy<<Self::Machine as Machine>::Input>;
    /// Every bound of a throw that the configuration allows.
    fn bounds(config: &<Self::Machine as Machine>::Config) -> Vec<u32>;
    /// The first claim of the room that does not hold.
    fn broken_claim(machine: &Self::Machine, config: &<Self::Machine as Machine>::Config) -> Option<&'static str>;
}

type Input<S> = <<S as Subject>::Machine as Machine>::Input;
type Outcome<S> = <<S as Subject>::Machine as Policy>::Outcome;
type Config<S> = <<S as Subject>::Machine as Machine>::Config;

#[derive(Clone, Debug)]
pub(crate) enum Operation<S: Subject> {
    Pass(Duration),
    Ask,
    End(Index, Outcome<S>),
    Other(Input<S>),
    Reconfigure,
}

#[derive(Clone, Debug)]
pub(crate) struct Script<S: Subject> {
    pub(crate) configs: [Config<S>; 2],
    pub(crate) operations: Vec<Operation<S>>,
    dawn: Instant,
    throws: u32,
    cut: Index,
}

pub(crate) fn scripts<S: Subject>() -> impl Strategy<Value = Script<S>> {
    let operations = proptest::collection::vec(operations::<S>(), 1..60);
    (S::configs(), operations, any::<u32>(), any::<Index>()).prop_map(|(configs, operations, throws, cut)| Script {
        configs,
        operations,
        dawn: DAWN,
        throws,
        cut,
    })
}

fn operations<S: Subject>() -> impl Strategy<Value = Operation<S>> {
    prop_oneof![
        4 => durations().prop_map(Operation::Pass),
        6 => Just(Operation::Ask),
        8 => (any::<Index>(), S::outcomes()).prop_map(|(index, outcome)| Operation::End(index, outcome)),
        1 => S::others().prop_map(Operation::Other),
        1 => Just(Operation::Reconfigure),
    ]
}

/// Whole milliseconds, so that deadlines are met exactly, and the nanosecond beside them.
fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(Duration::from_nanos(1)),
        8 => (0..12_u64).prop_map(Duration::from_millis),
        3 => (0..8_u64).prop_map(|quarters| Duration::from_millis(250 * quarters)),
    ]
}

impl<S: Subject> Script<S> {
    /// Where a law that changes something midway does so.
    pub(crate) fn cut(&self) -> usize {
        self.cut.index(self.operations.len())
    }

    pub(crate) fn shifted(&self, shift: Duration) -> Self {
        let mut shifted = self.clone();
        shifted.dawn = self.dawn + shift;
        for operation in &mut shifted.operations {
            if let Operation::Other(input) = operation {
                input.instants(&mut |instant| *instant = *instant + shift);
            }
        }
        shifted
    }
}

/// Whether the host ticks the machine whenever it wants to be woken.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Alarm {
    Heeded,
    Ignored,
}

/// The answer to one input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line<M: Machine> {
    pub(crate) reply: M::Reply,
    pub(crate) effects: Vec<M::Effect>,
}

impl<M: Policy<Reply: Names, Effect: Names>> Line<M> {
    pub(crate) fn shift_back(&mut self, shift: Duration) {
        let mut back = |instant: &mut Instant| *instant = *instant - shift;
        self.reply.instants(&mut back);
        self.effects.iter_mut().for_each(|effect| effect.instants(&mut back));
    }
}

/// The host: a clock set by hand, a die whose throws are a sequence, and a list of what was emitted.
#[derive(Clone, Debug)]
pub(crate) struct World<M: Machine> {
    now: Instant,
    throw: u32,
    pub(crate) bounds: Vec<u32>,
    effects: Vec<M::Effect>,
}

impl<M: Machine> Clock for World<M> {
    fn now(&self) -> Instant {
        self.now
    }
}

impl<M: Machine> Host<M::Effect> for World<M> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.bounds.push(bound.get());
        self.throw = self.throw.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (self.throw >> 8) % bound
    }

    fn emit(&mut self, effect: M::Effect) {
        self.effects.push(effect);
    }
}

/// A script being run.
#[derive(Clone, Debug)]
pub(crate) struct Run<S: Subject> {
    pub(crate) machine: S::Machine,
    pub(crate) lines: Vec<Line<S::Machine>>,
    pub(crate) world: World<S::Machine>,
    configs: [Config<S>; 2],
    held: Vec<<S::Machine as Policy>::Permit>,
}

impl<S: Subject> Run<S> {
    pub(crate) fn start(script: &Script<S>) -> Self {
        let mut world = World { now: script.dawn, throw: script.throws, bounds: Vec::new(), effects: Vec::new() };
        let machine = S::Machine::new(&script.configs[0], &mut world);
        Self { machine, lines: Vec::new(), world, configs: script.configs.clone(), held: Vec::new() }
    }

    pub(crate) fn of(script: &Script<S>, alarm: Alarm) -> Self {
        let mut run = Self::start(script);
        script.operations.iter().for_each(|operation| run.apply(operation, alarm));
        run.step(S::Machine::tick());
        run
    }

    /// Runs a script and lets `watch` look before each operation.
    pub(crate) fn watched(
        script: &Script<S>,
        alarm: Alarm,
        mut watch: impl FnMut(&Self, &Operation<S>) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        let mut run = Self::start(script);
        for operation in &script.operations {
            watch(&run, operation)?;
            run.apply(operation, alarm);
        }
        Ok(())
    }

    pub(crate) fn config(&self) -> &Config<S> {
        &self.configs[0]
    }

    /// The input that an operation stands for at this moment, if it is one.
    pub(crate) fn input_of(&self, operation: &Operation<S>) -> Option<Input<S>> {
        match operation {
            Operation::Ask => Some(S::Machine::ask()),
            Operation::End(_, _) if self.held.is_empty() => None,
            Operation::End(index, outcome) => Some(S::Machine::end(index.get(&self.held).clone(), outcome.clone())),
            Operation::Other(input) => Some(input.clone()),
            Operation::Pass(_) | Operation::Reconfigure => None,
        }
    }

    pub(crate) fn apply(&mut self, operation: &Operation<S>, alarm: Alarm) {
        if let Some(input) = self.input_of(operation) {
            let line = self.step(input);
            self.hand_over(operation, &line.reply);
            self.lines.push(line);
        }
        match operation {
            Operation::Pass(duration) => self.pass(*duration, alarm),
            Operation::Reconfigure => self.reconfigure(),
            _ => {}
        }
    }

    pub(crate) fn step(&mut self, input: Input<S>) -> Line<S::Machine> {
        let reply = self.machine.step(&self.configs[0], input, &mut self.world);
        Line { reply, effects: core::mem::take(&mut self.world.effects) }
    }

    fn hand_over(&mut self, operation: &Operation<S>, reply: &<S::Machine as Machine>::Reply) {
        match operation {
            Operation::Ask => self.held.extend(S::Machine::granted(reply.clone())),
            Operation::End(index, _) => drop(self.held.remove(index.index(self.held.len()))),
            _ => {}
        }
    }

    fn pass(&mut self, duration: Duration, alarm: Alarm) {
        let until = self.world.now + duration;
        while alarm == Alarm::Heeded
            && let Some(wake) = self.machine.wake(&self.configs[0]).filter(|wake| *wake <= until)
        {
            self.world.now = self.world.now.max(wake);
            self.step(S::Machine::tick());
        }
        self.world.now = until;
    }

    fn reconfigure(&mut self) {
        let [old, new] = &self.configs;
        self.machine.reconfigure(old, new, &mut self.world);
        self.world.effects.clear();
        self.configs.swap(0, 1);
    }

    pub(crate) fn settle(&mut self) {
        let now = self.world.now;
        self.machine.settle(&self.configs[0], now);
        for permit in &mut self.held {
            self.machine.settle_permit(&self.configs[0], permit, now);
        }
    }
}
