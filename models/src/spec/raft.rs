//! Raft's specification: its scopes, and the code's world at each.

mod abstraction;
mod knowledge;
mod tape;
mod words;

pub use abstraction::RaftAbstraction;
pub use tape::Tape;

use super::scope::World;
use super::{Comparison, Constants, ConstantsError, Source, SpecScope, Value};
use crate::cluster::{Budgets, Claims, Cluster, ClusterModel, ClusterScope, NodeScope, Requests};
use crate::refinement::Terms;
use core::num::NonZeroU32;
use purlin::raft::{
    Config, Entry, Image, Member, Membership, Payload, Raft, Record, Request, RoleName, Settings, Slice,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Far above what any scope needs; a mutant's endless counter meets it soon.
const STATES_MAX: usize = 100_000;

/// More messages than any scope has.
const MESSAGES_MAX: usize = 1_000;

macro_rules! spec_file {
    ($name:expr) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/raft/", $name)
    };
}

macro_rules! scope {
    ($name:literal, $module:literal) => {
        SpecScope {
            room: "raft",
            folder: "raft",
            name: $name,
            module: $module,
            sources: [
                Source { name: "Raft.tla", text: include_str!(spec_file!("Raft.tla")) },
                Source { name: concat!($module, ".tla"), text: include_str!(spec_file!(concat!($module, ".tla"))) },
                Source { name: concat!($module, ".cfg"), text: include_str!(spec_file!(concat!($module, ".cfg"))) },
            ],
            golden: include_bytes!(spec_file!(concat!($module, ".graph.gz"))),
            world,
        }
    };
}

/// The scopes, each small, together covering every rule of the specification.
pub fn scopes() -> Vec<SpecScope<RaftAbstraction>> {
    vec![
        scope!("votes", "MCRaftVotes"),
        scope!("terms", "MCRaftTerms"),
        scope!("polls", "MCRaftPolls"),
        scope!("commit", "MCRaftCommit"),
        scope!("diverged", "MCRaftDiverged"),
        scope!("figure8", "MCRaftFigure8"),
    ]
}

pub(crate) fn comparisons() -> Vec<Box<dyn Comparison>> {
    scopes().into_iter().map(|scope| Box::new(scope) as Box<dyn Comparison>).collect()
}

/// The code's world, set up from the constants that TLC reads.
fn world(configuration: &str, constants: &Constants) -> Result<World<RaftAbstraction>, ConstantsError> {
    let proposals = budget(constants, "ProposalsMax")?;
    let scope = ClusterScope {
        requests: Requests::by(propose),
        open_requests: proposals.into(),
        budgets: Budgets {
            requests: proposals,
            crashes: budget(constants, "CrashesMax")?,
            duplicates: Budgets::UNLIMITED,
            ..Budgets::CALM
        },
        in_flight: MESSAGES_MAX,
        ..ClusterScope::new(nodes(constants)?)
    };
    let abstraction = RaftAbstraction {
        candidates: places(constants, "Candidates")?,
        lagging: places(constants, "Lagging")?,
        mortals: places(constants, "Mortals")?,
        heard: constants.texts("Heard")?.into_iter().map(str::to_owned).collect(),
        terms_max: constants.number("TermsMax")?.into(),
        heartbeats_max: constants.number("HeartbeatsMax")?.into(),
        tail_max: constants.number("TailMax")? as usize,
    };
    let terms = Terms { refusals: Vec::new(), fair: fair_labels(configuration), states_max: STATES_MAX };
    Ok(World { abstraction, model: ClusterModel::new(scope, Claims::default()), terms })
}

/// Leaders are asked to take a command.
fn propose(state: &Cluster<Raft<Tape>>, node: usize, ask: &mut dyn FnMut(Request<Tape>)) {
    if state.machine(node).is_some_and(|raft| raft.role() == RoleName::Leader) {
        ask(Request::Propose { stamp: None, command: () });
    }
}

fn budget(constants: &Constants, name: &'static str) -> Result<u8, ConstantsError> {
    let number = constants.number(name)?;
    u8::try_from(number).map_err(|_| ConstantsError::Refused(format!("{name} is {number}, more than a path holds")))
}

/// Nodes are numbered from 1 on; their places in the world, from 0.
fn places(constants: &Constants, name: &'static str) -> Result<BTreeSet<usize>, ConstantsError> {
    let node = |number: u32| number.checked_sub(1).map(|place| place as usize);
    let places: Option<_> = constants.numbers(name)?.into_iter().map(node).collect();
    places.ok_or_else(|| ConstantsError::Refused(format!("{name} names 0, which is nobody")))
}

fn nodes(constants: &Constants) -> Result<Vec<NodeScope<Raft<Tape>>>, ConstantsError> {
    let mut seeds = constants.records("Seeds")?.into_iter().map(Seed::read).collect::<Result<Vec<_>, _>>()?;
    seeds.sort_by_key(|seed| seed.node);
    if !seeds.iter().map(|seed| seed.node).eq(1..=seeds.len() as u32) {
        return Err(ConstantsError::Refused("the seeds are not numbered from 1 on".to_owned()));
    }
    let members: Vec<Member> = seeds.iter().map(|seed| Member::new(seed.node)).collect();
    let pre_vote = constants.is("PreVote")?;
    seeds.iter().map(|seed| seed.scope(&members, pre_vote)).collect()
}

/// What stands on a node's disk at the beginning.
struct Seed {
    node: u32,
    term: u64,
    vote: Option<Member>,
    log: Vec<u64>,
    commit: u64,
}

impl Seed {
    fn read(fields: &BTreeMap<String, Value>) -> Result<Self, ConstantsError> {
        let absent = |name: &str| ConstantsError::Refused(format!("a seed has no {name}"));
        let number = |name| fields.get(name).and_then(as_number).ok_or_else(|| absent(name));
        let Some(Value::Sequence(log)) = fields.get("log") else { return Err(absent("log")) };
        let log: Option<Vec<u64>> = log.iter().map(as_number).collect();
        let node = u32::try_from(number("node")?).ok().filter(|node| *node > 0).ok_or_else(|| absent("node"))?;
        Ok(Self {
            node,
            term: number("term")?,
            vote: Member::from_word(number("vote")?),
            log: log.ok_or_else(|| absent("log"))?,
            commit: number("commit")?,
        })
    }

    fn scope(&self, members: &[Member], pre_vote: bool) -> Result<NodeScope<Raft<Tape>>, ConstantsError> {
        let me = Member::new(self.node);
        let settings = Settings {
            pre_vote,
            check_quorum: false,
            batching: false,
            election_spread: NonZeroU32::MIN,
            snapshot_every: 0,
            ..Settings::founding(me, members.iter().copied())
        };
        let config = Config::try_from(settings).map_err(|error| ConstantsError::Refused(error.to_string()))?;
        let image = self.image(Membership::of_voters(members.iter().copied()));
        Ok(NodeScope { image, ..NodeScope::at(me, config) })
    }

    /// The fold of what a process would have written.
    fn image(&self, founders: Membership) -> Image<Tape> {
        let entry = |(index, term): (u64, &u64)| Entry { index, term: *term, payload: Payload::Empty };
        let entries: Vec<Entry<Tape>> = (1..).zip(&self.log).map(entry).collect();
        let mut image = Image::default();
        image.fold(Record::Began { founders: Arc::new(founders) });
        image.fold(Record::Term { term: self.term, vote: self.vote });
        image.fold(Record::Append { entries: Slice::from(entries), commit: self.commit });
        image
    }
}

fn as_number(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}

/// The labels under the fairness of the specification that a configuration names.
fn fair_labels(configuration: &str) -> Vec<&'static str> {
    if configuration.lines().any(|line| line.trim() == "SPECIFICATION Fair") {
        vec![
            "Timeout",
            "HandleVote",
            "HandleVoted",
            "HandleAppend",
            "HandleAppended",
            "HandleNotAppended",
            "HearOneself",
            "Heartbeat",
            "Sync",
            "Restart",
        ]
    } else {
        Vec::new()
    }
}
