//! What the hosts of the full-stack tier share: the plan's faults, the dice and the history.

use super::Plan;
use super::faults::{Fate, Faults};
use super::history::{Answer, Event};
use super::judges::Judges;
use crate::checker::Violation;
use crate::clock::NodeClock;
use crate::die::{Die, Throws};
use crate::history::{Recorder, Watch};
use crate::plan::{FaultKind, InvalidPlan};
use crate::stack::{HostTime, Life};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::breaker::{Breaker, Event as Announcement, Outcome, Permit, Reply};
use purlin::{Clock, Instant, Keeper};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task;

/// The full stack counts whole milliseconds.
const GRAIN_NANOS: u64 = 1_000_000;

/// Shared by all hosts of one simulation, which all run on one thread.
pub(super) struct Stage {
    props: Mutex<Props>,
    /// Told when the bank comes back.
    pub(super) revived: Notify,
    /// Told when everybody who rests is to call.
    pub(super) herd: Notify,
}

struct Props {
    plan: Plan,
    faults: Faults,
    dice: Dice,
    box_of_dice: crate::die::Dice,
    bank: Life,
    /// Taken away when the curtain falls, so that what is torn down afterwards leaves no trace.
    recorder: Option<Recorder<Judges>>,
    entries: u64,
    /// The permit that each task of the checkout holds.
    permits: BTreeMap<task::Id, Permit>,
    /// A call has just ended; its response, or its end without one, will tell how.
    ended: Option<(Instant, Permit, Reply)>,
}

struct Dice {
    clients: Die,
    links: Die,
    bank: Die,
    breaker: Die,
}

impl Stage {
    pub(super) fn new(plan: &Plan, watch: Watch) -> Result<Arc<Self>, InvalidPlan> {
        let box_of_dice = plan.dice(watch.throws);
        let die = |name| box_of_dice.die(name);
        let dice = Dice { clients: die("clients"), links: die("links"), bank: die("bank"), breaker: die("breaker") };
        let props = Props {
            plan: plan.clone(),
            faults: Faults::new(plan, GRAIN_NANOS),
            dice,
            box_of_dice,
            bank: Life::default(),
            recorder: Some(Recorder::new(Judges::new(&plan.options)?, watch)),
            entries: 0,
            permits: BTreeMap::new(),
            ended: None,
        };
        Ok(Arc::new(Self { props: Mutex::new(props), revived: Notify::new(), herd: Notify::new() }))
    }

    pub(super) fn record(&self, at: Instant, event: &Event) {
        self.lock().record(at, event);
    }

    pub(super) fn note(&self, violation: Violation) {
        if let Some(recorder) = &mut self.lock().recorder {
            recorder.note(Err(violation));
        }
    }

    pub(super) fn is_violated(&self) -> bool {
        self.lock().recorder.as_ref().is_some_and(Recorder::is_violated)
    }

    /// What was thrown, if that was to be written down.
    pub(super) fn thrown(&self) -> Option<Throws> {
        self.lock().box_of_dice.thrown()
    }

    /// Takes the history away, with the number of its entries.
    pub(super) fn close(&self) -> Option<(Recorder<Judges>, u64)> {
        let mut props = self.lock();
        let entries = props.entries;
        props.recorder.take().map(|recorder| (recorder, entries))
    }

    fn lock(&self) -> MutexGuard<'_, Props> {
        self.props.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Props {
    fn record(&mut self, at: Instant, event: &Event) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(at, event);
            self.entries += 1;
        }
    }
}

/// Faults.
impl Stage {
    /// Begins a fault; the bank dies at once if that is the fault.
    pub(super) fn begin(&self, fault: u32) -> FaultKind {
        let mut props = self.lock();
        let kind = props.faults.begin(fault);
        let bank = (kind == FaultKind::Crash).then(|| props.bank.clone());
        drop(props);
        bank.iter().for_each(Life::end);
        if kind == FaultKind::Herd {
            self.herd.notify_waiters();
        }
        kind
    }

    /// Ends a fault; the bank comes back when the last crash is over.
    pub(super) fn end(&self, fault: u32) -> FaultKind {
        let mut props = self.lock();
        let kind = props.faults.end(fault);
        if kind == FaultKind::Crash && !props.faults.is_crashed() {
            props.bank = Life::default();
            self.revived.notify_one();
        }
        kind
    }

    pub(super) fn is_cut(&self) -> bool {
        self.lock().faults.is_cut()
    }

    /// The bank's present life.
    pub(super) fn bank(&self) -> Life {
        self.lock().bank.clone()
    }

    /// Draws this tick's latencies: between clients and checkout, and between checkout and bank.
    pub(super) fn latencies(&self) -> [Duration; 2] {
        let Props { plan, faults, dice, .. } = &mut *self.lock();
        let mut latency = || faults.draw(&mut dice.links, plan.options.link);
        let [clients, bank] = [latency(), latency()];
        [clients, bank + faults.delay(&mut dice.links)]
    }
}

/// Clients.
impl Stage {
    pub(super) fn rest(&self) -> Duration {
        let Props { plan, faults, dice, .. } = &mut *self.lock();
        faults.rest(&mut dice.clients, plan.options.rest)
    }

    pub(super) fn patience(&self) -> Duration {
        let props = self.lock();
        props.faults.patience(props.plan.options.patience_ms)
    }

    pub(super) fn answered(&self, at: Instant, client: u32, answer: Answer) {
        self.record(at, &Event::Answered { client, answer });
    }
}

/// The bank.
impl Stage {
    /// What becomes of a call that arrives now. A lost message never arrives, so it is not on record.
    pub(super) fn reach(&self, at: Instant) -> Fate {
        let mut props = self.lock();
        let Props { faults, dice, .. } = &mut *props;
        if faults.loses_message(&mut dice.links) {
            return Fate::Silence;
        }
        let fate = faults.fate(at, &mut dice.bank);
        props.record(at, &Event::Reached);
        fate
    }
}

/// The checkout: what its breaker does, told by its keeper, and how its calls end, told by their responses.
impl Stage {
    fn replied(&self, at: Instant, clock: Instant, reply: Reply) {
        let mut props = self.lock();
        let Some(task) = task::try_id() else { return };
        match reply {
            Reply::Admitted(permit) => {
                props.permits.insert(task, permit);
                props.record(at, &Event::Asked { clock, reply });
            }
            Reply::Rejected(_) => props.record(at, &Event::Asked { clock, reply }),
            Reply::Recorded(_) | Reply::Unrecorded | Reply::Late => {
                let permit = props.permits.remove(&task);
                props.ended = permit.map(|permit| (clock, permit, reply));
            }
            Reply::Ticked | Reply::Controlled | Reply::Illegal => {}
        }
    }

    /// A call of the checkout is over. If its breaker was told of an end, that was part of the same step of the same
    /// task, so nothing has happened in between.
    pub(super) fn settle(&self, at: Instant, outcome: Outcome) {
        let mut props = self.lock();
        if let Some((clock, permit, reply)) = props.ended.take() {
            props.record(at, &Event::Ended { clock, permit, outcome, reply });
        }
    }

    fn choose(&self, at: Instant, bound: NonZeroU32) -> u32 {
        let mut props = self.lock();
        let face = props.dice.breaker.choose(bound);
        props.record(at, &Event::Thrown { face });
        face
    }
}

/// Keeps the time of the checkout's breaker by simulated time and tells the stage what the breaker does.
pub(super) struct StageKeeper {
    stage: Arc<Stage>,
    time: HostTime,
    clock: NodeClock,
}

impl StageKeeper {
    pub(super) fn new(stage: Arc<Stage>, time: HostTime, clock: NodeClock) -> Self {
        Self { stage, time, clock }
    }
}

impl Clock for StageKeeper {
    fn now(&self) -> Instant {
        self.clock.read(self.time.now())
    }
}

impl Keeper<Breaker> for StageKeeper {
    fn choose(&self, bound: NonZeroU32) -> u32 {
        self.stage.choose(self.time.now(), bound)
    }

    fn replied(&self, reply: &Reply) {
        self.stage.replied(self.time.now(), self.now(), *reply);
    }

    fn happened(&self, announcement: Announcement) {
        self.stage.record(self.time.now(), &Event::Announced(announcement));
    }
}
