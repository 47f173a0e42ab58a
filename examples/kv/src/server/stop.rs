//! Going in good order: whoever leads hands over first, so that nobody has to wait until its silence is noticed.

use crate::state::Kv;
use core::cmp::Reverse;
use core::time::Duration;
use purlin::raft::{Answer, Member, Raft, Request, RoleName, Status};
use purlin_tokio::Handle;
use tokio::time::timeout;

/// How long handing over may take: somebody wants this process gone.
const HAND_OVER_MAX: Duration = Duration::from_secs(3);

/// Hands the leadership over, if this replica has it and somebody can take it.
pub(super) async fn hand_over(raft: &Handle<Raft<Kv>>) {
    let _ = timeout(HAND_OVER_MAX, offer(raft)).await;
}

async fn offer(raft: &Handle<Raft<Kv>>) -> Option<()> {
    let Ok(Answer::Status(status)) = raft.request(Request::Status).await else { return None };
    for to in heirs(&status) {
        if let Ok(Answer::Transferred { .. }) = raft.request(Request::Transfer { to }).await {
            return Some(());
        }
    }
    None
}

/// Who can take over, the one that is furthest first.
fn heirs(status: &Status) -> Vec<Member> {
    if status.role != RoleName::Leader {
        return Vec::new();
    }
    let can = |one: &&purlin::raft::FollowerStatus| {
        one.member != status.me && one.is_active && status.membership.voters.contains(&one.member)
    };
    let mut heirs: Vec<_> = status.followers.iter().filter(can).collect();
    heirs.sort_by_key(|one| (Reverse(one.matched), one.member));
    heirs.into_iter().map(|one| one.member).collect()
}
