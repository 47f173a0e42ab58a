//! One step of a caller model.

use super::claims::{Cause, Step};
use super::{Broken, CallerModel, Callers, Ghost, Kind, NOW};
use crate::odometer::Odometer;
use crate::panics::catch;
use core::num::NonZeroU32;
use purlin::{Clock, Host, Instant, Policy};
use smallvec::SmallVec;

/// A model's host: time stands still, the die shows what the odometer says, effects are kept.
struct ModelHost<'a, Effect> {
    now: Instant,
    die: &'a mut Odometer,
    effects: Vec<Effect>,
}

impl<Effect> Clock for ModelHost<'_, Effect> {
    fn now(&self) -> Instant {
        self.now
    }
}

impl<Effect> Host<Effect> for ModelHost<'_, Effect> {
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        self.die.choose(bound)
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

/// What a step told the outside.
pub(super) struct Told<P: Policy> {
    pub(super) reply: Option<P::Reply>,
    pub(super) effects: Vec<P::Effect>,
}

impl<P: Policy, G: Ghost<P>> CallerModel<P, G> {
    pub(super) fn first_state(&self, die: &mut Odometer) -> Callers<P, G> {
        let mut host = ModelHost { now: NOW, die, effects: Vec::new() };
        let mut state = Callers {
            machine: P::new(&self.scope.configs[0], &mut host),
            held: SmallVec::new(),
            now: NOW,
            ghost: G::default(),
            config: 0,
            inputs_left: self.scope.input_budget,
            reconfigurations_left: self.scope.reconfiguring.as_ref().map_or(0, |reconfiguring| reconfiguring.budget),
            broken: None,
        };
        self.normalise(&mut state);
        state
    }

    /// The state after `kind`. A step that panics leads to the state before it, marked as broken.
    pub(super) fn successor(
        &self,
        prior: &Callers<P, G>,
        kind: &Kind<P::Outcome>,
        die: &mut Odometer,
    ) -> Callers<P, G> {
        let mut next = prior.clone();
        if catch(|| self.take(prior, &mut next, kind, die)).is_err() {
            next.clone_from(prior);
            next.broken = Some(Broken::Panic);
        }
        next
    }

    /// Turns `next`, a copy of `prior`, into the state after `kind`, and returns what was told to the outside.
    pub(super) fn take(
        &self,
        prior: &Callers<P, G>,
        next: &mut Callers<P, G>,
        kind: &Kind<P::Outcome>,
        die: &mut Odometer,
    ) -> Told<P> {
        let told = Stepping { model: self, prior, next, die }.take(kind);
        self.normalise(next);
        told
    }
}

/// A step on its way: from `prior` to `next`.
struct Stepping<'a, P: Policy, G: Ghost<P>> {
    model: &'a CallerModel<P, G>,
    prior: &'a Callers<P, G>,
    next: &'a mut Callers<P, G>,
    die: &'a mut Odometer,
}

impl<P: Policy, G: Ghost<P>> Stepping<'_, P, G> {
    fn take(&mut self, kind: &Kind<P::Outcome>) -> Told<P> {
        match kind {
            Kind::Ask => self.ask(),
            Kind::End { permit, outcome } => self.end(*permit, outcome),
            Kind::Advance { late } => self.advance(*late),
            Kind::Input(index) => {
                self.next.inputs_left -= 1;
                self.feed(self.model.scope.inputs[*index].clone())
            }
            Kind::Reconfigure(index) => self.reconfigure(*index),
        }
    }

    fn ask(&mut self) -> Told<P> {
        let told = self.feed(P::ask());
        let reply = told.reply.clone().expect("every input is answered");
        self.next.held.extend(P::granted(reply).ok());
        told
    }

    fn end(&mut self, permit: usize, outcome: &P::Outcome) -> Told<P> {
        let ended = self.prior.distinct_permits().nth(permit).expect("an offered permit is held");
        let index = self.prior.held.iter().position(|held| held == ended).expect("a distinct permit is held");
        self.next.held.remove(index);
        self.feed(P::end(ended.clone(), outcome.clone()))
    }

    fn advance(&mut self, late: bool) -> Told<P> {
        self.next.now = self.next.now + self.model.scope.tick;
        if late { Told { reply: None, effects: Vec::new() } } else { self.feed(P::tick()) }
    }

    /// One input: the step itself, then the claims about it.
    fn feed(&mut self, input: P::Input) -> Told<P> {
        let config = self.model.config(self.prior);
        let watched = self.model.is_watching().then(|| input.clone());
        let mut host = ModelHost { now: self.next.now, die: self.die, effects: Vec::new() };
        let reply = self.next.machine.step(config, input, &mut host);
        let effects = host.effects;
        if let Some(input) = &watched {
            self.judge(config, Cause::Input { input, reply: &reply }, &effects);
        }
        Told { reply: Some(reply), effects }
    }

    fn reconfigure(&mut self, index: usize) -> Told<P> {
        let old = self.model.config(self.prior);
        let new = &self.model.scope.configs[index];
        let mut host = ModelHost { now: self.next.now, die: self.die, effects: Vec::new() };
        self.next.machine.reconfigure(old, new, &mut host);
        let effects = host.effects;
        self.next.config = index as u8;
        self.next.reconfigurations_left -= 1;
        if self.model.is_watching() {
            self.judge(old, Cause::Reconfigured { from: old }, &effects);
        }
        Told { reply: None, effects }
    }

    fn judge(&mut self, noticing: &P::Config, cause: Cause<'_, P>, effects: &[P::Effect]) {
        let (prior, next) = (self.prior, &mut *self.next);
        let notice = self.model.scope.notice;
        let step = Step {
            stored: &prior.machine,
            before: notice(&prior.machine, noticing, next.now),
            held: &prior.held,
            now: next.now,
            config: &self.model.scope.configs[usize::from(next.config)],
            cause,
            effects,
            after: &next.machine,
        };
        let claims = &self.model.claims.every_step;
        let broken = claims.iter().position(|claim| !claim.holds(&prior.ghost, &step));
        self.model.watch_step(&step);
        next.ghost.observe(&step);
        next.broken = broken.map(|index| Broken::Claim(index as u8));
    }
}

impl<P: Policy, G: Ghost<P>> CallerModel<P, G> {
    /// Whether anybody wants to know what a step did.
    fn is_watching(&self) -> bool {
        !self.claims.every_step.is_empty() || !self.claims.some_step.is_empty() || size_of::<G>() > 0
    }
}
