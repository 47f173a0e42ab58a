//! Why a call through the layer has no response.

use purlin::breaker::Rejected;
use std::error::Error;

/// Why a call through a [`Breaker`](crate::Breaker) has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// The breaker did not admit the call. The inner service was not called, and nothing is held.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The inner service was called, or asked for its readiness, and failed.
    #[error("the service behind the circuit breaker failed")]
    Inner(#[source] E),
}

impl<E> BreakerError<E> {
    /// The refusal, if this is one.
    pub fn rejected(&self) -> Option<&Rejected> {
        if let Self::Rejected(rejected) = self { Some(rejected) } else { None }
    }

    /// The inner service's error, if this is one.
    pub fn into_inner(self) -> Option<E> {
        if let Self::Inner(error) = self { Some(error) } else { None }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> BreakerError<E> {
    /// The refusal or the inner service's own error, boxed, for neighbours that speak in boxed errors.
    ///
    /// A boxed error is no [`Error`] itself, so a `BreakerError` around one is none either, and layers that ask for
    /// `Into<Box<dyn Error + Send + Sync>>` refuse it. tower's `Timeout` inside the breaker is the usual case:
    ///
    /// ```
    /// use purlin::breaker::{Rejected, Settings};
    /// use purlin_tower::{BreakerError, BreakerLayer};
    /// use std::time::Duration;
    /// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, timeout::error::Elapsed};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// let breaker = purlin_std::circuit_breaker(Settings::default().validate()?);
    /// let service = ServiceBuilder::new()
    ///     .map_err(BreakerError::<BoxError>::into_boxed)
    ///     .layer(BreakerLayer::new(breaker))
    ///     .timeout(Duration::from_millis(100))
    ///     .service(service_fn(|()| std::future::pending::<Result<(), BoxError>>()));
    ///
    /// let error: BoxError = service.oneshot(()).await.unwrap_err();
    /// assert!(error.is::<Elapsed>() && !error.is::<Rejected>());
    /// # Ok::<(), purlin::breaker::InvalidSettings>(())
    /// # }).unwrap();
    /// ```
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Rejected(rejected) => rejected.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin::breaker::Rejection;

    #[test]
    fn an_inner_error_is_the_source_and_a_refusal_is_its_own() {
        let inner = BreakerError::Inner("x".parse::<u32>().unwrap_err());
        assert!(inner.source().is_some_and(|source| source.is::<std::num::ParseIntError>()));

        let rejected = Rejected { rejection: Rejection::ForcedOpen, retry_after: None };
        let refusal: BreakerError<std::num::ParseIntError> = rejected.into();
        assert!(refusal.source().is_none());
        assert_eq!(refusal.to_string(), rejected.to_string());
    }
}
