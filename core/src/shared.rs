//! One machine, many threads: [`Shared`] swaps a word, [`Gated`] locks behind a published word.
//!
//! ```text
//!   caller ──▶ glance at the word ──▶ answered, nothing written         (Gated, the common case)
//!                     │                 └─▶ or spent: a word swapped in that allows one less
//!                     │ cannot tell
//!                     ▼
//!              lock ▸ step ▸ publish the word ▸ unlock ──▶ run the effects, in order, under no lock
//! ```
//!
//! Both shells take what lies outside the machine from a [`Keeper`]: it keeps the time, throws the die and runs the
//! errands. Of a keeper's methods only `now` and `choose` are called under the lock; what tells of replies and effects is
//! not.

use crate::machine::{Clock, Gate, Host, Machine, Packed, Policy};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::time::Instant;
use core::cell::Cell;
use core::num::NonZeroU32;
use std::collections::VecDeque;
use std::sync::Arc;

/// What surrounds a machine that threads share: it keeps the time, throws the die and runs the errands.
pub trait Keeper<M: Machine>: Clock {
    /// A number in `0..bound`. Like [`Clock::now`] it is called while the machine is locked, so it must neither call back into
    /// it nor panic.
    fn choose(&self, bound: NonZeroU32) -> u32;
    /// Is told of each reply, from the caller's own thread, under no lock.
    fn replied(&self, _reply: &M::Reply) {}
    /// Runs one effect, under no lock. Effects of a [`Gated`] machine arrive one by one and in the order of its steps.
    fn happened(&self, _effect: M::Effect) {}
}

/// Anything that steps a machine from many threads.
pub trait Stepper<M: Machine> {
    /// Takes one input and answers it.
    fn step(&self, input: M::Input) -> M::Reply;
}

impl<M: Machine, S: Stepper<M> + ?Sized> Stepper<M> for &S {
    #[inline(always)]
    fn step(&self, input: M::Input) -> M::Reply {
        (**self).step(input)
    }
}

impl<M: Machine, S: Stepper<M> + ?Sized> Stepper<M> for Arc<S> {
    #[inline(always)]
    fn step(&self, input: M::Input) -> M::Reply {
        (**self).step(input)
    }
}

/// A permit that finds its way back: whoever drops it unfinished has cancelled its call.
///
/// Unwinding from a panic takes the same path.
#[derive(Debug)]
#[must_use = "dropping an admission cancels the call it stands for"]
pub struct Admission<P: Policy, S: Stepper<P>> {
    permit: Option<P::Permit>,
    stepper: S,
}

impl<P: Policy, S: Stepper<P>> Admission<P, S> {
    /// Asks `stepper` for a permit.
    ///
    /// # Errors
    /// The machine's own refusal. Nothing is held.
    #[inline(always)]
    pub fn ask(stepper: S) -> Result<Self, P::Reply> {
        let permit = P::granted(stepper.step(P::ask()))?;
        Ok(Self { permit: Some(permit), stepper })
    }

    /// The permit.
    pub fn permit(&self) -> &P::Permit {
        self.permit.as_ref().expect("a permit leaves only when its admission ends")
    }

    /// Gives the permit back and tells the outcome.
    #[inline(always)]
    pub fn end(mut self, outcome: P::Outcome) -> P::Reply {
        let permit = self.permit.take().expect("a permit leaves only when its admission ends");
        self.stepper.step(P::end(permit, outcome))
    }
}

impl<P: Policy, S: Stepper<P>> Drop for Admission<P, S> {
    #[inline]
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            cancel(&self.stepper, permit);
        }
    }
}

// Kept out of line, so that what every call drops in the end is next to nothing.
#[cold]
fn cancel<P: Policy>(stepper: &impl Stepper<P>, permit: P::Permit) {
    stepper.step(P::end(permit, P::CANCELLED));
}

/// A machine in one atomic word, stepped by compare-and-swap. It never blocks.
///
/// Its configuration is for good. After a lost swap the effects are dropped, the clock is read afresh and the step is taken again.
#[derive(Debug)]
pub struct Shared<M: Packed, K> {
    word: AtomicU64,
    config: M::Config,
    keeper: K,
}

impl<M: Packed, K: Keeper<M>> Shared<M, K> {
    /// Shares `machine`.
    pub fn new(machine: &M, config: M::Config, keeper: K) -> Self {
        Self { word: AtomicU64::new(machine.pack()), config, keeper }
    }

    /// A fresh machine, shared.
    pub fn fresh(config: M::Config, keeper: K) -> Self
    where
        M: Policy,
    {
        let mut outbox = VecDeque::new();
        let machine = M::new(&config, &mut Stepping::new(&keeper, Instant::ORIGIN, &mut outbox));
        outbox.into_iter().for_each(|effect| keeper.happened(effect));
        Self::new(&machine, config, keeper)
    }

    /// The machine as it is now.
    pub fn peek(&self) -> M {
        M::unpack(self.word.load(Ordering::Acquire))
    }

    /// What surrounds it.
    pub fn keeper(&self) -> &K {
        &self.keeper
    }

    fn swap_in(&self, input: &M::Input, outbox: &mut VecDeque<M::Effect>) -> M::Reply {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            outbox.clear();
            let mut machine = M::unpack(word);
            let mut host = Stepping::new(&self.keeper, Instant::ORIGIN, outbox);
            let reply = machine.step(&self.config, input.clone(), &mut host);
            let stepped = machine.pack();
            // A step that changed nothing stands as of the load: a refusal writes nothing and so does not contend.
            if stepped == word {
                return reply;
            }
            match self.word.compare_exchange_weak(word, stepped, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return reply,
                Err(newer) => word = newer,
            }
        }
    }
}

impl<M: Packed, K: Keeper<M>> Stepper<M> for Shared<M, K> {
    fn step(&self, input: M::Input) -> M::Reply {
        let mut outbox = VecDeque::new();
        let reply = self.swap_in(&input, &mut outbox);
        self.keeper.replied(&reply);
        outbox.into_iter().for_each(|effect| self.keeper.happened(effect));
        reply
    }
}

/// A machine behind a lock, with a published word that answers the hot path without it.
///
/// The word is published under the lock and before any effect runs, so it never falls behind the machine for good.
/// Effects leave in the order of the steps, one at a time, under no lock: whichever thread finds the outbox unattended
/// empties it, a thread that finds it attended leaves its effects there.
#[derive(Debug)]
pub struct Gated<M: Gate, K> {
    gate: AtomicU64,
    locked: Mutex<Locked<M>>,
    keeper: K,
}

#[derive(Debug)]
struct Locked<M: Machine> {
    machine: M,
    config: M::Config,
    /// The latest instant that a step was shown: the clock is clamped so that it never runs back between steps.
    latest: Instant,
    outbox: VecDeque<M::Effect>,
    attended: bool,
    /// The word as it was last stored under the lock. Since then callers can have spent of its allowance, nothing else.
    published: u64,
}

impl<M: Gate + Policy, K: Keeper<M>> Gated<M, K> {
    /// A fresh machine, shared.
    pub fn new(config: M::Config, keeper: K) -> Self {
        let mut outbox = VecDeque::new();
        let machine = M::new(&config, &mut Stepping::new(&keeper, Instant::ORIGIN, &mut outbox));
        let published = machine.gate(&config);
        let locked = Locked { machine, config, latest: Instant::ORIGIN, outbox, attended: false, published };
        let gated = Self { gate: AtomicU64::new(published), locked: Mutex::new(locked), keeper };
        gated.deliver();
        gated
    }
}

impl<M: Gate, K: Keeper<M>> Gated<M, K> {
    /// What surrounds it.
    pub fn keeper(&self) -> &K {
        &self.keeper
    }

    /// Goes on under a new configuration; history survives, and a decision that falls due is taken at once.
    pub fn reconfigure(&self, config: M::Config) {
        self.alter(|machine, old, host| {
            machine.reconfigure(old, &config, host);
            *old = config;
        });
    }

    /// Looks at the machine and its configuration, at the present instant. `look` runs under the lock: it must not call
    /// back into this machine.
    pub fn peek<T>(&self, look: impl FnOnce(&M, &M::Config, Instant) -> T) -> T {
        let mut locked = lock(&self.locked);
        locked.withdraw(&self.gate);
        let now = self.keeper.now().max(locked.latest);
        locked.publish(&self.gate);
        look(&locked.machine, &locked.config, now)
    }

    /// The published word. Its meaning is the machine's own.
    pub fn gate(&self) -> u64 {
        self.gate.load(Ordering::Acquire)
    }

    #[inline]
    fn alter<T>(&self, alter: impl FnOnce(&mut M, &mut M::Config, &mut Stepping<'_, M, K>) -> T) -> T {
        let mut guard = lock(&self.locked);
        let locked = &mut *guard;
        locked.withdraw(&self.gate);
        let mut host = Stepping::new(&self.keeper, locked.latest, &mut locked.outbox);
        let altered = alter(&mut locked.machine, &mut locked.config, &mut host);
        locked.latest = host.latest();
        locked.publish(&self.gate);
        let deliver = !locked.outbox.is_empty() && !locked.attended;
        drop(guard);
        if deliver {
            self.deliver();
        }
        altered
    }

    #[cold]
    fn deliver(&self) {
        let mut attendant = Attendant { gated: self, attending: false };
        while let Some(effect) = attendant.next() {
            self.keeper.happened(effect);
        }
    }
}

impl<M: Gate, K: Keeper<M>> Stepper<M> for Gated<M, K> {
    // Inlined without fail: where the input is known, all but a few instructions of a glance fall away.
    #[inline(always)]
    fn step(&self, input: M::Input) -> M::Reply {
        let gate = self.gate.load(Ordering::Acquire);
        if let Some(reply) = M::glance(gate, &input, &self.keeper) {
            self.keeper.replied(&reply);
            return reply;
        }
        if let Some(reply) = self.spend(gate, &input) {
            self.keeper.replied(&reply);
            return reply;
        }
        self.step_locked(input).0
    }
}

impl<M: Gate, K: Keeper<M>> Gated<M, K> {
    /// Takes the step on the word alone, if the word allows it.
    #[inline(always)]
    fn spend(&self, mut gate: u64, input: &M::Input) -> Option<M::Reply> {
        while let Some((reply, left)) = M::spend(gate, input) {
            match self.gate.compare_exchange_weak(gate, left, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(reply),
                Err(newer) => gate = newer,
            }
        }
        None
    }

    // Kept out of line, so that callers carry only what the word answers; and in a tuple, because the compiler then keeps
    // a reply from the word in registers instead of giving both replies one place in memory (2 ns a step against 7).
    #[inline(never)]
    fn step_locked(&self, input: M::Input) -> (M::Reply,) {
        let reply = self.alter(|machine, config, host| machine.step(config, input, host));
        self.keeper.replied(&reply);
        (reply,)
    }
}

impl<M: Gate> Locked<M> {
    /// Ends the spending and lets the machine make up for it. Until the next [`Locked::publish`] the word allows none.
    fn withdraw(&mut self, gate: &AtomicU64) {
        let withdrawn = M::withdrawn(self.published);
        if withdrawn != self.published {
            let left = gate.swap(withdrawn, Ordering::AcqRel);
            self.machine.spent(self.published, left);
            self.published = withdrawn;
        }
    }

    fn publish(&mut self, gate: &AtomicU64) {
        let word = self.machine.gate(&self.config);
        if word != self.published {
            gate.store(word, Ordering::Release);
            self.published = word;
        }
    }
}

/// The one thread that empties the outbox. Should an effect panic, the next step's thread attends again.
struct Attendant<'a, M: Gate, K> {
    gated: &'a Gated<M, K>,
    attending: bool,
}

impl<M: Gate, K> Attendant<'_, M, K> {
    fn next(&mut self) -> Option<M::Effect> {
        let mut locked = lock(&self.gated.locked);
        if locked.attended && !self.attending {
            return None;
        }
        let effect = locked.outbox.pop_front();
        self.attending = effect.is_some();
        locked.attended = self.attending;
        effect
    }
}

impl<M: Gate, K> Drop for Attendant<'_, M, K> {
    fn drop(&mut self) {
        if self.attending {
            lock(&self.gated.locked).attended = false;
        }
    }
}

/// The host of one step: the clock is read at most once, and only if the machine asks.
struct Stepping<'a, M: Machine, K> {
    keeper: &'a K,
    floor: Instant,
    now: Cell<Option<Instant>>,
    outbox: &'a mut VecDeque<M::Effect>,
}

impl<'a, M: Machine, K> Stepping<'a, M, K> {
    fn new(keeper: &'a K, floor: Instant, outbox: &'a mut VecDeque<M::Effect>) -> Self {
        Self { keeper, floor, now: Cell::new(None), outbox }
    }

    fn latest(&self) -> Instant {
        self.now.get().unwrap_or(self.floor)
    }
}

impl<M: Machine, K: Keeper<M>> Clock for Stepping<'_, M, K> {
    fn now(&self) -> Instant {
        let now = self.now.get().unwrap_or_else(|| self.keeper.now().max(self.floor));
        self.now.set(Some(now));
        now
    }
}

impl<M: Machine, K: Keeper<M>> Host<M::Effect> for Stepping<'_, M, K> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.keeper.choose(bound)
    }

    fn emit(&mut self, effect: M::Effect) {
        self.outbox.push_back(effect);
    }
}
