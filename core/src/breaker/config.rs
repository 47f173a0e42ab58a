//! How a breaker is set up: [`Settings`] as people write them, [`Config`] as the machine takes them.

use super::window::{CountWindow, TimeWindow, Window};
use crate::time::Instant;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A share in percent, exact: `50`, `0.5`, or the rational `[100, 3]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawPercent", into = "RawPercent")]
pub struct Percent {
    part: u64,
    whole: u64,
}

impl Percent {
    /// A whole number of percent.
    pub const fn new(percent: u32) -> Self {
        Self { part: percent as u64, whole: 1 }
    }

    /// `part / whole` percent; `None` if `whole` is zero.
    pub const fn ratio(part: u64, whole: u64) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        let (mut divisor, mut rest) = (part, whole);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Some(Self { part: part / divisor, whole: whole / divisor })
    }

    /// Whether `part` of `total` is at or above this share, in exact arithmetic.
    #[inline]
    pub fn is_reached_by(self, part: u32, total: u32) -> bool {
        u128::from(part) * 100 * u128::from(self.whole) >= u128::from(self.part) * u128::from(total)
    }

    /// The decimal as it is written, exactly.
    fn from_decimal(decimal: f64) -> Option<Self> {
        let text = decimal.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Self::ratio(digits, 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?)
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum RawPercent {
    Decimal(f64),
    Ratio([u64; 2]),
}

impl TryFrom<RawPercent> for Percent {
    type Error = &'static str;

    fn try_from(raw: RawPercent) -> Result<Self, Self::Error> {
        let percent = match raw {
            RawPercent::Decimal(decimal) => Self::from_decimal(decimal),
            RawPercent::Ratio([part, whole]) => Self::ratio(part, whole),
        };
        percent.ok_or("a percentage is a number from 0 to 100, or a rational [part, whole]")
    }
}

impl From<Percent> for RawPercent {
    fn from(percent: Percent) -> Self {
        let decimal = f64::from(percent);
        let exact = Percent::from_decimal(decimal) == Some(percent);
        if exact { Self::Decimal(decimal) } else { Self::Ratio([percent.part, percent.whole]) }
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> Self {
        percent.part as Self / percent.whole as Self
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawPercent::json_schema(generator)
    }
}

/// Which calls a closed breaker judges by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "RawWindow"))]
#[serde(try_from = "RawWindow", into = "RawWindow")]
pub enum WindowKind {
    /// `{"count": n}`: the last n recorded calls, 1 to [`Settings::WINDOW_CALLS_MAX`].
    Count(u32),
    /// `{"time_s": n, "bucket_ms": m}`: the calls recorded in the last n·1000/m buckets, the present one included.
    /// At most [`Settings::WINDOW_BUCKETS_MAX`] buckets.
    Time {
        /// Length of the window in seconds.
        time_s: u32,
        /// Length of a bucket in milliseconds; it divides the window. 1000 unless given.
        bucket_ms: u32,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RawWindow {
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_ms: Option<u32>,
}

impl TryFrom<RawWindow> for WindowKind {
    type Error = &'static str;

    fn try_from(raw: RawWindow) -> Result<Self, Self::Error> {
        match raw {
            RawWindow { count: Some(count), time_s: None, bucket_ms: None } => Ok(Self::Count(count)),
            RawWindow { count: None, time_s: Some(time_s), bucket_ms } => {
                Ok(Self::Time { time_s, bucket_ms: bucket_ms.unwrap_or(1_000) })
            }
            _ => Err("a window is {\"count\": n} or {\"time_s\": n, \"bucket_ms\": m}"),
        }
    }
}

impl From<WindowKind> for RawWindow {
    fn from(kind: WindowKind) -> Self {
        match kind {
            WindowKind::Count(count) => Self { count: Some(count), time_s: None, bucket_ms: None },
            WindowKind::Time { time_s, bucket_ms } => {
                Self { count: None, time_s: Some(time_s), bucket_ms: Some(bucket_ms) }
            }
        }
    }
}

/// Where a breaker goes when half-open has lasted its maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaxWaitTo {
    /// Back to open: a probe that hangs tells of a service that hangs.
    #[default]
    Open,
    /// On to closed.
    Closed,
}

/// How a call counts that was dropped before it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelledCounts {
    /// Not at all; a half-open permit goes back.
    #[default]
    Ignored,
    /// As a failure.
    Failed,
    /// As a slow failure if it had already lasted longer than `slow_call_duration_ms`, else not at all.
    FailedIfSlow,
}

/// The state in which a breaker starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "named as the states are")]
pub enum InitialState {
    #[default]
    Closed,
    Open,
    HalfOpen,
    Disabled,
    ForcedOpen,
    MetricsOnly,
}

/// A random stretch of the open wait, drawn once per incident, so that a herd of clients does not probe in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// The longest stretch, as a share of the wait in percent: 1 to 100.
    pub percent: u32,
    /// How many equal steps the stretch is drawn in: 1 to 1,000,000. Models use 1.
    #[serde(default = "Jitter::steps_default")]
    pub steps: u32,
}

impl Jitter {
    const fn steps_default() -> u32 {
        1_000
    }
}

/// A breaker's configuration as people write it, in Rust or JSON. [`Settings::validate`] turns it into a [`Config`].
///
/// The defaults are resilience4j's (`CircuitBreakerConfig.java`), except where a field says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Opens at or above this share of failed calls. Above 0, at most 100. Default 50.
    pub failure_rate_threshold_percent: Percent,
    /// Opens at or above this share of slow calls. Above 0, at most 100. Default 100.
    pub slow_call_rate_threshold_percent: Percent,
    /// A call is slow if it lasts strictly longer than this, in milliseconds. `null` switches slow calls off and spares
    /// two clock readings a call. Default 60,000.
    pub slow_call_duration_ms: Option<u64>,
    /// Which calls a closed breaker judges by. Default `{"count": 100}`.
    pub window: WindowKind,
    /// No decision below this many recorded calls, at least 1. A count window, also the one of half-open, lowers it to
    /// its own size. Default 100.
    pub minimum_calls: u32,
    /// How many probes half-open admits, 1 to [`Settings::WINDOW_CALLS_MAX`]; their results alone decide. Default 10.
    pub permitted_half_open_calls: u32,
    /// How long open lasts, in milliseconds, at least 1. `null` if `open_wait_schedule_ms` is given. Default 60,000.
    pub open_wait_ms: Option<u64>,
    /// How long the k-th open in a row lasts, in milliseconds, each at least 1; the last item repeats. At most
    /// [`Settings::SCHEDULE_MAX`] items. Used when `open_wait_ms` is `null`. Default empty.
    pub open_wait_schedule_ms: Vec<u64>,
    /// A random stretch of the open wait. Default `null`. (Not in resilience4j, whose interval function may draw.)
    pub open_wait_jitter: Option<Jitter>,
    /// The longest that half-open may last, in milliseconds, at least 1. `null` lets a hung probe hold it. Default
    /// `null`; give it unless every call is bound to end by a timeout inside the breaker.
    pub half_open_max_wait_ms: Option<u64>,
    /// Where to go when that time is over. Default open.
    pub half_open_max_wait_to: MaxWaitTo,
    /// Half-open at the end of the open wait by itself, rather than with the first call after it. Default false.
    pub auto_half_open: bool,
    /// Default closed.
    pub initial_state: InitialState,
    /// How dropped calls count. Default ignored. (resilience4j leaves this to its decorators.)
    pub cancelled_counts: CancelledCounts,
    /// The longest that a server's hint (`Retry-After`) may keep the breaker open, in milliseconds. `null`: a hint
    /// counts as a failure and no more. Default `null`. (In resilience4j this is `transitionOnResult`.)
    pub server_hint_max_ms: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failure_rate_threshold_percent: Percent::new(50),
            slow_call_rate_threshold_percent: Percent::new(100),
            slow_call_duration_ms: Some(60_000),
            window: WindowKind::Count(100),
            minimum_calls: 100,
            permitted_half_open_calls: 10,
            open_wait_ms: Some(60_000),
            open_wait_schedule_ms: Vec::new(),
            open_wait_jitter: None,
            half_open_max_wait_ms: None,
            half_open_max_wait_to: MaxWaitTo::Open,
            auto_half_open: false,
            initial_state: InitialState::Closed,
            cancelled_counts: CancelledCounts::Ignored,
            server_hint_max_ms: None,
        }
    }
}

/// What is wrong with [`Settings`]. Nothing was changed; whoever wrote them is to mend the field that is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {given}: {mend}")]
pub struct InvalidSettings {
    /// The field, as it is called in JSON.
    pub field: &'static str,
    /// What it says.
    pub given: String,
    /// What it may say.
    pub mend: &'static str,
}

impl Settings {
    /// The most calls that a count window, or half-open, may hold.
    pub const WINDOW_CALLS_MAX: u32 = 1_000_000;
    /// The most buckets that a time window may have.
    pub const WINDOW_BUCKETS_MAX: u32 = 86_400;
    /// The most items in a schedule of open waits.
    pub const SCHEDULE_MAX: usize = 64;
    /// The longest duration in any field: 500 years, in milliseconds. (A clock ends after 584.)
    pub const DURATION_MS_MAX: u64 = 500 * 365 * 24 * 3_600 * 1_000;

    /// Checks every field and its relation to its neighbours.
    ///
    /// ```
    /// use purlin::breaker::{Settings, WindowKind};
    ///
    /// let settings = Settings { window: WindowKind::Count(0), ..Settings::default() };
    /// assert_eq!(
    ///     settings.validate().unwrap_err().to_string(),
    ///     "window is count 0: give 1 to 1000000 calls",
    /// );
    /// ```
    ///
    /// # Errors
    /// The first field that does not hold.
    pub fn validate(self) -> Result<Config, InvalidSettings> {
        check_threshold("failure_rate_threshold_percent", self.failure_rate_threshold_percent)?;
        check_threshold("slow_call_rate_threshold_percent", self.slow_call_rate_threshold_percent)?;
        self.check_window()?;
        check("minimum_calls", self.minimum_calls, self.minimum_calls >= 1, "give at least 1")?;
        let permitted = self.permitted_half_open_calls;
        let fits = (1..=Self::WINDOW_CALLS_MAX).contains(&permitted);
        check("permitted_half_open_calls", permitted, fits, "give 1 to 1000000 calls")?;
        self.check_durations()?;
        self.check_schedule()?;
        self.check_jitter()?;
        Ok(Config::derive(self))
    }

    fn check_window(&self) -> Result<(), InvalidSettings> {
        match self.window {
            WindowKind::Count(count) => {
                let fits = (1..=Self::WINDOW_CALLS_MAX).contains(&count);
                check("window", format_args!("count {count}"), fits, "give 1 to 1000000 calls")
            }
            WindowKind::Time { time_s, bucket_ms } => {
                let length = u64::from(time_s) * 1_000;
                let divides = bucket_ms >= 1 && length >= 1 && length % u64::from(bucket_ms) == 0;
                let fits = divides && length / u64::from(bucket_ms) <= u64::from(Self::WINDOW_BUCKETS_MAX);
                let given = format_args!("{time_s} s in buckets of {bucket_ms} ms");
                check("window", given, fits, "give 1 to 86400 buckets that fill the window exactly")
            }
        }
    }

    fn check_durations(&self) -> Result<(), InvalidSettings> {
        let durations = [
            ("slow_call_duration_ms", self.slow_call_duration_ms, 0),
            ("open_wait_ms", self.open_wait_ms, 1),
            ("half_open_max_wait_ms", self.half_open_max_wait_ms, 1),
            ("server_hint_max_ms", self.server_hint_max_ms, 1),
        ];
        for (field, given, least) in durations {
            let millis = given.unwrap_or(least);
            let fits = (least..=Self::DURATION_MS_MAX).contains(&millis);
            check(field, millis, fits, "give at least 1 ms (0 for a slow call) and at most 500 years, or null")?;
        }
        Ok(())
    }

    fn check_schedule(&self) -> Result<(), InvalidSettings> {
        let schedule = &self.open_wait_schedule_ms;
        if self.open_wait_ms.is_some() {
            let mend = "set open_wait_ms to null to use a schedule";
            return check("open_wait_schedule_ms", format_args!("{schedule:?}"), schedule.is_empty(), mend);
        }
        let fits = (1..=Self::SCHEDULE_MAX).contains(&schedule.len())
            && schedule.iter().all(|wait| (1..=Self::DURATION_MS_MAX).contains(wait));
        check("open_wait_schedule_ms", format_args!("{schedule:?}"), fits, "give 1 to 64 waits of at least 1 ms")
    }

    fn check_jitter(&self) -> Result<(), InvalidSettings> {
        let Some(Jitter { percent, steps }) = self.open_wait_jitter else { return Ok(()) };
        let fits = (1..=100).contains(&percent) && (1..=1_000_000).contains(&steps);
        let given = format_args!("{percent} percent in {steps} steps");
        check("open_wait_jitter", given, fits, "give 1 to 100 percent in 1 to 1000000 steps")
    }
}

fn check_threshold(field: &'static str, percent: Percent) -> Result<(), InvalidSettings> {
    let fits = percent.part > 0 && u128::from(percent.part) <= 100 * u128::from(percent.whole);
    check(field, f64::from(percent), fits, "give more than 0 and at most 100")
}

fn check(
    field: &'static str,
    given: impl core::fmt::Display,
    fits: bool,
    mend: &'static str,
) -> Result<(), InvalidSettings> {
    if fits { Ok(()) } else { Err(InvalidSettings { field, given: given.to_string(), mend }) }
}

/// A validated configuration. In JSON it reads and writes as [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Config {
    settings: Settings,
    slow_call_duration: Option<Duration>,
    open_waits: Vec<Duration>,
    half_open_max_wait: Option<Duration>,
}

impl TryFrom<Settings> for Config {
    type Error = InvalidSettings;

    fn try_from(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.validate()
    }
}

impl From<Config> for Settings {
    fn from(config: Config) -> Self {
        config.settings
    }
}

impl Config {
    fn derive(settings: Settings) -> Self {
        let waits = settings.open_wait_ms.map_or_else(|| settings.open_wait_schedule_ms.clone(), |wait| vec![wait]);
        Self {
            slow_call_duration: settings.slow_call_duration_ms.map(Duration::from_millis),
            open_waits: waits.into_iter().map(Duration::from_millis).collect(),
            half_open_max_wait: settings.half_open_max_wait_ms.map(Duration::from_millis),
            settings,
        }
    }

    /// The settings that were validated.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A call is slow if it lasts strictly longer. `None`: calls are not timed.
    pub fn slow_call_duration(&self) -> Option<Duration> {
        self.slow_call_duration
    }

    /// The longest that half-open may last.
    pub fn half_open_max_wait(&self) -> Option<Duration> {
        self.half_open_max_wait
    }

    /// How long the `opening`-th open in a row lasts (from 1), stretched by `stretch` of the jitter's steps.
    pub fn open_wait(&self, opening: u32, stretch: u32) -> Duration {
        let index = (opening.max(1) as usize - 1).min(self.open_waits.len() - 1);
        let wait = self.open_waits[index];
        let Some(Jitter { percent, steps }) = self.settings.open_wait_jitter else { return wait };
        wait + wait * percent / 100 * stretch.min(steps) / steps
    }

    /// From this opening on all open waits are alike.
    pub(super) fn last_distinct_opening(&self) -> u32 {
        self.open_waits.len() as u32
    }

    /// The fewest calls in the closed breaker's window that allow a decision.
    pub fn minimum_calls_closed(&self) -> u32 {
        match self.settings.window {
            WindowKind::Count(count) => self.settings.minimum_calls.min(count),
            WindowKind::Time { .. } => self.settings.minimum_calls,
        }
    }

    /// The fewest probe results that allow a decision.
    pub fn minimum_calls_half_open(&self) -> u32 {
        self.settings.minimum_calls.min(self.settings.permitted_half_open_calls)
    }

    pub(super) fn window(&self, anchor: Instant) -> Window {
        match self.settings.window {
            WindowKind::Count(count) => Window::Count(CountWindow::new(count)),
            WindowKind::Time { time_s, bucket_ms } => {
                let slots = (u64::from(time_s) * 1_000 / u64::from(bucket_ms)) as u32;
                Window::Time(TimeWindow::new(slots, Duration::from_millis(u64::from(bucket_ms)), anchor))
            }
        }
    }

    /// The width of a time bucket.
    pub(super) fn bucket(&self) -> Option<Duration> {
        let WindowKind::Time { bucket_ms, .. } = self.settings.window else { return None };
        Some(Duration::from_millis(u64::from(bucket_ms)))
    }

    pub(super) fn probe_window(&self) -> Window {
        Window::Count(CountWindow::new(self.settings.permitted_half_open_calls))
    }
}
