//! From a history that is not linearizable to the few operations that show it.
//!
//! An operation may not just be left out: without the write, every read of its value is a mystery. So whatever is left out
//! must make things easier to explain:
//!
//! 1. What is called after the answer that cannot be explained is held to nothing.
//! 2. Whole groups of operations are left out that have nothing to do with the rest (see [`Footprint`]).
//! 3. One operation after another is *excused*: it may have happened at any time after its call, or never. One that
//!    changed nothing, as its answer says, is simply left out.
//!
//! Whatever is linearizable remains so in each of these, so what is left at the end shows that the whole was not.

use super::decision::find;
use super::problem::Task;
use super::search::{Effort, Found, Limits};
use super::specification::{Footprint, Specification, Values};
use std::collections::{BTreeMap, BTreeSet};

/// The calls that suffice, and whether each is needed.
pub(super) struct Minimised {
    pub(super) calls: Vec<usize>,
    pub(super) excused: Vec<usize>,
    pub(super) is_minimal: bool,
    pub(super) effort: Effort,
}

/// Leaves out all that can be left out of `tasks`, which are not linearizable: so many answers of which could be `explained`.
pub(super) fn minimise<S: Specification>(
    specification: &S,
    tasks: &[Task<'_, S>],
    explained: u32,
    limits: Limits,
) -> Minimised {
    let mut shrinker = Shrinker { specification, limits, effort: Effort::default(), was_undecided: false };
    let early = until_the_culprit(specification, tasks, explained);
    // What was foreseen may have come from what is held to nothing now.
    let tasks = if shrinker.is_broken(&early) { early } else { tasks.to_vec() };
    let tasks = shrinker.without_unrelated(tasks);
    let held = shrinker.held(&tasks);
    let calls = held.iter().map(|index| tasks[*index].call).collect();
    let others = (0..tasks.len()).filter(|index| !held.contains(index)).map(|index| &tasks[index]);
    let excused = others.filter_map(|task| excused(specification, task)).map(|task| task.call).collect();
    Minimised { calls, excused, is_minimal: !shrinker.was_undecided, effort: shrinker.effort }
}

/// What was called before the answer that cannot be explained, held to its answers, and what was called before the last
/// of those, held to nothing: it may explain them.
fn until_the_culprit<'h, S: Specification>(
    specification: &S,
    tasks: &[Task<'h, S>],
    explained: u32,
) -> Vec<Task<'h, S>> {
    let answered = |task: &Task<'_, S>| task.answer.map(|(moment, _)| moment);
    let mut answers: Vec<_> = tasks.iter().filter_map(answered).collect();
    answers.sort_unstable();
    let Some(culprit) = answers.get(explained as usize).copied() else {
        return tasks.to_vec();
    };
    let last = tasks.iter().filter(|task| task.called <= culprit).filter_map(answered).max();
    let called = tasks.iter().filter(|task| last.is_none_or(|last| task.called <= last));
    called.filter_map(|task| if task.called <= culprit { Some(*task) } else { excused(specification, task) }).collect()
}

/// The task, held to nothing. One that changed nothing is not needed at all.
fn excused<'h, S: Specification>(specification: &S, task: &Task<'h, S>) -> Option<Task<'h, S>> {
    specification.footprint(task.operation, task.outcome()).changes.then(|| task.excused())
}

struct Shrinker<'s, S> {
    specification: &'s S,
    limits: Limits,
    effort: Effort,
    was_undecided: bool,
}

impl<S: Specification> Shrinker<'_, S> {
    /// Whether the tasks are certainly not linearizable.
    fn is_broken(&mut self, tasks: &[Task<'_, S>]) -> bool {
        let limits = Limits { steps: self.limits.steps.saturating_sub(self.effort.steps), ..self.limits };
        let (found, effort) = find(self.specification, tasks, limits);
        self.effort.steps += effort.steps;
        self.effort.configurations += effort.configurations;
        self.was_undecided |= matches!(found, Found::Nothing(_));
        matches!(found, Found::NoOrder(_))
    }

    /// The tasks without the groups that have nothing to do with what broke them.
    fn without_unrelated<'h>(&mut self, tasks: Vec<Task<'h, S>>) -> Vec<Task<'h, S>> {
        let Some(groups) = Groups::of(self.specification, &tasks) else {
            return tasks;
        };
        let select = |kept: &[usize]| {
            let kept: BTreeSet<usize> = kept.iter().copied().collect();
            let is_kept = |group: &Membership| match group {
                Membership::Any => false,
                Membership::None => true,
                Membership::Group(group) => kept.contains(group),
            };
            let kept = tasks.iter().zip(&groups.memberships).filter(|(_, group)| is_kept(group));
            kept.map(|(task, _)| *task).collect::<Vec<_>>()
        };
        let all: Vec<usize> = (0..groups.count).collect();
        if !self.is_broken(&select(&all)) {
            // What concerns any value is needed here, so no group can be left out.
            return tasks;
        }
        let kept = reduce(all, |kept| self.is_broken(&select(kept)));
        select(&kept)
    }

    /// The fewest tasks that must be held to their answers.
    fn held(&mut self, tasks: &[Task<'_, S>]) -> BTreeSet<usize> {
        let answered = (0..tasks.len()).filter(|index| tasks[*index].answer.is_some()).collect();
        let kept = reduce(answered, |held| {
            let held: BTreeSet<usize> = held.iter().copied().collect();
            let tasks = tasks.iter().enumerate().filter_map(|(index, task)| {
                if held.contains(&index) { Some(*task) } else { excused(self.specification, task) }
            });
            self.is_broken(&tasks.collect::<Vec<_>>())
        });
        kept.into_iter().collect()
    }
}

/// Leaves out what is not needed for `is_broken`, in ever smaller pieces. If nothing becomes broken by leaving things
/// out, and so it is here, one pass over the single items at the end shows that each is needed.
fn reduce<T: Clone>(mut items: Vec<T>, mut is_broken: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut piece = items.len().div_ceil(2);
    while piece > 0 {
        let mut start = 0;
        while start < items.len() {
            let end = items.len().min(start + piece);
            let fewer = [&items[..start], &items[end..]].concat();
            if is_broken(&fewer) {
                items = fewer;
            } else {
                start = end;
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    items
}

/// Tasks in groups that have no value in common.
struct Groups {
    memberships: Vec<Membership>,
    count: usize,
}

/// Which groups a task belongs to.
#[derive(Clone, Copy, Debug)]
enum Membership {
    /// It concerns any value.
    Any,
    /// It concerns none in particular.
    None,
    Group(usize),
}

impl Groups {
    /// `None` if there are no groups: some task changes any value.
    fn of<S: Specification>(specification: &S, tasks: &[Task<'_, S>]) -> Option<Self> {
        let footprints = tasks.iter().map(|task| specification.footprint(task.operation, task.outcome()));
        let footprints: Vec<Footprint<S::Value>> = footprints.collect();
        if footprints.iter().any(|footprint| footprint.changes && footprint.values == Values::All) {
            return None;
        }
        let mut union = Union::default();
        footprints.iter().for_each(|footprint| union.tie(footprint));
        let memberships = footprints.iter().map(|footprint| union.membership(footprint)).collect();
        Some(Self { memberships, count: union.groups.len() })
    }
}

/// Values that are tied to each other, directly or not: a forest, each tree of which is a group.
struct Union<V> {
    numbers: BTreeMap<V, usize>,
    parents: Vec<usize>,
    groups: BTreeMap<usize, usize>,
}

impl<V> Default for Union<V> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), parents: Vec::new(), groups: BTreeMap::new() }
    }
}

impl<V: Clone + Ord> Union<V> {
    fn tie(&mut self, footprint: &Footprint<V>) {
        let Values::Only(values) = &footprint.values else {
            return;
        };
        let roots: Vec<usize> = values.iter().map(|value| self.root(value)).collect();
        if let Some(first) = roots.first().map(|first| self.top(*first)) {
            for root in &roots[1..] {
                let top = self.top(*root);
                self.parents[top] = first;
            }
        }
    }

    fn membership(&mut self, footprint: &Footprint<V>) -> Membership {
        match &footprint.values {
            Values::All => Membership::Any,
            Values::Only(values) => match values.first() {
                None => Membership::None,
                Some(value) => {
                    let (root, fresh) = (self.root(value), self.groups.len());
                    Membership::Group(*self.groups.entry(root).or_insert(fresh))
                }
            },
        }
    }

    fn root(&mut self, value: &V) -> usize {
        let fresh = self.parents.len();
        let number = *self.numbers.entry(value.clone()).or_insert(fresh);
        if number == fresh {
            self.parents.push(fresh);
        }
        self.top(number)
    }

    /// The root of a tree, halving the way to it.
    fn top(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }
}
