//! What `specs/<room>/README.md` says of its specification is so: the sizes, and the numbers of the requirements.

use purlin_models::spec::{Oracle, SpecReport, comparisons};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder(room: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../specs").join(room)
}

fn readme(room: &str) -> String {
    std::fs::read_to_string(folder(room).join("README.md")).unwrap()
}

#[test]
fn the_readme_states_the_sizes_that_are_measured() {
    for comparison in comparisons() {
        let row = row(&comparison.compare(&Oracle::Golden).unwrap());
        assert!(readme(comparison.room()).lines().any(|line| line == row), "the row should be\n{row}");
    }
}

fn row(report: &SpecReport) -> String {
    let counts = [report.spec_states, report.spec_steps, report.model_states, report.model_steps, report.widest_fibre];
    let cells = counts.map(|count| format!(" {} |", with_commas(count)));
    format!("| {} |{}", report.scope, cells.concat())
}

fn with_commas(count: u64) -> String {
    if count < 1_000 { count.to_string() } else { format!("{},{:03}", with_commas(count / 1_000), count % 1_000) }
}

#[test]
fn every_requirement_that_a_specification_cites_stands_in_its_readme() {
    let rooms: BTreeSet<&str> = comparisons().iter().map(|comparison| comparison.room()).collect();
    for room in rooms {
        let stated = requirements(&readme(room));
        let cited = cited(room);
        assert!(!cited.is_empty(), "{room} cites no requirement");
        assert_eq!(cited.difference(&stated).collect::<Vec<_>>(), Vec::<&String>::new(), "{room}");
    }
}

/// The requirements that head a row of a table.
fn requirements(readme: &str) -> BTreeSet<String> {
    let ids = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' '));
    ids.map(|(id, _)| id.to_owned()).collect()
}

fn cited(room: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder(room)).unwrap().map(|entry| entry.unwrap().path());
    let modules = files.filter(|path| path.extension().is_some_and(|extension| extension == "tla"));
    let texts = modules.map(|path| std::fs::read_to_string(path).unwrap());
    texts.flat_map(|text| ids_in(&text)).collect()
}

/// Every `BRK-12` in a text: capitals, a hyphen and two digits.
fn ids_in(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let is_id = |word: &&str| {
        let parts = word.split_once('-');
        parts.is_some_and(|(room, number)| {
            room.len() == 3
                && room.chars().all(|letter| letter.is_ascii_uppercase())
                && number.len() == 2
                && number.chars().all(|digit| digit.is_ascii_digit())
        })
    };
    words.filter(is_id).map(str::to_owned).collect()
}
