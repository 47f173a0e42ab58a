//! The service: asks the breaker in `call`, and never waits for it.

use crate::classify::Classify;
use crate::error::BreakerError;
use crate::future::ResponseFuture;
use purlin::breaker::{self, CircuitBreaker};
use purlin::{Admission, Keeper};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind a circuit breaker. Made by [`BreakerLayer`](crate::BreakerLayer).
///
/// - `poll_ready` is the inner service's own: a probe is not taken there, since an idle clone would hold it, and an open
///   circuit does not make callers wait. An error of the inner `poll_ready` counts as the classifier says.
/// - `call` asks the breaker. If it admits, the inner service that became ready is called at once; it is never cloned.
/// - If it rejects, the inner service that became ready is dropped for a fresh clone of itself. That frees whatever
///   readiness had reserved (a slot of a `ConcurrencyLimit`, a place in a `Buffer`), which an idle service would
///   otherwise withhold from its siblings. This is why `S` must be `Clone`; put a `Buffer` below the layer if it is not.
///
/// It follows that a caller waits for the inner service's readiness also while the circuit is open. Let layers that
/// wait stand outside the breaker, or shed their load: see the [guide](crate::guide).
pub struct Breaker<S, K, C> {
    inner: S,
    breaker: Arc<CircuitBreaker<K>>,
    classifier: C,
    readiness_errors_count: bool,
}

impl<S, K, C> Breaker<S, K, C> {
    pub(crate) fn new(inner: S, breaker: Arc<CircuitBreaker<K>>, classifier: C, readiness_errors_count: bool) -> Self {
        Self { inner, breaker, classifier, readiness_errors_count }
    }

    /// The breaker, to look at and to control.
    pub fn breaker(&self) -> &Arc<CircuitBreaker<K>> {
        &self.breaker
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: Clone, K, C> Breaker<S, K, C> {
    /// A clone is not ready because its original was, so what the original had reserved is free once it is dropped.
    fn give_reservation_back(&mut self) {
        let unready = self.inner.clone();
        self.inner = unready;
    }
}

impl<S, K: Keeper<breaker::Breaker>, C> Breaker<S, K, C> {
    fn count_readiness_error<Request>(&self, error: &S::Error)
    where
        S: Service<Request>,
        C: Classify<S::Response, S::Error>,
    {
        if self.readiness_errors_count
            && let Ok(admission) = Admission::<breaker::Breaker, _>::ask(&*self.breaker)
        {
            admission.end(self.classifier.classify(Err(error)));
        }
    }
}

impl<S, K, C, Request> Service<Request> for Breaker<S, K, C>
where
    S: Service<Request> + Clone,
    K: Keeper<breaker::Breaker>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = ResponseFuture<S::Future, K, C>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(|error| {
            self.count_readiness_error(&error);
            BreakerError::Inner(error)
        })
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        match self.breaker.admit_shared() {
            Ok(admission) => ResponseFuture::admitted(self.inner.call(request), admission, self.classifier.clone()),
            Err(rejected) => {
                self.give_reservation_back();
                ResponseFuture::rejected(rejected)
            }
        }
    }
}

impl<S: Clone, K, C: Clone> Clone for Breaker<S, K, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            breaker: Arc::clone(&self.breaker),
            classifier: self.classifier.clone(),
            readiness_errors_count: self.readiness_errors_count,
        }
    }
}

impl<S: fmt::Debug, K, C> fmt::Debug for Breaker<S, K, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Breaker").field("inner", &self.inner).finish_non_exhaustive()
    }
}
