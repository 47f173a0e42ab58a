//! Clusters: any [`Protocol`], its nodes, their clients and their judges, as a [`Scenario`] for both tiers.
//!
//! ```text
//!                         ask                      messages: lost, doubled, late, cut off
//!   clients ◀──────▶ ┌──────────┐ ◀──────────────────────────▶ other nodes
//!            answer  │   node   │
//!                    │ protocol │ ◀─ a clock of its own: ahead, drifting, jumping
//!                    └──────────┘ ─▶ a disk of its own: slow, and forgetful when the power goes
//!                      dies, stands still, is restarted
//! ```
//!
//! Whoever writes a protocol gets both tiers by saying what a run of it consists of: [`Cluster`].
//!
//! ```
//! use purlin::queue::{Answer, NewMessage, Queue, Request, Settings};
//! use purlin_sim::checker::{Coverage, Judge, Violation, claim};
//! use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Recovery, Setting};
//! use purlin_sim::{Die, InvalidPlan, Scenario, Span, Tier};
//! use core::time::Duration;
//! use purlin::Instant;
//! use serde::{Deserialize, Serialize};
//!
//! /// Somebody puts parcels in, one after the other.
//! struct Parcels;
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Options {
//!     parcels: u32,
//! }
//!
//! impl Cluster for Parcels {
//!     const NAME: &'static str = "parcels";
//!     const ROOM: &'static str = "queue";
//!     const SUMMARY: &'static str = "parcels are put in, whatever happens to the queue";
//!     const ALWAYS: &'static [&'static str] = &["no_parcel_is_twice_new"];
//!     const SOMETIMES: &'static [&'static str] = &["a_parcel_was_put_in_again"];
//!     type Protocol = Queue;
//!     type Options = Options;
//!     type Client = Sender;
//!     type Judge = Clerk;
//!
//!     fn draw(die: &mut Die) -> Options {
//!         Options { parcels: die.between(100, 1_000) as u32 }
//!     }
//!
//!     fn check(options: &Options) -> Result<(), InvalidPlan> {
//!         InvalidPlan::unless(options.parcels >= 1, "parcels", options.parcels, "give at least 1")
//!     }
//!
//!     fn nodes(_options: &Options) -> Vec<Node<Queue>> {
//!         vec![Node::alone(Settings::default().validate().expect("the defaults are valid"))]
//!     }
//!
//!     fn clients(setting: &Setting<Options>) -> Vec<Sender> {
//!         vec![Sender { next: 0, parcels: setting.workload.parcels }]
//!     }
//!
//!     fn judge(_setting: &Setting<Options>) -> Clerk {
//!         Clerk::default()
//!     }
//!
//!     fn recovery(setting: &Setting<Options>) -> Recovery {
//!         let answer_ms = 3 * setting.environment.slowest_ms();
//!         Recovery { within_ms: 1_000, calm_ms: 1_000, answer_ms }
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Sender {
//!     next: u32,
//!     parcels: u32,
//! }
//!
//! impl Client<Queue> for Sender {
//!     fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
//!         match occasion {
//!             Occasion::Answered { .. } => self.next += 1,
//!             Occasion::Unanswered { .. } => return desk.wake_after(Duration::from_millis(100)),
//!             _ => {}
//!         }
//!         if self.next < self.parcels {
//!             let id = self.next.to_string();
//!             desk.ask(0, Request::Enqueue(NewMessage { id, ..NewMessage::default() }));
//!         }
//!     }
//! }
//!
//! #[derive(Clone, Default)]
//! struct Clerk {
//!     put_in: u32,
//!     coverage: Coverage,
//! }
//!
//! impl Judge for Clerk {
//!     type Event<'a> = Event<'a, Queue>;
//!
//!     fn observe(&mut self, _at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
//!         match event {
//!             Event::Answered { answer: Answer::Ok, .. } => self.put_in += 1,
//!             Event::Answered { answer: Answer::Duplicate, .. } => self.coverage.note(0),
//!             _ => {}
//!         }
//!         claim("no_parcel_is_twice_new", self.put_in <= 1_000, || format!("{} were new", self.put_in))
//!     }
//!
//!     fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
//!         Ok(())
//!     }
//!
//!     fn coverage(&self) -> Coverage {
//!         self.coverage
//!     }
//! }
//!
//! let scenario = Scenario::of_protocol::<Parcels>();
//! let run = scenario.run(Tier::Swarm, &scenario.plan(1))?;
//! assert!(run.verdict.holds(), "{:?}", run.verdict);
//! # Ok::<(), purlin_sim::InvalidPlan>(())
//! ```

mod asks;
mod client;
mod disk;
mod environment;
mod faults;
mod full_stack;
mod history;
mod judges;
mod process;
mod simpler;
mod slab;
mod swarm;

pub(crate) use asks::ByAsk;
pub use client::{Ask, Client, Desk, Occasion, Unanswered};
pub use environment::{ClockBounds, ClockError, Environment, Phase, Phases, Recovery, Setting};
pub use history::{End, Event};
pub use judges::{claims, sights};

use crate::checker::{Judge, Violation};
use crate::die::Die;
use crate::plan::{Budget, Fault, FaultKind, InvalidPlan, Nodes, Plan, PlanOptions};
use crate::scenario::{Scenario, healed, read};
use core::fmt::Debug;
use environment::check_drift;
use faults::Arsenal;
use purlin::Instant;
use purlin::machine::Machine;
use purlin::protocol::Protocol;
use purlin_tokio::{Codec, Postcard};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a run of a protocol consists of: its nodes, their clients and judges, and the options that vary from run to run.
///
/// All of it is told apart from any state: a cluster is a type, and never a value.
pub trait Cluster: Sized + 'static {
    /// The scenario's name, in words with hyphens.
    const NAME: &'static str;
    /// The room that it belongs to.
    const ROOM: &'static str;
    /// What it is about, in one line.
    const SUMMARY: &'static str;
    /// The properties that its judge and [`Cluster::inspect`] check. Those of [`claims`] are checked besides.
    const ALWAYS: &'static [&'static str];
    /// What must happen at least once in a campaign: at most 64 names, by whose index the judge notes what it sees. Those
    /// of [`sights`] are noted for it.
    const SOMETIMES: &'static [&'static str];

    /// The machine that every node runs.
    type Protocol: Protocol;
    /// What varies from run to run, beside the environment.
    type Options: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Who asks the nodes. An enum, if there are several kinds.
    type Client: Client<Self::Protocol> + Clone;
    /// Who reads the history.
    type Judge: for<'a> Judge<Event<'a> = Event<'a, Self::Protocol>> + Clone + Send + 'static;

    /// Draws the options of a run.
    fn draw(die: &mut Die) -> Self::Options;

    /// Checks the options that stand in a plan.
    ///
    /// # Errors
    /// The first field that does not hold, as a path from the options.
    fn check(options: &Self::Options) -> Result<(), InvalidPlan>;

    /// The nodes: at least one, and at most [`Nodes::MAX`]. The options have been checked.
    fn nodes(options: &Self::Options) -> Vec<Node<Self::Protocol>>;

    /// How many versions of its software the cluster knows. All nodes begin with version 0.
    const VERSIONS: u32 = 1;

    /// The nodes as that version sets them up: as many, under the same addresses. What differs between versions is what
    /// the protocol makes of its configuration.
    fn nodes_of(options: &Self::Options, _version: u32) -> Vec<Node<Self::Protocol>> {
        Self::nodes(options)
    }

    /// How nodes of that version write messages. Only in the full stack are there bytes.
    fn codec(_options: &Self::Options, _version: u32) -> impl Codec<Self::Protocol> + use<Self> {
        Postcard
    }

    /// How many of the nodes may be destroyed so that those that remain still recover.
    fn spare(_options: &Self::Options) -> u32 {
        0
    }

    /// What the options look like as JSON; anything, unless the cluster says more.
    fn schema(_generator: &mut SchemaGenerator) -> Schema {
        true.into()
    }

    /// The clients.
    fn clients(setting: &Setting<Self::Options>) -> Vec<Self::Client>;

    /// The judge.
    fn judge(setting: &Setting<Self::Options>) -> Self::Judge;

    /// How long recovery takes after everything was healed, and how long the run goes on after it.
    fn recovery(setting: &Setting<Self::Options>) -> Recovery;

    /// How far the nodes' clocks may be from the truth, when their surroundings are drawn and in any plan.
    fn clocks(_options: &Self::Options) -> ClockBounds {
        ClockBounds::default()
    }

    /// Simpler options to try while a plan is shrunk, the simplest first: fewer nodes, clients and requests. Each of them is
    /// simpler for good: taking simpler ones again and again comes to an end.
    fn simpler(_options: &Self::Options) -> Vec<Self::Options> {
        Vec::new()
    }

    /// Whether the protocol is meant to bear this kind of fault. What it is not meant to bear is neither drawn nor
    /// allowed in a plan.
    fn bears(_options: &Self::Options, _kind: &FaultKind) -> bool {
        true
    }

    /// Looks into the machines after each step of one of them.
    ///
    /// # Errors
    /// The property that their state breaks.
    fn inspect(_setting: &Setting<Self::Options>, _view: &View<'_, Self::Protocol>) -> Result<(), Violation> {
        Ok(())
    }
}

/// A node as it is set up.
#[derive(Clone, Debug)]
pub struct Node<P: Protocol> {
    pub(crate) address: Option<P::Address>,
    pub(crate) config: <P as Machine>::Config,
}

impl<P: Protocol> Node<P> {
    /// A node that others reach under this address.
    pub fn at(address: P::Address, config: P::Config) -> Self {
        Self { address: Some(address), config }
    }

    /// A node that exchanges no messages with others.
    pub fn alone(config: P::Config) -> Self {
        Self { address: None, config }
    }
}

/// All machines at one moment, just after a step of one of them.
pub struct View<'a, P: Protocol> {
    stepped: u32,
    steps: u64,
    now: Instant,
    machines: &'a dyn Machines<P>,
}

/// Whoever has machines to show.
trait Machines<P: Protocol> {
    fn machine(&self, node: u32) -> Option<&P>;
    fn clock(&self, node: u32) -> Instant;
    fn count(&self) -> u32;
}

impl<P: Protocol> View<'_, P> {
    /// The node that has just stepped.
    pub fn stepped(&self) -> u32 {
        self.stepped
    }

    /// How many steps there have been: for what is too costly to look at after each.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The true time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.machines.count()
    }

    /// A node's machine, unless the node is down.
    pub fn machine(&self, node: u32) -> Option<&P> {
        self.machines.machine(node)
    }

    /// What a node's own clock shows.
    pub fn clock(&self, node: u32) -> Instant {
        self.machines.clock(node)
    }
}

impl Scenario {
    /// The scenario that a [`Cluster`] describes.
    pub fn of_protocol<C: Cluster>() -> Self {
        Self {
            name: C::NAME,
            room: C::ROOM,
            summary: C::SUMMARY,
            general: &claims::ALL,
            always: C::ALWAYS,
            sometimes: C::SOMETIMES,
            draw: |seed| draw::<C>(seed).erased(),
            read: read::<Staged<C>>,
            schema: Plan::<Staged<C>>::schema,
            swarm: |plan, watch| Ok(swarm::open::<C>(&plan.typed()?, watch)),
            turmoil: |plan, watch| Ok(full_stack::play::<C>(&plan.typed()?, watch)),
            healed: healed::<Staged<C>>,
            simpler: simpler::plans::<C>,
        }
    }
}

/// A setting that knows its scenario.
#[derive_where::derive_where(Clone, Debug)]
#[derive(Serialize, serde::Deserialize)]
#[serde(transparent, bound = "")]
pub(crate) struct Staged<C: Cluster> {
    setting: Setting<C::Options>,
}

impl<C: Cluster> PlanOptions for Staged<C> {
    fn validate(&self) -> Result<(), InvalidPlan> {
        let Setting { environment, workload } = &self.setting;
        C::check(workload).map_err(|error| error.within("options.workload"))?;
        let checked = environment.validate(C::nodes(workload).len() as u32, C::clocks(workload));
        checked.map_err(|error| error.within("options.environment"))?;
        let end = self.phases().end;
        let mend = "shorten it, or whatever delays recovery, so that the run lasts at most a day";
        let given = format!("{} ms, and the whole run would last {end:?}", environment.safety_ms);
        let longest = core::time::Duration::from_millis(Plan::DURATION_MS_MAX);
        InvalidPlan::unless(end <= longest, "options.environment.safety_ms", given, mend)
    }

    fn safety_ms(&self) -> u64 {
        self.setting.environment.safety_ms
    }

    fn check_kind(&self, field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
        let workload = &self.setting.workload;
        faults::check_kind(field, kind, C::nodes(workload).len() as u32)?;
        let mend = "leave it out: this protocol is not meant to bear it";
        InvalidPlan::unless(C::bears(workload, kind), field, kind.name(), mend)?;
        match *kind {
            FaultKind::Upgrade { version, .. } => {
                let mend = format!("give 0 to {}, the versions that this scenario knows", C::VERSIONS - 1);
                InvalidPlan::unless(version < C::VERSIONS, format!("{field}.upgrade.version"), version, mend)
            }
            FaultKind::ClockDrift { drift_ppm, .. } => {
                check_drift(&format!("{field}.clock_drift.drift_ppm"), drift_ppm, C::clocks(workload))
            }
            _ => Ok(()),
        }
    }

    fn check_budget(&self, budget: &Budget) -> Result<(), InvalidPlan> {
        let (given, most) = (budget.destroyed, C::spare(&self.setting.workload));
        let mend = format!(
            "give at most {most}: those that remain cannot recover from more; or set budget.liveness to false, so that \
             recovery is not asserted"
        );
        InvalidPlan::unless(given <= most || !budget.liveness, "budget.destroyed", given, mend)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let (environment, workload) = (generator.subschema_for::<Environment>(), C::schema(generator));
        json_schema!({
            "type": "object",
            "properties": {"environment": environment, "workload": workload},
            "required": ["environment", "workload"],
            "additionalProperties": false,
        })
    }
}

impl<C: Cluster> Staged<C> {
    fn phases(&self) -> Phases {
        C::recovery(&self.setting).phases(self.setting.environment.safety_ms)
    }
}

fn draw<C: Cluster>(seed: u64) -> Plan<Staged<C>> {
    let die = &mut Die::new(seed, "plan");
    let workload = C::draw(die);
    let nodes = (C::nodes(&workload).len() as u32).min(Nodes::MAX);
    let bounds = C::clocks(&workload);
    let environment = Environment::draw(die, nodes, bounds);
    let setting = Setting { environment, workload };
    let down_at_once = *die.pick(&[1, nodes.div_ceil(2), nodes]);
    let budget =
        Budget { down_at_once, destroyed: die.between(0, C::spare(&setting.workload).into()) as u32, liveness: true };
    let faults = draw_faults::<C>(die, nodes, &setting, &budget);
    let noise = die.below(Plan::NOISE_MAX);
    Plan { scenario: C::NAME.to_owned(), noise, options: Staged { setting }, budget, faults, throws: None }
}

/// Faults that the protocol is meant to bear, within the budget.
fn draw_faults<C: Cluster>(die: &mut Die, nodes: u32, setting: &Setting<C::Options>, budget: &Budget) -> Vec<Fault> {
    let Setting { environment, workload } = setting;
    let arsenal = Arsenal::choose(die, nodes, C::VERSIONS, environment, C::clocks(workload));
    let mut faults = Vec::new();
    for _ in 0..die.between(2, 8) {
        // Twenty throws may find none that fits; then there is one less.
        let drawn = (0..20).map(|_| draw_fault(die, &arsenal, environment.safety_ms));
        let fits = |fault: &Fault| {
            C::bears(workload, &fault.kind) && budget.check(&[faults.as_slice(), &[*fault]].concat()).is_ok()
        };
        let fault = drawn.into_iter().find(fits);
        faults.extend(fault);
    }
    faults
}

fn draw_fault(die: &mut Die, arsenal: &Arsenal<'_>, safety_ms: u64) -> Fault {
    let duration_ms = *die.pick(&[10, 100, 1_000, safety_ms / 3]);
    let duration_ms = die.between(1, duration_ms.min(safety_ms / 3));
    let start_ms = die.between(0, safety_ms - duration_ms);
    Fault { start_ms, duration_ms, kind: arsenal.draw(die) }
}
