//! The layer: one breaker, and how results count.

use crate::answer::AnswerLayer;
use crate::classify::ErrorsFail;
use crate::service::Breaker;
use purlin::breaker::CircuitBreaker;
use std::fmt;
use std::sync::Arc;
use tower_layer::{Layer, Stack};

/// Puts services behind one circuit breaker, which the layer's clones and all their services share.
///
/// `K` keeps the breaker's time and throws its die; `C` says how results count ([`Classify`](crate::Classify)).
pub struct BreakerLayer<K, C = ErrorsFail> {
    breaker: Arc<CircuitBreaker<K>>,
    classifier: C,
    readiness_errors_count: bool,
}

impl<K> BreakerLayer<K> {
    /// A layer around `breaker`, new or already shared. Errors count as failures, responses as successes.
    pub fn new(breaker: impl Into<Arc<CircuitBreaker<K>>>) -> Self {
        Self { breaker: breaker.into(), classifier: ErrorsFail, readiness_errors_count: true }
    }
}

impl<K, C> BreakerLayer<K, C> {
    /// Lets `classifier` say how results count: a closure with its argument's type written out (`|result: Result<&T, &E>|
    /// …`; without it the compiler complains only where the service is used), or [`HttpStatus`](crate::http::HttpStatus). It is cloned into
    /// every response future, so let it be small.
    #[must_use]
    pub fn classified_by<D>(self, classifier: D) -> BreakerLayer<K, D> {
        BreakerLayer { breaker: self.breaker, classifier, readiness_errors_count: self.readiness_errors_count }
    }

    /// Whether an error of the inner service's `poll_ready` counts, as its classifier says. It does by default: where
    /// readiness means a connection, that is how a server that is down shows itself. No permit is held for longer than
    /// that moment, and an error that comes while the circuit is open counts as one more rejected call.
    #[must_use]
    pub fn readiness_errors_count(self, readiness_errors_count: bool) -> Self {
        Self { readiness_errors_count, ..self }
    }

    /// Turns rejections into responses, so that the service's errors are the inner service's own. See [`AnswerLayer`].
    pub fn answering<A>(self, answer: A) -> Stack<Self, AnswerLayer<A>> {
        Stack::new(self, AnswerLayer::new(answer))
    }

    /// The breaker, to look at and to control.
    pub fn breaker(&self) -> &Arc<CircuitBreaker<K>> {
        &self.breaker
    }
}

impl<K, C: Clone, S> Layer<S> for BreakerLayer<K, C> {
    type Service = Breaker<S, K, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker::new(inner, Arc::clone(&self.breaker), self.classifier.clone(), self.readiness_errors_count)
    }
}

impl<K, C: Clone> Clone for BreakerLayer<K, C> {
    fn clone(&self) -> Self {
        Self {
            breaker: Arc::clone(&self.breaker),
            classifier: self.classifier.clone(),
            readiness_errors_count: self.readiness_errors_count,
        }
    }
}

impl<K, C> fmt::Debug for BreakerLayer<K, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BreakerLayer")
            .field("readiness_errors_count", &self.readiness_errors_count)
            .finish_non_exhaustive()
    }
}
