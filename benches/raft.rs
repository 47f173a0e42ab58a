//! Raft's machine by itself, without a disk or a wire: `cargo bench --bench raft`. Beside its peers, and in instructions:
//! `benches/peers/raft` and `benches/README.md`.
//!
//! Three replicas in one process, one of which leads; a proposal's whole life, from the leader's client and through all three
//! logs, with as many others under way as stand in the name. The floor puts the same commands into three logs that agree
//! about nothing. Nanoseconds a proposal, once at a load of 13 on 2 cores, so all of it is too high:
//!
//! ```text
//!   under way         1      10     100    1000   floor
//!   16 bytes       1831     453     254     233     118
//!   1024 bytes     3298    1124     484     389     398
//! ```

#[path = "peers/raft/purlin.rs"]
mod engine;
#[path = "peers/raft/workload.rs"]
mod workload;

use criterion::{Criterion, Throughput};
use engine::Cluster;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use workload::{Applied, COMPACT_AFTER, Engine, KEEP, Load, NODES, lead};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for payload in [16, 1_024] {
        for window in [1, 10, 100, 1_000] {
            proposals(&mut criterion, window, payload);
        }
        floor(&mut criterion, payload);
    }
    criterion.final_summary();
}

fn proposals(criterion: &mut Criterion, window: u64, payload: usize) {
    let mut cluster = Cluster::elect();
    let mut load = Load { window, payload, proposals: 0 };
    let mut group = criterion.benchmark_group("raft/proposal");
    group.throughput(Throughput::Elements(window));
    group.bench_function(format!("{window}_under_way/{payload}_bytes"), |bencher| {
        bencher.iter(|| {
            load.proposals += window;
            lead(&mut cluster, load);
        });
    });
    group.finish();
    (0..20).for_each(|_| cluster.round());
    let all = Applied { proposals: load.proposals, bytes: load.proposals * payload as u64 };
    assert_eq!(cluster.applied(), [all; NODES]);
    assert!(cluster.sent() > 0);
}

/// As long as the logs of the replicas.
fn floor(criterion: &mut Criterion, payload: usize) {
    let mut logs: [VecDeque<Arc<Vec<u8>>>; NODES] = Default::default();
    let mut applied = Applied::default();
    let mut group = criterion.benchmark_group("raft/floor");
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{payload}_bytes"), |bencher| {
        bencher.iter(|| {
            let command = Arc::new(vec![0x5a; payload]);
            for log in &mut logs {
                log.push_back(Arc::clone(&command));
                applied.add(command.len());
                if log.len() as u64 >= COMPACT_AFTER {
                    log.drain(..log.len() - KEEP as usize);
                }
            }
        });
    });
    group.finish();
    black_box(applied);
}
