//! The service and its bank over loopback TCP, with the breaker's clock turned by hand.

use axum::Router;
use http::uri::Authority;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use purlin::breaker::Breaker;
use purlin::{Clock, Instant, Keeper};
use purlin_checkout::{Bank, Checkout, CheckoutConfig, Mode, bank};
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// A clock that stands still until it is turned.
#[derive(Clone, Default)]
struct HandClock(Arc<AtomicU64>);

impl HandClock {
    fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Keeper<Breaker> for HandClock {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }
}

/// Both servers, and a client.
#[derive(Clone)]
struct World {
    bank: Arc<Bank>,
    bank_address: Authority,
    service_address: Authority,
    clock: HandClock,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl World {
    async fn start() -> Self {
        let (clock, the_bank) = (HandClock::default(), Bank::new(Mode::Healthy));
        let bank_address = serve(bank(Arc::clone(&the_bank))).await;
        // Long enough for a busy machine, short enough for the test that waits for it.
        let attempt_timeout = Duration::from_secs(1);
        let config = CheckoutConfig { attempt_timeout, ..CheckoutConfig::new(bank_address.clone()) };
        let checkout = Checkout::new(config, HttpConnector::new(), clock.clone());
        let service_address = serve(checkout.router()).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { bank: the_bank, bank_address, service_address, clock, client }
    }

    async fn check_out(&self) -> (StatusCode, String) {
        self.send(Request::post(format!("http://{}/checkout?amount_cents=500", self.service_address))).await
    }

    async fn get(&self, address: &Authority, path: &str) -> (StatusCode, String) {
        self.send(Request::get(format!("http://{address}{path}"))).await
    }

    async fn send(&self, request: http::request::Builder) -> (StatusCode, String) {
        let response = self.client.request(request.body(Full::default()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The one state whose gauge is 1.
    async fn state(&self) -> String {
        let (status, page) = self.get(&self.service_address, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        let gauges = page.lines().filter_map(|line| line.strip_prefix("resilience_circuitbreaker_state{"));
        let (ones, zeros): (Vec<&str>, Vec<&str>) = gauges.partition(|line| line.ends_with(" 1"));
        assert!(zeros.iter().all(|line| line.ends_with(" 0")), "{zeros:?}");
        assert_eq!((ones.len(), zeros.len()), (1, 5), "exactly one state gauge is 1: {ones:?}");
        let (_, state) = ones[0].split_once("state=\"").unwrap();
        state.split('"').next().unwrap().to_owned()
    }

    async fn metric(&self, line: &str) -> u64 {
        let (_, page) = self.get(&self.service_address, "/metrics").await;
        let value = page.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_else(|| panic!("no {line}"));
        value.trim().parse().unwrap()
    }
}

async fn serve(router: Router) -> Authority {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string().parse().unwrap()
}

#[tokio::test]
async fn the_circuit_opens_half_opens_and_closes_over_http() {
    let world = World::start().await;
    assert_eq!(world.state().await, "closed");
    assert_eq!(world.check_out().await, (StatusCode::OK, r#"{"paid":true}"#.to_owned()));

    // Ten calls must be in the window; the first of them was paid.
    world.bank.switch(Mode::Failing);
    for _ in 0..9 {
        assert_eq!(world.check_out().await.0, StatusCode::BAD_GATEWAY);
    }
    assert_eq!(world.state().await, "open");
    let calls = world.bank.calls();
    let (status, body) = world.check_out().await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"the circuit is open for another 1.5s"}"#)
    );
    assert_eq!(world.bank.calls(), calls, "a rejected call does not reach the bank");

    // Three probes decide; between the first and the last of them the circuit is half-open.
    world.bank.switch(Mode::Healthy);
    world.clock.turn(Duration::from_millis(1_501));
    assert_eq!(world.check_out().await.0, StatusCode::OK);
    assert_eq!(world.state().await, "half_open");
    assert_eq!(world.check_out().await.0, StatusCode::OK);
    assert_eq!(world.check_out().await.0, StatusCode::OK);
    assert_eq!(world.state().await, "closed");

    assert_eq!(world.metric(r#"resilience_circuitbreaker_calls_total{name="bank",kind="successful"}"#).await, 4);
    assert_eq!(world.metric(r#"resilience_circuitbreaker_calls_total{name="bank",kind="failed"}"#).await, 9);
    let rejected = r#"resilience_circuitbreaker_not_permitted_calls_total{name="bank",reason="open"}"#;
    assert_eq!(world.metric(rejected).await, 1);
    let closed = r#"resilience_circuitbreaker_transitions_total{name="bank",from="half_open",to="closed",reason="probes_passed"}"#;
    assert_eq!(world.metric(closed).await, 1);
}

#[tokio::test]
async fn a_bank_that_hangs_is_seen_to_fail() {
    let world = World::start().await;
    world.bank.switch(Mode::Hanging);
    let hanging = (0..10).map(|_| {
        tokio::spawn({
            let world = world.clone();
            async move { world.check_out().await.0 }
        })
    });
    for shopper in hanging.collect::<Vec<_>>() {
        assert_eq!(shopper.await.unwrap(), StatusCode::GATEWAY_TIMEOUT);
    }
    assert_eq!(world.state().await, "open");
}

#[tokio::test]
async fn a_bank_that_asks_to_be_left_alone_is_left_alone() {
    let world = World::start().await;
    world.bank.switch(Mode::Overloaded);
    assert_eq!(world.check_out().await.0, StatusCode::BAD_GATEWAY);
    assert_eq!(world.state().await, "open");
    world.clock.turn(Duration::from_millis(999));
    assert_eq!(world.check_out().await.0, StatusCode::SERVICE_UNAVAILABLE);
    world.clock.turn(Duration::from_millis(2));
    world.bank.switch(Mode::Healthy);
    assert_eq!(world.check_out().await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_bank_is_switched_over_http() {
    let world = World::start().await;
    let switch = |mode: &str| {
        let uri = format!("http://{}/bank/mode", world.bank_address);
        let body = Full::from(format!(r#"{{"mode": "{mode}"}}"#));
        Request::post(uri).header("content-type", "application/json").body(body).unwrap()
    };
    let response = world.client.request(switch("flaky")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(world.bank.mode(), Mode::Flaky);
    let refused = world.client.request(switch("bankrupt")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.get(&world.bank_address, "/bank/mode").await.1, r#"{"mode":"flaky"}"#);
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_answered_with_400() {
    let world = World::start().await;
    let (status, _) = world.get(&world.service_address, "/checkout?amount_cents=much").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(world.bank.calls(), 0);
    let (status, body) = world.get(&world.service_address, "/health").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"status":"ok","bank_circuit":"closed"}"#));
}

/// Scrapes while the circuit goes round and round: every single page shows one state.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_scrape_shows_exactly_one_state_also_during_transitions() {
    let world = World::start().await;
    let over = Arc::new(AtomicBool::new(false));
    let scrapers: Vec<_> = (0..3)
        .map(|_| {
            let (world, over) = (world.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut scrapes = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    world.state().await;
                    scrapes += 1;
                }
                scrapes
            })
        })
        .collect();
    for _ in 0..15 {
        world.bank.switch(Mode::Overloaded);
        while world.check_out().await.0 != StatusCode::SERVICE_UNAVAILABLE {}
        world.bank.switch(Mode::Healthy);
        world.clock.turn(Duration::from_secs(10));
        for _ in 0..3 {
            assert_eq!(world.check_out().await.0, StatusCode::OK);
        }
    }
    over.store(true, Ordering::Relaxed);
    for scraper in scrapers {
        assert!(scraper.await.unwrap() > 0);
    }
    let transitions =
        r#"resilience_circuitbreaker_transitions_total{name="bank",from="closed",to="open",reason="server_hint"}"#;
    assert_eq!(world.metric(transitions).await, 15);
}

/// The page of a state is always the same bytes, in one process and in two: the exporter's own order is a hash map's.
#[tokio::test]
async fn the_metrics_page_is_sorted() {
    let world = World::start().await;
    let (_, page) = world.get(&world.service_address, "/metrics").await;
    let families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.len() >= 11, "{families:?}");
    assert!(families.is_sorted(), "{families:?}");
    let states: Vec<&str> = page.lines().filter(|line| line.contains("_state{")).collect();
    assert!(states.is_sorted(), "{states:?}");
}
