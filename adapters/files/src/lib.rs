//! Real files behind [`purlin::log::Log`].
//!
//! ```no_run
//! use purlin::log::{Entry, HardState, Log, Settings};
//! use purlin_files::Files;
//!
//! let mut log = Log::open(Settings::new(0x17).validate()?, Files::open("node-1/log")?)?;
//! log.append(&[Entry { index: log.last_index() + 1, term: 1, payload: b"hello" }])?;
//! log.set_hard_state(HardState { term: 1, vote: 1, commit: 0 })?;
//! log.sync()?; // one write, one fdatasync
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A segment is a file of its own, written with zeros and synced before it gets its name, so that a write changes neither a
//! file's length nor its extents: `fdatasync` then writes data only. The calls block: run the log on a thread of its own.

#![cfg(unix)]

mod files;

pub use files::{Files, OpenFilesError};
