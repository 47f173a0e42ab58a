//! Shards: which seeds of a campaign are run here.

use core::ops::Range;
use core::str::FromStr;

/// One part of a campaign: the seeds that leave `index` when divided by `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// The whole.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index` of `count`, counted from 0; `None` if there is no such part.
    pub const fn new(index: u64, count: u64) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }
}

/// That is no shard, or no range of seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}: give {mend}")]
pub struct Malformed {
    what: &'static str,
    given: String,
    mend: &'static str,
}

impl FromStr for Shard {
    type Err = Malformed;

    fn from_str(given: &str) -> Result<Self, Malformed> {
        let parse = |(index, count): (&str, &str)| Self::new(index.parse().ok()?, count.parse().ok()?);
        let mend = "I/N with I from 0 to N-1, such as 0/4";
        given.split_once('/').and_then(parse).ok_or_else(|| Malformed { what: "shard", given: given.to_owned(), mend })
    }
}

/// Reads a range of seeds: `A..B`, without B, and with A smaller than B.
///
/// # Errors
/// If it is none.
pub fn parse_seeds(given: &str) -> Result<Range<u64>, Malformed> {
    let parse = |(first, end): (&str, &str)| Some(first.parse().ok()?..end.parse().ok()?);
    let seeds = given.split_once("..").and_then(parse).filter(|seeds| !seeds.is_empty());
    let mend = "A..B with A smaller than B, such as 0..200 for seeds 0 to 199";
    seeds.ok_or_else(|| Malformed { what: "range of seeds", given: given.to_owned(), mend })
}

/// The seeds of a shard: so many, from the first on, `stride` apart. A range may be larger than any memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShardSeeds {
    first: u64,
    stride: u64,
    pub(super) count: u64,
}

impl ShardSeeds {
    pub(super) fn new(seeds: &Range<u64>, Shard { index, count: stride }: Shard) -> Self {
        let beyond = seeds.start % stride;
        let gap = if index >= beyond { index - beyond } else { stride - (beyond - index) };
        let width = seeds.end.saturating_sub(seeds.start);
        let count = if gap < width { (width - gap - 1) / stride + 1 } else { 0 };
        Self { first: seeds.start.saturating_add(gap), stride, count }
    }

    pub(super) fn get(self, position: u64) -> Option<u64> {
        (position < self.count).then(|| self.first + position * self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_belongs_to_exactly_one_shard() {
        for (start, end, count) in [(0, 10, 3), (7, 8, 4), (5, 40, 7), (9, 9, 2), (0, 2, 5)] {
            let shards = (0..count).map(|index| ShardSeeds::new(&(start..end), Shard::new(index, count).unwrap()));
            let mut seeds: Vec<u64> =
                shards.flat_map(|shard| (0..).map_while(move |position| shard.get(position))).collect();
            seeds.sort_unstable();
            assert_eq!(seeds, (start..end).collect::<Vec<_>>());
        }
        let shard = ShardSeeds::new(&(0..u64::MAX), Shard::new(1, 2).unwrap());
        assert_eq!(shard.get(3), Some(7));
        assert_eq!(shard.count, u64::MAX / 2);
    }

    #[test]
    fn shards_and_seeds_are_read_or_refused_with_a_reason() {
        assert_eq!("1/4".parse(), Ok(Shard { index: 1, count: 4 }));
        assert_eq!(parse_seeds("3..9"), Ok(3..9));
        for given in ["4/4", "1", "0/0", "-1/2", "a/b"] {
            let error = given.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains(given) && error.contains("0/4"), "{error}");
        }
        for given in ["9..3", "3..3", "3", "a..b", "0..=4"] {
            let error = parse_seeds(given).unwrap_err().to_string();
            assert!(error.contains(given) && error.contains("0..200"), "{error}");
        }
    }
}
