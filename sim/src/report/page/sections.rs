//! The parts of the page that are text.

use super::{escaped, exact_seconds, seconds, tint};
use crate::report::{FaultLine, Likelihood, Operation, Outcome, Report, Row, Steps};
use crate::scenario::{Tier, Verdict};
use std::fmt::Write;

pub(super) fn header(report: &Report) -> String {
    let identity = &report.identity;
    let (scenario, summary) = (escaped(identity.scenario), escaped(identity.summary));
    let tier = match identity.tier {
        Tier::Swarm => "swarm",
        Tier::Turmoil => "full stack, under turmoil",
    };
    let verdict = match &report.verdict {
        Verdict::Holds => {
            format!("<p class=\"verdict good\">every property holds</p><p>for {} s.</p>", seconds(report.end_ns))
        }
        Verdict::Violated { property, detail } => format!(
            "<p class=\"verdict bad\"><span class=\"mark\">violated</span> <code>{}</code></p>\
             <p class=\"detail\">{}</p><p class=\"quiet\">seen at {} s</p>",
            escaped(property),
            escaped(detail),
            exact_seconds(report.end_ns)
        ),
    };
    let command = escaped(&identity.command);
    format!(
        "<p class=\"kind\">{scenario} <span class=\"quiet\">in the {tier}</span></p>\
         <h1>{summary}</h1>{verdict}\
         <p class=\"command\"><code id=\"command\">{command}</code><button type=\"button\" id=\"copy\" hidden>copy</button></p>"
    )
}

pub(super) fn plan(report: &Report) -> String {
    if report.faults.is_empty() {
        return "<p>Nothing goes wrong in this plan.</p>".to_owned();
    }
    let tried = report.faults.iter().any(|fault| fault.without.is_some());
    let head = if tried { "<th scope=\"col\">without it</th>" } else { "" };
    let rows: String =
        report.faults.iter().enumerate().map(|(number, fault)| fault_row(report, number, fault, tried)).collect();
    format!(
        "<div class=\"scroll\"><table class=\"plan\"><thead><tr><th scope=\"col\">fault</th>\
         <th scope=\"col\">what goes wrong</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn fault_row(report: &Report, number: usize, fault: &FaultLine, tried: bool) -> String {
    let class = tint(fault.class);
    let (name, sentence) = (escaped(&fault.kind.replace('_', " ")), escaped(&fault.sentence));
    // The run ends with the violation.
    let unseen =
        if fault.start_ms * 1_000_000 <= report.end_ns { "" } else { " <em class=\"quiet\">(not reached)</em>" };
    let without = if tried { without(report, fault) } else { String::new() };
    format!(
        "<tr><td class=\"fault\"><span class=\"chip {class}\">{number}</span> <span class=\"quiet\">{name}</span></td>\
         <td>{sentence}{unseen}</td>{without}</tr>"
    )
}

/// What comes of the run without the fault.
fn without(report: &Report, fault: &FaultLine) -> String {
    let (class, told) = match &fault.without {
        None => ("quiet", "not tried".to_owned()),
        Some(Verdict::Holds) => ("good", "every property holds".to_owned()),
        Some(verdict) if verdict.property() == report.verdict.property() => {
            ("quiet", "violated all the same".to_owned())
        }
        Some(Verdict::Violated { property, .. }) => ("quiet", format!("violates {}", escaped(property))),
    };
    format!("<td class=\"without {class}\">{told}</td>")
}

pub(super) fn likelihood(report: &Report) -> String {
    match &report.likelihood {
        Likelihood::Unmeasured { why } => {
            format!("<p class=\"quiet\">When the failure became inevitable was not measured: {}.</p>", escaped(why))
        }
        Likelihood::Measured(curve) => {
            let forks: u32 = curve.points.iter().map(|point| point.of).sum();
            format!(
                "<p class=\"finding\">{}</p><p class=\"quiet\">At each of {} moments the run was forked, with fresh noise \
                 from there on; the curve is the share of forks that violate the same property. {forks} forks in all.</p>",
                escaped(&curve.sentence()),
                curve.points.len()
            )
        }
    }
}

/// What is not on the page.
pub(super) fn note(report: &Report) -> String {
    let Steps { skipped, left, rows, .. } = &report.steps;
    let at = |row: Option<&Row>| row.map_or_else(String::new, |row| seconds(row.at_ns));
    let count = rows.len();
    let part = match (skipped, left) {
        (0, 0) => format!("All {count} steps of the run."),
        (0, left) => format!(
            "The first {count} steps of the run, up to {} s; {left} entries after them are only in the trace.",
            at(rows.last())
        ),
        (skipped, _) => format!(
            "The last {count} steps of the run, from {} s on; {skipped} entries before them are only in the trace.",
            at(rows.first())
        ),
    };
    format!("<p class=\"quiet\">{part} Steps are drawn at even distances, whatever time lies between them.</p>")
}

pub(super) fn nearest(report: &Report) -> String {
    let Some(found) = &report.nearest else {
        let why = if report.verdict.holds() { "This run passes itself." } else { "None was found." };
        return format!("<p class=\"quiet\">{why}</p>");
    };
    let (failing, passing) = (column(&found.before, &found.failing), column(&found.before, &found.passing));
    format!(
        "<p>{} passes. The first {} entries are the same; then, at {} s, they part.</p>\
         <div class=\"sides\"><figure><figcaption class=\"bad\">this run</figcaption>{failing}</figure>\
         <figure><figcaption class=\"good\">the run that passes</figcaption>{passing}</figure></div>",
        escaped(&capitalised(&found.change)),
        found.shared,
        seconds(found.at_ns)
    )
}

fn column(before: &[String], after: &[String]) -> String {
    let mut lines = String::new();
    for line in before {
        let _ = write!(lines, "<li class=\"quiet\">{}</li>", escaped(line.trim_start()));
    }
    for (index, line) in after.iter().enumerate() {
        let class = if index == 0 { " class=\"first\"" } else { "" };
        let _ = write!(lines, "<li{class}>{}</li>", escaped(line.trim_start()));
    }
    if after.is_empty() {
        lines += "<li class=\"first quiet\">nothing more</li>";
    }
    format!("<ol class=\"lines\">{lines}</ol>")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How many operations before the end are told.
const TOLD: usize = 60;

pub(super) fn clients(report: &Report) -> String {
    let all = &report.operations;
    let last = &all[all.len().saturating_sub(TOLD)..];
    let mut rows: String = last.iter().map(operation_row).collect();
    if let Verdict::Violated { property, detail } = &report.verdict {
        let _ = write!(
            rows,
            "<tr class=\"anomaly\"><td class=\"number\">{}</td><td colspan=\"4\"><strong>{}</strong> {}</td></tr>",
            seconds(report.end_ns),
            escaped(property),
            escaped(detail)
        );
    }
    let count = |outcome| all.iter().filter(|operation| outcome_of(operation) == Some(outcome)).count();
    let (ok, fail, unknown) = (count(Outcome::Ok), count(Outcome::Fail), count(Outcome::Unknown));
    format!(
        "<p>{} operations: {ok} ok, {fail} fail, {unknown} unknown, {} without an end.</p>\
         <div class=\"scroll\"><table class=\"history\"><caption>The last {} of them{}</caption><thead><tr>\
         <th scope=\"col\" class=\"number\">from, s</th><th scope=\"col\">client</th><th scope=\"col\">asks</th>\
         <th scope=\"col\">outcome</th><th scope=\"col\">is told</th></tr></thead><tbody>{rows}</tbody></table></div>",
        all.len(),
        all.len() - ok - fail - unknown,
        last.len(),
        if report.verdict.holds() { "" } else { ", and what they add up to" }
    )
}

fn outcome_of(operation: &Operation) -> Option<Outcome> {
    operation.end.as_ref().map(|end| end.outcome)
}

fn operation_row(operation: &Operation) -> String {
    let outcome = outcome_of(operation).map_or("open", Outcome::name);
    let told = operation.end.as_ref().map_or("", |end| &end.text);
    let peer = operation.peer.as_ref().map_or_else(String::new, |peer| format!("{peer}: "));
    format!(
        "<tr><td class=\"number\">{}</td><td class=\"client\">{}</td><td><span class=\"quiet\">{}</span>{}</td>\
         <td><span class=\"outcome {outcome}\">{outcome}</span></td><td>{}</td></tr>",
        seconds(operation.at_ns),
        escaped(&operation.client),
        escaped(&peer),
        escaped(&operation.request),
        escaped(told)
    )
}

pub(super) fn options(report: &Report) -> String {
    let row = |name: &str, value: &str| {
        format!("<tr><th scope=\"row\"><code>{}</code></th><td>{}</td></tr>", escaped(name), escaped(value))
    };
    let rows: String = report.options.iter().map(|choice| row(&choice.name, &choice.value)).collect();
    format!("<div class=\"scroll\"><table class=\"options\"><tbody>{rows}</tbody></table></div>")
}

pub(super) fn identity(report: &Report) -> String {
    let identity = &report.identity;
    let frozen = if identity.frozen { " (not used: the plan says what every die shows)" } else { "" };
    let rows = [
        ("scenario", identity.scenario.to_owned()),
        ("tier", identity.tier.to_string()),
        ("noise", format!("{}{frozen}", identity.noise)),
        ("plan", identity.plan_hash.to_string()),
        ("history", identity.trace_hash.to_string()),
        ("entries", report.run().story.len().to_string()),
        ("build", identity.build.clone()),
    ];
    let row = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
    format!("<dl>{}</dl>", rows.iter().map(row).collect::<String>())
}
