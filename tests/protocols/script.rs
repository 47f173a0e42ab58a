//! A script of random inputs, and what comes of running it.

use crate::DAWN;
use core::fmt::Debug;
use core::num::NonZeroU32;
use core::time::Duration;
use proptest::prelude::*;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::{Clock, Host, Instant, Machine, Names};
use std::collections::{BTreeMap, VecDeque};

/// A protocol that is tried by the laws.
pub(crate) trait Subject: Debug + Clone + 'static {
    type Machine: Protocol;
    fn configs() -> BoxedStrategy<<Self::Machine as Machine>::Config>;
    /// Requests and messages; tickets are numbered by the script. Instants count from [`DAWN`].
    fn inputs() -> BoxedStrategy<Input<Self::Machine>>;
    /// Every timer that it has.
    fn timers() -> Vec<<Self::Machine as Protocol>::Timer>;
    /// Whether the decision on this input rests on the image alone.
    fn rests_on_the_image(machine: &Self::Machine, input: &Input<Self::Machine>) -> bool;
    /// The first claim of the room that does not hold.
    fn broken_claim(machine: &Self::Machine, config: &<Self::Machine as Machine>::Config) -> Option<&'static str>;

    /// The address of the machine itself: what it says to itself is delivered.
    fn oneself(_config: &<Self::Machine as Machine>::Config) -> Option<<Self::Machine as Protocol>::Address> {
        None
    }

    /// The input as somebody would send it who knows how the machine stands.
    fn fitted(_machine: &Self::Machine, input: Input<Self::Machine>) -> Input<Self::Machine> {
        input
    }

    /// Whether the timer would be stale if it fired now. Some are never: that time has passed is what they tell.
    fn is_stale(_machine: &Self::Machine, _timer: &<Self::Machine as Protocol>::Timer) -> bool {
        true
    }

    /// Whether an effect only takes leave of a role, which a crash does without a word.
    fn takes_leave(_effect: &Effect<Self::Machine>) -> bool {
        false
    }
}

type Config<S> = <<S as Subject>::Machine as Machine>::Config;

#[derive(Clone, Debug)]
pub(crate) enum Operation<S: Subject> {
    Pass(Duration),
    Take(Input<S::Machine>),
    Crash,
}

#[derive(Clone, Debug)]
pub(crate) struct Script<S: Subject> {
    config: Config<S>,
    operations: Vec<Operation<S>>,
    dawn: Instant,
}

pub(crate) fn scripts<S: Subject>() -> impl Strategy<Value = Script<S>> {
    let operations = proptest::collection::vec(operations::<S>(), 1..80);
    (S::configs(), operations).prop_map(|(config, operations)| Script { config, operations, dawn: DAWN })
}

fn operations<S: Subject>() -> impl Strategy<Value = Operation<S>> {
    prop_oneof![
        8 => (0..40_u64).prop_map(|millis| Operation::Pass(Duration::from_millis(millis))),
        24 => S::inputs().prop_map(Operation::Take),
        1 => Just(Operation::Crash),
    ]
}

impl<S: Subject> Script<S> {
    /// The same script, begun later.
    pub(crate) fn shifted(&self, shift: Duration) -> Self {
        let mut script = self.clone();
        script.dawn = script.dawn + shift;
        for operation in &mut script.operations {
            if let Operation::Take(input) = operation {
                input.instants(&mut |instant| *instant = *instant + shift);
            }
        }
        script
    }
}

/// Whether the host fires timers when they are due, or not at all.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Timers {
    Prompt,
    Never,
}

/// The host: a clock set by hand, the timers, and every effect so far.
#[derive(Clone, Debug)]
pub(crate) struct World<P: Protocol> {
    now: Instant,
    armed: BTreeMap<P::Timer, Instant>,
    pub(crate) effects: Vec<Effect<P>>,
}

impl<P: Protocol> World<P> {
    pub(crate) fn journal(&self) -> Vec<&P::Record> {
        self.effects
            .iter()
            .filter_map(|it| if let Effect::Persist(record) = it { Some(record) } else { None })
            .collect()
    }

    pub(crate) fn answers(&self) -> Vec<(Ticket, &P::Answer)> {
        let answer = |it| if let &Effect::Answer { ticket, ref answer } = it { Some((ticket, answer)) } else { None };
        self.effects.iter().filter_map(answer).collect()
    }
}

impl<P: Protocol> Clock for World<P> {
    fn now(&self) -> Instant {
        self.now
    }
}

impl<P: Protocol> Host<Effect<P>> for World<P> {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<P>) {
        match &effect {
            Effect::Arm { timer, after } => drop(self.armed.insert(timer.clone(), self.now + *after)),
            Effect::Disarm(timer) => drop(self.armed.remove(timer)),
            _ => {}
        }
        self.effects.push(effect);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Run<S: Subject> {
    pub(crate) machine: S::Machine,
    pub(crate) world: World<S::Machine>,
    pub(crate) config: Config<S>,
    pub(crate) tickets: u64,
}

impl<S: Subject> Run<S> {
    fn start(script: &Script<S>) -> Self {
        let mut world = World { now: script.dawn, armed: BTreeMap::new(), effects: Vec::new() };
        let config = script.config.clone();
        let machine = S::Machine::recover(&config, Default::default(), &mut world);
        let mut run = Self { machine, world, config, tickets: 0 };
        run.run_errands(run.world.effects.clone());
        run
    }

    /// Runs a script, and lets every timer fire once more in the end, so that all is noticed that is due by then.
    pub(crate) fn of(script: &Script<S>, timers: Timers) -> Self {
        let mut run = Self::start(script);
        script.operations.iter().for_each(|operation| run.apply(operation, timers));
        S::timers().into_iter().for_each(|timer| run.fire(timer));
        run
    }

    /// Runs a script and looks at the machine before each of its operations.
    pub(crate) fn watched(
        script: &Script<S>,
        mut look: impl FnMut(&Self, &Operation<S>) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        let mut run = Self::start(script);
        for operation in &script.operations {
            look(&run, operation)?;
            run.apply(operation, Timers::Prompt);
        }
        look(&run, &Operation::Crash)
    }

    pub(crate) fn apply(&mut self, operation: &Operation<S>, timers: Timers) {
        match operation {
            Operation::Pass(duration) => self.pass(*duration, timers),
            Operation::Take(_) => self.input_of(operation).into_iter().for_each(|input| self.take(input)),
            Operation::Crash => self.crash(),
        }
    }

    pub(crate) fn input_of(&self, operation: &Operation<S>) -> Option<Input<S::Machine>> {
        let Operation::Take(input) = operation else { return None };
        let mut input = S::fitted(&self.machine, input.clone());
        if let Input::Request { ticket, .. } = &mut input {
            *ticket = Ticket(self.tickets + 1);
        }
        Some(input)
    }

    /// What it asks for in answer.
    pub(crate) fn step(&mut self, input: Input<S::Machine>) -> Vec<Effect<S::Machine>> {
        self.tickets += u64::from(matches!(input, Input::Request { .. }));
        let before = self.world.effects.len();
        self.machine.step(&self.config, input, &mut self.world);
        self.world.effects[before..].to_vec()
    }

    pub(crate) fn fire(&mut self, timer: <S::Machine as Protocol>::Timer) {
        self.world.armed.remove(&timer);
        self.take(Input::Timer(timer));
    }

    fn take(&mut self, input: Input<S::Machine>) {
        let effects = self.step(input);
        self.run_errands(effects);
    }

    /// Delivers what the machine says to itself, and reads back what it asks for.
    fn run_errands(&mut self, effects: Vec<Effect<S::Machine>>) {
        let mut errands: VecDeque<Effect<S::Machine>> = effects.into();
        while let Some(errand) = errands.pop_front() {
            let effects = self.came_of(errand).map(|input| self.step(input));
            errands.extend(effects.into_iter().flatten());
        }
    }

    fn came_of(&self, errand: Effect<S::Machine>) -> Option<Input<S::Machine>> {
        match errand {
            Effect::Send { to, message, .. } if S::oneself(&self.config).as_ref() == Some(&to) => {
                Some(Input::Message { from: to, message })
            }
            Effect::Load(load) => {
                let journal: Vec<_> = self.world.journal().into_iter().cloned().collect();
                S::Machine::lookup(&journal, load).map(Input::Loaded)
            }
            _ => None,
        }
    }

    fn pass(&mut self, duration: Duration, timers: Timers) {
        let until = self.world.now + duration;
        while timers == Timers::Prompt
            && let Some((timer, due)) = self.first_due().filter(|(_, due)| *due <= until)
        {
            self.world.now = due.max(self.world.now);
            self.fire(timer);
        }
        self.world.now = until;
    }

    fn first_due(&self) -> Option<(<S::Machine as Protocol>::Timer, Instant)> {
        let first = self.world.armed.iter().min_by_key(|(timer, due)| (**due, (*timer).clone()))?;
        Some((first.0.clone(), *first.1))
    }

    /// All memory is lost but what was persisted.
    pub(crate) fn crash(&mut self) {
        self.world.armed.clear();
        let before = self.world.effects.len();
        self.machine = S::Machine::recover(&self.config, self.folded(), &mut self.world);
        self.run_errands(self.world.effects[before..].to_vec());
    }

    pub(crate) fn settle(&mut self) {
        self.machine.settle(&self.config, self.world.now);
    }

    pub(crate) fn folded(&self) -> <S::Machine as Protocol>::Image {
        let mut image = <S::Machine as Protocol>::Image::default();
        self.world.journal().into_iter().cloned().for_each(|record| S::Machine::fold(&mut image, record));
        image
    }
}
