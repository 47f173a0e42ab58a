//! What a check found, as data.

use serde::{Deserialize, Serialize};

/// How much a model takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Below a second: part of every `cargo test` and `purlin verify`.
    Quick,
    /// At most 10⁷ states: part of CI.
    Full,
}

/// How a property is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// In every reachable state, or at every step. Violated by one path.
    Always,
    /// In some reachable state: a witness that the model is not empty. Violated if no path leads there.
    Sometimes,
    /// On every fair path, sooner or later. Violated by a path that runs into a cycle, or stops.
    Eventually,
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Distinct states so far.
    pub unique_states: u64,
    /// States reached so far, repeats included.
    pub generated_states: u64,
}

/// What the check of one model found.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// The room.
    pub room: &'static str,
    /// The model's name.
    pub model: &'static str,
    /// Its scope.
    pub scope: Scope,
    /// Every reachable state was seen. A check stops early at the first violation of an `always`.
    pub complete: bool,
    /// Distinct states.
    pub unique_states: u64,
    /// States reached, repeats included.
    pub generated_states: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// One by one.
    pub properties: Vec<PropertyReport>,
}

impl CheckReport {
    /// Every state was seen and every property holds.
    pub fn holds(&self) -> bool {
        self.complete && self.properties.iter().all(|property| property.holds)
    }
}

/// What the check of one property found.
#[derive(Clone, Debug, Serialize)]
pub struct PropertyReport {
    /// The claim.
    pub name: String,
    /// How it is meant.
    pub kind: Kind,
    /// Whether it holds.
    pub holds: bool,
    /// The shortened counterexample, or the first example of a `sometimes`: one line a step.
    pub path: Option<Vec<String>>,
    /// The same path as a JSON array of actions, as [`crate::replay`] takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<serde_json::Value>,
}
