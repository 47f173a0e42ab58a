//! The lanes of the picture: nodes and services first, then clients.

use crate::plan::{Class, FaultKind, Link};
use crate::scene::Entry;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Where things happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// Whether it is a client, or several of them.
    pub client: bool,
}

/// All lanes of a report, and which name belongs to which.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    lanes: Vec<Lane>,
    by_name: BTreeMap<String, usize>,
}

impl Lanes {
    /// The most clients with lanes of their own. The others share one.
    pub const CLIENTS_MAX: usize = 12;
    const OTHERS: &str = "other clients";

    /// The lanes of a story. Of too many clients those that were heard of last have lanes of their own.
    pub fn of(story: &[Entry]) -> Self {
        let (clients, nodes): (BTreeSet<_>, BTreeSet<_>) = names(story).partition(|name| is_client(name));
        let own = own_lanes(story, &clients);
        let mut lanes = Self::default();
        nodes.iter().for_each(|name| lanes.add(name, name));
        clients.iter().filter(|name| own.contains(*name)).for_each(|name| lanes.add(name, name));
        clients.iter().filter(|name| !own.contains(*name)).for_each(|name| lanes.add(name, Self::OTHERS));
        lanes
    }

    fn add(&mut self, Natural(name, _): &Natural<'_>, lane: impl AsRef<str>) {
        let lane = lane.as_ref();
        let place = self.lanes.iter().position(|known| known.name == lane).unwrap_or(self.lanes.len());
        if place == self.lanes.len() {
            self.lanes.push(Lane { name: lane.to_owned(), client: is_client(name) });
        }
        self.by_name.insert((*name).to_owned(), place);
    }

    /// All of them, from left to right.
    pub fn all(&self) -> &[Lane] {
        &self.lanes
    }

    /// The place of the lane with this name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The lanes that a fault strikes; all but the clients' if it strikes whoever there is.
    pub fn struck(&self, kind: &FaultKind) -> Vec<usize> {
        let named = |names: &[&str]| names.iter().filter_map(|name| self.place(name)).collect::<Vec<_>>();
        let nodes = |nodes: &[u32]| nodes.iter().filter_map(|node| self.place(&format!("node {node}"))).collect();
        match (kind.class(), kind.groups(), kind.node(), kind.link()) {
            (Class::Dependency, ..) => named(&["bank"]),
            (Class::Load, ..) => self.places(|lane| lane.client),
            (_, Some([first, second]), ..) => nodes(&first.iter().chain(second.iter()).collect::<Vec<_>>()),
            (_, _, Some(node), _) if *kind != (FaultKind::Bridge { node }) => nodes(&[node]),
            (_, _, _, Some(Link { from, to })) => nodes(&[from, to]),
            _ => self.places(|lane| !lane.client),
        }
    }

    fn places(&self, wanted: impl Fn(&Lane) -> bool) -> Vec<usize> {
        (0..self.lanes.len()).filter(|place| wanted(&self.lanes[*place])).collect()
    }
}

fn names(story: &[Entry]) -> impl Iterator<Item = Natural<'_>> {
    let scenes = story.iter().map(|entry| &entry.scene);
    scenes.flat_map(|scene| [&scene.lane, &scene.peer]).filter_map(Option::as_deref).map(Natural::of)
}

fn own_lanes<'a>(story: &'a [Entry], clients: &BTreeSet<Natural<'a>>) -> BTreeSet<Natural<'a>> {
    if clients.len() <= Lanes::CLIENTS_MAX {
        return clients.clone();
    }
    let mut own = BTreeSet::new();
    let active = story.iter().rev().filter_map(|entry| entry.scene.lane.as_deref());
    for name in active.filter(|name| is_client(name)) {
        if own.len() + 1 == Lanes::CLIENTS_MAX {
            break;
        }
        own.insert(Natural::of(name));
    }
    own
}

fn is_client(name: impl AsRef<str>) -> bool {
    name.as_ref().starts_with("client ")
}

/// A name and the number at its end, by which `node 10` comes after `node 9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Natural<'a>(&'a str, Option<u64>);

impl<'a> Natural<'a> {
    fn of(name: &'a str) -> Self {
        let number = name.rsplit_once(' ').and_then(|(_, number)| number.parse().ok());
        Self(name, number)
    }

    fn key(&self) -> (&str, Option<u64>, &str) {
        let Self(name, number) = *self;
        (number.and_then(|_| name.rsplit_once(' ')).map_or(name, |(prefix, _)| prefix), number, name)
    }
}

impl AsRef<str> for Natural<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl PartialOrd for Natural<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Natural<'_> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Nodes;
    use crate::scene::{Kind, Scene};

    fn lanes(names: impl IntoIterator<Item = String>) -> Lanes {
        let entry = |name: String| Entry { at_ns: 0, scene: Scene::new(Kind::Announced, "").on(name) };
        Lanes::of(&names.into_iter().map(entry).collect::<Vec<_>>())
    }

    #[test]
    fn nodes_come_before_clients_and_in_the_order_of_their_numbers() {
        let lanes = lanes(["client 0", "node 10", "node 9", "bank"].map(str::to_owned));
        let names: Vec<&str> = lanes.all().iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["bank", "node 9", "node 10", "client 0"]);
    }

    #[test]
    fn of_many_clients_the_last_have_lanes_and_the_others_share_one() {
        let lanes = lanes((0..100).map(|client| format!("client {client}")));
        assert_eq!(lanes.all().len(), Lanes::CLIENTS_MAX);
        assert_eq!(lanes.place("client 3"), lanes.place("client 50"));
        assert_ne!(lanes.place("client 99"), lanes.place("client 98"));
    }

    #[test]
    fn faults_strike_the_lanes_of_whom_they_name() {
        let lanes = lanes(["node 0", "node 1", "node 2", "client 0"].map(str::to_owned));
        let struck = |kind| lanes.struck(&kind);
        assert_eq!(struck(FaultKind::Kill { node: 2 }), [2]);
        let groups = [Nodes::NONE.with(0), Nodes::NONE.with(2)];
        assert_eq!(struck(FaultKind::Partition { groups, one_way: true }), [0, 2]);
        assert_eq!(struck(FaultKind::Spike { factor: 2 }), [3]);
        assert_eq!(struck(FaultKind::Lose { share: crate::Ratio::ALL, link: None }), [0, 1, 2]);
    }
}
