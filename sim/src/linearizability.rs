//! Judges whether concurrent clients could take an object for one that does one operation at a time.
//!
//! A [`History`] says who asked what and when, and who heard what and when. It is *linearizable* ([Herlihy and Wing,
//! 1990]) if its operations can be put in an order, each between its call and its answer, in which a [`Specification`]
//! gives the very same answers. Operations that were never answered may be put anywhere after their call, or left out.
//!
//! ```
//! use purlin::Instant;
//! use purlin_sim::linearizability::{Checker, History, Register, RegisterOperation, RegisterOutcome};
//!
//! let at = Instant::from_millis;
//! let mut history = History::default();
//! for value in [1, 2] {
//!     let write = history.invoke(0, at(10 * value), RegisterOperation::Write(value));
//!     history.answer(write, at(10 * value + 5), RegisterOutcome::Written)?;
//! }
//! let read = history.invoke(3, at(30), RegisterOperation::Read);
//! history.answer(read, at(31), RegisterOutcome::Read(1))?;
//!
//! let verdict = Checker::new(Register::new(0)).judge(&history).verdict;
//! let broken = verdict.broken().expect("the read is stale");
//! assert_eq!(broken.culprit, read);
//! assert_eq!(broken.prefix.states, [2]);
//! assert_eq!(broken.witness.calls.len(), 3);
//! assert!(broken.to_string().starts_with("client 3's read of 1 at 0.030000000..0.031000000 cannot be explained"));
//! # Ok::<(), purlin_sim::linearizability::InvalidHistory>(())
//! ```
//!
//! The search is [Wing and Gong's], with [Lowe's] memory of configurations and partition by key; the sources call it WGL
//! and P-compositionality. It is exponential in the number of operations that are open at a time, at worst, and
//! therefore has [`Limits`]; see [`Verdict::Unknown`]. Registers and queues into which no value is put twice are judged
//! without it, as quickly as they can be sorted: give every write a value of its own where you can. It is all a function of the
//! history: same history, same verdict, same effort.
//!
//! The clients of a simulated cluster are judged by a [`Historian`].
//!
//! [Herlihy and Wing, 1990]: https://doi.org/10.1145/78969.78972
//! [Wing and Gong's]: https://doi.org/10.1006/jpdc.1993.1015
//! [Lowe's]: https://doi.org/10.1002/cpe.3928

mod configurations;
mod decision;
mod historian;
mod history;
mod links;
mod models;
mod problem;
mod search;
mod specification;
mod states;
mod table;
mod verdict;
mod witness;

pub use historian::{Historian, Translated, Translation};
pub use history::{Call, History, InvalidHistory, Invocation};
pub use models::{
    KeyValue, Keyed, Lease, LeaseOperation, LeaseOutcome, LeaseQueue, LeaseState, PerKey, Queue, QueueOperation,
    QueueOutcome, Register, RegisterOperation, RegisterOutcome,
};
pub use search::{Effort, Limits};
pub use specification::{Decision, Footprint, Foresight, Specification, Told, Values};
pub use verdict::{Broken, Judgement, Order, Prefix, Undecided, Verdict, Witness};

use decision::{decided_prefix, find};
use history::End;
use problem::{Problem, Task};
use purlin::Instant;
use search::{Farthest, Found, search};
use std::collections::BTreeMap;
use std::fmt::Write;
use witness::Minimised;

/// Holds histories against a specification.
#[derive(Clone, Copy, Debug)]
pub struct Checker<S> {
    specification: S,
    limits: Limits,
}

impl<S: Specification> Checker<S> {
    /// Holds histories against `specification`, within the usual [`Limits`].
    pub fn new(specification: S) -> Self {
        Self { specification, limits: Limits::default() }
    }

    /// Within these limits. They hold for the search through all parts, and again for making a witness small. What is decided
    /// without a search needs none.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Judges a history: part by part, small parts first, until one is broken.
    pub fn judge(&self, history: &History<S::Operation, S::Outcome>) -> Judgement<S> {
        let (mut effort, mut orders, mut undecided) = (Effort::default(), Vec::new(), None);
        for (key, tasks) in self.parts(history) {
            let limits = Limits { steps: self.limits.steps.saturating_sub(effort.steps), ..self.limits };
            let (found, spent) = find(&self.specification, &tasks, limits);
            effort = effort.and(spent);
            match found {
                Found::Order(order) => orders.push(Order { key, calls: calls(&tasks, &order) }),
                Found::NoOrder(farthest) => return self.broken(history, key, &tasks, farthest, effort),
                Found::Nothing(Farthest { explained, .. }) => {
                    let answers = tasks.iter().filter(|task| task.answer.is_some()).count() as u32;
                    let first = undecided.get_or_insert(Undecided { key, explained, answers, parts: 0 });
                    first.parts += 1;
                }
            }
        }
        let verdict = undecided.map_or(Verdict::Linearizable(orders), Verdict::Unknown);
        Judgement { verdict, effort }
    }

    /// The parts of a history, the smallest first.
    fn parts<'h>(&'h self, history: &'h History<S::Operation, S::Outcome>) -> Vec<(S::Key, Vec<Task<'h, S>>)> {
        let mut parts: BTreeMap<S::Key, Vec<Task<'h, S>>> = BTreeMap::new();
        for (Call(call), invocation) in history.iter() {
            let answer = match &invocation.end {
                End::Withdrawn => continue,
                End::Pending => None,
                End::Answered(moment, outcome) => Some((*moment, outcome)),
            };
            let Invocation { operation, called, .. } = invocation;
            let task = Task { call, operation, called: *called, answer };
            parts.entry(self.specification.key(operation)).or_default().push(task);
        }
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_by_key(|(_, tasks)| tasks.len());
        parts
    }

    fn broken(
        &self,
        history: &History<S::Operation, S::Outcome>,
        key: S::Key,
        tasks: &[Task<'_, S>],
        found: Option<Farthest<S::State>>,
        effort: Effort,
    ) -> Judgement<S> {
        let problem = Problem::unforeseen(&self.specification, tasks);
        let (farthest, is_exact, spent) = self.farthest(&problem, tasks, found);
        let Minimised { calls: held, excused, is_minimal, effort: more } =
            witness::minimise(&self.specification, tasks, farthest.explained, self.limits);
        let culprit = Call(tasks[problem.answers[farthest.explained as usize] as usize].call);
        let mut held: Vec<Call> = held.into_iter().map(Call).collect();
        held.sort_by_key(|call| history.get(*call).map(|invocation| invocation.called));
        let witness = Witness { calls: held, excused: excused.into_iter().map(Call).collect(), is_minimal };
        let Farthest { explained, order, states } = farthest;
        let prefix = Prefix { answers: explained, order: calls(tasks, &order), states, is_exact };
        let mut broken = Broken { key, culprit, prefix, witness, explanation: String::new() };
        broken.explanation = self.explain(history, &broken);
        Judgement { verdict: Verdict::Broken(Box::new(broken)), effort: effort.and(spent).and(more) }
    }

    /// How far one gets without foresight, which gives up before a reader would, and whether that is certain. It may be more
    /// than can be searched.
    fn farthest(
        &self,
        problem: &Problem<'_, S>,
        tasks: &[Task<'_, S>],
        found: Option<Farthest<S::State>>,
    ) -> (Farthest<S::State>, bool, Effort) {
        const STEPS: u64 = 1_000_000;
        let limits = Limits { steps: self.limits.steps.min(STEPS), ..self.limits };
        let known = || found.unwrap_or_else(|| decided_prefix(&self.specification, tasks));
        match search(problem, limits) {
            (Found::NoOrder(Some(farthest)), effort) => (farthest, true, effort),
            (Found::Nothing(farthest), effort) => {
                let known = known();
                (if known.explained > farthest.explained { known } else { farthest }, false, effort)
            }
            (Found::Order(_) | Found::NoOrder(None), effort) => (known(), false, effort),
        }
    }

    fn explain(&self, history: &History<S::Operation, S::Outcome>, broken: &Broken<S>) -> String {
        let Broken { key, culprit, prefix, witness, .. } = broken;
        let mut text = format!("{} cannot be explained: ", self.told(history, *culprit));
        let key = format!("{key:?}");
        let place = if key == "()" { String::new() } else { format!(" under {key}") };
        let states = some_of(&prefix.states);
        let others = if prefix.is_exact { "" } else { ", or other states" };
        let _ = write!(text, "the {} answers before it{place} leave {states}{others}. ", prefix.answers);
        let _ = match witness.excused.len() {
            0 => write!(text, "Operations that show it:"),
            excused => write!(text, "Operations that show it, whatever {excused} others did:"),
        };
        for call in &witness.calls {
            let _ = write!(text, "\n  {}", self.told(history, *call));
        }
        if !witness.is_minimal {
            text.push_str("\n(Fewer may do: the limits were too narrow to tell.)");
        }
        text
    }

    fn told(&self, history: &History<S::Operation, S::Outcome>, call: Call) -> String {
        let Some(invocation) = history.get(call) else {
            return String::new();
        };
        let described = self.specification.describe(&invocation.operation, invocation.outcome());
        let called = seconds(invocation.called());
        let answered = invocation.answered().map(seconds).unwrap_or_default();
        format!("client {}'s {described} at {called}..{answered}", invocation.client)
    }
}

impl Effort {
    fn and(self, other: Self) -> Self {
        Self { steps: self.steps + other.steps, configurations: self.configurations + other.configurations }
    }
}

fn calls<S: Specification>(tasks: &[Task<'_, S>], order: &[u32]) -> Vec<Call> {
    order.iter().map(|operation| Call(tasks[*operation as usize].call)).collect()
}

fn seconds(at: Instant) -> String {
    format!("{}.{:09}", at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000)
}

/// As many states as a reader takes in.
fn some_of<T: core::fmt::Debug>(states: &[T]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = states.iter().take(SHOWN).map(|state| shortened(&format!("{state:?}"))).collect();
    let rest = states.len().saturating_sub(SHOWN);
    let rest = if rest == 0 { String::new() } else { format!(" or {rest} other states") };
    format!("{}{rest}", shown.join(" or "))
}

fn shortened(text: &str) -> String {
    const CHARACTERS: usize = 120;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
