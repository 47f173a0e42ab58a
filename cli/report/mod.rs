//! What `purlin verify` found, as one HTML file that needs no network.

mod html;

use crate::check::kind_name;
use crate::output::{grouped, seconds};
use crate::spec::differences;
use crate::verify::RoomFindings;
use crate::violations::{Violation, violations};
use Column::{Number, Text};
use html::{Element, tag};
use purlin_models::spec::SpecReport;
use purlin_models::{CheckReport, PropertyReport};
use purlin_sim::Summary;

/// The whole report.
pub(crate) fn render(rooms: &[RoomFindings], took: f64) -> String {
    let title = "Purlin: what holds";
    let head = tag("head")
        .child(tag("meta").with("charset", "utf-8"))
        .child(tag("meta").with("name", "viewport").with("content", "width=device-width, initial-scale=1"))
        .child(tag("title").text(title))
        .child(tag("style").style_sheet(include_str!("style.css")));
    let body = tag("body")
        .child(opening(title, rooms, took))
        .child(tag("main").child(overview(rooms)).children(rooms.iter().map(room)));
    format!("<!doctype html>\n{}\n", tag("html").with("lang", "en").child(head).child(body))
}

fn opening(title: &str, rooms: &[RoomFindings], took: f64) -> Element {
    let build = if cfg!(debug_assertions) { "development build" } else { "release build" };
    let about = format!(
        "purlin {}, {build}, {} on {}; {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        seconds(took)
    );
    tag("header").child(tag("h1").text(title)).child(tag("p").class("about").text(about)).child(verdict(rooms))
}

fn verdict(rooms: &[RoomFindings]) -> Element {
    let violations: u64 = rooms.iter().map(RoomFindings::violated).sum();
    let verdict = tag("p").with("role", "status");
    match violations {
        0 => verdict.class("verdict good").text("✓ Every property holds."),
        1 => verdict.class("verdict bad").text("✗ One property is violated."),
        count => verdict.class("verdict bad").text(format_args!("✗ {count} properties are violated.")),
    }
}

fn overview(rooms: &[RoomFindings]) -> Element {
    let rows = rooms.iter().map(|room| {
        let link = tag("a").with("href", format_args!("#{}", room.room)).text(room.room);
        row(vec![
            tag("th").with("scope", "row").child(link),
            number(room.models.len()),
            number(grouped(room.states())),
            number(room.comparisons.len()),
            number(grouped(room.seeds())),
            count_of_violations(room.violated()),
            number(seconds(room.seconds)),
        ])
    });
    let header = [
        Text("room"),
        Number("models"),
        Number("states"),
        Number("comparisons"),
        Number("seeds"),
        Number("violations"),
        Number("time"),
    ];
    tag("section").child(tag("h2").text("Rooms")).child(table("Everything that was tried", &header, rows))
}

fn room(room: &RoomFindings) -> Element {
    tag("section")
        .with("id", room.room)
        .child(tag("h2").text(room.room))
        .children(violations(room).iter().map(violation))
        .child(tag("h3").text("Models"))
        .child(models(&room.models))
        .child(tag("h3").text("Code and specification"))
        .child(comparisons(&room.comparisons))
        .child(tag("h3").text("Simulations"))
        .child(campaigns(&room.campaigns))
        .child(tag("p").text("Again: ").child(tag("code").text(format_args!("purlin check {}", room.room))))
}

fn models(reports: &[CheckReport]) -> Element {
    let rows = reports.iter().map(|report| {
        row(vec![
            tag("th").with("scope", "row").text(report.model),
            number(grouped(report.unique_states)),
            number(grouped(report.generated_states)),
            tag("td").text(if report.complete { "explored to its end" } else { "stopped early" }),
            tag("td").child(properties(&report.properties)),
        ])
    });
    let header = [Text("model"), Number("states"), Number("steps"), Text("search"), Text("properties")];
    table("Every reachable state of small worlds", &header, rows)
}

fn properties(reports: &[PropertyReport]) -> Element {
    let held = reports.iter().filter(|property| property.holds).count();
    let class = if held == reports.len() { "good" } else { "bad" };
    let summary = tag("summary").class(class).text(format_args!("{held} of {} hold", reports.len()));
    let items = reports.iter().map(|property| {
        let mark = if property.holds { "✓ " } else { "✗ " };
        let kind = tag("span").class("kind").text(format_args!("{} ", kind_name(property.kind)));
        tag("li").text(mark).child(kind).text(property.name.replace('_', " "))
    });
    tag("details").child(summary).child(tag("ul").children(items))
}

fn comparisons(reports: &[SpecReport]) -> Element {
    let rows = reports.iter().map(|report| {
        let different = differences(report).len();
        row(vec![
            tag("th").with("scope", "row").text(report.scope),
            number(grouped(report.model_states)),
            number(grouped(report.spec_states)),
            number(grouped(report.widest_fibre)),
            tag("td").text(report.fields.join(", ")),
            tag("td").text(if report.liveness_carries_over { "carries over" } else { "decided on the code's graph" }),
            count_of_violations(different as u64),
        ])
    });
    let header = [
        Text("scope"),
        Number("states of the code"),
        Number("states of the specification"),
        Number("most alike"),
        Text("fields"),
        Text("liveness"),
        Number("differences"),
    ];
    table("Every state of the code held against the TLA+ specification's golden graph, both ways", &header, rows)
}

fn campaigns(reports: &[Summary]) -> Element {
    let rows = reports.iter().map(|report| {
        let [first, end] = report.seeds;
        let again = format!("purlin chaos {} --tier {} --seeds {first}..{end}", report.scenario, report.tier);
        row(vec![
            tag("th").with("scope", "row").text(&report.scenario),
            tag("td").text(report.tier),
            number(grouped(report.judged())),
            count_of_violations(report.violated()),
            number(grouped(report.events)),
            number(seconds(report.simulated_seconds)),
            number(seconds(report.cpu_seconds)),
            tag("td").child(tag("code").text(report.trace_hash)),
            tag("td").child(tag("code").text(again)),
        ])
    });
    let header = [
        Text("scenario"),
        Text("tier"),
        Number("seeds"),
        Number("failed"),
        Number("events"),
        Number("simulated"),
        Number("CPU"),
        Text("hash"),
        Text("again"),
    ];
    table("Seeded simulations; the same hash means the same runs, event by event", &header, rows)
}

fn violation(violation: &Violation) -> Element {
    tag("article")
        .class("violation")
        .child(tag("h3").class("bad").text(format_args!("✗ {}", violation.claim)))
        .child(tag("ol").children(violation.found.iter().map(|step| tag("li").child(tag("code").text(step)))))
        .child(tag("pre").class("command").text(&violation.command))
}

/// The head of a column, by what stands below it: it is aligned as its cells are.
enum Column {
    Text(&'static str),
    Number(&'static str),
}

impl Column {
    fn head(&self) -> Element {
        let head = tag("th").with("scope", "col");
        match self {
            Text(name) => head.text(name),
            Number(name) => head.class("number").text(name),
        }
    }
}

fn table(caption: &str, header: &[Column], rows: impl Iterator<Item = Element>) -> Element {
    let header = header.iter().map(Column::head);
    let table = tag("table")
        .child(tag("caption").text(caption))
        .child(tag("thead").child(tag("tr").children(header)))
        .child(tag("tbody").children(rows));
    // A wide table scrolls by itself, also by the keyboard.
    tag("div").class("scroll").with("tabindex", "0").with("role", "region").with("aria-label", caption).child(table)
}

fn row(cells: Vec<Element>) -> Element {
    tag("tr").children(cells)
}

fn number(number: impl std::fmt::Display) -> Element {
    tag("td").class("number").text(number)
}

fn count_of_violations(count: u64) -> Element {
    let mark = if count == 0 { ("number good", "none".to_owned()) } else { ("number bad", format!("✗ {count}")) };
    tag("td").class(mark.0).text(mark.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_heads_that_are_aligned_as_they_are() {
        let room = RoomFindings { room: "room", models: vec![], comparisons: vec![], campaigns: vec![], seconds: 1.0 };
        let overview = overview(&[room]).to_string();
        let (head, body) = overview.split_once("</thead>").unwrap();
        let aligned =
            |row: &str| row.split("<t").skip(1).map(|cell| cell.contains("class=\"number")).collect::<Vec<_>>();
        let head = aligned(head.split_once("<thead><tr>").unwrap().1);
        assert_eq!(head, aligned(body.split_once("<tr>").unwrap().1));
        assert_eq!(head, [false, true, true, true, true, true, true]);
    }
}
