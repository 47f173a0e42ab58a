//! Purlin's rooms beside the crates that a user would pick instead, measured in one run.
//!
//! ```text
//!   cases ──▶ calibrate ──▶ rounds, each over all cases ──▶ medians ──▶ table
//!                            ├─ one thread: a sample of some milliseconds
//!                            └─ two threads: short batches, kept only where both really ran at once
//! ```
//! Machines are shared and noisy, so nothing here is compared across runs: every round measures every case, and the
//! table gives each median beside that of a bare atomic addition.

pub mod breaker;
mod case;
mod contention;
mod measure;
mod options;
mod table;
mod traffic;

pub use case::{Case, Lane};
pub use measure::measure;
pub use options::{InvalidOption, Options};
pub use table::print;
