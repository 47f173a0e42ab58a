//! One measurement in a process of its own, so that no engine inherits another's heap, and valgrind can count it.

use crate::drive::Figures;
use crate::workload::Load;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The word on the command line that asks for a measurement.
pub(crate) const MEASURE: &str = "--measure";

/// What a child is asked to measure: `--measure ENGINE WINDOW PAYLOAD PROPOSALS`.
pub(crate) struct Errand {
    pub(crate) engine: String,
    pub(crate) load: Load,
}

impl Errand {
    /// Reads what follows [`MEASURE`]; `None` unless it is four words of which three are numbers.
    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let [engine, window, payload, proposals] = words else { return None };
        let load =
            Load { window: window.parse().ok()?, payload: payload.parse().ok()?, proposals: proposals.parse().ok()? };
        Some(Self { engine: engine.clone(), load })
    }
}

/// As a child prints them.
impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.cpu_nanos, self.wall_nanos, self.messages)
    }
}

/// As a parent reads them.
impl FromStr for Figures {
    type Err = ParseIntError;

    fn from_str(line: &str) -> Result<Self, ParseIntError> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next().unwrap_or_else(|| "".parse());
        Ok(Self { cpu_nanos: next()?, wall_nanos: next()?, messages: next()? })
    }
}
