//! The files beside the page.

use super::operations::history;
use super::page::escaped;
use super::states::{Change, changes, read_state};
use super::{Identity, Report};
use crate::scenario::Verdict;
use crate::scene::{Entry, Kind};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The head of a trace.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    identity: &'a Identity,
    verdict: &'a Verdict,
}

/// A step of a machine, in a trace.
#[derive(Serialize)]
struct Stepped<'a> {
    at_ns: u64,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<&'a str>,
    changes: Vec<Change>,
}

impl Report {
    /// The files of a bundle: their names, and what is in them. The same run gives the same bytes.
    pub fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("report.html", self.page()),
            ("trace.jsonl", self.trace()),
            ("plan.json", self.plan.to_json()),
            ("history.jsonl", lines(history(&self.operations))),
            ("junit.xml", self.junit()),
        ]
    }

    /// One JSON document a line: what the run was, then all that happened. States are told by what changed in them.
    pub fn trace(&self) -> String {
        let head = lines([Head { identity: &self.identity, verdict: &self.verdict }]);
        let mut states = BTreeMap::new();
        let entries = self.run.story.iter().map(|entry| line_of(entry, &mut states));
        entries.fold(head, |trace, line| trace + &line)
    }

    /// The verdict as test runners write it: one test case for each property. What was not violated before the run ended
    /// has passed.
    pub fn junit(&self) -> String {
        let Identity { scenario, tier, command, .. } = &self.identity;
        let suite = escaped(&format!("{scenario} in {tier}: {command}"));
        let cases: String = self.properties.iter().map(|property| self.test_case(property)).collect();
        let (tests, failures) = (self.properties.len(), u32::from(!self.verdict.holds()));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{tests}\" failures=\"{failures}\">\n  \
             <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n{cases}  \
             </testsuite>\n</testsuites>\n"
        )
    }

    fn test_case(&self, property: &str) -> String {
        let Identity { scenario, tier, command, .. } = &self.identity;
        let case =
            format!("    <testcase classname=\"{}\" name=\"{}\"", xml(&format!("{scenario}.{tier}")), xml(property));
        match &self.verdict {
            Verdict::Violated { property: violated, detail } if violated == property => {
                let (message, command) = (xml(detail), xml(command));
                format!("{case}>\n      <failure message=\"{message}\">{command}</failure>\n    </testcase>\n")
            }
            _ => format!("{case}/>\n"),
        }
    }
}

/// XML bears no control characters, not even escaped ones.
fn xml(text: &str) -> String {
    let legible = |letter: char| if letter.is_control() { ' ' } else { letter };
    escaped(&text.chars().map(legible).collect::<String>())
}

fn line_of<'a>(entry: &'a Entry, states: &mut BTreeMap<&'a str, Value>) -> String {
    let lane = entry.scene.lane.as_deref();
    match (entry.scene.kind, lane) {
        (Kind::State, Some(name)) => {
            let after = read_state(&entry.scene.text);
            let before = states.insert(name, after.clone()).unwrap_or_default();
            lines([Stepped { at_ns: entry.at_ns, kind: Kind::State, lane, changes: changes(&before, &after) }])
        }
        (Kind::Ended, Some(name)) => {
            states.remove(name);
            lines([entry])
        }
        _ => lines([entry]),
    }
}

fn lines(values: impl IntoIterator<Item = impl Serialize>) -> String {
    let line = |value| serde_json::to_string(&value).expect("reports hold only numbers, texts and lists") + "\n";
    values.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_bears_whatever_a_detail_says() {
        assert_eq!(xml("a<b>&\"\u{1}'"), "a&lt;b&gt;&amp;&quot; &#39;");
    }
}
