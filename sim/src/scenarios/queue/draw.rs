//! Options for every seed: each part is drawn anew, so that no habit of one configuration hides a fault of another.

use super::Options;
use crate::die::Die;
use crate::plan::{Ratio, Span};
use purlin::queue::Settings;

pub(super) fn options(die: &mut Die) -> Options {
    Options {
        producers: die.between(1, 4) as u32,
        messages: die.between(3, 30) as u32,
        workers: die.between(1, 6) as u32,
        keys: *die.pick(&[0, 0, 1, 2, 5]),
        deduplicated: share(die, &[0, 2, 5]),
        rest: span(die, (1, 40), 100),
        work: span(die, (0, 5), 20),
        batch: *die.pick(&[1, 1, 2, 5]),
        mishaps: share(die, &[0, 2, 5, 9]),
        queue: settings(die),
    }
}

fn settings(die: &mut Die) -> Settings {
    let few = die.between(1, 3) as u32;
    let (max_dedup_ids, dedup_retention_ms) =
        *die.pick(&[(1_000_000, 0), (1_000_000, 3_000), (1_000_000, 300_000), (1, 0), (few, 200), (10, 1_000)]);
    Settings {
        lease_ms: die.between(1, 800),
        max_attempts: die.between(1, 4) as u32,
        dedup_retention_ms,
        dead_blocks_key: die.below(2) == 0,
        max_in_flight: *die.pick(&[None, None, Some(few), Some(few + 3)]),
        max_in_flight_per_worker: *die.pick(&[None, None, Some(1), Some(few)]),
        max_messages: *die.pick(&[1_000_000, 1_000_000, 3 + few, 20]),
        max_done: *die.pick(&[1_000_000, 1_000_000, few, 20]),
        max_dedup_ids,
    }
}

fn share(die: &mut Die, tenths: &[u32]) -> Ratio {
    Ratio::new(*die.pick(tenths), 10).unwrap_or(Ratio::ALL)
}

fn span(die: &mut Die, least: (u64, u64), width: u64) -> Span {
    let least_ms = die.between(least.0, least.1);
    Span::new(least_ms, least_ms + die.between(0, width))
}
