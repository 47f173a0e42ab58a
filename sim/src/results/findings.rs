//! What is known of seeds.

use super::{Finding, Record};
use crate::SAME_SEED_SAME_BYTES;
use crate::scenario::Verdict;
use std::collections::BTreeMap;

/// All findings, once each, with the least processor time that one has taken. Whatever the order in which they were
/// added, it is the same set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    cpu_ns: BTreeMap<Finding, u64>,
}

impl Findings {
    pub(crate) fn add(&mut self, Record { finding, cpu_ns }: Record) {
        let least = self.cpu_ns.entry(finding).or_insert(cpu_ns);
        *least = cpu_ns.min(*least);
    }

    /// Everything, in order of seeds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Record> {
        self.cpu_ns.iter().map(|(finding, cpu_ns)| Record { finding: finding.clone(), cpu_ns: *cpu_ns })
    }

    /// What is known of one seed, all in all; `None` if nothing is.
    pub(crate) fn of_seed(&self, seed: u64) -> Option<Record> {
        let least = Finding::least(seed);
        let found = self.cpu_ns.range(least..).take_while(|(finding, _)| finding.seed == seed);
        reconciled(found.map(|(finding, cpu_ns)| (finding, *cpu_ns)))
    }

    /// One record a seed, in order of seeds.
    pub(crate) fn by_seed(&self) -> impl Iterator<Item = Record> {
        let mut rest = self.cpu_ns.iter().map(|(finding, cpu_ns)| (finding, *cpu_ns)).peekable();
        std::iter::from_fn(move || {
            let first = rest.next()?;
            let mut same = vec![first];
            while let Some(other) = rest.next_if(|(finding, _)| finding.seed == first.0.seed) {
                same.push(other);
            }
            reconciled(same.into_iter())
        })
    }
}

impl Finding {
    /// What comes before every finding of a seed.
    fn least(seed: u64) -> Self {
        let (plan, trace_hash) = Default::default();
        let verdict = Verdict::Holds;
        Self { seed, plan, faults: 0, verdict, events: 0, simulated_ns: 0, trace_hash, coverage: 0 }
    }
}

/// The one finding of a seed. If there are several, the seed was not the same each time it was run.
fn reconciled<'a>(mut found: impl Iterator<Item = (&'a Finding, u64)>) -> Option<Record> {
    let (first, mut cpu_ns) = found.next()?;
    let mut told = vec![told_of(first)];
    for (other, cpu_ns_more) in found {
        told.push(told_of(other));
        cpu_ns = cpu_ns.saturating_add(cpu_ns_more);
    }
    let mut finding = first.clone();
    if told.len() > 1 {
        let detail = format!("{} runs by one and the same build were not alike: {}", told.len(), told.join("; "));
        finding.verdict = Verdict::Violated { property: SAME_SEED_SAME_BYTES.to_owned(), detail };
    }
    Some(Record { finding, cpu_ns })
}

fn told_of(finding: &Finding) -> String {
    let verdict = finding.verdict.property().map_or("all held".to_owned(), |property| format!("{property} was broken"));
    format!("{verdict} in {} events, hash {}, plan {}", finding.events, finding.trace_hash, finding.plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;

    fn record(seed: u64, hash: u64, cpu_ns: u64) -> Record {
        Record { finding: Finding { trace_hash: Hash(hash), ..Finding::least(seed) }, cpu_ns }
    }

    fn findings(records: &[Record]) -> Findings {
        let mut findings = Findings::default();
        records.iter().cloned().for_each(|record| findings.add(record));
        findings
    }

    #[test]
    fn the_same_finding_is_kept_once_with_its_least_time() {
        let findings = findings(&[record(1, 5, 30), record(1, 5, 10), record(1, 5, 20)]);
        assert_eq!(findings.iter().collect::<Vec<_>>(), [record(1, 5, 10)]);
        assert_eq!(findings.of_seed(1), Some(record(1, 5, 10)));
        assert_eq!((findings.of_seed(0), findings.of_seed(2)), (None, None));
    }

    #[test]
    fn a_seed_with_two_hashes_breaks_that_the_same_seed_gives_the_same_bytes() {
        let findings = findings(&[record(1, 6, 1), record(0, 4, 1), record(1, 5, 1)]);
        let by_seed: Vec<Record> = findings.by_seed().collect();
        assert_eq!((by_seed.len(), &by_seed[0]), (2, &record(0, 4, 1)));
        let Verdict::Violated { property, detail } = &by_seed[1].finding.verdict else { panic!("they differ") };
        assert_eq!(property, SAME_SEED_SAME_BYTES);
        assert!(detail.contains("0000000000000005") && detail.contains("0000000000000006"), "{detail}");
        assert_eq!(findings.of_seed(1).as_ref(), Some(&by_seed[1]));
    }
}
