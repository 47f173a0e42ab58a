//! Every engine under every load.

use crate::options::Options;
use crate::workload::Load;

/// One row of the table.
#[derive(Clone)]
pub(crate) struct Case {
    /// As it stands in the table.
    pub(crate) name: String,
    pub(crate) program: Program,
    /// What the program calls this engine.
    pub(crate) engine: &'static str,
    pub(crate) load: Load,
}

/// Which program measures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// This one.
    Own,
    /// raft-rs, built with this codec.
    RaftRs(&'static str),
}

struct Contender {
    name: &'static str,
    program: Program,
    engine: &'static str,
    /// The least window under which it goes on by itself.
    window_min: u64,
    /// For W=1.
    proposals: u64,
}

const CONTENDERS: [Contender; 8] = [
    contender("purlin", Program::Own, "purlin"),
    contender("raft-rs 0.7.0, prost", Program::RaftRs("prost-codec"), "one"),
    contender("raft-rs 0.7.0, prost, batch_append", Program::RaftRs("prost-codec"), "batched"),
    contender("raft-rs 0.7.0, protobuf", Program::RaftRs("protobuf-codec"), "one"),
    contender("raft-rs 0.7.0, protobuf, batch_append", Program::RaftRs("protobuf-codec"), "batched"),
    Contender { proposals: 30_000, ..contender("openraft 0.9.25", Program::Own, "openraft") },
    contender("OmniPaxos 0.2.4, batch of 1", Program::Own, "omnipaxos-1"),
    Contender { window_min: 1_000, ..contender("OmniPaxos 0.2.4, batch of 1000", Program::Own, "omnipaxos-1000") },
];

const fn contender(name: &'static str, program: Program, engine: &'static str) -> Contender {
    Contender { name, program, engine, window_min: 1, proposals: 60_000 }
}

/// All cases that were asked for, load by load.
pub(crate) fn cases(options: &Options) -> Vec<Case> {
    let loads = [(1, 16), (1, 1_024), (1_000, 16), (1_000, 1_024)];
    let all = loads.into_iter().flat_map(|(window, payload)| {
        let contenders = CONTENDERS.iter().filter(move |contender| window >= contender.window_min);
        contenders.map(move |contender| contender.under(window, payload))
    });
    all.filter(|case| options.selects(&case.name)).collect()
}

impl Contender {
    fn under(&self, window: u64, payload: usize) -> Case {
        let proposals = if window == 1 { self.proposals } else { 300_000 };
        let load = Load { window, payload, proposals };
        Case { name: format!("{} W={window} P={payload}", self.name), program: self.program, engine: self.engine, load }
    }
}
