//! From when on was the failure inevitable? The share of forks that fail alike, by the moment at which they fork off.

use super::{Effort, Subject};
use crate::die::Die;
use crate::plan::{InvalidPlan, Plan};
use crate::simulation::Session;
use purlin::Instant;
use serde::Serialize;

/// How many runs failed in the same property, of those that went their own way from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The moment, in nanoseconds of true time from the start of the run.
    pub at_ns: u64,
    /// How many failed alike.
    pub failed: u32,
    /// How many there were.
    pub of: u32,
}

impl Point {
    fn is_certain(&self) -> bool {
        self.failed == self.of
    }
}

/// How likely the failure was, by the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// As forks of the run have shown.
    Measured(Curve),
    /// It was not measured.
    Unmeasured {
        /// Why not.
        why: String,
    },
}

/// The likelihood of a failure, moment by moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// In the order of their moments.
    pub points: Vec<Point>,
    /// A fork that did not fail, as late as one was seen: its moment and its noise.
    pub survivor: Option<(u64, u64)>,
}

impl Curve {
    /// From this moment on every fork failed; `None` if even the last moment left a way out.
    pub fn certain_from_ns(&self) -> Option<u64> {
        self.points.iter().rev().take_while(|point| point.is_certain()).last().map(|point| point.at_ns)
    }

    /// The moments between which the likelihood rose most; the later ones of equal rises.
    pub fn steepest(&self) -> Option<[Point; 2]> {
        let steps = self.points.windows(2).map(|pair| [pair[0], pair[1]]);
        steps.filter(|step| rise(step) > 0).max_by_key(rise)
    }

    /// What it says, in a sentence.
    pub fn sentence(&self) -> String {
        let seconds = |nanos: u64| format!("{:.3} s", nanos as f64 / 1e9);
        let Some(last) = self.points.last() else { return "Nothing was measured.".to_owned() };
        match self.certain_from_ns() {
            Some(0) => format!(
                "The failure was certain from the start ({} of {}): chance has no part in it.",
                last.failed, last.of
            ),
            Some(at) => format!("From {} on the failure was certain ({} of {}).", seconds(at), last.failed, last.of),
            None => format!(
                "Up to the last moment there was a way out: at {} {} of {} runs fail.",
                seconds(last.at_ns),
                last.failed,
                last.of
            ),
        }
    }

    fn add(&mut self, points: Vec<Point>) {
        self.points.extend(points);
        self.points.sort_by_key(|point| point.at_ns);
    }
}

/// In millionths, so that forks may differ in number.
fn rise([from, to]: &[Point; 2]) -> i64 {
    let share = |point: &Point| i64::from(point.failed) * 1_000_000 / i64::from(point.of.max(1));
    share(to) - share(from)
}

/// The first moments, and how many more lie in an interval that is looked at closely.
const GRID: u64 = 16;
const CLOSER: u64 = 8;
/// Intervals are not split further than this.
const INTERVAL_NS_MIN: u64 = 1_000_000;

/// Samples `0..=last_ns`, then ever closer where the likelihood rises most and where it becomes certain, as long as
/// `sample` gives points.
pub(super) fn refined(last_ns: u64, rounds: u32, mut sample: impl FnMut(&[u64]) -> Vec<Point>) -> Vec<Point> {
    let mut grid: Vec<u64> = (0..=GRID).map(|step| last_ns / GRID * step).chain([last_ns]).collect();
    grid.dedup();
    let mut curve = Curve { points: sample(&grid), survivor: None };
    for _ in 0..rounds {
        let moments = closer(&curve);
        let points = if moments.is_empty() { Vec::new() } else { sample(&moments) };
        if points.is_empty() {
            break;
        }
        curve.add(points);
    }
    curve.points
}

fn closer(curve: &Curve) -> Vec<u64> {
    let certain = curve.certain_from_ns().and_then(|certain| {
        let before = curve.points.iter().rev().find(|point| point.at_ns < certain)?;
        Some([before.at_ns, certain])
    });
    let steepest = curve.steepest().map(|[from, to]| [from.at_ns, to.at_ns]);
    let mut moments: Vec<u64> = steepest.into_iter().chain(certain).flat_map(within).collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn within([from, to]: [u64; 2]) -> Vec<u64> {
    let width = to - from;
    if width <= INTERVAL_NS_MIN {
        return Vec::new();
    }
    (1..CLOSER).map(|step| from + width / CLOSER * step).collect()
}

/// Forks the run at ever later moments, and counts those forks that fail in `property`.
pub(super) fn measure(
    subject: &Subject<'_>,
    property: &str,
    end_ns: u64,
    effort: Effort,
) -> Result<Curve, InvalidPlan> {
    let mut forks = Forks { subject, property, effort, events_left: effort.events_max, survivor: None, error: None };
    let points = refined(end_ns.saturating_sub(1), effort.rounds, |moments| forks.sample(moments));
    match forks.error {
        Some(error) => Err(error),
        None => Ok(Curve { points, survivor: forks.survivor }),
    }
}

struct Forks<'a> {
    subject: &'a Subject<'a>,
    property: &'a str,
    effort: Effort,
    events_left: u64,
    survivor: Option<(u64, u64)>,
    error: Option<InvalidPlan>,
}

impl Forks<'_> {
    /// Runs are counted in events, not in time, so that the same run gives the same curve everywhere.
    fn sample(&mut self, moments: &[u64]) -> Vec<Point> {
        match self.subject.scenario.open(self.subject.plan) {
            Ok(session) => self.fork_along(session, moments),
            Err(error) => {
                self.error = Some(error);
                Vec::new()
            }
        }
    }

    fn fork_along(&mut self, mut session: Session, moments: &[u64]) -> Vec<Point> {
        let mut points = Vec::new();
        for at_ns in moments {
            if self.events_left == 0 || !session.advance(Instant::from_nanos(*at_ns)) {
                break;
            }
            points.push(self.fork(&session, *at_ns));
        }
        points
    }

    fn fork(&mut self, session: &Session, at_ns: u64) -> Point {
        let die = &mut Die::new(self.subject.plan.noise, "forks");
        let mut point = Point { at_ns, failed: 0, of: 0 };
        while point.of < self.effort.forks && (self.events_left > 0 || point.of == 0) {
            let noise = die.below(Plan::NOISE_MAX);
            let run = session.fork(noise).finish();
            self.events_left = self.events_left.saturating_sub(run.events.max(1));
            let fails = run.verdict.property() == Some(self.property);
            if run.verdict.holds() && self.survivor.is_none_or(|(latest, _)| latest < at_ns) {
                self.survivor = Some((at_ns, noise));
            }
            point = Point { failed: point.failed + u32::from(fails), of: point.of + 1, ..point };
        }
        point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step_at(moment: u64) -> impl FnMut(&[u64]) -> Vec<Point> {
        move |moments| {
            moments
                .iter()
                .map(|at_ns| Point { at_ns: *at_ns, failed: if *at_ns >= moment { 32 } else { 3 }, of: 32 })
                .collect()
        }
    }

    fn curve(points: Vec<Point>) -> Curve {
        Curve { points, survivor: None }
    }

    #[test]
    fn the_step_is_found_to_a_millisecond() {
        let moment = 12_345_678_901;
        let found = curve(refined(20_000_000_000, 6, step_at(moment)));
        let certain = found.certain_from_ns().unwrap();
        assert!((moment..moment + INTERVAL_NS_MIN).contains(&certain), "{certain}");
        let [from, to] = found.steepest().unwrap();
        assert!(from.at_ns < moment && moment <= to.at_ns, "{from:?} {to:?}");
        assert!(found.points.is_sorted_by_key(|point| point.at_ns) && found.points.len() < 80);
    }

    #[test]
    fn a_second_step_to_certainty_is_found_besides_the_steepest() {
        let sample = |moments: &[u64]| {
            let failed = |at: u64| if at < 3_000_000_000 { 0 } else { 28 + 4 * u32::from(at >= 9_100_000_000) };
            moments.iter().map(|at| Point { at_ns: *at, failed: failed(*at), of: 32 }).collect()
        };
        let found = curve(refined(10_000_000_000, 6, sample));
        let certain = found.certain_from_ns().unwrap();
        assert!((9_100_000_000..9_100_000_000 + INTERVAL_NS_MIN).contains(&certain), "{certain}");
        assert!(found.steepest().unwrap()[1].at_ns < 3_000_000_000 + INTERVAL_NS_MIN);
    }

    #[test]
    fn without_further_points_the_curve_ends() {
        let mut calls = 0;
        let points = refined(1_000_000_000, 5, |moments| {
            calls += 1;
            if calls == 1 { step_at(500_000_000)(moments) } else { Vec::new() }
        });
        assert_eq!((calls, points.len()), (2, GRID as usize + 1));
    }
}
