//! The lock itself. One kind of node: any may ask, and the one that is asked keeps the lock.

use crate::Config;
use crate::alphabet::*;
use purlin::protocol::{Effect, Errands, Input, Never, Protocol, Ticket};
use purlin::{Host, Instant, Machine};
use serde::Serialize;

/// A node of the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Lock {
    pub(crate) image: Image,
    pub(crate) hold: Option<Hold>,
    /// The last token that was held.
    pub(crate) last: Token,
    pub(crate) asking: Option<Asking>,
    pub(crate) questions: u64,
}

/// A question that was not answered yet, and who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Asking {
    pub(crate) question: Question,
    pub(crate) since: Instant,
    tickets: Vec<Ticket>,
}

purlin::names! { struct Asking { since } struct Lock { image, hold, asking } }

type World<'a> = &'a mut dyn Host<Effect<Lock>>;

impl Machine for Lock {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, mut host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let host: World<'_> = &mut host;
        if self.hold.is_some_and(|hold| hold.until <= host.now()) {
            self.let_go(host);
        }
        match input {
            Input::Request { ticket, request: Request::Acquire } => self.acquire(config, ticket, host),
            Input::Request { ticket, request: Request::Release } => self.release(config, ticket, host),
            Input::Request { ticket, request: Request::Status } => host.answer(ticket, self.hold.into()),
            Input::Message { from, message: Message::Ask(question) } => self.decide(config, from, question, host),
            Input::Message { from, message: Message::Granted(grant) } => self.granted(config, from, grant, host),
            Input::Message { message: Message::Denied(attempt), .. } => self.denied(attempt, host),
            Input::Message { message: Message::Release(token), .. } => self.released(token, host),
            Input::Timer(Timer::Retry) => self.ask(config, host),
            Input::Timer(Timer::HoldOver) => {}
            Input::Loaded(never) => match never {},
        }
    }
}

/// Who asks.
impl Lock {
    fn acquire(&mut self, config: &Config, ticket: Ticket, host: World<'_>) {
        if let Some(asking) = &mut self.asking {
            return asking.tickets.push(ticket);
        }
        self.questions += 1;
        let attempt = Attempt { life: self.image.lives, number: self.questions };
        let question = Question { attempt, renews: self.hold.map(|hold| hold.token) };
        self.asking = Some(Asking { question, since: host.now(), tickets: vec![ticket] });
        self.ask(config, host);
    }

    /// The question waits for the disk: else a node that forgets how often it has started might ask a new question by an
    /// old name, and take an old answer for a new one.
    fn ask(&self, config: &Config, host: World<'_>) {
        if let Some(Asking { question, .. }) = self.asking {
            host.send(config.settings().keeper, Message::Ask(question));
            host.arm(Timer::Retry, config.retry());
        }
    }

    /// Holds the lock, counted from before it was asked for; or gives it back if nobody waits for it any more, or if the
    /// grant was so long under way that the hold would be over.
    fn granted(&mut self, config: &Config, keeper: Node, Grant { attempt, token, lasts }: Grant, host: World<'_>) {
        let asking = self.asking.as_ref().filter(|asking| asking.question.attempt == attempt);
        let until = asking.map(|asking| asking.since + lasts.saturating_sub(config.margin()));
        if let Some(until) = until.filter(|until| host.now() < *until) {
            let hold = Hold { token, until };
            (self.hold, self.last) = (Some(hold), token);
            host.arm(Timer::HoldOver, until.saturating_since(host.now()));
            host.notify(Event::Acquired(hold));
            self.tell(&Answer::Held(hold), host);
        } else if until.is_some() || token > self.last {
            host.send_unfenced(keeper, Message::Release(token));
            self.denied(attempt, host);
        }
    }

    fn denied(&mut self, attempt: Attempt, host: World<'_>) {
        if self.asking.as_ref().is_some_and(|asking| asking.question.attempt == attempt) {
            self.let_go(host);
            self.tell(&Answer::Free, host);
        }
    }

    fn release(&mut self, config: &Config, ticket: Ticket, host: World<'_>) {
        if let Some(Hold { token, .. }) = self.let_go(host) {
            host.send_unfenced(config.settings().keeper, Message::Release(token));
        }
        self.tell(&Answer::Free, host);
        host.answer(ticket, Answer::Free);
    }

    fn let_go(&mut self, host: World<'_>) -> Option<Hold> {
        host.disarm(Timer::HoldOver);
        self.hold.take().inspect(|hold| host.notify(Event::Lost(hold.token)))
    }

    fn tell(&mut self, answer: &Answer, host: World<'_>) {
        host.disarm(Timer::Retry);
        let tickets = self.asking.take().map(|asking| asking.tickets);
        tickets.into_iter().flatten().for_each(|ticket| host.answer(ticket, answer.clone()));
    }
}

/// Who keeps the lock.
impl Lock {
    fn decide(&mut self, config: &Config, holder: Node, Question { attempt, renews }: Question, host: World<'_>) {
        let until = host.now() + config.lease();
        let lease = match self.image.lease.filter(|lease| lease.until > host.now()) {
            Some(lease) if (lease.holder, lease.attempt) == (holder, attempt) => lease,
            Some(lease) if renews == Some(lease.token) => Lease { attempt, until: until.max(lease.until), ..lease },
            None if renews.is_none() => Lease { holder, attempt, token: Token(self.image.token.0 + 1), until },
            _ => return host.send_unfenced(holder, Message::Denied(attempt)),
        };
        self.persist(Record::Leased(lease), host);
        host.send(holder, Message::Granted(lease.granted_at(host.now())));
    }

    fn released(&mut self, token: Token, host: World<'_>) {
        if self.image.lease.is_some_and(|lease| lease.token == token) {
            self.persist(Record::Released, host);
        }
    }

    fn persist(&mut self, record: Record, host: World<'_>) {
        Self::fold(&mut self.image, record.clone());
        host.persist(record);
    }
}

impl Protocol for Lock {
    const FORMAT: u32 = 1;
    type Address = Node;
    type Timer = Timer;
    type Request = Request;
    type Answer = Answer;
    type Message = Message;
    type Record = Record;
    type Load = Never;
    type Loaded = Never;
    type Event = Event;
    type Image = Image;

    fn fold(image: &mut Image, record: Record) {
        match record {
            Record::Started => image.lives += 1,
            Record::Leased(lease) => (image.token, image.lease) = (lease.token, Some(lease)),
            Record::Released => image.lease = None,
        }
    }

    fn image(&self) -> &Image {
        &self.image
    }

    fn recover(_config: &Config, image: Image, mut host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let mut lock = Self { image, ..Self::default() };
        lock.persist(Record::Started, &mut host);
        lock
    }
}
