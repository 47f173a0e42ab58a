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

use crate::hash::Hash;
use crate::scenarios::breaker::Options;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Everything that determines a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Plan {
    /// The scenario that this plan is for.
    pub scenario: String,
    /// Seeds every draw during the run, down to each latency. At most 2⁵³, so that any JSON reader keeps it exactly.
    pub noise: u64,
    /// What the swarm drew for this run: how many take part, how fast, and how the breaker is set up.
    pub options: Options,
    /// What goes wrong, all of it in the safety phase.
    pub faults: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    scenario: String,
    noise: u64,
    options: Options,
    faults: Vec<Fault>,
}

impl TryFrom<Unchecked> for Plan {
    type Error = InvalidPlan;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidPlan> {
        let Unchecked { scenario, noise, options, faults } = unchecked;
        let plan = Self { scenario, noise, options, faults };
        plan.validate()?;
        Ok(plan)
    }
}

/// One thing that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, in milliseconds from the start of the run.
    pub start_ms: u64,
    /// How long it lasts, in milliseconds, at least 1; it ends within the safety phase.
    pub duration_ms: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// When it ends, in milliseconds from the start of the run.
    pub fn end_ms(&self) -> u64 {
        self.start_ms.saturating_add(self.duration_ms)
    }

    /// When it begins, from the start of the run.
    pub fn start(&self) -> Duration {
        Duration::from_millis(self.start_ms)
    }

    /// When it ends, from the start of the run.
    pub fn end(&self) -> Duration {
        Duration::from_millis(self.end_ms())
    }
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The server answers a share of the calls with an error.
    Errors {
        /// The share.
        share: Ratio,
    },
    /// The server takes so much longer over each call.
    Slow {
        /// How much longer.
        extra: Span,
    },
    /// The server never answers a share of the calls.
    Hang {
        /// The share.
        share: Ratio,
    },
    /// The server's process dies: calls in it are cut off, new ones are refused. It is restarted when the fault ends.
    Crash,
    /// Nothing passes between caller and server until the fault ends; then all of it arrives, as TCP sees to.
    Cut,
    /// Each message between caller and server takes so much longer.
    Delay {
        /// How much longer.
        extra: Span,
    },
    /// A share of the messages between caller and server is lost, and nobody is told. Under TCP one lost segment is
    /// repaired, so in the full stack the loss is that of a whole request: it is never answered.
    Lose {
        /// The share.
        share: Ratio,
    },
    /// Clients give up sooner, which cancels their calls.
    Impatience {
        /// After so many milliseconds.
        patience_ms: u64,
    },
    /// Clients rest only a fraction of their usual time between calls.
    Spike {
        /// What the rest is divided by, at least 2.
        factor: u32,
    },
}

impl FaultKind {
    /// Its name as it stands in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errors { .. } => "errors",
            Self::Slow { .. } => "slow",
            Self::Hang { .. } => "hang",
            Self::Crash => "crash",
            Self::Cut => "cut",
            Self::Delay { .. } => "delay",
            Self::Lose { .. } => "lose",
            Self::Impatience { .. } => "impatience",
            Self::Spike { .. } => "spike",
        }
    }
}

/// A share as a ratio of integers: `[3, 10]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u32; 2]", try_from = "[u32; 2]")]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// All of it.
    pub const ALL: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator` of `denominator`; `None` if that is more than all, or of nothing.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if denominator == 0 || numerator > denominator { None } else { Some(Self { numerator, denominator }) }
    }

    /// The part.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The whole, at least 1.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

impl From<Ratio> for [u32; 2] {
    fn from(ratio: Ratio) -> Self {
        [ratio.numerator, ratio.denominator]
    }
}

impl TryFrom<[u32; 2]> for Ratio {
    type Error = String;

    fn try_from([numerator, denominator]: [u32; 2]) -> Result<Self, String> {
        let mend = "give [part, whole] with a whole of at least 1 and a part no greater";
        Self::new(numerator, denominator).ok_or_else(|| format!("[{numerator}, {denominator}] is no share: {mend}"))
    }
}

/// A range of durations, both ends included; each time a duration is needed one is drawn from it, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The shortest, in milliseconds.
    pub least_ms: u64,
    /// The longest, in milliseconds.
    pub most_ms: u64,
}

impl Span {
    /// From `least_ms` to `most_ms`.
    pub const fn new(least_ms: u64, most_ms: u64) -> Self {
        Self { least_ms, most_ms }
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
    pub(crate) fn unless(
        fits: bool,
        field: impl ToString,
        given: impl ToString,
        mend: impl ToString,
    ) -> Result<(), Self> {
        if fits {
            Ok(())
        } else {
            Err(Self { field: field.to_string(), given: given.to_string(), mend: mend.to_string() })
        }
    }
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

    /// Checks every field and its relation to its neighbours, also that the system can recover at all.
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(&self) -> Result<(), InvalidPlan> {
        let mend = "give at most 9007199254740992, which every JSON reader keeps exactly";
        InvalidPlan::unless(self.noise <= Self::NOISE_MAX, "noise", self.noise, mend)?;
        self.options.validate()?;
        let count = self.faults.len();
        InvalidPlan::unless(count <= Self::FAULTS_MAX, "faults", format!("a list of {count}"), "give at most 1000")?;
        self.faults.iter().enumerate().try_for_each(|(index, fault)| self.check_fault(index, fault))
    }

    /// Reads a plan from JSON and checks it.
    ///
    /// # Errors
    /// What is wrong and where: syntax with its line and column, or the field that does not hold.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
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
        let head = [format!("noise {}", self.noise), format!("options {}", text(serde_json::to_string(&self.options)))];
        let faults = self.faults.iter().enumerate().map(|(index, fault)| {
            let kind = text(serde_json::to_string(&fault.kind));
            format!("fault {index} from {} ms to {} ms: {kind}", fault.start_ms, fault.end_ms())
        });
        head.into_iter().chain(faults).collect()
    }

    /// The fingerprint of the plan's bytes.
    pub fn hash(&self) -> Hash {
        Hash::of(self.to_json().as_bytes())
    }

    fn check_fault(&self, index: usize, fault: &Fault) -> Result<(), InvalidPlan> {
        let field = |name: &str| format!("faults[{index}].{name}");
        let (duration, safety) = (fault.duration_ms, self.options.safety_ms);
        InvalidPlan::unless(duration >= 1, field("duration_ms"), duration, "give at least 1 ms")?;
        let given = format!("{} ms after a start at {} ms", duration, fault.start_ms);
        let mend = format!("let the fault end within the safety phase, that is by {safety} ms");
        InvalidPlan::unless(fault.end_ms() <= safety, field("duration_ms"), given, mend)?;
        check_kind(&field("kind"), &fault.kind)
    }
}

fn check_kind(field: &str, kind: &FaultKind) -> Result<(), InvalidPlan> {
    match *kind {
        FaultKind::Slow { extra } | FaultKind::Delay { extra } => check_span(&format!("{field}.extra"), extra),
        FaultKind::Impatience { patience_ms } => {
            let fits = (1..=Plan::DURATION_MS_MAX).contains(&patience_ms);
            InvalidPlan::unless(
                fits,
                format!("{field}.patience_ms"),
                patience_ms,
                "give at least 1 ms and at most a day",
            )
        }
        FaultKind::Spike { factor } => {
            let fits = (2..=Plan::SPIKE_FACTOR_MAX).contains(&factor);
            InvalidPlan::unless(fits, format!("{field}.factor"), factor, "give 2 to 1000")
        }
        FaultKind::Errors { .. } | FaultKind::Hang { .. } | FaultKind::Lose { .. } => Ok(()),
        FaultKind::Crash | FaultKind::Cut => Ok(()),
    }
}

pub(crate) fn check_span(field: &str, span: Span) -> Result<(), InvalidPlan> {
    let given = format!("{} to {} ms", span.least_ms, span.most_ms);
    let fits = span.least_ms <= span.most_ms && span.most_ms <= Plan::DURATION_MS_MAX;
    InvalidPlan::unless(fits, field, given, "give a least that is no greater than the most, which is at most a day")
}
