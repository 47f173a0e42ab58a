//! The rooms that this command knows, gathered from everything that names one.

use crate::drive::Drive;
use crate::failure::Failure;
use purlin::breaker::{self, Breaker};
use purlin::queue::{self, Queue};
use purlin_models::Model;
use purlin_models::spec::Comparison;
use purlin_sim::Scenario;

/// The rooms whose machines can be driven by hand. A later room is one more line.
pub(crate) fn driven() -> Vec<Drive> {
    vec![Drive::policy::<Breaker, breaker::Settings>("breaker"), Drive::protocol::<Queue, queue::Settings>("queue")]
}

/// The models of all rooms, and of the lock of the examples: a machine of a user's own is gathered like any other.
fn models() -> Vec<Box<dyn Model>> {
    let mut models = purlin_models::models();
    models.extend(purlin_lock::models::models());
    models
}

fn comparisons() -> Vec<Box<dyn Comparison>> {
    let mut comparisons = purlin_models::spec::comparisons();
    comparisons.extend(purlin_lock::spec::comparisons());
    comparisons
}

/// Every scenario.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = purlin_sim::scenarios();
    scenarios.extend(purlin_lock::scenario::scenarios());
    scenarios.extend(purlin_kv_storm::scenarios());
    scenarios
}

/// A Rust expression that gives a scenario, for tests that are written for a reader.
pub(crate) fn scenario_expression(scenario: &Scenario) -> String {
    let list = match scenario.room() {
        "lock" => "purlin_lock::scenario::scenarios()",
        "raft" => "purlin_kv_storm::scenarios()",
        _ => "purlin_sim::scenarios()",
    };
    let name = scenario.name();
    format!("{list}.into_iter().find(|scenario| scenario.name() == {name:?}).expect(\"there is such a scenario\")")
}

/// Everything there is of one room.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) models: Vec<Box<dyn Model>>,
    pub(crate) comparisons: Vec<Box<dyn Comparison>>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// The names of all rooms, in alphabetical order.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = driven().iter().map(Drive::name).collect();
    names.extend(models().iter().map(|model| model.room()));
    names.extend(comparisons().iter().map(|comparison| comparison.room()));
    names.extend(scenarios().iter().map(Scenario::room));
    names.sort_unstable();
    names.dedup();
    names
}

/// The rooms that are asked for: all of them if none is named.
pub(crate) fn select(asked: &[String]) -> Result<Vec<Room>, Failure> {
    let names = names();
    if let Some(stranger) = asked.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(unknown(stranger));
    }
    let wanted = names.into_iter().filter(|name| asked.is_empty() || asked.iter().any(|asked| asked == name));
    Ok(wanted.map(gather).collect())
}

fn gather(name: &'static str) -> Room {
    Room {
        name,
        models: models().into_iter().filter(|model| model.room() == name).collect(),
        comparisons: comparisons().into_iter().filter(|comparison| comparison.room() == name).collect(),
        scenarios: scenarios_of(name),
    }
}

/// The scenarios of one room.
pub(crate) fn scenarios_of(room: &str) -> Vec<Scenario> {
    scenarios().into_iter().filter(|scenario| scenario.room() == room).collect()
}

/// The scenario with this name.
pub(crate) fn scenario(name: &str) -> Result<Scenario, Failure> {
    let all = scenarios();
    all.iter().find(|scenario| scenario.name() == name).copied().ok_or_else(|| {
        let names = all.iter().map(Scenario::name).collect::<Vec<_>>().join(", ");
        Failure::new(format_args!("there is no scenario `{name}`: choose one of {names}"))
    })
}

/// That there is no such room, and which there are.
pub(crate) fn unknown(room: &str) -> Failure {
    Failure::new(format_args!("there is no room `{room}`: choose one of {}", names().join(", ")))
}
