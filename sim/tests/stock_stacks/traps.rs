//! Each trap by itself.

use super::stacks::{PORT, ask, close, pool, serve_axum};
use super::tonic_stack::{health_client, serve_health};
use axum::Router;
use axum::routing::get;
use futures_util::stream;
use purlin_sim::NOTHING_PANICS;
use purlin_sim::stack::{Connector, Doorway, Life, Network, Process, run_until, simulation};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use turmoil::Sim;

const BANK: &str = "bank";
const SHOP: &str = "shop";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn world() -> (Sim<'static>, Network) {
    let world = simulation(1, Duration::from_secs(60));
    world.set_max_message_latency(millis(10));
    (world, Network::of([BANK, SHOP]))
}

fn paying() -> Router {
    Router::new().route("/", get(async || "paid"))
}

/// What a client found out, and when.
type Findings<T> = Arc<Mutex<Vec<(Duration, T)>>>;

fn note<T>(findings: &Findings<T>, what: T) {
    findings.lock().unwrap().push((turmoil::elapsed(), what));
}

#[test]
fn a_panic_in_a_handler_of_axum_fails_the_simulation() {
    let (mut world, network) = world();
    serve_axum(&mut world, BANK, &network, Router::new().route("/", get(broken)));
    world.client(SHOP, async move {
        let _ = ask(&pool(SHOP, &network, &Life::default()), "http://bank/").await;
        Ok(())
    });
    let violation = run_until(&mut world, millis(1_000), |_| {}).unwrap_err();
    assert_eq!(violation.property, NOTHING_PANICS);
    assert!(violation.detail.contains("the handler is broken"), "{}", violation.detail);
}

async fn broken() {
    panic!("the handler is broken");
}

struct Broken;

#[tonic::async_trait]
impl Health for Broken {
    type WatchStream = stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        panic!("the service is broken");
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }
}

#[test]
fn a_panic_in_a_service_of_tonic_fails_the_simulation() {
    let (mut world, network) = world();
    serve_health(&mut world, BANK, &network, HealthServer::new(Broken));
    world.client(SHOP, async move {
        let _ = health_client(SHOP, &network, BANK).check(HealthCheckRequest::default()).await;
        Ok(())
    });
    let violation = run_until(&mut world, millis(1_000), |_| {}).unwrap_err();
    assert!(violation.detail.contains("the service is broken"), "{}", violation.detail);
}

/// Method: requests without a timeout over a pool, one after the other, while links are cut for two seconds in every way.
#[test]
fn a_cut_shorter_than_the_patience_of_tcp_loses_nothing() {
    let (mut world, network) = world();
    serve_axum(&mut world, BANK, &network, paying());
    let (findings, answers) = (Findings::default(), Findings::default());
    let (client, found) = (network.clone(), Arc::clone(&findings));
    world.client(SHOP, async move {
        let pool = pool(SHOP, &client, &Life::default());
        for _ in 0..400 {
            let answer = ask(&pool, "http://bank/").await;
            note(&found, answer.map(|(status, _)| status.as_u16()));
            sleep(millis(10)).await;
        }
        pending().await
    });
    run_until(&mut world, millis(100), |_| {}).unwrap();
    for way in Way::ALL {
        note_at(&answers, &world, &findings);
        way.cut(&world, &network);
        run_for(&mut world, millis(2_000));
        note_at(&answers, &world, &findings);
        way.mend(&world, &network);
        run_for(&mut world, millis(300));
    }
    run_for(&mut world, millis(10_000));
    let found = findings.lock().unwrap();
    assert!(found.iter().all(|(_, answer)| *answer == Ok(200)), "{found:?}");
    assert_eq!(found.len(), 400);
    for pair in answers.lock().unwrap().chunks(2) {
        assert!(pair[1].1 <= pair[0].1 + 1, "a cut is one: {pair:?}");
    }
    let connections = network.tap().lines().iter().filter(|line| line.contains("Closed")).count();
    assert_eq!(connections, 0, "the connection is still the first");
}

fn run_for(world: &mut Sim<'_>, duration: Duration) {
    let end = world.elapsed() + duration;
    run_until(world, end, |_| {}).unwrap();
}

/// Writes down how much was found so far.
fn note_at<T>(answers: &Findings<usize>, world: &Sim<'_>, findings: &Findings<T>) {
    answers.lock().unwrap().push((world.elapsed(), findings.lock().unwrap().len()));
}

/// How the link between the shop and the bank is cut.
#[derive(Clone, Copy, Debug)]
enum Way {
    Both,
    ToBank,
    ToShop,
}

impl Way {
    const ALL: [Self; 3] = [Self::Both, Self::ToBank, Self::ToShop];

    fn cut(self, world: &Sim<'_>, network: &Network) {
        match self {
            Self::Both => network.cut(world, SHOP, BANK),
            Self::ToBank => network.cut_one_way(world, SHOP, BANK),
            Self::ToShop => network.cut_one_way(world, BANK, SHOP),
        }
    }

    fn mend(self, world: &Sim<'_>, network: &Network) {
        match self {
            Self::Both => network.mend(world, SHOP, BANK),
            Self::ToBank => network.mend_one_way(world, SHOP, BANK),
            Self::ToShop => network.mend_one_way(world, BANK, SHOP),
        }
    }
}

/// Connects at once and notes how that ended.
fn connect(world: &mut Sim<'_>, network: &Network) -> Findings<Result<(), io::ErrorKind>> {
    let findings = Findings::default();
    let (network, found) = (network.clone(), Arc::clone(&findings));
    world.client(SHOP, async move {
        sleep(millis(10)).await;
        let connected = Connector::new(SHOP, &network, Life::default()).connect(BANK, PORT).await;
        note(&found, connected.map(drop).map_err(|error| error.kind()));
        Ok(())
    });
    findings
}

#[test]
fn a_connect_on_a_cut_link_hangs_and_succeeds_after_the_release() {
    for way in Way::ALL {
        let (mut world, network) = world();
        serve_axum(&mut world, BANK, &network, paying());
        let found = connect(&mut world, &network);
        way.cut(&world, &network);
        run_for(&mut world, millis(500));
        assert_eq!(*found.lock().unwrap(), [], "{way:?}");
        way.mend(&world, &network);
        run_for(&mut world, millis(300));
        let found = found.lock().unwrap();
        assert!(matches!(found[..], [(at, Ok(()))] if at >= millis(500)), "{way:?}: {found:?}");
    }
}

#[test]
fn a_connect_to_a_host_without_power_hangs_and_succeeds_when_it_is_back() {
    let (mut world, network) = world();
    let bank = serve_axum(&mut world, BANK, &network, paying());
    let found = connect(&mut world, &network);
    network.cut_power(&world, BANK, &bank);
    run_for(&mut world, millis(500));
    assert_eq!(*found.lock().unwrap(), []);
    network.restore_power(&world, BANK, &bank);
    run_for(&mut world, millis(300));
    let found = found.lock().unwrap();
    assert!(matches!(found[..], [(at, Ok(()))] if at >= millis(500)), "{found:?}");
}

#[test]
fn a_connect_to_a_dead_process_is_refused() {
    let (mut world, network) = world();
    let bank = serve_axum(&mut world, BANK, &network, paying());
    let found = connect(&mut world, &network);
    bank.kill();
    run_for(&mut world, millis(500));
    let found = found.lock().unwrap();
    assert!(matches!(found[..], [(_, Err(io::ErrorKind::ConnectionRefused))]), "{found:?}");
}

/// What a client reads: the answer to its request; what it hears for two seconds, while something happens to the bank;
/// what it hears after it has asked once more, three seconds later.
fn hear_after(strike: impl Fn(&Sim<'_>, &Network, &Process)) -> Heard {
    let (mut world, network) = world();
    let bank = serve_axum(&mut world, BANK, &network, paying());
    let findings = Findings::default();
    let (client, found) = (network.clone(), Arc::clone(&findings));
    world.client(SHOP, async move {
        let mut wire = Connector::new(SHOP, &client, Life::default()).connect(BANK, PORT).await?;
        let mut buffer = [0; 1_000];
        wire.write_all(REQUEST).await?;
        note(&found, wire.read(&mut buffer).await);
        let silence = timeout(millis(2_000), wire.read(&mut buffer)).await;
        note(&found, silence.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
        sleep(millis(3_000)).await;
        wire.write_all(REQUEST).await?;
        note(&found, wire.read(&mut buffer).await);
        Ok(())
    });
    run_for(&mut world, millis(500));
    assert_eq!(findings.lock().unwrap().len(), 1, "the first is answered");
    strike(&world, &network, &bank);
    run_for(&mut world, millis(3_000));
    Heard { world, network, bank, findings }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bank\r\n\r\n";

struct Heard {
    world: Sim<'static>,
    network: Network,
    bank: Arc<Process>,
    findings: Findings<io::Result<usize>>,
}

impl Heard {
    fn errors(&self) -> Vec<Option<io::ErrorKind>> {
        self.findings.lock().unwrap().iter().map(|(_, read)| read.as_ref().err().map(io::Error::kind)).collect()
    }
}

#[test]
fn after_a_power_loss_nobody_hears_a_fin() {
    let mut heard = hear_after(|world, network, bank| network.cut_power(world, BANK, bank));
    let closed = heard.network.tap().lines().iter().filter(|line| line.contains("Closed")).count();
    assert_eq!(closed, 1, "the bank's end is gone");
    assert_eq!(heard.errors(), [None, Some(io::ErrorKind::TimedOut)], "and the shop does not know");
    heard.network.restore_power(&heard.world, BANK, &heard.bank);
    run_for(&mut heard.world, millis(3_000));
    assert_eq!(
        heard.errors()[2..],
        [Some(io::ErrorKind::ConnectionReset)],
        "who asks on hears that nobody knows of it"
    );
}

#[test]
fn after_the_death_of_a_process_its_peers_hear_of_it() {
    let heard = hear_after(|_, _, bank| bank.kill());
    let findings = heard.findings.lock().unwrap();
    assert!(matches!(findings[1], (at, Ok(0)) if at < millis(600)), "{findings:?}");
}

/// Method: a server whose task nobody ends but its wire.
#[test]
fn the_dead_say_nothing_more() {
    let (mut world, network) = world();
    let bank = Arc::new(Process::default());
    let (runs, around) = (Arc::clone(&bank), network.clone());
    world.host(BANK, move || {
        let (bank, network) = (Arc::clone(&runs), around.clone());
        async move { bank.run(async |life| chatter(life, &network).await).await }
    });
    let client = network.clone();
    world.client(SHOP, async move {
        let mut wire = Connector::new(SHOP, &client, Life::default()).connect(BANK, PORT).await?;
        let mut buffer = [0; 100];
        while wire.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        Ok(())
    });
    run_for(&mut world, millis(500));
    bank.kill();
    let said = || network.tap().lines().iter().filter(|line| line.contains("Said")).count();
    let before = said();
    run_for(&mut world, millis(500));
    assert!(before > 100 && said() == before, "{before}, then {}", said());
}

async fn chatter(life: Life, network: &Network) -> turmoil::Result {
    let (mut wire, _) = Doorway::open(PORT, life).await?.of(network).accept().await?;
    tokio::task::spawn_local(async move {
        while wire.write_all(b"and").await.is_ok() {
            sleep(millis(1)).await;
        }
    });
    pending().await
}

#[test]
fn dates_are_those_of_the_simulation() {
    let (mut world, network) = (simulation(1, Duration::from_secs(60)), Network::of([BANK, SHOP, "health"]));
    serve_axum(&mut world, BANK, &network, paying());
    let (_, health) = tonic_health::server::health_reporter();
    serve_health(&mut world, "health", &network, health);
    let found = Findings::default();
    let findings = Arc::clone(&found);
    world.client(SHOP, async move {
        let (pool, mut health) = (pool(SHOP, &network, &Life::default()), health_client(SHOP, &network, "health"));
        sleep(millis(5_200)).await;
        note(&found, ask(&pool, "http://bank/nowhere").await.unwrap().1);
        let response = health.check(HealthCheckRequest::default()).await?;
        note(&found, response.metadata().get("date").unwrap().to_str()?.to_owned());
        Ok(())
    });
    run_until(&mut world, millis(7_000), |_| {}).unwrap();
    let found = findings.lock().unwrap();
    let [axum, tonic] = &found[..] else { panic!("{found:?}") };
    assert_eq!([&axum.1, &tonic.1], ["Thu, 01 Jan 1970 00:00:05 GMT"; 2]);
}

/// Method: a pool with connections to eight hosts, which its hash map has in any order.
#[test]
fn a_pool_closes_its_connections_in_the_order_in_which_they_were_made() {
    let hosts: Vec<String> = (0..8).map(|bank| format!("bank-{bank}")).collect();
    let network = Network::of(hosts.iter().map(String::as_str).chain([SHOP]));
    let mut world = simulation(1, Duration::from_secs(60));
    for host in &hosts {
        serve_axum(&mut world, host, &network, paying());
    }
    let client = network.clone();
    world.client(SHOP, async move {
        let life = Life::default();
        let pool = pool(SHOP, &client, &life);
        for host in &hosts {
            ask(&pool, &format!("http://{host}/")).await?;
        }
        sleep(millis(10)).await;
        close(pool, &life).await;
        Ok(())
    });
    run_until(&mut world, millis(3_000), |_| {}).unwrap();
    let lines = network.tap().lines();
    let closed = lines.iter().filter(|line| line.contains("Closed")).filter_map(|line| line.split(", ").nth(1));
    let of_shop: Vec<_> = closed.filter(|ends| ends.contains(":80: Closed")).collect();
    let mut in_order: Vec<_> = lines.iter().filter_map(|line| line.split(", ").nth(1)).collect();
    in_order.retain(|ends| ends.contains(":80: Said"));
    in_order.dedup();
    let peers = |ends: &[&str]| -> Vec<String> {
        ends.iter().map(|ends| ends.split(": ").next().unwrap().to_owned()).collect()
    };
    let (of_shop, mut in_order) = (peers(&of_shop), peers(&in_order));
    in_order.dedup();
    assert_eq!(of_shop, in_order);
    assert_eq!(of_shop.len(), 8);
}
