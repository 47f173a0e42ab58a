//! The response future: the permit lives in it.

use crate::classify::Classify;
use crate::error::BreakerError;
use pin_project_lite::pin_project;
use purlin::breaker::{self, CircuitBreaker, Rejected};
use purlin::{Admission, Keeper};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

type Permitted<K> = Admission<breaker::Breaker, Arc<CircuitBreaker<K>>>;

pin_project! {
    /// The response of a [`Breaker`](crate::Breaker). It holds the call's permit until the call completes.
    ///
    /// Whoever drops it before that has cancelled the call, polled or not; a panic of the inner future ends the same way.
    #[must_use = "dropping a response future cancels its call"]
    pub struct ResponseFuture<F, K, C>
    where
        K: Keeper<breaker::Breaker>,
    {
        #[pin]
        course: Course<F, K, C>,
    }
}

pin_project! {
    #[project = CourseProjection]
    enum Course<F, K, C>
    where
        K: Keeper<breaker::Breaker>,
    {
        // Fields drop in order: a cancelled call's permit goes back when the call itself is gone, not before.
        Admitted { #[pin] inner: F, admission: Option<Permitted<K>>, classifier: C },
        Rejected { rejected: Option<Rejected> },
    }
}

impl<F, K: Keeper<breaker::Breaker>, C> ResponseFuture<F, K, C> {
    #[inline]
    pub(crate) fn admitted(inner: F, admission: Permitted<K>, classifier: C) -> Self {
        Self { course: Course::Admitted { inner, admission: Some(admission), classifier } }
    }

    pub(crate) fn rejected(rejected: Rejected) -> Self {
        Self { course: Course::Rejected { rejected: Some(rejected) } }
    }
}

impl<F, K, C, Response, Error> Future for ResponseFuture<F, K, C>
where
    F: Future<Output = Result<Response, Error>>,
    K: Keeper<breaker::Breaker>,
    C: Classify<Response, Error>,
{
    type Output = Result<Response, BreakerError<Error>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().course.project() {
            CourseProjection::Admitted { inner, admission, classifier } => {
                let result = ready!(inner.poll(context));
                let admission = admission.take().expect("polled after completion");
                admission.end(classifier.classify(result.as_ref()));
                Poll::Ready(result.map_err(BreakerError::Inner))
            }
            CourseProjection::Rejected { rejected } => {
                let rejected = rejected.take().expect("polled after completion");
                Poll::Ready(Err(BreakerError::Rejected(rejected)))
            }
        }
    }
}

impl<F, K: Keeper<breaker::Breaker>, C> fmt::Debug for ResponseFuture<F, K, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let course = match &self.course {
            Course::Admitted { .. } => "admitted",
            Course::Rejected { .. } => "rejected",
        };
        formatter.debug_tuple("ResponseFuture").field(&course).finish()
    }
}
