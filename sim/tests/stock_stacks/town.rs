//! A town: three axum servers, two pooled clients, a tonic server and its client, and a fault every 50 ms.

use super::stacks::{ask, close, pool, serve_axum};
use super::tonic_stack::{health_client, serve_health};
use axum::Router;
use axum::routing::get;
use purlin_sim::stack::{Life, Network, Process, run_until, simulation};
use purlin_sim::{Die, Fingerprint, Hash};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tonic_health::pb::HealthCheckRequest;
use turmoil::Sim;

const SERVERS: [&str; 4] = ["shop-0", "shop-1", "shop-2", "health"];
pub(crate) const CLIENTS: [&str; 2] = ["client-0", "client-1"];
const PROBER: &str = "prober";
/// Of each client.
pub(crate) const REQUESTS: usize = 150;
pub(crate) const PROBES: usize = 150;
const PATIENCE: Duration = Duration::from_millis(300);
const FAULT_EVERY_MS: u128 = 50;
const HEALED: Duration = Duration::from_secs(4);
const END: Duration = Duration::from_secs(12);

/// What happened in a town.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Town {
    /// What clients and faults did.
    pub(crate) lines: Vec<String>,
    /// Of all bytes on all wires.
    pub(crate) fingerprint: Hash,
    wires: Vec<String>,
}

impl Town {
    pub(crate) fn hash(&self) -> Hash {
        let mut fingerprint = Fingerprint::default();
        fingerprint.word(self.fingerprint.0);
        self.lines.iter().for_each(|line| fingerprint.bytes(line.as_bytes()));
        fingerprint.finish()
    }
}

/// Who writes down what happens.
#[derive(Clone, Default)]
struct Chronicle(Arc<Mutex<Vec<String>>>);

impl Chronicle {
    fn note(&self, at: Duration, text: &str) {
        self.0.lock().unwrap().push(format!("{} ms {text}", at.as_millis()));
    }
}

/// Plays the town of a seed.
pub(crate) fn run(seed: u64) -> Town {
    let mut world = simulation(seed, END + Duration::from_secs(1));
    let network = Network::of(SERVERS.into_iter().chain(CLIENTS).chain([PROBER]));
    let chronicle = Chronicle::default();
    let processes = settle_servers(&mut world, &network, seed);
    settle_clients(&mut world, &network, &chronicle, seed);
    let mut faults =
        Faults { network: &network, processes, chronicle: &chronicle, die: Die::new(seed, "faults"), present: vec![] };
    let mut latencies = Die::new(seed, "latencies");
    let run = run_until(&mut world, END, |world| {
        network.draw_latencies(world, &mut latencies, 1, 10);
        faults.direct(world);
    });
    run.unwrap();
    let lines = chronicle.0.lock().unwrap().clone();
    Town { lines, fingerprint: network.tap().fingerprint(), wires: network.tap().lines() }
}

fn settle_servers(world: &mut Sim<'_>, network: &Network, seed: u64) -> [Arc<Process>; 4] {
    SERVERS.map(|host| {
        if host == "health" {
            let (_, health) = tonic_health::server::health_reporter();
            return serve_health(world, host, network, health);
        }
        let die = Arc::new(Mutex::new(Die::new(seed, host)));
        let work = async move || {
            let works = die.lock().unwrap().below(6);
            sleep(Duration::from_millis(works)).await;
            format!("{host} worked for {works} ms")
        };
        serve_axum(world, host, network, Router::new().route("/", get(work)))
    })
}

fn settle_clients(world: &mut Sim<'_>, network: &Network, chronicle: &Chronicle, seed: u64) {
    for host in CLIENTS {
        let die = Die::new(seed, host);
        world.client(host, shop(host, network.clone(), chronicle.clone(), die));
    }
    world.client(PROBER, probe(network.clone(), chronicle.clone()));
}

/// Asks two shops at a time.
async fn shop(host: &'static str, network: Network, chronicle: Chronicle, mut die: Die) -> turmoil::Result {
    let life = Life::default();
    let pool = pool(host, &network, &life);
    let ask = async |shop: &str| {
        chronicle.note(turmoil::elapsed(), &format!("{host} asks {shop}"));
        let answer = match timeout(PATIENCE, ask(&pool, &format!("http://{shop}/"))).await {
            Ok(Ok((status, date))) => format!("{status}, {date}"),
            Ok(Err(error)) => error,
            Err(_) => "given up".to_owned(),
        };
        chronicle.note(turmoil::elapsed(), &format!("{host} hears of shop: {answer}"));
    };
    for _ in 0..REQUESTS / 2 {
        let [one, other] = [(); 2].map(|()| *die.pick(&SERVERS[..3]));
        tokio::join!(ask(one), ask(other));
        sleep(Duration::from_millis(die.below(10))).await;
    }
    close(pool, &life).await;
    Ok(())
}

async fn probe(network: Network, chronicle: Chronicle) -> turmoil::Result {
    let mut client = health_client(PROBER, &network, "health");
    for _ in 0..PROBES {
        chronicle.note(turmoil::elapsed(), "prober asks health");
        let answer = match timeout(PATIENCE, client.check(HealthCheckRequest::default())).await {
            Ok(Ok(response)) if response.get_ref().status == 1 => "serving".to_owned(),
            Ok(Ok(response)) => format!("{response:?}"),
            Ok(Err(status)) => status.to_string(),
            Err(_) => "given up".to_owned(),
        };
        chronicle.note(turmoil::elapsed(), &format!("prober hears of health: {answer}"));
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Cut { client: &'static str, server: usize },
    OneWay { from: &'static str, to: &'static str },
    Kill { server: usize },
    Power { server: usize },
}

struct Faults<'a> {
    network: &'a Network,
    processes: [Arc<Process>; 4],
    chronicle: &'a Chronicle,
    die: Die,
    /// What is in force, and until when.
    present: Vec<(Duration, Fault)>,
}

impl Faults<'_> {
    fn direct(&mut self, world: &Sim<'_>) {
        let now = world.elapsed();
        for (_, fault) in self.present.extract_if(.., |(end, _)| *end <= now).collect::<Vec<_>>() {
            self.end(world, fault);
        }
        if now < HEALED && now.as_millis().is_multiple_of(FAULT_EVERY_MS) {
            let fault = self.draw();
            let end = now + Duration::from_millis(self.die.between(10, 400));
            self.present.push((end.min(HEALED), fault));
            self.begin(world, fault);
        }
    }

    fn draw(&mut self) -> Fault {
        let server = self.die.below(SERVERS.len() as u64) as usize;
        let client = if SERVERS[server] == "health" { PROBER } else { *self.die.pick(&CLIENTS) };
        match self.die.below(5) {
            0 => Fault::Cut { client, server },
            1 => Fault::OneWay { from: client, to: SERVERS[server] },
            2 => Fault::OneWay { from: SERVERS[server], to: client },
            3 => Fault::Kill { server },
            _ => Fault::Power { server },
        }
    }

    fn begin(&self, world: &Sim<'_>, fault: Fault) {
        self.chronicle.note(world.elapsed(), &format!("begins: {fault:?}"));
        match fault {
            Fault::Cut { client, server } => self.network.cut(world, client, SERVERS[server]),
            Fault::OneWay { from, to } => self.network.cut_one_way(world, from, to),
            Fault::Kill { server } => self.processes[server].kill(),
            Fault::Power { server } => self.network.cut_power(world, SERVERS[server], &self.processes[server]),
        }
    }

    fn end(&self, world: &Sim<'_>, fault: Fault) {
        self.chronicle.note(world.elapsed(), &format!("is over: {fault:?}"));
        match fault {
            Fault::Cut { client, server } => self.network.mend(world, client, SERVERS[server]),
            Fault::OneWay { from, to } => self.network.mend_one_way(world, from, to),
            Fault::Kill { server } => self.processes[server].start(),
            Fault::Power { server } => self.network.restore_power(world, SERVERS[server], &self.processes[server]),
        }
    }
}
