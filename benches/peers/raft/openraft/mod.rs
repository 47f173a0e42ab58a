//! openraft on one thread of tokio. Its nodes are tasks, so a round is "until the oldest proposal is answered", and its
//! heartbeats of every 100 ms stay on.

mod log;
mod network;
mod state;

use crate::workload::{Applied, COMPACT_AFTER, Engine, KEEP, NODES};
use log::Log;
use network::Network;
use openraft::impls::OneshotResponder;
use openraft::raft::responder::Responder;
use openraft::{BasicNode, Config, Raft, SnapshotPolicy, TokioRuntime};
use state::State;
use std::collections::{BTreeMap, VecDeque};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

openraft::declare_raft_types!(
    pub(crate) Types:
        D = Vec<u8>,
        R = (),
        NodeId = u64,
        Node = BasicNode,
        Entry = openraft::Entry<Types>,
        SnapshotData = Cursor<Vec<u8>>,
        Responder = OneshotResponder<Types>,
        AsyncRuntime = TokioRuntime,
);

type Answer = <OneshotResponder<Types> as Responder<Types>>::Receiver;

pub(crate) struct Cluster {
    runtime: Runtime,
    leader: Raft<Types>,
    states: [State; NODES],
    network: Network,
    proposals: Vec<Vec<u8>>,
    answers: VecDeque<Answer>,
    answered: u64,
}

impl Cluster {
    /// Three nodes of which the first leads.
    pub(crate) fn elect() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
        let states: [State; NODES] = std::array::from_fn(|_| State::default());
        let network = Network::default();
        let leader = runtime.block_on(lead(&states, &network));
        Self { runtime, leader, states, network, proposals: Vec::new(), answers: VecDeque::new(), answered: 0 }
    }
}

async fn lead(states: &[State; NODES], network: &Network) -> Raft<Types> {
    let mut nodes = Vec::new();
    for (own, state) in (1..).zip(states) {
        let config = config(own == 1).validate().expect("the configuration is valid");
        let node = Raft::new(own, Arc::new(config), network.clone(), Log::default(), state.clone());
        nodes.push(node.await.expect("a fresh node can be made"));
    }
    network.connect(nodes.clone());
    let leader = nodes.swap_remove(0);
    let members: BTreeMap<u64, BasicNode> = (1..=NODES as u64).map(|id| (id, BasicNode::default())).collect();
    leader.initialize(members).await.expect("a fresh cluster can be initialised");
    let wait = leader.wait(Some(Duration::from_secs(60)));
    wait.current_leader(1, "the only one that campaigns").await.expect("somebody is elected");
    leader
}

fn config(may_campaign: bool) -> Config {
    Config {
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        enable_elect: may_campaign,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(COMPACT_AFTER),
        max_in_snapshot_log_to_keep: KEEP,
        ..Config::default()
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        self.proposals.push(vec![fill; bytes]);
    }

    /// Hands over what was proposed, waits for the oldest answer, and takes whatever else has been answered by then. Off the
    /// clock, when nothing is under way, it lets the other nodes go on for a while.
    fn round(&mut self) {
        let Self { runtime, leader, proposals, answers, answered, .. } = self;
        runtime.block_on(async {
            for proposal in proposals.drain(..) {
                answers.push_back(leader.client_write_ff(proposal).await.expect("the leader takes proposals"));
            }
            let Some(oldest) = answers.pop_front() else {
                return tokio::time::sleep(Duration::from_millis(20)).await;
            };
            oldest.await.expect("every proposal is answered").expect("the leader stays");
            *answered += 1;
            while let Some(answer) = answers.front_mut().and_then(|next| next.try_recv().ok()) {
                answer.expect("the leader stays");
                *answered += 1;
                answers.pop_front();
            }
        });
    }

    fn led(&self) -> u64 {
        self.answered
    }

    fn applied(&mut self) -> [Applied; NODES] {
        self.states.each_ref().map(State::applied)
    }

    fn sent(&self) -> u64 {
        self.network.sent()
    }
}
