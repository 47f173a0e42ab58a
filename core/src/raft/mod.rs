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
//! ```
//! use purlin::protocol::{Effect, Input, Protocol, Ticket};
//! use purlin::raft::{Answer, Application, Image, Member, Raft, Request, RoleName, Settings, Timer};
//! use purlin::{Clock, Epoch, Host, Instant, Machine, Names};
//! use serde::{Deserialize, Serialize};
//!
//! /// A sum, and what may be added to it.
//! #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
//! struct Sum(u64);
//! # #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
//! # struct Nothing;
//! purlin::nameless!(Sum, Nothing);
//!
//! impl Application for Sum {
//!     type Command = Sum;
//!     type Outcome = Sum;
//!     type Query = Nothing;
//!     type View = Sum;
//!     type Event = Nothing;
//!
//!     fn apply(&mut self, _index: u64, more: &Sum, _announce: &mut dyn FnMut(Nothing)) -> Sum {
//!         self.0 += more.0;
//!         self.clone()
//!     }
//!
//!     fn read(&self, _query: &Nothing) -> Sum {
//!         self.clone()
//!     }
//!
//!     fn size(_command: &Sum) -> usize {
//!         8
//!     }
//! }
//!
//! /// A host of one replica whose disk is at once durable: what it says to itself comes back, the rest is kept.
//! #[derive(Default)]
//! struct Desk(Vec<Effect<Raft<Sum>>>);
//! # impl Clock for Desk {
//! #     fn now(&self) -> Instant {
//! #         Instant::ORIGIN
//! #     }
//! # }
//! # impl Host<Effect<Raft<Sum>>> for Desk {
//! #     fn choose(&mut self, _bound: core::num::NonZeroU32) -> u32 {
//! #         0
//! #     }
//! #     fn emit(&mut self, effect: Effect<Raft<Sum>>) {
//! #         self.0.push(effect);
//! #     }
//! # }
//!
//! let me = Member::new(1);
//! let config = Settings::founding(me, [me]).validate()?;
//! let mut desk = Desk::default();
//! let mut raft = Raft::<Sum>::recover(&config, Image::default(), &mut desk);
//!
//! let mut answers = Vec::new();
//! let propose = Input::Request { ticket: Ticket(7), request: Request::Propose { stamp: None, command: Sum(40) } };
//! for input in [Input::Timer(Timer::Election), propose] {
//!     raft.step(&config, input, &mut desk);
//!     while !desk.0.is_empty() {
//!         match desk.0.remove(0) {
//!             Effect::Send { message, .. } => raft.step(&config, Input::Message { from: me, message }, &mut desk),
//!             Effect::Answer { answer, .. } => answers.push(answer),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(raft.role(), RoleName::Leader);
//! assert_eq!(answers, [Answer::Applied { index: 2, outcome: Sum(40) }]);
//! # Ok::<(), purlin::raft::InvalidSettings>(())
//! ```
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
mod recovery;
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
pub use recovery::{NotRecoverable, force_new_cluster, found_anew};
pub use sessions::{SessionError, Sessions, Stamp};
pub use snapshot::DamagedSnapshot;
pub use status::{FollowerStatus, RoleName, Status};
