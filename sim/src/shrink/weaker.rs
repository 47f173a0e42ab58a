//! Weaker and plainer forms of a fault: what is easier to believe, and to explain.

use crate::plan::{Fault, FaultKind, Nodes, Ratio, Span};

/// The forms to be tried in place of a fault's kind, the plainest first. A kind that is not told of here stays as it is.
pub(super) fn forms(fault: &Fault) -> Vec<FaultKind> {
    use FaultKind::{
        ClockJump, Delay, Duplicate, Errors, Hang, Kill, Lose, Partition, PowerLoss, Slow, SlowDisk, Spike, Usurp,
    };
    match fault.kind {
        PowerLoss { node } | Usurp { node } => vec![Kill { node }],
        Partition { groups, one_way } => partitions(fault, groups, one_way),
        Lose { share, link } => shares(share, |share| Lose { share, link }),
        Duplicate { share, link } => shares(share, |share| Duplicate { share, link }),
        Errors { share } => shares(share, |share| Errors { share }),
        Hang { share } => shares(share, |share| Hang { share }),
        Delay { extra, link } => spans(extra, |extra| Delay { extra, link }),
        SlowDisk { node, extra } => spans(extra, |extra| SlowDisk { node, extra }),
        Slow { extra } => spans(extra, |extra| Slow { extra }),
        ClockJump { node, forward_ms } if forward_ms > 1 => vec![ClockJump { node, forward_ms: forward_ms / 2 }],
        Spike { factor } if factor > 2 => vec![Spike { factor: 2 }, Spike { factor: factor / 2 }],
        _ => Vec::new(),
    }
}

/// A delay for as long as it lasts, one way only, or between fewer nodes.
fn partitions(fault: &Fault, groups: [Nodes; 2], one_way: bool) -> Vec<FaultKind> {
    let [first, second] = groups;
    let mut forms = Vec::new();
    if let (true, Some(from), Some(to)) = (one_way, only(first), only(second)) {
        let extra = Span::new(fault.duration_ms, fault.duration_ms);
        forms.push(FaultKind::Delay { extra, link: Some(crate::plan::Link { from, to }) });
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
        let delay = FaultKind::Delay { extra, link: Some(crate::plan::Link { from: 0, to: 1 }) };
        assert_eq!(forms(&Fault { start_ms: 9, duration_ms: 40, kind }), [delay]);
    }
}
