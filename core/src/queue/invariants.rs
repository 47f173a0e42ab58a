//! What is always true of a queue, as named claims.

use super::alphabet::Sequence;
use super::config::Config;
use super::image::{Message, MessageState};
use super::index::Index;
use super::machine::Queue;
use std::collections::{BTreeMap, BTreeSet};

/// A claim about a queue under its configuration.
pub type Claim = fn(&Queue, &Config) -> bool;

/// Every claim, by name.
pub const CLAIMS: [(&str, Claim); 6] = [
    ("index_follows_from_the_image", index_follows_from_the_image),
    ("one_live_token_a_lease", |queue, _| one_live_token_a_lease(queue)),
    ("at_most_one_leased_a_key", |queue, _| at_most_one_leased_a_key(queue)),
    ("attempts_are_bounded", attempts_are_bounded),
    ("numbers_are_bounded", numbers_are_bounded),
    ("every_id_leads_to_its_message", |queue, _| every_id_leads_to_its_message(queue)),
];

/// The first claim that does not hold.
pub fn broken(queue: &Queue, config: &Config) -> Option<&'static str> {
    CLAIMS.iter().find(|(_, holds)| !holds(queue, config)).map(|(name, _)| *name)
}

/// What is looked up is what follows from the messages, however they came to be as they are.
pub fn index_follows_from_the_image(queue: &Queue, config: &Config) -> bool {
    queue.index == Index::of(config, &queue.image)
}

/// A live token belongs to one message, and a leased message has one live token.
pub fn one_live_token_a_lease(queue: &Queue) -> bool {
    let image = &queue.image;
    let leases: BTreeMap<_, _> =
        image.messages.iter().filter_map(|(at, message)| Some((lease(message)?, *at))).collect();
    leases == image.by_token
}

fn lease(message: &Message) -> Option<super::Token> {
    if let MessageState::Leased { token, .. } = message.state { Some(token) } else { None }
}

/// Of one key, at most one message is handed out at a time.
pub fn at_most_one_leased_a_key(queue: &Queue) -> bool {
    let mut keys = BTreeSet::new();
    let leased = queue.image.messages.values().filter(|message| lease(message).is_some());
    leased.filter_map(|message| message.key.as_ref()).all(|key| keys.insert(key))
}

/// No message is handed out more often than allowed.
pub fn attempts_are_bounded(queue: &Queue, config: &Config) -> bool {
    queue.image.messages.values().all(|message| message.attempts <= config.settings().max_attempts)
}

/// No more messages are out, and no more are kept, than allowed.
pub fn numbers_are_bounded(queue: &Queue, config: &Config) -> bool {
    let settings = config.settings();
    let leased = queue.image.by_token.len();
    settings.max_in_flight.is_none_or(|max| leased <= max as usize)
        && queue.image.unfinished() <= settings.max_messages as usize
        && queue.image.messages.len() - queue.image.unfinished() <= settings.max_done as usize
        && queue.image.dedup_ids() <= settings.max_dedup_ids as usize
}

/// Every message is found by its id, and nothing else is.
pub fn every_id_leads_to_its_message(queue: &Queue) -> bool {
    let image = &queue.image;
    image.by_id.len() == image.messages.len()
        && image.messages.iter().all(|(at, message)| image.by_id.get(&message.id) == Some(at))
}

/// Whoever works on a message too long will be noticed: while a lease is live, the timer is set.
pub fn a_live_lease_has_its_timer(queue: &Queue, is_set: bool) -> bool {
    is_set || queue.index.first_lease().is_none()
}

/// No earlier message of its key waits to be handed out, is out, or is dead where that blocks the key: what must be so
/// whenever this one is handed out.
pub fn nothing_of_its_key_stands_before(queue: &Queue, config: &Config, sequence: Sequence) -> bool {
    let key = queue.image.messages.get(&sequence).and_then(|message| message.key.as_ref());
    let blocks = |message: &Message| match message.state {
        MessageState::Ready { .. } | MessageState::Leased { .. } => true,
        MessageState::Dead => config.settings().dead_blocks_key,
        MessageState::Done { .. } => false,
    };
    let mut before = queue.image.messages.range(..sequence).map(|(_, message)| message);
    key.is_none() || !before.any(|message| message.key.as_ref() == key && blocks(message))
}
