//! What a driver is made of.

use crate::driver::Driver;
use crate::handle::Handle;
use crate::journal::Journal;
use crate::observer::Observer;
use crate::options::Options;
use crate::surroundings::{Process, Surroundings};
use crate::transport::{Alone, Transport};
use purlin::protocol::Protocol;

/// Everything that a driver is made of. What is not given is as a service with a single node wants it.
#[derive(Clone, Debug)]
pub struct Setup<P: Protocol, J, T = Alone, S = Process, O = ()> {
    pub(crate) config: P::Config,
    pub(crate) image: P::Image,
    pub(crate) journal: J,
    pub(crate) transport: T,
    pub(crate) surroundings: S,
    pub(crate) observer: O,
    pub(crate) options: Options,
}

impl<P: Protocol, J: Journal<P>> Setup<P, J> {
    /// A machine that goes on from `image`, which is what the journal holds: opening it has given both.
    pub fn new(config: P::Config, journal: J, image: P::Image) -> Self {
        let (surroundings, options) = (Process::new(), Options::default());
        Self { config, image, journal, transport: Alone, surroundings, observer: (), options }
    }
}

impl<P: Protocol, J: Journal<P>, T: Transport<P>, S: Surroundings, O: Observer<P>> Setup<P, J, T, S, O> {
    /// Reaches other nodes by this transport, instead of none.
    #[must_use]
    pub fn transport<U: Transport<P>>(self, transport: U) -> Setup<P, J, U, S, O> {
        let Self { config, image, journal, surroundings, observer, options, .. } = self;
        Setup { config, image, journal, transport, surroundings, observer, options }
    }

    /// Takes the time and the die from here, instead of from the system.
    #[must_use]
    pub fn surroundings<U: Surroundings>(self, surroundings: U) -> Setup<P, J, T, U, O> {
        let Self { config, image, journal, transport, observer, options, .. } = self;
        Setup { config, image, journal, transport, surroundings, observer, options }
    }

    /// Tells this observer what the driver does.
    #[must_use]
    pub fn observer<U: Observer<P>>(self, observer: U) -> Setup<P, J, T, S, U> {
        let Self { config, image, journal, transport, surroundings, options, .. } = self;
        Setup { config, image, journal, transport, surroundings, observer, options }
    }

    /// Keeps to these bounds.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The driver, which is to be [run](Driver::run), and a handle to it.
    pub fn build(self) -> (Driver<P, J, T, S, O>, Handle<P>) {
        Driver::new(self)
    }
}
