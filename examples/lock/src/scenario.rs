//! The lock in a storm: a keeper and two or three nodes that ask it, their clocks adrift, and everything failing now and
//! then, as a scenario for both tiers.

use crate::{Answer, Config, Event, Lock, Message, Node, Request, Settings, Token};
use core::time::Duration;
use purlin::Instant;
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{self, Client, ClockBounds, Cluster, Desk, Occasion, Recovery, Setting, View, sights};
use purlin_sim::{Die, FaultKind, InvalidPlan, Scenario, Span};
use serde::{Deserialize, Serialize};

/// No two nodes believe at one true moment, each by its own clock, that they hold the lock.
pub const ONE_HOLDER_AT_A_TIME: &str = "one_holder_at_a_time";
/// No grant leaves the keeper with a smaller token than one before it, and none with the token of another's life.
pub const TOKENS_RISE: &str = "tokens_rise";
/// Whoever acquires the lock brings a greater token than everybody before: a fenced resource refuses none of them.
pub const WHO_ACQUIRES_IS_NOT_REFUSED: &str = "who_acquires_is_not_refused";
/// Once everything is healed, the lock is acquired again.
pub const THE_LOCK_IS_ACQUIRED_AFTER_HEALING: &str = "the_lock_is_acquired_after_healing";

const THE_LOCK_PASSED_ON: &str = "the_lock_passed_on";
const A_LEASE_WAS_RENEWED: &str = "a_lease_was_renewed";
const A_HOLD_RAN_OUT: &str = "a_hold_ran_out";
const A_GRANT_CAME_TOO_LATE: &str = "a_grant_came_too_late";

/// For how much drift the margin is made: a hundredth, far more than computers' clocks drift.
const DRIFT_PPM: u32 = 10_000;

/// The lock's scenarios.
pub fn scenarios() -> Vec<Scenario> {
    vec![Scenario::of_protocol::<Storm<DRIFT_PPM, true>>()]
}

/// The storm, with clocks that drift by so much. The margin is made for a hundredth; if clocks drift more than that, only
/// what tokens promise can be claimed, and not that there is one holder at a time.
pub struct Storm<const DRIFT: u32, const EXCLUSIVE: bool>;

/// What varies from run to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// How many nodes ask.
    pub clients: u8,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: u64,
    /// How long a holder works before it renews or releases.
    pub work: Span,
    /// How long whoever got no lock rests.
    pub rest: Span,
}

impl Options {
    /// Two clocks that drift apart by twice the bound lose so much of a lease.
    fn settings(&self) -> Settings {
        let margin_ms = self.lease_ms * 2 * u64::from(DRIFT_PPM) / 1_000_000 + 1;
        Settings { lease_ms: self.lease_ms, margin_ms, retry_ms: RETRY_MS, ..Settings::default() }
    }

    fn config(&self) -> Config {
        self.settings().validate().expect("what was checked is valid")
    }
}

const RETRY_MS: u64 = 50;

impl<const DRIFT: u32, const EXCLUSIVE: bool> Cluster for Storm<DRIFT, EXCLUSIVE> {
    const NAME: &'static str = "lock-storm";
    const ROOM: &'static str = "lock";
    const SUMMARY: &'static str = "two or three nodes want the same lock, whatever happens to them and to its keeper";
    const ALWAYS: &'static [&'static str] =
        &[ONE_HOLDER_AT_A_TIME, TOKENS_RISE, WHO_ACQUIRES_IS_NOT_REFUSED, THE_LOCK_IS_ACQUIRED_AFTER_HEALING];
    const SOMETIMES: &'static [&'static str] = &[
        THE_LOCK_PASSED_ON,
        A_LEASE_WAS_RENEWED,
        A_HOLD_RAN_OUT,
        A_GRANT_CAME_TOO_LATE,
        sights::A_PROCESS_WAS_KILLED,
        sights::THE_POWER_WENT,
        sights::RECORDS_WERE_LOST,
        sights::A_PROCESS_WAS_PAUSED,
        sights::A_PARTITION_LAY_BETWEEN_NODES,
    ];
    type Protocol = Lock;
    type Options = Options;
    type Client = Worker;
    type Judge = Referee;

    fn draw(die: &mut Die) -> Options {
        let most_ms = *die.pick(&[20, 300, 1_500]);
        Options {
            clients: die.between(2, 3) as u8,
            lease_ms: die.between(100, 1_500),
            work: Span::new(5, most_ms),
            rest: Span::new(5, 100),
        }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        let Options { clients, lease_ms, work, rest } = options;
        InvalidPlan::unless((1..=8).contains(clients), "clients", clients, "give 1 to 8")?;
        InvalidPlan::unless((10..=60_000).contains(lease_ms), "lease_ms", lease_ms, "give 10 to 60000")?;
        for (field, span) in [("work", work), ("rest", rest)] {
            span.validate(field)?;
            let fits = span.least_ms >= 1 && span.most_ms <= 60_000;
            InvalidPlan::unless(fits, field, format!("{span:?}"), "give at least 1 ms, at most 60000")?;
        }
        Ok(())
    }

    fn nodes(options: &Options) -> Vec<cluster::Node<Lock>> {
        let config = options.config();
        (0..=options.clients).map(|node| cluster::Node::at(Node(node), config.clone())).collect()
    }

    fn clients(setting: &Setting<Options>) -> Vec<Worker> {
        let Options { clients, work, rest, .. } = setting.workload;
        (1..=u32::from(clients)).map(|node| Worker { node, work, rest, holds: false }).collect()
    }

    fn judge(setting: &Setting<Options>) -> Referee {
        let healed = Self::recovery(setting).phases(setting.environment.safety_ms).healed;
        Referee { is_exclusive: EXCLUSIVE, healed: Instant::ORIGIN + healed, ..Referee::default() }
    }

    /// A lease that nobody knows of ends first. A question that was lost is asked again.
    fn recovery(setting: &Setting<Options>) -> Recovery {
        let lease_ms = 2 * setting.workload.lease_ms;
        let answer_ms = 2 * RETRY_MS + 6 * setting.environment.slowest_ms();
        let calm_ms = 2 * (lease_ms + answer_ms + setting.workload.work.most_ms + setting.workload.rest.most_ms);
        Recovery { within_ms: lease_ms + answer_ms, calm_ms, answer_ms }
    }

    fn clocks(_options: &Options) -> ClockBounds {
        ClockBounds { ahead_ms_max: 10_000, drift_ppm_max: DRIFT }
    }

    /// Of those that ask, one is enough.
    fn spare(options: &Options) -> u32 {
        u32::from(options.clients) - 1
    }

    /// A keeper's clock that jumps ends leases that it has promised to keep; a holder's that is set back or stands still
    /// outlasts its lease.
    fn bears(_options: &Options, kind: &FaultKind) -> bool {
        match kind {
            FaultKind::ClockJump { node, .. } | FaultKind::Destroy { node } => *node != 0,
            FaultKind::ClockBack { .. } | FaultKind::ClockFreeze { .. } => false,
            _ => true,
        }
    }

    fn inspect(_setting: &Setting<Options>, view: &View<'_, Lock>) -> Result<(), Violation> {
        let holds = |node: &u32| view.machine(*node).is_some_and(|lock| lock.held_at(view.clock(*node)).is_some());
        let holders = || (0..view.nodes()).filter(holds);
        let detail = || format!("nodes {:?} do", holders().collect::<Vec<_>>());
        claim(ONE_HOLDER_AT_A_TIME, !EXCLUSIVE || holders().count() <= 1, detail)
    }
}

/// Somebody who wants the lock of one node, works under it, and renews it or gives it back.
#[derive(Clone)]
pub struct Worker {
    node: u32,
    work: Span,
    rest: Span,
    holds: bool,
}

impl Client<Lock> for Worker {
    fn act(&mut self, occasion: Occasion<'_, Lock>, desk: &mut Desk<'_, Lock>) {
        match occasion {
            Occasion::Started | Occasion::Woken => self.ask(desk),
            Occasion::Answered { answer, .. } => self.rest(matches!(answer, Answer::Held(_)), desk),
            Occasion::Unanswered { .. } => self.rest(false, desk),
            Occasion::Notified { .. } => {}
        }
    }
}

impl Worker {
    fn ask(&mut self, desk: &mut Desk<'_, Lock>) {
        let releases = self.holds && desk.die().below(2) == 0;
        desk.ask(self.node, if releases { Request::Release } else { Request::Acquire });
    }

    fn rest(&mut self, holds: bool, desk: &mut Desk<'_, Lock>) {
        self.holds = holds;
        let pause = desk.draw(if holds { self.work } else { self.rest });
        desk.wake_after(pause.max(Duration::from_millis(1)));
    }
}

/// Judges grants and holds.
#[derive(Clone, Default)]
pub struct Referee {
    is_exclusive: bool,
    healed: Instant,
    /// The last token that left the keeper, and to which life of which node.
    granted: (Token, u32, u64),
    /// The last token that was acquired, and by which node.
    acquired: (Token, u32),
    /// When that hold ends by its node's clock.
    until: Instant,
    was_acquired_after_healing: bool,
    coverage: Coverage,
}

impl Judge for Referee {
    type Event<'a> = cluster::Event<'a, Lock>;

    fn observe(&mut self, at: Instant, event: &cluster::Event<'_, Lock>) -> Result<(), Violation> {
        match *event {
            cluster::Event::Sent { to, message: Message::Granted(grant), .. } => {
                self.grants((grant.token, to, grant.attempt.life))
            }
            cluster::Event::Sent { message: Message::Release(token), .. } => {
                self.saw_if(token.0 > self.acquired.0.0, A_GRANT_CAME_TOO_LATE);
                Ok(())
            }
            cluster::Event::Notified { node, event: Event::Acquired(hold), .. } => {
                self.until = hold.until;
                self.acquires(at, (hold.token, node))
            }
            cluster::Event::Notified { clock, event: Event::Lost(token), .. } => {
                self.saw_if(self.acquired.0 == *token && self.until <= clock, A_HOLD_RAN_OUT);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, end: Instant) -> Result<(), Violation> {
        let detail = || format!("nobody has, from {:?} to {end:?}", self.healed);
        claim(THE_LOCK_IS_ACQUIRED_AFTER_HEALING, self.was_acquired_after_healing, detail)
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Referee {
    fn grants(&mut self, granted: (Token, u32, u64)) -> Result<(), Violation> {
        let before = core::mem::replace(&mut self.granted, granted);
        let rises = before.0 < granted.0 || before == granted;
        claim(TOKENS_RISE, rises, || format!("{granted:?} is granted after {before:?}"))
    }

    fn acquires(&mut self, at: Instant, acquired: (Token, u32)) -> Result<(), Violation> {
        let before = core::mem::replace(&mut self.acquired, acquired);
        self.was_acquired_after_healing |= at >= self.healed;
        self.saw_if(before.0 < acquired.0 && before.1 != acquired.1, THE_LOCK_PASSED_ON);
        self.saw_if(before == acquired, A_LEASE_WAS_RENEWED);
        let rises = !self.is_exclusive || before.0 < acquired.0 || before == acquired;
        claim(WHO_ACQUIRES_IS_NOT_REFUSED, rises, || format!("{acquired:?} acquires after {before:?}"))
    }

    fn saw_if(&mut self, seen: bool, sight: &str) {
        let names = <Storm<DRIFT_PPM, true> as Cluster>::SOMETIMES;
        if let Some(index) = names.iter().position(|name| seen && *name == sight) {
            self.coverage.note(index as u32);
        }
    }
}
