//! TLC, the model checker of TLA+: found, run, and read.
//!
//! TLC 2.15 is a Java archive, `tla2tools.jar`; the environment variable `TLA2TOOLS_JAR` says where it is. It runs in a
//! scratch directory over copies of the specification, because it writes beside what it reads.

use crate::spec::{SpecGraph, Value, ValueError, View};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The environment variable that names the archive.
pub const JAR_VARIABLE: &str = "TLA2TOOLS_JAR";

/// Java's heap, bounded: the scopes here need a small part of it.
const HEAP: &str = "-Xmx2g";

/// A TLC that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlc {
    jar: PathBuf,
}

/// What TLC made of a specification's claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Distinct states.
    pub states: u64,
    /// The first claim that does not hold, if one does not.
    pub violation: Option<Violation>,
    /// All that it said.
    pub said: String,
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// In TLC's words.
    pub claim: String,
    /// The behaviour that breaks it, line by line.
    pub trace: Vec<String>,
}

/// Why TLC has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TlcError {
    /// Nobody said where it is.
    #[error("{JAR_VARIABLE} is not set: point it to tla2tools.jar (TLC 2.15)")]
    NotConfigured,
    /// It is not where it should be.
    #[error("there is no TLC at {0}: point {JAR_VARIABLE} to tla2tools.jar (TLC 2.15)")]
    NoJar(PathBuf),
    /// Java does not start.
    #[error("java does not start ({0}): install Java 11 or newer and put it on the PATH")]
    NoJava(#[source] io::Error),
    /// A file of the specification, or of the scratch directory.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// TLC ran, and came to no verdict.
    #[error("TLC came to no verdict on {module}; it said: {said}")]
    NoVerdict {
        /// On which module.
        module: String,
        /// The lines that tell why.
        said: String,
    },
    /// The state graph that TLC wrote cannot be read.
    #[error("line {line} of TLC's graph of {module}: {what}")]
    Graph {
        /// Of which module.
        module: String,
        /// Where.
        line: usize,
        /// What is wrong.
        what: DotError,
    },
}

/// What is wrong with a line of a state graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DotError {
    /// A state's label is no conjunction of variables.
    #[error("`{0}` is not of the form `/\\ variable = value`")]
    NoAssignment(String),
    /// A variable's value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A step without an action.
    #[error("a step bears no action's name; its action must begin with a conjunct")]
    NoAction,
    /// A step leads to, or comes from, a state that was not written.
    #[error("a step meets a state that is not in the graph: {0}")]
    NoState(i64),
}

impl Tlc {
    /// The TLC that the environment names.
    ///
    /// # Errors
    /// If it names none, or one that is not there.
    pub fn locate() -> Result<Self, TlcError> {
        let jar = std::env::var_os(JAR_VARIABLE).filter(|path| !path.is_empty()).ok_or(TlcError::NotConfigured)?;
        Self::at(jar)
    }

    /// The TLC at `jar`.
    ///
    /// # Errors
    /// If it is not there.
    pub fn at(jar: impl Into<PathBuf>) -> Result<Self, TlcError> {
        let jar = jar.into();
        let absolute = std::path::absolute(&jar).unwrap_or_else(|_| jar.clone());
        if absolute.is_file() { Ok(Self { jar: absolute }) } else { Err(TlcError::NoJar(jar)) }
    }

    /// Checks every invariant and every temporal property that `module`'s configuration names.
    ///
    /// # Errors
    /// If TLC comes to no verdict. A claim that does not hold is a verdict.
    pub fn check(&self, specs: &Path, module: &str) -> Result<Verdict, TlcError> {
        let scratch = Scratch::over(specs, module)?;
        let said = self.run(&scratch, module, &[])?;
        read_verdict(&said).ok_or_else(|| no_verdict(module, &said))
    }

    /// Every reachable state of `module` and every step between them.
    ///
    /// # Errors
    /// If TLC does not reach the end of the state space.
    pub fn graph(&self, specs: &Path, module: &str) -> Result<SpecGraph, TlcError> {
        let scratch = Scratch::over(specs, module)?;
        scratch.drop_claims(module)?;
        let said = self.run(&scratch, module, &["-dump", "dot,actionlabels", "graph.dot"])?;
        if !said.contains(DONE) {
            return Err(no_verdict(module, &said));
        }
        read_dot(&scratch.read("graph.dot")?).map_err(|(line, what)| TlcError::Graph {
            module: module.to_owned(),
            line,
            what,
        })
    }

    fn run(&self, scratch: &Scratch, module: &str, options: &[&str]) -> Result<String, TlcError> {
        let scratch_path = scratch.directory.path();
        let output = Command::new("java")
            .args([HEAP, "-XX:+UseParallelGC"])
            // TLC unpacks its standard modules there under fixed names: two runs must not share it.
            .arg(format!("-Djava.io.tmpdir={}", scratch_path.display()))
            .arg("-cp")
            .arg(&self.jar)
            .args(["tlc2.TLC", "-deadlock", "-workers", "1", "-fp", "0"])
            .args(options)
            .args(["-config", &format!("{module}.cfg"), &format!("{module}.tla")])
            .current_dir(scratch_path)
            .output()
            .map_err(TlcError::NoJava)?;
        Ok(all_that_was_said(&output))
    }
}

fn all_that_was_said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n")
}

/// TLC's words for "everything was searched and nothing is wrong".
const DONE: &str = "Model checking completed. No error has been found.";

fn no_verdict(module: &str, said: &str) -> TlcError {
    const CHATTER: [&str; 8] =
        ["TLC2 ", "Running ", "Parsing ", "Semantic ", "Starting", "Computing", "Finished", "<<"];
    let is_chatter = |line: &&str| CHATTER.iter().any(|it| line.starts_with(it));
    let telling: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty() && !is_chatter(line)).collect();
    let said = telling.iter().take(12).copied().collect::<Vec<_>>().join(" | ");
    TlcError::NoVerdict { module: module.to_owned(), said }
}

fn read_verdict(said: &str) -> Option<Verdict> {
    let states = said.lines().filter_map(distinct_states).next_back();
    let violation = read_violation(said);
    let done = said.contains(DONE) || violation.is_some();
    done.then(|| Verdict { states: states.unwrap_or(0), violation, said: said.to_owned() })
}

/// The number in `2893 states generated, 572 distinct states found, 0 states left on queue.`
fn distinct_states(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" distinct states found")?;
    before.rsplit(' ').next()?.replace(',', "").parse().ok()
}

fn read_violation(said: &str) -> Option<Violation> {
    let is_claim = |line: &&str| {
        let error = line.strip_prefix("Error: ");
        error.is_some_and(|error| error.contains("is violated") || error.contains("were violated"))
    };
    let claim = said.lines().find(is_claim)?.trim_start_matches("Error: ").to_owned();
    let trace = said.lines().skip_while(|line| !line.starts_with("State 1:"));
    let ends = |line: &&str| line.starts_with("Finished") || line.contains("states generated,");
    Some(Violation { claim, trace: trace.take_while(|line| !ends(line)).map(str::to_owned).collect() })
}

/// A directory of TLC's own, with copies of the specification.
struct Scratch {
    directory: tempfile::TempDir,
}

impl Scratch {
    fn over(specs: &Path, module: &str) -> Result<Self, TlcError> {
        let directory = tempfile::tempdir().map_err(|source| TlcError::File { path: std::env::temp_dir(), source })?;
        let scratch = Self { directory };
        for name in [format!("{module}.tla"), format!("{module}.cfg")] {
            scratch.copy(&specs.join(name))?;
        }
        let others = std::fs::read_dir(specs).map_err(|source| TlcError::File { path: specs.to_owned(), source })?;
        for path in others.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.extension().is_some_and(|extension| extension == "tla") {
                scratch.copy(&path)?;
            }
        }
        Ok(scratch)
    }

    fn copy(&self, from: &Path) -> Result<(), TlcError> {
        let to = self.directory.path().join(from.file_name().unwrap_or_default());
        std::fs::copy(from, to).map(drop).map_err(|source| TlcError::File { path: from.to_owned(), source })
    }

    /// Properties make TLC search a graph of another kind; invariants would only be checked twice.
    fn drop_claims(&self, module: &str) -> Result<(), TlcError> {
        let name = format!("{module}.cfg");
        let is_claim = |line: &&str| line.starts_with("PROPERTY") || line.starts_with("INVARIANT");
        let kept: Vec<String> =
            self.read(&name)?.lines().filter(|line| !is_claim(line)).map(|line| format!("{line}\n")).collect();
        let path = self.directory.path().join(name);
        std::fs::write(&path, kept.concat()).map_err(|source| TlcError::File { path, source })
    }

    fn read(&self, name: &str) -> Result<String, TlcError> {
        let path = self.directory.path().join(name);
        std::fs::read_to_string(&path).map_err(|source| TlcError::File { path, source })
    }
}

/// Reads a state graph as `-dump dot,actionlabels` writes it.
///
/// # Errors
/// The line, counted from 1, and what is wrong with it.
pub fn read_dot(text: &str) -> Result<SpecGraph, (usize, DotError)> {
    let mut states: BTreeMap<i64, View> = BTreeMap::new();
    let mut initial = Vec::new();
    let mut steps = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = |what| (index + 1, what);
        if let Some((from, to)) = step_ends(line) {
            steps.push((index + 1, from, step_label(line).ok_or_else(|| place(DotError::NoAction))?, to));
        } else if let Some((id, label)) = state_label(line) {
            states.insert(id, read_view(label).map_err(place)?);
            if line.contains("style = filled") {
                initial.push(id);
            }
        }
    }
    for (line, from, _, to) in &steps {
        let missing = [from, to].into_iter().find(|id| !states.contains_key(id));
        missing.map_or(Ok(()), |id| Err((*line, DotError::NoState(*id))))?;
    }
    Ok(SpecGraph::sorted(states, initial, steps.into_iter().map(|(_, from, label, to)| (from, label, to))))
}

/// `-12 -> 34 [label="Tick",…];`
fn step_ends(line: &str) -> Option<(i64, i64)> {
    let (from, rest) = line.split_once(" -> ")?;
    let (to, _) = rest.split_once(' ')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn step_label(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("[label=\"")?;
    let (label, _) = rest.split_once('"')?;
    (!label.is_empty()).then(|| label.to_owned())
}

/// `-12 [label="/\\ phase = \"open\"\n/\\ left = 2"];`
fn state_label(line: &str) -> Option<(i64, &str)> {
    let (id, rest) = line.split_once(" [label=\"")?;
    let label = rest.rsplit_once("\"];").or_else(|| rest.rsplit_once("\",style"))?.0;
    Some((id.parse().ok()?, label))
}

fn read_view(label: &str) -> Result<View, DotError> {
    let text = label.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
    let assignments = text.split("/\\ ").filter(|part| !part.trim().is_empty());
    assignments.map(|part| read_assignment(part.trim())).collect()
}

fn read_assignment(text: &str) -> Result<(String, Value), DotError> {
    let (name, value) = text.split_once(" = ").ok_or_else(|| DotError::NoAssignment(text.to_owned()))?;
    Ok((name.to_owned(), Value::parse(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOT: &str = r#"strict digraph DiskGraph {
1 [label="/\\ phase = \"closed\"\n/\\ window = <<[failed |-> 0, calls |-> 1]>>",style = filled]
1 -> -2 [label="Fail",color="black",fontcolor="black"];
-2 [label="/\\ phase = \"open\"\n/\\ window = <<>>"];
-2 -> -2 [label="Tick",color="black",fontcolor="black"];
{rank = same; 1;-2;}
}"#;

    #[test]
    fn a_graph_keeps_states_steps_and_self_loops() {
        let graph = read_dot(DOT).unwrap();
        assert_eq!((graph.states.len(), graph.step_count(), graph.initial.len()), (2, 2, 1));
        assert_eq!(graph.labels, ["Fail", "Tick"]);
        let open = graph.states.iter().position(|view| view["phase"] == Value::text("open")).unwrap();
        assert!(graph.steps[open].contains(&(graph.label("Tick").unwrap(), open)));
    }

    #[test]
    fn a_graph_without_action_names_is_refused() {
        let unnamed = DOT.replace("label=\"Fail\"", "label=\"\"");
        assert_eq!(read_dot(&unnamed), Err((3, DotError::NoAction)));
    }

    #[test]
    fn a_graph_that_was_cut_short_is_refused() {
        let cut: Vec<&str> = DOT.lines().filter(|line| !line.starts_with("-2 [")).collect();
        assert_eq!(read_dot(&cut.join("\n")), Err((3, DotError::NoState(-2))));
    }

    #[test]
    fn a_missing_archive_is_named() {
        let error = Tlc::at("no/such/tla2tools.jar").unwrap_err();
        assert!(error.to_string().starts_with("there is no TLC at no/such/tla2tools.jar"), "{error}");
    }

    #[test]
    fn a_broken_invariant_is_a_verdict_with_its_trace() {
        let said = "Error: Invariant Bounded is violated.\nError: The behavior up to this point is:\nState 1: <Init>\n\
                    /\\ left = 0\n\n12 states generated, 9 distinct states found, 1 states left on queue.\n";
        let verdict = read_verdict(said).unwrap();
        assert_eq!(verdict.states, 9);
        let violation = verdict.violation.unwrap();
        assert_eq!(violation.claim, "Invariant Bounded is violated.");
        assert_eq!(violation.trace[..2], ["State 1: <Init>", "/\\ left = 0"]);
    }

    #[test]
    fn a_run_that_ends_in_an_error_is_no_verdict() {
        assert_eq!(read_verdict("Error: Parsing or semantic analysis failed."), None);
    }
}
