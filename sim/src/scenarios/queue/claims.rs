//! What the judge of this scenario claims, and what must be seen for each claim to mean anything.

use crate::cluster::sights;

/// What was answered stands in the journal, durably, before anybody hears of it.
pub const ANSWERS_ARE_DURABLE: &str = "answers_are_durable";
/// What was durable is there after a restart.
pub const DURABLE_RECORDS_SURVIVE: &str = "durable_records_survive";
/// A message that was accepted is known until it is done and forgotten.
pub const NOTHING_ACCEPTED_IS_LOST: &str = "nothing_accepted_is_lost";
/// No two messages that are remembered have the same id.
pub const IDS_ARE_TAKEN_ONCE: &str = "ids_are_taken_once";
/// Within its retention a deduplication id is accepted once, also across restarts.
pub const DEDUPLICATION_IS_REMEMBERED: &str = "deduplication_is_remembered";
/// A message that is done, or dead, is not handed out.
pub const WHAT_IS_DONE_STAYS_DONE: &str = "what_is_done_stays_done";
/// A message is not handed out while somebody holds a live lease of it, and no token is given twice.
pub const ONE_LIVE_LEASE_A_MESSAGE: &str = "one_live_lease_a_message";
/// A message is not handed out before its time.
pub const NOTHING_COMES_BEFORE_ITS_TIME: &str = "nothing_comes_before_its_time";
/// Messages of one key are handed out one at a time and in their order.
pub const KEYS_KEEP_THEIR_ORDER: &str = "keys_keep_their_order";
/// Attempts rise one by one, and no message is handed out more often than allowed.
pub const ATTEMPTS_ARE_COUNTED: &str = "attempts_are_counted";
/// No more messages are out than allowed.
pub const IN_FLIGHT_IS_BOUNDED: &str = "in_flight_is_bounded";
/// A token that proves nothing any more, or whose lease is over, changes nothing.
pub const STALE_TOKENS_ARE_REFUSED: &str = "stale_tokens_are_refused";
/// A token that proves a lease is not refused.
pub const LIVE_TOKENS_ARE_HONOURED: &str = "live_tokens_are_honoured";
/// A message dies once before it is redriven, and its death is announced once: or never, if the process ends first.
pub const DEATHS_ARE_ANNOUNCED_ONCE: &str = "deaths_are_announced_once";
/// A lease that is over is noticed although nobody asks.
pub const LEASES_END_BY_THEMSELVES: &str = "leases_end_by_themselves";
/// The queue counts as many messages in each state as its records say.
pub const NUMBERS_ADD_UP: &str = "numbers_add_up";
/// A bounded time after everything was healed, every message is done or dead.
pub const EVERY_MESSAGE_ENDS: &str = "every_message_ends";
/// The machine's own invariants: see `purlin::queue::invariants`.
pub const MACHINE_INVARIANTS_HOLD: &str = "machine_invariants_hold";

/// What should be seen at least once in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it in words")]
pub enum Sight {
    AcceptedMessageWasInDoubt,
    DurableRecordsWereRead,
    StatusOfKnownMessageWasAsked,
    DuplicateWasRefused,
    DeduplicationWasRefused,
    MessageWasDone,
    MessageWasHandedOutAgain,
    MessageWasHeldBack,
    KeyWaited,
    LastAttemptWasMade,
    AllowanceWasUsedUp,
    StaleTokenWasRefused,
    ExpiredTokenWasRefused,
    DeathWasAnnounced,
    DeathWentUnannounced,
    LeaseEndedInCalm,
    NumbersWereCompared,
    DeadMessageWasRedriven,
    LeaseWasExtended,
    QueueWasFull,
    DoneMessageWasForgotten,
}

/// The sights in words, in the order of [`Sight`]; behind them those of every cluster.
pub const SOMETIMES: [&str; 31] = [
    "an_accepted_message_was_in_doubt",
    "durable_records_were_read",
    "the_status_of_a_known_message_was_asked",
    "a_duplicate_was_refused",
    "a_deduplication_id_was_refused",
    "a_message_was_done",
    "a_message_was_handed_out_again",
    "a_message_was_held_back",
    "a_message_waited_for_its_key",
    "a_last_attempt_was_made",
    "all_that_may_be_in_flight_was",
    "a_stale_token_was_refused",
    "an_expired_token_was_refused",
    "a_death_was_announced",
    "a_death_went_unannounced",
    "a_lease_ended_after_all_was_healed",
    "numbers_were_compared",
    "a_dead_message_was_redriven",
    "a_lease_was_extended",
    "the_queue_was_full",
    "a_done_message_was_forgotten",
    sights::A_PROCESS_WAS_KILLED,
    sights::UNSYNCED_RECORDS_OUTLIVED_A_KILL,
    sights::THE_POWER_WENT,
    sights::RECORDS_WERE_LOST,
    sights::A_JOURNAL_WAS_TAKEN_OVER,
    sights::AN_ANSWER_STAYED_UNKNOWN,
    sights::A_DOWN_NODE_WAS_ASKED,
    sights::A_PROCESS_WAS_PAUSED,
    sights::A_CLOCK_JUMPED,
    sights::ONE_SYNC_SERVED_SEVERAL_RECORDS,
];

/// All that is always so.
pub const ALWAYS: [&str; 18] = [
    ANSWERS_ARE_DURABLE,
    DURABLE_RECORDS_SURVIVE,
    NOTHING_ACCEPTED_IS_LOST,
    IDS_ARE_TAKEN_ONCE,
    DEDUPLICATION_IS_REMEMBERED,
    WHAT_IS_DONE_STAYS_DONE,
    ONE_LIVE_LEASE_A_MESSAGE,
    NOTHING_COMES_BEFORE_ITS_TIME,
    KEYS_KEEP_THEIR_ORDER,
    ATTEMPTS_ARE_COUNTED,
    IN_FLIGHT_IS_BOUNDED,
    STALE_TOKENS_ARE_REFUSED,
    LIVE_TOKENS_ARE_HONOURED,
    DEATHS_ARE_ANNOUNCED_ONCE,
    LEASES_END_BY_THEMSELVES,
    NUMBERS_ADD_UP,
    EVERY_MESSAGE_ENDS,
    MACHINE_INVARIANTS_HOLD,
];
