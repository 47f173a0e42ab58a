//! The queue's quick models hold and are not vacuous; hosts and settings with a fault are caught.

use purlin::protocol::Effect;
use purlin::queue::{Answer, Event, MessageState, Queue, Record, Request, Settings};
use purlin_models::cluster::{Action, Budgets, Claims, ClusterModel, HostFault, Kind as Do, LeadsTo, Past};
use purlin_models::queue::{Asks, Case, Clients, promises, small};
use purlin_models::{CheckReport, Kind, Model, ModelOf, ProtocolModel, Scope, models};
use std::collections::BTreeSet;

fn queue_models() -> Vec<Box<dyn Model>> {
    models().into_iter().filter(|model| model.room() == "queue").collect()
}

fn quick() -> impl Iterator<Item = Box<dyn Model>> {
    queue_models().into_iter().filter(|model| model.scope() == Scope::Quick)
}

fn violated(report: &CheckReport) -> Vec<String> {
    let violated = report.properties.iter().filter(|property| !property.holds);
    violated.map(|property| format!("{} {:?} {:#?}", property.name, property.kind, property.path)).collect()
}

#[test]
fn every_quick_model_holds_and_is_explored_to_its_end() {
    let mut names = BTreeSet::new();
    for model in quick() {
        let report = model.check(&|_| ());
        assert!(report.holds(), "{}: {:#?}", model.name(), violated(&report));
        let count = |kind| report.properties.iter().filter(|property| property.kind == kind).count();
        assert!(count(Kind::Always) >= 20 && count(Kind::Sometimes) >= 2, "{}", model.name());
        assert!(names.insert(model.name()), "{} twice", model.name());
    }
}

#[test]
fn stateright_counts_the_same_states() {
    for model in quick().filter(|model| ["a slow disk", "one deduplication id", "a lease"].contains(&model.name())) {
        let report = model.check(&|_| ());
        let counts = (report.unique_states, report.generated_states);
        assert_eq!(counts, model.count_by_stateright(), "{}", model.name());
    }
}

/// One message, one worker, a crash and time.
fn crashing(asks: Asks, settings: Settings) -> Case {
    let budgets = Budgets { crashes: 1, ..Budgets::CALM };
    Case::new("test", Scope::Quick, settings, asks).time(Some(0)).budgets(budgets)
}

fn one_worker() -> Asks {
    Asks { workers: vec!["w"], ..Asks::of(&["a"]) }
}

fn check(case: Case, host_fault: Option<HostFault<Queue>>) -> CheckReport {
    let (mut world, claims) = case.into_parts();
    world.host_fault = host_fault;
    ProtocolModel::<Queue, Clients>::new("queue", "test", Scope::Quick, world, claims).check(&|_| ())
}

/// The first claim that is broken if hosts have this fault, and what was done up to there. Without it all hold.
fn broken(case: impl Fn() -> Case, host_fault: HostFault<Queue>) -> (String, Vec<Action<Queue>>) {
    let sound = check(case(), None);
    assert!(sound.holds(), "{:#?}", violated(&sound));
    let report = check(case(), Some(host_fault));
    let broken = report.properties.into_iter().find(|property| !property.holds && property.kind == Kind::Always);
    let broken = broken.expect("the fault is caught");
    let actions = broken.actions.expect("a violation has a path");
    (broken.name, serde_json::from_value(actions).expect("a path reads back"))
}

/// Every answer leaves before what it rests on is written.
const ANSWERS_FIRST: HostFault<Queue> =
    |effects, _| effects.sort_by_key(|effect| !matches!(effect, Effect::Answer { .. }));

#[test]
fn an_answer_before_its_records_is_caught_by_a_crash_between_them() {
    let (name, actions) = broken(|| crashing(one_worker(), small()), ANSWERS_FIRST);
    assert_eq!(name, "what was acknowledged is never lost");
    assert!(actions.iter().any(|action| !action.fate.is_whole()), "{actions:#?}");
}

#[test]
fn a_timer_that_is_not_set_is_caught() {
    let drops = |effects: &mut Vec<Effect<Queue>>, _| effects.retain(|effect| !matches!(effect, Effect::Arm { .. }));
    let (name, _) = broken(|| crashing(one_worker(), small()), drops);
    assert_eq!(name, "a live lease has its timer");
}

#[test]
fn a_timer_that_is_not_set_again_by_recovery_is_caught() {
    let drops = |effects: &mut Vec<Effect<Queue>>, is_recovery| {
        effects.retain(|effect| !(is_recovery && matches!(effect, Effect::Arm { .. })));
    };
    let (name, actions) = broken(|| crashing(one_worker(), small()), drops);
    assert_eq!(name, "a live lease has its timer");
    assert!(matches!(actions.last().map(|action| &action.kind), Some(Do::Restart { .. })), "{actions:#?}");
}

#[test]
fn a_death_that_is_announced_twice_is_caught() {
    let doubles = |effects: &mut Vec<Effect<Queue>>, _| {
        let deaths = effects.iter().filter(|effect| matches!(effect, Effect::Notify(Event::Died { .. })));
        effects.extend(deaths.cloned().collect::<Vec<_>>());
    };
    assert_eq!(broken(|| crashing(one_worker(), small()), doubles).0, "a death is announced once");
}

#[test]
fn a_death_that_is_not_announced_is_caught() {
    let silences = |effects: &mut Vec<Effect<Queue>>, _| {
        effects.retain(|effect| !matches!(effect, Effect::Notify(Event::Died { .. })));
    };
    assert_eq!(broken(|| crashing(one_worker(), small()), silences).0, "a death that is durable is announced");
}

#[test]
fn a_refusal_that_is_told_as_success_is_caught() {
    let flatters = |effects: &mut Vec<Effect<Queue>>, _| {
        for effect in effects {
            if let Effect::Answer { answer, .. } = effect
                && *answer == Answer::Stale
            {
                *answer = Answer::Ok;
            }
        }
    };
    // Nobody is told that a token is stale, so it is the message that tells: it was acked and is not done.
    let (name, _) = broken(|| crashing(one_worker(), small()), flatters);
    assert_eq!(name, "what was acknowledged as done stays done");
}

#[test]
fn a_record_that_does_not_reach_the_journal_is_caught() {
    let forgets = |effects: &mut Vec<Effect<Queue>>, _| {
        effects.retain(|effect| !matches!(effect, Effect::Persist(Record::Acked { .. })));
    };
    assert_eq!(broken(|| crashing(one_worker(), small()), forgets).0, "what was persisted is what is known");
}

/// Only the promise, so that nothing else is broken first.
fn only(promise: LeadsTo<Queue, Clients>, case: Case, host_fault: Option<HostFault<Queue>>) -> bool {
    let (mut world, _) = case.into_parts();
    world.host_fault = host_fault;
    let claims = Claims { leads_to: vec![promise], ..Claims::default() };
    let report = ProtocolModel::new("queue", "test", Scope::Quick, world, claims).check(&|_| ());
    assert!(report.complete, "{:#?}", violated(&report));
    report.holds()
}

#[test]
fn a_lease_that_nobody_ends_lasts_for_ever_without_its_timer() {
    let drops = |effects: &mut Vec<Effect<Queue>>, _| effects.retain(|effect| !matches!(effect, Effect::Arm { .. }));
    let case = || crashing(one_worker(), small());
    assert!(only(promises::a_lease_ends_by_itself(), case(), None));
    assert!(!only(promises::a_lease_ends_by_itself(), case(), Some(drops)));
}

/// The second message is handed out, if somebody claims and time passes.
fn the_second_is_handed_out() -> LeadsTo<Queue, Clients> {
    LeadsTo {
        name: "the second of a key is handed out, if somebody claims and the queue goes on",
        from: |state, _| is_ready(state, "b"),
        to: |state, _| !is_ready(state, "b"),
        fair: promises::what_is_ready_is_handed_out().fair,
    }
}

fn is_ready(state: &purlin_models::Cluster<Queue, Clients>, id: &str) -> bool {
    let Some(queue) = state.machine(0) else { return false };
    let image = purlin::protocol::Protocol::image(queue);
    let message = image.by_id.get(id).and_then(|sequence| image.messages.get(sequence));
    message.is_some_and(|it| matches!(it.state, MessageState::Ready { .. }))
}

#[test]
fn a_message_behind_a_dead_one_waits_for_ever_only_if_the_dead_block_their_key() {
    let case = |dead_blocks_key| {
        let settings = Settings { max_attempts: 1, dead_blocks_key, ..small() };
        let asks = Asks { workers: vec!["w"], ..Asks::of_key(&["a", "b"]) };
        Case::new("test", Scope::Quick, settings, asks).time(Some(0))
    };
    assert!(only(the_second_is_handed_out(), case(false), None));
    assert!(!only(the_second_is_handed_out(), case(true), None));
}

#[test]
fn what_is_ready_waits_for_ever_if_nobody_claims() {
    let nobody = LeadsTo { fair: promises::a_lease_ends_by_itself().fair, ..promises::what_is_ready_is_handed_out() };
    assert!(!only(nobody, crashing(one_worker(), small()), None));
}

/// For so many ticks, with the past as it was or known by its order only.
fn remembering(past: Past, host_fault: Option<HostFault<Queue>>) -> CheckReport {
    let ticks = Budgets { crashes: 1, ticks: 6, ..Budgets::CALM };
    let (mut world, claims) = crashing(one_worker(), small()).budgets(ticks).into_parts();
    (world.past, world.host_fault) = (past, host_fault);
    ModelOf::of("queue", "test", Scope::Quick, ClusterModel::new(world, claims)).check(&|_| ())
}

#[test]
fn a_queue_only_compares_what_is_past() {
    let verdicts = |report: &CheckReport| -> Vec<_> {
        report.properties.iter().map(|property| (property.name.clone(), property.holds)).collect()
    };
    let forgetting = Past::OrderBeyond(core::time::Duration::ZERO);
    for fault in [None, Some(ANSWERS_FIRST)] {
        let (exact, by_order) = (remembering(Past::Exact, fault), remembering(forgetting, fault));
        assert_eq!(verdicts(&exact), verdicts(&by_order));
        assert!(by_order.unique_states <= exact.unique_states);
    }
    let (exact, by_order) = (remembering(Past::Exact, None), remembering(forgetting, None));
    assert!(
        by_order.unique_states * 10 < exact.unique_states * 9,
        "{} of {}",
        by_order.unique_states,
        exact.unique_states
    );
    assert!(by_order.holds());
}

#[test]
fn a_path_can_be_read() {
    let (_, actions) = broken(|| crashing(one_worker(), small()), ANSWERS_FIRST);
    let asked = |action: &Action<Queue>| matches!(action.kind, Do::Request { request: Request::Enqueue(_), .. });
    assert!(actions.len() <= 2 && actions.iter().any(asked), "{actions:#?}");
}
