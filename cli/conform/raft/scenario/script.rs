//! A scenario as it is written.

use super::super::membership::{Configuration, WrittenChange, WrittenTransition};
use super::pattern::Filter;
use crate::conform::compare::Mismatch;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) config: Configuration,
    pub(super) nodes: Vec<Beginning>,
    #[serde(default)]
    pub(super) puppets: Vec<u64>,
    #[serde(default)]
    pub(super) options: Map<String, Value>,
    pub(super) steps: Vec<Map<String, Value>>,
}

/// A node, and how it begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beginning {
    pub(super) id: u64,
    pub(super) initial: Initial,
    #[serde(default)]
    pub(super) options: Map<String, Value>,
    pub(super) config: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Initial {
    pub(super) term: u64,
    pub(super) vote: u64,
    /// The terms of the entries.
    pub(super) log: Vec<u64>,
    pub(super) commit: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    pub(super) pre_vote: bool,
    pub(super) check_quorum: bool,
    pub(super) max_inflight: usize,
    pub(super) max_entry_bytes_per_message: Option<usize>,
    pub(super) read_mode: ReadMode,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pre_vote: false,
            check_quorum: false,
            max_inflight: 256,
            max_entry_bytes_per_message: None,
            read_mode: ReadMode::Quorum,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReadMode {
    Quorum,
    Lease,
}

/// One node or several, one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Ids {
    One(u64),
    Many(Vec<u64>),
}

impl Ids {
    pub(super) fn all(&self) -> &[u64] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.all().contains(&id)
    }
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    TimeoutElection {
        node: Ids,
    },
    TickHeartbeat {
        node: Ids,
    },
    Elapse {
        nodes: Ids,
    },
    Propose {
        node: u64,
        payload: String,
        #[serde(default = "one")]
        count: u64,
    },
    ProposeConfig {
        node: u64,
        transition: WrittenTransition,
        changes: Vec<WrittenChange>,
    },
    Transfer {
        from: u64,
        to: u64,
    },
    ReadIndex {
        node: u64,
        id: String,
    },
    #[serde(rename = "report_unreachable")]
    ReportUnreachable {
        #[serde(rename = "from")]
        _from: u64,
        #[serde(rename = "to")]
        _to: u64,
    },
    #[serde(rename = "report_snapshot")]
    ReportSnapshot {
        #[serde(rename = "from")]
        _from: u64,
        #[serde(rename = "to")]
        _to: u64,
        #[serde(rename = "ok")]
        _ok: bool,
    },
    Isolate {
        nodes: Ids,
    },
    Partition {
        groups: Vec<Vec<u64>>,
    },
    Cut {
        from: Ids,
        to: Ids,
    },
    Heal {},
    Drop {
        filter: Filter,
    },
    Lose {
        filter: Filter,
    },
    Unlose {},
    Hold {
        filter: Filter,
    },
    Release {},
    Deliver {
        filter: Filter,
        count: Option<usize>,
        #[serde(default)]
        order: Order,
    },
    Duplicate {
        filter: Filter,
        #[serde(default = "one")]
        count: u64,
    },
    Reorder {
        filter: Filter,
    },
    Stabilize {
        nodes: Option<Ids>,
    },
    Inject {
        message: Map<String, Value>,
    },
    Crash {
        node: Ids,
        #[serde(default)]
        keep_sent: bool,
    },
    Checkpoint {
        node: u64,
        name: String,
    },
    Restart {
        node: Ids,
        checkpoint: Option<String>,
        #[serde(default)]
        options: Map<String, Value>,
    },
    Compact {
        node: u64,
        index: u64,
    },
    PersistStall {
        node: Ids,
    },
    PersistRelease {
        node: Ids,
        count: Option<usize>,
    },
    Check {},
}

const fn one() -> u64 {
    1
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    #[default]
    FirstFirst,
    LastFirst,
}

impl Step {
    /// The steps in which the fields of a filter stand beside `do`.
    const FILTERED: [&str; 6] = ["drop", "lose", "hold", "deliver", "duplicate", "reorder"];

    pub(super) fn read(mut written: Map<String, Value>) -> Result<Self, Mismatch> {
        if written.get("do").and_then(Value::as_str).is_some_and(|name| Self::FILTERED.contains(&name)) {
            let filter = Filter::take_fields(&mut written);
            written.insert("filter".to_owned(), filter.into());
        }
        read(written)
    }
}

pub(super) fn read<T: DeserializeOwned>(written: Map<String, Value>) -> Result<T, Mismatch> {
    serde_json::from_value(written.into()).map_err(Mismatch::unreadable)
}
