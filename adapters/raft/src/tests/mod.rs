//! The store beside the fold of its records, on disks that fail as they are told.
//!
//! Another seed: `PURLIN_SEED=7 cargo test -p purlin-raft`.

#[allow(dead_code, unreachable_pub, unused_imports, missing_docs)]
#[path = "../../../../sim/src/blocks/mod.rs"]
mod blocks;
mod crashes;
mod drawers;
mod ledger;
mod refusals;
mod stand;
mod stories;
