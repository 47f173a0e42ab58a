//! The queue's machine by itself, without a disk: `cargo bench --bench queue`. With its disk, beside what the disk allows:
//! `adapters/sqlite/benches`. Figures: `benches/README.md`.
//!
//! A message's whole life is three steps (enqueue, claim, ack) and as many records. The floor beside it does the same to
//! two ordered maps and knows no rule at all.

use core::num::NonZeroU32;
use core::time::Duration;
use criterion::Criterion;
use purlin::protocol::{Effect, Input, Ticket};
use purlin::queue::{Answer, Config, NewMessage, Queue, Request, Settings, Token};
use purlin::{Clock, Host, Instant, Machine};
use std::collections::BTreeMap;
use std::hint::black_box;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for waiting in [0, 1_000, 100_000] {
        life(&mut criterion, "plain", waiting, |_| None);
        life(&mut criterion, "keyed", waiting, |number| Some(format!("k{}", number % 64)));
        floor(&mut criterion, waiting);
    }
    criterion.final_summary();
}

/// Keeps the last answer, and drops whatever else is emitted.
#[derive(Default)]
struct Desk {
    now: Instant,
    answer: Option<Answer>,
}

impl Clock for Desk {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for Desk {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        if let Effect::Answer { answer, .. } = effect {
            self.answer = Some(answer);
        }
    }
}

struct Bench {
    config: Config,
    queue: Queue,
    desk: Desk,
    enqueued: u64,
    key: fn(u64) -> Option<String>,
}

impl Bench {
    fn ask(&mut self, request: Request) -> Option<Answer> {
        self.queue.step(&self.config, Input::Request { ticket: Ticket(0), request }, &mut self.desk);
        self.desk.answer.take()
    }

    fn enqueue(&mut self) {
        let message =
            NewMessage { id: self.enqueued.to_string(), key: (self.key)(self.enqueued), ..NewMessage::default() };
        self.enqueued += 1;
        assert_eq!(self.ask(Request::Enqueue(message)), Some(Answer::Ok));
    }

    fn claim(&mut self) -> Option<Token> {
        let claim = Request::Claim { worker: "w".to_owned(), max: 1, lease_ms: None };
        let Some(Answer::Claimed(deliveries)) = self.ask(claim) else { return None };
        deliveries.first().map(|delivery| delivery.token)
    }
}

/// Enqueue, claim, ack, with so many messages waiting all the while, and a thousand that are done remembered.
fn life(criterion: &mut Criterion, name: &str, waiting: u64, key: fn(u64) -> Option<String>) {
    let config = Settings { max_done: 1_000, ..Settings::default() }.validate().expect("these are valid");
    let mut bench = Bench { config, queue: Queue::default(), desk: Desk::default(), enqueued: 0, key };
    (0..waiting).for_each(|_| bench.enqueue());
    criterion.bench_function(&format!("queue/life/{name}/{waiting}_waiting"), |bencher| {
        bencher.iter(|| {
            bench.desk.now = bench.desk.now + Duration::from_micros(1);
            bench.enqueue();
            let token = bench.claim().expect("something is ready");
            assert_eq!(bench.ask(Request::Ack { token }), Some(Answer::Ok));
        });
    });
}

/// The same messages through two ordered maps: in by number and by name, out by the first number.
fn floor(criterion: &mut Criterion, waiting: u64) {
    let (mut messages, mut names) = (BTreeMap::new(), BTreeMap::new());
    let mut enqueued = 0_u64;
    let mut enqueue = |messages: &mut BTreeMap<u64, String>, names: &mut BTreeMap<String, u64>| {
        let name = enqueued.to_string();
        names.insert(name.clone(), enqueued);
        messages.insert(enqueued, name);
        enqueued += 1;
    };
    (0..waiting).for_each(|_| enqueue(&mut messages, &mut names));
    criterion.bench_function(&format!("queue/floor/{waiting}_waiting"), |bencher| {
        bencher.iter(|| {
            enqueue(&mut messages, &mut names);
            let (_, name) = messages.pop_first().expect("something waits");
            black_box(names.remove(&name))
        });
    });
}
