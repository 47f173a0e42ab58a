//! The scenario as a full stack: the checkout service of `examples/checkout`, unchanged, between simulated clients and a
//! stock axum server, over turmoil's network.
//!
//! A breaker tells its keeper what it replies, but not what it was told. How a call ended is read from the other side:
//! from the response that leaves the checkout, or from its absence.

use super::Plan;
use super::faults::Fate;
use super::history::{Answer, Event};
use super::stage::{Stage, StageKeeper};
use crate::history::Watch;
use crate::plan::{FaultKind, InvalidPlan};
use crate::scenario::Played;
use crate::stack::{Doorway, HostTime, Life, Line, Wire, simulation, step};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use core::time::Duration;
use http::uri::Authority;
use http::{StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use purlin::Instant;
use purlin::breaker::Outcome;
use purlin_checkout::{CheckoutConfig, service};
use std::future::pending;
use std::io;
use std::sync::Arc;
use tower::service_fn;

const CLIENTS: &str = "clients";
const CHECKOUT: &str = "checkout";
const BANK: &str = "bank";
const PORT: u16 = 80;

pub(super) fn play(plan: &Plan, watch: Watch) -> Result<Played, InvalidPlan> {
    let stage = Stage::new(plan, watch)?;
    let config = checkout_config(plan)?;
    let end = plan.options.phases().end;
    let mut simulation = simulation(plan.noise, end + Duration::from_secs(1));
    simulation.host(BANK, with(&stage, run_bank));
    let (clock, for_checkout) = (plan.options.breaker_clock(), Arc::clone(&stage));
    simulation.host(CHECKOUT, move || {
        let keeper = StageKeeper::new(Arc::clone(&for_checkout), HostTime::start(), clock);
        run_checkout(Arc::clone(&for_checkout), config.clone(), keeper)
    });
    simulation.client(CLIENTS, run_clients(Arc::clone(&stage), plan.options.clients));
    let simulated = Director::new(plan, &stage).direct(&mut simulation, end);
    Ok(played(&stage, simulated))
}

/// A host's software, made anew at each start.
fn with<F>(stage: &Arc<Stage>, run: impl Fn(Arc<Stage>) -> F) -> impl Fn() -> F {
    let stage = Arc::clone(stage);
    move || run(Arc::clone(&stage))
}

fn checkout_config(plan: &Plan) -> Result<CheckoutConfig, InvalidPlan> {
    let mut config = CheckoutConfig::new(Authority::from_static(BANK));
    config.breaker = plan.options.config()?;
    config.attempt_timeout = Duration::from_millis(plan.options.attempt_timeout_ms);
    config.idle_connections = 0;
    Ok(config)
}

fn played(stage: &Stage, simulated: Duration) -> Played {
    let (recorder, events) = stage.close().expect("the history is closed once, here");
    let throws = stage.thrown();
    Played { recorded: recorder.finish(Instant::ORIGIN + simulated), events, simulated, throws }
}

/// Lets the plan come true, tick by tick.
struct Director<'a> {
    stage: &'a Stage,
    /// What is to come, the latest first.
    agenda: Vec<(Duration, Cue)>,
}

#[derive(Clone, Copy, Debug)]
enum Cue {
    Begin(u32),
    End(u32),
    Heal,
}

impl<'a> Director<'a> {
    fn new(plan: &Plan, stage: &'a Stage) -> Self {
        let faults = (0..).zip(&plan.faults);
        let cues =
            faults.flat_map(|(index, fault)| [(fault.start(), Cue::Begin(index)), (fault.end(), Cue::End(index))]);
        let mut agenda: Vec<_> = cues.chain([(plan.options.phases().healed, Cue::Heal)]).collect();
        agenda.sort_by_key(|(at, _)| *at);
        agenda.reverse();
        Self { stage, agenda }
    }

    /// Returns how far the simulation came.
    fn direct(mut self, simulation: &mut turmoil::Sim<'_>, end: Duration) -> Duration {
        while simulation.elapsed() < end && !self.stage.is_violated() {
            self.give_cues(simulation);
            self.set_latencies(simulation);
            if let Err(violation) = step(simulation) {
                self.stage.note(violation);
            }
        }
        simulation.elapsed()
    }

    fn give_cues(&mut self, simulation: &turmoil::Sim<'_>) {
        while let Some((_, cue)) = self.agenda.pop_if(|(at, _)| *at <= simulation.elapsed()) {
            let at = Instant::ORIGIN + simulation.elapsed();
            match cue {
                Cue::Begin(fault) => self.begin(at, fault, simulation),
                Cue::End(fault) => self.end(at, fault, simulation),
                Cue::Heal => self.stage.record(at, &Event::Healed),
            }
        }
    }

    fn begin(&self, at: Instant, fault: u32, simulation: &turmoil::Sim<'_>) {
        self.stage.record(at, &Event::Began { fault });
        if self.stage.begin(fault) == FaultKind::Cut {
            simulation.hold(CHECKOUT, BANK);
        }
    }

    fn end(&self, at: Instant, fault: u32, simulation: &turmoil::Sim<'_>) {
        self.stage.record(at, &Event::Over { fault });
        if self.stage.end(fault) == FaultKind::Cut && !self.stage.is_cut() {
            simulation.release(CHECKOUT, BANK);
        }
    }

    fn set_latencies(&self, simulation: &turmoil::Sim<'_>) {
        let [clients, bank] = self.stage.latencies();
        simulation.set_link_latency(CLIENTS, CHECKOUT, clients);
        simulation.set_link_latency(CHECKOUT, BANK, bank);
    }
}

/// The bank: an axum server that does what the plan says. When its process dies, its port is closed and its connections
/// are reset; then it waits to be started again.
async fn run_bank(stage: Arc<Stage>) -> turmoil::Result {
    let time = HostTime::start();
    loop {
        let life = stage.bank();
        let door = Doorway::open(PORT, life.clone()).await?;
        let pay = {
            let stage = Arc::clone(&stage);
            move |ConnectInfo(line): ConnectInfo<Line>| pay(stage, time, line)
        };
        let bank = Router::new().route("/pay", post(pay));
        let server = axum::serve(door, bank.into_make_service_with_connect_info::<Line>());
        let server = tokio::task::spawn_local(server.into_future());
        life.ended().await;
        server.abort();
        stage.revived.notified().await;
    }
}

async fn pay(stage: Arc<Stage>, time: HostTime, line: Line) -> StatusCode {
    match stage.reach(time.now()) {
        Fate::Answered { well, work } => {
            tokio::time::sleep(work).await;
            if well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
        }
        Fate::Aborted => {
            line.reset();
            pending().await
        }
        Fate::Silence => pending().await,
    }
}

async fn run_checkout(stage: Arc<Stage>, config: CheckoutConfig, keeper: StageKeeper) -> turmoil::Result {
    let connector = service_fn(|to: Uri| Box::pin(Wire::connect(to.host().unwrap_or(BANK).to_owned(), PORT)));
    let witness = Witness { stage, time: HostTime::start() };
    let watched = service(config, connector, keeper).layer(from_fn_with_state(witness, watched));
    Ok(axum::serve(Doorway::open(PORT, Life::default()).await?, watched).await?)
}

#[derive(Clone)]
struct Witness {
    stage: Arc<Stage>,
    time: HostTime,
}

/// Tells the stage how each call of the checkout ended.
async fn watched(State(Witness { stage, time }): State<Witness>, request: Request, next: Next) -> Response {
    let mut call = WatchedCall { stage, time, outcome: Outcome::Cancelled };
    let response = next.run(request).await;
    call.outcome = if response.status() == StatusCode::OK { Outcome::Success } else { Outcome::Failure };
    response
}

/// A call that is dropped before its response is there was cancelled.
struct WatchedCall {
    stage: Arc<Stage>,
    time: HostTime,
    outcome: Outcome,
}

impl Drop for WatchedCall {
    fn drop(&mut self) {
        self.stage.settle(self.time.now(), self.outcome);
    }
}

async fn run_clients(stage: Arc<Stage>, clients: u32) -> turmoil::Result {
    let time = HostTime::start();
    (0..clients).for_each(|client| drop(tokio::task::spawn_local(run_client(Arc::clone(&stage), time, client))));
    pending().await
}

async fn run_client(stage: Arc<Stage>, time: HostTime, client: u32) {
    loop {
        tokio::select! {
            biased;
            () = stage.herd.notified() => {}
            () = tokio::time::sleep(stage.rest()) => {}
        }
        stage.record(time.now(), &Event::Called { client });
        let answer = tokio::time::timeout(stage.patience(), check_out()).await;
        stage.answered(time.now(), client, answer.unwrap_or(Answer::GivenUp));
    }
}

async fn check_out() -> Answer {
    match status_of_checkout().await {
        Ok(StatusCode::OK) => Answer::Served,
        Ok(StatusCode::SERVICE_UNAVAILABLE) => Answer::Rejected,
        Ok(_) | Err(_) => Answer::Failed,
    }
}

/// A call on a connection of its own, which is closed when the call is dropped.
async fn status_of_checkout() -> io::Result<StatusCode> {
    let wire = Wire::connect(CHECKOUT.to_owned(), PORT).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(wire).await.map_err(io::Error::other)?;
    let request = http::Request::post("/checkout").header(http::header::HOST, CHECKOUT).body(Empty::<Bytes>::new());
    let request = request.map_err(io::Error::other)?;
    let exchange = async { sender.send_request(request).await };
    tokio::select! {
        biased;
        response = exchange => response.map(|response| response.status()).map_err(io::Error::other),
        closed = connection => Err(closed.err().map_or_else(|| io::ErrorKind::UnexpectedEof.into(), io::Error::other)),
    }
}
