//! One scope of one room's specification: its files, its world in code, and how the two come together.

use super::{Comparison, Constants, ConstantsError, Oracle, SpecError, SpecGraph, SpecReport};
use crate::golden::{Golden, digest};
use crate::refinement::{Abstraction, ActionOf, Finding, Outcome, StateOf, Terms, compare};
use crate::report::{Kind, PropertyReport};
use crate::tlc::{Tlc, TlcError, Violation};
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How many findings of a kind are written out; all are counted.
const FINDINGS_MAX: usize = 20;

/// A text file of a specification, as it was built in.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub text: &'static str,
}

/// The code's side of a scope.
#[derive(Debug)]
pub struct World<A: Abstraction> {
    /// How it looks in the words of the specification.
    pub abstraction: A,
    /// The model.
    pub model: A::Model,
    /// On what terms it is compared.
    pub terms: Terms,
}

/// A scope of a room's specification.
#[derive(Debug)]
pub struct SpecScope<A: Abstraction> {
    /// The room.
    pub room: &'static str,
    /// Where its specification is, from the folder of all rooms' specifications.
    pub folder: &'static str,
    /// The scope's name.
    pub name: &'static str,
    /// The module that TLC is given.
    pub module: &'static str,
    /// The room's specification, then the scope's module and its configuration.
    pub sources: [Source; 3],
    /// The golden graph.
    pub golden: &'static [u8],
    /// Sets up the code's world from TLC's configuration and the constants in it.
    pub world: fn(configuration: &str, &Constants) -> Result<World<A>, ConstantsError>,
}

impl<A: Abstraction> Comparison for SpecScope<A>
where
    StateOf<A>: Clone + Eq + Hash,
    ActionOf<A>: Clone + Debug + PartialEq,
{
    fn room(&self) -> &'static str {
        self.room
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn compare(&self, oracle: &Oracle) -> Result<SpecReport, SpecError> {
        let started = Instant::now();
        let (sources, golden, violation) = match oracle {
            Oracle::Golden => (self.built_in(), self.built_in_golden()?, None),
            Oracle::Tlc { jar, specs, update } => self.ask_tlc(&Tlc::at(jar)?, &specs.join(self.folder), *update)?,
        };
        let world = self.world(&sources)?;
        let outcome = compare(&world.abstraction, &world.model, &golden.graph, &world.terms);
        let properties = property_reports(&sources, &golden.claims, violation.as_ref());
        let seconds = started.elapsed().as_secs_f64();
        Ok(self.report(&golden.graph, outcome, properties, seconds))
    }
}

/// The texts of a scope's sources: the specification, the scope's module, the configuration.
type Sources = [Cow<'static, str>; 3];

impl<A: Abstraction> SpecScope<A> {
    fn built_in(&self) -> Sources {
        self.sources.map(|source| Cow::Borrowed(source.text))
    }

    fn on_disk(&self, specs: &Path) -> Result<Sources, SpecError> {
        let [room, module, configuration] = self.sources.map(|source| read(&specs.join(source.name)));
        Ok([room?, module?, configuration?])
    }

    fn world(&self, sources: &Sources) -> Result<World<A>, SpecError> {
        let [_, module, configuration] = sources;
        let constants = Constants::read(configuration, module);
        let world = constants.and_then(|constants| (self.world)(configuration, &constants));
        world.map_err(|source| SpecError::Constants { scope: self.name, source })
    }

    fn built_in_golden(&self) -> Result<Golden, SpecError> {
        let golden = self.read_golden(self.golden)?;
        let is_fresh = golden.digest == digest_of(&self.built_in());
        if is_fresh { Ok(golden) } else { Err(SpecError::Stale(self.name)) }
    }

    fn read_golden(&self, bytes: &[u8]) -> Result<Golden, SpecError> {
        Golden::from_bytes(bytes).map_err(|source| SpecError::Golden { scope: self.name, source })
    }

    fn golden_path(&self, specs: &Path) -> PathBuf {
        specs.join(format!("{}.graph.gz", self.module))
    }

    fn ask_tlc(
        &self,
        tlc: &Tlc,
        specs: &Path,
        update: bool,
    ) -> Result<(Sources, Golden, Option<Violation>), SpecError> {
        let sources = self.on_disk(specs)?;
        let (verdict, graph) = std::thread::scope(|threads| {
            let graph = threads.spawn(|| tlc.graph(specs, self.module));
            (tlc.check(specs, self.module), graph.join().expect("reading a graph does not panic"))
        });
        let violation = verdict?.violation;
        let fresh = Golden { digest: digest_of(&sources), claims: claims(&sources), graph: graph? };
        if violation.is_none() {
            self.settle_golden(&fresh, specs, update)?;
        }
        Ok((sources, fresh, violation))
    }

    fn settle_golden(&self, fresh: &Golden, specs: &Path, update: bool) -> Result<(), SpecError> {
        let path = self.golden_path(specs);
        if update {
            return std::fs::write(&path, fresh.to_bytes()).map_err(|source| SpecError::Write { path, source });
        }
        let bytes = std::fs::read(&path).map_err(|source| TlcError::File { path, source })?;
        let golden = self.read_golden(&bytes)?;
        let what = difference(fresh, &golden);
        what.map_or(Ok(()), |what| Err(SpecError::Differs { scope: self.name, what }))
    }

    fn report(&self, spec: &SpecGraph, outcome: Outcome, properties: Vec<PropertyReport>, seconds: f64) -> SpecReport {
        let label_of = |(label, _): &(usize, usize)| spec.labels[*label].clone();
        let mut labels = std::collections::BTreeMap::new();
        spec.steps.iter().flatten().for_each(|step| *labels.entry(label_of(step)).or_default() += 1);
        SpecReport {
            room: self.room,
            scope: self.name,
            spec_states: spec.states.len() as u64,
            spec_steps: spec.step_count() as u64,
            model_states: outcome.code_states as u64,
            model_steps: outcome.code_steps as u64,
            stutters: outcome.stutters as u64,
            unexplained_code_steps: in_words(&outcome.unexplained),
            missing_spec_steps: in_words(&outcome.missing),
            unreached_spec_states: shortened(outcome.unreached),
            refusals: outcome.refused.into_iter().map(|(reason, count)| (reason, count as u64)).collect(),
            properties,
            liveness_carries_over: outcome.obstacles.is_empty(),
            liveness_obstacles: outcome.obstacles,
            fields: spec.fields(),
            widest_fibre: outcome.widest_fibre as u64,
            labels,
            seconds,
        }
    }
}

fn read(path: &Path) -> Result<Cow<'static, str>, SpecError> {
    let text = std::fs::read_to_string(path).map_err(|source| TlcError::File { path: path.to_owned(), source })?;
    Ok(Cow::Owned(text))
}

fn digest_of(sources: &Sources) -> u64 {
    digest(sources.iter().map(AsRef::as_ref))
}

fn in_words(findings: &[Finding]) -> Vec<String> {
    shortened(findings.iter().map(Finding::to_string).collect())
}

fn shortened(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        lines.truncate(FINDINGS_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn difference(fresh: &Golden, golden: &Golden) -> Option<String> {
    let count = |it: &Golden| format!("{} states and {} steps", it.graph.states.len(), it.graph.step_count());
    if fresh.graph != golden.graph {
        Some(format!("TLC finds {}, the file holds {}", count(fresh), count(golden)))
    } else if fresh.claims != golden.claims {
        Some("other claims are checked".to_owned())
    } else {
        (fresh.digest != golden.digest).then(|| "the specification was edited since".to_owned())
    }
}

/// The claims that a configuration names, one a line.
fn claims([_, _, configuration]: &Sources) -> Vec<String> {
    let named =
        |line: &'_ str| Some(line.strip_prefix("INVARIANT ").or(line.strip_prefix("PROPERTY "))?.trim().to_owned());
    configuration.lines().filter_map(named).collect()
}

/// TLC stops at the first claim that does not hold and does not always name it, so then none is called true.
fn property_reports(sources: &Sources, claims: &[String], violation: Option<&Violation>) -> Vec<PropertyReport> {
    if let Some(violation) = violation {
        let path = Some(violation.trace.clone());
        return vec![PropertyReport { holds: false, path, ..property_report(violation.claim.clone(), Kind::Always) }];
    }
    claims.iter().map(|claim| property_report(claim.clone(), kind_of(claim, sources))).collect()
}

fn property_report(name: String, kind: Kind) -> PropertyReport {
    PropertyReport { name, kind, holds: true, path: None, actions: None }
}

fn kind_of(claim: &str, [room, ..]: &Sources) -> Kind {
    let begins = format!("{claim} ==");
    let definition = room.lines().skip_while(|line| !line.starts_with(&begins));
    let is_liveness = definition.take_while(|line| !line.trim().is_empty()).any(|line| line.contains("~>"));
    if is_liveness { Kind::Eventually } else { Kind::Always }
}
