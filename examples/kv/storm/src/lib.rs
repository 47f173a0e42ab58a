//! The replicated store in a storm: users who read and write through any node, and everything failing now and then.
//!
//! ```text
//!   users ── get, put, delete, compare and swap ──▶ ┌─────────┐ ◀── lost, doubled, late, cut off ──▶ other replicas
//!         ◀── done, refused, or nobody knows ────── │ replica │
//!                                                   └─────────┘ dies, halts, forgets; its disk and its clock err
//! ```

pub mod claims;
mod draw;
mod governor;
mod inspect;
mod judge;
mod ledger;
mod options;
mod store;
mod stories;
mod tongue;
mod users;
mod wire;

pub use governor::Governor;
pub use judge::Referee;
pub use options::{Options, Tuning};
pub use stories::{Leased, Members, Plain, Story, Upgraded};
pub use users::User;

use core::marker::PhantomData;
use purlin::raft::Raft;
use purlin_kv::Kv;
use purlin_sim::checker::Violation;
use purlin_sim::cluster::{Client, ClockBounds, Cluster, Desk, Node, Occasion, Recovery, Setting, View};
use purlin_sim::{Die, FaultKind, InvalidPlan, Scenario};
use purlin_tokio::Codec;
use tongue::Tongue;

/// The store's scenarios.
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::of_protocol::<Storm<Plain>>(),
        Scenario::of_protocol::<Storm<Members>>(),
        Scenario::of_protocol::<Storm<Leased<false>>>(),
        Scenario::of_protocol::<Storm<Upgraded>>(),
    ]
}

/// A story as a cluster.
pub struct Storm<S>(PhantomData<S>);

impl<S: Story> Cluster for Storm<S> {
    const NAME: &'static str = S::NAME;
    const ROOM: &'static str = "raft";
    const SUMMARY: &'static str = S::SUMMARY;
    const ALWAYS: &'static [&'static str] = claims::ALWAYS;
    const SOMETIMES: &'static [&'static str] = S::SOMETIMES;
    const VERSIONS: u32 = S::VERSIONS;
    type Protocol = Raft<Kv>;
    type Options = Options;
    type Client = Actor;
    type Judge = Referee;

    fn draw(die: &mut Die) -> Options {
        S::draw(die)
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        options.check()
    }

    fn nodes(options: &Options) -> Vec<Node<Raft<Kv>>> {
        Self::nodes_of(options, 0)
    }

    fn nodes_of(options: &Options, version: u32) -> Vec<Node<Raft<Kv>>> {
        let config = |node| options.config(node, version).expect("what was checked is valid");
        (0..options.nodes()).map(|node| Node::at(options.member(node), config(node))).collect()
    }

    fn codec(_options: &Options, version: u32) -> impl Codec<Raft<Kv>> + use<S> {
        Tongue::of_version(version)
    }

    /// Of the founders, a majority remains; where members come and go, of as few as three.
    fn spare(options: &Options) -> u32 {
        let voters = if options.joiners > 0 { options.founders.min(3) } else { options.founders };
        u32::from(voters - 1) / 2
    }

    fn clients(setting: &Setting<Options>) -> Vec<Actor> {
        let mut clients = users::all(&setting.workload);
        if setting.workload.joiners > 0 {
            clients.push(Actor::Governor(Box::new(Governor::new(&setting.workload))));
        }
        clients
    }

    fn judge(setting: &Setting<Options>) -> Referee {
        let phases = Self::recovery(setting).phases(setting.environment.safety_ms);
        Referee::new(&setting.workload, S::SOMETIMES, phases)
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        setting.workload.recovery(&setting.environment)
    }

    fn clocks(options: &Options) -> ClockBounds {
        S::clocks(options)
    }

    fn bears(options: &Options, kind: &FaultKind) -> bool {
        S::bears(options, kind)
    }

    fn simpler(options: &Options) -> Vec<Options> {
        options.simpler()
    }

    fn inspect(_setting: &Setting<Options>, view: &View<'_, Raft<Kv>>) -> Result<(), Violation> {
        inspect::inspect(view)
    }
}

/// Who asks the replicas.
#[derive(Clone)]
pub enum Actor {
    /// Uses the store.
    User(Box<User>),
    /// Changes it while it is used.
    Governor(Box<Governor>),
}

impl Client<Raft<Kv>> for Actor {
    fn act(&mut self, occasion: Occasion<'_, Raft<Kv>>, desk: &mut Desk<'_, Raft<Kv>>) {
        match self {
            Self::User(user) => user.act(occasion, desk),
            Self::Governor(governor) => governor.act(occasion, desk),
        }
    }
}
