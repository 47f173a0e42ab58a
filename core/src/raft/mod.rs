//! Consensus: replicas that agree on one log, and so on everything that is computed from it.
//!
//! ```text
//!                    nobody heard of              a quorum would vote            a quorum voted
//!   ┌──────────┐  for a timeout   ┌───────────────┐             ┌───────────┐              ┌────────┐
//!   │ follower │ ───────────────▶ │ pre-candidate │ ──────────▶ │ candidate │ ───────────▶ │ leader │
//!   └──────────┘                  └───────────────┘             └───────────┘              └────────┘
//!        ▲  ▲                       │ refused, or                 │ refused, or              │ a later term,
//!        │  └───────────────────────┘ a leader is heard           │ a leader is heard        │ no quorum heard,
//!        └─────────────────────────────────────────────────◀──────┴──────────────────────────┘ or no vote left
//! ```
//!
//! [`Raft`] is a [protocol](crate::protocol): it keeps no time, does no IO, and asks its host for both. What it replicates is
//! an [`Application`].
//!
//! Source: D. Ongaro, J. Ousterhout, [*In search of an understandable consensus algorithm*](https://raft.github.io/raft.pdf)
//! (the paper), and D. Ongaro, [*Consensus: bridging theory and practice*](https://github.com/ongardie/dissertation) (the
//! dissertation). Requirements, specification and the bugs of others that this must not have: `specs/raft`.

mod alphabet;
mod application;
mod change;
mod commit;
mod config;
mod election;
mod entry;
mod image;
pub mod invariants;
mod log;
mod machine;
mod member;
mod membership;
mod observe;
mod progress;
mod quorum;
mod reads;
mod replication;
mod role;
mod sessions;
mod snapshot;
mod status;
mod transfer;

pub use alphabet::{
    Answer, Body, Consistency, Event, Load, Loaded, Message, ReadId, Record, Refusal, Request, SteppedDown, Timer,
};
pub use application::Application;
pub use config::{Config, InvalidSettings, Lease, Settings};
pub use entry::{ENTRY_OVERHEAD, Entry, Payload, Stamped, size};
pub use image::{Applied, Image, Snapshot};
pub use log::{Log, Slice};
pub use machine::Raft;
pub use member::{Member, NoMember};
pub use membership::{Change, ChangeError, Membership, Transition};
pub use quorum::{Quorum, Slots, Tally};
pub use sessions::{SessionError, Sessions, Stamp};
pub use snapshot::DamagedSnapshot;
pub use status::{FollowerStatus, RoleName, Status};
