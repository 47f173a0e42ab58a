//! What can go wrong, and for how long; and how each fault comes about in either tier.
//!
//! In the swarm every fault is the discrete-event loop's own affair: it decides what becomes of a message, when a process
//! takes what comes in, what its clock shows and what its disk does. In the full stack turmoil has the network and the
//! time; what it cannot do stands in front of it.
//!
//! | fault | in the full stack |
//! |---|---|
//! | `lose`, `duplicate`, `reorder`, `delay` | a transport before the production one does it to whole messages, before they become bytes: TCP repairs lost segments, and turmoil's own loss breaks the whole link for good |
//! | `partition` both ways, `bridge`, `ring`, `flap`, `cut` | turmoil's `hold` and `release`, as of a cut that TCP outlasts; its `partition` would leave connections dead after the repair |
//! | `partition` one way | messages are lost before they become bytes: turmoil's one-way cut lets handshakes through, and holds the acknowledgements of the other direction |
//! | `bandwidth` | the transport before the production one delays each message by what is before it and by itself, and loses what does not fit into the queue: turmoil has neither |
//! | `kill`, `crash` | a life ends, and all its connections are reset in the order in which they were accepted; turmoil's own crash drops tasks in an order that depends on a counter of the process |
//! | `power_loss`, `torn_write`, `destroy` | turmoil's `partition` first, so that nobody is told, then the end of the life; whoever connects meanwhile is left hanging, where turmoil would refuse at once |
//! | `restart`, `upgrade` | the production driver is told to shut down, and has its usual grace; the next life begins with the other version's configuration |
//! | `usurp` | the journal refuses the driver's next write |
//! | `pause` | none of the process's tasks is polled; turmoil cannot stop a host |
//! | `slow_node` | each task of the process rests so long after each poll |
//! | `slow_disk`, `fsync_error`, `full_disk`, `read_error`, `bit_rot`, `misdirected_write` | the simulated disk of the swarm, behind the production driver: turmoil's file system has one configuration for all hosts, fixed at the beginning, and no failing syncs |
//! | `clock_jump`, `clock_back`, `clock_freeze`, `clock_drift` | the driver's surroundings read the node's own clock; tokio's timers go on in true time, as they do in production |
//! | `loaded_die` | the driver's surroundings throw it |
//! | `spike`, `herd`, `impatience` | the clients' own affair |
//! | `errors`, `slow`, `hang`, `rate_limit` | the called service does it |
//! | `abort` | the called service's connection is reset in the middle of the call |
//!
//! The swarm has no segments of TCP, no handshakes and no connections; there `crash` and `abort` are answers that say so.

mod check;
mod target;

pub(crate) use check::check_kind;
pub use target::{Link, Nodes, Ratio, Span};

use core::time::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, in milliseconds from the start of the run.
    pub start_ms: u64,
    /// How long it lasts, in milliseconds, at least 1; it ends within the safety phase.
    pub duration_ms: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// When it ends, in milliseconds from the start of the run.
    pub fn end_ms(&self) -> u64 {
        self.start_ms.saturating_add(self.duration_ms)
    }

    /// When it begins, from the start of the run.
    pub fn start(&self) -> Duration {
        Duration::from_millis(self.start_ms)
    }

    /// When it ends, from the start of the run.
    pub fn end(&self) -> Duration {
        Duration::from_millis(self.end_ms())
    }
}

/// How a delay is spread over its span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Every delay is as likely as any other.
    #[default]
    Even,
    /// Most delays are near the shortest, and few near the longest: each half of what is left is half as likely.
    Halving,
}

impl Law {
    /// Whether it is the usual one.
    fn is_even(&self) -> bool {
        *self == Self::Even
    }
}

/// What a kind of fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A service that is called.
    Dependency,
    /// How much is asked.
    Load,
    /// Messages between nodes.
    Network,
    /// Processes.
    Process,
    /// The software that they run.
    Deployment,
    /// What they store.
    Disk,
    /// What time they have.
    Clock,
    /// What they draw at random.
    Entropy,
}

/// The kinds of faults. Each scenario knows some of them: those of a called service, or those of a protocol's nodes.
///
/// How each of them comes about in either tier is told in [the module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The server answers a share of the calls with an error.
    Errors {
        /// The share.
        share: Ratio,
    },
    /// The server takes so much longer over each call.
    Slow {
        /// How much longer.
        extra: Span,
    },
    /// The server never answers a share of the calls.
    Hang {
        /// The share.
        share: Ratio,
    },
    /// The server breaks a share of the calls off in the middle: their connections are reset.
    Abort {
        /// The share.
        share: Ratio,
    },
    /// The server refuses what goes beyond so many calls a second, with an error.
    RateLimit {
        /// How many calls it takes in each second, counted from the start of the run.
        per_second: u32,
    },
    /// The server's process dies: calls in it are cut off, new ones are refused. It is restarted when the fault ends.
    Crash,
    /// Nothing passes between caller and server until the fault ends; then all of it arrives, as TCP sees to.
    Cut,
    /// Clients give up sooner, which cancels their calls.
    Impatience {
        /// After so many milliseconds.
        patience_ms: u64,
    },
    /// Clients rest only a fraction of their usual time between calls.
    Spike {
        /// What the rest is divided by, at least 2.
        factor: u32,
    },
    /// All clients that rest stop resting at the moment when the fault begins, and call at once.
    Herd,
    /// Each message takes so much longer.
    Delay {
        /// How much longer.
        extra: Span,
        /// How the delay is spread over its span; evenly unless given.
        #[serde(default, skip_serializing_if = "Law::is_even")]
        law: Law,
        /// Between nodes: over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// A share of the messages is lost, and nobody is told. Under TCP one lost segment is repaired, so in the full stack
    /// the loss is that of a whole request or message.
    Lose {
        /// The share.
        share: Ratio,
        /// Between nodes: over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// A share of the messages between nodes arrives twice.
    Duplicate {
        /// The share.
        share: Ratio,
        /// Over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// A share of the messages between nodes is overtaken by those behind it.
    Reorder {
        /// The share.
        share: Ratio,
        /// How much longer they take than the rest.
        extra: Span,
        /// Over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// Nothing passes from the nodes of one group to those of another. What is sent meanwhile arrives when the fault ends,
    /// or is lost. Nodes in neither group reach everybody.
    Partition {
        /// The two groups.
        groups: [Nodes; 2],
        /// Whether the second group still reaches the first.
        one_way: bool,
    },
    /// Only one node reaches all others: those with smaller numbers do not reach those with greater ones.
    Bridge {
        /// The bridge.
        node: u32,
    },
    /// Each node reaches only the next one and the one before, in a ring.
    Ring,
    /// A partition between two groups comes and goes.
    Flap {
        /// The two groups.
        groups: [Nodes; 2],
        /// For how long nothing passes each time, in milliseconds.
        cut_ms: u64,
        /// For how long everything passes in between, in milliseconds.
        free_ms: u64,
    },
    /// A link passes only so many bytes a second. What waits fills a queue; what does not fit into it is lost.
    Bandwidth {
        /// How many bytes it passes in a second.
        bytes_per_second: u64,
        /// How many bytes may wait.
        queue_bytes: u64,
        /// Over which link; over all of them unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Link>,
    },
    /// A node's process dies, and the system beneath it closes its connections. What it had handed to that system survives.
    /// It is restarted when the fault ends.
    Kill {
        /// The node.
        node: u32,
    },
    /// A node loses its power, in silence. Of what was not synced any prefix may survive. It is restarted when the fault
    /// ends.
    PowerLoss {
        /// The node.
        node: u32,
    },
    /// A node is shut down in good order, with everything synced, and started again when the fault ends.
    Restart {
        /// The node.
        node: u32,
    },
    /// Another process takes over the node's journal, which refuses whatever the present process writes next: that process
    /// ends. It is restarted when the fault ends.
    Usurp {
        /// The node.
        node: u32,
    },
    /// A node's process stands still. It goes on when the fault ends, with everything that has come in meanwhile.
    Pause {
        /// The node.
        node: u32,
    },
    /// A node takes so long over each thing that comes in, one after the other.
    SlowNode {
        /// The node.
        node: u32,
        /// How long.
        extra: Span,
    },
    /// A node is gone for good, with its disk. The plan's budget says how many may go.
    Destroy {
        /// The node.
        node: u32,
    },
    /// A node is shut down in good order and started again as another version when the fault ends. It keeps that version.
    Upgrade {
        /// The node.
        node: u32,
        /// The version, below the scenario's number of versions. All nodes begin with version 0.
        version: u32,
    },
    /// Each sync of a node's disk takes so much longer.
    SlowDisk {
        /// The node.
        node: u32,
        /// How much longer.
        extra: Span,
    },
    /// A node loses its power while it writes: of what was not synced any sectors may survive, and any may not. It is
    /// restarted when the fault ends.
    TornWrite {
        /// The node.
        node: u32,
    },
    /// Bits of what was synced on a node's disk have flipped. Its process ends, and finds them when it reads its journal;
    /// whoever runs it restores the file when the fault ends.
    BitRot {
        /// The node.
        node: u32,
        /// How many bits.
        bits: u32,
    },
    /// The next write of a node lands in another place than it was meant for. A process that reads its journal before the
    /// fault ends finds that; when it ends, whoever runs the node stops it and restores the file.
    MisdirectedWrite {
        /// The node.
        node: u32,
    },
    /// Syncs of a node's disk fail, after which nothing is known of what was to be synced: its process ends. It is
    /// restarted when the fault ends.
    FsyncError {
        /// The node.
        node: u32,
    },
    /// A node's disk takes nothing more: its process ends at the next write. It is restarted when the fault ends.
    FullDisk {
        /// The node.
        node: u32,
    },
    /// A node's disk cannot be read: its process dies, and another does not start. It is started when the fault ends.
    ReadError {
        /// The node.
        node: u32,
    },
    /// A node's clock jumps forward when the fault begins, and stays ahead.
    ClockJump {
        /// The node.
        node: u32,
        /// How far, in milliseconds.
        forward_ms: u64,
    },
    /// A node's clock jumps back when the fault begins, and is right again when the fault ends. Its process sees it stand
    /// still until it has caught up; a process that begins meanwhile sees the earlier time.
    ClockBack {
        /// The node.
        node: u32,
        /// How far, in milliseconds.
        back_ms: u64,
    },
    /// A node's clock stands still, and is right again when the fault ends.
    ClockFreeze {
        /// The node.
        node: u32,
    },
    /// A node's clock gains or loses while the fault lasts, and keeps what it has gained or lost.
    ClockDrift {
        /// The node.
        node: u32,
        /// How much it gains, in microseconds a second; it loses them if negative. It comes in place of the drift that
        /// the clock has anyway.
        drift_ppm: i32,
    },
    /// Whatever a node draws at random comes out the same, so that what should be unique collides.
    LoadedDie {
        /// The node.
        node: u32,
        /// The face that always comes up, or the greatest there is.
        face: u32,
    },
}

impl FaultKind {
    /// Its name as it stands in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errors { .. } => "errors",
            Self::Slow { .. } => "slow",
            Self::Hang { .. } => "hang",
            Self::Abort { .. } => "abort",
            Self::RateLimit { .. } => "rate_limit",
            Self::Crash => "crash",
            Self::Cut => "cut",
            Self::Impatience { .. } => "impatience",
            Self::Spike { .. } => "spike",
            Self::Herd => "herd",
            Self::Delay { .. } => "delay",
            Self::Lose { .. } => "lose",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder { .. } => "reorder",
            Self::Partition { .. } => "partition",
            Self::Bridge { .. } => "bridge",
            Self::Ring => "ring",
            Self::Flap { .. } => "flap",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Kill { .. } => "kill",
            Self::PowerLoss { .. } => "power_loss",
            Self::Restart { .. } => "restart",
            Self::Usurp { .. } => "usurp",
            Self::Pause { .. } => "pause",
            Self::SlowNode { .. } => "slow_node",
            Self::Destroy { .. } => "destroy",
            Self::Upgrade { .. } => "upgrade",
            Self::SlowDisk { .. } => "slow_disk",
            Self::TornWrite { .. } => "torn_write",
            Self::BitRot { .. } => "bit_rot",
            Self::MisdirectedWrite { .. } => "misdirected_write",
            Self::FsyncError { .. } => "fsync_error",
            Self::FullDisk { .. } => "full_disk",
            Self::ReadError { .. } => "read_error",
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockBack { .. } => "clock_back",
            Self::ClockFreeze { .. } => "clock_freeze",
            Self::ClockDrift { .. } => "clock_drift",
            Self::LoadedDie { .. } => "loaded_die",
        }
    }

    /// What it strikes.
    pub const fn class(&self) -> Class {
        match self {
            Self::Errors { .. }
            | Self::Slow { .. }
            | Self::Hang { .. }
            | Self::Abort { .. }
            | Self::RateLimit { .. }
            | Self::Crash
            | Self::Cut => Class::Dependency,
            Self::Impatience { .. } | Self::Spike { .. } | Self::Herd => Class::Load,
            Self::Delay { .. }
            | Self::Lose { .. }
            | Self::Duplicate { .. }
            | Self::Reorder { .. }
            | Self::Partition { .. }
            | Self::Bridge { .. }
            | Self::Ring
            | Self::Flap { .. }
            | Self::Bandwidth { .. } => Class::Network,
            Self::Kill { .. }
            | Self::PowerLoss { .. }
            | Self::Restart { .. }
            | Self::Usurp { .. }
            | Self::Pause { .. }
            | Self::SlowNode { .. }
            | Self::Destroy { .. } => Class::Process,
            Self::Upgrade { .. } => Class::Deployment,
            Self::SlowDisk { .. }
            | Self::TornWrite { .. }
            | Self::BitRot { .. }
            | Self::MisdirectedWrite { .. }
            | Self::FsyncError { .. }
            | Self::FullDisk { .. }
            | Self::ReadError { .. } => Class::Disk,
            Self::ClockJump { .. } | Self::ClockBack { .. } | Self::ClockFreeze { .. } | Self::ClockDrift { .. } => {
                Class::Clock
            }
            Self::LoadedDie { .. } => Class::Entropy,
        }
    }

    /// The node that it strikes, if it is one.
    pub const fn node(&self) -> Option<u32> {
        match *self {
            Self::Bridge { node }
            | Self::Kill { node }
            | Self::PowerLoss { node }
            | Self::Restart { node }
            | Self::Usurp { node }
            | Self::Pause { node }
            | Self::SlowNode { node, .. }
            | Self::Destroy { node }
            | Self::Upgrade { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::TornWrite { node }
            | Self::BitRot { node, .. }
            | Self::MisdirectedWrite { node }
            | Self::FsyncError { node }
            | Self::FullDisk { node }
            | Self::ReadError { node }
            | Self::ClockJump { node, .. }
            | Self::ClockBack { node, .. }
            | Self::ClockFreeze { node }
            | Self::ClockDrift { node, .. }
            | Self::LoadedDie { node, .. } => Some(node),
            _ => None,
        }
    }

    /// The link over which it strikes, if it is one.
    pub const fn link(&self) -> Option<Link> {
        match *self {
            Self::Delay { link, .. } | Self::Lose { link, .. } | Self::Duplicate { link, .. } => link,
            Self::Reorder { link, .. } | Self::Bandwidth { link, .. } => link,
            _ => None,
        }
    }

    /// The groups between which it lies, if there are any.
    pub const fn groups(&self) -> Option<[Nodes; 2]> {
        match *self {
            Self::Partition { groups, .. } | Self::Flap { groups, .. } => Some(groups),
            _ => None,
        }
    }

    /// The same, to be put elsewhere.
    pub(crate) fn node_mut(&mut self) -> Option<&mut u32> {
        match self {
            Self::Bridge { node }
            | Self::Kill { node }
            | Self::PowerLoss { node }
            | Self::Restart { node }
            | Self::Usurp { node }
            | Self::Pause { node }
            | Self::SlowNode { node, .. }
            | Self::Destroy { node }
            | Self::Upgrade { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::TornWrite { node }
            | Self::BitRot { node, .. }
            | Self::MisdirectedWrite { node }
            | Self::FsyncError { node }
            | Self::FullDisk { node }
            | Self::ReadError { node }
            | Self::ClockJump { node, .. }
            | Self::ClockBack { node, .. }
            | Self::ClockFreeze { node }
            | Self::ClockDrift { node, .. }
            | Self::LoadedDie { node, .. } => Some(node),
            _ => None,
        }
    }

    /// The link, to be put elsewhere.
    pub(crate) fn link_mut(&mut self) -> Option<&mut Link> {
        match self {
            Self::Delay { link, .. } | Self::Lose { link, .. } | Self::Duplicate { link, .. } => link.as_mut(),
            Self::Reorder { link, .. } | Self::Bandwidth { link, .. } => link.as_mut(),
            _ => None,
        }
    }

    /// The groups, to be put elsewhere.
    pub(crate) fn groups_mut(&mut self) -> Option<&mut [Nodes; 2]> {
        match self {
            Self::Partition { groups, .. } | Self::Flap { groups, .. } => Some(groups),
            _ => None,
        }
    }

    /// Whether the node that it strikes is down or stands still as long as it lasts.
    pub const fn keeps_down(&self) -> bool {
        match self.class() {
            Class::Process => !matches!(self, Self::SlowNode { .. }),
            Class::Disk => !matches!(self, Self::SlowDisk { .. }),
            Class::Deployment => true,
            _ => false,
        }
    }
}
