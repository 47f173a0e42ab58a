//! `purlin spec ROOM --runs A..B`: runs of the swarm, held against the room's specification far beyond the scopes of the
//! comparison.

use crate::failure::{Failure, Verdict};
use crate::output::Output;
use core::cell::RefCell;
use purlin::Instant;
use purlin::queue::Queue;
use purlin_models::spec::queue::{Observation, QueueRun};
use purlin_models::spec::trace::{Run, TraceVerdict};
use purlin_models::tlc::Tlc;
use purlin_sim::checker::{Coverage, Judge, Violation};
use purlin_sim::cluster::{Cluster, Event, Node, Recovery, Setting, Unanswered};
use purlin_sim::plan::{Class, FaultKind};
use purlin_sim::scenarios::queue::{HastyWorkers, Options, Participant};
use purlin_sim::{Die, InvalidPlan, Plan, Scenario, Tier};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::Range;

/// How much of a run TLC is to explain. A beginning of a behaviour is a behaviour.
const OBSERVATIONS_MAX: usize = 400;

#[derive(Serialize)]
struct Document {
    traces: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    room: &'static str,
    seed: u64,
    observations: usize,
    verdict: TraceVerdict,
}

pub(super) fn run(seeds: Range<u64>, tlc: &Tlc, output: Output) -> Result<Verdict, Failure> {
    let mut traces = Vec::new();
    for seed in seeds {
        let told = validate(seed, tlc)?;
        let Told { room, observations, verdict, .. } = &told;
        output.line(format_args!("{room}: seed {seed}, {observations} observations: {verdict:?}"))?;
        traces.push(told);
    }
    let holds = traces.iter().all(|told| told.verdict == TraceVerdict::Accepted);
    output.document(&Document { traces })?;
    Ok(Verdict::holds_if(holds))
}

fn validate(seed: u64, tlc: &Tlc) -> Result<Told, Failure> {
    let run = Run::Queue(observed(seed)?);
    let trace = run.trace().map_err(|error| Failure::new(format_args!("seed {seed}: {error}")))?;
    let verdict = trace.validate(tlc).map_err(|error| Failure::new(format_args!("seed {seed}: {error}")))?;
    Ok(Told { room: run.room(), seed, observations: trace.lines, verdict })
}

/// What can be observed of a queue in one run of the swarm.
///
fn observed(seed: u64) -> Result<QueueRun, Failure> {
    let scenario = Scenario::of_protocol::<Watched>();
    let mut plan = scenario.plan(seed);
    plan.faults.retain(|fault| is_observable(&fault.kind));
    let config = settings(&plan)?;
    let run = scenario.run(Tier::Swarm, &plan).map_err(Failure::new)?;
    if !run.verdict.holds() {
        return Err(Failure::new(format_args!("seed {seed} breaks a property: see `purlin replay`")));
    }
    let mut observations = SEEN.take();
    observations.truncate(OBSERVATIONS_MAX);
    Ok(QueueRun { config, observations })
}

/// Left out are the faults after which an observer cannot tell when the queue took a request in, by which clock, or how
/// many records the next process will find.
fn is_observable(kind: &FaultKind) -> bool {
    match kind.class() {
        Class::Clock => false,
        Class::Disk => matches!(kind, FaultKind::SlowDisk { .. } | FaultKind::TornWrite { .. }),
        _ => !matches!(kind, FaultKind::Pause { .. } | FaultKind::SlowNode { .. }),
    }
}

fn settings(plan: &Plan) -> Result<purlin::queue::Settings, Failure> {
    let workload = serde_json::to_value(&plan.options).map_err(Failure::new)?["workload"].take();
    let options: Options = serde_json::from_value(workload).map_err(Failure::new)?;
    Ok(options.queue)
}

thread_local! {
    /// What the last judge has seen. A run leaves nothing but its verdict, and each has its own thread.
    static SEEN: RefCell<Vec<Observation>> = const { RefCell::new(Vec::new()) };
}

/// The scenario of the room, with a judge that only watches.
struct Watched;

impl Cluster for Watched {
    const NAME: &'static str = HastyWorkers::NAME;
    const ROOM: &'static str = HastyWorkers::ROOM;
    const SUMMARY: &'static str = HastyWorkers::SUMMARY;
    const ALWAYS: &'static [&'static str] = &[];
    const SOMETIMES: &'static [&'static str] = &[];
    type Protocol = Queue;
    type Options = Options;
    type Client = Participant;
    type Judge = Watcher;

    fn draw(die: &mut Die) -> Options {
        HastyWorkers::draw(die)
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        HastyWorkers::check(options)
    }

    fn nodes(options: &Options) -> Vec<Node<Queue>> {
        HastyWorkers::nodes(options)
    }

    fn clients(setting: &Setting<Options>) -> Vec<Participant> {
        HastyWorkers::clients(setting)
    }

    fn judge(_setting: &Setting<Options>) -> Watcher {
        SEEN.take();
        Watcher::default()
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        HastyWorkers::recovery(setting)
    }
}

#[derive(Clone, Default)]
struct Watcher {
    observations: Vec<Observation>,
    /// Requests that never came in.
    turned_away: BTreeSet<u64>,
    begun: bool,
}

impl Judge for Watcher {
    type Event<'a> = Event<'a, Queue>;

    fn observe(&mut self, _at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
        if let Event::Unanswered { ask, why: Unanswered::Busy | Unanswered::ShutDown, .. } = event {
            self.turned_away.insert(ask.0);
        }
        self.observations.extend(observation(event));
        // The first beginning is that of the world.
        if let (Event::Recovered { .. }, false) = (event, std::mem::replace(&mut self.begun, true)) {
            self.observations.pop();
        }
        Ok(())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        let mut observations = std::mem::take(&mut self.observations);
        let came_in =
            |it: &Observation| !matches!(it, Observation::Asked { ask, .. } if self.turned_away.contains(ask));
        observations.retain(came_in);
        SEEN.set(observations);
        Ok(())
    }

    fn coverage(&self) -> Coverage {
        Coverage::default()
    }
}

fn observation(event: &Event<'_, Queue>) -> Option<Observation> {
    match *event {
        Event::Asked { ask, clock, request, .. } => {
            Some(Observation::Asked { ask: ask.0, clock, request: request.clone() })
        }
        Event::Answered { ask, clock, answer, .. } => {
            Some(Observation::Answered { ask: ask.0, clock, answer: answer.clone() })
        }
        Event::Notified { clock, event, .. } => Some(Observation::Notified { clock, event: event.clone() }),
        Event::Synced { records, .. } => Some(Observation::Synced { records }),
        Event::Ended { records, .. } => Some(Observation::Ended { records: Some(records) }),
        Event::Recovered { clock, records, .. } => Some(Observation::Recovered { clock, records: Some(records) }),
        _ => None,
    }
}
