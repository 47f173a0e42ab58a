//! State graphs in Graphviz's language.

use crate::graph::Graph;
use core::fmt::Debug;
use core::hash::Hash;
use stateright::Model;
use std::io;

/// The largest graph that is drawn. Beyond it nobody sees anything.
const STATES_MAX: usize = 10_000;

/// Writes the graph of `model`: its states by number and in full as tooltips, its actions on the edges.
pub(crate) fn write<M: Model>(model: &M, out: &mut dyn io::Write) -> io::Result<()>
where
    M::State: Clone + Debug + Eq + Hash,
    M::Action: Clone + Debug + Eq + Hash,
{
    let too_large = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let graph = Graph::explore(model, STATES_MAX).map_err(too_large)?;
    writeln!(out, "digraph model {{\n  node [shape=box, fontname=monospace];")?;
    for (index, state) in graph.states.iter().enumerate() {
        let style = if graph.initial.contains(&index) { ", style=bold" } else { "" };
        writeln!(out, "  {index} [tooltip={:?}{style}];", format!("{state:?}"))?;
    }
    for (from, edges) in graph.edges.iter().enumerate() {
        for edge in edges {
            writeln!(out, "  {from} -> {} [label={:?}];", edge.to, model.format_action(graph.action(edge)))?;
        }
    }
    writeln!(out, "}}")
}
