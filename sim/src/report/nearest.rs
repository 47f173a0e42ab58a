//! The nearest run that passes: where it parts from the one that fails, and which single faults the failure needs.

use super::curve::Curve;
use super::{Effort, Subject};
use crate::die::Die;
use crate::history::Watch;
use crate::plan::{InvalidPlan, Plan};
use crate::scenario::{Run, Tier, Verdict};
use purlin::Instant;
use serde::Serialize;

/// Where a passing run parts from the failing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// What is different about the passing run.
    pub change: String,
    /// How many entries both have in common.
    pub shared: usize,
    /// When the failing run's first entry of its own happened, in nanoseconds of true time.
    pub at_ns: u64,
    /// The last entries that both have.
    pub before: Vec<String>,
    /// What follows in the run that fails.
    pub failing: Vec<String>,
    /// What follows in the run that passes.
    pub passing: Vec<String>,
}

/// What comes of the run without one of its faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Without {
    /// The fault's index in the plan.
    pub fault: usize,
    /// What the judges say then.
    pub verdict: Verdict,
}

/// How many lines of context are shown.
const CONTEXT: usize = 3;
const AFTER: usize = 8;

/// What was found by leaving single faults out, by other noise, and among the forks of the curve.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    pub(super) without: Vec<Without>,
    pub(super) nearest: Option<Divergence>,
}

/// Runs the neighbours of a failing run.
pub(super) fn explore(
    subject: &Subject<'_>,
    failing: &[String],
    curve: Option<&Curve>,
    effort: Effort,
) -> Result<Neighbours, InvalidPlan> {
    let mut found = Neighbours::default();
    let mut nearest = Nearest { failing: &history(subject.plan, failing), best: None };
    if let Some((at_ns, noise)) = curve.and_then(|curve| curve.survivor) {
        let run = rerun_fork(subject, at_ns, noise)?;
        let seconds = at_ns as f64 / 1e9;
        nearest.consider(format!("the same run with other noise from {seconds:.3} s on"), run.trace);
    }
    for (fault, plan) in without_one(subject.plan).take(effort.neighbours) {
        let run = subject.scenario.run(subject.tier, &plan)?;
        if run.verdict.holds() {
            let run = subject.scenario.run_traced(subject.tier, &plan)?;
            nearest.consider(format!("the same run without fault {fault}"), history(&plan, &run.trace));
        }
        found.without.push(Without { fault, verdict: run.verdict });
    }
    let passes = |plan: &Plan| subject.scenario.run(subject.tier, plan).map(|run| run.verdict.holds());
    for plan in with_other_noise(subject.plan).take(if nearest.best.is_none() { effort.neighbours } else { 0 }) {
        if passes(&plan)? {
            let run = subject.scenario.run_traced(subject.tier, &plan)?;
            nearest.consider(format!("the same plan with noise {}", plan.noise), history(&plan, &run.trace));
        }
    }
    found.nearest = nearest.best;
    found.without.sort_by_key(|without| without.fault);
    Ok(found)
}

/// The plans that lack one fault, the latest first. What a plan's written dice show, they show without it too.
fn without_one(plan: &Plan) -> impl Iterator<Item = (usize, Plan)> {
    let mut order: Vec<usize> = (0..plan.faults.len()).collect();
    order.sort_by_key(|fault| core::cmp::Reverse((plan.faults[*fault].start_ms, *fault)));
    order.into_iter().map(|fault| {
        let mut plan = plan.clone();
        plan.faults.remove(fault);
        (fault, plan)
    })
}

fn with_other_noise(plan: &Plan) -> impl Iterator<Item = Plan> {
    let mut die = Die::new(plan.noise, "neighbours");
    core::iter::repeat_with(move || Plan { noise: die.below(Plan::NOISE_MAX), throws: None, ..plan.clone() })
}

/// A fork once more, with its history.
fn rerun_fork(subject: &Subject<'_>, at_ns: u64, noise: u64) -> Result<Run, InvalidPlan> {
    debug_assert_eq!(subject.tier, Tier::Swarm);
    let mut session = subject.scenario.begin(subject.plan, Watch { lines: true, ..Watch::default() })?;
    session.advance(Instant::from_nanos(at_ns));
    Ok(session.fork(noise).finish())
}

/// A trace without the lines of its plan.
fn history(plan: &Plan, trace: &[String]) -> Vec<String> {
    trace.get(plan.lines().len()..).unwrap_or_default().to_vec()
}

struct Nearest<'a> {
    failing: &'a [String],
    best: Option<Divergence>,
}

impl Nearest<'_> {
    /// The run that shares the longest beginning is the nearest; of equals the first.
    fn consider(&mut self, change: String, passing: Vec<String>) {
        let Some(found) = divergence(change, self.failing, &passing) else { return };
        if self.best.as_ref().is_none_or(|best| best.shared < found.shared) {
            self.best = Some(found);
        }
    }
}

/// The first lines that differ. Lines that tell of faults differ with the plan, and do not count.
fn divergence(change: String, failing: &[String], passing: &[String]) -> Option<Divergence> {
    let events =
        |lines: &'_ [String]| -> Vec<String> { lines.iter().filter(|line| !tells_of_a_fault(line)).cloned().collect() };
    let (failing, passing) = (events(failing), events(passing));
    let shared = failing.iter().zip(&passing).take_while(|(one, other)| one == other).count();
    let rest = |lines: &[String]| lines.iter().skip(shared).take(AFTER).cloned().collect::<Vec<_>>();
    let at_ns = failing.get(shared).or(passing.get(shared)).and_then(|line| moment(line))?;
    let before = failing[shared.saturating_sub(CONTEXT)..shared].to_vec();
    Some(Divergence { change, shared, at_ns, before, failing: rest(&failing), passing: rest(&passing) })
}

fn tells_of_a_fault(line: &str) -> bool {
    let told = line.strip_suffix(" begins").or_else(|| line.strip_suffix(" is over"));
    let number =
        told.and_then(|told| told.trim_start().split_once(' ')).and_then(|(_, what)| what.strip_prefix("fault "));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The instant at the head of a line, in nanoseconds.
fn moment(line: &str) -> Option<u64> {
    let (seconds, rest) = line.trim_start().split_once('.')?;
    let nanos = rest.split_once(' ')?.0;
    Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + nanos.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        let line = |(second, text): (usize, &&str)| format!("{second:>6}.000000005 {text}");
        texts.iter().enumerate().map(line).collect()
    }

    #[test]
    fn the_first_line_that_differs_is_found_whatever_the_faults_are_called() {
        let failing = lines(&["a", "fault 1 begins", "b", "c", "lost"]);
        let mut passing = lines(&["a", "fault 0 begins", "b", "c", "found", "more"]);
        passing.remove(1);
        let found = divergence("x".to_owned(), &failing, &passing).unwrap();
        assert_eq!((found.shared, found.at_ns), (3, 4_000_000_005));
        assert!(found.failing[0].ends_with("lost") && found.passing[0].ends_with("found") && found.passing.len() == 2);
        assert_eq!(found.before.len(), 3);
    }

    #[test]
    fn a_run_that_only_ends_sooner_parts_where_it_ends() {
        let (failing, passing) = (lines(&["a", "b"]), lines(&["a", "b", "c"]));
        let found = divergence("x".to_owned(), &failing, &passing).unwrap();
        assert_eq!((found.shared, found.at_ns, found.failing.len()), (2, 2_000_000_005, 0));
        assert_eq!(divergence("x".to_owned(), &failing, &failing), None);
    }

    #[test]
    fn the_longest_shared_beginning_wins() {
        let failing = lines(&["a", "b", "c", "d"]);
        let mut nearest = Nearest { failing: &failing, best: None };
        nearest.consider("far".to_owned(), lines(&["a", "x"]));
        nearest.consider("near".to_owned(), lines(&["a", "b", "c", "x"]));
        nearest.consider("farther".to_owned(), lines(&["y"]));
        assert_eq!(nearest.best.unwrap().change, "near");
    }

    #[test]
    fn faults_are_left_out_from_late_to_early() {
        let fault = |start_ms| crate::Fault { start_ms, duration_ms: 1, kind: crate::FaultKind::Crash };
        let mut plan = crate::scenarios()[0].plan(1);
        plan.faults = vec![fault(5), fault(90), fault(40)];
        let order: Vec<usize> = without_one(&plan).map(|(fault, _)| fault).collect();
        assert_eq!(order, [1, 2, 0]);
        assert!(without_one(&plan).all(|(fault, rest)| !rest.faults.contains(&plan.faults[fault])));
    }
}
