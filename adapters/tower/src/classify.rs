//! How the result of a call counts.

use purlin::breaker::Outcome;

/// Says how the result of a call counts.
///
/// Any `Fn(Result<&Response, &Error>) -> Outcome` is a classifier. Write its argument's type out, references included,
/// or the compiler takes the closure for one that works for a single lifetime only:
///
/// ```
/// use purlin::breaker::{Outcome, Settings};
/// use purlin_tower::BreakerLayer;
/// use std::io;
///
/// let breaker = purlin_std::circuit_breaker(Settings::default().validate()?);
/// let layer = BreakerLayer::new(breaker).classified_by(|result: Result<&String, &io::Error>| match result {
///     Ok(_) => Outcome::Success,
///     Err(error) if error.kind() == io::ErrorKind::InvalidInput => Outcome::Ignored,
///     Err(_) => Outcome::Failure,
/// });
/// # Ok::<(), purlin::breaker::InvalidSettings>(())
/// ```
pub trait Classify<Response, Error> {
    /// How this result counts.
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome;
}

impl<Response, Error, F> Classify<Response, Error> for F
where
    F: Fn(Result<&Response, &Error>) -> Outcome,
{
    #[inline]
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome {
        self(result)
    }
}

/// Every error is a failure, every response a success.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorsFail;

impl<Response, Error> Classify<Response, Error> for ErrorsFail {
    #[inline]
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { Outcome::Failure }
    }
}
