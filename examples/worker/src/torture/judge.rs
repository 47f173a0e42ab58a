//! What clients were told, and whether it fits together.
//!
//! Nothing here leans on when an answer arrived: tokens order the leases of the server, whoever hears of them first.

use purlin::Instant;
use purlin::queue::{Stats, Status, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Done,
    Refused,
    /// No answer: it was done or not.
    Nothing,
}

/// Something that a client knows.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Enqueuing {
        id: String,
        key: Option<String>,
    },
    Enqueued {
        id: String,
    },
    Delivered {
        id: String,
        token: Token,
        attempt: u32,
        granted: Instant,
        until: Instant,
    },
    Acking {
        id: String,
    },
    Acked {
        id: String,
        token: Token,
        told: Told,
    },
    Nacking {
        id: String,
        token: Token,
    },
    /// The lease lasts at least so long.
    Extended {
        id: String,
        token: Token,
        until: Instant,
    },
}

impl Fact {
    fn id(&self) -> &str {
        match self {
            Self::Enqueuing { id, .. }
            | Self::Enqueued { id }
            | Self::Delivered { id, .. }
            | Self::Acking { id }
            | Self::Acked { id, .. }
            | Self::Nacking { id, .. }
            | Self::Extended { id, .. } => id,
        }
    }
}

/// What should not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A message as its clients know it.
#[derive(Clone, Debug, Default)]
struct Message {
    key: Option<String>,
    enqueued: bool,
    leases: BTreeMap<Token, Lease>,
    /// Somebody has said that it is done, and may have been heard.
    acking: bool,
    /// The lease under which it was finished, as somebody was told.
    finished: Option<Token>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    attempt: u32,
    granted: Instant,
    until: Instant,
    /// It may have ended early.
    given_back: bool,
}

/// How much was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    enqueued: u64,
    deliveries: u64,
    finished: u64,
    stale: u64,
    unknown: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { enqueued, deliveries, finished, stale, unknown } = self;
        write!(formatter, "{enqueued} enqueued, {deliveries} handed out, {finished} finished, ")?;
        write!(formatter, "{stale} late acks refused, {unknown} acks without an answer")
    }
}

/// Collects facts and finds contradictions.
#[derive(Debug, Default)]
pub(super) struct Judge {
    messages: BTreeMap<String, Message>,
    tokens: BTreeMap<Token, String>,
    /// Of each key its messages in the order of their enqueues.
    keys: BTreeMap<String, Vec<String>>,
    touched: BTreeSet<String>,
    violations: Vec<Violation>,
    counts: Counts,
}

impl Judge {
    pub(super) fn note(&mut self, fact: Fact) {
        let id = fact.id().to_owned();
        self.touched.insert(id.clone());
        match fact {
            Fact::Enqueuing { key, .. } => self.enqueuing(&id, key),
            Fact::Enqueued { .. } => self.enqueued(&id),
            Fact::Delivered { token, attempt, granted, until, .. } => {
                self.delivered(&id, token, Lease { attempt, granted, until, given_back: false });
            }
            Fact::Acking { .. } => self.message(&id).acking = true,
            Fact::Acked { token, told, .. } => self.acked(&id, token, told),
            Fact::Nacking { token, .. } => self.lease(&id, token, |lease| lease.given_back = true),
            Fact::Extended { token, until, .. } => self.lease(&id, token, |lease| lease.until = lease.until.max(until)),
        }
    }

    pub(super) fn complain(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn every_id(&self) -> BTreeSet<String> {
        self.messages.keys().cloned().collect()
    }

    fn message(&mut self, id: &str) -> &mut Message {
        self.messages.entry(id.to_owned()).or_default()
    }

    fn lease(&mut self, id: &str, token: Token, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.message(id).leases.get_mut(&token) {
            change(lease);
        }
    }

    fn enqueuing(&mut self, id: &str, key: Option<String>) {
        if let Some(key) = &key
            && !self.messages.contains_key(id)
        {
            self.keys.entry(key.clone()).or_default().push(id.to_owned());
        }
        self.message(id).key = key;
    }

    fn enqueued(&mut self, id: &str) {
        self.message(id).enqueued = true;
        self.counts.enqueued += 1;
    }

    fn delivered(&mut self, id: &str, token: Token, lease: Lease) {
        self.counts.deliveries += 1;
        if let Some(other) = self.tokens.insert(token, id.to_owned()) {
            self.complain(Violation(format!("token {} was given for {other} and for {id}", token.0)));
        }
        self.message(id).leases.insert(token, lease);
    }

    fn acked(&mut self, id: &str, token: Token, told: Told) {
        match told {
            Told::Refused => self.counts.stale += 1,
            Told::Nothing => self.counts.unknown += 1,
            Told::Done => self.finished(id, token),
        }
    }

    fn finished(&mut self, id: &str, token: Token) {
        match self.message(id).finished.replace(token) {
            None => self.counts.finished += 1,
            Some(earlier) if earlier == token => {}
            Some(earlier) => {
                let (earlier, token) = (earlier.0, token.0);
                self.complain(Violation(format!("{id} was finished under token {earlier} and under {token}")));
            }
        }
    }
}

/// The claims.
impl Judge {
    /// The messages that anything was told of since this was last asked. Everything that was told of them is judged now.
    pub(super) fn take_touched(&mut self) -> BTreeSet<String> {
        let touched = core::mem::take(&mut self.touched);
        for id in &touched {
            self.judge(id);
        }
        touched
    }

    fn judge(&mut self, id: &str) {
        let Some(message) = self.messages.get(id) else { return };
        let found = [
            attempts_only_rise(message),
            no_two_leases_at_a_time(message),
            nothing_finished_is_handed_out_again(message),
            self.keys_keep_their_order(id, message),
        ];
        let found = found.into_iter().flatten().map(|what| Violation(format!("{id} {what}: {message:?}")));
        let found: Vec<_> = found.collect();
        self.violations.extend(found);
    }

    /// A message of a key is handed out only when the one before it is finished, so somebody must have said so.
    fn keys_keep_their_order(&self, id: &str, message: &Message) -> Option<String> {
        let first = message.leases.keys().next()?;
        let order = self.keys.get(message.key.as_ref()?)?;
        let before = order.iter().take_while(|other| *other != id).last()?;
        let earlier = self.messages.get(before)?;
        let finished_later = earlier.finished.is_some_and(|token| token > *first);
        (!earlier.acking || finished_later).then(|| format!("was handed out before {before} was finished"))
    }

    /// What a server says of a message after a restart.
    pub(super) fn status(&mut self, id: &str, status: Status) {
        let Some(message) = self.messages.get(id) else { return };
        let known = message.enqueued || !message.leases.is_empty();
        let what = match status {
            Status::Unknown if known => "was acknowledged and is lost",
            Status::Dead => "is dead, and had attempts left",
            Status::Done if !message.acking => "is done, and nobody has said so",
            Status::Done | Status::Unknown => return,
            _ if message.finished.is_some() => "was finished and is not done",
            _ => return,
        };
        self.complain(Violation(format!("{id} {what}: {message:?}")));
    }

    /// When all is done: every message that was ever acknowledged, and no other.
    pub(super) fn finish(&mut self, stats: Stats) {
        self.take_touched();
        let enqueued = self.messages.values().filter(|message| message.enqueued).count() as u64;
        if stats != (Stats { done: enqueued, ..Stats::default() }) {
            self.complain(Violation(format!(
                "{enqueued} messages were acknowledged, and in the end there are {stats:?}"
            )));
        }
    }
}

fn attempts_only_rise(message: &Message) -> Option<String> {
    let risen = successive(message).all(|(earlier, later)| earlier.attempt < later.attempt);
    (!risen).then(|| "has attempts that do not rise".to_owned())
}

fn no_two_leases_at_a_time(message: &Message) -> Option<String> {
    let apart = successive(message).all(|(earlier, later)| earlier.given_back || earlier.until <= later.granted);
    (!apart).then(|| "had two leases at a time".to_owned())
}

fn nothing_finished_is_handed_out_again(message: &Message) -> Option<String> {
    let (finished, (last, _)) = (message.finished?, message.leases.last_key_value()?);
    (*last > finished).then(|| format!("was handed out as {} after it was finished as {}", last.0, finished.0))
}

fn successive(message: &Message) -> impl Iterator<Item = (&Lease, &Lease)> {
    message.leases.values().zip(message.leases.values().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn enqueued(id: &str) -> [Fact; 2] {
        [Fact::Enqueuing { id: id.into(), key: Some("k".into()) }, Fact::Enqueued { id: id.into() }]
    }

    fn delivered(id: &str, token: u64, attempt: u32, granted: u64) -> Fact {
        let (granted, until) = (at(granted), at(granted + 100));
        Fact::Delivered { id: id.into(), token: Token(token), attempt, granted, until }
    }

    fn acked(id: &str, token: u64, told: Told) -> [Fact; 2] {
        let id = id.to_owned();
        [Fact::Acking { id: id.clone() }, Fact::Acked { id, token: Token(token), told }]
    }

    fn judged(facts: &[&[Fact]]) -> Judge {
        let mut judge = Judge::default();
        facts.concat().into_iter().for_each(|fact| judge.note(fact));
        judge.take_touched();
        judge
    }

    /// Every violation names what is wrong.
    fn violates(facts: &[&[Fact]], what: &str) {
        let judge = judged(facts);
        assert!(judge.violations.iter().any(|violation| violation.0.contains(what)), "{:?}", judge.violations);
    }

    #[test]
    fn an_honest_history_is_clean() {
        let nacking = Fact::Nacking { id: "a".into(), token: Token(1) };
        let early = delivered("a", 2, 2, 50);
        let mut judge = judged(&[
            &enqueued("a"),
            &[delivered("a", 1, 1, 0), nacking, early],
            &acked("a", 1, Told::Refused),
            &[delivered("a", 5, 4, 150)],
            &acked("a", 5, Told::Nothing),
            &acked("a", 5, Told::Done),
            &enqueued("b"),
            &[delivered("b", 6, 1, 160)],
            &acked("b", 6, Told::Done),
        ]);
        ["a", "b"].iter().for_each(|id| judge.status(id, Status::Done));
        judge.finish(Stats { done: 2, ..Stats::default() });
        assert_eq!(judge.violations, []);
    }

    #[test]
    fn a_lost_message_is_found() {
        let mut judge = judged(&[&enqueued("a")]);
        judge.status("a", Status::Unknown);
        assert!(judge.violations[0].0.contains("lost"));
        let mut judge = judged(&[&enqueued("a")]);
        judge.finish(Stats::default());
        assert!(judge.violations[0].0.contains("1 messages were acknowledged"));
    }

    #[test]
    fn a_finished_message_that_comes_back_is_found() {
        violates(
            &[&[delivered("a", 1, 1, 0)], &acked("a", 1, Told::Done), &[delivered("a", 2, 2, 500)]],
            "after it was finished",
        );
        let mut judge = judged(&[&[delivered("a", 1, 1, 0)], &acked("a", 1, Told::Done)]);
        judge.status("a", Status::Ready);
        assert!(judge.violations[0].0.contains("finished and is not done"));
    }

    #[test]
    fn an_ack_of_the_previous_holder_is_found() {
        violates(
            &[&[delivered("a", 1, 1, 0), delivered("a", 2, 2, 100)], &acked("a", 1, Told::Done)],
            "after it was finished",
        );
        let both = [acked("a", 1, Told::Done), acked("a", 2, Told::Done)].concat();
        violates(&[&[delivered("a", 1, 1, 0), delivered("a", 2, 2, 100)], &both], "under token 1 and under 2");
    }

    #[test]
    fn two_leases_at_a_time_are_found_also_after_an_extension() {
        violates(&[&[delivered("a", 1, 1, 0), delivered("a", 2, 2, 99)]], "two leases");
        let extended = Fact::Extended { id: "a".into(), token: Token(1), until: at(300) };
        violates(&[&[delivered("a", 1, 1, 0), extended, delivered("a", 2, 2, 200)]], "two leases");
    }

    #[test]
    fn attempts_that_go_back_are_found() {
        violates(&[&[delivered("a", 1, 3, 0), delivered("a", 2, 3, 100)]], "do not rise");
    }

    #[test]
    fn a_token_that_is_given_twice_is_found() {
        violates(&[&[delivered("a", 1, 1, 0), delivered("b", 1, 1, 0)]], "token 1 was given for a and for b");
    }

    #[test]
    fn a_message_that_overtakes_its_key_is_found() {
        violates(&[&enqueued("a"), &enqueued("b"), &[delivered("b", 1, 1, 0)]], "before a was finished");
        let later = [&[delivered("a", 2, 1, 0)][..], &acked("a", 2, Told::Done)].concat();
        violates(&[&enqueued("a"), &enqueued("b"), &[delivered("b", 1, 1, 0)], &later], "before a was finished");
    }

    #[test]
    fn a_message_that_finished_by_itself_is_found() {
        let mut judge = judged(&[&enqueued("a")]);
        judge.status("a", Status::Done);
        assert!(judge.violations[0].0.contains("nobody has said so"));
    }
}
