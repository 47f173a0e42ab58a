//! The judges are judged: for each property there is a planted fault that they find, and name.

use super::claims::{self, NAMES};
use super::history::{Answer, Event};
use super::judges::Judges;
use super::swarm::{Errands, Subject, Swarm};
use super::{draw, scenario};
use crate::checker::{Judge, Violation};
use crate::simulation::Simulation;
use crate::{NOTHING_PANICS, Scenario, Tier, Verdict, Watch};
use core::time::Duration;
use purlin::breaker::{
    Breaker, Config, Event as Announcement, Input, Outcome, Permit, Rejection, Reply, Settings, State,
};
use purlin::{Epoch, Instant, Machine, Policy};

/// Seeds among which a planted fault must show itself.
const SEEDS: u64 = 60;

/// A breaker with a fault: `bend` may change its configuration and its input before a step, `twist` its reply after it.
#[derive(Clone)]
struct Faulty {
    breaker: Breaker,
    bend: fn(Settings, &Breaker, Input) -> (Settings, Input),
    twist: fn(&mut Breaker, &Breaker, Input, Reply) -> Reply,
    is_open_to_view: bool,
}

const STRAIGHT: fn(Settings, &Breaker, Input) -> (Settings, Input) = |settings, _, input| (settings, input);
const TRUE: fn(&mut Breaker, &Breaker, Input, Reply) -> Reply = |_, _, _, reply| reply;

impl Subject for Faulty {
    fn step(&mut self, config: &Config, input: Input, host: &mut Errands<'_>) -> Reply {
        let before = self.breaker.clone();
        let (settings, bent) = (self.bend)(config.settings().clone(), &self.breaker, input);
        let config = settings.validate().expect("a bent configuration is still valid");
        let reply = Machine::step(&mut self.breaker, &config, bent, host);
        (self.twist)(&mut self.breaker, &before, input, reply)
    }

    fn machine(&self) -> Option<&Breaker> {
        self.is_open_to_view.then_some(&self.breaker)
    }
}

fn found_in(seed: u64, fault: fn(Breaker) -> Faulty) -> Option<&'static str> {
    let plan = draw::plan(seed);
    let config = plan.options.config().unwrap();
    let breaker = Breaker::new(&config, &mut super::swarm::Onlooker);
    let mut swarm = Box::new(Swarm::new(&plan, config, fault(breaker), Watch::default()).unwrap());
    swarm.advance(Instant::MAX);
    let played = swarm.finish();
    played.recorded.violation.map(|violation| violation.property)
}

/// The properties that the judges find broken, over all seeds.
#[track_caller]
fn assert_found(property: &str, fault: fn(Breaker) -> Faulty) {
    let found: Vec<&str> = (0..SEEDS).filter_map(|seed| found_in(seed, fault)).collect();
    assert!(found.contains(&property), "{property} is not among {found:?}");
}

fn bent(breaker: Breaker, bend: fn(Settings, &Breaker, Input) -> (Settings, Input)) -> Faulty {
    Faulty { breaker, bend, twist: TRUE, is_open_to_view: false }
}

fn twisted(breaker: Breaker, twist: fn(&mut Breaker, &Breaker, Input, Reply) -> Reply) -> Faulty {
    Faulty { breaker, bend: STRAIGHT, twist, is_open_to_view: false }
}

#[test]
fn a_faultless_breaker_passes_for_one() {
    assert_eq!((0..SEEDS).find_map(|seed| found_in(seed, |breaker| bent(breaker, STRAIGHT))), None);
}

#[test]
fn one_probe_too_many_is_found() {
    assert_found(claims::PROBES_ARE_BOUNDED, |breaker| {
        bent(breaker, |settings, _, input| {
            let permitted_half_open_calls = settings.permitted_half_open_calls + 1;
            (Settings { permitted_half_open_calls, ..settings }, input)
        })
    });
}

#[test]
fn an_admission_while_open_is_found() {
    assert_found(claims::OPEN_ADMITS_NOBODY, |breaker| {
        twisted(breaker, |breaker, _, _, reply| match reply {
            Reply::Rejected(Rejection::Open { .. }) => {
                Reply::Admitted(Permit { epoch: breaker.epoch(), started: None })
            }
            _ => reply,
        })
    });
}

#[test]
fn an_open_wait_cut_short_is_found() {
    assert_found(claims::OPEN_LASTS_ITS_WAIT, |breaker| {
        bent(breaker, |settings, _, input| {
            (Settings { open_wait_ms: Some(1), open_wait_schedule_ms: Vec::new(), ..settings }, input)
        })
    });
}

#[test]
fn half_open_without_end_is_found() {
    assert_found(claims::HALF_OPEN_IS_BOUNDED_IN_TIME, |breaker| {
        bent(breaker, |settings, _, input| (Settings { half_open_max_wait_ms: None, ..settings }, input))
    });
}

#[test]
fn a_late_result_that_counts_is_found() {
    assert_found(claims::LATE_RESULTS_MOVE_NOTHING, |breaker| {
        bent(breaker, |settings, breaker, input| match input {
            Input::End { permit, outcome } => {
                let permit = Permit { epoch: breaker.epoch(), ..permit };
                (settings, Input::End { permit, outcome })
            }
            _ => (settings, input),
        })
    });
}

#[test]
fn a_permit_leaked_by_a_cancelled_call_is_found() {
    assert_found(claims::THE_REFERENCE_AGREES, |breaker| {
        twisted(breaker, |breaker, before, input, reply| {
            let cancelled = matches!(input, Input::End { outcome: Outcome::Cancelled, .. });
            if cancelled && before.state() == State::HalfOpen && reply == Reply::Unrecorded {
                *breaker = before.clone();
            }
            reply
        })
    });
}

#[test]
fn a_threshold_that_is_off_by_one_call_is_found() {
    assert_found(claims::THE_REFERENCE_AGREES, |breaker| {
        bent(breaker, |settings, _, input| (Settings { minimum_calls: settings.minimum_calls + 1, ..settings }, input))
    });
}

#[test]
fn a_slow_limit_that_is_not_strict_is_found() {
    assert_found(claims::THE_REFERENCE_AGREES, |breaker| {
        bent(breaker, |settings, _, input| match input {
            Input::End { permit, outcome } => {
                let started = permit.started.map(|started| started - Duration::from_nanos(1));
                (settings, Input::End { permit: Permit { started, ..permit }, outcome })
            }
            _ => (settings, input),
        })
    });
}

#[test]
fn a_machine_that_steps_back_is_found_by_its_invariants() {
    assert_found("epochs_rise_with_transitions", |breaker| Faulty {
        is_open_to_view: true,
        ..twisted(breaker, |breaker, _, _, reply| {
            if breaker.epoch() > Epoch(2) {
                let config = Settings::default().validate().expect("the defaults are valid");
                *breaker = Breaker::new(&config, &mut super::swarm::Onlooker);
            }
            reply
        })
    });
}

#[test]
fn a_probe_that_is_counted_twice_is_found_by_the_permits_that_are_out() {
    assert_found("every_probe_is_accounted_for", |breaker| Faulty {
        is_open_to_view: true,
        ..twisted(breaker, |breaker, before, _, reply| {
            if before.state() == State::HalfOpen && reply == Reply::Unrecorded {
                *breaker = before.clone();
            }
            reply
        })
    });
}

#[test]
fn a_panic_is_found() {
    let panicking = Scenario { swarm: |_, _| panic!("planted"), ..scenario() };
    let run = panicking.run(Tier::Swarm, &panicking.plan(0)).unwrap();
    assert_eq!(run.verdict, Verdict::Violated { property: NOTHING_PANICS.to_owned(), detail: "planted".to_owned() });
}

/// Histories written by hand, for what no breaker could be bent to.
mod by_hand {
    use super::*;

    const OPENED: Announcement = Announcement::Transitioned {
        from: State::Closed,
        to: State::Open,
        reason: purlin::breaker::Reason::FailureRate,
        at: Instant::from_millis(9),
        epoch: Epoch(1),
    };

    fn judged(events: &[(Instant, Event)], end: Instant) -> Result<(), Violation> {
        let mut judges = Judges::new(&options()).unwrap();
        events.iter().try_for_each(|(at, event)| judges.observe(*at, event))?;
        judges.conclude(end)
    }

    fn options() -> super::super::Options {
        let mut options = draw::plan(0).options;
        let settings = Settings { slow_call_duration_ms: None, ..Settings::default() };
        options.breaker = Settings { window: purlin::breaker::WindowKind::Count(1), ..settings };
        options.clients = 2;
        options
    }

    fn early(event: Event) -> (Instant, Event) {
        (Instant::from_millis(9), event)
    }

    fn late(event: Event) -> (Instant, Event) {
        (Instant::ORIGIN + options().phases().recovered + Duration::from_millis(1), event)
    }

    const PERMIT: Permit = Permit { epoch: Epoch(0), started: None };
    const ADMITTED: Event = Event::Asked { clock: Instant::from_millis(9), reply: Reply::Admitted(PERMIT) };

    fn ended(outcome: Outcome, failed: bool) -> Event {
        let reply = Reply::Recorded(purlin::breaker::window::Mark { failed, slow: false });
        Event::Ended { clock: Instant::from_millis(9), permit: PERMIT, outcome, reply }
    }

    const SERVED: [Event; 2] = [Event::Called { client: 0 }, Event::Answered { client: 0, answer: Answer::Served }];

    #[track_caller]
    fn assert_broken(property: &str, events: &[(Instant, Event)]) {
        let end = Instant::ORIGIN + options().phases().end;
        assert_eq!(judged(events, end).unwrap_err().property, property);
    }

    #[test]
    fn a_good_history_passes() {
        let end = Instant::ORIGIN + options().phases().end;
        let events = [early(ADMITTED), early(Event::Reached), early(ended(Outcome::Success, false))];
        let events = [&events[..], &SERVED.map(late)].concat();
        assert_eq!(judged(&events, end), Ok(()));
    }

    #[test]
    fn a_call_that_was_not_admitted_and_reaches_the_server_is_found() {
        assert_broken(claims::ONLY_ADMITTED_CALLS_REACH_THE_SERVER, &[early(Event::Reached)]);
    }

    #[test]
    fn a_permit_that_comes_back_twice_is_found() {
        let once = ended(Outcome::Success, false);
        assert_broken(claims::EVERY_PERMIT_COMES_BACK, &[ADMITTED, once, once].map(early));
    }

    #[test]
    fn permits_that_stay_out_are_found() {
        let events = [[ADMITTED; 3].map(early).to_vec(), SERVED.map(late).to_vec()].concat();
        assert_broken(claims::EVERY_PERMIT_COMES_BACK, &events);
    }

    #[test]
    fn an_epoch_that_does_not_rise_is_found() {
        let Announcement::Transitioned { from, to, reason, at, .. } = OPENED else { unreachable!() };
        let stale = Announcement::Transitioned { from, to, reason, at, epoch: Epoch(0) };
        assert_broken(claims::EPOCHS_RISE, &[early(Event::Announced(stale))]);
    }

    #[test]
    fn a_breaker_that_stays_open_after_all_was_healed_is_found() {
        let events = [ADMITTED, Event::Announced(OPENED), ended(Outcome::Failure, true)];
        assert_broken(claims::RECOVERS_AFTER_HEALING, &events.map(early));
    }

    #[test]
    fn a_call_that_fails_after_recovery_is_found() {
        let failed = [Event::Called { client: 1 }, Event::Answered { client: 1, answer: Answer::Rejected }];
        assert_broken(claims::CALLS_SUCCEED_AFTER_RECOVERY, &failed.map(late));
    }

    #[test]
    fn a_calm_in_which_nobody_calls_is_found() {
        assert_broken(claims::CALLS_SUCCEED_AFTER_RECOVERY, &SERVED.map(early));
    }
}

#[test]
fn every_always_has_its_own_name_and_its_own_sometimes() {
    let names: std::collections::BTreeSet<_> = NAMES.into_iter().collect();
    assert_eq!(names.len(), claims::ALWAYS.len());
    let sights: std::collections::BTreeSet<_> = claims::ALWAYS.iter().map(|(_, sight)| *sight as u32).collect();
    assert_eq!(sights.len(), claims::ALWAYS.len());
}
