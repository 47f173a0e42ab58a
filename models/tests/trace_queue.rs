//! Runs of the queue far larger than any scope of the comparison, explained by its specification; and tampered runs, which
//! are refused. Method: a small host with a lagging disk lives through a story that a seed tells, and writes down what can
//! be observed. Without `TLA2TOOLS_JAR` only what needs no TLC is asked.

use core::num::NonZeroU32;
use core::time::Duration;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::queue::{Answer, Config, Event, Image, NewMessage, Queue, Record, Request, Settings, Timer, Token};
use purlin::{Clock, Host, Instant, Machine};
use purlin_models::spec::queue::{Observation, QueueRun};
use purlin_models::spec::trace::{Run, RunError, TraceVerdict};
use purlin_models::tlc::{JAR_VARIABLE, Tlc};

/// What a host holds back until so many records are durable.
enum Held {
    Answer(u64, Answer),
    Event(Event),
}

/// A queue's host: its disk lags, and now and then it dies.
struct Story {
    config: Config,
    seed: u64,
    clock: Instant,
    machine: Option<Queue>,
    due: Option<Instant>,
    journal: Vec<Record>,
    durable: usize,
    held: Vec<(usize, Held)>,
    asks: u64,
    observations: Vec<Observation>,
    tells_disk: bool,
}

struct StepHost {
    now: Instant,
    effects: Vec<Effect<Queue>>,
}

impl Clock for StepHost {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for StepHost {
    fn choose(&mut self, _: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        self.effects.push(effect);
    }
}

impl Story {
    fn told(seed: u64, steps: usize, tells_disk: bool) -> QueueRun {
        let settings = settings();
        let mut story = Self {
            config: settings.clone().validate().unwrap(),
            seed,
            clock: Instant::from_millis(1_000),
            machine: None,
            due: None,
            journal: Vec::new(),
            durable: 0,
            held: Vec::new(),
            asks: 0,
            observations: Vec::new(),
            tells_disk,
        };
        story.recover();
        (0..steps).for_each(|_| story.go_on());
        QueueRun { config: settings, observations: story.observations }
    }

    fn throw(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % bound
    }

    fn go_on(&mut self) {
        let pause = self.throw(400);
        self.pass(Duration::from_micros(pause * 1_000 + 7));
        match self.throw(40) {
            0 => self.die(),
            1..=12 => self.sync(),
            _ => self.ask(),
        }
    }

    /// The timer fires on time, with the clock somewhat late.
    fn pass(&mut self, by: Duration) {
        let end = self.clock + by;
        while let Some(due) = self.due.filter(|due| *due + Duration::from_millis(3) <= end) {
            self.clock = self.clock.max(due + Duration::from_millis(3));
            self.due = None;
            self.step(Input::Timer(Timer::LeaseOver));
        }
        self.clock = end;
    }

    fn ask(&mut self) {
        self.asks += 1;
        let (ask, request) = (self.asks, self.request());
        self.observations.push(Observation::Asked { ask, clock: self.clock, request: request.clone() });
        self.step(Input::Request { ticket: Ticket(ask), request });
    }

    fn request(&mut self) -> Request {
        let id = format!("message \"{}\"", self.throw(30));
        let newest = self.journal.iter().filter(|record| matches!(record, Record::Leased { .. })).count() as u64;
        let token = Token((newest + 1).saturating_sub(1 + self.throw(4)));
        match self.throw(12) {
            0..=3 => Request::Enqueue(self.new_message(id)),
            4..=6 => Request::Claim { worker: format!("w{}", self.throw(3)), max: 2, lease_ms: None },
            7 | 8 => Request::Ack { token },
            9 => Request::Nack { token, delay_ms: self.throw(3) * 200 },
            10 => Request::Extend { token, lease_ms: 1_500 },
            _ => self.rarer_request(id),
        }
    }

    fn rarer_request(&mut self, id: String) -> Request {
        match self.throw(6) {
            0 => Request::Kill { id },
            1 => Request::Redrive { ids: None },
            2 => Request::Redrive { ids: Some(vec![id]) },
            3 => Request::Expire,
            4 => Request::Status { id },
            _ => Request::Stats,
        }
    }

    fn new_message(&mut self, id: String) -> NewMessage {
        let key = (self.throw(2) == 0).then(|| format!("k{}", self.throw(3)));
        let dedup_id = (self.throw(3) == 0).then(|| format!("d{}", self.throw(3)));
        let not_before = (self.throw(4) == 0).then(|| self.clock + Duration::from_millis(500));
        NewMessage { id, payload: String::new(), key, not_before, dedup_id }
    }

    fn step(&mut self, input: Input<Queue>) {
        let Some(machine) = &mut self.machine else { return };
        let mut host = StepHost { now: self.clock, effects: Vec::new() };
        machine.step(&self.config, input, &mut host);
        host.effects.into_iter().for_each(|effect| self.run(effect));
        self.release();
    }

    fn run(&mut self, effect: Effect<Queue>) {
        match effect {
            Effect::Persist(record) => self.journal.push(record),
            Effect::Answer { ticket, answer } => self.held.push((self.journal.len(), Held::Answer(ticket.0, answer))),
            Effect::Notify(event) => self.held.push((self.journal.len(), Held::Event(event))),
            Effect::Arm { after, .. } => self.due = Some(self.clock + after),
            Effect::Disarm(_) => self.due = None,
            Effect::Load(_) | Effect::Send { .. } => {}
        }
    }

    fn release(&mut self) {
        let ready = self.held.iter().take_while(|(records, _)| *records <= self.durable).count();
        let clock = self.clock;
        for (_, held) in self.held.drain(..ready) {
            self.observations.push(match held {
                Held::Answer(ask, answer) => Observation::Answered { ask, clock, answer },
                Held::Event(event) => Observation::Notified { clock, event },
            });
        }
    }

    /// A part of what waits is durable.
    fn sync(&mut self) {
        let waiting = (self.journal.len() - self.durable) as u64;
        if waiting > 0 {
            self.durable += 1 + self.throw(waiting) as usize;
            if self.tells_disk {
                self.observations.push(Observation::Synced { records: self.durable as u64 });
            }
            self.release();
        }
    }

    fn die(&mut self) {
        let waiting = (self.journal.len() - self.durable) as u64;
        self.durable += self.throw(waiting + 1) as usize;
        self.journal.truncate(self.durable);
        (self.machine, self.due) = (None, None);
        self.held.clear();
        let records = self.tells_disk.then_some(self.durable as u64);
        self.observations.push(Observation::Ended { records });
        self.pass(Duration::from_millis(300));
        self.recover();
    }

    fn recover(&mut self) {
        let mut image = Image::default();
        self.journal.iter().for_each(|record| Queue::fold(&mut image, record.clone()));
        let mut host = StepHost { now: self.clock, effects: Vec::new() };
        self.machine = Some(Queue::recover(&self.config, image, &mut host));
        let records = self.tells_disk.then_some(self.durable as u64);
        self.observations.push(Observation::Recovered { clock: self.clock, records });
        host.effects.into_iter().for_each(|effect| self.run(effect));
    }
}

fn settings() -> Settings {
    Settings {
        max_attempts: 2,
        dedup_retention_ms: 2_000,
        max_in_flight: Some(5),
        max_in_flight_per_worker: Some(3),
        max_messages: 12,
        max_done: 4,
        max_dedup_ids: 2,
        ..Settings::default()
    }
}

fn tlc() -> Option<Tlc> {
    let jar = std::env::var_os(JAR_VARIABLE).filter(|jar| !jar.is_empty())?;
    Some(Tlc::at(jar).unwrap())
}

fn verdict(tlc: &Tlc, run: &QueueRun) -> TraceVerdict {
    run.trace().unwrap().validate(tlc).unwrap()
}

#[test]
fn long_runs_with_crashes_and_a_lagging_disk_are_explained() {
    let Some(tlc) = tlc() else { return };
    for seed in 0..2 {
        let run = Story::told(seed, 300, true);
        assert_eq!(verdict(&tlc, &run), TraceVerdict::Accepted, "seed {seed}");
    }
}

#[test]
fn a_run_is_explained_though_nobody_tells_of_the_disk() {
    let Some(tlc) = tlc() else { return };
    let run = Story::told(7, 100, false);
    assert_eq!(verdict(&tlc, &run), TraceVerdict::Accepted);
}

/// The run up to an observation that was changed, and where that is.
fn tampered(run: &QueueRun, mut change: impl FnMut(&mut Observation) -> bool) -> (QueueRun, usize) {
    let mut run = run.clone();
    let changed = run.observations.iter_mut().position(&mut change).expect("the story has such an observation");
    (run, changed)
}

/// Where the request of an answer was asked.
fn asked(run: &QueueRun, answered: usize) -> usize {
    let Observation::Answered { ask: of, .. } = run.observations[answered] else { return answered };
    let is_meant = |it: &Observation| matches!(it, Observation::Asked { ask, .. } if *ask == of);
    run.observations.iter().position(is_meant).unwrap()
}

#[test]
fn tampered_runs_are_refused_where_they_were_tampered_with() {
    let Some(tlc) = tlc() else { return };
    let run = Story::told(1, 120, true);
    let changes: [fn(&mut Observation) -> bool; 5] = [
        |it| {
            let Observation::Answered { answer, .. } = it else { return false };
            let is_stale = *answer == Answer::Stale;
            *answer = if is_stale { Answer::Ok } else { answer.clone() };
            is_stale
        },
        |it| {
            let Observation::Answered { answer: Answer::Claimed(deliveries), .. } = it else { return false };
            deliveries.iter_mut().for_each(|delivery| delivery.attempt += 1);
            !deliveries.is_empty()
        },
        |it| {
            let Observation::Answered { answer: Answer::Claimed(deliveries), .. } = it else { return false };
            deliveries.iter_mut().for_each(|delivery| delivery.until = delivery.until + Duration::from_nanos(1));
            !deliveries.is_empty()
        },
        |it| {
            let Observation::Notified { event: Event::LeaseExpired { id }, .. } = it else { return false };
            id.push('!');
            true
        },
        |it| {
            let Observation::Synced { records } = it else { return false };
            *records += 100;
            true
        },
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let (tampered, changed) = tampered(&run, change);
        let observation = asked(&run, changed);
        assert_eq!(verdict(&tlc, &tampered), TraceVerdict::Refused { observation }, "change {nth}");
    }
}

#[test]
fn an_answer_that_did_not_wait_for_its_record_is_refused() {
    let Some(tlc) = tlc() else { return };
    let mut run = Story::told(1, 120, true);
    let (synced, pair) = (0..).zip(run.observations.windows(2)).find(|(_, pair)| is_sync_then_answer(pair)).unwrap();
    assert!(is_sync_then_answer(pair));
    run.observations.swap(synced, synced + 1);
    assert_eq!(verdict(&tlc, &run), TraceVerdict::Refused { observation: synced });
}

fn is_sync_then_answer(pair: &[Observation]) -> bool {
    matches!(pair, [Observation::Synced { .. }, Observation::Answered { .. }])
}

#[test]
fn a_durable_answer_that_a_crash_undid_is_refused() {
    let Some(tlc) = tlc() else { return };
    // Goal: the black box alone tells. Method: an enqueue was answered, the process died, and the message is unknown.
    let clock = Instant::from_millis(5);
    let enqueue = Request::Enqueue(NewMessage { id: "a".to_owned(), ..NewMessage::default() });
    let status = Request::Status { id: "a".to_owned() };
    let observations = |status_found| {
        vec![
            Observation::Recovered { clock, records: None },
            Observation::Asked { ask: 1, clock, request: enqueue.clone() },
            Observation::Answered { ask: 1, clock, answer: Answer::Ok },
            Observation::Ended { records: None },
            Observation::Recovered { clock, records: None },
            Observation::Asked { ask: 2, clock, request: status.clone() },
            Observation::Answered { ask: 2, clock, answer: Answer::Status(status_found) },
        ]
    };
    let run = |found| QueueRun { config: Settings::default(), observations: observations(found) };
    assert_eq!(verdict(&tlc, &run(purlin::queue::Status::Ready)), TraceVerdict::Accepted);
    assert_eq!(verdict(&tlc, &run(purlin::queue::Status::Unknown)), TraceVerdict::Refused { observation: 5 });
}

#[test]
fn a_run_reads_back_as_it_was_written() {
    let run = Run::Queue(Story::told(3, 60, true));
    let text = serde_json::to_string(&run).unwrap();
    assert!(text.starts_with("{\"room\":\"queue\",\"config\":{"), "{text}");
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
}

#[test]
fn the_same_run_gives_the_same_module() {
    let data = |run: &QueueRun| run.trace().unwrap().data;
    assert_eq!(data(&Story::told(3, 60, true)), data(&Story::told(3, 60, true)));
}

#[test]
fn observations_that_no_run_can_have_made_are_refused_with_their_place() {
    let clock = Instant::from_millis;
    let ask = |ask, at| Observation::Asked { ask, clock: clock(at), request: Request::Stats };
    let answer = |ask| Observation::Answered { ask, clock: clock(9), answer: Answer::Ok };
    let error = |observations: Vec<Observation>| {
        QueueRun { config: Settings::default(), observations }.trace().map(drop).unwrap_err()
    };
    assert_eq!(error(Vec::new()), RunError::Empty);
    assert_eq!(error(vec![ask(1, 5), ask(2, 4)]), RunError::ClockRanBack { observation: 1 });
    assert_eq!(error(vec![ask(1, 5), ask(1, 5)]), RunError::AskedTwice { observation: 1, ask: 1 });
    assert_eq!(error(vec![answer(1)]), RunError::NotAsked { observation: 0, ask: 1 });
    assert_eq!(error(vec![ask(1, 5), answer(1), answer(1)]), RunError::NotAsked { observation: 2, ask: 1 });
    let many = Observation::Synced { records: u64::MAX };
    assert_eq!(error(vec![many]), RunError::TooLarge { observation: 0, number: u64::MAX });
}
