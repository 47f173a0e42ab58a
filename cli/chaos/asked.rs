//! What a campaign is asked for: a share of its seeds, and time.

use crate::failure::Failure;
use purlin_sim::Shard;
use std::env;
use std::str::FromStr;
use std::time::Duration;

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
            (Some(index), Some(count)) => Shard::new(index, count).ok_or_else(|| {
                Failure::new(format_args!("there is no shard {index} of {count}: start as many tasks as shards"))
            }),
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
    let Some(text) = env::var_os(name) else { return Ok(None) };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Failure::new(format_args!("{name} is `{}`: set it to a whole number", text.to_string_lossy())))
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
    fn a_cluster_tells_the_index_and_the_command_line_outranks_it() {
        let pod = Cluster { index: Some(2), count: None };
        let task = Cluster { index: Some(2), count: Some(4) };
        let asked = |text: &str| Some(text.parse().unwrap());
        let shard = |index, count| Shard::new(index, count).unwrap();
        assert_eq!(pod.shard(asked("4")).unwrap(), shard(2, 4));
        assert_eq!(task.shard(None).unwrap(), shard(2, 4));
        assert_eq!(task.shard(asked("1/8")).unwrap(), shard(1, 8));
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
