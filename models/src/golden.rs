//! A specification's state graph as a small file, so that code is compared with it where there is no Java.
//!
//! The file is deflated text: a header, one line a claim, one line a state and one line a step, all in their own order.
//! It carries a digest of the specification's sources, so that one that is out of date is noticed.

use crate::spec::{SpecGraph, Value, ValueError, View};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};

const HEADER: &str = "purlin spec graph 1";

/// A graph and what TLC has said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// Of the sources that it was made from: [`digest`].
    pub digest: u64,
    /// The claims that TLC found to hold.
    pub claims: Vec<String>,
    /// The graph.
    pub graph: SpecGraph,
}

/// Why a golden file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// It does not inflate.
    #[error("the golden graph does not inflate ({0}): write it afresh with `purlin spec --update`")]
    Deflate(#[from] std::io::Error),
    /// A line of it.
    #[error("line {line} of the golden graph is no {expected}: write it afresh with `purlin spec --update`")]
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What it should be.
        expected: &'static str,
    },
    /// A value in it.
    #[error("the golden graph holds no value ({0}): write it afresh with `purlin spec --update`")]
    Value(#[from] ValueError),
}

/// A number that changes when the sources do (FNV-1a, 64 bits).
pub fn digest<'a>(sources: impl IntoIterator<Item = &'a str>) -> u64 {
    let bytes = sources.into_iter().flat_map(|source| source.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Golden {
    /// The file. The same graph gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        encoder.write_all(self.to_text().as_bytes()).expect("a vector takes all that is written");
        encoder.finish().expect("a vector takes all that is written")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GoldenError> {
        let mut text = String::new();
        GzDecoder::new(bytes).read_to_string(&mut text)?;
        Lines { lines: text.lines(), number: 0 }.golden()
    }

    fn to_text(&self) -> String {
        let graph = &self.graph;
        let mut text = format!("{HEADER}\ndigest {:016x}\n", self.digest);
        let mut list = |name: &str, items: &[String]| {
            writeln!(text, "{name} {}", items.join(" ")).expect("a string takes all that is written");
        };
        list("claims", &self.claims);
        list("fields", &graph.fields());
        list("labels", &graph.labels);
        list("initial", &graph.initial.iter().map(usize::to_string).collect::<Vec<_>>());
        list("states", &[graph.states.len().to_string()]);
        graph.states.iter().for_each(|view| text.push_str(&state_line(view)));
        graph.steps.iter().for_each(|steps| text.push_str(&steps_line(steps)));
        text
    }
}

fn state_line(view: &View) -> String {
    view.values().map(Value::to_string).collect::<Vec<_>>().join("\t") + "\n"
}

fn steps_line(steps: &BTreeSet<(usize, usize)>) -> String {
    steps.iter().map(|(label, to)| format!("{label}>{to}")).collect::<Vec<_>>().join(" ") + "\n"
}

struct Lines<'a> {
    lines: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn golden(mut self) -> Result<Golden, GoldenError> {
        if self.next("header")? != HEADER {
            return Err(self.error("header"));
        }
        let digest = self.list("digest")?;
        let digest = digest.first().and_then(|digest| u64::from_str_radix(digest, 16).ok());
        let digest = digest.ok_or_else(|| self.error("digest"))?;
        let claims = self.list("claims")?;
        let graph = self.graph()?;
        Ok(Golden { digest, claims, graph })
    }

    fn graph(&mut self) -> Result<SpecGraph, GoldenError> {
        let fields = self.list("fields")?;
        let labels = self.list("labels")?;
        let initial = self.numbers("initial")?;
        let count = self.numbers("states")?.first().copied().ok_or_else(|| self.error("states"))?;
        let states = (0..count).map(|_| self.state(&fields)).collect::<Result<Vec<_>, _>>()?;
        let steps = (0..count).map(|_| self.steps(labels.len(), count)).collect::<Result<Vec<_>, _>>()?;
        Ok(SpecGraph { states, initial, labels, steps })
    }

    fn next(&mut self, expected: &'static str) -> Result<&'a str, GoldenError> {
        self.number += 1;
        self.lines.next().ok_or(GoldenError::Line { line: self.number, expected })
    }

    fn error(&self, expected: &'static str) -> GoldenError {
        GoldenError::Line { line: self.number, expected }
    }

    fn list(&mut self, name: &'static str) -> Result<Vec<String>, GoldenError> {
        let line = self.next(name)?;
        let items = line.strip_prefix(name).ok_or_else(|| self.error(name))?;
        Ok(items.split_whitespace().map(str::to_owned).collect())
    }

    fn numbers(&mut self, name: &'static str) -> Result<Vec<usize>, GoldenError> {
        let items = self.list(name)?;
        items.iter().map(|item| item.parse().map_err(|_| self.error(name))).collect()
    }

    fn state(&mut self, fields: &[String]) -> Result<View, GoldenError> {
        let values = self.next("state")?.split('\t').map(Value::parse).collect::<Result<Vec<_>, _>>()?;
        if values.len() != fields.len() {
            return Err(self.error("state"));
        }
        Ok(fields.iter().cloned().zip(values).collect())
    }

    fn steps(&mut self, labels: usize, states: usize) -> Result<BTreeSet<(usize, usize)>, GoldenError> {
        let steps = self.next("list of steps")?.split_whitespace().map(read_step).collect::<Option<BTreeSet<_>>>();
        let inside = |steps: &BTreeSet<(usize, usize)>| steps.iter().all(|(label, to)| *label < labels && *to < states);
        steps.filter(inside).ok_or_else(|| self.error("list of steps"))
    }
}

fn read_step(step: &str) -> Option<(usize, usize)> {
    let (label, to) = step.split_once('>')?;
    Some((label.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn golden() -> Golden {
        let view =
            |left: u32| View::from([("left".to_owned(), Value::from(left)), ("phase".to_owned(), Value::text("open"))]);
        let states = BTreeMap::from([("a", view(1)), ("b", view(0))]);
        let graph = SpecGraph::sorted(states, ["a"], [("a", "Tick".to_owned(), "b"), ("b", "Tick".to_owned(), "b")]);
        Golden { digest: digest(["a specification"]), claims: vec!["OpenIsLeft".to_owned()], graph }
    }

    #[test]
    fn a_golden_graph_reads_back_as_it_was_written() {
        assert_eq!(Golden::from_bytes(&golden().to_bytes()).unwrap(), golden());
    }

    #[test]
    fn the_same_graph_gives_the_same_bytes() {
        assert_eq!(golden().to_bytes(), golden().to_bytes());
    }

    #[test]
    fn a_file_that_was_cut_short_is_refused() {
        let bytes = golden().to_bytes();
        assert!(matches!(Golden::from_bytes(&bytes[..bytes.len() / 2]), Err(GoldenError::Deflate(_))));
        assert!(matches!(Golden::from_bytes(b""), Err(GoldenError::Deflate(_))));
    }

    #[test]
    fn a_step_out_of_the_graph_is_refused() {
        let text = golden().to_text().replace("0>0", "0>7");
        let error = Lines { lines: text.lines(), number: 0 }.golden().unwrap_err();
        assert!(matches!(error, GoldenError::Line { expected: "list of steps", .. }), "{error}");
    }

    #[test]
    fn sources_that_change_change_the_digest() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }
}
