//! OmniPaxos: no Raft, and with less to do for each message (no flow control, no hard state to write with a commit), but it
//! replicates a log all the same.

use crate::workload::{Applied, COMPACT_AFTER, Engine, Inboxes, KEEP, NODES};
use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::{LogEntry, NodeId};
use omnipaxos::{ClusterConfig, OmniPaxos, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;
use std::mem;

#[derive(Clone, Debug)]
struct Proposal(Vec<u8>);

impl Entry for Proposal {
    type Snapshot = NoSnapshot;
}

struct Node {
    paxos: OmniPaxos<Proposal, MemoryStorage<Proposal>>,
    applied: Applied,
    outgoing: Vec<Message<Proposal>>,
}

pub(crate) struct Cluster {
    nodes: [Node; NODES],
    inboxes: Inboxes<Message<Proposal>>,
    leader: usize,
}

impl Cluster {
    /// Three nodes that have found a leader.
    pub(crate) fn elect(batch: usize) -> Self {
        let nodes = std::array::from_fn(|own| Node::new(own, batch));
        let mut cluster = Self { nodes, inboxes: Inboxes::empty(), leader: 0 };
        while !cluster.nodes.iter().all(|node| node.leader().is_some()) {
            cluster.nodes.iter_mut().for_each(|node| node.paxos.tick());
            cluster.round();
        }
        cluster.leader = cluster.nodes[0].leader().map_or(0, place);
        cluster
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        let appended = self.nodes[self.leader].paxos.append(Proposal(vec![fill; bytes]));
        appended.expect("the leader takes entries");
    }

    fn round(&mut self) {
        for (own, node) in self.nodes.iter_mut().enumerate() {
            while let Some(message) = self.inboxes.next(own) {
                node.paxos.handle_incoming(message);
            }
            node.apply();
            if own == self.leader {
                node.compact();
            }
            node.send(&mut self.inboxes);
        }
    }

    fn led(&self) -> u64 {
        self.nodes[self.leader].applied.proposals
    }

    fn applied(&mut self) -> [Applied; NODES] {
        self.nodes.each_ref().map(|node| node.applied)
    }

    fn sent(&self) -> u64 {
        self.inboxes.sent()
    }
}

impl Node {
    fn new(own: usize, batch: usize) -> Self {
        let cluster = ClusterConfig { configuration_id: 1, nodes: vec![1, 2, 3], flexible_quorum: None };
        let server = ServerConfig { pid: own as NodeId + 1, batch_size: batch, ..ServerConfig::default() };
        let paxos = cluster.build_for_server(server, MemoryStorage::default());
        Self { paxos: paxos.expect("the configuration is valid"), applied: Applied::default(), outgoing: Vec::new() }
    }

    fn leader(&self) -> Option<NodeId> {
        self.paxos.get_current_leader().filter(|(_, is_accepted)| *is_accepted).map(|(leader, _)| leader)
    }

    fn apply(&mut self) {
        let from = self.applied.proposals as usize;
        if self.paxos.get_decided_idx() == from {
            return;
        }
        for entry in self.paxos.read_decided_suffix(from).into_iter().flatten() {
            let LogEntry::Decided(Proposal(payload)) = entry else { unreachable!("what is decided can be read") };
            self.applied.add(payload.len());
        }
    }

    /// Only a leader may ask for it, and then all nodes do it. It refuses what not all nodes have yet: then it is asked again.
    fn compact(&mut self) {
        if self.applied.proposals >= self.paxos.get_compacted_idx() as u64 + COMPACT_AFTER {
            let _later = self.paxos.trim(Some((self.applied.proposals - KEEP) as usize));
        }
    }

    fn send(&mut self, inboxes: &mut Inboxes<Message<Proposal>>) {
        let mut outgoing = mem::take(&mut self.outgoing);
        self.paxos.take_outgoing_messages(&mut outgoing);
        outgoing.drain(..).for_each(|message| inboxes.send(place(message.get_receiver()), message));
        self.outgoing = outgoing;
    }
}

fn place(node: NodeId) -> usize {
    node as usize - 1
}
