//! What the command line may say.

/// How much to measure.
pub(crate) struct Options {
    /// Rounds over all cases.
    pub(crate) rounds: usize,
    /// Whether valgrind is to count instructions.
    pub(crate) counts_instructions: bool,
    /// Only cases whose name contains one of these. Empty: all.
    filters: Vec<String>,
}

impl Options {
    /// Reads the arguments that follow the program's name. `--bench` is cargo's own word and means nothing here.
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut options = Self { rounds: 3, counts_instructions: false, filters: Vec::new() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--rounds" => options.rounds = rounds(arguments.next())?,
                "--instructions" => options.counts_instructions = true,
                unknown if unknown.starts_with('-') => {
                    return Err(format!(
                        "unknown option {unknown}; usage: cargo bench --bench raft -- [--rounds N] [--instructions] [PART OF A NAME]..."
                    ));
                }
                _ => options.filters.push(argument),
            }
        }
        Ok(options)
    }

    /// Whether a case was asked for.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

fn rounds(given: Option<String>) -> Result<usize, String> {
    let given = given.unwrap_or_default();
    let rounds = given.parse().ok().filter(|rounds| *rounds > 0);
    rounds.ok_or_else(|| format!("--rounds is {given:?}: give a number from 1"))
}
