//! What is claimed, and what must be seen for each claim to mean anything.

/// Clients could take the store for one that does one thing at a time, and each stamped command once.
pub const THE_STORE_IS_LINEARIZABLE: &str = "the_store_is_linearizable";
/// In one term at most one node leads.
pub const ONE_LEADER_A_TERM: &str = "one_leader_a_term";
/// In one term a node gives its vote to one candidate at most.
pub const ONE_VOTE_A_TERM: &str = "one_vote_a_term";
/// What two replicas know to be committed is the same as far as both know it.
pub const COMMITTED_PREFIXES_AGREE: &str = "committed_prefixes_agree";
/// Whoever leads has all that was committed before.
pub const LEADERS_HAVE_WHAT_IS_COMMITTED: &str = "leaders_have_what_is_committed";
/// Two replicas that have applied as much hold the same.
pub const EQUAL_INDEXES_EQUAL_STATES: &str = "equal_indexes_equal_states";
/// What is read as of an entry is the same wherever it is read.
pub const EQUAL_INDEXES_EQUAL_VIEWS: &str = "equal_indexes_equal_views";
/// A stamped command that is tried again is answered as before.
pub const RETRIES_ARE_ANSWERED_ALIKE: &str = "retries_are_answered_alike";
/// No entry is the answer to two proposals without stamps.
pub const AN_ENTRY_ANSWERS_ONE_PROPOSAL: &str = "an_entry_answers_one_proposal";
/// No message carries more than it may, unless it is a single entry.
pub const MESSAGES_ARE_BOUNDED: &str = "messages_are_bounded";
/// No more messages with entries are on their way to a follower than allowed.
pub const THE_WINDOW_IS_KEPT: &str = "the_window_is_kept";
/// Disks that keep what they synced are not told to have lost anything.
pub const NO_STORAGE_REGRESSES: &str = "no_storage_regresses";
/// No snapshot arrives damaged where no network damages it.
pub const SNAPSHOTS_ARRIVE_WHOLE: &str = "snapshots_arrive_whole";
/// Once all has recovered, something is written.
pub const WRITING_GOES_ON: &str = "writing_goes_on";
/// Once all has recovered, every node that is there answers reads, and so has caught up.
pub const EVERY_NODE_SERVES: &str = "every_node_serves";

/// All that is always so.
pub const ALWAYS: &[&str] = &[
    THE_STORE_IS_LINEARIZABLE,
    ONE_LEADER_A_TERM,
    ONE_VOTE_A_TERM,
    COMMITTED_PREFIXES_AGREE,
    LEADERS_HAVE_WHAT_IS_COMMITTED,
    EQUAL_INDEXES_EQUAL_STATES,
    EQUAL_INDEXES_EQUAL_VIEWS,
    RETRIES_ARE_ANSWERED_ALIKE,
    AN_ENTRY_ANSWERS_ONE_PROPOSAL,
    MESSAGES_ARE_BOUNDED,
    THE_WINDOW_IS_KEPT,
    NO_STORAGE_REGRESSES,
    SNAPSHOTS_ARRIVE_WHOLE,
    WRITING_GOES_ON,
    EVERY_NODE_SERVES,
];

pub(crate) const A_HISTORY_WAS_DECIDED: &str = "a_history_was_decided";
pub(crate) const A_LEADER_WAS_DEPOSED: &str = "a_leader_was_deposed";
pub(crate) const A_LEADER_MISSED_ITS_QUORUM: &str = "a_leader_missed_its_quorum";
pub(crate) const A_LOG_WAS_TRUNCATED: &str = "a_log_was_truncated";
pub(crate) const A_LOG_WAS_COMPACTED: &str = "a_log_was_compacted";
pub(crate) const A_SNAPSHOT_WAS_INSTALLED: &str = "a_snapshot_was_installed";
pub(crate) const A_SNAPSHOT_CAME_IN_PIECES: &str = "a_snapshot_came_in_pieces";
pub(crate) const A_PIECE_WAS_SENT_AGAIN: &str = "a_piece_was_sent_again";
pub(crate) const A_READ_WAS_SERVED_BY_A_FOLLOWER: &str = "a_read_was_served_by_a_follower";
pub(crate) const A_READ_WAS_ASKED_AGAIN: &str = "a_read_was_asked_again";
pub(crate) const A_READ_WAS_REFUSED: &str = "a_read_was_refused";
pub(crate) const A_PROPOSAL_ENDED_UNKNOWN: &str = "a_proposal_ended_unknown";
pub(crate) const A_PROPOSAL_WAS_TURNED_AWAY: &str = "a_proposal_was_turned_away";
pub(crate) const A_RETRY_WAS_ANSWERED_FROM_MEMORY: &str = "a_retry_was_answered_from_memory";
pub(crate) const A_SESSION_ENDED: &str = "a_session_ended";
pub(crate) const A_WINDOW_WAS_FULL: &str = "a_window_was_full";
pub(crate) const A_LEADER_WAS_REMOVED: &str = "a_leader_was_removed";
pub(crate) const A_LEARNER_WAS_TAKEN_IN: &str = "a_learner_was_taken_in";
pub(crate) const A_NEW_INCARNATION_VOTED: &str = "a_new_incarnation_voted";
pub(crate) const A_LEADERSHIP_WAS_HANDED_OVER: &str = "a_leadership_was_handed_over";
pub(crate) const TWO_HALVES_DECIDED: &str = "two_halves_decided";
pub(crate) const AN_APPEND_WAS_REFUSED: &str = "an_append_was_refused";

/// What should be seen at least once in a campaign: what every scenario shows, and what only one does.
macro_rules! sometimes {
    ($($more:expr),*) => {
        &[
            $crate::claims::A_HISTORY_WAS_DECIDED,
            $crate::claims::A_LEADER_WAS_DEPOSED,
            $crate::claims::A_LEADER_MISSED_ITS_QUORUM,
            $crate::claims::A_LOG_WAS_TRUNCATED,
            $crate::claims::A_LOG_WAS_COMPACTED,
            $crate::claims::A_SNAPSHOT_WAS_INSTALLED,
            $crate::claims::A_SNAPSHOT_CAME_IN_PIECES,
            $crate::claims::A_PIECE_WAS_SENT_AGAIN,
            $crate::claims::A_READ_WAS_SERVED_BY_A_FOLLOWER,
            $crate::claims::A_READ_WAS_ASKED_AGAIN,
            $crate::claims::A_READ_WAS_REFUSED,
            $crate::claims::A_PROPOSAL_ENDED_UNKNOWN,
            $crate::claims::A_PROPOSAL_WAS_TURNED_AWAY,
            $crate::claims::A_RETRY_WAS_ANSWERED_FROM_MEMORY,
            $crate::claims::A_SESSION_ENDED,
            $crate::claims::A_WINDOW_WAS_FULL,
            $crate::claims::AN_APPEND_WAS_REFUSED,
            purlin_sim::cluster::sights::A_PROCESS_WAS_KILLED,
            purlin_sim::cluster::sights::THE_POWER_WENT,
            purlin_sim::cluster::sights::RECORDS_WERE_LOST,
            purlin_sim::cluster::sights::A_JOURNAL_WAS_TAKEN_OVER,
            purlin_sim::cluster::sights::A_JOURNAL_WAS_REFUSED,
            purlin_sim::cluster::sights::A_NODE_WAS_SHUT_DOWN,
            purlin_sim::cluster::sights::A_DISK_FAILED,
            purlin_sim::cluster::sights::A_WRITE_WAS_TORN,
            purlin_sim::cluster::sights::A_NODE_WAS_DESTROYED,
            purlin_sim::cluster::sights::A_PROCESS_WAS_PAUSED,
            purlin_sim::cluster::sights::A_PARTITION_LAY_BETWEEN_NODES,
            purlin_sim::cluster::sights::ONE_SYNC_SERVED_SEVERAL_RECORDS,
            purlin_sim::cluster::sights::AN_ANSWER_STAYED_UNKNOWN,
            $($more),*
        ]
    };
}

pub(crate) use sometimes;
