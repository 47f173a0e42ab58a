//! Fault plans: explicit, typed lists of what goes wrong and when. A run consumes a plan and nothing else.
//!
//! ```text
//!    0 ─────────── safety_ms ──────────── + recovery bound ────── end
//!    │ safety phase │ liveness phase        │ calm                 │
//!    │ faults       │ healed: must recover  │ every call succeeds  │
//! ```
//!
//! [`Scenario::plan`](crate::Scenario::plan) draws a plan from a seed; from then on only the plan counts, so it can be
//! kept, edited and shrunk. The same bytes drive both tiers.

pub use crate::budget::Budget;
use crate::die::{Dice, Throws};
use crate::document::Document;
use crate::fault::check_kind;
pub use crate::fault::{Class, Fault, FaultKind, Law, Link, Nodes, Ratio, Span};
use crate::hash::Hash;
use core::fmt::Debug;
use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that determines a run.
///
/// What the options mean is the scenario's affair. Without its type they are a [`Document`]; a scenario reads them as its
/// own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked<O>", bound(deserialize = "O: PlanOptions"))]
pub struct Plan<O = Document> {
    /// The scenario that this plan is for.
    pub scenario: String,
    /// Seeds every draw during the run, down to each latency. At most 2⁵³, so that any JSON reader keeps it exactly.
    pub noise: u64,
    /// What the swarm drew for this run: how many take part, how fast, and how the machines are set up.
    pub options: O,
    /// How much may fail, so that the system can still be expected to recover.
    pub budget: Budget,
    /// What goes wrong, all of it in the safety phase.
    pub faults: Vec<Fault>,
    /// What every die shows, in place of what follows from the noise: then the run needs no generator. It is of one tier,
    /// whose run it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throws: Option<Throws>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked<O> {
    scenario: String,
    noise: u64,
    options: O,
    #[serde(default)]
    budget: Budget,
    faults: Vec<Fault>,
    throws: Option<Throws>,
}

impl<O: PlanOptions> TryFrom<Unchecked<O>> for Plan<O> {
    type Error = InvalidPlan;

    fn try_from(unchecked: Unchecked<O>) -> Result<Self, InvalidPlan> {
        let Unchecked { scenario, noise, options, budget, faults, throws } = unchecked;
        let plan = Self { scenario, noise, options, budget, faults, throws };
        plan.validate()?;
        Ok(plan)
    }
}

/// The options of one scenario.
pub trait PlanOptions: Clone + Debug + Serialize + DeserializeOwned {
    /// Checks every field and its relation to its neighbours, also that the system can recover at all.
    ///
    /// # Errors
    /// The first field that does not hold, as a path from the plan.
    fn validate(&self) -> Result<(), InvalidPlan>;

    /// How long the safety phase lasts, in milliseconds. Every fault ends within it.
    fn safety_ms(&self) -> u64;

    /// Checks that the scenario knows this kind of fault, and whom it strikes. What else the fault says has been checked.
    ///
    /// # Errors
    /// What it does not know, with `field` as the path of the kind.
    fn check_kind(&self, field: &str, kind: &FaultKind) -> Result<(), InvalidPlan>;

    /// Simpler options to try while a plan is shrunk, the simplest first. Each of them is simpler for good: taking simpler
    /// ones again and again comes to an end.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }

    /// Checks that the system can be expected to recover within this budget, if it is.
    ///
    /// # Errors
    /// The field of the budget that does not hold.
    fn check_budget(&self, _budget: &Budget) -> Result<(), InvalidPlan> {
        Ok(())
    }

    /// What the options look like as JSON; anything, unless the scenario says more.
    fn schema(_generator: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

/// Options of a scenario that is not known here: only the scenario can tell whether they hold.
impl PlanOptions for Document {
    fn validate(&self) -> Result<(), InvalidPlan> {
        Ok(())
    }

    fn safety_ms(&self) -> u64 {
        Plan::DURATION_MS_MAX
    }

    fn check_kind(&self, _field: &str, _kind: &FaultKind) -> Result<(), InvalidPlan> {
        Ok(())
    }
}

/// What is wrong with a plan. Whoever wrote it is to mend the field that is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {given}: {mend}")]
pub struct InvalidPlan {
    /// The field, as it is called in JSON.
    pub field: String,
    /// What it says.
    pub given: String,
    /// What it may say.
    pub mend: String,
}

impl InvalidPlan {
    /// That `field`, which says `given`, does not hold, unless it `fits`; `mend` tells what it may say.
    ///
    /// # Errors
    /// Just that.
    pub fn unless(fits: bool, field: impl ToString, given: impl ToString, mend: impl ToString) -> Result<(), Self> {
        if fits {
            Ok(())
        } else {
            Err(Self { field: field.to_string(), given: given.to_string(), mend: mend.to_string() })
        }
    }

    /// The same, of a field that stands within `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

/// Why a text is no plan of a scenario.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// It is not JSON, or not of a plan's shape; or a field does not hold. With line and column.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is another scenario's.
    #[error(transparent)]
    Invalid(#[from] InvalidPlan),
}

impl Plan {
    /// The most faults in a plan.
    pub const FAULTS_MAX: usize = 1_000;
    /// The longest duration in any field, in milliseconds: a day.
    pub const DURATION_MS_MAX: u64 = 24 * 3_600 * 1_000;
    /// The greatest noise seed.
    pub const NOISE_MAX: u64 = 1 << 53;
    /// The greatest factor of a load spike.
    pub const SPIKE_FACTOR_MAX: u32 = 1_000;
    /// The most bits that rot at once.
    pub const BITS_MAX: u32 = 1_000;

    /// Reads a plan from JSON and checks what can be checked without its scenario: see
    /// [`Scenario::read`](crate::Scenario::read) for the rest.
    ///
    /// # Errors
    /// What is wrong and where: syntax with its line and column, or the field that does not hold.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The same plan, its options read as those of a scenario.
    ///
    /// # Errors
    /// The field that does not hold.
    pub fn typed<O: PlanOptions>(&self) -> Result<Plan<O>, InvalidPlan> {
        let options = self.options.read().map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.into_inner());
            InvalidPlan { field: "options".to_owned(), given: path, mend: inner.to_string() }
        })?;
        let Self { scenario, noise, budget, faults, throws, .. } = self.clone();
        let plan = Plan { scenario, noise, options, budget, faults, throws };
        plan.validate()?;
        Ok(plan)
    }
}

impl<O: PlanOptions> Plan<O> {
    /// Checks every field and its relation to its neighbours, as far as the options are known.
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(&self) -> Result<(), InvalidPlan> {
        let mend = "give at most 9007199254740992, which every JSON reader keeps exactly";
        InvalidPlan::unless(self.noise <= Plan::NOISE_MAX, "noise", self.noise, mend)?;
        self.options.validate()?;
        let count = self.faults.len();
        InvalidPlan::unless(count <= Plan::FAULTS_MAX, "faults", format!("a list of {count}"), "give at most 1000")?;
        self.faults.iter().enumerate().try_for_each(|(index, fault)| self.check_fault(index, fault))?;
        self.options.check_budget(&self.budget)?;
        self.budget.check(&self.faults)
    }

    /// The JSON Schema of the plans of a scenario with these options.
    pub fn schema(scenario: &str) -> serde_json::Value {
        let mut generator = SchemaGenerator::default();
        let options = O::schema(&mut generator);
        let budget = generator.subschema_for::<Budget>();
        let fault = generator.subschema_for::<Fault>();
        let throws = generator.subschema_for::<BTreeMap<String, String>>();
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": format!("a fault plan of {scenario}"),
            "type": "object",
            "properties": {
                "scenario": {"const": scenario},
                "noise": {"type": "integer", "minimum": 0, "maximum": Plan::NOISE_MAX},
                "options": options,
                "budget": budget,
                "faults": {"type": "array", "items": fault, "maxItems": Plan::FAULTS_MAX},
                "throws": throws,
            },
            "required": ["scenario", "noise", "options", "faults"],
            "additionalProperties": false,
            "$defs": generator.take_definitions(true),
        })
    }

    /// The plan as indented JSON, ending in a newline. Equal plans give equal bytes.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("a plan holds only numbers, texts and lists");
        json + "\n"
    }

    /// The plan in lines for people: the noise, the options, and each fault with its number. A trace begins with them.
    pub fn lines(&self) -> Vec<String> {
        let text =
            |value: Result<String, serde_json::Error>| value.expect("a plan holds only numbers, texts and lists");
        let head = [
            format!("noise {}", self.noise),
            format!("options {}", text(serde_json::to_string(&self.options))),
            format!("budget {}", text(serde_json::to_string(&self.budget))),
        ];
        let faults = self.faults.iter().enumerate().map(|(index, fault)| {
            let kind = text(serde_json::to_string(&fault.kind));
            format!("fault {index} from {} ms to {} ms: {kind}", fault.start_ms, fault.end_ms())
        });
        head.into_iter().chain(faults).collect()
    }

    /// The dice of a run.
    pub(crate) fn dice(&self, copied: bool) -> Dice {
        Dice::new(self.noise, self.throws.as_ref(), copied)
    }

    /// The fingerprint of the plan's bytes.
    pub fn hash(&self) -> Hash {
        Hash::of(self.to_json().as_bytes())
    }

    /// The same plan for those who do not know the scenario.
    pub fn erased(self) -> Plan {
        let Self { scenario, noise, options, budget, faults, throws } = self;
        Plan { scenario, noise, options: Document::of(&options), budget, faults, throws }
    }

    fn check_fault(&self, index: usize, fault: &Fault) -> Result<(), InvalidPlan> {
        let field = |name: &str| format!("faults[{index}].{name}");
        let (duration, safety) = (fault.duration_ms, self.options.safety_ms());
        InvalidPlan::unless(duration >= 1, field("duration_ms"), duration, "give at least 1 ms")?;
        let given = format!("{} ms after a start at {} ms", duration, fault.start_ms);
        let mend = format!("let the fault end within the safety phase, that is by {safety} ms");
        InvalidPlan::unless(fault.end_ms() <= safety, field("duration_ms"), given, mend)?;
        check_kind(&field("kind"), &fault.kind)?;
        self.options.check_kind(&field("kind"), &fault.kind)
    }
}
