//! What the claims remember of the past.

use super::Locklike;
use crate::{Message, Node, Token};
use purlin_models::Cluster;
use purlin_models::cluster::{Ghost, Seen};

/// The last token that left the keeper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The token; zero before the first.
    pub given: Token,
    /// To which node, and in which of its lives.
    pub to: Option<(Node, u64)>,
}

purlin::nameless!(Memory);

impl<P: Locklike> Ghost<P> for Memory {
    fn observe(&mut self, seen: &Seen<P>, _after: &Cluster<P, Self>) {
        if let Seen::Sent { to, message: Message::Granted(grant), .. } = seen {
            *self = Self { given: grant.token, to: Some((*to, grant.attempt.life)) };
        }
    }
}
