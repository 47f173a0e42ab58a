//! Options for every seed: each part is drawn anew, so that no habit of one configuration hides a fault of another.

use crate::options::{MUCH, Options, Tuning};
use purlin_sim::plan::Ratio;
use purlin_sim::{Die, Span};

pub(crate) fn options(die: &mut Die) -> Options {
    let value_bytes = *die.pick(&[0, 0, 20, 200]);
    Options {
        founders: *die.pick(&[3, 3, 5]),
        joiners: 0,
        users: die.between(2, 6) as u8,
        keys: *die.pick(&[1, 2, 5]),
        value_bytes,
        sessions: Ratio::new(*die.pick(&[0, 1, 1, 2]), 2).unwrap_or(Ratio::ALL),
        rest: rest(die),
        patience_ms: die.between(50, 2_000),
        raft: tuning(die),
        upgraded: None,
    }
}

fn rest(die: &mut Die) -> Span {
    let least_ms = die.between(1, 20);
    Span::new(least_ms, least_ms + die.between(0, 60))
}

pub(crate) fn tuning(die: &mut Die) -> Tuning {
    let least_ms = *die.pick(&[100, 100, 200, 400]);
    let election_timeout_ms = die.between(least_ms, least_ms + 100);
    Tuning {
        election_timeout_ms,
        heartbeat_ms: die.between(election_timeout_ms / 10, election_timeout_ms / 4),
        pre_vote: die.below(4) > 0,
        check_quorum: die.below(4) > 0,
        lease: None,
        batching: die.below(4) > 0,
        message_bytes_max: *die.pick(&[0, 100, 500, MUCH]),
        inflight_messages_max: *die.pick(&[1, 2, 8, 256]),
        inflight_bytes_max: *die.pick(&[1, 200, MUCH, MUCH]),
        uncommitted_bytes_max: *die.pick(&[100, 1_000, MUCH, MUCH]),
        log_memory_bytes_max: *die.pick(&[0, 200, 2_000, MUCH]),
        snapshot_every: *die.pick(&[0, 3, 20, 100]),
        trailing_entries: *die.pick(&[0, 2, 10, 50]),
        chunk_bytes: *die.pick(&[300, 2_000, 1 << 18]),
        sessions_max: *die.pick(&[1, 3, 1_000, 1_000]),
    }
}
