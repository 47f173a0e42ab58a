//! The search: breadth first, level by level, over any stateright model.
//!
//! stateright's own searches carry the whole path to a state with every job that waits. On graphs with cycles a
//! depth-first path grows with the number of states, so that search runs out of memory; the breadth-first one allocates
//! for every step. Here a path is two numbers a state: where from, and by which action. The counts are the same, and a
//! test holds them against stateright's.

use crate::fingerprint::{Seen, fingerprint};
use crate::report::Progress;
use core::hash::Hash;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use stateright::{Expectation, Model, Property};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads of a search.
const THREADS: usize = 2;
/// States of a level that are handed out at once. A level below that is searched by one thread, so small models are
/// searched in the same order every time.
const CHUNK: usize = 4_096;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Explored<A> {
    /// Every reachable state was seen. A search stops at the first violation of an `always`.
    pub complete: bool,
    /// Distinct states.
    pub unique_states: u64,
    /// States reached, repeats included.
    pub generated_states: u64,
    /// For each property found violated or witnessed, a shortest path there.
    pub discoveries: Vec<(&'static str, Vec<A>)>,
}

/// Explores `model` to its end, or to the first violation of an `always`. `eventually` is not looked at.
pub fn search<M>(model: &M, progress: &dyn Fn(Progress)) -> Explored<M::Action>
where
    M: Model + Sync,
    M::State: Hash + Send,
    M::Action: Clone,
{
    let mut search = Search::new(model);
    let mut level = search.first_level();
    while !level.is_empty() && !search.is_violated() {
        level = search.next_level(level, progress);
    }
    search.finish()
}

/// Where a state came from: the number of the state before, and the place of the action among those offered there. An
/// initial state came from itself, and its place is the one among the initial states.
#[derive(Clone, Copy, Debug)]
struct Origin {
    from: u32,
    action: u32,
}

/// States of one level, numbered from `first`.
struct Chunk<S> {
    first: u32,
    states: Vec<S>,
}

/// States of the next level, not yet numbered.
struct Found<S> {
    states: Vec<S>,
    origins: Vec<Origin>,
}

struct Search<'a, M: Model> {
    model: &'a M,
    properties: Vec<Property<M>>,
    /// The state of each property's discovery.
    discovered: Vec<Mutex<Option<u32>>>,
    violated: AtomicBool,
    seen: Seen,
    generated: AtomicU64,
    /// The origins of all states, in the order of their numbers.
    origins: Vec<Vec<Origin>>,
    unique: u32,
}

impl<'a, M> Search<'a, M>
where
    M: Model + Sync,
    M::State: Hash + Send,
    M::Action: Clone,
{
    fn new(model: &'a M) -> Self {
        let properties = model.properties();
        Self {
            model,
            discovered: properties.iter().map(|_| Mutex::new(None)).collect(),
            properties,
            violated: AtomicBool::new(false),
            seen: Seen::new(),
            generated: AtomicU64::new(0),
            origins: Vec::new(),
            unique: 0,
        }
    }

    fn is_violated(&self) -> bool {
        self.violated.load(Ordering::Relaxed)
    }

    fn first_level(&mut self) -> Vec<Chunk<M::State>> {
        let mut found = Found { states: Vec::new(), origins: Vec::new() };
        for (index, state) in self.model.init_states().into_iter().enumerate() {
            if self.model.within_boundary(&state) {
                self.generated.fetch_add(1, Ordering::Relaxed);
                if self.seen.insert(fingerprint(&state)) {
                    let own_number = found.states.len() as u32;
                    found.origins.push(Origin { from: own_number, action: index as u32 });
                    found.states.push(state);
                }
            }
        }
        self.number(vec![found])
    }

    /// Gives the states of the next level their numbers.
    fn number(&mut self, found: Vec<Found<M::State>>) -> Vec<Chunk<M::State>> {
        let chunks = found.into_iter().filter(|found| !found.states.is_empty());
        chunks
            .map(|found| {
                let first = self.unique;
                let count = u32::try_from(found.states.len()).expect("a chunk is small");
                self.unique = first.checked_add(count).expect("models stay below four thousand million states");
                self.origins.push(found.origins);
                Chunk { first, states: found.states }
            })
            .collect()
    }

    fn next_level(&mut self, level: Vec<Chunk<M::State>>, progress: &dyn Fn(Progress)) -> Vec<Chunk<M::State>> {
        let threads = if level.len() > 1 { THREADS } else { 1 };
        let waiting = Mutex::new(level);
        let found = Mutex::new(Vec::new());
        let search = &*self;
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| search.expand_all(&waiting, &found, &|| ()));
            }
            search.expand_all(&waiting, &found, &|| progress(search.progress()));
        });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.number(found)
    }

    fn progress(&self) -> Progress {
        let generated_states = self.generated.load(Ordering::Relaxed);
        Progress { unique_states: u64::from(self.unique), generated_states }
    }

    /// One thread's share of a level.
    fn expand_all(
        &self,
        waiting: &Mutex<Vec<Chunk<M::State>>>,
        found: &Mutex<Vec<Found<M::State>>>,
        after_chunk: &dyn Fn(),
    ) {
        let mut expansion = Expansion { search: self, found, states: Vec::new(), origins: Vec::new() };
        let mut offered = Vec::new();
        while let Some(chunk) = pop(waiting) {
            if self.is_violated() {
                break;
            }
            let mut generated = 0;
            for (number, state) in (chunk.first..).zip(&chunk.states) {
                self.judge(number, state);
                generated += expansion.expand(number, state, &mut offered);
            }
            self.generated.fetch_add(generated, Ordering::Relaxed);
            after_chunk();
        }
        expansion.flush();
    }

    fn judge(&self, number: u32, state: &M::State) {
        for (property, discovered) in self.properties.iter().zip(&self.discovered) {
            let is_wanted = match property.expectation {
                Expectation::Always => !(property.condition)(self.model, state),
                Expectation::Sometimes => (property.condition)(self.model, state),
                Expectation::Eventually => false,
            };
            if is_wanted {
                locked(discovered).get_or_insert(number);
                self.violated.fetch_or(property.expectation == Expectation::Always, Ordering::Relaxed);
            }
        }
    }

    fn finish(self) -> Explored<M::Action> {
        let discovered = self.properties.iter().zip(&self.discovered);
        let discoveries = discovered
            .filter_map(|(property, discovered)| Some((property.name, self.path_to((*locked(discovered))?))))
            .collect();
        Explored {
            complete: !self.is_violated(),
            unique_states: u64::from(self.unique),
            generated_states: self.generated.load(Ordering::Relaxed),
            discoveries,
        }
    }
}

/// What one thread has found and not yet handed in.
struct Expansion<'s, 'a, M: Model> {
    search: &'s Search<'a, M>,
    found: &'s Mutex<Vec<Found<M::State>>>,
    states: Vec<M::State>,
    origins: Vec<Origin>,
}

impl<M> Expansion<'_, '_, M>
where
    M: Model + Sync,
    M::State: Hash + Send,
    M::Action: Clone,
{
    /// Takes every step out of a state; returns how many there were.
    fn expand(&mut self, number: u32, state: &M::State, offered: &mut Vec<M::Action>) -> u64 {
        let Search { model, seen, .. } = self.search;
        model.actions(state, offered);
        let mut generated = 0;
        for (place, action) in offered.drain(..).enumerate() {
            let Some(next) = model.next_state(state, action) else { continue };
            if model.within_boundary(&next) {
                generated += 1;
                if seen.insert(fingerprint(&next)) {
                    self.states.push(next);
                    self.origins.push(Origin { from: number, action: place as u32 });
                }
            }
        }
        if self.states.len() >= CHUNK {
            self.flush();
            // The next chunk will likely be full as well: it need not grow step by step.
            self.states.reserve(CHUNK);
            self.origins.reserve(CHUNK);
        }
        generated
    }

    fn flush(&mut self) {
        let states = core::mem::take(&mut self.states);
        let origins = core::mem::take(&mut self.origins);
        locked(self.found).push(Found { states, origins });
    }
}

/// Paths.
impl<M> Search<'_, M>
where
    M: Model,
    M::Action: Clone,
{
    fn path_to(&self, number: u32) -> Vec<M::Action> {
        let (start, places) = self.places_to(number);
        let mut state = self.model.init_states().swap_remove(start);
        let mut path = Vec::new();
        for place in places {
            let mut offered = Vec::new();
            self.model.actions(&state, &mut offered);
            let action = offered.swap_remove(place);
            path.push(action.clone());
            state = self.model.next_state(&state, action).expect("a step that was taken can be taken again");
        }
        path
    }

    /// The initial state and the place of each action on the way to a state.
    fn places_to(&self, number: u32) -> (usize, Vec<usize>) {
        let mut places = Vec::new();
        let mut at = number;
        loop {
            let Origin { from, action } = self.origin(at);
            if from == at {
                places.reverse();
                return (action as usize, places);
            }
            places.push(action as usize);
            at = from;
        }
    }

    fn origin(&self, number: u32) -> Origin {
        let mut index = number as usize;
        for chunk in &self.origins {
            match chunk.get(index) {
                Some(origin) => return *origin,
                None => index -= chunk.len(),
            }
        }
        unreachable!("every numbered state has an origin")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pop<T>(waiting: &Mutex<Vec<T>>) -> Option<T> {
    locked(waiting).pop()
}
