//! A network of direct calls.

use super::Types;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use openraft::{BasicNode, Raft};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

type Failure<E = openraft::error::Infallible> = RPCError<u64, BasicNode, RaftError<u64, E>>;

/// All nodes, once they are there.
#[derive(Clone, Default)]
pub(super) struct Network {
    nodes: Arc<OnceLock<Vec<Raft<Types>>>>,
    sent: Arc<AtomicU64>,
}

/// The way to one node.
pub(super) struct Link {
    target: u64,
    network: Network,
}

impl Network {
    pub(super) fn connect(&self, nodes: Vec<Raft<Types>>) {
        self.nodes.set(nodes).ok().expect("nodes are connected once");
    }

    /// Requests and their answers.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: u64, _node: &BasicNode) -> Link {
        Link { target, network: self.clone() }
    }
}

impl Link {
    fn node(&self) -> &Raft<Types> {
        self.network.sent.fetch_add(2, Ordering::Relaxed);
        let nodes = self.network.nodes.get().expect("nodes talk once they are connected");
        &nodes[self.target as usize - 1]
    }

    fn failure<E: std::error::Error>(&self, error: RaftError<u64, E>) -> Failure<E> {
        RPCError::RemoteError(RemoteError::new(self.target, error))
    }
}

impl RaftNetwork<Types> for Link {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failure> {
        self.node().append_entries(request).await.map_err(|error| self.failure(error))
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failure<InstallSnapshotError>> {
        self.node().install_snapshot(request).await.map_err(|error| self.failure(error))
    }

    async fn vote(&mut self, request: VoteRequest<u64>, _option: RPCOption) -> Result<VoteResponse<u64>, Failure> {
        self.node().vote(request).await.map_err(|error| self.failure(error))
    }
}
