//! A bounded load generator.

use http::uri::{Authority, Scheme};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tower::BoxError;

/// How much load, and how long.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whom to call: `host:port`.
    pub target: Authority,
    /// Requests a second, evenly spaced.
    pub requests_per_second: NonZeroU32,
    /// When to stop.
    pub lasts: Duration,
}

/// Requests on their way at once. A request that would be one too many is held back and counted as such.
const IN_FLIGHT_MAX: usize = 64;
/// The longest that a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// How the requests ended, counted while they do.
#[derive(Debug, Default)]
pub struct Tally {
    paid: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    held_back: AtomicU64,
}

/// A [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered with success.
    pub paid: u64,
    /// Answered with 503: the breaker rejected the call.
    pub rejected: u64,
    /// Answered with anything else, or not at all.
    pub failed: u64,
    /// Not sent, because too many were on their way.
    pub held_back: u64,
}

impl Tally {
    /// The counts so far.
    pub fn counts(&self) -> Counts {
        Counts {
            paid: self.paid.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            held_back: self.held_back.load(Ordering::Relaxed),
        }
    }

    fn count(&self, status: Option<StatusCode>) {
        let counter = match status {
            Some(status) if status.is_success() => &self.paid,
            Some(StatusCode::SERVICE_UNAVAILABLE) => &self.rejected,
            _ => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counts {
    /// What was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            paid: self.paid - earlier.paid,
            rejected: self.rejected - earlier.rejected,
            failed: self.failed - earlier.failed,
            held_back: self.held_back - earlier.held_back,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { paid, rejected, failed, held_back } = self;
        write!(formatter, "{paid:>4} paid {failed:>4} failed {rejected:>4} rejected")?;
        if *held_back > 0 { write!(formatter, " {held_back:>4} held back") } else { Ok(()) }
    }
}

/// Calls `/checkout` on the target until the load is over and every request has ended.
pub async fn run<C>(load: Load, connector: C, tally: Arc<Tally>)
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let shopper = Shopper::new(&load.target, connector);
    let mut on_their_way = JoinSet::new();
    let mut beat = interval(Duration::from_secs(1) / load.requests_per_second.get());
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + load.lasts;
    while beat.tick().await < end {
        while on_their_way.try_join_next().is_some() {}
        if on_their_way.len() == IN_FLIGHT_MAX {
            tally.held_back.fetch_add(1, Ordering::Relaxed);
        } else {
            on_their_way.spawn(shopper.clone().shop(Arc::clone(&tally)));
        }
    }
    on_their_way.join_all().await;
}

#[derive(Clone)]
struct Shopper<C> {
    client: Client<C, Empty<Bytes>>,
    target: Authority,
}

impl<C: Connect + Clone + Send + Sync + 'static> Shopper<C> {
    fn new(target: &Authority, connector: C) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build(connector), target: target.clone() }
    }

    async fn shop(self, tally: Arc<Tally>) {
        let status = timeout(REQUEST_TIMEOUT, self.check_out()).await;
        tally.count(status.ok().and_then(Result::ok));
    }

    async fn check_out(&self) -> Result<StatusCode, BoxError> {
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.target.clone()).path_and_query("/checkout");
        let request = Request::post(uri.build()?).body(Empty::new())?;
        let (head, body) = self.client.request(request).await?.into_parts();
        Limited::new(body, BODY_BYTES_MAX).collect().await?;
        Ok(head.status)
    }
}
