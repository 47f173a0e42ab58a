//! raft-rs, driven as its documentation asks: `ready`, write, `advance`.

use crate::workload::{Applied, COMPACT_AFTER, Engine, Inboxes, KEEP, NODES};
use raft::eraftpb::{ConfState, Entry, HardState, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};
use slog::{Discard, Logger, o};

struct Node {
    raw: RawNode<MemStorage>,
    storage: MemStorage,
    applied: Applied,
    applied_index: u64,
    compacted_index: u64,
}

pub(crate) struct Cluster {
    nodes: [Node; NODES],
    inboxes: Inboxes<Message>,
}

impl Cluster {
    /// Three nodes of which the first leads.
    pub(crate) fn elect(batch_append: bool) -> Self {
        let nodes = std::array::from_fn(|own| Node::new(own as u64 + 1, batch_append));
        let mut cluster = Self { nodes, inboxes: Inboxes::empty() };
        cluster.nodes[0].raw.campaign().expect("a node may campaign");
        (0..10).for_each(|_| cluster.round());
        assert_eq!(cluster.nodes[0].raw.raft.state, StateRole::Leader, "nobody else campaigns");
        cluster
    }
}

impl Engine for Cluster {
    fn propose(&mut self, fill: u8, bytes: usize) {
        let proposed = self.nodes[0].raw.propose(Vec::new(), vec![fill; bytes]);
        proposed.expect("a leader takes proposals");
    }

    fn round(&mut self) {
        for (own, node) in self.nodes.iter_mut().enumerate() {
            while let Some(message) = self.inboxes.next(own) {
                node.raw.step(message).expect("the message is from a peer");
            }
            while node.raw.has_ready() {
                node.go_on(&mut self.inboxes);
            }
            node.compact();
        }
    }

    fn led(&self) -> u64 {
        self.nodes[0].applied.proposals
    }

    fn applied(&mut self) -> [Applied; NODES] {
        self.nodes.each_ref().map(|node| node.applied)
    }

    fn sent(&self) -> u64 {
        self.inboxes.sent()
    }
}

impl Node {
    fn new(id: u64, batch_append: bool) -> Self {
        let config = Config {
            id,
            election_tick: 10,
            heartbeat_tick: 1,
            max_size_per_msg: 1 << 20,
            max_inflight_msgs: 256,
            pre_vote: true,
            check_quorum: true,
            batch_append,
            ..Config::default()
        };
        let storage = MemStorage::new_with_conf_state(ConfState::from((vec![1, 2, 3], vec![])));
        let raw = RawNode::new(&config, storage.clone(), &Logger::root(Discard, o!()));
        let raw = raw.expect("the configuration is valid");
        Self { raw, storage, applied: Applied::default(), applied_index: 0, compacted_index: 0 }
    }

    fn go_on(&mut self, inboxes: &mut Inboxes<Message>) {
        let mut ready = self.raw.ready();
        send(inboxes, ready.take_messages());
        self.apply(ready.take_committed_entries());
        self.write(ready.entries(), ready.hs());
        send(inboxes, ready.take_persisted_messages());
        let mut light = self.raw.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.storage.wl().mut_hard_state().commit = commit;
        }
        send(inboxes, light.take_messages());
        self.apply(light.take_committed_entries());
        self.raw.advance_apply();
    }

    fn write(&self, entries: &[Entry], hard_state: Option<&HardState>) {
        let mut storage = self.storage.wl();
        storage.append(entries).expect("entries are in order");
        if let Some(hard_state) = hard_state {
            storage.set_hardstate(hard_state.clone());
        }
    }

    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.applied_index = entry.index;
            // A new leader's first entry is empty.
            if !entry.data.is_empty() {
                self.applied.add(entry.data.len());
            }
        }
    }

    fn compact(&mut self) {
        if self.applied_index >= self.compacted_index + COMPACT_AFTER {
            self.compacted_index = self.applied_index - KEEP;
            self.storage.wl().compact(self.compacted_index).expect("these entries are there");
        }
    }
}

fn send(inboxes: &mut Inboxes<Message>, messages: Vec<Message>) {
    messages.into_iter().for_each(|message| inboxes.send(message.to as usize - 1, message));
}
