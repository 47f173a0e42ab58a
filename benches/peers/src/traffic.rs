//! Which calls fail: a pattern that every case counts off alike, so that its cost is in all of them.

/// How many calls out of how many fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Traffic {
    /// None.
    Clean,
    /// The last of every hundred.
    OnePercentFails,
}

impl Traffic {
    /// Each kind of traffic.
    pub(crate) const ALL: [Self; 2] = [Self::Clean, Self::OnePercentFails];

    /// As it stands in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::OnePercentFails => "1 % failures",
        }
    }

    /// A thread's own stream of calls.
    pub(crate) fn calls(self) -> Calls {
        let period = match self {
            Self::Clean => u32::MAX,
            Self::OnePercentFails => 100,
        };
        Calls { period, left: period }
    }
}

/// A stream of calls, of which every `period`-th fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    period: u32,
    left: u32,
}

/// The error of a call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl Calls {
    /// Makes the next call.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<u64, Failed> {
        self.left -= 1;
        if self.left > 0 {
            return Ok(u64::from(self.left));
        }
        self.left = self.period;
        Err(Failed)
    }
}
