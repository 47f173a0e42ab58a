//! Who is told what a machine does.

use core::num::NonZeroU32;
use purlin::{Clock, Instant, Keeper, Machine};
use std::sync::Arc;

/// Is told what a machine replies and what it asks of the world, and can change nothing.
///
/// Both methods run on callers' own threads and under no lock of the machine: keep them short, and call the machine if
/// you like. `()` observes nothing and costs nothing; a pair tells both.
pub trait Observer<M: Machine> {
    /// A reply, from the thread of the caller that got it. Replies to different callers come in no particular order.
    fn replied(&self, _reply: &M::Reply) {}
    /// An effect. Those of a [`Gated`](purlin::Gated) machine come one by one, in the order of its steps.
    fn happened(&self, _effect: M::Effect) {}
}

impl<M: Machine> Observer<M> for () {}

impl<M: Machine, O: Observer<M> + ?Sized> Observer<M> for Arc<O> {
    #[inline]
    fn replied(&self, reply: &M::Reply) {
        (**self).replied(reply);
    }

    fn happened(&self, effect: M::Effect) {
        (**self).happened(effect);
    }
}

impl<M: Machine, A: Observer<M>, B: Observer<M>> Observer<M> for (A, B) {
    #[inline]
    fn replied(&self, reply: &M::Reply) {
        self.0.replied(reply);
        self.1.replied(reply);
    }

    fn happened(&self, effect: M::Effect) {
        self.0.happened(effect.clone());
        self.1.happened(effect);
    }
}

/// A closure that is told of effects only.
#[derive(Clone, Copy, Debug)]
pub struct OnEffect<F>(pub F);

impl<M: Machine, F: Fn(M::Effect)> Observer<M> for OnEffect<F> {
    fn happened(&self, effect: M::Effect) {
        (self.0)(effect);
    }
}

/// Any keeper, with an observer beside it. The keeper is told first, then the observer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed<K, O> {
    keeper: K,
    observer: O,
}

impl<K, O> Observed<K, O> {
    /// Puts `observer` beside `keeper`.
    pub fn new(keeper: K, observer: O) -> Self {
        Self { keeper, observer }
    }

    /// The keeper.
    pub fn keeper(&self) -> &K {
        &self.keeper
    }

    /// The observer.
    pub fn observer(&self) -> &O {
        &self.observer
    }
}

impl<K: Clock, O> Clock for Observed<K, O> {
    #[inline]
    fn now(&self) -> Instant {
        self.keeper.now()
    }
}

impl<M: Machine, K: Keeper<M>, O: Observer<M>> Keeper<M> for Observed<K, O> {
    fn choose(&self, bound: NonZeroU32) -> u32 {
        self.keeper.choose(bound)
    }

    #[inline]
    fn replied(&self, reply: &M::Reply) {
        self.keeper.replied(reply);
        self.observer.replied(reply);
    }

    fn happened(&self, effect: M::Effect) {
        self.keeper.happened(effect.clone());
        self.observer.happened(effect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin::breaker::{Breaker, CircuitBreaker, Control, Event, Reply, Settings};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Notebook {
        replies: Mutex<Vec<Reply>>,
        effects: Mutex<Vec<Event>>,
    }

    impl Observer<Breaker> for Notebook {
        fn replied(&self, reply: &Reply) {
            self.replies.lock().unwrap().push(*reply);
        }

        fn happened(&self, effect: Event) {
            self.effects.lock().unwrap().push(effect);
        }
    }

    #[test]
    fn both_observers_of_a_pair_are_told_of_replies_and_effects() {
        let (one, other) = (Arc::new(Notebook::default()), Arc::new(Notebook::default()));
        let keeper = Observed::new(crate::Standard::new(), (Arc::clone(&one), Arc::clone(&other)));
        let breaker = CircuitBreaker::new(Settings::default().validate().unwrap(), keeper);
        breaker.control(Control::ForceOpen).unwrap();
        assert!(breaker.admit().is_err());

        for notebook in [one, other] {
            assert_eq!(notebook.effects.lock().unwrap().len(), 1);
            let replies = notebook.replies.lock().unwrap();
            assert!(matches!(replies[..], [Reply::Controlled, Reply::Rejected(_)]), "{replies:?}");
        }
    }
}
