//! What a queue promises of every fair path, of the message `a` and its first lease. Fairness is weak: what stays possible
//! is done sooner or later.

use super::Clients;
use super::claims::{State, image, message};
use crate::cluster::{Action, Fairness, Kind, LeadsTo};
use purlin::queue::{MessageState, Queue, Request, Token};

/// The message that promises are about.
pub const MESSAGE: &str = "a";

const TIME: Fairness = 0;
const TIMER: Fairness = 1;
const COMING_UP: Fairness = 2;
const DISK: Fairness = 3;
const CLAIMING: Fairness = 4;

/// A lease that nobody ends is over.
pub fn a_lease_ends_by_itself() -> LeadsTo<Queue, Clients> {
    LeadsTo {
        name: "a lease is over sooner or later, if time passes, the timer fires and the queue comes up again",
        from: |state, _| image(state).by_token.contains_key(&Token(0)),
        to: |state, _| !image(state).by_token.contains_key(&Token(0)),
        fair: |action, _| the_queue_goes_on(action),
    }
}

/// A message that is ready is handed out.
pub fn what_is_ready_is_handed_out() -> LeadsTo<Queue, Clients> {
    LeadsTo {
        name: "what is ready is handed out sooner or later, if somebody claims and the queue goes on",
        from: |state, _| state.ghost.accepted.contains_key(MESSAGE) && is_ready(state),
        to: |state, _| !is_ready(state),
        fair: |action, state| the_queue_goes_on(action).or_else(|| somebody_claims(action, state)),
    }
}

fn is_ready(state: &State) -> bool {
    message(state, MESSAGE).is_some_and(|it| matches!(it.state, MessageState::Ready { .. }))
}

/// Time passes, timers fire, the process comes up and its syncs end.
fn the_queue_goes_on(action: &Action<Queue>) -> Option<Fairness> {
    if !action.fate.is_whole() {
        return None;
    }
    match &action.kind {
        Kind::Advance { .. } => Some(TIME),
        Kind::Fire { .. } => Some(TIMER),
        Kind::Restart { .. } => Some(COMING_UP),
        Kind::Sync { .. } => Some(DISK),
        _ => None,
    }
}

fn somebody_claims(action: &Action<Queue>, _: &State) -> Option<Fairness> {
    let claims = matches!(action.kind, Kind::Request { request: Request::Claim { .. }, .. });
    (claims && action.fate.is_whole()).then_some(CLAIMING)
}
