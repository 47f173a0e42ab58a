//! `kv restore` and `kv recover`.

use crate::say;
use anyhow::ensure;
use clap::Args;
use purlin::raft::Member;
use purlin_kv::{Peers, member_named, offline};
use purlin_raft::Identity;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// What `kv backup` wrote.
    #[arg(long, value_name = "FILE")]
    backup: PathBuf,
    /// The directory to make. There must be no server in it.
    #[arg(long)]
    dir: PathBuf,
    /// Which member it will be.
    #[arg(long, value_parser = member_named)]
    id: Member,
    /// All members of the new cluster, as they will be given to `kv serve`.
    #[arg(long, value_name = "ID=HOST:PORT/HOST:PORT,…")]
    peers: Peers,
    /// The name of the new cluster. Another name than that of the old one keeps the two apart.
    #[arg(long, default_value = "kv")]
    cluster: String,
}

impl Restore {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { backup, dir, id, peers, cluster } = self;
        let founders: Vec<Member> = peers.0.keys().copied().collect();
        let identity = Identity { cluster, member: id };
        let stats = offline::restore(&backup, &dir, &identity, &founders).await?;
        let (revision, keys) = (stats.revision, stats.keys);
        Ok(say(format_args!("{} holds revision {revision}, {keys} keys, for {identity}", dir.display()))?)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The directory of the server that goes on. It must not run.
    #[arg(long)]
    dir: PathBuf,
    /// Which member it is.
    #[arg(long, value_parser = member_named)]
    id: Member,
    /// The name of its cluster.
    #[arg(long, default_value = "kv")]
    cluster: String,
    /// That it is meant: the other members are gone for good and must never be started again. What they had acknowledged and
    /// this one has not is lost.
    #[arg(long)]
    force_new_cluster: bool,
}

impl Recover {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self { dir, id, cluster, force_new_cluster } = self;
        ensure!(
            force_new_cluster,
            "the other members must be gone for good: say --force-new-cluster if they are, and never start them again"
        );
        let identity = Identity { cluster, member: id };
        let at = offline::recover(&dir, &identity)?;
        Ok(say(format_args!("{} goes on alone, behind entry {}", dir.display(), at.index))?)
    }
}
