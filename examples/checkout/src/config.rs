//! How the service is set up.

use http::uri::Authority;
use purlin::breaker::{Config, Settings, WindowKind};
use std::time::Duration;

/// How the service is set up.
#[derive(Clone, Debug)]
pub struct CheckoutConfig {
    /// Where the bank is: `host:port`.
    pub bank: Authority,
    /// The breaker before the bank. Default: 20 calls, of which at least 10 must be there; opens at 50 % failures for
    /// 1.5 seconds; 3 probes; half-open for at most 2 seconds; heeds hints of up to 5 seconds; calls are not timed.
    pub breaker: Config,
    /// The longest that one call of the bank may take, its response's body included. It lies inside the breaker, so a
    /// bank that hangs is seen to fail. Default 250 ms.
    pub attempt_timeout: Duration,
    /// How many idle connections to the bank are kept for later calls. Default 8.
    pub idle_connections: usize,
}

impl CheckoutConfig {
    /// The defaults, for a bank at `host:port`.
    pub fn new(bank: Authority) -> Self {
        let breaker = Settings {
            window: WindowKind::Count(20),
            minimum_calls: 10,
            slow_call_duration_ms: None,
            permitted_half_open_calls: 3,
            open_wait_ms: Some(1_500),
            half_open_max_wait_ms: Some(2_000),
            server_hint_max_ms: Some(5_000),
            ..Settings::default()
        };
        Self {
            bank,
            breaker: breaker.validate().expect("the defaults are valid"),
            attempt_timeout: Duration::from_millis(250),
            idle_connections: 8,
        }
    }
}
