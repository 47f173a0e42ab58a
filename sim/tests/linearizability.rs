//! The linearizability checker beside every order tried one by one, and beside other people's checkers.

#[path = "linearizability/brute_force.rs"]
mod brute_force;
#[path = "linearizability/histories.rs"]
mod histories;
#[path = "linearizability/objects.rs"]
mod objects;
#[path = "linearizability/peers.rs"]
mod peers;

use histories::{Lived, Shape, history, live};
use objects::Object;
use purlin::Instant;
use purlin_sim::Die;
use purlin_sim::linearizability::{
    Broken, Call, Checker, Footprint, History, Judgement, KeyValue, Keyed, Lease, LeaseOperation, LeaseOutcome, Limits,
    Order, PerKey, Queue, QueueOutcome, Register, RegisterOperation, RegisterOutcome, Values, Verdict,
};
use std::collections::BTreeSet;

type LeasedMessage = PerKey<u64, Lease<u64>>;
type Entry = KeyValue<u64, u64>;
type Refilled = PerKey<u64, Queue<u64>>;

/// Small enough to try every order.
const TINY: Shape = Shape { clients: 3, operations: 7, given_up: 12, goes_on: true, lies: 0 };
/// Small enough for stateright's tester, which forgets nothing and remembers nothing.
const SMALL: Shape = Shape { clients: 4, operations: 14, given_up: 40, goes_on: false, lies: 0 };
/// Enough to overlap in many ways.
const MIDDLE: Shape = Shape { clients: 4, operations: 40, given_up: 0, goes_on: true, lies: 0 };

/// Truthful ones and such with one or two lies, by turns.
fn histories_of<S: Object>(shape: Shape, count: u64, name: &str) -> impl Iterator<Item = Vec<Lived<S>>> {
    (0..count).map(move |seed| live(Shape { lies: seed % 3, ..shape }, &mut Die::new(seed, name)))
}

fn judge<S: Object>(lived: &[Lived<S>]) -> Judgement<S> {
    // Narrower than usual, so that a checker that goes astray is found soon.
    let limits = Limits { steps: 20_000_000, remembered: 1_000_000 };
    Checker::new(S::new()).within(limits).judge(&history(lived))
}

/// Compares the checker with another, and sees to it that both verdicts occurred often.
fn compare<S: Object>(shape: Shape, count: u64, name: &str, other: impl Fn(&[Lived<S>]) -> bool) {
    let mut broken = 0;
    for lived in histories_of::<S>(shape, count, name) {
        let verdict = judge(&lived).verdict;
        assert_eq!(verdict.is_linearizable(), other(&lived), "{verdict}\n{:?}", history(&lived));
        assert_ne!(verdict.is_linearizable(), verdict.is_broken(), "nothing so small is left undecided");
        broken += u64::from(verdict.is_broken());
    }
    assert!(broken * 8 > count && broken * 8 < count * 7, "{broken} of {count} are broken: too few, or too many");
}

#[test]
fn verdicts_are_those_of_trying_every_order() {
    compare::<Register<u64>>(TINY, 6_000, "register", |lived| brute_force::has_order(&Register::new(0), lived));
    compare::<Queue<u64>>(TINY, 6_000, "queue", |lived| brute_force::has_order(&Queue::new(), lived));
    compare::<Entry>(TINY, 6_000, "entry", |lived| brute_force::has_order(&Entry::empty(), lived));
    compare::<Refilled>(TINY, 6_000, "refilled", |lived| brute_force::has_order(&Refilled::new(Queue::new()), lived));
    compare::<LeasedMessage>(TINY, 6_000, "lease", |lived| brute_force::has_order(&LeasedMessage::empty(), lived));
}

#[test]
fn verdicts_are_those_of_trying_every_order_where_most_operations_are_pending() {
    let pending = Shape { given_up: 3, ..TINY };
    let many = Shape { lies: 2, ..pending };
    for shape in [pending, many] {
        for seed in 0..4_000 {
            let die = &mut Die::new(seed, "pending");
            try_every_order::<Register<u64>>(&live(shape, die));
            try_every_order::<Entry>(&live(shape, die));
            try_every_order::<Queue<u64>>(&live(shape, die));
            try_every_order::<Refilled>(&live(shape, die));
        }
    }
}

fn try_every_order<S: Object>(lived: &[Lived<S>]) {
    let has_order = brute_force::has_order(&S::new(), lived);
    assert_eq!(judge(lived).verdict.is_linearizable(), has_order, "{:?}", history(lived));
}

#[test]
fn verdicts_are_those_of_stateright() {
    compare::<Register<u64>>(SMALL, 2_000, "stateright", peers::stateright);
    compare::<Entry>(SMALL, 2_000, "stateright", peers::stateright);
    compare::<Queue<u64>>(SMALL, 2_000, "stateright", peers::stateright);
}

#[test]
fn verdicts_are_those_of_todc_utils() {
    compare::<Register<u64>>(MIDDLE, 2_000, "todc", peers::todc_utils);
    compare::<Entry>(MIDDLE, 2_000, "todc", peers::todc_utils);
    // Without foresight a queue has too many states.
    compare::<Queue<u64>>(Shape { operations: 16, ..MIDDLE }, 2_000, "todc", peers::todc_utils);
}

#[test]
fn what_is_linearizable_by_construction_is_found_so_and_the_order_explains_it() {
    let shape = Shape { clients: 8, operations: 200, given_up: 50, goes_on: true, lies: 0 };
    // Dequeues of which nobody hears make queues hard.
    let short = Shape { clients: 4, operations: 40, given_up: 20, ..shape };
    for seed in 0..150 {
        explain::<Register<u64>>(&live(shape, &mut Die::new(seed, "register")));
        explain::<Queue<u64>>(&live(Shape { given_up: 0, ..shape }, &mut Die::new(seed, "queue")));
        explain::<Queue<u64>>(&live(short, &mut Die::new(seed, "queue")));
        explain::<Entry>(&live(shape, &mut Die::new(seed, "entry")));
        explain::<Refilled>(&live(short, &mut Die::new(seed, "refilled")));
        // Here tokens are guessed, and the token of a claim that nobody hears of cannot be.
        explain::<LeasedMessage>(&live(Shape { given_up: 0, ..shape }, &mut Die::new(seed, "lease")));
    }
}

fn explain<S: Object>(lived: &[Lived<S>]) {
    let Verdict::Linearizable(orders) = judge(lived).verdict else {
        panic!("{}", judge(lived).verdict);
    };
    let [Order { calls, .. }] = &orders[..] else {
        panic!("one part, {} orders", orders.len());
    };
    assert_explains(lived, calls, u64::MAX);
    let left = (0..lived.len()).filter(|index| !calls.contains(&Call(*index)));
    assert!(left.into_iter().all(|index| lived[index].answered.is_none()), "an answer is not explained");
}

/// The order respects time, and leads through states that explain each answer before `end`.
fn assert_explains<S: Object>(lived: &[Lived<S>], order: &[Call], end: u64) -> BTreeSet<String> {
    let specification = S::new();
    let distinct: BTreeSet<Call> = order.iter().copied().collect();
    assert_eq!(distinct.len(), order.len(), "something happens twice");
    let mut states = vec![specification.initial()];
    let mut latest_call = 0;
    for Call(index) in order {
        let Lived { operation, called, answered, .. } = &lived[*index];
        latest_call = latest_call.max(*called);
        let is_in_time = answered.as_ref().is_none_or(|(answered, _)| latest_call < *answered);
        assert!(is_in_time && *called < end, "operation {index} is put after one that was called after its answer");
        let outcome = answered.as_ref().map(|(_, outcome)| outcome);
        let next = states.iter().flat_map(|state| specification.step(state, operation, outcome));
        states = next.collect();
        states.dedup();
        assert!(!states.is_empty(), "operation {index} is not explained");
    }
    let due = |lived: &Lived<S>| lived.answered.as_ref().is_some_and(|(answered, _)| *answered < end);
    assert!((0..lived.len()).all(|index| !due(&lived[index]) || distinct.contains(&Call(index))));
    states.iter().map(|state| format!("{state:?}")).collect()
}

fn broken_ones<S: Object>(shape: Shape, count: u64, check: impl Fn(&[Lived<S>], &Broken<S>)) {
    let mut seen = 0;
    for lived in histories_of::<S>(shape, count, "broken") {
        if let Verdict::Broken(broken) = judge(&lived).verdict {
            seen += 1;
            check(&lived, &broken);
        }
    }
    assert!(seen > count / 8, "{seen} of {count}");
}

#[test]
fn a_witness_is_not_linearizable_and_each_of_its_operations_is_needed() {
    for shape in [TINY, Shape { clients: 4, given_up: 4, ..TINY }] {
        broken_ones::<Register<u64>>(shape, 3_000, assert_minimal);
        broken_ones::<Queue<u64>>(shape, 3_000, assert_minimal);
        broken_ones::<Entry>(shape, 3_000, assert_minimal);
        broken_ones::<Refilled>(shape, 3_000, assert_minimal);
        broken_ones::<LeasedMessage>(shape, 3_000, assert_minimal);
    }
}

fn assert_minimal<S: Object>(lived: &[Lived<S>], broken: &Broken<S>) {
    let witness = &broken.witness;
    assert!(witness.is_minimal);
    assert!(witness.calls.is_sorted_by_key(|call| lived[call.0].called));
    let calls: BTreeSet<Call> = witness.calls.iter().copied().collect();
    let shown = held(lived, &calls, &witness.excused);
    assert!(!brute_force::has_order(&S::new(), &shown), "{broken}\n{:?}", history(lived));
    for call in &calls {
        assert!(lived[call.0].answered.is_some(), "a pending operation is held to nothing");
        let fewer: BTreeSet<Call> = calls.iter().copied().filter(|other| other != call).collect();
        let excused = footprint(&lived[call.0]).changes.then_some(*call);
        let excused: Vec<Call> = witness.excused.iter().copied().chain(excused).collect();
        let fewer = held(lived, &fewer, &excused);
        assert!(brute_force::has_order(&S::new(), &fewer), "{call:?} is not needed:\n{broken}\n{:?}", history(lived));
    }
}

fn footprint<S: Object>(lived: &Lived<S>) -> Footprint<S::Value> {
    S::new().footprint(&lived.operation, lived.answered.as_ref().map(|(_, outcome)| outcome))
}

/// The history of `calls` with their answers, and of those that are excused without.
fn held<S: Object>(lived: &[Lived<S>], calls: &BTreeSet<Call>, excused: &[Call]) -> Vec<Lived<S>> {
    let kept = lived.iter().enumerate().filter_map(|(index, lived)| {
        let is_held = calls.contains(&Call(index));
        let answered = lived.answered.clone().filter(|_| is_held);
        (is_held || excused.contains(&Call(index))).then(|| Lived { answered, ..lived.clone() })
    });
    kept.collect()
}

/// What makes it right to leave operations out of a witness.
#[test]
fn what_is_linearizable_stays_so_without_all_that_concerns_some_values() {
    for seed in 0..3_000 {
        let die = &mut Die::new(seed, "values");
        leave_out(&live::<Register<u64>>(TINY, die), die);
        leave_out(&live::<Queue<u64>>(TINY, die), die);
    }
}

fn leave_out<S: Object<Value = u64>>(lived: &[Lived<S>], die: &mut Die) {
    let mut out = BTreeSet::from([die.below(4)]);
    for _ in lived {
        for Footprint { values, .. } in lived.iter().map(footprint) {
            if let Values::Only(values) = values
                && values.iter().any(|value| out.contains(value))
            {
                out.extend(values);
            }
        }
    }
    let is_kept = |lived: &&Lived<S>| match footprint(lived).values {
        Values::All => false,
        Values::Only(values) => values.iter().all(|value| !out.contains(value)),
    };
    let kept: Vec<Lived<S>> = lived.iter().filter(is_kept).cloned().collect();
    assert!(brute_force::has_order(&S::new(), &kept), "without {out:?}: {:?}", history(lived));
}

#[test]
fn the_prefix_is_the_longest_that_can_be_explained_and_all_its_states_are_told() {
    broken_ones::<Register<u64>>(TINY, 3_000, assert_prefix);
    broken_ones::<Queue<u64>>(TINY, 3_000, assert_prefix);
    broken_ones::<Entry>(TINY, 3_000, assert_prefix);
    broken_ones::<Refilled>(TINY, 3_000, assert_prefix);
    broken_ones::<LeasedMessage>(TINY, 3_000, assert_prefix);
}

fn assert_prefix<S: Object>(lived: &[Lived<S>], broken: &Broken<S>) {
    let Call(culprit) = broken.culprit;
    let end = lived[culprit].answered.as_ref().expect("a pending operation needs no explanation").0;
    let is_before = |lived: &&Lived<S>| lived.answered.as_ref().is_some_and(|(answered, _)| *answered < end);
    assert_eq!(broken.prefix.answers as usize, lived.iter().filter(is_before).count());
    let after = brute_force::states_before(&S::new(), lived, end + 1, usize::MAX);
    assert!(after.is_empty(), "the culprit's answer can be explained: {after:?}");
    let reached = assert_explains(lived, &broken.prefix.order, end);
    let told: BTreeSet<String> = broken.prefix.states.iter().map(|state| format!("{state:?}")).collect();
    assert!(reached.iter().any(|state| told.contains(state)));
    assert_eq!(told, brute_force::states_before(&S::new(), lived, end, culprit), "{broken}\n{:?}", history(lived));
    assert_eq!(told.len(), broken.prefix.states.len());
}

/// What is decided without a search needs no steps, so narrow limits do not hurt.
#[test]
fn what_is_decided_without_a_search_has_the_same_prefix_and_its_order_explains_it() {
    let answered = Shape { given_up: 0, ..TINY };
    for shape in [answered, Shape { clients: 4, operations: 40, ..answered }] {
        broken_ones::<Entry>(shape, 1_000, assert_decided);
        broken_ones::<Queue<u64>>(shape, 1_000, assert_decided);
    }
}

fn assert_decided<S: Object>(lived: &[Lived<S>], searched: &Broken<S>) {
    let limits = Limits { steps: 2, remembered: 2 };
    let verdict = Checker::new(S::new()).within(limits).judge(&history(lived)).verdict;
    let decided = verdict.broken().expect("no search is needed");
    assert_eq!((decided.culprit, decided.prefix.answers), (searched.culprit, searched.prefix.answers));
    assert_eq!(decided.witness.is_minimal, searched.witness.is_minimal);
    let Call(culprit) = decided.culprit;
    let end = lived[culprit].answered.as_ref().expect("a pending operation needs no explanation").0;
    let reached = assert_explains(lived, &decided.prefix.order, end);
    let words = |broken: &Broken<S>| broken.prefix.states.iter().map(|state| format!("{state:?}")).collect();
    let (some, all): (BTreeSet<_>, BTreeSet<_>) = (words(decided), words(searched));
    let are_told = !searched.prefix.is_exact || some.is_subset(&all);
    assert!(!reached.is_disjoint(&some) && are_told, "{reached:?}, {some:?}, {all:?}");
}

#[test]
fn narrow_limits_leave_a_history_undecided_and_never_judge_it_wrong() {
    let mut undecided = 0;
    for lived in histories_of::<Register<u64>>(MIDDLE, 60, "limits") {
        let right = judge(&lived).verdict.is_linearizable();
        for steps in [10, 100, 300, 1_000] {
            let limits = Limits { steps, ..Limits::default() };
            undecided += judge_within(&lived, limits, right);
            let limits = Limits { remembered: steps as usize / 10, ..Limits::default() };
            undecided += judge_within(&lived, limits, right);
        }
    }
    assert!(undecided > 60, "{undecided}");
}

fn judge_within(lived: &[Lived<Register<u64>>], limits: Limits, is_linearizable: bool) -> u32 {
    let judgement = Checker::new(Register::new(0)).within(limits).judge(&history(lived));
    // A step tries one operation, so a configuration may be begun within the limits and finished beyond.
    let slack = 64;
    match judgement.verdict {
        Verdict::Unknown(_) => {
            assert!(judgement.effort.steps <= limits.steps.saturating_add(slack), "{:?}", judgement.effort);
            assert!(judgement.effort.configurations <= limits.remembered as u64 + slack);
            1
        }
        verdict => {
            assert_eq!(verdict.is_linearizable(), is_linearizable, "{verdict}");
            0
        }
    }
}

#[test]
fn a_judgement_is_a_function_of_the_history() {
    let shape = Shape { clients: 8, operations: 200, given_up: 30, goes_on: true, lies: 2 };
    let limits = Limits { steps: 1_000_000, ..Limits::default() };
    let judge = |lived: &[Lived<Register<u64>>]| Checker::new(Register::new(0)).within(limits).judge(&history(lived));
    let mut steps = 0;
    for seed in 0..20 {
        let lived = live::<Register<u64>>(shape, &mut Die::new(seed, "function"));
        let (once, again) = (judge(&lived), judge(&lived));
        assert_eq!(format!("{once:?}"), format!("{again:?}"));
        steps += once.effort.steps;
    }
    assert_eq!(steps, STEPS_IN_EVERY_PROCESS);
}

const STEPS_IN_EVERY_PROCESS: u64 = 2_613_315;

#[test]
fn sixteen_clients_with_a_thousand_operations_each_are_judged_and_a_lie_among_them_is_shown_by_few() {
    let (mut lived, early) = (long::<Register<u64>>(), 12_000);
    histories::deceive(&mut lived, early, |told| read_instead(told, u64::MAX));
    assert_shown_by(&lived, early, 1);

    let mut lived = long::<Entry>();
    histories::deceive(&mut lived, early, |told| read_instead(told, None));
    assert_shown_by(&lived, early, 2);

    let mut lived = long::<Queue<u64>>();
    let first = lived.iter().find_map(|lived| match lived.answered {
        Some((_, QueueOutcome::Dequeued(Some(first)))) => Some(first),
        _ => None,
    });
    histories::deceive(&mut lived, early, |told| match told {
        QueueOutcome::Dequeued(Some(_)) => Some(QueueOutcome::Dequeued(first)),
        _ => None,
    });
    assert_shown_by(&lived, early, 2);
}

fn read_instead<V>(told: &RegisterOutcome<V>, value: V) -> Option<RegisterOutcome<V>> {
    matches!(told, RegisterOutcome::Read(_)).then_some(RegisterOutcome::Read(value))
}

fn long<S: Object>() -> Vec<Lived<S>> {
    let shape = Shape { clients: 16, operations: 16_000, given_up: 0, goes_on: true, lies: 0 };
    let lived = live(shape, &mut Die::new(1, "long"));
    assert!(judge::<S>(&lived).verdict.is_linearizable());
    lived
}

fn assert_shown_by<S: Object>(lived: &[Lived<S>], early: usize, calls: usize) {
    let verdict = judge(lived).verdict;
    let broken = verdict.broken().expect("somebody was lied to");
    assert!(broken.witness.is_minimal);
    assert_eq!(broken.witness.calls.len(), calls, "{broken}");
    // What should have been answered may be missed a little before the lie is told.
    assert!(broken.culprit.0 + 100 >= early, "{broken}");
}

type Registers = History<RegisterOperation<u64>, RegisterOutcome<u64>>;

fn judge_register(history: &Registers) -> Verdict<Register<u64>> {
    Checker::new(Register::new(0)).judge(history).verdict
}

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// What one message of a lease queue may hear, one thing after another.
#[test]
fn a_message_is_handed_out_until_whoever_holds_its_last_token_is_done() {
    use LeaseOperation::{Acknowledge, Claim, Enqueue, Release};
    use LeaseOutcome::{Claimed, Done, Refused};
    let claimed = [(Enqueue, Done), (Claim, Claimed(1))];
    let acknowledged = [&claimed[..], &[(Acknowledge(1), Done)]].concat();
    for (begin, end, is_linearizable) in [
        (&[][..], (Claim, Claimed(1)), false),
        (&claimed, (Enqueue, Done), false),
        (&claimed, (Claim, Claimed(2)), true),
        (&claimed, (Release(1), Done), true),
        (&claimed, (Release(2), Done), false),
        (&claimed, (Acknowledge(2), Done), false),
        (&claimed, (Acknowledge(1), Refused), true),
        (&acknowledged, (Acknowledge(1), Done), true),
        (&acknowledged, (Release(1), Done), false),
        (&acknowledged, (Claim, Claimed(2)), false),
        (&[&claimed[..], &[(Release(1), Done)]].concat(), (Acknowledge(1), Done), false),
        (&[&claimed[..], &[(Claim, Claimed(2))]].concat(), (Acknowledge(1), Done), false),
        (&[&claimed[..], &[(Acknowledge(1), Refused)]].concat(), (Acknowledge(1), Done), false),
    ] {
        let mut history = History::default();
        for (event, (operation, outcome)) in (0..).step_by(2).zip(begin.iter().copied().chain([end])) {
            let answer = Some((at(event + 1), outcome));
            history.record(0, Keyed { key: 0, operation }, at(event), answer).unwrap();
        }
        let verdict = Checker::new(LeasedMessage::empty()).judge(&history).verdict;
        assert_eq!(verdict.is_linearizable(), is_linearizable, "{begin:?}, then {end:?}: {verdict}");
    }
}

/// One read, and what it hears.
fn read(history: &mut Registers, called: u64, answered: u64, value: u64) {
    let outcome = Some((at(answered), RegisterOutcome::Read(value)));
    history.record(9, RegisterOperation::Read, at(called), outcome).unwrap();
}

#[test]
fn a_pending_write_may_happen_late_or_never_but_neither_early_nor_twice() {
    for (reads, is_linearizable) in [
        (&[(0, 0), (10, 0), (20, 0)][..], true),
        (&[(0, 0), (10, 0), (20, 7)], true),
        (&[(0, 0), (10, 7), (20, 7)], true),
        (&[(0, 7)], false),
        (&[(10, 7), (20, 0)], false),
    ] {
        let mut history = History::default();
        history.invoke(0, at(5), RegisterOperation::Write(7));
        reads.iter().for_each(|(called, value)| read(&mut history, *called, called + 2, *value));
        assert_eq!(judge_register(&history).is_linearizable(), is_linearizable, "{reads:?}");
    }
}

#[test]
fn what_was_withdrawn_never_happened() {
    let mut history = History::default();
    let write = history.invoke(0, at(5), RegisterOperation::Write(7));
    read(&mut history, 6, 8, 7);
    assert!(judge_register(&history).is_linearizable());
    history.withdraw(write).unwrap();
    assert!(judge_register(&history).is_broken());
}

#[test]
fn events_of_one_instant_count_as_told_or_else_as_concurrent() {
    let mut told = History::default();
    let write = told.invoke(0, at(5), RegisterOperation::Write(7));
    told.answer(write, at(6), RegisterOutcome::Written).unwrap();
    let stale = told.invoke(1, at(6), RegisterOperation::Read);
    told.answer(stale, at(6), RegisterOutcome::Read(0)).unwrap();
    assert!(judge_register(&told).is_broken());

    let mut recorded = History::default();
    recorded.record(0, RegisterOperation::Write(7), at(5), Some((at(6), RegisterOutcome::Written))).unwrap();
    read(&mut recorded, 6, 6, 0);
    assert!(judge_register(&recorded).is_linearizable());
}

#[test]
fn a_history_that_cannot_have_been_is_refused_with_what_where_and_how_to_mend() {
    let mut history = Registers::default();
    let call = history.invoke(0, at(5), RegisterOperation::Read);
    let early = history.answer(call, at(4), RegisterOutcome::Read(0)).unwrap_err().to_string();
    assert!(early.contains("operation 0") && early.contains("one clock"), "{early}");
    let missing = history.withdraw(Call(1)).unwrap_err().to_string();
    assert!(missing.contains("operation 1") && missing.contains("invoke()"), "{missing}");
    history.answer(call, at(5), RegisterOutcome::Read(0)).unwrap();
    let twice = history.withdraw(call).unwrap_err().to_string();
    assert!(twice.contains("ends twice"), "{twice}");
    let answer = Some((at(4), RegisterOutcome::Read(0)));
    assert!(history.record(0, RegisterOperation::Read, at(5), answer).is_err());
    assert_eq!(history.len(), 1, "what is refused is not added");
}

#[test]
fn a_verdict_says_whose_answer_cannot_be_explained_and_what_shows_it() {
    let mut history = History::default();
    for (key, value, called) in [("left", 1, 10), ("left", 2, 20), ("right", 3, 20)] {
        let operation = Keyed { key, operation: RegisterOperation::Write(Some(value)) };
        history.record(0, operation, at(called), Some((at(called + 5), RegisterOutcome::Written))).unwrap();
    }
    let operation = Keyed { key: "left", operation: RegisterOperation::Read };
    history.record(3, operation, at(30), Some((at(35), RegisterOutcome::Read(Some(1))))).unwrap();
    let verdict = Checker::new(KeyValue::empty()).judge(&history).verdict;
    assert_eq!(verdict.to_string(), STALE_READ);
    assert_eq!(verdict.claim("linearizable").unwrap_err().detail, STALE_READ);
    assert_eq!(verdict.broken().unwrap().key, "left");
}

const STALE_READ: &str = "client 3's read of Some(1) (key \"left\") at 0.000000030..0.000000035 cannot be explained: \
the 2 answers before it under \"left\" leave Some(2). Operations that show it:
  client 0's write of Some(1) (key \"left\") at 0.000000010..0.000000015
  client 0's write of Some(2) (key \"left\") at 0.000000020..0.000000025
  client 3's read of Some(1) (key \"left\") at 0.000000030..0.000000035";
