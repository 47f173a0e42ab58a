//! The replica: what it knows, and what goes where.

use super::alphabet::{Answer, Body, Event, Load, Loaded, Message, Refusal, Request, Timer};
use super::application::Application;
use super::config::Config;
use super::image::{Applied, Image, Record};
use super::member::Member;
use super::reads::Reads;
use super::role::Role;
use super::snapshot::Incoming;
use crate::machine::{Epoch, Host, Machine, Names};
use crate::protocol::{Effect, Errands, Fence, Input, Protocol, Ticket};
use crate::time::Instant;
use derive_where::derive_where;
use serde::Serialize;

/// A replica of an [`Application`].
#[derive_where(Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Serialize)]
#[serde(bound = "")]
pub struct Raft<S: Application> {
    pub(super) image: Image<S>,
    /// Up to where the log is known to be committed.
    pub(super) commit: u64,
    /// Up to where it is applied.
    pub(super) applied: u64,
    pub(super) state: Applied<S>,
    /// Who leads in this term.
    pub(super) leader: Option<Member>,
    /// The leader was heard of within an election timeout.
    pub(super) is_sticky: bool,
    pub(super) role: Role<S>,
    pub(super) reads: Reads<S>,
    /// A snapshot that is arriving.
    pub(super) incoming: Option<Incoming>,
    /// The entry from which on entries are being read back to be applied.
    pub(super) fetching: Option<u64>,
    /// Who waits to hear whether the leadership that was given away has arrived.
    pub(super) transferred: Option<(Ticket, Member)>,
}

pub(super) type World<'a, S> = &'a mut dyn Host<Effect<Raft<S>>>;

impl<S: Application> Machine for Raft<S> {
    type Config = Config;
    type Input = Input<Self>;
    type Reply = ();
    type Effect = Effect<Self>;

    fn step(&mut self, config: &Config, input: Input<Self>, mut host: &mut (impl Host<Effect<Self>> + ?Sized)) {
        let host: World<'_, S> = &mut host;
        match input {
            Input::Request { ticket, request } => self.asked(config, ticket, request, host),
            Input::Message { from, message } if from == config.me() => self.heard_oneself(config, message, host),
            Input::Message { from, message } => self.heard(config, from, message, host),
            Input::Timer(timer) => self.fired(config, timer, host),
            Input::Loaded(loaded) => self.loaded(config, loaded, host),
        }
    }
}

impl<S: Application> Names for Raft<S> {
    fn instants(&mut self, each: &mut dyn FnMut(&mut Instant)) {
        self.role.instants(each);
    }

    fn epochs(&mut self, each: &mut dyn FnMut(&mut Epoch)) {
        self.role.epochs(each);
    }
}

impl<S: Application> Protocol for Raft<S> {
    const FORMAT: u32 = 1;
    type Address = Member;
    type Timer = Timer;
    type Request = Request<S>;
    type Answer = Answer<S>;
    type Message = Message<S>;
    type Record = Record<S>;
    type Load = Load;
    type Loaded = Loaded<S>;
    type Event = Event<S>;
    type Image = Image<S>;

    fn fold(image: &mut Image<S>, record: Record<S>) {
        image.fold(record);
    }

    fn image(&self) -> &Image<S> {
        &self.image
    }

    fn recover(config: &Config, image: Image<S>, mut host: &mut (impl Host<Effect<Self>> + ?Sized)) -> Self {
        let host: World<'_, S> = &mut host;
        let knew_a_leader = !image.is_blank();
        let mut raft = Self {
            commit: image.commit,
            applied: image.snapshot.at.index,
            state: image.snapshot.applied.clone(),
            image,
            leader: None,
            is_sticky: false,
            role: Role::Follower,
            reads: Reads::default(),
            incoming: None,
            fetching: None,
            transferred: None,
        };
        raft.write(Record::Began { founders: config.founders().clone() }, host);
        if knew_a_leader && config.lease().is_some() {
            // What this replica promised the leader before it died is not over.
            raft.be_true_to_leader(config, host);
        }
        raft.await_leader(config, host);
        raft.apply(config, host);
        raft
    }

    fn lookup(journal: &[Record<S>], load: Load) -> Option<Loaded<S>> {
        let mut image = Image::default();
        journal.iter().cloned().for_each(|record| image.fold(record));
        image.look_up(load)
    }
}

/// What comes in.
impl<S: Application> Raft<S> {
    fn asked(&mut self, config: &Config, ticket: Ticket, request: Request<S>, host: World<'_, S>) {
        match request {
            Request::Propose { stamp, command } => self.propose(config, ticket, stamp, command, host),
            Request::OpenSession => self.open_session(config, ticket, host),
            Request::Read { consistency, query } => self.read(config, ticket, consistency, query, host),
            Request::ChangeMembers { transition, changes } => {
                self.change_members(config, ticket, transition, &changes, host);
            }
            Request::Transfer { to } => self.transfer(config, ticket, to, host),
            Request::Compact { through } => self.compact_on_request(config, ticket, through, host),
            Request::Status => host.answer(ticket, Answer::Status(Box::new(self.status(config)))),
        }
    }

    fn heard(&mut self, config: &Config, from: Member, message: Message<S>, host: World<'_, S>) {
        let Message { term, body } = message;
        match body {
            Body::PreVote { last } => return self.on_pre_vote(config, from, term, last, host),
            Body::PreVoted { granted } => return self.on_pre_voted(config, from, term, granted, host),
            Body::Vote { forced: false, .. } if term > self.image.term && self.is_true_to_leader(config) => return,
            // What is read does not depend on terms: an answer has the name of its question.
            Body::ReadIndex { id } => return self.on_read_index(config, from, id, host),
            Body::ReadIndexIs { id, index } => return self.on_read_index_is(id, index, host),
            _ if term > self.image.term => self.enter_term(config, term, host),
            _ if term < self.image.term => return self.heard_of_the_past(from, body, host),
            _ => {}
        }
        self.heard_in_term(config, from, body, host);
    }

    /// Whoever leads in an earlier term is told that it is over: it may be cut off from those who know. Its heartbeat is not
    /// named: should it lead again by now, the answer would confirm another one of the same number.
    fn heard_of_the_past(&self, from: Member, body: Body<S>, host: World<'_, S>) {
        match body {
            Body::Append { prev, .. } => self.refuse_append(from, 0, prev, host),
            Body::Chunk { at, .. } => self.refuse_append(from, 0, at, host),
            Body::Vote { .. } => self.say_unfenced(host, from, Body::Voted { granted: false }),
            _ => {}
        }
    }

    fn heard_in_term(&mut self, config: &Config, from: Member, body: Body<S>, host: World<'_, S>) {
        if let Some(progress) = self.role.leader().and_then(|leader| leader.of(from)) {
            progress.is_active = true;
        }
        match body {
            Body::Vote { last, .. } => self.on_vote(config, from, last, host),
            Body::Voted { granted } => self.on_voted(config, from, granted, host),
            // Nobody else leads in the same term, unless somebody has lost its vote.
            Body::Append { .. } | Body::Chunk { .. } if self.leads() => {}
            Body::Append { round, prev, commit, entries } => {
                self.follow(config, from, host);
                self.on_append(config, from, round, prev, commit, entries, host);
            }
            Body::Chunk { round, at, offset, total, bytes } => {
                self.follow(config, from, host);
                self.on_chunk(config, from, round, at, (offset, total), bytes, host);
            }
            Body::Appended { round, matched } => self.on_appended(config, from, round, matched, host),
            Body::NotAppended { round, prev, hint } => self.on_not_appended(config, from, round, prev, hint, host),
            Body::ChunkTaken { round, at, received } => self.on_chunk_taken(config, from, round, at, received, host),
            Body::TimeoutNow => self.on_timeout_now(config, host),
            Body::PreVote { .. } | Body::PreVoted { .. } | Body::ReadIndex { .. } | Body::ReadIndexIs { .. } => {}
            Body::Flush | Body::Stored { .. } => {}
        }
    }

    /// What one says to oneself: of an earlier term it means nothing any more.
    fn heard_oneself(&mut self, config: &Config, message: Message<S>, host: World<'_, S>) {
        if message.term != self.image.term {
            return;
        }
        match message.body {
            Body::Voted { granted } => self.on_voted(config, config.me(), granted, host),
            Body::Flush => self.flush(config, host),
            Body::Stored { at } => self.on_stored(config, at, host),
            _ => {}
        }
    }

    fn fired(&mut self, config: &Config, timer: Timer, host: World<'_, S>) {
        match timer {
            Timer::Election => self.stand_if_voter(config, host),
            Timer::Stickiness => self.is_sticky = false,
            Timer::Heartbeat => self.heartbeat(config, host),
            Timer::CheckQuorum => self.check_quorum(config, host),
            Timer::Transfer => self.give_up_transfer(host),
            Timer::RetryReads => self.retry_reads(config, host),
        }
    }

    fn loaded(&mut self, config: &Config, loaded: Loaded<S>, host: World<'_, S>) {
        match loaded {
            Loaded::Entries { first, entries } => self.on_entries(config, first, entries, host),
            Loaded::Chunk { at, offset, total, bytes } => self.on_piece(at, offset, total, bytes, host),
        }
    }
}

/// What goes out.
impl<S: Application> Raft<S> {
    /// Writes a record, and takes it in.
    pub(super) fn write(&mut self, record: Record<S>, host: World<'_, S>) {
        host.persist(record.clone());
        self.image.fold(record);
    }

    /// Says something that rests on what was written before: it waits for the disk.
    pub(super) fn say(&self, host: World<'_, S>, to: Member, body: Body<S>) {
        self.say_in(self.image.term, host, to, body, Fence::Durable);
    }

    /// Says something that holds whether or not what was written before survives.
    pub(super) fn say_unfenced(&self, host: World<'_, S>, to: Member, body: Body<S>) {
        self.say_in(self.image.term, host, to, body, Fence::None);
    }

    pub(super) fn say_in(&self, term: u64, host: World<'_, S>, to: Member, body: Body<S>, fence: Fence) {
        host.emit(Effect::Send { to, message: Message { term, body }, fence });
    }

    pub(super) fn refuse(&self, ticket: Ticket, refusal: Refusal, host: World<'_, S>) {
        host.answer(ticket, Answer::Refused(refusal));
    }

    pub(super) fn refuse_not_leader(&self, ticket: Ticket, host: World<'_, S>) {
        self.refuse(ticket, Refusal::NotLeader { leader: self.leader }, host);
    }

    pub(super) fn announce(&self, event: Event<S>, host: World<'_, S>) {
        host.notify(event);
    }
}
