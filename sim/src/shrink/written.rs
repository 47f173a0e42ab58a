//! A plan as a Rust test.

use super::Shrunk;
use crate::plan::Plan;
use crate::scenario::Tier;

impl Shrunk {
    /// A test that holds the plan, as a file for the `tests` of a crate: it fails as long as the plan does, and then keeps
    /// the bug away. `scenario` is a Rust expression for the scenario.
    pub fn to_rust_test(&self, scenario: &str, tier: Tier) -> String {
        let history = format!(", shrunk from {}", self.faults_before);
        written(&self.plan, &self.symptom.property, scenario, tier, &history)
    }
}

impl Plan {
    /// A test that holds this plan, under which `property` was broken. See [`Shrunk::to_rust_test`].
    pub fn to_rust_test(&self, property: &str, scenario: &str, tier: Tier) -> String {
        written(self, property, scenario, tier, "")
    }
}

fn written(plan: &Plan, property: &str, scenario: &str, tier: Tier, history: &str) -> String {
    let name = plan.scenario.as_str();
    let tier = match tier {
        Tier::Swarm => "Swarm",
        Tier::Turmoil => "Turmoil",
    };
    let function = identifier(&format!("{name}_keeps_{property}"));
    let faults = plan.faults.len();
    let plan = plan.to_json();
    let plan = plan.trim_end();
    let fence = "#".repeat(fence_length(plan));
    format!(
        "/// Holds a plan of {faults} faults{history}, under which `{name}` broke `{property}`.\n\
             #[test]\n\
             fn {function}() {{\n    \
                 let scenario = {scenario};\n    \
                 let plan = scenario.read(PLAN).expect(\"the plan is one of this scenario\");\n    \
                 let run = scenario.run(purlin_sim::Tier::{tier}, &plan).expect(\"the plan is valid\");\n    \
                 assert!(run.verdict.holds(), \"{{:?}}\", run.verdict);\n\
             }}\n\
             \n\
             const PLAN: &str = r{fence}\"{plan}\"{fence};\n"
    )
}

/// The letters and digits of `text`, and underscores for all else.
fn identifier(text: &str) -> String {
    let allowed = |next: char| if next.is_ascii_alphanumeric() { next.to_ascii_lowercase() } else { '_' };
    text.chars().map(allowed).collect()
}

/// So many marks that no quote in the text is followed by as many.
fn fence_length(text: &str) -> usize {
    let marks = text.split('"').skip(1).map(|rest| rest.chars().take_while(|next| *next == '#').count());
    marks.max().unwrap_or(0) + 1
}
