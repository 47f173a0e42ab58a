//! Registers into which no value is written twice, judged without a search ([Gibbons and Korach, 1997], section 4).
//!
//! A write and the reads of its value make a cluster, and no write of another value can happen within. Its *zone* lies between
//! its first answer and its last call:
//!
//! ```text
//! forward: the answer comes first                 backward: all are open at once
//!      write ├───┤                                     write ├───────┤
//!                  read ├────┤                           read  ├───────┤
//!                ▓▓▓▓▓▓▓                                       ▓▓▓▓▓▓
//! ```
//!
//! The register holds the value in all of a forward zone, and at some moment of a backward one. So there is an order if and
//! only if forward zones do not overlap and none has a backward zone within.
//!
//! [Gibbons and Korach, 1997]: https://doi.org/10.1137/S0097539794279614

use super::{RegisterOperation, RegisterOutcome, Value};
use crate::linearizability::{Decision, Told};
use std::collections::BTreeMap;

/// `None` if there are swaps, or values that come twice.
pub(super) fn decide<V: Value>(
    initial: &V,
    told: &[Told<'_, RegisterOperation<V>, RegisterOutcome<V>>],
) -> Option<Decision> {
    let mut clusters = clusters(initial, told)?;
    Some(if read(&mut clusters, told) { order(clusters.into_values()) } else { Decision::NoOrder })
}

/// The operations on one value. Events count from one here, since the initial value is written before them.
struct Cluster {
    write: Option<u32>,
    written: (u64, u64),
    reads: Vec<(u64, u32)>,
    first_answer: u64,
    last_call: u64,
}

const NEVER: u64 = u64::MAX;

fn event(event: u32) -> u64 {
    if event == u32::MAX { NEVER } else { u64::from(event) + 1 }
}

/// What is written, and nothing read so far.
fn clusters<'h, V: Value>(
    initial: &'h V,
    told: &[Told<'h, RegisterOperation<V>, RegisterOutcome<V>>],
) -> Option<BTreeMap<&'h V, Cluster>> {
    let mut clusters = BTreeMap::from([(initial, Cluster::written(None, (0, 0)))]);
    for (index, Told { operation, outcome, called, answered }) in (0..).zip(told) {
        match (operation, outcome) {
            (RegisterOperation::Read, None | Some(RegisterOutcome::Read(_))) => {}
            (RegisterOperation::Write(value), None | Some(RegisterOutcome::Written)) => {
                let cluster = Cluster::written(Some(index), (event(*called), event(*answered)));
                if clusters.insert(value, cluster).is_some() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(clusters)
}

/// Adds what is read; whether each value was written before.
fn read<V: Value>(
    clusters: &mut BTreeMap<&V, Cluster>,
    told: &[Told<'_, RegisterOperation<V>, RegisterOutcome<V>>],
) -> bool {
    (0..).zip(told).all(|(index, Told { outcome, called, answered, .. })| match outcome {
        Some(RegisterOutcome::Read(value)) if *answered != u32::MAX => {
            clusters.get_mut(value).is_some_and(|cluster| cluster.read(index, event(*called), event(*answered)))
        }
        _ => true,
    })
}

impl Cluster {
    fn written(write: Option<u32>, written: (u64, u64)) -> Self {
        Self { write, written, reads: Vec::new(), first_answer: written.1, last_call: written.0 }
    }

    fn read(&mut self, index: u32, called: u64, answered: u64) -> bool {
        self.reads.push((called, index));
        self.first_answer = self.first_answer.min(answered);
        self.last_call = self.last_call.max(called);
        self.written.0 < answered
    }

    /// What nobody waits for and nobody has seen may as well not be.
    fn is_needed(&self) -> bool {
        !self.reads.is_empty() || (self.write.is_some() && self.written.1 != NEVER)
    }

    fn is_forward(&self) -> bool {
        self.first_answer < self.last_call
    }

    /// The write, and the reads in the order of their calls.
    fn operations(mut self) -> impl Iterator<Item = u32> {
        self.reads.sort_unstable();
        self.write.into_iter().chain(self.reads.into_iter().map(|(_, read)| read))
    }
}

fn order(clusters: impl Iterator<Item = Cluster>) -> Decision {
    let needed = clusters.filter(Cluster::is_needed);
    let (mut forward, backward): (Vec<Cluster>, Vec<Cluster>) = needed.partition(Cluster::is_forward);
    forward.sort_unstable_by_key(|cluster| cluster.first_answer);
    if forward.is_sorted_by(|one, next| one.last_call < next.first_answer) {
        let moments: Option<Vec<u64>> = backward.iter().map(|cluster| moment(cluster, &forward)).collect();
        if let Some(moments) = moments {
            return in_order(forward, moments.into_iter().zip(backward));
        }
    }
    Decision::NoOrder
}

/// A moment at which all of a backward cluster can happen: outside of every forward zone.
fn moment(backward: &Cluster, forward: &[Cluster]) -> Option<u64> {
    let (begin, end) = (backward.last_call, backward.first_answer);
    let after = forward.partition_point(|cluster| cluster.first_answer < begin);
    let around = after.checked_sub(1).map(|index| forward[index].last_call).filter(|last| begin < *last);
    around.map_or(Some(begin), |last| (last <= end).then_some(last))
}

fn in_order(forward: Vec<Cluster>, backward: impl Iterator<Item = (u64, Cluster)>) -> Decision {
    let forward = forward.into_iter().map(|cluster| (cluster.first_answer, cluster));
    let mut all: Vec<(u64, Cluster)> = forward.chain(backward).collect();
    all.sort_by_key(|(moment, _)| *moment);
    Decision::Order(all.into_iter().flat_map(|(_, cluster)| cluster.operations()).collect())
}
