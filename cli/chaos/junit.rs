//! Campaigns as JUnit's XML, which every build server can show.
//!
//! A test suite is a scenario in a tier; a test case is a property, and its failure lists the seeds that broke it.

use super::never_seen;
use super::tell::{describe, seeds_of};
use crate::failure::Failure;
use crate::output::first_few;
use purlin_sim::{FailureClass, Summary};
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

/// The case that fails where what should happen never did.
const SEEN: &str = "everything_that_should_happen_was_seen";

/// Writes the report where it is asked for, and into the directory of results.
pub(crate) fn write_junit<N: AsRef<str>>(
    asked: Option<&Path>,
    out: Option<&Path>,
    reports: &[(&Summary, Vec<N>)],
) -> Result<(), Failure> {
    let xml = document(reports);
    let beside = out.map(|out| out.join("junit.xml"));
    let mut files = asked.into_iter().chain(beside.as_deref());
    files.try_for_each(|file| fs::write(file, &xml).map_err(|error| Failure::unwritable(file, &error)))
}

fn document<N: AsRef<str>>(reports: &[(&Summary, Vec<N>)]) -> String {
    let suites: Vec<Suite> = reports.iter().map(|(summary, always)| Suite::new(summary, always)).collect();
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    let time: f64 = reports.iter().map(|(summary, _)| summary.cpu_seconds).sum();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let head = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{time:.3}\"");
    push(&mut xml, format_args!("<testsuites name=\"purlin\" {head}>\n"));
    suites.iter().for_each(|suite| suite.push(&mut xml));
    xml + "</testsuites>\n"
}

struct Suite<'a> {
    name: String,
    summary: &'a Summary,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    failure: Option<Broken>,
}

struct Broken {
    message: String,
    lines: Vec<String>,
}

impl<'a> Suite<'a> {
    fn new<N: AsRef<str>>(summary: &'a Summary, always: &[N]) -> Self {
        let broken = summary.classes.iter().map(|class| class.property.as_str());
        let properties: BTreeSet<&str> = always.iter().map(AsRef::as_ref).chain(broken).collect();
        let cases = properties.into_iter().map(|property| Case::of_property(summary, property));
        let cases = cases.chain([Case::of_sights(summary)]).collect();
        Self { name: format!("{}.{}", summary.scenario, summary.tier), summary, cases }
    }

    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }

    fn push(&self, xml: &mut String) {
        let (name, tests, failures) = (Escaped(&self.name), self.cases.len(), self.failures());
        let head = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"");
        let time = self.summary.cpu_seconds;
        push(xml, format_args!("  <testsuite name=\"{name}\" {head} time=\"{time:.3}\">\n    <properties>\n"));
        for (name, value) in self.properties() {
            push(xml, format_args!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
        }
        xml.push_str("    </properties>\n");
        self.cases.iter().for_each(|case| case.push(xml, &self.name));
        xml.push_str("  </testsuite>\n");
    }

    fn properties(&self) -> [(&str, String); 5] {
        let Summary { seeds: [first, end], rechecked, complete, trace_hash, .. } = self.summary;
        [
            ("seeds", format!("{first}..{end}")),
            ("judged", self.summary.judged().to_string()),
            ("rechecked", rechecked.to_string()),
            ("complete", complete.to_string()),
            ("trace_hash", trace_hash.to_string()),
        ]
    }
}

impl Case {
    fn of_property(summary: &Summary, property: &str) -> Self {
        let class = summary.classes.iter().find(|class| class.property == property);
        Self { name: property.to_owned(), failure: class.map(|class| Broken::by(summary, class)) }
    }

    fn of_sights(summary: &Summary) -> Self {
        let lines = never_seen(summary).to_vec();
        let broken = Broken { message: format!("{} things were never seen", lines.len()), lines };
        Self { name: SEEN.to_owned(), failure: Some(broken).filter(|broken| !broken.lines.is_empty()) }
    }

    fn push(&self, xml: &mut String, suite: &str) {
        let case = format!("    <testcase classname=\"{}\" name=\"{}\"", Escaped(suite), Escaped(&self.name));
        match &self.failure {
            None => push(xml, format_args!("{case}/>\n")),
            Some(Broken { message, lines }) => {
                let (message, text) = (Escaped(message), lines.join("\n"));
                push(xml, format_args!("{case}>\n      <failure type=\"violation\" message=\"{message}\">"));
                push(xml, format_args!("{}</failure>\n    </testcase>\n", Escaped(&text)));
            }
        }
    }
}

impl Broken {
    fn by(summary: &Summary, class: &FailureClass) -> Self {
        let failed = summary.failed.iter().filter(|failed| failed.property == class.property);
        let lines: Vec<String> =
            failed.map(|failed| format!("seed {}: {}", failed.seed, describe(summary, failed))).collect();
        Self { message: format!("violated by {}", seeds_of(class)), lines: first_few(&lines) }
    }
}

fn push(xml: &mut String, text: fmt::Arguments<'_>) {
    xml.write_fmt(text).expect("a string takes everything");
}

/// Text as XML takes it: in an attribute or between tags. What XML has no word for becomes a replacement character.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => formatter.write_str("&amp;"),
            '<' => formatter.write_str("&lt;"),
            '>' => formatter.write_str("&gt;"),
            '"' => formatter.write_str("&quot;"),
            '\n' => formatter.write_str("&#10;"),
            '\t' => formatter.write_str("&#9;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => formatter.write_char('\u{fffd}'),
            _ => formatter.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_sim::{Campaign, Tier, scenarios};

    fn summary() -> Summary {
        Campaign::new(Tier::Swarm, 0..2).run(&scenarios()[0], &|_| {}).expect("nothing is kept")
    }

    #[test]
    fn every_property_is_a_case_and_a_broken_one_lists_its_seeds() {
        let held = summary();
        let exemplar = purlin_sim::Exemplar { seed: 7, events: 1, faults: 2, plan: None };
        let property = "no_tag_<is>_open".to_owned();
        let class =
            FailureClass { property: property.clone(), seeds: 1, fastest: exemplar.clone(), smallest: exemplar };
        let detail = "\"one\" & \u{1b}[31mtwo".to_owned();
        let failed = purlin_sim::Failure { seed: 7, property, detail, plan: None };
        let broken = Summary { classes: vec![class], failed: vec![failed], ..held.clone() };
        let xml = document(&[(&held, vec!["nobody_dies"]), (&broken, vec!["nobody_dies"])]);
        assert!(xml.contains("<testsuites name=\"purlin\" tests=\"5\" failures=\"1\" errors=\"0\""), "{xml}");
        assert_eq!(xml.matches("name=\"nobody_dies\"/>").count(), 2, "{xml}");
        assert!(xml.contains("name=\"no_tag_&lt;is&gt;_open\">"), "{xml}");
        assert!(xml.contains(">seed 7: &quot;one&quot; &amp; \u{fffd}[31mtwo; again: purlin replay"), "{xml}");
    }

    #[test]
    fn what_was_never_seen_is_a_failed_case() {
        let unseen = vec!["somebody_sings".to_owned()];
        let vacuous = Summary { passed: 1_000, unseen, ..summary() };
        let xml = document::<&str>(&[(&vacuous, vec![])]);
        assert!(xml.contains("failures=\"1\"") && xml.contains(">somebody_sings</failure>"), "{xml}");
    }
}
