//! Who uses the store: each has one wish at a time, and asks until it is granted or cannot be.

use crate::Actor;
use crate::options::Options;
use crate::store::{self, Held, Operation};
use core::time::Duration;
use purlin::raft::{Answer, Consistency, Raft, Refusal, Request, Stamp};
use purlin_kv::{Command, Kv};
use purlin_sim::cluster::{Ask, Desk, Occasion, Phase, Unanswered};
use purlin_sim::linearizability::{Keyed, RegisterOperation};
use std::collections::BTreeMap;

type Replica = Raft<Kv>;

/// Somebody who reads and writes, with a session or without.
#[derive(Clone)]
pub struct User {
    number: u32,
    options: Options,
    has_session: bool,
    session: Option<Session>,
    /// How many values it has written.
    written: u64,
    /// Whom it takes for the leader.
    leader: u32,
    /// Whom it asked last to read.
    reader: u32,
    /// What it saw last under each key.
    seen: BTreeMap<u8, Held>,
    /// The last revision that it knows of.
    revision: u64,
    wish: Option<Wish>,
    open: Option<Ask>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    id: u64,
    sequence: u64,
}

/// What a user wants.
#[derive(Clone, Debug)]
enum Wish {
    Session,
    Read {
        key: u8,
        consistency: Consistency,
    },
    Write(Operation),
    /// That the store forgets what changed up to a revision.
    Tidy {
        through: u64,
    },
}

pub(crate) fn all(options: &Options) -> Vec<Actor> {
    let users = u32::from(options.users);
    let share = options.sessions;
    let with_session = users * share.numerator() / share.denominator();
    (0..users).map(|number| Actor::User(Box::new(User::new(number, number < with_session, options)))).collect()
}

impl User {
    fn new(number: u32, has_session: bool, options: &Options) -> Self {
        Self {
            number,
            options: options.clone(),
            has_session,
            session: None,
            written: 0,
            leader: number % u32::from(options.founders),
            reader: number,
            seen: BTreeMap::new(),
            revision: 0,
            wish: None,
            open: None,
        }
    }

    pub(crate) fn act(&mut self, occasion: Occasion<'_, Replica>, desk: &mut Desk<'_, Replica>) {
        match occasion {
            Occasion::Started => self.rest(desk),
            Occasion::Woken if self.open.take().is_some() => {
                self.heard_nothing(desk);
                self.ask(desk);
            }
            Occasion::Woken => self.ask(desk),
            Occasion::Answered { ask, answer } if self.closes(ask) => self.heard(answer, desk),
            Occasion::Unanswered { ask, why } if self.closes(ask) => {
                if why == Unanswered::Unknown {
                    self.heard_nothing(desk)
                } else {
                    self.look_elsewhere(desk)
                }
                self.rest(desk);
            }
            Occasion::Answered { .. } | Occasion::Unanswered { .. } | Occasion::Notified { .. } => {}
        }
    }

    fn closes(&mut self, ask: Ask) -> bool {
        self.open.take_if(|open| *open == ask).is_some()
    }

    fn rest(&self, desk: &mut Desk<'_, Replica>) {
        let rest = desk.draw(self.options.rest);
        desk.wake_after(rest);
    }
}

/// Asking.
impl User {
    fn ask(&mut self, desk: &mut Desk<'_, Replica>) {
        let wish = self.wish.take().unwrap_or_else(|| self.draw(desk));
        let (node, request) = self.request(&wish, desk);
        self.wish = Some(wish);
        self.open = Some(desk.ask(node, request));
        desk.wake_after(Duration::from_millis(self.options.patience_ms));
    }

    fn draw(&mut self, desk: &mut Desk<'_, Replica>) -> Wish {
        if self.has_session && self.session.is_none() {
            return Wish::Session;
        }
        let key = desk.die().below(self.options.keys.into()) as u8;
        if desk.die().below(2) == 0 {
            let is_stale = desk.phase() != Phase::Calm && desk.die().below(8) == 0;
            let consistency = if is_stale { Consistency::Stale } else { Consistency::Linearizable };
            return Wish::Read { key, consistency };
        }
        if let Some(session) = &mut self.session {
            session.sequence += 1;
        }
        if desk.die().below(8) == 0 {
            return Wish::Tidy { through: self.revision };
        }
        let operation = self.draw_write(key, desk);
        Wish::Write(Keyed { key, operation })
    }

    fn draw_write(&mut self, key: u8, desk: &mut Desk<'_, Replica>) -> RegisterOperation<Held> {
        self.written += 1;
        let fresh = Some(u64::from(self.number) + self.written * 64);
        let expected = self.seen.get(&key).copied().flatten();
        match desk.die().below(16) {
            0 => RegisterOperation::Write(None),
            1 => RegisterOperation::Swap { expected, new: None },
            2..=5 => RegisterOperation::Swap { expected, new: fresh },
            _ => RegisterOperation::Write(fresh),
        }
    }

    fn request(&mut self, wish: &Wish, desk: &mut Desk<'_, Replica>) -> (u32, Request<Kv>) {
        match wish {
            Wish::Session => (self.leader, Request::OpenSession),
            Wish::Read { key, consistency } => {
                let request = Request::Read { consistency: *consistency, query: store::query(*key) };
                (self.whom_to_read(desk), request)
            }
            Wish::Write(operation) => {
                let command = store::command(operation, self.options.value_bytes).expect("a write is a command");
                (self.leader, Request::Propose { stamp: self.stamp(), command })
            }
            Wish::Tidy { through } => {
                let command = Command::Compact { through: *through };
                (self.leader, Request::Propose { stamp: self.stamp(), command })
            }
        }
    }

    /// All that came before in the session is settled.
    fn stamp(&self) -> Option<Stamp> {
        self.session.map(|Session { id, sequence }| Stamp { session: id, sequence, acknowledged: sequence })
    }

    /// Each in turn once all is well, so that everybody is seen to serve.
    fn whom_to_read(&mut self, desk: &mut Desk<'_, Replica>) -> u32 {
        let nodes = self.options.nodes();
        self.reader = (self.reader + 1) % nodes;
        if desk.phase() == Phase::Calm || desk.die().below(2) == 0 { self.reader } else { self.leader }
    }
}

/// Hearing.
impl User {
    fn heard(&mut self, answer: &Answer<Kv>, desk: &mut Desk<'_, Replica>) {
        match answer {
            Answer::Applied { outcome, .. } => {
                self.revision = store::revision(outcome).unwrap_or(self.revision);
                self.settled();
            }
            Answer::SessionOpened { session } => {
                self.session = Some(Session { id: *session, sequence: 0 });
                self.settled();
            }
            Answer::Read { view, .. } => self.saw(store::held(view)),
            Answer::Refused(Refusal::Session(_)) => {
                self.session = None;
                self.settled();
            }
            Answer::Refused(refusal) => self.refused(refusal, desk),
            _ => self.heard_nothing(desk),
        }
        self.rest(desk);
    }

    fn settled(&mut self) {
        self.wish = None;
    }

    fn saw(&mut self, held: Held) {
        if let Some(Wish::Read { key, .. }) = self.wish.take() {
            self.seen.insert(key, held);
        }
    }

    /// Nothing was done: it is asked for once more, perhaps of somebody else.
    fn refused(&mut self, refusal: &Refusal, desk: &mut Desk<'_, Replica>) {
        match refusal {
            Refusal::NotLeader { leader: Some(leader) } => {
                self.leader = self.options.node_of(*leader).unwrap_or(self.leader);
            }
            Refusal::NotLeader { leader: None } => self.look_elsewhere(desk),
            _ => {}
        }
    }

    /// It may have been done. What has a place in a session is tried again, and so is what changes nothing for anybody else.
    fn heard_nothing(&mut self, desk: &mut Desk<'_, Replica>) {
        if self.session.is_none() && !matches!(self.wish, Some(Wish::Session)) {
            self.wish = None;
        }
        self.look_elsewhere(desk);
    }

    fn look_elsewhere(&mut self, desk: &mut Desk<'_, Replica>) {
        self.leader = desk.die().below(self.options.nodes().into()) as u32;
    }
}
