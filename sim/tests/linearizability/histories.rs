//! Random histories: clients that overlap, give up, and are lied to.

use crate::objects::Object;
use derive_where::derive_where;
use purlin::Instant;
use purlin_sim::Die;
use purlin_sim::linearizability::{Call, History, Specification};

/// An operation with the numbers of its events. No two events have the same number.
#[derive_where(Clone, Debug)]
pub(crate) struct Lived<S: Specification> {
    pub(crate) client: u32,
    pub(crate) operation: S::Operation,
    pub(crate) called: u64,
    pub(crate) answered: Option<(u64, S::Outcome)>,
}

/// What a random history is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) clients: u32,
    /// Operations in all.
    pub(crate) operations: usize,
    /// One in so many operations is given up; 0 for none.
    pub(crate) given_up: u64,
    /// Whether a client that gave up goes on to something else.
    pub(crate) goes_on: bool,
    /// How many answers are distorted.
    pub(crate) lies: u64,
}

/// What a client is doing.
enum Doing<S: Specification> {
    Nothing,
    Waiting(usize),
    /// It was done, and the answer is on its way.
    Done(usize, S::Outcome),
    GivenUp,
}

/// Lives through a history of `shape`. Without lies it is linearizable.
pub(crate) fn live<S: Object>(shape: Shape, die: &mut Die) -> Vec<Lived<S>> {
    let (mut lived, mut state): (Vec<Lived<S>>, _) = (Vec::new(), S::new().initial());
    let mut clients: Vec<Doing<S>> = (0..shape.clients).map(|_| Doing::Nothing).collect();
    // What nobody waits for any more, and what may still be done.
    let mut late: Vec<usize> = Vec::new();
    for event in 0.. {
        if !late.is_empty() && die.below(8) == 0 {
            let operation = &lived[late.swap_remove(die.below(late.len() as u64) as usize)].operation;
            state = S::answer(&state, operation, die).1;
        }
        let client = die.below(shape.clients.into()) as usize;
        let goes_on = lived.len() < shape.operations;
        clients[client] = match core::mem::replace(&mut clients[client], Doing::Nothing) {
            Doing::Nothing if goes_on => {
                let operation = S::draw(die, lived.len() as u64);
                lived.push(Lived { client: client as u32, operation, called: event, answered: None });
                Doing::Waiting(lived.len() - 1)
            }
            Doing::Waiting(index) if gives_up(shape, die) => {
                late.push(index);
                if shape.goes_on { Doing::Nothing } else { Doing::GivenUp }
            }
            Doing::Done(..) if gives_up(shape, die) => {
                if shape.goes_on {
                    Doing::Nothing
                } else {
                    Doing::GivenUp
                }
            }
            Doing::Waiting(index) => {
                let (outcome, next) = S::answer(&state, &lived[index].operation, die);
                state = next;
                Doing::Done(index, outcome)
            }
            Doing::Done(index, outcome) => {
                lived[index].answered = Some((event, outcome));
                Doing::Nothing
            }
            idle => idle,
        };
        let is_over = |doing: &Doing<S>| matches!(doing, Doing::Nothing | Doing::GivenUp);
        let nobody_calls = clients.iter().all(|doing| matches!(doing, Doing::GivenUp));
        if nobody_calls || (!goes_on && clients.iter().all(is_over)) {
            break;
        }
    }
    (0..shape.lies).for_each(|_| lie(&mut lived, die));
    lived
}

fn gives_up(shape: Shape, die: &mut Die) -> bool {
    shape.given_up > 0 && die.below(shape.given_up) == 0
}

fn lie<S: Object>(lived: &mut [Lived<S>], die: &mut Die) {
    let index = die.below(lived.len() as u64) as usize;
    if let Some((_, outcome)) = &mut lived[index].answered {
        *outcome = S::distort(outcome, die);
    }
}

/// Distorts the first answer from the `index`-th operation on that `lie` distorts.
pub(crate) fn deceive<S: Specification>(
    lived: &mut [Lived<S>],
    index: usize,
    lie: impl Fn(&S::Outcome) -> Option<S::Outcome>,
) {
    let mut answered = lived[index..].iter_mut().filter_map(|lived| lived.answered.as_mut());
    let (outcome, distorted) =
        answered.find_map(|(_, outcome)| lie(outcome).map(|lie| (outcome, lie))).expect("somebody is told");
    *outcome = distorted;
}

/// As the checker wants it. Call `n` is the `n`-th operation.
pub(crate) fn history<S: Specification>(lived: &[Lived<S>]) -> History<S::Operation, S::Outcome> {
    let mut history = History::default();
    for (index, Lived { client, operation, called, answered }) in lived.iter().enumerate() {
        let answered = answered.clone().map(|(event, outcome)| (Instant::from_nanos(event), outcome));
        let call = history.record(*client, operation.clone(), Instant::from_nanos(*called), answered);
        assert_eq!(call, Ok(Call(index)));
    }
    history
}

/// The events in order: the operation, and whether it is answered.
pub(crate) fn events<S: Specification>(lived: &[Lived<S>]) -> Vec<(usize, bool)> {
    let calls = lived.iter().enumerate().map(|(index, lived)| (lived.called, index, false));
    let answers = lived.iter().enumerate().filter_map(|(index, lived)| Some((lived.answered.as_ref()?.0, index, true)));
    let mut events: Vec<_> = calls.chain(answers).collect();
    events.sort_unstable();
    events.into_iter().map(|(_, index, is_answer)| (index, is_answer)).collect()
}
