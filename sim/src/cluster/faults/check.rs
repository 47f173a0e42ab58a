//! Faults of clusters, checked: that they strike such nodes as there are.

use crate::plan::{Class, FaultKind, InvalidPlan, Link, Nodes};

/// Checks that a fault strikes a protocol's nodes, and such as there are.
pub(in crate::cluster) fn check_kind(field: &str, kind: &FaultKind, nodes: u32) -> Result<(), InvalidPlan> {
    let name = kind.name();
    let known = match kind.class() {
        Class::Network => nodes > 1,
        Class::Dependency => false,
        Class::Load => !matches!(kind, FaultKind::Impatience { .. }),
        _ => true,
    };
    let on_links = if nodes > 1 { "" } else { " and, as there is one node only, of the network" };
    let mend = format!("this scenario knows all faults but those of called services{on_links}, and impatience");
    InvalidPlan::unless(known, field, name, mend)?;
    let mend = format!("give a node from 0 to {}", nodes - 1);
    let node = kind.node().unwrap_or(0);
    InvalidPlan::unless(node < nodes, format!("{field}.{name}.node"), node, mend)?;
    if let Some(Link { from, to }) = kind.link() {
        let mend = format!("give two different nodes from 0 to {}", nodes - 1);
        let fits = from < nodes && to < nodes && from != to;
        InvalidPlan::unless(fits, format!("{field}.{name}.link"), format!("[{from}, {to}]"), mend)?;
    }
    kind.groups().map_or(Ok(()), |groups| check_groups(&format!("{field}.{name}"), groups, nodes))
}

fn check_groups(field: &str, groups: [Nodes; 2], nodes: u32) -> Result<(), InvalidPlan> {
    for (index, group) in groups.into_iter().enumerate() {
        let members: Vec<u32> = group.into();
        let fits = !members.is_empty() && members.iter().all(|node| *node < nodes);
        let mend = format!("give at least one node, from 0 to {}", nodes - 1);
        InvalidPlan::unless(fits, format!("{field}.groups[{index}]"), format!("{members:?}"), mend)?;
    }
    let overlap = groups[0].iter().find(|node| groups[1].contains(*node));
    let given = overlap.map_or(String::new(), |node| format!("both with node {node}"));
    InvalidPlan::unless(overlap.is_none(), format!("{field}.groups"), given, "give groups that do not overlap")
}
