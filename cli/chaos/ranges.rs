//! What a campaign is asked for: seeds, a share of them, and time.

use crate::failure::Failure;
use serde::Serialize;
use std::env;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

/// Seeds `A..B`: from A up to, and not including, B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Seeds(pub(crate) u64, pub(crate) u64);

impl Seeds {
    pub(crate) fn range(self) -> Range<u64> {
        self.0..self.1
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "give two whole numbers, the first below the second, as in 0..1000";
        let (first, end) = text.split_once("..").ok_or_else(|| format!("this is no range: {mend}"))?;
        match (first.parse(), end.parse()) {
            (Ok(first), Ok(end)) if first < end => Ok(Self(first, end)),
            (Ok(_), Ok(_)) => Err(format!("this range is empty: {mend}")),
            _ => Err(format!("this is no range of whole numbers: {mend}")),
        }
    }
}

/// Shard I of N: the seeds whose remainder by N is I, whatever else is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: u64,
    pub(crate) count: u64,
}

impl Shard {
    pub(crate) const WHOLE: Self = Self { index: 0, count: 1 };

    /// The first seed at or after `from` that belongs to this shard; `None` beyond the last seed of all.
    pub(crate) fn first_seed(self, from: u64) -> Option<u64> {
        let missing = (self.index + self.count - from % self.count) % self.count;
        from.checked_add(missing)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// A shard as it is asked for: `I/N`, or only `N` where a cluster tells the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedShard {
    index: Option<u64>,
    count: u64,
}

impl FromStr for AskedShard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "give I/N with I from 0 to N-1, as in 0/4, or only N where a cluster tells the index";
        let (index, count) = text.split_once('/').map_or((None, text), |(index, count)| (Some(index), count));
        let index = index.filter(|index| !index.is_empty()).map(str::parse).transpose();
        match (index, count.parse()) {
            (Ok(index), Ok(count)) if index.is_none_or(|index| index < count) && count > 0 => Ok(Self { index, count }),
            _ => Err(format!("this is no shard: {mend}")),
        }
    }
}

/// What a cluster tells a process of its place: Kubernetes an Indexed Job's pod, Slurm an array's task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    index: Option<u64>,
    count: Option<u64>,
}

impl Cluster {
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            return Ok(Self { index: Some(index), count: None });
        }
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let index = number("SLURM_ARRAY_TASK_ID")?.map(|index| index.saturating_sub(first));
        Ok(Self { index, count: number("SLURM_ARRAY_TASK_COUNT")? })
    }

    /// The shard to run. What is asked for outranks what the cluster tells.
    pub(crate) fn shard(self, asked: Option<AskedShard>) -> Result<Shard, Failure> {
        let index = asked.and_then(|asked| asked.index).or(self.index);
        let count = asked.map(|asked| asked.count).or(self.count.filter(|_| index.is_some()));
        match (index, count) {
            (None, None) => Ok(Shard::WHOLE),
            (Some(index), Some(count)) if index < count => Ok(Shard { index, count }),
            (Some(index), Some(count)) => {
                Err(Failure::new(format_args!("there is no shard {index} of {count}: start as many tasks as shards")))
            }
            (Some(index), None) => Err(Failure::new(format_args!(
                "the cluster says that this is shard {index}, but not of how many: give --shard N"
            ))),
            (None, Some(count)) => Err(Failure::new(format_args!(
                "this is one of {count} shards, but which? Give --shard I/{count}, or set JOB_COMPLETION_INDEX or \
                 SLURM_ARRAY_TASK_ID"
            ))),
        }
    }
}

fn number(name: &str) -> Result<Option<u64>, Failure> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Failure::new(format_args!("{name} is `{text}`: set it to a whole number")))
}

/// A stretch of wall time: `45s`, `30m`, `2h`.
pub(crate) fn parse_budget(text: &str) -> Result<Duration, String> {
    let mend = "give a whole number and a unit, as in 45s, 30m or 2h";
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("this is no stretch of time: {mend}")),
    };
    let count: u32 = digits.parse().map_err(|_| format!("this is no stretch of time: {mend}"))?;
    if count == 0 { Err(format!("this is no time at all: {mend}")) } else { Ok(Duration::from_secs(seconds) * count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_two_rising_whole_numbers() {
        assert_eq!("3..10".parse(), Ok(Seeds(3, 10)));
        for text in ["5..3", "3..3", "a..b", "", "..", "5", "1..", "-1..2", "1..2..3"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
    }

    #[test]
    fn shards_share_all_seeds_and_no_seed_twice() {
        let mut shared = Vec::new();
        for index in 0..3 {
            let shard = Shard { index, count: 3 };
            let mut seed = shard.first_seed(5);
            while let Some(found) = seed.filter(|seed| *seed < 20) {
                shared.push(found);
                seed = shard.first_seed(found + 1);
            }
        }
        shared.sort_unstable();
        assert_eq!(shared, (5..20).collect::<Vec<_>>());
        assert_eq!(Shard { index: 2, count: 3 }.first_seed(u64::MAX), None);
    }

    #[test]
    fn a_cluster_tells_the_index_and_the_command_line_outranks_it() {
        let pod = Cluster { index: Some(2), count: None };
        let task = Cluster { index: Some(2), count: Some(4) };
        let asked = |text: &str| Some(text.parse().unwrap());
        assert_eq!(pod.shard(asked("4")).unwrap(), Shard { index: 2, count: 4 });
        assert_eq!(task.shard(None).unwrap(), Shard { index: 2, count: 4 });
        assert_eq!(task.shard(asked("1/8")).unwrap(), Shard { index: 1, count: 8 });
        assert_eq!(Cluster::default().shard(None).unwrap(), Shard::WHOLE);
        assert!(pod.shard(None).is_err() && pod.shard(asked("2")).is_err());
        assert!(Cluster::default().shard(asked("4")).is_err());
    }

    #[test]
    fn a_shard_lies_below_its_count() {
        for text in ["4/4", "1/0", "0", "x/4", "1/", "/"] {
            assert!(text.parse::<AskedShard>().is_err(), "{text}");
        }
    }

    #[test]
    fn budgets_have_a_unit() {
        assert_eq!(parse_budget("30m"), Ok(Duration::from_secs(1_800)));
        for text in ["30", "m", "0s", "1d", "-1s", "1.5h"] {
            assert!(parse_budget(text).is_err(), "{text}");
        }
    }
}
