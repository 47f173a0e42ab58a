//! Every row of every `specs/<room>/bugs.toml` names what rules the bug out, and what it names exists.
//!
//! With `PURLIN_TEST_LOG` set to a file that holds the output of the test runs, each named test must also have run there
//! and passed: continuous integration sets it.

use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    bug: Vec<Bug>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bug {
    row: String,
    what: String,
    links: Vec<String>,
    ruled_out_by: Vec<Witness>,
}

/// One thing that rules a bug out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Witness {
    /// A type that cannot say it; the sentence tells why.
    Type(String),
    /// A test, by the last part of its name.
    Test(String),
    /// A planted bug that a check must catch, by the path of its patch.
    Mutant(String),
}

#[test]
fn every_row_names_what_rules_it_out_and_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(root);
    let log = std::env::var_os("PURLIN_TEST_LOG").map(|log| std::fs::read_to_string(log).unwrap());
    let mut missing = Vec::new();
    for (file, bug) in bugs(root) {
        assert!(!bug.what.is_empty() && !bug.links.is_empty() && !bug.ruled_out_by.is_empty(), "{file}: {}", bug.row);
        let witnesses = bug.ruled_out_by.iter();
        missing.extend(
            witnesses
                .filter_map(|witness| lacks(witness, root, &sources, log.as_deref()))
                .map(|lack| format!("{file}, row {}: {lack}", bug.row)),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn bugs(root: &Path) -> Vec<(String, Bug)> {
    let mut bugs = Vec::new();
    for room in std::fs::read_dir(root.join("specs")).unwrap() {
        let file = room.unwrap().path().join("bugs.toml");
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let table: Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        bugs.extend(table.bug.into_iter().map(|bug| (file.display().to_string(), bug)));
    }
    assert!(!bugs.is_empty());
    bugs
}

fn lacks(witness: &Witness, root: &Path, sources: &str, log: Option<&str>) -> Option<String> {
    match witness {
        Witness::Type(why) => why.is_empty().then(|| "a type without a reason".to_owned()),
        Witness::Mutant(patch) => (!root.join(patch).exists()).then(|| format!("there is no {patch}")),
        Witness::Test(test) if !is_written(test, sources) => Some(format!("no test is called {test}")),
        Witness::Test(test) => log.filter(|log| !has_passed(test, log)).map(|_| format!("{test} did not run and pass")),
    }
}

/// As a function of its own, or in the list of a macro that makes one.
fn is_written(test: &str, sources: &str) -> bool {
    let starts = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    sources.match_indices(&format!("fn {test}")).any(|(at, name)| starts(&sources[at + name.len()..]))
}

fn has_passed(test: &str, log: &str) -> bool {
    log.lines().any(|line| {
        line.strip_prefix("test ")
            .and_then(|line| line.split(" ... ").next().filter(|_| line.ends_with("ok")))
            .is_some_and(|name| name.rsplit("::").next() == Some(test))
    })
}

fn sources(root: &Path) -> String {
    let mut text = String::new();
    let mut folders: Vec<PathBuf> =
        ["core", "models", "sim", "adapters", "examples", "tests"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}
