//! Actions and steps in words.

use super::{ANSWERS_ARE_ASKED_FOR, Action, Cluster, ClusterModel, Fate, Ghost, Kind, Node, Seen};
use crate::panics::catch;
use crate::words::from_now;
use crate::world::{Broken, NO_STEP_PANICS};
use core::fmt::Write;
use purlin::protocol::Protocol;
use std::sync::Arc;

impl<P: Protocol, G: Ghost<P>> ClusterModel<P, G> {
    /// An action in words.
    pub(super) fn describe_action(&self, action: &Action<P>) -> String {
        let mut text = self.describe_kind(&action.kind);
        match action.fate {
            Fate::Whole => {}
            Fate::Crash { after, survive } => {
                let _ = write!(text, ", and dies after {after} visible effects, {survive} records survive");
            }
            Fate::Refused => text.push_str(", and its journal refuses"),
        }
        if !action.throws.is_empty() {
            let _ = write!(text, " throwing {:?}", action.throws.as_slice());
        }
        from_now(&text)
    }

    fn describe_kind(&self, kind: &Kind<P>) -> String {
        match kind {
            Kind::Request { node, request } => format!("ask {}: {request:?}", self.called(*node)),
            Kind::Deliver { packet, twice } => {
                let twice = if *twice { ", and once more later" } else { "" };
                format!(
                    "deliver {} to {}: {:?}{twice}",
                    self.called(packet.from),
                    self.called(packet.to),
                    packet.message
                )
            }
            Kind::Lose { packet } => {
                format!("lose {} to {}: {:?}", self.called(packet.from), self.called(packet.to), packet.message)
            }
            Kind::Own { node } => format!("{} takes its own message", self.called(*node)),
            Kind::Loaded { node, index } => format!("{} is told what it loaded ({index})", self.called(*node)),
            Kind::Fire { node, timer } => format!("{timer:?} fires on {}", self.called(*node)),
            Kind::Advance { node: None } => format!("advance by {:?}", self.scope.tick),
            Kind::Advance { node: Some(node) } => format!("advance {} by {:?}", self.called(*node), self.scope.tick),
            Kind::Stall { node } => format!("the disk of {} gets slow", self.called(*node)),
            Kind::Sync { node, records } => format!("{} has synced {records} records", self.called(*node)),
            Kind::Crash { node, survive } => format!("{} dies, {survive} records survive", self.called(*node)),
            Kind::Restart { node, set_off: 0 } => format!("{} comes up again", self.called(*node)),
            Kind::Restart { node, set_off } => {
                format!("{} comes up again, its clock set by {set_off:+} ticks", self.called(*node))
            }
        }
    }

    /// How a node is called.
    fn called(&self, node: usize) -> String {
        let address = self.scope.nodes.get(node).and_then(|node| node.address.as_ref());
        address.map_or_else(|| format!("node {node}"), |address| format!("{address:?}"))
    }

    /// A step in words: what was seen of it, and where that led.
    pub(super) fn describe_step(&self, state: &Cluster<P, G>, action: &Action<P>) -> String {
        let mut next = state.clone();
        let watching = self.telling();
        match catch(|| watching.take(state, &mut next, action)) {
            Ok(seen) => from_now(&self.describe_success(state, &next, &seen)),
            Err(message) => format!("PANIC: {message}"),
        }
    }

    fn describe_success(&self, before: &Cluster<P, G>, after: &Cluster<P, G>, seen: &[Seen<P>]) -> String {
        let mut text = String::new();
        for seen in seen {
            let _ = write!(text, "{seen:?}; ");
        }
        for (index, node) in after.nodes.iter().enumerate() {
            if !Arc::ptr_eq(node, &before.nodes[index]) {
                let _ = write!(text, "{} now {}; ", self.called(index), describe_node(node));
            }
        }
        if !after.network.is_empty() {
            let under_way: Vec<_> = after.network.iter().map(|packet| &packet.message).collect();
            let _ = write!(text, "under way {under_way:?}; ");
        }
        if let Some(broken) = after.broken {
            let _ = write!(text, "BROKEN: {}", self.broken_name(broken));
        }
        text.trim_end_matches("; ").to_owned()
    }

    fn broken_name(&self, broken: Broken) -> &'static str {
        match broken {
            Broken::Panic => NO_STEP_PANICS,
            Broken::Claim(0) => ANSWERS_ARE_ASKED_FOR,
            Broken::Claim(index) => self.claims.every_step[usize::from(index) - Self::LAWS.len()].name,
        }
    }
}

fn describe_node<P: Protocol>(node: &Node<P>) -> String {
    let Some(machine) = &node.machine else { return format!("down, on disk {:?}", node.disk) };
    let mut text = format!("{machine:?}");
    if !node.tail.is_empty() {
        let _ = write!(text, ", not durable {:?}", node.tail.as_slice());
    }
    if !node.timers.is_empty() {
        let _ = write!(text, ", timers {:?}", node.timers.as_slice());
    }
    text
}
