//! The judge is judged: for each property there is a lie about true histories that it finds, and names.

use super::claims;
use super::{Bookkeeper, HastyWorkers, Options, Participant};
use crate::checker::{Coverage, Judge, Violation};
use crate::cluster::{Cluster, Event, Node, Recovery, Setting, View};
use crate::die::Die;
use crate::plan::InvalidPlan;
use crate::{Scenario, Tier};
use core::time::Duration;
use purlin::Instant;
use purlin::queue::{Answer, Event as Announcement, NewMessage, Queue, Record, Request, Stats, Status};
use std::collections::BTreeSet;

/// Seeds among which a lie must be found.
const SEEDS: u64 = 60;

/// Tells the judge something else than what happened.
type Lie = fn(&mut Books, Instant, &Event<'_, Queue>) -> Result<(), Violation>;

/// The judge that is lied to, and what is kept from it for a while.
#[derive(Clone)]
struct Books {
    judge: Bookkeeper,
    kept: Option<u64>,
    records: u64,
}

impl Books {
    fn tell(&mut self, at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
        self.judge.observe(at, event)
    }

    /// Tells of another answer, where there is one to be told of.
    fn tell_answer(&mut self, at: Instant, event: &Event<'_, Queue>, other: Option<Answer>) -> Result<(), Violation> {
        match (*event, other) {
            (Event::Answered { client, node, ask, clock, .. }, Some(answer)) => {
                self.tell(at, &Event::Answered { client, node, ask, clock, answer: &answer })
            }
            (event, _) => self.tell(at, &event),
        }
    }

    /// Tells of another record, where there is one to be told of.
    fn tell_record(
        &mut self,
        at: Instant,
        event: &Event<'_, Queue>,
        other: impl Fn(Record) -> Record,
    ) -> Result<(), Violation> {
        match *event {
            Event::Written { node, record } => self.tell(at, &Event::Written { node, record: &other(record.clone()) }),
            event => self.tell(at, &event),
        }
    }
}

fn tell_of_enqueued(
    books: &mut Books,
    at: Instant,
    event: &Event<'_, Queue>,
    change: fn(&mut NewMessage, &mut Instant),
) -> Result<(), Violation> {
    books.tell_record(at, event, |record| match record {
        Record::Enqueued { mut message, mut ready_at, dedup_until, at } => {
            change(&mut message, &mut ready_at);
            Record::Enqueued { message, ready_at, dedup_until, at }
        }
        record => record,
    })
}

fn answer_of<'a>(event: &Event<'a, Queue>) -> Option<&'a Answer> {
    if let Event::Answered { answer, .. } = *event { Some(answer) } else { None }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Each lie with the property that is to be found broken.
const LIES: [(&str, Lie); 19] = [
    ("nothing", Books::tell),
    (claims::ANSWERS_ARE_DURABLE, |books, at, event| {
        if let Event::Synced { records, .. } = *event {
            books.kept = Some(records);
            return Ok(());
        }
        books.tell(at, event)?;
        match books.kept.take() {
            Some(records) => books.tell(at, &Event::Synced { node: 0, records }),
            None => Ok(()),
        }
    }),
    (claims::DURABLE_RECORDS_SURVIVE, |books, at, event| match *event {
        Event::Recovered { node, clock, records } => {
            books.tell(at, &Event::Recovered { node, clock, records: records.saturating_sub(1) })
        }
        event => books.tell(at, &event),
    }),
    (claims::NOTHING_ACCEPTED_IS_LOST, |books, at, event| {
        let known = matches!(answer_of(event), Some(Answer::Status(_)));
        books.tell_answer(at, event, known.then_some(Answer::Status(Status::Unknown)))
    }),
    (claims::IDS_ARE_TAKEN_ONCE, |books, at, event| {
        tell_of_enqueued(books, at, event, |message, _| message.id = message.id.replace("-1", "-0"))
    }),
    (claims::DEDUPLICATION_IS_REMEMBERED, |books, at, event| {
        tell_of_enqueued(books, at, event, |message, _| message.dedup_id = Some("same".to_owned()))
    }),
    (claims::NOTHING_COMES_BEFORE_ITS_TIME, |books, at, event| {
        tell_of_enqueued(books, at, event, |_, ready_at| *ready_at = *ready_at + HOUR)
    }),
    (claims::KEYS_KEEP_THEIR_ORDER, |books, at, event| {
        tell_of_enqueued(books, at, event, |message, _| message.key = Some("same".to_owned()))
    }),
    (claims::WHAT_IS_DONE_STAYS_DONE, |books, at, event| {
        let done = answer_of(event) == Some(&Answer::Status(Status::Done));
        books.tell_answer(at, event, done.then_some(Answer::Status(Status::Ready)))
    }),
    (claims::ONE_LIVE_LEASE_A_MESSAGE, |books, at, event| {
        books.tell_record(at, event, |record| match record {
            Record::Returned { sequence, at, .. } => Record::Extended { sequence, until: at },
            record => record,
        })
    }),
    (claims::ATTEMPTS_ARE_COUNTED, |books, at, event| {
        books.tell_record(at, event, |record| match record {
            Record::Died { sequence, at } => Record::Returned { sequence, ready_at: at, at },
            record => record,
        })
    }),
    (claims::IN_FLIGHT_IS_BOUNDED, |books, at, event| {
        books.tell_record(at, event, |record| match record {
            Record::Leased { sequence, until, at, .. } => {
                Record::Leased { sequence, worker: "same".to_owned(), until, at }
            }
            record => record,
        })
    }),
    (claims::STALE_TOKENS_ARE_REFUSED, |books, at, event| {
        let stale = answer_of(event) == Some(&Answer::Stale);
        books.tell_answer(at, event, stale.then_some(Answer::Ok))
    }),
    (claims::LIVE_TOKENS_ARE_HONOURED, |books, at, event| {
        let done = answer_of(event) == Some(&Answer::Ok);
        books.tell_answer(at, event, done.then_some(Answer::Stale))
    }),
    (claims::DEATHS_ARE_ANNOUNCED_ONCE, |books, at, event| {
        books.tell(at, event)?;
        match event {
            Event::Notified { event: Announcement::Died { .. }, .. } => books.tell(at, event),
            _ => Ok(()),
        }
    }),
    (claims::LEASES_END_BY_THEMSELVES, |books, at, event| match *event {
        Event::Asked { client, node, ask, clock, request: request @ Request::Claim { .. } } => {
            books.tell(at, &Event::Asked { client, node, ask, clock: clock + HOUR, request })
        }
        event => books.tell(at, &event),
    }),
    (claims::NUMBERS_ADD_UP, |books, at, event| {
        let other = answer_of(event).and_then(|answer| match answer {
            Answer::Stats(stats) => Some(Answer::Stats(Stats { done: stats.done + 1, ..*stats })),
            _ => None,
        });
        books.tell_answer(at, event, other)
    }),
    (claims::EVERY_MESSAGE_ENDS, |books, at, event| {
        if let Event::Synced { records, .. } = *event {
            books.records = records;
        }
        books.tell(at, event)
    }),
    (claims::MACHINE_INVARIANTS_HOLD, Books::tell),
];

const FORGOTTEN_MESSAGE: usize = 17;
const CRAMPED_MACHINE: usize = 18;

/// The scenario, with a judge that is lied to.
struct LiedTo<const LIE: usize>;

#[derive(Clone)]
struct Victim<const LIE: usize> {
    books: Books,
}

impl<const LIE: usize> Judge for Victim<LIE> {
    type Event<'a> = Event<'a, Queue>;

    fn observe(&mut self, at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
        LIES[LIE].1(&mut self.books, at, event)
    }

    fn conclude(&mut self, end: Instant) -> Result<(), Violation> {
        if LIE == FORGOTTEN_MESSAGE {
            let message = NewMessage { id: "forgotten".to_owned(), ..NewMessage::default() };
            let record = Record::Enqueued { message, ready_at: end, dedup_until: None, at: end };
            self.books.tell(end, &Event::Written { node: 0, record: &record })?;
            let records = self.books.records + 1;
            self.books.tell(end, &Event::Synced { node: 0, records })?;
        }
        self.books.judge.conclude(end)
    }

    fn coverage(&self) -> Coverage {
        self.books.judge.coverage()
    }
}

impl<const LIE: usize> Cluster for LiedTo<LIE> {
    const NAME: &'static str = HastyWorkers::NAME;
    const ROOM: &'static str = HastyWorkers::ROOM;
    const SUMMARY: &'static str = HastyWorkers::SUMMARY;
    const ALWAYS: &'static [&'static str] = HastyWorkers::ALWAYS;
    const SOMETIMES: &'static [&'static str] = HastyWorkers::SOMETIMES;
    type Protocol = Queue;
    type Options = Options;
    type Client = Participant;
    type Judge = Victim<LIE>;

    fn draw(die: &mut Die) -> Options {
        HastyWorkers::draw(die)
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        HastyWorkers::check(options)
    }

    fn nodes(options: &Options) -> Vec<Node<Queue>> {
        HastyWorkers::nodes(options)
    }

    fn clients(setting: &Setting<Options>) -> Vec<Participant> {
        HastyWorkers::clients(setting)
    }

    fn judge(setting: &Setting<Options>) -> Victim<LIE> {
        Victim { books: Books { judge: Bookkeeper::new(setting), kept: None, records: 0 } }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        HastyWorkers::recovery(setting)
    }

    fn inspect(setting: &Setting<Options>, view: &View<'_, Queue>) -> Result<(), Violation> {
        let mut setting = setting.clone();
        if LIE == CRAMPED_MACHINE {
            setting.workload.queue.max_messages = 1;
        }
        HastyWorkers::inspect(&setting, view)
    }
}

fn found<const LIE: usize>() -> BTreeSet<String> {
    let scenario = Scenario::of_protocol::<LiedTo<LIE>>();
    let runs = (0..SEEDS).map(|seed| scenario.run(Tier::Swarm, &scenario.plan(seed)).unwrap());
    runs.filter_map(|run| run.verdict.property().map(ToOwned::to_owned)).collect()
}

macro_rules! lies_are_found {
    ($($lie:literal $name:ident)+) => {$(
        #[test]
        fn $name() {
            let (property, found) = (LIES[$lie].0, found::<$lie>());
            assert!(found.contains(property), "{property} is not among {found:?}");
        }
    )+};
}

lies_are_found! {
    1 an_answer_before_its_record_is_durable_is_found
    2 a_durable_record_that_is_lost_is_found
    3 a_message_that_is_not_known_any_longer_is_found
    4 an_id_that_is_taken_twice_is_found
    5 a_deduplication_id_that_is_forgotten_is_found
    6 a_message_that_comes_before_its_time_is_found
    7 a_key_out_of_order_is_found
    8 a_message_that_is_done_and_comes_back_is_found
    9 two_leases_at_once_are_found
    10 an_attempt_too_many_is_found
    11 a_worker_with_more_than_its_share_is_found
    12 a_stale_token_that_is_accepted_is_found
    13 a_live_token_that_is_refused_is_found
    14 a_death_announced_twice_is_found
    15 a_lease_that_does_not_end_is_found
    16 a_wrong_count_is_found
    17 a_message_that_never_ends_is_found
    18 a_machine_that_breaks_its_invariants_is_found
}

#[test]
fn a_true_history_passes() {
    assert_eq!(found::<0>(), BTreeSet::new());
}

#[test]
fn every_claim_has_its_lie() {
    let lies: BTreeSet<&str> = LIES.iter().map(|(property, _)| *property).skip(1).collect();
    assert_eq!(lies, claims::ALWAYS.into_iter().collect());
}
