//! The format `raft_quorum/1`: what a majority of each half has reached, and how a vote stands.

use super::super::Case;
use super::super::compare::Mismatch;
use purlin::raft::{Quorum, Slots, Tally};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn judge(case: &Case) -> Result<(), Mismatch> {
    let (expected, got) = match case.kind.as_str() {
        "committed" => committed(&case.read()?)?,
        "vote" => vote(&case.read()?)?,
        kind => return Err(Mismatch::unreadable(format_args!("the kind `{kind}` of raft_quorum/1 is not known"))),
    };
    if expected == got { Ok(()) } else { Err(Mismatch { expected, got }) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Committed {
    incoming: BTreeSet<u64>,
    outgoing: Option<BTreeSet<u64>>,
    acked: BTreeMap<u64, u64>,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vote {
    incoming: BTreeSet<u64>,
    outgoing: Option<BTreeSet<u64>>,
    votes: BTreeMap<u64, bool>,
    expect: Value,
}

fn committed(case: &Committed) -> Result<(Value, Value), Mismatch> {
    let seats = Seats::of(&case.incoming, case.outgoing.as_ref())?;
    let acked = |slot: usize| case.acked.get(&seats.ids[slot]).copied().unwrap_or(0);
    let reached = seats.quorum.reached(acked);
    let is_bounded = !(seats.quorum.incoming.is_empty() && seats.quorum.outgoing.is_empty());
    Ok((case.expect.clone(), if is_bounded { json!(reached) } else { json!("unbounded") }))
}

fn vote(case: &Vote) -> Result<(Value, Value), Mismatch> {
    let seats = Seats::of(&case.incoming, case.outgoing.as_ref())?;
    let [granted, refused] = [true, false].map(|answer| seats.those(|id| case.votes.get(&id) == Some(&answer)));
    let got = match seats.quorum.tally(granted, refused) {
        Tally::Won => "won",
        Tally::Lost => "lost",
        Tally::Pending => "pending",
    };
    Ok((case.expect.clone(), json!(got)))
}

/// Who sits in which slot.
struct Seats {
    ids: Vec<u64>,
    quorum: Quorum,
}

impl Seats {
    fn of(incoming: &BTreeSet<u64>, outgoing: Option<&BTreeSet<u64>>) -> Result<Self, Mismatch> {
        let none = BTreeSet::new();
        let outgoing = outgoing.unwrap_or(&none);
        let ids: Vec<u64> = incoming.union(outgoing).copied().collect();
        if ids.len() > Slots::MAX {
            return Err(Mismatch::unreadable(format_args!("{} voters: give at most {}", ids.len(), Slots::MAX)));
        }
        let mut seats = Self { ids, quorum: Quorum::default() };
        let halves = [incoming, outgoing].map(|half| seats.those(|id| half.contains(&id)));
        seats.quorum = Quorum { incoming: halves[0], outgoing: halves[1] };
        Ok(seats)
    }

    fn those(&self, holds: impl Fn(u64) -> bool) -> Slots {
        self.ids.iter().enumerate().filter(|(_, id)| holds(**id)).map(|(slot, _)| slot).collect()
    }
}
