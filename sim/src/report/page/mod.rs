//! The page: one file that works offline, and without its script still tells the verdict, the plan and the run at a glance.

mod escape;
mod glance;
mod sections;

pub(super) use escape::escaped;

use super::{Divergence, FaultLine, Gap, Lane, Likelihood, Report, Steps};
use crate::plan::Class;
use crate::scenario::Verdict;
use escape::embedded;
use serde::Serialize;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    end_ns: u64,
    verdict: &'a Verdict,
    lanes: &'a [Lane],
    faults: &'a [FaultLine],
    gaps: &'a [Gap],
    steps: &'a Steps,
    /// When the failure became certain, if that is known and did not come from the start.
    certain_ns: Option<u64>,
    divergence_ns: Option<u64>,
}

impl Report {
    /// The whole page.
    pub fn page(&self) -> String {
        let parts = [
            ("style", STYLE.to_owned()),
            ("title", self.title()),
            ("header", sections::header(self)),
            ("plan", sections::plan(self)),
            ("likelihood", sections::likelihood(self)),
            ("glance", glance::chart(self)),
            ("note", sections::note(self)),
            ("nearest", sections::nearest(self)),
            ("clients", sections::clients(self)),
            ("options", sections::options(self)),
            ("identity", sections::identity(self)),
            ("data", embedded(&self.data())),
            ("script", SCRIPT.to_owned()),
        ];
        filled(PAGE, &parts)
    }

    fn title(&self) -> String {
        let verdict = self.verdict.property().map_or("holds".to_owned(), |property| format!("violates {property}"));
        escaped(&format!("{} {verdict}", self.identity.scenario))
    }

    fn data(&self) -> Data<'_> {
        let certain = if let Likelihood::Measured(curve) = &self.likelihood { curve.certain_from_ns() } else { None };
        Data {
            end_ns: self.end_ns,
            verdict: &self.verdict,
            lanes: &self.lanes,
            faults: &self.faults,
            gaps: &self.gaps,
            steps: &self.steps,
            certain_ns: certain.filter(|at| *at > 0),
            divergence_ns: self.nearest.as_ref().map(|Divergence { at_ns, .. }| *at_ns),
        }
    }
}

/// The template with each `{{name}}` replaced, in one pass: what is put in is not looked at again.
fn filled(template: &str, parts: &[(&str, String)]) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("every place in the template is closed");
        let part = parts.iter().find(|(known, _)| *known == name).expect("every place in the template is known");
        page.push_str(&part.1);
        page.push_str(rest);
    }
    page
}

/// The class of the style sheet by whose colour a fault is known.
fn tint(class: Class) -> &'static str {
    match class {
        Class::Dependency => "dependency",
        Class::Load => "load",
        Class::Network => "network",
        Class::Process => "process",
        Class::Deployment => "deployment",
        Class::Disk => "disk",
        Class::Clock => "clock",
        Class::Entropy => "entropy",
    }
}

/// Nanoseconds as seconds with milliseconds.
fn seconds(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
}

/// The same to the last nanosecond, where that matters.
fn exact_seconds(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_the_page_is_not_taken_for_a_place() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(filled("<{{a}}|{{b}}>", &parts), "<{{b}}|x>");
    }
}
