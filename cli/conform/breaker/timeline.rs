//! Rows of calls, controls and ticks against one breaker, on a clock that the rows turn.

use super::read_config;
use crate::conform::Case;
use crate::conform::compare::{Actual, Mismatch, Ratio, Tolerance, hold};
use crate::conform::row::{check_calls, hold_result, take_expectations, take_instant};
use purlin::breaker::window::Totals;
use purlin::breaker::{Breaker, Config, Control, Event, Input, Outcome, Permit, Reply, State};
use purlin::{Clock, Host, Instant, Machine, Policy};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) fn judge(case: &Case) -> Result<(), Mismatch> {
    let (config, ignored_kinds) = read_config(&case.config)?;
    let mut bench = Bench::new(config, ignored_kinds);
    let tolerance = Tolerance::of(case);
    for (index, row) in case.rows.iter().enumerate() {
        bench.judge_row(row, tolerance).map_err(|mismatch| mismatch.at_row(index))?;
    }
    hold_result(case, |key| bench.find(key))
}

/// What a row does. Also an action without arguments has its braces: they make the reader refuse misspelt keys. The `duration_ms` of a single call is the time since it was admitted, which the breaker measures.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Admit {
        #[serde(default)]
        call: String,
    },
    Succeed(Call),
    Fail(Call),
    Ignore(Call),
    Cancel(Call),
    Run(Run),
    Tick {},
    ForceOpen {},
    Disable {},
    MetricsOnly {},
    Reset {},
    ToOpen {
        for_ms: Option<u64>,
        until_ms: Option<u64>,
    },
    ToHalfOpen {},
    ToClosed {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(default)]
    call: String,
    kind: Option<String>,
    #[serde(rename = "duration_ms")]
    _duration_ms: Option<u64>,
}

/// Several calls in turn, each admitted and ended at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    n: u64,
    #[serde(default)]
    gap_ms: u64,
    outcome: Outcomes,
    #[serde(default)]
    duration_ms: u64,
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outcomes {
    One(Ending),
    InTurn(Vec<Ending>),
}

impl Outcomes {
    fn in_turn(&self) -> &[Ending] {
        match self {
            Self::One(ending) => std::slice::from_ref(ending),
            Self::InTurn(endings) => endings,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Succeed,
    Fail,
    Ignore,
    Cancel,
}

/// A breaker, the clock that rows turn, and the counters that live in a shell because no decision reads them.
struct Bench {
    config: Config,
    breaker: Breaker,
    now: Instant,
    permits: BTreeMap<String, Permit>,
    ignored_kinds: Vec<String>,
    counters: Counters,
    /// What the last row was told: whether it was admitted, and whether the transition was illegal.
    admitted: Option<bool>,
    illegal: bool,
}

#[derive(Default)]
struct Counters {
    not_permitted: u64,
    late: u64,
    failure_rate_exceeded: u64,
    slow_call_rate_exceeded: u64,
}

impl Counters {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Transitioned { to: State::Open, .. } | Event::CyclesPassed { .. } | Event::Reset => {}
            Event::Transitioned { .. } => self.not_permitted = 0,
            Event::FailureRateExceeded { .. } => self.failure_rate_exceeded += 1,
            Event::SlowCallRateExceeded { .. } => self.slow_call_rate_exceeded += 1,
        }
    }

    fn count(&mut self, reply: &Reply) {
        match reply {
            Reply::Rejected(_) => self.not_permitted += 1,
            Reply::Late => self.late += 1,
            _ => {}
        }
    }
}

/// The clock stands still during a step, and nothing in this format throws dice.
struct Stand {
    now: Instant,
    events: Vec<Event>,
}

impl Clock for Stand {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Event> for Stand {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl Bench {
    fn new(config: Config, ignored_kinds: Vec<String>) -> Self {
        let breaker = Breaker::new(&config, &mut Stand { now: Instant::ORIGIN, events: Vec::new() });
        Self {
            config,
            breaker,
            now: Instant::ORIGIN,
            permits: BTreeMap::new(),
            ignored_kinds,
            counters: Counters::default(),
            admitted: None,
            illegal: false,
        }
    }

    fn judge_row(&mut self, row: &Map<String, Value>, tolerance: Tolerance) -> Result<(), Mismatch> {
        let mut row = row.clone();
        self.turn_clock(take_instant(&mut row)?)?;
        let expect = take_expectations(&mut row)?;
        let action = serde_json::from_value(row.into()).map_err(Mismatch::unreadable)?;
        (self.admitted, self.illegal) = (None, false);
        self.act(action)?;
        hold(&expect, tolerance, |key| self.find(key))
    }

    fn turn_clock(&mut self, to: Instant) -> Result<(), Mismatch> {
        if to < self.now {
            return Err(Mismatch::unreadable("time runs back: rows stand in the order of their times"));
        }
        self.now = to;
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), Mismatch> {
        match action {
            Action::Admit { call } => self.admit(call),
            Action::Succeed(call) => return self.end(&call, Ending::Succeed),
            Action::Fail(call) => return self.end(&call, Ending::Fail),
            Action::Ignore(call) => return self.end(&call, Ending::Ignore),
            Action::Cancel(call) => return self.end(&call, Ending::Cancel),
            Action::Run(run) => return self.run(&run),
            Action::Tick {} => drop(self.step(Input::Tick)),
            Action::ForceOpen {} => self.control(Control::ForceOpen),
            Action::Disable {} => self.control(Control::Disable),
            Action::MetricsOnly {} => self.control(Control::MetricsOnly),
            Action::Reset {} => self.control(Control::Reset),
            Action::ToOpen { for_ms, until_ms } => self.control(open_control(for_ms, until_ms)?),
            Action::ToHalfOpen {} => self.control(Control::HalfOpen),
            Action::ToClosed {} => self.control(Control::Close),
        }
        Ok(())
    }

    fn step(&mut self, input: Input) -> Reply {
        let mut stand = Stand { now: self.now, events: Vec::new() };
        let reply = self.breaker.step(&self.config, input, &mut stand);
        stand.events.into_iter().for_each(|event| self.counters.hear(event));
        self.counters.count(&reply);
        reply
    }

    fn control(&mut self, control: Control) {
        self.illegal = self.step(Input::Control(control)) == Reply::Illegal;
    }

    fn admit(&mut self, call: String) {
        let permit = Breaker::granted(self.step(Input::Ask)).ok();
        self.admitted = Some(permit.is_some());
        self.permits.extend(permit.map(|permit| (call, permit)));
    }

    fn end(&mut self, call: &Call, ending: Ending) -> Result<(), Mismatch> {
        let name = &call.call;
        let Some(permit) = self.permits.remove(name) else {
            return Err(Mismatch::unreadable(format_args!("the call `{name}` ends without having been admitted")));
        };
        let outcome = match self.heeded(ending, call.kind.as_deref()) {
            Ending::Succeed => Outcome::Success,
            Ending::Fail => Outcome::Failure,
            Ending::Ignore => Outcome::Ignored,
            Ending::Cancel => Outcome::Cancelled,
        };
        self.step(Input::End { permit, outcome });
        Ok(())
    }

    /// A failure of an ignored kind is ignored.
    fn heeded(&self, ending: Ending, kind: Option<&str>) -> Ending {
        let ignored = kind.is_some_and(|kind| self.ignored_kinds.iter().any(|ignored| ignored == kind));
        if ignored && matches!(ending, Ending::Fail) { Ending::Ignore } else { ending }
    }

    fn run(&mut self, run: &Run) -> Result<(), Mismatch> {
        check_calls(run.n)?;
        let endings = run.outcome.in_turn();
        if endings.is_empty() {
            return Err(Mismatch::unreadable("a run has no outcome"));
        }
        let began = self.now;
        for (index, ending) in (0..run.n).zip(endings.iter().cycle()) {
            self.now = began + Duration::from_millis(run.gap_ms.saturating_mul(index));
            self.run_call(index, self.heeded(*ending, run.kind.as_deref()), run.duration_ms)?;
        }
        self.admitted = (run.n > 0).then_some(true);
        Ok(())
    }

    fn run_call(&mut self, index: u64, ending: Ending, duration_ms: u64) -> Result<(), Mismatch> {
        let permit = Breaker::granted(self.step(Input::Ask)).map_err(|_| Mismatch {
            expected: json!({ "admitted": true }),
            got: json!({ "admitted": false, "call_of_run": index }),
        })?;
        let outcome = match ending {
            Ending::Succeed => Outcome::Reported { failed: false, duration_ms },
            Ending::Fail => Outcome::Reported { failed: true, duration_ms },
            Ending::Ignore => Outcome::Ignored,
            Ending::Cancel => Outcome::Cancelled,
        };
        self.step(Input::End { permit, outcome });
        Ok(())
    }

    /// What a vector may ask after a row.
    fn find(&self, key: &str) -> Option<Actual> {
        let breaker = self.breaker.at(&self.config, self.now);
        let totals = breaker.window().totals();
        let rate = |part| rate(part, totals, breaker.minimum_calls(&self.config));
        Some(match key {
            "admitted" => self.admitted.map_or(Actual::Nothing, Actual::Flag),
            "error" if self.illegal => Actual::Text("illegal_transition"),
            "error" => Actual::Nothing,
            "state" => Actual::Text(breaker.state().name()),
            "failure_rate_percent" => rate(totals.failed),
            "slow_rate_percent" => rate(totals.slow),
            "buffered" => Actual::whole(totals.calls),
            "failed" => Actual::whole(totals.failed),
            "slow" => Actual::whole(totals.slow),
            "not_permitted" => Actual::whole(self.counters.not_permitted),
            "late" => Actual::whole(self.counters.late),
            "ev_failure" => Actual::whole(self.counters.failure_rate_exceeded),
            "ev_slow" => Actual::whole(self.counters.slow_call_rate_exceeded),
            _ => return None,
        })
    }
}

fn open_control(for_ms: Option<u64>, until_ms: Option<u64>) -> Result<Control, Mismatch> {
    match (for_ms, until_ms) {
        (None, None) => Ok(Control::Open),
        (Some(ms), None) => Ok(Control::OpenFor { ms }),
        (None, Some(at_ms)) => Ok(Control::OpenUntil { at: Instant::from_millis(at_ms) }),
        (Some(_), Some(_)) => Err(Mismatch::unreadable("`to_open` has either `for_ms` or `until_ms`")),
    }
}

/// Below the minimum there is no rate.
fn rate(part: u32, totals: Totals, minimum: u32) -> Actual {
    if totals.calls < minimum {
        return Actual::Nothing;
    }
    Actual::Number(Ratio { part: u128::from(part) * 100, whole: totals.calls.into() })
}
