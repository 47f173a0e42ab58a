//! What a service needs to run a [Raft](purlin::raft) replica: a journal on real files, recovery when a majority is lost, and
//! the words that replicas exchange.
//!
//! ```text
//!   Driver ── append, load ──▶ RaftJournal ──▶ a thread of its own ──▶ log/        entries, term, vote, commit: one stream,
//!                                                   │                              one fdatasync for all that came together
//!                                                   └── in the background ──▶ snapshots/  one file each, under a name once whole
//!                                                                             replica.json  whose directory it is, and its lives
//! ```
//!
//! ```no_run
//! use purlin::raft::{Member, Settings};
//! use purlin_raft::{Identity, Options};
//! # use purlin::raft::Application;
//! # use purlin_tokio::Setup;
//! # async fn run<S: Application>() -> Result<(), Box<dyn std::error::Error>> {
//! let me = Member::new(1);
//! let identity = Identity { cluster: "orders".into(), member: me };
//! let (journal, image) = purlin_raft::open::<S>("data/1", &identity, &Options::default())?;
//! let config = Settings::founding(me, [1, 2, 3].map(Member::new)).validate()?;
//! let (driver, handle) = Setup::new(config, journal, image).build();
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//! 1. What an append has confirmed is there after a crash, or the directory is [refused](OpenError) with the place of the
//!    damage and how to mend it; nothing in it is changed then.
//! 2. Of what was not confirmed a prefix of the records survives. A commit index may be older than it was: it is written at
//!    most once with each sync.
//! 3. A snapshot that the replica took itself is written while appends go on. Until it is durable nothing is dropped, so a crash
//!    loses nothing but the work.
//! 4. A leader's snapshot is durable, and the log begins behind it, before anything that comes later.
//! 5. After an error of the disk nothing more is written, and nothing is tried again: the driver ends, and the process should.

#![cfg(unix)]

mod cabinet;
mod error;
mod folder;
mod identity;
mod journal;
mod open;
mod postcards;
mod recovery;
mod sheet;
mod store;
#[cfg(test)]
mod tests;
pub mod wire;

pub use cabinet::{Cabinet, Sheet};
pub use error::{Damage, Loss, OpenError, RecoveryError, SheetError, StoreError};
pub use folder::{Folder, SnapshotFile};
pub use identity::Identity;
pub use journal::RaftJournal;
pub use open::{Options, open, open_on};
pub use recovery::{backup, force_new_cluster, restore};
