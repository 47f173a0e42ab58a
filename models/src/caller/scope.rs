//! How large a caller model's world is.

use super::Notice;
use core::time::Duration;
use purlin::Policy;
use std::borrow::Cow;

/// The bounds of a caller model. Every bound is part of the state, so a search that ends has seen everything inside.
#[derive(Clone, Debug)]
pub struct CallerScope<P: Policy> {
    /// The configurations. The first is in force at the beginning.
    pub configs: Vec<P::Config>,
    /// How many callers may hold a permit at once.
    pub callers: usize,
    /// How calls may end.
    pub outcomes: Vec<P::Outcome>,
    /// How far time moves at once; zero if it stands still.
    pub tick: Duration,
    /// By how many ticks the host may be late with the tick that `wake` asked for.
    pub lateness: u32,
    /// Further inputs. Instants in them are counted from [`super::NOW`].
    pub inputs: Vec<P::Input>,
    /// How many of the further inputs may come on one path.
    pub input_budget: u8,
    /// How often the configuration may change on one path, and how states are kept finite meanwhile.
    pub reconfiguring: Option<Reconfiguring<P>>,
    /// Whether the policy throws its die under these configurations. Looking for throws costs a second step for each
    /// action; a throw that was not announced is caught as a panic.
    pub throws: bool,
    /// Where the world ends: states beyond are not visited. For what only grows, such as the count of a time bucket.
    pub boundary: fn(&P) -> bool,
    /// Notices timers that have fallen due, so that claims about steps can tell what the step itself did.
    pub notice: Notice<P>,
}

/// What a model needs while its configuration may still change: what one configuration cannot tell apart, another may.
#[derive(Clone, Debug)]
pub struct Reconfiguring<P: Policy> {
    /// How often.
    pub budget: u8,
    /// The configuration under which states settle until the budget is spent: it must tell apart whatever any of the
    /// scope's configurations does.
    pub settle: P::Config,
    /// Instants that lie further back are taken to lie just so far back, until the budget is spent: what one configuration
    /// never looks at would else age without end. At least as long as any duration of any configuration.
    pub horizon: Duration,
}

impl<P: Policy> CallerScope<P> {
    /// Callers who ask and end under one configuration, while time stands still.
    pub fn new(config: P::Config, callers: usize, outcomes: impl Into<Vec<P::Outcome>>) -> Self {
        Self {
            configs: vec![config],
            callers,
            outcomes: outcomes.into(),
            tick: Duration::ZERO,
            lateness: 0,
            inputs: Vec::new(),
            input_budget: 0,
            reconfiguring: None,
            throws: false,
            boundary: |_| true,
            notice: |policy, _, _| Cow::Borrowed(policy),
        }
    }
}
