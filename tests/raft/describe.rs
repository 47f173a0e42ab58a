//! How transcripts write down what replicas do.

use purlin::log::Boundary;
use purlin::nameless;
use purlin::protocol::{Effect, Fence};
use purlin::raft::{Application, Body, Entry, Load, Membership, Message, Payload, Raft, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A text that commands append to. Its event is the whole text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Letters(String);

nameless!(Letters);

impl Application for Letters {
    type Command = String;
    type Outcome = String;
    type Query = ();
    type View = String;
    type Event = ();

    fn apply(&mut self, _index: u64, command: &String, _announce: &mut dyn FnMut(())) -> String {
        self.0.push_str(command);
        self.0.clone()
    }

    fn read(&self, _query: &()) -> String {
        self.0.clone()
    }

    fn size(command: &String) -> usize {
        command.len()
    }
}

/// `+` is written, `=` answers, `!` announces. Timers, and what a replica says to itself, are not told; messages are told by
/// the network.
pub(crate) fn effect(effect: &Effect<Raft<Letters>>) -> Option<String> {
    match effect {
        Effect::Persist(it) => Some(format!("+ {}", record(it))),
        Effect::Load(load) => Some(format!("reads back {}", self::load(load))),
        Effect::Answer { ticket, answer } => Some(format!("= {} {}", ticket.0, json!(answer))),
        Effect::Notify(event) => Some(format!("! {}", json!(event))),
        Effect::Send { fence: Fence::Durable | Fence::None, .. } | Effect::Arm { .. } | Effect::Disarm(_) => None,
    }
}

fn record(record: &Record<Letters>) -> String {
    match record {
        Record::Began { founders } => format!("began, founded by {}", membership(founders)),
        Record::Term { term, vote: None } => format!("term {term}"),
        Record::Term { term, vote: Some(vote) } => format!("term {term}, vote for {vote}"),
        Record::Append { entries, commit } => format!("{}, commit {commit}", self::entries(entries)),
        Record::Compact { snapshot, through } => {
            format!("snapshot at {}, dropped through {}", place(snapshot.at), place(*through))
        }
        Record::Install { snapshot } => format!("installed the snapshot at {}", place(snapshot.at)),
    }
}

fn load(load: &Load) -> String {
    match load {
        Load::Entries { first, last, .. } => format!("entries {first} to {last}"),
        Load::Chunk { at, offset, .. } => format!("the snapshot at {} from byte {offset} on", place(*at)),
    }
}

pub(crate) fn message(message: &Message<Letters>) -> String {
    format!("in term {}: {}", message.term, body(&message.body))
}

fn body(body: &Body<Letters>) -> String {
    let voted = |granted: bool| if granted { "yes" } else { "no" };
    match body {
        Body::PreVote { last } => format!("would you vote for me? I have {}", place(*last)),
        Body::PreVoted { granted } => format!("{}, I would", voted(*granted)).replace("no, I would", "no, I would not"),
        Body::Vote { last, forced: false } => format!("vote for me, I have {}", place(*last)),
        Body::Vote { last, forced: true } => format!("vote for me, I have {} and was told to stand", place(*last)),
        Body::Voted { granted } => format!("{}, my vote", voted(*granted)),
        Body::Append { round, prev, commit, entries } => {
            format!("behind {}: {}, commit {commit}, round {round}", place(*prev), self::entries(entries))
        }
        Body::Appended { round, matched } => format!("have up to {matched}, round {round}"),
        Body::NotAppended { round, prev, hint } => {
            format!("do not have {prev}, perhaps {}, round {round}", place(*hint))
        }
        Body::Chunk { at, offset, total, bytes, .. } => {
            format!("snapshot at {}, {} bytes from {offset} of {total}", place(*at), bytes.len())
        }
        Body::ChunkTaken { at, received, .. } => format!("of the snapshot at {} have {received} bytes", place(*at)),
        Body::TimeoutNow => "stand for election".to_owned(),
        Body::ReadIndex { id } => format!("what is committed? {}.{}", id.life, id.attempt),
        Body::ReadIndexIs { id, index } => format!("{} for {}.{}", json!(index), id.life, id.attempt),
        Body::Flush | Body::Stored { .. } => "to oneself".to_owned(),
    }
}

/// `term:index`.
fn place(at: Boundary) -> String {
    format!("{}:{}", at.term, at.index)
}

fn entries(entries: &[Entry<Letters>]) -> String {
    let told: Vec<String> = entries.iter().map(entry).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(" ") }
}

fn entry(entry: &Entry<Letters>) -> String {
    let at = place(Boundary { index: entry.index, term: entry.term });
    match &entry.payload {
        Payload::Empty => format!("{at}-"),
        Payload::Command(command) => format!("{at}={command}"),
        Payload::Stamped(stamped) => {
            format!("{at}={} ({}.{})", stamped.command, stamped.stamp.session, stamped.stamp.sequence)
        }
        Payload::Session { .. } => format!("{at} session"),
        Payload::Membership(members) => format!("{at} {}", membership(members)),
    }
}

fn membership(membership: &Membership) -> String {
    let part = |name: &str, value: Value| if value == json!([]) { String::new() } else { format!(" {name}{value}") };
    let ids =
        |members: &std::collections::BTreeSet<_>| members.iter().map(|it: &purlin::raft::Member| it.id.get()).collect();
    let (voters, outgoing, learners) = (&membership.voters, &membership.outgoing, &membership.learners);
    let leave = if membership.auto_leave { " to be left" } else { "" };
    let learners_next = part("then learners ", ids(&membership.learners_next));
    let members =
        part("", ids(voters)) + &part("and ", ids(outgoing)) + &part("learners ", ids(learners)) + &learners_next;
    format!("members{}{leave}", if members.is_empty() { " nobody" } else { &members })
}

pub(crate) fn standing(replica: &Raft<Letters>) -> String {
    let log = replica.log();
    let held: Vec<Entry<Letters>> = log.held_from(0).cloned().collect();
    format!(
        "{} in term {}, led by {}, commit {}, behind {}: {}, has {:?}, {}",
        json!(replica.role()).as_str().unwrap_or_default(),
        replica.term(),
        replica.leader().map_or_else(|| "nobody".to_owned(), |leader| leader.to_string()),
        replica.commit(),
        place(log.boundary()),
        entries(&held),
        replica.application().0,
        membership(replica.membership()),
    )
}
