//! The judges of a breaker's history. They read the same entries whichever tier wrote them.

use super::claims::{self, Sight};
use super::history::{Answer, Event};
use super::options::{Options, Phases};
use super::reference::Reference;
use crate::checker::{Coverage, Judge, Violation, claim};
use core::time::Duration;
use purlin::breaker::{Config, Event as Announcement, Outcome, Permit, Reason, Rejection, Reply, State};
use purlin::{Epoch, Instant};

/// All judges of this scenario, reading one history.
#[derive(Clone, Debug)]
pub struct Judges {
    config: Config,
    phases: Phases,
    coverage: Coverage,
    reference: Reference,
    stay: Stay,
    /// Transitions announced by the step whose entry is still to come.
    announced: Vec<(Reason, Epoch)>,
    calls_began: Vec<Instant>,
    admitted: u64,
    ended: u64,
    reached: u64,
    served_after_recovery: u64,
}

/// What the history says of the breaker's present state.
#[derive(Clone, Copy, Debug)]
struct Stay {
    state: State,
    epoch: Epoch,
    /// By the breaker's clock; unknown after idle cycles that were passed in one stride.
    since: Option<Instant>,
    openings: u32,
    probes_in_flight: u32,
    probes_recorded: u32,
}

impl Judges {
    /// Judges of a run with these options, which must be valid.
    ///
    /// # Errors
    /// The setting that is not.
    pub fn new(options: &Options) -> Result<Self, crate::plan::InvalidPlan> {
        Ok(Self {
            config: options.config()?,
            phases: options.phases(),
            coverage: Coverage::default(),
            reference: Reference::new(options.breaker.clone()),
            stay: Stay {
                state: State::Closed,
                epoch: Epoch(0),
                since: Some(Instant::ORIGIN),
                openings: 0,
                probes_in_flight: 0,
                probes_recorded: 0,
            },
            announced: Vec::new(),
            calls_began: vec![Instant::ORIGIN; options.clients as usize],
            admitted: 0,
            ended: 0,
            reached: 0,
            served_after_recovery: 0,
        })
    }
}

impl Judge for Judges {
    type Event<'a> = Event;

    fn observe(&mut self, at: Instant, event: &Event) -> Result<(), Violation> {
        match *event {
            Event::Called { client } => self.called(client, at),
            Event::Answered { client, answer } => return self.answered(client, answer),
            Event::Thrown { face } => self.reference.thrown(face),
            Event::Announced(announcement) => return self.announced(announcement),
            Event::Asked { clock, reply } => return self.asked(at, clock, reply),
            Event::Ended { clock, permit, outcome, reply } => return self.ended(at, clock, permit, outcome, reply),
            Event::Reached => return self.reached(),
            Event::Healed => self.healed(),
            Event::Began { .. } | Event::Over { .. } => {}
        }
        Ok(())
    }

    fn conclude(&mut self, end: Instant) -> Result<(), Violation> {
        self.recovered(end)?;
        let (outstanding, clients) = (self.admitted - self.ended, self.calls_began.len() as u64);
        claim(claims::EVERY_PERMIT_COMES_BACK, outstanding <= clients, || {
            format!("{outstanding} permits are still out at the end, with {clients} clients")
        })?;
        let served = self.served_after_recovery;
        claim(claims::CALLS_SUCCEED_AFTER_RECOVERY, served > 0, || "no call was served after recovery".to_owned())
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

/// Clients and server.
impl Judges {
    fn called(&mut self, client: u32, at: Instant) {
        if let Some(began) = self.calls_began.get_mut(client as usize) {
            *began = at;
        }
    }

    fn answered(&mut self, client: u32, answer: Answer) -> Result<(), Violation> {
        let began = self.calls_began.get(client as usize).copied().unwrap_or_default();
        if began < Instant::ORIGIN + self.phases.recovered {
            return Ok(());
        }
        self.saw_if(answer == Answer::Served, Sight::CallSucceededAfterRecovery);
        self.served_after_recovery += 1;
        claim(claims::CALLS_SUCCEED_AFTER_RECOVERY, answer == Answer::Served, || {
            format!("client {client} began a call at {began:?} and the answer was {answer:?}")
        })
    }

    fn reached(&mut self) -> Result<(), Violation> {
        self.reached += 1;
        self.saw(Sight::CallReachedServer);
        let (reached, admitted) = (self.reached, self.admitted);
        claim(claims::ONLY_ADMITTED_CALLS_REACH_THE_SERVER, reached <= admitted, || {
            format!("{reached} calls have reached the server, {admitted} were admitted")
        })
    }

    fn healed(&mut self) {
        self.saw_if(self.stay.state != State::Closed, Sight::BreakerWasNotClosedWhenAllWasHealed);
    }

    fn recovered(&self, at: Instant) -> Result<(), Violation> {
        let closed = at < Instant::ORIGIN + self.phases.recovered || self.stay.state == State::Closed;
        claim(claims::RECOVERS_AFTER_HEALING, closed, || {
            let (state, bound) = (self.stay.state.name(), self.phases.recovered);
            format!("the breaker is {state} although it had to be closed from {bound:?} on")
        })
    }
}

/// Announcements.
impl Judges {
    fn announced(&mut self, announcement: Announcement) -> Result<(), Violation> {
        match announcement {
            Announcement::Transitioned { from, to, reason, at, epoch } => {
                self.check_epoch(from, epoch)?;
                self.check_length_of_stay(reason, at)?;
                self.note_transition(from, to, reason);
                self.announced.push((reason, epoch));
                self.enter(to, epoch, at);
            }
            Announcement::CyclesPassed { cycles } => {
                self.stay.epoch = self.stay.epoch.advanced_by(2 * cycles);
                self.stay.since = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn check_epoch(&self, from: State, epoch: Epoch) -> Result<(), Violation> {
        let follows = from == self.stay.state && epoch == self.stay.epoch.next();
        claim(claims::EPOCHS_RISE, follows, || {
            let Stay { state, epoch: before, .. } = self.stay;
            format!("from {} in epoch {} it went, as if from {}, to {}", state.name(), before.0, from.name(), epoch.0)
        })
    }

    fn check_length_of_stay(&self, reason: Reason, at: Instant) -> Result<(), Violation> {
        let Some(since) = self.stay.since else { return Ok(()) };
        let lasted = at.saturating_since(since);
        match self.stay.state {
            State::Open if reason == Reason::OpenWaitOver => self.check_open_wait(lasted),
            State::HalfOpen => self.check_half_open_wait(lasted),
            _ => Ok(()),
        }
    }

    fn check_open_wait(&self, lasted: Duration) -> Result<(), Violation> {
        let least = self.config.open_wait(self.stay.openings, 0);
        let most = self.config.open_wait(self.stay.openings, u32::MAX);
        let holds = match self.config.settings().auto_half_open {
            true => least <= lasted && lasted <= most,
            false => least < lasted,
        };
        claim(claims::OPEN_LASTS_ITS_WAIT, holds, || {
            format!("open number {} lasted {lasted:?}, its wait is {least:?} to {most:?}", self.stay.openings)
        })
    }

    fn check_half_open_wait(&self, lasted: Duration) -> Result<(), Violation> {
        let Some(most) = self.config.half_open_max_wait() else { return Ok(()) };
        claim(claims::HALF_OPEN_IS_BOUNDED_IN_TIME, lasted <= most, || {
            format!("half-open lasted {lasted:?}, its maximum is {most:?}")
        })
    }

    fn note_transition(&mut self, from: State, to: State, reason: Reason) {
        self.saw_if(to == State::Open, Sight::BreakerOpened);
        self.saw_if(to == State::HalfOpen, Sight::BreakerHalfOpened);
        self.saw_if(reason == Reason::ProbesPassed, Sight::BreakerClosedAgain);
        self.saw_if(reason == Reason::SlowCallRate, Sight::SlowCallsOpenedBreaker);
        let probe_failed = from == State::HalfOpen && reason == Reason::FailureRate;
        self.saw_if(probe_failed, Sight::ProbeFailedAndReopenedBreaker);
        let hung = reason == Reason::HalfOpenMaxWait && self.stay.probes_in_flight > 0;
        self.saw_if(hung, Sight::HungProbeWasCutOffByMaximumWait);
        let settings = self.config.settings();
        let (jittered, scheduled) = (settings.open_wait_jitter.is_some(), settings.open_wait_schedule_ms.len() > 1);
        self.saw_if(to == State::Open && jittered, Sight::OpenWaitWasJittered);
        self.saw_if(to == State::Open && scheduled && self.stay.openings > 0, Sight::OpenWaitBackedOff);
    }

    fn enter(&mut self, state: State, epoch: Epoch, at: Instant) {
        let openings = match state {
            State::Open => self.stay.openings + 1,
            State::HalfOpen => self.stay.openings,
            _ => 0,
        };
        self.stay = Stay { state, epoch, since: Some(at), openings, probes_in_flight: 0, probes_recorded: 0 };
    }
}

/// Steps.
impl Judges {
    fn asked(&mut self, at: Instant, clock: Instant, reply: Reply) -> Result<(), Violation> {
        self.announced.clear();
        match reply {
            Reply::Admitted(_) => self.admitted()?,
            Reply::Rejected(Rejection::Open { .. }) => self.saw(Sight::CallWasRejectedWhileOpen),
            Reply::Rejected(Rejection::ProbesTaken) => self.saw(Sight::AllProbesWereTaken),
            _ => {}
        }
        let expected = self.reference.ask(clock);
        self.stepped(at, clock, reply, expected)
    }

    fn admitted(&mut self) -> Result<(), Violation> {
        self.admitted += 1;
        let state = self.stay.state;
        claim(claims::OPEN_ADMITS_NOBODY, state != State::Open, || {
            format!("a call was admitted in epoch {}, while open", self.stay.epoch.0)
        })?;
        if state == State::HalfOpen {
            self.stay.probes_in_flight += 1;
        }
        let (in_flight, recorded) = (self.stay.probes_in_flight, self.stay.probes_recorded);
        let permitted = self.config.settings().permitted_half_open_calls;
        claim(claims::PROBES_ARE_BOUNDED, in_flight + recorded <= permitted, || {
            format!("{in_flight} probes are on their way and {recorded} decided, {permitted} are permitted")
        })
    }

    fn ended(
        &mut self,
        at: Instant,
        clock: Instant,
        permit: Permit,
        outcome: Outcome,
        reply: Reply,
    ) -> Result<(), Violation> {
        self.ended += 1;
        let (ended, admitted) = (self.ended, self.admitted);
        claim(claims::EVERY_PERMIT_COMES_BACK, ended <= admitted, || {
            format!("{ended} permits came back, {admitted} were given")
        })?;
        self.check_lateness(permit, reply)?;
        self.note_end(clock, permit, outcome, reply);
        self.take_back_probe(permit, reply);
        let expected = self.reference.end(clock, permit, outcome);
        self.stepped(at, clock, reply, expected)
    }

    /// The epoch that a result met is the one before the transition that it caused, or the present one.
    fn check_lateness(&mut self, permit: Permit, reply: Reply) -> Result<(), Violation> {
        let caused = self.announced.drain(..).find(|(reason, _)| is_caused_by_a_result(*reason));
        let met = caused.map_or(self.stay.epoch.0, |(_, epoch)| epoch.0.saturating_sub(1));
        let holds = permit.epoch.0 == met || (reply == Reply::Late && caused.is_none());
        claim(claims::LATE_RESULTS_MOVE_NOTHING, holds, || {
            let transition = caused.map_or("no transition".to_owned(), |(reason, _)| reason.name().to_owned());
            format!("a result of epoch {} met epoch {met}: reply {reply:?}, {transition}", permit.epoch.0)
        })
    }

    fn note_end(&mut self, clock: Instant, permit: Permit, outcome: Outcome, reply: Reply) {
        let half_open = self.stay.state == State::HalfOpen;
        self.saw_if(reply == Reply::Late, Sight::ResultWasLate);
        self.saw_if(reply == Reply::Late && half_open, Sight::ResultWasLateInHalfOpen);
        let cancelled = outcome == Outcome::Cancelled && half_open && permit.epoch == self.stay.epoch;
        self.saw_if(cancelled, Sight::ProbeWasCancelled);
        let lasted = permit.started.map(|started| clock.saturating_since(started));
        let at_the_limit = lasted.is_some() && lasted == self.config.slow_call_duration();
        let recorded = matches!(reply, Reply::Recorded(_));
        self.saw_if(at_the_limit && recorded, Sight::CallLastedExactlySlowLimit);
    }

    fn take_back_probe(&mut self, permit: Permit, reply: Reply) {
        if self.stay.state == State::HalfOpen && permit.epoch == self.stay.epoch {
            self.stay.probes_in_flight = self.stay.probes_in_flight.saturating_sub(1);
            self.stay.probes_recorded += u32::from(matches!(reply, Reply::Recorded(_)));
        }
    }

    fn stepped(&mut self, at: Instant, clock: Instant, reply: Reply, expected: Reply) -> Result<(), Violation> {
        self.check_half_open_goes_on(clock)?;
        self.check_reference(reply, expected)?;
        self.recovered(at)
    }

    /// Half-open that is still on at its deadline should have ended during this step.
    fn check_half_open_goes_on(&self, clock: Instant) -> Result<(), Violation> {
        let (State::HalfOpen, Some(since), Some(most)) =
            (self.stay.state, self.stay.since, self.config.half_open_max_wait())
        else {
            return Ok(());
        };
        let lasted = clock.saturating_since(since);
        claim(claims::HALF_OPEN_IS_BOUNDED_IN_TIME, lasted < most, || {
            format!("half-open has lasted {lasted:?} and goes on, its maximum is {most:?}")
        })
    }

    fn check_reference(&self, reply: Reply, expected: Reply) -> Result<(), Violation> {
        claim(claims::THE_REFERENCE_AGREES, reply == expected, || {
            format!("the breaker replied {reply:?}, the reference {expected:?}")
        })?;
        let (state, epoch, since) = self.reference.stay();
        let Stay { state: told, epoch: in_epoch, since: told_since, .. } = self.stay;
        let agree = (told, in_epoch) == (state, epoch) && told_since.is_none_or(|told| told == since);
        claim(claims::THE_REFERENCE_AGREES, agree, || {
            let (told, state) = (told.name(), state.name());
            format!(
                "the breaker is {told} in epoch {} since {told_since:?}, the reference {state} in epoch {} since {since:?}",
                in_epoch.0, epoch.0
            )
        })
    }

    fn saw_if(&mut self, seen: bool, sight: Sight) {
        if seen {
            self.saw(sight);
        }
    }

    fn saw(&mut self, sight: Sight) {
        self.coverage.note(sight as u32);
    }
}

fn is_caused_by_a_result(reason: Reason) -> bool {
    matches!(reason, Reason::FailureRate | Reason::SlowCallRate | Reason::ProbesPassed | Reason::ServerHint)
}
