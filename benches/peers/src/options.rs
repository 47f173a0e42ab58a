//! What the command line may say.

use std::time::Duration;

/// How long and how often to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds over all cases.
    pub rounds: usize,
    /// Samples on one thread, a round.
    pub samples: usize,
    /// Length of a sample on one thread: short beside a scheduler's slice, so that most samples are not interrupted.
    pub sample: Duration,
    /// Length of a batch on two threads.
    pub batch: Duration,
    /// Batches on two threads, a round.
    pub batches: usize,
    /// Only cases whose name contains one of these, and the atomic addition. Empty: all.
    pub filters: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 50,
            samples: 8,
            sample: Duration::from_micros(250),
            batch: Duration::from_micros(150),
            batches: 40,
            filters: Vec::new(),
        }
    }
}

/// The command line says something that cannot be followed. Nothing was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption(String);

impl std::fmt::Display for InvalidOption {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}; usage: cargo bench --bench breaker -- [--rounds N] [PART OF A NAME]...", self.0)
    }
}

impl std::error::Error for InvalidOption {}

impl Options {
    /// Reads the arguments that follow the program's name. `--bench` is cargo's own word and means nothing here.
    ///
    /// # Errors
    /// An unknown option, or a number of rounds that is none.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, InvalidOption> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--rounds" => options.rounds = rounds(arguments.next())?,
                unknown if unknown.starts_with('-') => {
                    return Err(InvalidOption(format!("unknown option {unknown}")));
                }
                _ => options.filters.push(argument),
            }
        }
        Ok(options)
    }

    /// Whether a case was asked for.
    pub fn selects(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

fn rounds(given: Option<String>) -> Result<usize, InvalidOption> {
    let given = given.unwrap_or_default();
    let rounds = given.parse().ok().filter(|rounds| *rounds > 0);
    rounds.ok_or_else(|| InvalidOption(format!("--rounds is {given:?}: give a number from 1")))
}
