//! What the replicas agree on: keys with their values, leases, and the latest changes.
//!
//! ```text
//!   Command ──▶ apply ─┬─▶ items    key ─▶ value, since when, under which lease      ─▶ hash, bytes
//!                      ├─▶ leases   id ─▶ how long, how often renewed, which keys
//!                      └─▶ history  revision ─▶ what changed ─▶ Event                (watches go on from any of them)
//! ```
//!
//! The revision rises by one with every command that changes a key. Everything is in persistent trees, so a clone, which is
//! a snapshot, costs nothing, and a change after it copies one path.
//!
//! No clock is read here. How long a lease lasts is measured by the server of the leader, which proposes
//! [`Command::Expire`] with the number of renewals that it has seen: a lease that was renewed since stays.

mod alphabet;
mod apply;
mod digest;
mod history;
mod items;
mod leases;
mod read;
mod space;

pub use alphabet::{
    Change, Command, Condition, Event, Item, Lease, LeaseId, Located, Outcome, Place, Query, Revision, Span, Stats,
    Text, View,
};
pub use history::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX};
pub use items::ITEM_OVERHEAD;

use history::History;
use items::Items;
use leases::Leases;
use purlin::raft::Application;
use serde::{Deserialize, Serialize};
use space::Space;
use std::collections::BTreeMap;

/// The replicated state.
///
/// ```
/// use purlin::raft::Application;
/// use purlin_kv::{Command, Condition, Kv, Outcome, Query, View};
///
/// let mut kv = Kv::default();
/// let outcome = kv.apply(1, &Command::put("door", "shut"), &mut |_| {});
/// assert_eq!(outcome, Outcome::Put { revision: 1, previous: None });
///
/// let open = Command::compare_and_swap("door", Condition::Value("shut".into()), "open");
/// kv.apply(2, &open, &mut |_| {});
/// assert!(matches!(kv.apply(3, &open, &mut |_| {}), Outcome::ConditionFailed { revision: 2, .. }));
///
/// let View::Item { item: Some(item), .. } = kv.read(&Query::get("door")) else { panic!("it is there") };
/// assert_eq!((&*item.value, item.created, item.modified), ("open", 1, 2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kv {
    revision: Revision,
    items: Items,
    leases: Leases,
    history: History,
    space: Space,
    /// Where members stand, by their ids.
    places: BTreeMap<u32, Located>,
}

purlin::nameless!(Kv);

impl Kv {
    /// The version of commands and states as they are written. It rises with every change of their meaning or shape.
    pub const FORMAT: u32 = 1;

    /// The same, as the beginning of another cluster: nobody stands anywhere.
    #[must_use]
    pub fn without_places(self) -> Self {
        Self { places: BTreeMap::new(), ..self }
    }
}

impl Application for Kv {
    type Command = Command;
    type Outcome = Outcome;
    type Query = Query;
    type View = View;
    type Event = Event;

    fn apply(&mut self, _index: u64, command: &Command, announce: &mut dyn FnMut(Event)) -> Outcome {
        self.applied(command, announce)
    }

    fn read(&self, query: &Query) -> View {
        self.view(query)
    }

    fn size(command: &Command) -> usize {
        command.size()
    }
}
