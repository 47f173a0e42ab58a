//! What a claim remembers of the past, where the state alone cannot tell.

use super::claims::Step;
use core::fmt::Debug;
use core::hash::Hash;
use purlin::Policy;

/// A memory of a model's own, beside the policy and unseen by it. It becomes part of the state, so it must stay small.
pub trait Ghost<P: Policy>: Clone + Debug + Default + Eq + Hash + Send + Sync + 'static {
    /// Sees every step of the policy.
    fn observe(&mut self, step: &Step<'_, P>);
}

/// Remembers nothing.
impl<P: Policy> Ghost<P> for () {
    fn observe(&mut self, _step: &Step<'_, P>) {}
}
