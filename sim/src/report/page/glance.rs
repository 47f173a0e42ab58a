//! The run at a glance: all lanes over the whole time, and above them how likely the failure was.

use super::{escaped, seconds, tint};
use crate::report::{Curve, FaultLine, Likelihood, Operation, Outcome, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The chart: plain boxes on a percent scale, so that text keeps its size at any width.
pub(super) fn chart(report: &Report) -> String {
    let scale = Scale { end_ns: report.end_ns.max(1) };
    let lanes: String = (0..report.lanes.len()).map(|lane| lane_row(report, &scale, lane)).collect();
    format!("{}{lanes}{}", curve_row(report, &scale), axis(&scale))
}

struct Scale {
    end_ns: u64,
}

impl Scale {
    fn percent(&self, at_ns: u64) -> f64 {
        at_ns.min(self.end_ns) as f64 * 100.0 / self.end_ns as f64
    }

    /// Where something lies that lasts from one moment to another.
    fn place(&self, from_ns: u64, to_ns: u64) -> String {
        let (from, to) = (self.percent(from_ns), self.percent(to_ns));
        format!("left:{from:.3}%;width:{:.3}%", to - from)
    }
}

fn lane_row(report: &Report, scale: &Scale, lane: usize) -> String {
    let mut marks = String::new();
    let strikes = |fault: &FaultLine| fault.lanes.contains(&lane) && fault.start_ms * 1_000_000 < report.end_ns;
    for (number, fault) in report.faults.iter().enumerate().filter(|(_, fault)| strikes(fault)) {
        let place = scale.place(fault.start_ms * 1_000_000, fault.end_ms * 1_000_000);
        let told = escaped(&format!("fault {number}: {}", fault.sentence));
        let _ = write!(marks, "<i class=\"band {}\" style=\"{place}\" title=\"{told}\"></i>", tint(fault.class));
    }
    for gap in report.gaps.iter().filter(|gap| gap.lane == lane) {
        let place = scale.place(gap.from_ns, gap.to_ns.unwrap_or(scale.end_ns));
        let _ = write!(marks, "<i class=\"gap\" style=\"{place}\" title=\"down from {} s\"></i>", seconds(gap.from_ns));
    }
    marks += &operation_marks(report, scale, &report.lanes[lane].name);
    let name = escaped(&report.lanes[lane].name);
    let class = if report.lanes[lane].client { "lane client" } else { "lane" };
    format!("<div class=\"{class}\"><span class=\"name\">{name}</span><div class=\"track\">{marks}</div></div>")
}

/// How many marks a lane has at most: so many fit side by side on a wide screen.
const BUCKETS: u64 = 400;

/// A client's operations. Of those that would lie upon each other the worst is shown.
fn operation_marks(report: &Report, scale: &Scale, name: &str) -> String {
    let mut buckets: BTreeMap<u64, (&Operation, u64)> = BTreeMap::new();
    for operation in report.operations.iter().filter(|operation| operation.client == name) {
        let bucket = operation.at_ns.min(scale.end_ns) / (scale.end_ns / BUCKETS + 1);
        let end_ns = operation.end.as_ref().map_or(scale.end_ns, |end| end.at_ns);
        let worse = |known: &(&Operation, u64)| severity(operation) > severity(known.0);
        if buckets.get(&bucket).is_none_or(worse) {
            buckets.insert(bucket, (operation, end_ns));
        }
    }
    buckets.values().map(|(operation, end_ns)| operation_mark(scale, operation, *end_ns)).collect()
}

fn severity(operation: &Operation) -> u32 {
    match operation.end.as_ref().map(|end| end.outcome) {
        Some(Outcome::Ok) => 0,
        Some(Outcome::Fail) => 1,
        Some(Outcome::Unknown) => 2,
        None => 3,
    }
}

fn operation_mark(scale: &Scale, operation: &Operation, end_ns: u64) -> String {
    let outcome = operation.end.as_ref().map_or("open", |end| end.outcome.name());
    let answer = operation.end.as_ref().map_or("no answer yet", |end| &end.text);
    let told = escaped(&format!("{} s: {} ({outcome}: {answer})", seconds(operation.at_ns), operation.request));
    let place = scale.place(operation.at_ns, end_ns);
    format!("<i class=\"op {outcome}\" style=\"{place}\" title=\"{told}\"></i>")
}

fn curve_row(report: &Report, scale: &Scale) -> String {
    let Likelihood::Measured(curve) = &report.likelihood else { return String::new() };
    let drawn = line(curve, scale);
    let dots: String = curve.points.iter().map(|point| dot(point.at_ns, point.failed, point.of, scale)).collect();
    format!(
        "<div class=\"lane curve\"><span class=\"name\">likelihood</span><div class=\"track\">\
         <span class=\"scale top\">100%</span><span class=\"scale bottom\">0</span>\
         <svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{drawn}</svg>{dots}</div></div>"
    )
}

fn height(failed: u32, of: u32) -> f64 {
    100.0 - f64::from(failed) * 100.0 / f64::from(of.max(1))
}

fn line(curve: &Curve, scale: &Scale) -> String {
    let mut path = String::new();
    for point in &curve.points {
        let (x, y) = (scale.percent(point.at_ns), height(point.failed, point.of));
        let _ = write!(path, "{}{x:.3} {y:.2}", if path.is_empty() { "M" } else { "L" });
    }
    let first = curve.points.first().map_or(0.0, |point| scale.percent(point.at_ns));
    let last = curve.points.last().map_or(0.0, |point| scale.percent(point.at_ns));
    format!(
        "<path class=\"area\" d=\"{path}L{last:.3} 100L{first:.3} 100Z\"/><path class=\"line\" d=\"{path}\" \
         vector-effect=\"non-scaling-stroke\"/>"
    )
}

fn dot(at_ns: u64, failed: u32, of: u32, scale: &Scale) -> String {
    let (x, y) = (scale.percent(at_ns), height(failed, of));
    let told = format!("from {} s on {failed} of {of} fail", seconds(at_ns));
    format!("<b class=\"dot\" style=\"left:{x:.3}%;top:{y:.2}%\" title=\"{told}\"></b>")
}

/// Five moments that are round numbers.
fn axis(scale: &Scale) -> String {
    let step = round_step(scale.end_ns);
    let ticks = (0..).map(|tick| tick * step).take_while(|at| *at <= scale.end_ns);
    let tick = |at: u64| {
        let label = crate::sentence::seconds(at / 1_000_000);
        format!("<span class=\"tick\" style=\"left:{:.3}%\">{label}</span>", scale.percent(at))
    };
    let ticks: String = ticks.map(tick).collect();
    format!(
        "<div class=\"lane axis\" aria-hidden=\"true\"><span class=\"name\"></span><div class=\"track\">{ticks}</div></div>"
    )
}

/// The smallest of 1, 2, 5, 10, … milliseconds of which few fit in.
fn round_step(end_ns: u64) -> u64 {
    let mut steps = (6..18).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    steps.find(|step| end_ns / step <= 6).unwrap_or(end_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let steps: Vec<u64> = [3_000_000, 700_000_000, 12_345_678_901, 90_000_000_000].map(round_step).to_vec();
        assert_eq!(steps, [1_000_000, 200_000_000, 2_000_000_000, 20_000_000_000]);
    }

    #[test]
    fn what_lies_beyond_the_end_is_cut_off_there() {
        let scale = Scale { end_ns: 1_000 };
        assert_eq!(scale.place(500, 5_000), "left:50.000%;width:50.000%");
        assert_eq!(scale.place(2_000, 5_000), "left:100.000%;width:0.000%");
    }
}
