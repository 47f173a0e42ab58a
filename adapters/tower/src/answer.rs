//! Rejections as responses.

use crate::error::BreakerError;
use pin_project_lite::pin_project;
use purlin::breaker::Rejected;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Turns the rejections of a [`Breaker`](crate::Breaker) below it into responses: `A` is `Fn(Rejected) -> Response`.
///
/// What remains are the inner service's own errors. Around an infallible service the result is infallible too, which is
/// what axum's `Router::layer` asks for. [`BreakerLayer::answering`](crate::BreakerLayer::answering) puts it in place.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLayer<A> {
    answer: A,
}

impl<A> AnswerLayer<A> {
    /// Answers rejections by `answer`.
    pub fn new(answer: A) -> Self {
        Self { answer }
    }
}

impl<S, A: Clone> Layer<S> for AnswerLayer<A> {
    type Service = Answer<S, A>;

    fn layer(&self, inner: S) -> Self::Service {
        Answer { inner, answer: self.answer.clone() }
    }
}

/// A service that answers for its breaker. Made by [`AnswerLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Answer<S, A> {
    inner: S,
    answer: A,
}

impl<S, A, Request, E> Service<Request> for Answer<S, A>
where
    S: Service<Request, Error = BreakerError<E>>,
    A: Fn(Rejected) -> S::Response + Clone,
{
    type Response = S::Response;
    type Error = E;
    type Future = AnswerFuture<S::Future, A>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        match ready!(self.inner.poll_ready(context)) {
            Err(BreakerError::Inner(error)) => Poll::Ready(Err(error)),
            // A breaker rejects in `call` only; one that did so here would have its say there as well.
            Ok(()) | Err(BreakerError::Rejected(_)) => Poll::Ready(Ok(())),
        }
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        AnswerFuture { inner: self.inner.call(request), answer: self.answer.clone() }
    }
}

pin_project! {
    /// The response of an [`Answer`].
    #[derive(Debug)]
    #[must_use = "dropping a response future cancels its call"]
    pub struct AnswerFuture<F, A> {
        #[pin]
        inner: F,
        answer: A,
    }
}

impl<F, A, Response, E> Future for AnswerFuture<F, A>
where
    F: Future<Output = Result<Response, BreakerError<E>>>,
    A: Fn(Rejected) -> Response,
{
    type Output = Result<Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.inner.poll(context)) {
            Ok(response) => Ok(response),
            Err(BreakerError::Rejected(rejected)) => Ok((this.answer)(rejected)),
            Err(BreakerError::Inner(error)) => Err(error),
        })
    }
}
