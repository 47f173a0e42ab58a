//! What behaves like a lock, as far as models can tell.

use crate::{Answer, Config, Event, Image, Lock, Message, Node, Record, Request, Timer};
use purlin::protocol::{Never, Protocol};

/// A lock, or a machine around one that gets something wrong.
pub trait Locklike:
    Protocol<
        Config = Config,
        Address = Node,
        Timer = Timer,
        Request = Request,
        Answer = Answer,
        Message = Message,
        Record = Record,
        Load = Never,
        Loaded = Never,
        Event = Event,
        Image = Image,
    >
{
    /// The lock inside.
    fn lock(&self) -> &Lock;
    /// The lock inside, to be renamed in.
    fn lock_mut(&mut self) -> &mut Lock;
}

impl Locklike for Lock {
    fn lock(&self) -> &Lock {
        self
    }

    fn lock_mut(&mut self) -> &mut Lock {
        self
    }
}
