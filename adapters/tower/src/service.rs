//! The service: asks the breaker in `call`, and never waits for it.

use crate::classify::Classify;
use crate::error::BreakerError;
use crate::future::{Permitted, ResponseFuture};
use purlin::breaker::{self, CircuitBreaker, Rejected, Rejection, Reply};
use purlin::{Admission, Keeper};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind a circuit breaker. Made by [`BreakerLayer`](crate::BreakerLayer).
///
/// - `call` asks the breaker. If it admits, the inner service that became ready is called at once; it is never cloned.
/// - `poll_ready` takes no probe, since an idle clone would hold it. It asks the inner service, each time; only where that
///   would make the caller wait while the circuit refuses calls anyway, it says ready at once, and `call` turns the caller
///   away. An error of the inner `poll_ready` counts as the classifier says.
/// - Whoever was spared the wait and polls again is admitted like anyone else once the inner service is ready. Until then
///   `call` has to turn the caller away, even if the circuit has closed since, because tower lets no service that was
///   ready become pending before its call. Such a refusal tells why the circuit refuses now, or else why it did when
///   `poll_ready` last looked, and then without a `retry_after`. The keeper is told of it as of any other refusal, but the
///   circuit is not asked, so no probe is taken.
/// - Whoever is turned away leaves nothing reserved: the inner service that became ready, or that was waited for, is
///   dropped for a fresh clone of itself. That frees a slot of a `ConcurrencyLimit` or a place in a `Buffer`, which an
///   idle service would otherwise withhold from its siblings. This is why `S` must be `Clone`; put a `Buffer` below the
///   layer if it is not.
pub struct Breaker<S, K, C> {
    inner: S,
    breaker: Arc<CircuitBreaker<K>>,
    classifier: C,
    readiness_errors_count: bool,
    /// Why the caller was spared the wait for the inner service, which is then not ready.
    spared: Option<Rejection>,
}

impl<S, K, C> Breaker<S, K, C> {
    pub(crate) fn new(inner: S, breaker: Arc<CircuitBreaker<K>>, classifier: C, readiness_errors_count: bool) -> Self {
        Self { inner, breaker, classifier, readiness_errors_count, spared: None }
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

impl<S: Clone, K: Keeper<breaker::Breaker>, C> Breaker<S, K, C> {
    /// The inner service is not ready: the caller waits, unless it would wait for a refusal or was told "ready" before.
    #[cold]
    fn wait_or_spare<E>(&mut self) -> Poll<Result<(), E>> {
        self.spared = self.breaker.refusal().map(|refusal| refusal.rejection).or(self.spared);
        if self.spared.is_none() {
            return Poll::Pending;
        }
        self.give_reservation_back();
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn admit(&mut self) -> Result<Permitted<K>, Rejected> {
        match self.spared.take() {
            None => self.breaker.admit_shared(),
            Some(rejection) => Err(self.turn_away(rejection)),
        }
    }

    /// Refuses without asking: what the circuit might admit could not be called, and would cost a probe.
    #[cold]
    fn turn_away(&self, foretold: Rejection) -> Rejected {
        let refusal = self.breaker.refusal().unwrap_or(Rejected { rejection: foretold, retry_after: None });
        self.breaker.keeper().replied(&Reply::Rejected(refusal.rejection));
        refusal
    }

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
        let Poll::Ready(readiness) = self.inner.poll_ready(context) else { return self.wait_or_spare() };
        self.spared = None;
        Poll::Ready(readiness.map_err(|error| {
            self.count_readiness_error(&error);
            BreakerError::Inner(error)
        }))
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        match self.admit() {
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
            spared: None,
        }
    }
}

impl<S: fmt::Debug, K, C> fmt::Debug for Breaker<S, K, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Breaker").field("inner", &self.inner).finish_non_exhaustive()
    }
}
