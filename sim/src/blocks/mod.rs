//! Disks that fail as they are told: [`Blocks`](purlin::log::Blocks) for [`purlin::log::Log`], in memory or over real files.
//!
//! ```text
//!   write ──▶ pending ── sync ──▶ durable          crash: some of what is pending survives, as `Survival` says
//!                 └───── a sync that fails leaves it pending, until it is written once more
//! ```
//!
//! A fault strikes once ([`FaultyDisk::arm`]), or as often as its [`Chance`] says for as long as it is switched on
//! ([`FaultyDisk::switch_on`]). What is left to chance is drawn from the seed of the disk, so a copy of a disk goes on as the
//! disk itself does:
//!
//! ```
//! use purlin::log::{Entry, Log, MutationError, Settings};
//! use purlin_sim::blocks::{Chance, DiskFault, FaultyDisk, Memory, Survival};
//!
//! let config = Settings::new(7).validate()?;
//! let mut log = Log::open(config.clone(), FaultyDisk::seeded(Memory::default(), 42))?;
//! log.append(&[Entry { index: 1, term: 1, payload: b"any bytes" }])?;
//! log.sync()?;
//!
//! log.blocks_mut().switch_on(DiskFault::SyncError, Chance::ALWAYS);
//! log.append(&[Entry { index: 2, term: 1, payload: b"doubtful" }])?;
//! assert!(matches!(log.sync(), Err(MutationError::Io(_)))); // the process is to end
//!
//! let mut disk = log.abandon();
//! disk.switch_off(&DiskFault::SyncError);
//! disk.crash(Survival::Lost)?; // the power goes, too
//! assert_eq!(Log::open(config, disk)?.last_index(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod fault;
mod handle;
mod memory;
mod pending;

pub use disk::{DiskCounts, FaultyDisk};
pub use fault::{Chance, DiskFault, Rest, Survival};
pub use handle::DiskHandle;
pub use memory::Memory;
