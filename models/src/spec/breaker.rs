//! The breaker's specification: its scopes, and the code's world at each.

mod abstraction;

pub use abstraction::BreakerAbstraction;

use super::scope::World;
use super::{Comparison, Constants, ConstantsError, Source, SpecScope};
use crate::caller::{CallerModel, CallerScope, Claims};
use crate::refinement::Terms;
use core::time::Duration;
use purlin::breaker::{
    Breaker, CancelledCounts, Config, Control, InitialState, Input, Jitter, MaxWaitTo, Outcome, Percent, Settings,
    WindowKind,
};
use std::borrow::Cow;

/// The unit in which the specification gives the lengths of ticks and of buckets of time.
const UNIT_MS: u64 = 250;

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
            folder: "breaker",
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
        scope!("hint", "MCBreakerHint"),
        scope!("watch", "MCBreakerWatch"),
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
        tick: tick(constants)?,
        lateness: LATENESS,
        inputs: controls(constants)?.into_iter().map(Input::Control).collect(),
        input_budget: BreakerAbstraction::INPUT_BUDGET,
        notice: |breaker: &Breaker, config, now| Cow::Owned(breaker.at(config, now)),
        throws: constants.number("JitterSteps")? > 0,
        ..CallerScope::new(config.clone(), callers, outcomes(constants)?)
    };
    let terms = Terms { refusals: Vec::new(), fair: fair_labels(configuration), states_max: STATES_MAX };
    let model = CallerModel::new(scope, Claims::default());
    Ok(World { abstraction: abstraction(config, constants)?, model, terms })
}

fn tick(constants: &Constants) -> Result<Duration, ConstantsError> {
    Ok(Duration::from_millis(u64::from(constants.number("TickLength")?) * UNIT_MS))
}

/// A hint is given only where it is heeded, and asks for more than the configuration grants.
fn outcomes(constants: &Constants) -> Result<Vec<Outcome>, ConstantsError> {
    let mut outcomes = vec![Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::Cancelled];
    let hint_ms = in_millis(constants, "HintTicks")?;
    if hint_ms > 0 {
        outcomes.push(Outcome::Hinted { retry_after_ms: hint_ms });
        outcomes.push(Outcome::Hinted { retry_after_ms: 10 * hint_ms });
    }
    Ok(outcomes)
}

fn abstraction(config: Config, constants: &Constants) -> Result<BreakerAbstraction, ConstantsError> {
    Ok(BreakerAbstraction {
        config,
        tick: tick(constants)?,
        unit: Duration::from_millis(UNIT_MS),
        openings_max: constants.numbers("OpenWaits")?.len() as u32,
        bucket_length: constants.number("BucketLength")?,
        calls_max: if constants.number("WindowCalls")? == 0 { Some(constants.number("CallsMax")?) } else { None },
    })
}

fn settings(constants: &Constants) -> Result<Settings, ConstantsError> {
    let percent = |name| constants.number(name).map(Percent::new);
    let above_zero = |name| in_millis(constants, name).map(|millis| (millis > 0).then_some(millis));
    Ok(Settings {
        failure_rate_threshold_percent: percent("FailurePercent")?,
        slow_call_rate_threshold_percent: percent("SlowPercent")?,
        slow_call_duration_ms: slow_call_duration_ms(constants)?,
        window: window(constants)?,
        minimum_calls: constants.number("MinimumCalls")?,
        permitted_half_open_calls: constants.number("Permitted")?,
        open_wait_ms: None,
        open_wait_schedule_ms: open_waits_ms(constants)?,
        open_wait_jitter: jitter(constants)?,
        half_open_max_wait_ms: above_zero("HalfOpenTicks")?,
        half_open_max_wait_to: half_open_max_wait_to(constants)?,
        auto_half_open: constants.is("AutoHalfOpen")?,
        initial_state: initial_state(constants)?,
        cancelled_counts: cancelled_counts(constants)?,
        server_hint_max_ms: above_zero("HintTicks")?,
    })
}

fn in_millis(constants: &Constants, ticks: &'static str) -> Result<u64, ConstantsError> {
    Ok(millis(tick(constants)? * constants.number(ticks)?))
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

fn slow_call_duration_ms(constants: &Constants) -> Result<Option<u64>, ConstantsError> {
    if constants.is("CallsAreTimed")? { in_millis(constants, "SlowTicks").map(Some) } else { Ok(None) }
}

fn open_waits_ms(constants: &Constants) -> Result<Vec<u64>, ConstantsError> {
    let tick = tick(constants)?;
    Ok(constants.numbers("OpenWaits")?.into_iter().map(|ticks| millis(tick * ticks)).collect())
}

fn jitter(constants: &Constants) -> Result<Option<Jitter>, ConstantsError> {
    let (percent, steps) = (constants.number("JitterPercent")?, constants.number("JitterSteps")?);
    Ok((steps > 0).then_some(Jitter { percent, steps }))
}

fn window(constants: &Constants) -> Result<WindowKind, ConstantsError> {
    let calls = constants.number("WindowCalls")?;
    if calls > 0 {
        return Ok(WindowKind::Count(calls));
    }
    let bucket_ms = UNIT_MS as u32 * constants.number("BucketLength")?;
    let window_ms = bucket_ms * constants.number("WindowBuckets")?;
    if !window_ms.is_multiple_of(1_000) {
        return Err(ConstantsError::Refused(format!("a window of {window_ms} ms is no whole number of seconds")));
    }
    Ok(WindowKind::Time { time_s: window_ms / 1_000, bucket_ms })
}

fn initial_state(constants: &Constants) -> Result<InitialState, ConstantsError> {
    match constants.text("InitialPhase")? {
        "closed" => Ok(InitialState::Closed),
        "open" => Ok(InitialState::Open),
        "half_open" => Ok(InitialState::HalfOpen),
        "disabled" => Ok(InitialState::Disabled),
        "forced_open" => Ok(InitialState::ForcedOpen),
        "metrics_only" => Ok(InitialState::MetricsOnly),
        other => Err(ConstantsError::Refused(format!("no breaker begins {other}"))),
    }
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
    let controls: Result<Vec<Vec<Control>>, _> =
        constants.texts("Controls")?.into_iter().map(controls_called).collect();
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
