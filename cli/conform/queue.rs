//! The format `queue/1`: operations on one queue, on a clock that they turn, each with the answer that is expected.

use super::Case;
use super::compare::Mismatch;
use super::row::take_instant;
use purlin::protocol::{Effect, Input, Protocol, Ticket};
use purlin::queue::{Answer, Config, NewMessage, Queue, Record, Request, Status, Token};
use purlin::{Clock, Host, Instant, Machine};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

pub(super) fn judge(case: &Case) -> Result<(), Mismatch> {
    let config: Config = serde_json::from_value(case.config.clone().into()).map_err(Mismatch::unreadable)?;
    if case.ops.is_empty() || !case.rows.is_empty() {
        return Err(Mismatch::unreadable("a case of queue/1 has `ops` and no `rows`"));
    }
    let mut bench = Bench::new(config);
    for (index, operation) in case.ops.iter().enumerate() {
        bench.judge_operation(operation.clone()).map_err(|mismatch| mismatch.at_row(index))?;
    }
    bench.hold_image()
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Operation {
    Enqueue {
        id: String,
        key: Option<String>,
        not_before_ms: Option<u64>,
        dedup_id: Option<String>,
    },
    Claim {
        worker: String,
        #[serde(default = "one")]
        max: u32,
        lease_ms: Option<u64>,
        #[serde(default, rename = "as")]
        names: Vec<String>,
    },
    Ack {
        token: String,
    },
    Extend {
        token: String,
        lease_ms: u64,
    },
    Nack {
        token: String,
        #[serde(default)]
        delay_ms: u64,
    },
    Expire {},
    Kill {
        id: String,
        #[serde(rename = "reason")]
        _reason: Option<String>,
    },
    Redrive {
        ids: Option<Vec<String>>,
    },
    State {
        id: String,
    },
    Stats {},
}

const fn one() -> u32 {
    1
}

/// A queue, the clock that operations turn, and its journal. It is made anew from the journal after every operation, so
/// every case also tells whether recovery forgets something.
struct Bench {
    config: Config,
    queue: Queue,
    hand: Hand,
    tokens: BTreeMap<String, Token>,
}

#[derive(Default)]
struct Hand {
    now: Instant,
    journal: Vec<Record>,
    answer: Option<Answer>,
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Effect<Queue>> for Hand {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, effect: Effect<Queue>) {
        match effect {
            Effect::Persist(record) => self.journal.push(record),
            Effect::Answer { answer, .. } => self.answer = Some(answer),
            Effect::Load(_) | Effect::Send { .. } | Effect::Arm { .. } | Effect::Disarm(_) | Effect::Notify(_) => {}
        }
    }
}

impl Bench {
    fn new(config: Config) -> Self {
        Self { config, queue: Queue::default(), hand: Hand::default(), tokens: BTreeMap::new() }
    }

    fn judge_operation(&mut self, mut operation: Map<String, Value>) -> Result<(), Mismatch> {
        self.hand.now = take_instant(&mut operation)?;
        operation.remove("note");
        let expected = operation.remove("expect").unwrap_or(Value::Null);
        let operation: Operation = serde_json::from_value(operation.into()).map_err(Mismatch::unreadable)?;
        let names = if let Operation::Claim { names, .. } = &operation { names.clone() } else { Vec::new() };
        let answer = self.ask(self.request(operation));
        self.name_tokens(&names, &answer);
        self.recover();
        let got = told(answer);
        if expected.is_null() || matches(&expected, &got) {
            Ok(())
        } else {
            Err(Mismatch { expected: json!({ "answer": expected }), got: json!({ "answer": got }) })
        }
    }

    fn ask(&mut self, request: Request) -> Answer {
        self.queue.step(&self.config, Input::Request { ticket: Ticket(0), request }, &mut self.hand);
        self.hand.answer.take().expect("a request is answered in its own step")
    }

    fn request(&self, operation: Operation) -> Request {
        match operation {
            Operation::Enqueue { id, key, not_before_ms, dedup_id } => {
                let not_before = not_before_ms.map(Instant::from_millis);
                Request::Enqueue(NewMessage { id, key, dedup_id, not_before, payload: String::new() })
            }
            Operation::Claim { worker, max, lease_ms, .. } => Request::Claim { worker, max, lease_ms },
            Operation::Ack { token } => Request::Ack { token: self.token(&token) },
            Operation::Extend { token, lease_ms } => Request::Extend { token: self.token(&token), lease_ms },
            Operation::Nack { token, delay_ms } => Request::Nack { token: self.token(&token), delay_ms },
            Operation::Expire {} => Request::Expire,
            Operation::Kill { id, .. } => Request::Kill { id },
            Operation::Redrive { ids } => Request::Redrive { ids },
            Operation::State { id } => Request::Status { id },
            Operation::Stats {} => Request::Stats,
        }
    }

    /// A name that no claim has given stands for a token that was never issued.
    fn token(&self, name: &str) -> Token {
        self.tokens.get(name).copied().unwrap_or(Token(u64::MAX))
    }

    fn name_tokens(&mut self, names: &[String], answer: &Answer) {
        if let Answer::Claimed(deliveries) = answer {
            let tokens = deliveries.iter().map(|delivery| delivery.token);
            self.tokens.extend(names.iter().cloned().zip(tokens));
        }
    }

    fn recover(&mut self) {
        let image = self.queue.image().clone();
        self.queue = Queue::recover(&self.config, image, &mut self.hand);
    }

    /// The image equals the fold of everything that was persisted.
    fn hold_image(&self) -> Result<(), Mismatch> {
        let mut folded = purlin::queue::Image::default();
        self.hand.journal.iter().cloned().for_each(|record| Queue::fold(&mut folded, record));
        if folded == *self.queue.image() {
            return Ok(());
        }
        Err(Mismatch { expected: json!(format!("{folded:?}")), got: json!(format!("{:?}", self.queue.image())) })
    }
}

fn told(answer: Answer) -> Value {
    match answer {
        Answer::Ok => json!("ok"),
        Answer::Duplicate => json!("duplicate"),
        Answer::Full => json!("full"),
        Answer::Stale => json!("stale"),
        Answer::Dead => json!("dead"),
        Answer::Terminal => json!("terminal"),
        Answer::NotFound => json!("not_found"),
        Answer::Claimed(deliveries) => deliveries.iter().map(|it| json!([it.id, it.attempt])).collect(),
        Answer::Redriven(ids) | Answer::Expired(ids) => json!(ids),
        Answer::Status(status) => json!(match status {
            Status::Ready => "ready",
            Status::Delayed => "delayed",
            Status::Leased => "leased",
            Status::Done => "done",
            Status::Dead => "dead",
            Status::Unknown => "unknown",
        }),
        Answer::Stats(stats) => json!(stats),
    }
}

/// An integer is exact, `{"min": a, "max": b}` is an inclusive range; of an object only what is expected counts.
fn matches(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(range), Value::Number(got)) => {
            let bound = |key| range.get(key).and_then(Value::as_u64);
            got.as_u64().is_some_and(|got| bound("min") <= Some(got) && bound("max").is_none_or(|max| got <= max))
        }
        (Value::Object(expected), Value::Object(got)) => {
            expected.iter().all(|(key, expected)| got.get(key).is_some_and(|got| matches(expected, got)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| matches(expected, got))
        }
        (expected, got) => expected == got,
    }
}
