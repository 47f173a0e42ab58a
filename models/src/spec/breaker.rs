//! The breaker's specification: its scopes, and the code's world at each.

mod abstraction;

pub use abstraction::BreakerAbstraction;

use super::scope::World;
use super::{Comparison, Constants, ConstantsError, Source, SpecScope};
use crate::caller::{CallerModel, CallerScope, Claims};
use crate::refinement::Terms;
use core::time::Duration;
use purlin::breaker::{
    Breaker, CancelledCounts, Config, Control, Input, MaxWaitTo, Outcome, Percent, Settings, WindowKind,
};
use std::borrow::Cow;

/// One tick of the specification: two of them make a second, so that buckets of time can last more than a tick.
pub const TICK: Duration = Duration::from_millis(TICK_MS);
const TICK_MS: u64 = 500;

/// By how many ticks the code's host may be late. The specification's timers are never late, and cannot tell.
const LATENESS: u32 = 1;

/// Far above what any scope needs; a mutant's endless counter meets it soon.
const STATES_MAX: usize = 100_000;

macro_rules! spec_file {
    ($name:expr) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/breaker/", $name)
    };
}

macro_rules! scope {
    ($name:literal, $module:literal) => {
        SpecScope {
            room: "breaker",
            name: $name,
            module: $module,
            sources: [
                Source { name: "Breaker.tla", text: include_str!(spec_file!("Breaker.tla")) },
                Source { name: concat!($module, ".tla"), text: include_str!(spec_file!(concat!($module, ".tla"))) },
                Source { name: concat!($module, ".cfg"), text: include_str!(spec_file!(concat!($module, ".cfg"))) },
            ],
            golden: include_bytes!(spec_file!(concat!($module, ".graph.gz"))),
            world,
        }
    };
}

/// The scopes, each small, together covering every rule of the specification.
pub fn scopes() -> Vec<SpecScope<BreakerAbstraction>> {
    vec![
        scope!("count", "MCBreakerCount"),
        scope!("hung", "MCBreakerHung"),
        scope!("recover", "MCBreakerRecover"),
        scope!("slow", "MCBreakerSlow"),
        scope!("time", "MCBreakerTime"),
        scope!("controls", "MCBreakerControls"),
    ]
}

pub(crate) fn comparisons() -> Vec<Box<dyn Comparison>> {
    scopes().into_iter().map(|scope| Box::new(scope) as Box<dyn Comparison>).collect()
}

/// The code's world, set up from the constants that TLC reads.
fn world(configuration: &str, constants: &Constants) -> Result<World<BreakerAbstraction>, ConstantsError> {
    let config = settings(constants)?.validate().map_err(|error| ConstantsError::Refused(error.to_string()))?;
    let callers = constants.number("Callers")? as usize;
    let scope = CallerScope {
        tick: TICK,
        lateness: LATENESS,
        inputs: controls(constants)?.into_iter().map(Input::Control).collect(),
        input_budget: BreakerAbstraction::INPUT_BUDGET,
        notice: |breaker: &Breaker, config, now| Cow::Owned(breaker.at(config, now)),
        ..CallerScope::new(config.clone(), callers, OUTCOMES)
    };
    let terms = Terms { refusals: Vec::new(), fair: fair_labels(configuration), states_max: STATES_MAX };
    let model = CallerModel::new(scope, Claims::default());
    Ok(World { abstraction: abstraction(config, constants)?, model, terms })
}

const OUTCOMES: [Outcome; 4] = [Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::Cancelled];

fn abstraction(config: Config, constants: &Constants) -> Result<BreakerAbstraction, ConstantsError> {
    Ok(BreakerAbstraction {
        config,
        openings_max: constants.numbers("OpenWaits")?.len() as u32,
        bucket_ticks: constants.number("BucketTicks")?,
        calls_max: if constants.number("WindowCalls")? == 0 { Some(constants.number("CallsMax")?) } else { None },
    })
}

fn settings(constants: &Constants) -> Result<Settings, ConstantsError> {
    let ticks = |name| constants.number(name).map(in_millis);
    let percent = |name| constants.number(name).map(Percent::new);
    let half_open_max_wait_ms = ticks("HalfOpenTicks")?;
    Ok(Settings {
        failure_rate_threshold_percent: percent("FailurePercent")?,
        slow_call_rate_threshold_percent: percent("SlowPercent")?,
        slow_call_duration_ms: if constants.is("CallsAreTimed")? { Some(ticks("SlowTicks")?) } else { None },
        window: window(constants)?,
        minimum_calls: constants.number("MinimumCalls")?,
        permitted_half_open_calls: constants.number("Permitted")?,
        open_wait_ms: None,
        open_wait_schedule_ms: constants.numbers("OpenWaits")?.into_iter().map(in_millis).collect(),
        half_open_max_wait_ms: (half_open_max_wait_ms > 0).then_some(half_open_max_wait_ms),
        half_open_max_wait_to: half_open_max_wait_to(constants)?,
        auto_half_open: constants.is("AutoHalfOpen")?,
        cancelled_counts: cancelled_counts(constants)?,
        ..Settings::default()
    })
}

fn in_millis(ticks: u32) -> u64 {
    u64::from(ticks) * TICK_MS
}

fn window(constants: &Constants) -> Result<WindowKind, ConstantsError> {
    let calls = constants.number("WindowCalls")?;
    if calls > 0 {
        return Ok(WindowKind::Count(calls));
    }
    let bucket_ms = in_millis(constants.number("BucketTicks")?);
    let window_ms = bucket_ms * u64::from(constants.number("WindowBuckets")?);
    if window_ms % 1_000 != 0 {
        return Err(ConstantsError::Refused(format!("a window of {window_ms} ms is no whole number of seconds")));
    }
    Ok(WindowKind::Time { time_s: (window_ms / 1_000) as u32, bucket_ms: bucket_ms as u32 })
}

fn half_open_max_wait_to(constants: &Constants) -> Result<MaxWaitTo, ConstantsError> {
    match constants.text("HalfOpenTo")? {
        "open" => Ok(MaxWaitTo::Open),
        "closed" => Ok(MaxWaitTo::Closed),
        other => Err(ConstantsError::Refused(format!("half-open cannot end in {other}"))),
    }
}

fn cancelled_counts(constants: &Constants) -> Result<CancelledCounts, ConstantsError> {
    match constants.text("CancelledCounts")? {
        "ignored" => Ok(CancelledCounts::Ignored),
        "failed" => Ok(CancelledCounts::Failed),
        "failed_if_slow" => Ok(CancelledCounts::FailedIfSlow),
        other => Err(ConstantsError::Refused(format!("cancelled calls cannot count as {other}"))),
    }
}

fn controls(constants: &Constants) -> Result<Vec<Control>, ConstantsError> {
    let controls: Result<Vec<Vec<Control>>, _> = constants.texts("Controls")?.into_iter().map(controls_called).collect();
    Ok(controls?.concat())
}

fn controls_called(name: &str) -> Result<Vec<Control>, ConstantsError> {
    match name {
        "reset" => Ok(vec![Control::Reset, Control::Close]),
        "open" => Ok(vec![Control::Open]),
        "half_open" => Ok(vec![Control::HalfOpen]),
        "force_open" => Ok(vec![Control::ForceOpen]),
        "disable" => Ok(vec![Control::Disable]),
        "metrics_only" => Ok(vec![Control::MetricsOnly]),
        other => Err(ConstantsError::Refused(format!("no operator says {other}"))),
    }
}

/// The labels under the fairness of the specification that a configuration names.
fn fair_labels(configuration: &str) -> Vec<&'static str> {
    if configuration.lines().any(|line| line.trim() == "SPECIFICATION Lively") {
        vec!["Tick", "Admit", "ReturnLate", "Succeed", "Fail"]
    } else {
        vec!["Tick"]
    }
}
