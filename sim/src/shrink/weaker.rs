//! Weaker and plainer forms of a fault: what is easier to believe, and to explain.

use crate::fault::{Class, Law};
use crate::plan::{Fault, FaultKind, Link, Nodes, Ratio, Span};

/// The forms to be tried in place of a fault's kind, the plainest first. A kind that is not told of here stays as it is.
pub(super) fn forms(fault: &Fault) -> Vec<FaultKind> {
    match fault.kind.class() {
        Class::Dependency | Class::Load => of_a_service(fault.kind),
        Class::Network => of_a_network(fault),
        Class::Process | Class::Deployment => of_a_process(fault.kind),
        Class::Disk => of_a_disk(fault.kind),
        Class::Clock | Class::Entropy => of_a_clock(fault.kind),
    }
}

fn of_a_service(kind: FaultKind) -> Vec<FaultKind> {
    match kind {
        FaultKind::Errors { share } => shares(share, |share| FaultKind::Errors { share }),
        FaultKind::Hang { share } => shares(share, |share| FaultKind::Hang { share }),
        FaultKind::Abort { share } => shares(share, |share| FaultKind::Abort { share }),
        FaultKind::Slow { extra } => spans(extra, |extra| FaultKind::Slow { extra }),
        FaultKind::Spike { factor } if factor > 2 => [2, factor / 2].map(|factor| FaultKind::Spike { factor }).into(),
        _ => Vec::new(),
    }
}

fn of_a_network(fault: &Fault) -> Vec<FaultKind> {
    match fault.kind {
        FaultKind::Partition { groups, one_way } => partitions(fault, groups, one_way),
        FaultKind::Flap { groups, .. } => vec![FaultKind::Partition { groups, one_way: false }],
        FaultKind::Lose { share, link } => shares(share, |share| FaultKind::Lose { share, link }),
        FaultKind::Duplicate { share, link } => shares(share, |share| FaultKind::Duplicate { share, link }),
        FaultKind::Reorder { share, extra, link } => reorders(share, extra, link),
        FaultKind::Delay { extra, law: Law::Halving, link } => vec![FaultKind::Delay { extra, law: Law::Even, link }],
        FaultKind::Delay { extra, law, link } => spans(extra, |extra| FaultKind::Delay { extra, law, link }),
        _ => Vec::new(),
    }
}

fn of_a_process(kind: FaultKind) -> Vec<FaultKind> {
    match kind {
        FaultKind::Destroy { node } => vec![FaultKind::Kill { node }, FaultKind::PowerLoss { node }],
        FaultKind::PowerLoss { node } | FaultKind::Usurp { node } => vec![FaultKind::Kill { node }],
        FaultKind::Kill { node } | FaultKind::Upgrade { node, .. } => vec![FaultKind::Restart { node }],
        FaultKind::SlowNode { node, extra } => spans(extra, |extra| FaultKind::SlowNode { node, extra }),
        _ => Vec::new(),
    }
}

fn of_a_disk(kind: FaultKind) -> Vec<FaultKind> {
    match kind {
        FaultKind::SlowDisk { node, extra } => spans(extra, |extra| FaultKind::SlowDisk { node, extra }),
        FaultKind::TornWrite { node } => vec![FaultKind::Kill { node }, FaultKind::PowerLoss { node }],
        FaultKind::BitRot { node, bits } if bits > 1 => vec![FaultKind::BitRot { node, bits: 1 }],
        FaultKind::BitRot { node, .. } | FaultKind::MisdirectedWrite { node } => vec![FaultKind::Kill { node }],
        FaultKind::FsyncError { node } | FaultKind::FullDisk { node } | FaultKind::ReadError { node } => {
            vec![FaultKind::Kill { node }]
        }
        _ => Vec::new(),
    }
}

fn of_a_clock(kind: FaultKind) -> Vec<FaultKind> {
    match kind {
        FaultKind::ClockJump { node, forward_ms } if forward_ms > 1 => {
            vec![FaultKind::ClockJump { node, forward_ms: forward_ms / 2 }]
        }
        FaultKind::ClockBack { node, back_ms } if back_ms > 1 => {
            vec![FaultKind::ClockBack { node, back_ms: back_ms / 2 }]
        }
        FaultKind::ClockDrift { node, drift_ppm } if drift_ppm.unsigned_abs() > 1 => {
            vec![FaultKind::ClockDrift { node, drift_ppm: drift_ppm / 2 }]
        }
        FaultKind::LoadedDie { node, face } if face > 0 => vec![FaultKind::LoadedDie { node, face: 0 }],
        _ => Vec::new(),
    }
}

/// A delay of some messages is one of all.
fn reorders(share: Ratio, extra: Span, link: Option<Link>) -> Vec<FaultKind> {
    let mut forms = vec![FaultKind::Delay { extra, law: Law::Even, link }];
    forms.extend(shares(share, |share| FaultKind::Reorder { share, extra, link }));
    forms.extend(spans(extra, |extra| FaultKind::Reorder { share, extra, link }));
    forms
}

/// A delay for as long as it lasts, one way only, or between fewer nodes.
fn partitions(fault: &Fault, groups: [Nodes; 2], one_way: bool) -> Vec<FaultKind> {
    let [first, second] = groups;
    let mut forms = Vec::new();
    if let (true, Some(from), Some(to)) = (one_way, only(first), only(second)) {
        let extra = Span::new(fault.duration_ms, fault.duration_ms);
        forms.push(FaultKind::Delay { extra, law: Law::Even, link: Some(Link { from, to }) });
    }
    if !one_way {
        let ways = [[first, second], [second, first]];
        forms.extend(ways.map(|groups| FaultKind::Partition { groups, one_way: true }));
    }
    forms.extend(fewer(first).map(|first| FaultKind::Partition { groups: [first, second], one_way }));
    forms.extend(fewer(second).map(|second| FaultKind::Partition { groups: [first, second], one_way }));
    forms
}

/// The one member.
fn only(group: Nodes) -> Option<u32> {
    let mut members = group.iter();
    members.next().filter(|_| members.next().is_none())
}

/// The group without one of its members, unless that were nobody.
fn fewer(group: Nodes) -> impl Iterator<Item = Nodes> {
    let without = move |gone: u32| group.iter().filter(|node| *node != gone).fold(Nodes::NONE, Nodes::with);
    group.iter().map(without).filter(|group| *group != Nodes::NONE)
}

/// All of it: what always happens is simpler than what sometimes does.
fn shares(share: Ratio, kind: impl Fn(Ratio) -> FaultKind) -> Vec<FaultKind> {
    if share.numerator() == share.denominator() { Vec::new() } else { vec![kind(Ratio::ALL)] }
}

/// Always the same, and less of it.
fn spans(Span { least_ms, most_ms }: Span, kind: impl Fn(Span) -> FaultKind) -> Vec<FaultKind> {
    let mut spans = Vec::new();
    if most_ms > 1 {
        spans.push(Span::new(most_ms / 2, most_ms / 2));
    }
    if least_ms < most_ms {
        spans.extend([Span::new(most_ms, most_ms), Span::new(least_ms, least_ms)]);
    }
    spans.into_iter().map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weakening_comes_to_an_end() {
        let groups = [Nodes::NONE.with(0).with(1), Nodes::NONE.with(2).with(3).with(4)];
        let kinds = [
            FaultKind::Partition { groups, one_way: false },
            FaultKind::PowerLoss { node: 1 },
            FaultKind::SlowDisk { node: 1, extra: Span::new(3, 90) },
            FaultKind::Lose { share: Ratio::new(1, 3).unwrap(), link: None },
            FaultKind::ClockJump { node: 0, forward_ms: 1_000 },
            FaultKind::ClockDrift { node: 0, drift_ppm: -900 },
            FaultKind::Flap { groups, cut_ms: 3, free_ms: 4 },
            FaultKind::TornWrite { node: 2 },
            FaultKind::Reorder { share: Ratio::new(1, 3).unwrap(), extra: Span::new(1, 9), link: None },
        ];
        for kind in kinds {
            let mut fault = Fault { start_ms: 0, duration_ms: 100, kind };
            let steps = std::iter::from_fn(|| {
                fault.kind = *forms(&fault).last()?;
                Some(())
            });
            assert!((1..20).contains(&steps.take(100).count()), "{kind:?}");
        }
    }

    #[test]
    fn a_partition_of_two_nodes_one_way_is_a_delay() {
        let groups = [Nodes::NONE.with(0), Nodes::NONE.with(1)];
        let kind = FaultKind::Partition { groups, one_way: true };
        let extra = Span::new(40, 40);
        let delay = FaultKind::Delay { extra, law: Law::Even, link: Some(Link { from: 0, to: 1 }) };
        assert_eq!(forms(&Fault { start_ms: 9, duration_ms: 40, kind }), [delay]);
    }
}
