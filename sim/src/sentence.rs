//! Plans in plain English: each fault a sentence, the options a small table.

use crate::document::Document;
use crate::plan::{Fault, FaultKind, Law, Link, Nodes, Plan, Ratio, Span};
use serde::Serialize;

/// One option of a plan: where it stands, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its path in the plan's options.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What a fault does, and when, in one sentence.
///
/// ```
/// use purlin_sim::{Fault, FaultKind, sentence};
///
/// let fault = Fault { start_ms: 1_200, duration_ms: 2_200, kind: FaultKind::PowerLoss { node: 2 } };
/// let told = "from 1.2 s to 3.4 s node 2 has no power; of what it had not synced any prefix may survive";
/// assert_eq!(sentence::of_fault(&fault), told);
/// ```
pub fn of_fault(fault: &Fault) -> String {
    let (begin, end) = (seconds(fault.start_ms), seconds(fault.end_ms()));
    let what = deed(&fault.kind);
    if is_momentary(&fault.kind) { format!("at {begin} {what}") } else { format!("from {begin} to {end} {what}") }
}

/// What the options of a plan say, in the order in which they stand in it.
pub fn of_options(plan: &Plan) -> Vec<Choice> {
    let mut choices = Vec::new();
    collect("", &plan.options, &mut choices);
    choices
}

/// Milliseconds as people read them.
pub(crate) fn seconds(millis: u64) -> String {
    match (millis / 1_000, millis % 1_000) {
        (whole, 0) => format!("{whole} s"),
        (whole, rest) => format!("{whole}.{} s", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// Whether it happens when the fault begins, and not as long as it lasts.
fn is_momentary(kind: &FaultKind) -> bool {
    use FaultKind::{ClockJump, Destroy, Herd};
    matches!(kind, Herd | Destroy { .. } | ClockJump { .. })
}

fn deed(kind: &FaultKind) -> String {
    match *kind {
        FaultKind::Errors { share } => format!("the server answers {} with an error", part(share, "calls")),
        FaultKind::Slow { extra } => format!("the server takes {} longer over each call", span(extra)),
        FaultKind::Hang { share } => format!("the server never answers {}", part(share, "calls")),
        FaultKind::Abort { share } => format!("the server breaks {} off in the middle", part(share, "calls")),
        FaultKind::RateLimit { per_second } => {
            format!("the server takes {per_second} calls a second, and answers the others with an error")
        }
        FaultKind::Crash => "the server is down: calls in it are cut off, and new ones are refused".to_owned(),
        FaultKind::Cut => "nothing passes between caller and server; it all arrives afterwards".to_owned(),
        FaultKind::Impatience { patience_ms } => format!("clients wait no longer than {}", duration(patience_ms)),
        FaultKind::Spike { factor } => format!("clients rest only 1/{factor} of their usual time"),
        FaultKind::Herd => "all clients that rest call at once".to_owned(),
        FaultKind::Delay { extra, law, link } => {
            let mostly = if law == Law::Halving { ", mostly near the least" } else { "" };
            format!("each message {} takes {} longer{mostly}", between(link), span(extra))
        }
        FaultKind::Lose { share, link } => format!("{} {} are lost", part(share, "messages"), between(link)),
        FaultKind::Duplicate { share, link } => format!("{} {} arrive twice", part(share, "messages"), between(link)),
        FaultKind::Reorder { share, extra, link } => {
            format!("{} {} take {} longer, and are overtaken", part(share, "messages"), between(link), span(extra))
        }
        FaultKind::Partition { groups, one_way } => partition(groups, one_way),
        FaultKind::Bridge { node } => {
            format!(
                "only node {node} reaches all others: those before it and those after it are cut off from each other"
            )
        }
        FaultKind::Ring => "each node reaches only the next one and the one before, in a ring".to_owned(),
        FaultKind::Flap { groups: [first, second], cut_ms, free_ms } => {
            let (first, second) = (group(first), group(second));
            let (cut, free) = (duration(cut_ms), duration(free_ms));
            format!(
                "nothing passes between {first} and {second} for {cut}, then everything for {free}, again and again"
            )
        }
        FaultKind::Bandwidth { bytes_per_second, queue_bytes, link } => {
            let between = between(link);
            format!(
                "{bytes_per_second} bytes a second pass {between}; {queue_bytes} may wait, and what is more is lost"
            )
        }
        FaultKind::Kill { node } => format!("node {node} is down, its process killed; what it had written stays"),
        FaultKind::PowerLoss { node } => {
            format!("node {node} has no power; of what it had not synced any prefix may survive")
        }
        FaultKind::Restart { node } => format!("node {node} is down, shut down in good order"),
        FaultKind::Usurp { node } => {
            format!("another process holds the journal of node {node}, whose own process ends at its next write")
        }
        FaultKind::Pause { node } => {
            format!("node {node} stands still; then it goes on with all that has come in meanwhile")
        }
        FaultKind::SlowNode { node, extra } => {
            format!("node {node} takes {} over each thing that comes in", span(extra))
        }
        FaultKind::Destroy { node } => format!("node {node} is destroyed, with its disk, for good"),
        FaultKind::Upgrade { node, version } => {
            format!("node {node} is down, to be started again as version {version}")
        }
        FaultKind::SlowDisk { node, extra } => {
            format!("each sync of the disk of node {node} takes {} longer", span(extra))
        }
        FaultKind::TornWrite { node } => {
            format!("node {node} has no power, lost while it wrote; of what it had not synced any sectors may survive")
        }
        FaultKind::BitRot { node, bits } => {
            let bits = if bits == 1 { "a bit is".to_owned() } else { format!("{bits} bits are") };
            format!("{bits} flipped of what node {node} had synced; whoever runs it restores the file afterwards")
        }
        FaultKind::MisdirectedWrite { node } => {
            format!(
                "the next write of node {node} lands in another place; whoever runs it restores the file afterwards"
            )
        }
        FaultKind::FsyncError { node } => format!("syncs of the disk of node {node} fail, at which its process ends"),
        FaultKind::FullDisk { node } => format!("the disk of node {node} is full, at which its process ends"),
        FaultKind::ReadError { node } => {
            format!("the disk of node {node} cannot be read: its process ends when it reads, and does not start")
        }
        FaultKind::ClockJump { node, forward_ms } => {
            format!("the clock of node {node} jumps {} forward, and stays ahead", duration(forward_ms))
        }
        FaultKind::ClockBack { node, back_ms } => {
            format!("the clock of node {node} is set back by {}; then it is right again", duration(back_ms))
        }
        FaultKind::ClockFreeze { node } => format!("the clock of node {node} stands still; then it is right again"),
        FaultKind::ClockDrift { node, drift_ppm } => {
            let verb = if drift_ppm < 0 { "loses" } else { "gains" };
            format!("the clock of node {node} {verb} {} µs a second", drift_ppm.unsigned_abs())
        }
        FaultKind::LoadedDie { node, face } => {
            format!("whatever node {node} draws at random is {face}, or the most there is")
        }
    }
}

fn partition([first, second]: [Nodes; 2], one_way: bool) -> String {
    let back = if one_way { "; the other way is free" } else { ", either way" };
    format!("nothing passes from {} to {}{back}", group(first), group(second))
}

/// Some of the messages, or of the calls.
fn part(share: Ratio, things: &str) -> String {
    match reduced(share) {
        (part, whole) if part == whole => format!("all {things}"),
        (0, _) => format!("none of the {things}"),
        (part, whole) => format!("{part} in {whole} {things}"),
    }
}

fn reduced(share: Ratio) -> (u32, u32) {
    let (mut divisor, mut rest) = (share.denominator(), share.numerator());
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (share.numerator() / divisor, share.denominator() / divisor)
}

fn between(link: Option<Link>) -> String {
    match link {
        None => "on any link".to_owned(),
        Some(Link { from, to }) => format!("from node {from} to node {to}"),
    }
}

fn group(nodes: Nodes) -> String {
    let members: Vec<String> = nodes.iter().map(|node| node.to_string()).collect();
    match members.split_last() {
        None => "no node".to_owned(),
        Some((only, [])) => format!("node {only}"),
        Some((last, others)) => format!("nodes {} and {last}", others.join(", ")),
    }
}

fn span(span: Span) -> String {
    match (span.least_ms, span.most_ms) {
        (least, most) if least == most => duration(least),
        (least, most) => format!("{least} to {most} ms"),
    }
}

fn duration(millis: u64) -> String {
    if millis < 1_000 { format!("{millis} ms") } else { seconds(millis) }
}

fn collect(path: &str, document: &Document, choices: &mut Vec<Choice>) {
    match document {
        Document::Fields(fields) if !is_short(document) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, value, choices);
            }
        }
        Document::List(items) if !is_short(document) => {
            items.iter().enumerate().for_each(|(index, item)| collect(&format!("{path}[{index}]"), item, choices));
        }
        _ => choices.push(Choice { name: path.to_owned(), value: inline(document) }),
    }
}

/// Whether it fits into one cell: a scalar, or a few of them.
fn is_short(document: &Document) -> bool {
    match document {
        Document::Fields(fields) => fields.len() <= 2 && fields.iter().all(|(_, value)| is_scalar(value)),
        Document::List(items) => items.iter().all(is_scalar),
        _ => true,
    }
}

fn is_scalar(document: &Document) -> bool {
    !matches!(document, Document::Fields(_) | Document::List(_))
}

fn inline(document: &Document) -> String {
    match document {
        Document::Fields(fields) => match fields.as_slice() {
            [(least, from), (most, to)] if least == "least_ms" && most == "most_ms" => format!("{from} to {to} ms"),
            _ => fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "),
        },
        Document::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: FaultKind) -> String {
        of_fault(&Fault { start_ms: 250, duration_ms: 1_000, kind })
    }

    #[test]
    fn sentences_say_who_and_how_much() {
        let half = Ratio::new(5, 10).unwrap();
        let link = Some(Link { from: 0, to: 2 });
        assert_eq!(
            told(FaultKind::Lose { share: half, link }),
            "from 0.25 s to 1.25 s 1 in 2 messages from node 0 to node 2 are lost"
        );
        assert_eq!(
            told(FaultKind::Duplicate { share: Ratio::ALL, link: None }),
            "from 0.25 s to 1.25 s all messages on any link arrive twice"
        );
        let groups = [Nodes::NONE.with(1), Nodes::NONE.with(0).with(2).with(3)];
        assert_eq!(
            told(FaultKind::Partition { groups, one_way: true }),
            "from 0.25 s to 1.25 s nothing passes from node 1 to nodes 0, 2 and 3; the other way is free"
        );
        assert_eq!(
            told(FaultKind::ClockJump { node: 1, forward_ms: 60_000 }),
            "at 0.25 s the clock of node 1 jumps 60 s forward, and stays ahead"
        );
    }

    #[test]
    fn options_are_told_in_their_order_and_short_ones_in_one_row() {
        let json = r#"{"scenario":"x","noise":1,"faults":[],"options":{"link":{"least_ms":0,"most_ms":8},
            "clocks":[{"ahead_ms":1,"drift_ppm":-5},{"ahead_ms":0,"drift_ppm":0}],"deep":{"a":1,"b":{"c":"d"}},"z":[1,2]}}"#;
        let told: Vec<String> = of_options(&Plan::from_json(json).unwrap())
            .into_iter()
            .map(|Choice { name, value }| format!("{name} = {value}"))
            .collect();
        let clocks = ["clocks[0] = ahead_ms 1, drift_ppm -5", "clocks[1] = ahead_ms 0, drift_ppm 0"];
        assert_eq!(told, ["link = 0 to 8 ms", clocks[0], clocks[1], "deep.a = 1", "deep.b = c \"d\"", "z = [1,2]"]);
    }
}
