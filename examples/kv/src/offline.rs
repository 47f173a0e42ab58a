//! What is done to a server's directory while nobody runs it.

use crate::backup::{Backup, BadBackup};
use crate::server::store_options;
use crate::state::{Kv, Stats};
use purlin::log::Boundary;
use purlin::raft::{Applied, Member, Membership, Record, Sessions, Snapshot};
use purlin_raft::{Identity, OpenError, RecoveryError, StoreError};
use purlin_tokio::{Journal, JournalError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory was not made ready.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The backup cannot be read.
    #[error("the backup {} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no backup.
    #[error("the backup {}: {why}", path.display())]
    Backup {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: BadBackup,
    },
    /// There is a replica already. It is as it was.
    #[error("{} holds a replica already: give an empty directory", .0.display())]
    Taken(PathBuf),
    /// The server is none of those who are to begin.
    #[error("{0} is none of the members: name it among them")]
    NoFounder(Member),
    /// The directory was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It was not written. Empty it before trying again.
    #[error(transparent)]
    Journal(#[from] JournalError<StoreError>),
    /// The server cannot go on alone. Nothing was changed.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// It was not closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The entry that a restored state stands for.
const BEGINNING: Boundary = Boundary { index: 1, term: 1 };

/// Makes the directory of one member of a new cluster, which begins with what a backup holds. It is done for each of its
/// founders, with the same backup and the same founders, before any of them is started.
///
/// # Errors
/// See [`OfflineError`].
pub async fn restore(
    backup: &Path,
    dir: &Path,
    identity: &Identity,
    founders: &[Member],
) -> Result<Stats, OfflineError> {
    if !founders.contains(&identity.member) {
        return Err(OfflineError::NoFounder(identity.member));
    }
    let bytes = std::fs::read(backup).map_err(|source| OfflineError::Unreadable { path: backup.to_owned(), source })?;
    let decoded = Backup::decode(&bytes);
    let Backup { kv, .. } = decoded.map_err(|why| OfflineError::Backup { path: backup.to_owned(), why })?;
    let stats = kv.stats();
    let (mut journal, image) = purlin_raft::open::<Kv>(dir, identity, &store_options())?;
    if !image.is_blank() {
        return Err(OfflineError::Taken(dir.to_owned()));
    }
    journal.append(first_records(kv, founders)).await?;
    journal.close()?;
    Ok(stats)
}

fn first_records(kv: Kv, founders: &[Member]) -> Vec<Record<Kv>> {
    let membership = Arc::new(Membership::of_voters(founders.iter().copied()));
    let applied = Applied { state: kv.without_places(), sessions: Sessions::default() };
    let membership_index = BEGINNING.index;
    let snapshot = Snapshot { at: BEGINNING, membership_index, membership: Arc::clone(&membership), applied };
    vec![
        Record::Began { founders: membership },
        Record::Term { term: BEGINNING.term, vote: None },
        Record::Install { snapshot: Arc::new(snapshot) },
    ]
}

/// Makes the server of a directory the only member of its cluster, where the majority is lost for good. It gives the entry that
/// says so. The others must never be started again.
///
/// # Errors
/// See [`OfflineError`].
pub fn recover(dir: &Path, identity: &Identity) -> Result<Boundary, OfflineError> {
    Ok(purlin_raft::force_new_cluster::<Kv>(dir, identity, &store_options())?)
}
