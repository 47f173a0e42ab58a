//! A breaker as a beginner would write it from the rules alone: lists of results, no ring, no gate, no short cuts.
//!
//! It shares no code with the machine that it is held against, and reads its thresholds from the settings in its own
//! way. It is slow and plain on purpose. Operators' controls are not part of it.

use purlin::Instant;
use purlin::breaker::window::Mark;
use purlin::breaker::{CancelledCounts, MaxWaitTo, Outcome, Permit, Rejection, Reply, Settings, State, WindowKind};
use purlin::{Epoch, breaker::Percent};

/// The reference breaker: closed, open or half-open.
#[derive(Clone, Debug)]
pub struct Reference {
    settings: Settings,
    state: State,
    epoch: u64,
    /// When the present state began, and until when open lasts.
    since: u64,
    open_until: u64,
    /// Results of the present stay: when, and how they count.
    results: Vec<(u64, Mark)>,
    probes_in_flight: u32,
    openings: u32,
    stretch: u32,
    thrown: Vec<u32>,
}

impl Reference {
    /// A closed breaker, created at 0.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::Closed,
            epoch: 0,
            since: 0,
            open_until: 0,
            results: Vec::new(),
            probes_in_flight: 0,
            openings: 0,
            stretch: 0,
            thrown: Vec::new(),
        }
    }

    /// Which state it is in, in which epoch, and since when.
    pub fn stay(&self) -> (State, Epoch, Instant) {
        (self.state, Epoch(self.epoch), Instant::from_nanos(self.since))
    }

    /// The machine threw this; the reference uses the same throw when it needs one.
    pub fn thrown(&mut self, face: u32) {
        self.thrown.push(face);
    }

    /// A caller asks.
    pub fn ask(&mut self, now: Instant) -> Reply {
        let now = now.as_nanos();
        self.notice_timers(now);
        if self.state == State::Open && now > self.open_until {
            self.enter(State::HalfOpen, now);
        }
        match self.state {
            State::Open => self.reject_until_retry(),
            State::HalfOpen if self.probes_left() == 0 => Reply::Rejected(Rejection::ProbesTaken),
            State::HalfOpen => {
                self.probes_in_flight += 1;
                self.admit(now)
            }
            _ => self.admit(now),
        }
    }

    /// A call ends.
    pub fn end(&mut self, now: Instant, permit: Permit, outcome: Outcome) -> Reply {
        let now = now.as_nanos();
        self.notice_timers(now);
        if permit.epoch.0 != self.epoch {
            return Reply::Late;
        }
        if self.state == State::HalfOpen {
            self.probes_in_flight = self.probes_in_flight.saturating_sub(1);
        }
        let Some(mark) = self.judge(now, permit, outcome) else { return Reply::Unrecorded };
        self.results.push((now, mark));
        self.decide(now);
        Reply::Recorded(mark)
    }

    fn admit(&self, now: u64) -> Reply {
        let started = self.settings.slow_call_duration_ms.map(|_| Instant::from_nanos(now));
        Reply::Admitted(Permit { epoch: Epoch(self.epoch), started })
    }

    fn reject_until_retry(&self) -> Reply {
        let retry_at = if self.settings.auto_half_open { self.open_until } else { self.open_until + 1 };
        Reply::Rejected(Rejection::Open { retry_at: Instant::from_nanos(retry_at) })
    }

    fn probes_left(&self) -> u32 {
        let taken = self.probes_in_flight + self.results.len() as u32;
        self.settings.permitted_half_open_calls.saturating_sub(taken)
    }

    /// A timer takes effect at its own deadline, however late it is noticed; one may follow upon another.
    fn notice_timers(&mut self, now: u64) {
        loop {
            let max_wait = self.settings.half_open_max_wait_ms.map(|wait| self.since + wait * 1_000_000);
            match (self.state, max_wait) {
                (State::Open, _) if self.settings.auto_half_open && self.open_until <= now => {
                    self.enter(State::HalfOpen, self.open_until);
                }
                (State::HalfOpen, Some(deadline)) if deadline <= now => self.leave_half_open(deadline),
                _ => return,
            }
        }
    }

    fn leave_half_open(&mut self, deadline: u64) {
        match self.settings.half_open_max_wait_to {
            MaxWaitTo::Open => self.open(deadline),
            MaxWaitTo::Closed => self.close(deadline),
        }
    }

    fn judge(&self, now: u64, permit: Permit, outcome: Outcome) -> Option<Mark> {
        let lasted = permit.started.map_or(0, |started| now.saturating_sub(started.as_nanos()));
        let slow = self.is_slow(lasted);
        let cancelled = self.settings.cancelled_counts;
        match outcome {
            Outcome::Success => Some(Mark { failed: false, slow }),
            Outcome::Failure | Outcome::Hinted { .. } => Some(Mark { failed: true, slow }),
            Outcome::Reported { failed, duration_ms } => {
                Some(Mark { failed, slow: self.is_slow(duration_ms * 1_000_000) })
            }
            Outcome::Cancelled if cancelled == CancelledCounts::Failed => Some(Mark { failed: true, slow }),
            Outcome::Cancelled if cancelled == CancelledCounts::FailedIfSlow && slow => {
                Some(Mark { failed: true, slow: true })
            }
            Outcome::Cancelled | Outcome::Ignored => None,
        }
    }

    fn is_slow(&self, lasted_nanos: u64) -> bool {
        self.settings.slow_call_duration_ms.is_some_and(|limit| lasted_nanos > limit * 1_000_000)
    }

    fn decide(&mut self, now: u64) {
        self.forget_what_left_the_window(now);
        let total = self.results.len() as u64;
        if total < self.minimum_calls() {
            return;
        }
        let count = |counts: fn(&Mark) -> bool| self.results.iter().filter(|(_, mark)| counts(mark)).count() as u64;
        let failing = reaches(count(|mark| mark.failed), total, self.settings.failure_rate_threshold_percent);
        let slow = reaches(count(|mark| mark.slow), total, self.settings.slow_call_rate_threshold_percent);
        match self.state {
            _ if failing || slow => self.open(now),
            State::HalfOpen => self.close(now),
            _ => {}
        }
    }

    fn forget_what_left_the_window(&mut self, now: u64) {
        match self.settings.window {
            _ if self.state == State::HalfOpen => {}
            WindowKind::Count(calls) => keep_last(&mut self.results, calls as usize),
            WindowKind::Time { time_s, bucket_ms } => {
                let bucket = u64::from(bucket_ms) * 1_000_000;
                let buckets = u64::from(time_s) * 1_000 / u64::from(bucket_ms);
                self.results.retain(|(at, _)| at / bucket + buckets > now / bucket);
            }
        }
    }

    fn minimum_calls(&self) -> u64 {
        let minimum = self.settings.minimum_calls;
        let effective = match (self.state, self.settings.window) {
            (State::HalfOpen, _) => minimum.min(self.settings.permitted_half_open_calls),
            (_, WindowKind::Count(calls)) => minimum.min(calls),
            (_, WindowKind::Time { .. }) => minimum,
        };
        u64::from(effective)
    }

    fn open(&mut self, at: u64) {
        if self.openings == 0 && self.settings.open_wait_jitter.is_some() {
            self.stretch = if self.thrown.is_empty() { 0 } else { self.thrown.remove(0) };
        }
        self.openings += 1;
        self.open_until = at + self.open_wait();
        self.enter(State::Open, at);
    }

    fn open_wait(&self) -> u64 {
        let schedule = &self.settings.open_wait_schedule_ms;
        let position = (self.openings as usize).min(schedule.len()).max(1) - 1;
        let millis = self.settings.open_wait_ms.or_else(|| schedule.get(position).copied()).unwrap_or(0);
        let wait = millis * 1_000_000;
        let Some(jitter) = self.settings.open_wait_jitter else { return wait };
        wait + wait * u64::from(jitter.percent) / 100 * u64::from(self.stretch) / u64::from(jitter.steps)
    }

    fn close(&mut self, at: u64) {
        self.openings = 0;
        self.stretch = 0;
        self.enter(State::Closed, at);
    }

    fn enter(&mut self, state: State, at: u64) {
        self.state = state;
        self.since = at;
        self.epoch += 1;
        self.results.clear();
        self.probes_in_flight = 0;
    }
}

fn keep_last(results: &mut Vec<(u64, Mark)>, count: usize) {
    let surplus = results.len().saturating_sub(count);
    results.drain(..surplus);
}

/// Whether `part` of `total` is at or above the threshold, in thousandths of a percent.
fn reaches(part: u64, total: u64, threshold: Percent) -> bool {
    let thousandths = (f64::from(threshold) * 1_000.0).round() as u64;
    part * 100 * 1_000 >= thousandths * total
}
