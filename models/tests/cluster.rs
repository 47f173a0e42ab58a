//! The cluster model is checked: protocols with a planted fault are caught, by the one thing that makes the fault matter.

mod ballot;

use ballot::{Answer, Ballot, Config, Fault, Message, Request, TICK, Timer};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::nameless;
use purlin_models::cluster::{
    ANSWERS_ARE_ASKED_FOR, Action, Always, Budgets, Claims, Cluster, ClusterModel, ClusterScope, EveryStep, Fairness,
    Fate, Ghost, Kind as Do, LeadsTo, NOW, NodeScope, Past, Requests, Seen, SomeStep, Sometimes,
};
use purlin_models::{CheckReport, Graph, Kind, Model, ProtocolModel, Scope, Verdict, replay};
use std::collections::BTreeSet;

/// Who ever acted as elected, and for which term.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Leaders(BTreeSet<(u64, usize)>);

nameless!(Leaders);

impl Ghost<Ballot> for Leaders {
    fn observe(&mut self, seen: &Seen<Ballot>, _: &Cluster<Ballot, Self>) {
        let leader = match seen {
            Seen::Notified { node, event } => Some((event.term, *node)),
            Seen::Sent { node, message: Message::Lead { term }, .. } => Some((*term, *node)),
            _ => None,
        };
        self.0.extend(leader);
    }
}

type World = ClusterScope<Ballot, Leaders>;

fn config(name: u8, nodes: u8, fault: Fault) -> Config {
    let others = (0..nodes).filter(|other| *other != name).collect();
    Config { name, others, quorum: 2, lease: Duration::ZERO, jitter: None, drift: Duration::ZERO, fault }
}

/// Three nodes, of which the first and the last may stand once each.
fn three(fault: Fault) -> World {
    ClusterScope {
        requests: Requests::of_nodes([(0, Request::Stand), (2, Request::Stand)]),
        budgets: Budgets { requests: 2, ..Budgets::CALM },
        ignores: |_, packet| matches!(packet.message, Message::Lead { .. }),
        ..ClusterScope::new((0..3).map(|name| NodeScope::at(name, config(name, 3, fault))))
    }
}

const ONE_LEADER_A_TERM: Always<Ballot, Leaders> = Always {
    name: "at most one is ever elected for a term",
    holds: |state, _| state.ghost.0.iter().map(|(term, _)| term).collect::<BTreeSet<_>>().len() == state.ghost.0.len(),
};

const ONE_LEADS: Always<Ballot, Leaders> = Always {
    name: "at most one node believes that it leads",
    holds: |state, scope| (0..state.nodes.len()).filter(|node| leads(state, scope, *node)).count() <= 1,
};

fn leads(state: &Cluster<Ballot, Leaders>, scope: &World, node: usize) -> bool {
    state.machine(node).is_some_and(|it| it.leads(scope.config(node), state.nodes[node].now))
}

const SOMEBODY_IS_ELECTED: Sometimes<Ballot, Leaders> =
    Sometimes { name: "somebody is elected", holds: |state, _| !state.ghost.0.is_empty() };

fn claims() -> Claims<Ballot, Leaders> {
    Claims { always: vec![ONE_LEADER_A_TERM], sometimes: vec![SOMEBODY_IS_ELECTED], ..Claims::default() }
}

fn model(world: World, claims: Claims<Ballot, Leaders>) -> ProtocolModel<Ballot, Leaders> {
    ProtocolModel::<Ballot, Leaders>::new("ballot", "test", Scope::Quick, world, claims)
}

fn check(world: World, claims: Claims<Ballot, Leaders>) -> CheckReport {
    model(world, claims).check(&|_| ())
}

fn assert_holds(report: &CheckReport) {
    assert!(report.holds(), "{:#?}", report.properties.iter().filter(|it| !it.holds).collect::<Vec<_>>());
}

fn actions_of(report: &CheckReport, name: &str) -> Vec<Action<Ballot>> {
    let property = report.properties.iter().find(|property| property.name == name).expect("the property is reported");
    assert!(!property.holds, "{name} was expected to be violated");
    let actions = property.actions.clone().expect("a violation has a path");
    serde_json::from_value(actions).expect("a path reads back")
}

fn crashing(fault: Fault, stalls: u8) -> World {
    let budgets = Budgets { requests: 2, crashes: 1, stalls, ..Budgets::CALM };
    ClusterScope { budgets, ..three(fault) }
}

#[test]
fn a_sound_ballot_holds_though_nodes_crash_and_disks_are_slow() {
    assert_holds(&check(crashing(Fault::None, 1), claims()));
}

#[test]
fn a_vote_that_leaves_before_it_is_durable_is_caught_by_a_crash_between_effects() {
    let report = check(crashing(Fault::TellsTooEarly, 0), claims());
    let actions = actions_of(&report, ONE_LEADER_A_TERM.name);
    // The voter dies after its vote has left, and what it wrote does not survive.
    assert!(actions.iter().any(|action| action.fate == Fate::Crash { after: 1, survive: 0 }), "{actions:#?}");
}

#[test]
fn a_vote_of_ones_own_that_counts_at_once_is_caught_only_where_syncs_lag() {
    assert_holds(&check(crashing(Fault::CountsItselfAtOnce, 0), claims()));
    let report = check(crashing(Fault::CountsItselfAtOnce, 1), claims());
    let actions = actions_of(&report, ONE_LEADER_A_TERM.name);
    assert!(actions.iter().any(|action| matches!(action.kind, Do::Stall { .. })), "{actions:#?}");
}

#[test]
fn a_counterexample_replays_and_the_sound_protocol_survives_it() {
    let report = check(crashing(Fault::TellsTooEarly, 0), claims());
    let actions = actions_of(&report, ONE_LEADER_A_TERM.name);
    let faulty = ClusterModel::new(crashing(Fault::TellsTooEarly, 0), claims());
    assert_eq!(replay(&faulty, &actions), Verdict::Violated { property: ONE_LEADER_A_TERM.name, after: actions.len() });
    let sound = ClusterModel::new(crashing(Fault::None, 0), claims());
    // The sound one dies before its vote leaves, so the path ends there.
    assert!(matches!(replay(&sound, &actions), Verdict::NotOffered { .. }));
}

/// Everybody's vote is needed.
fn unanimous(fault: Fault, duplicates: u8) -> World {
    let mut world = three(fault);
    world.nodes.iter_mut().for_each(|node| node.config.quorum = 3);
    ClusterScope { budgets: Budgets { requests: 1, duplicates, ..Budgets::CALM }, ..world }
}

const ELECTED_BY_ALL: Always<Ballot, Leaders> = Always {
    name: "who is elected has everybody's durable vote",
    holds: |state, _| {
        let voted = |term, to: usize| {
            move |node: &std::sync::Arc<purlin_models::cluster::Node<Ballot>>| {
                node.disk.term > term || (node.disk.term == term && node.disk.to == Some(to as u8))
            }
        };
        state.ghost.0.iter().all(|(term, node)| state.nodes.iter().all(voted(*term, *node)))
    },
};

#[test]
fn a_vote_that_counts_twice_is_caught_only_where_messages_come_twice() {
    let claims = || Claims { always: vec![ELECTED_BY_ALL], ..claims() };
    assert_holds(&check(unanimous(Fault::None, 2), claims()));
    assert_holds(&check(unanimous(Fault::CountsCopies, 0), claims()));
    let report = check(unanimous(Fault::CountsCopies, 1), claims());
    let actions = actions_of(&report, ELECTED_BY_ALL.name);
    assert!(actions.iter().any(|action| matches!(action.kind, Do::Deliver { twice: true, .. })), "{actions:#?}");
}

/// One candidate, while time passes and one message is lost.
fn losing(fault: Fault) -> World {
    ClusterScope {
        requests: Requests::of_nodes([(0, Request::Stand)]),
        budgets: Budgets { requests: 1, losses: 2, ..Budgets::CALM },
        tick: TICK,
        past: Past::OrderBeyond(Duration::ZERO),
        ..three(fault)
    }
}

fn who_stands_is_elected() -> LeadsTo<Ballot, Leaders> {
    LeadsTo {
        name: "who stands is elected, if messages come, timers fire and time passes",
        from: |state, _| state.machine(0).is_some_and(|it| it.candidacy.is_some()),
        to: |state, _| !state.ghost.0.is_empty(),
        fair: |action, _| match &action.kind {
            // A class for each way, so that no message waits behind the others for ever.
            Do::Deliver { packet, .. } => Some(3 * packet.from as Fairness + packet.to as Fairness),
            Do::Own { .. } => Some(9),
            Do::Fire { .. } => Some(10),
            Do::Advance { .. } => Some(11),
            _ => None,
        },
    }
}

#[test]
fn a_candidate_that_asks_again_is_elected_though_messages_are_lost() {
    let claims = Claims { leads_to: vec![who_stands_is_elected()], ..claims() };
    assert_holds(&check(losing(Fault::None), claims));
}

#[test]
fn a_timer_that_is_not_armed_breaks_the_promise() {
    let claims = Claims { leads_to: vec![who_stands_is_elected()], ..claims() };
    let report = check(losing(Fault::NeverAsksAgain), claims);
    let promise = report.properties.iter().find(|it| it.kind == Kind::Eventually).expect("the promise is reported");
    assert!(report.complete && !promise.holds);
}

/// The first node needs the second's vote, which the second may as well give to itself. Votes bind for three ticks, while
/// clocks lie up to one tick apart: so of two durations on two clocks, one may be longer by two ticks.
fn leases(fault: Fault, drift_ticks: u32) -> World {
    let node = |name, others, quorum| {
        let (lease, drift) = (3 * TICK, drift_ticks * TICK);
        NodeScope::at(name, Config { others, quorum, lease, drift, ..config(name, 2, fault) })
    };
    ClusterScope {
        requests: Requests::any_of([Request::Stand]),
        budgets: Budgets { requests: 2, ..Budgets::CALM },
        tick: TICK,
        skew: 1,
        lateness: None,
        past: Past::OrderBeyond(3 * TICK),
        ..ClusterScope::new([node(0, vec![1], 2), node(1, vec![], 1)])
    }
}

fn one_leads() -> Claims<Ballot, Leaders> {
    let leads_somewhere = Sometimes {
        name: "somebody leads",
        holds: |state: &Cluster<Ballot, Leaders>, scope: &World| (0..2).any(|node| leads(state, scope, node)),
    };
    Claims { always: vec![ONE_LEADS], sometimes: vec![leads_somewhere], ..Claims::default() }
}

#[test]
fn a_lease_that_allows_for_the_clocks_is_nobody_elses() {
    assert_holds(&check(leases(Fault::None, 2), one_leads()));
}

#[test]
fn a_lease_that_trusts_the_clocks_too_much_is_caught() {
    let report = check(leases(Fault::None, 1), one_leads());
    let actions = actions_of(&report, ONE_LEADS.name);
    assert!(actions.iter().any(|action| matches!(action.kind, Do::Advance { node: Some(_) })), "{actions:#?}");
}

#[test]
fn a_promise_that_a_crash_forgets_is_caught() {
    let crashing = |fault| {
        let budgets = Budgets { requests: 2, crashes: 1, ..Budgets::CALM };
        ClusterScope { skew: 0, budgets, ..leases(fault, 0) }
    };
    assert_holds(&check(crashing(Fault::None), one_leads()));
    actions_of(&check(crashing(Fault::ForgetsItsPromise), one_leads()), ONE_LEADS.name);
}

/// One candidate that waits one, two or three ticks before it asks again.
fn waiting(throws: bool) -> World {
    let mut world = losing(Fault::None);
    world.nodes[0].config.jitter = NonZeroU32::new(3);
    ClusterScope { throws, budgets: Budgets { requests: 1, crashes: 1, ..Budgets::CALM }, ..world }
}

#[test]
fn every_throw_of_the_die_is_explored() {
    let model = ClusterModel::new(waiting(true), claims());
    let first = stateright::Model::init_states(&model).remove(0);
    let due: BTreeSet<_> = stateright::Model::next_steps(&model, &first)
        .into_iter()
        .filter_map(|(_, state)| state.nodes[0].due(&Timer::AskAgain))
        .collect();
    assert_eq!(due, BTreeSet::from([NOW + TICK, NOW + 2 * TICK, NOW + 3 * TICK]));
    assert_holds(&check(waiting(true), claims()));
}

#[test]
fn a_throw_that_was_not_announced_is_caught() {
    let report = check(waiting(false), claims());
    let broken = report.properties.iter().find(|property| !property.holds).map(|property| property.name.as_str());
    assert_eq!(broken, Some("no step panics"));
}

#[test]
fn an_answer_that_nobody_waits_for_is_caught() {
    let report = check(three(Fault::AnswersTwice), claims());
    assert_eq!(actions_of(&report, ANSWERS_ARE_ASKED_FOR).len(), 1);
}

#[test]
fn a_panic_is_a_violation_with_its_path_and_message() {
    let report = check(crashing(Fault::PanicsAtALateVote, 0), claims());
    let property = report.properties.iter().find(|property| !property.holds).expect("one is violated");
    assert_eq!(property.name, "no step panics");
    let told = property.path.as_ref().and_then(|path| path.last()).expect("the path has a last step");
    assert!(told.contains("PANIC: a late vote"), "{told}");
}

#[test]
fn what_was_read_back_holds_every_record_before() {
    let recalled = SomeStep {
        name: "two votes are recalled",
        holds: |step: &purlin_models::cluster::Step<'_, Ballot, Leaders>| {
            let two = |seen: &Seen<Ballot>| matches!(seen, Seen::Answered { answer: Answer::Voted(terms), .. } if *terms == [1, 2]);
            step.seen.iter().any(two)
        },
    };
    let alone = NodeScope::at(0, Config { others: vec![], quorum: 1, ..config(0, 1, Fault::None) });
    let world = |reads_back| ClusterScope {
        requests: Requests::any_of([Request::Stand, Request::Recall]),
        budgets: Budgets { requests: 3, stalls: 1, crashes: 1, ..Budgets::CALM },
        reads_back,
        ..ClusterScope::new([alone.clone()])
    };
    let claims = || Claims { some_step: vec![recalled], ..claims() };
    assert_holds(&check(world(true), claims()));
    assert!(!check(world(false), claims()).holds());
}

#[test]
fn a_refused_journal_ends_the_process_and_drops_what_was_not_durable() {
    let refused = EveryStep {
        name: "nothing of a refused step is seen but what need not wait",
        holds: |step: &purlin_models::cluster::Step<'_, Ballot, Leaders>| {
            let refused = step.action.fate == Fate::Refused;
            let answered = |seen: &Seen<Ballot>| matches!(seen, Seen::Answered { .. } | Seen::Synced { .. });
            !refused || !step.seen.iter().any(answered)
        },
    };
    let happens = SomeStep {
        name: "a journal is refused",
        holds: |step: &purlin_models::cluster::Step<'_, Ballot, Leaders>| {
            step.seen.iter().any(|seen| matches!(seen, Seen::Refused { .. }))
        },
    };
    let budgets = Budgets { requests: 2, refusals: 1, stalls: 1, ..Budgets::CALM };
    let claims = Claims { every_step: vec![refused], some_step: vec![happens], ..claims() };
    assert_holds(&check(ClusterScope { budgets, ..three(Fault::None) }, claims));
}

/// Exchanges the two candidates.
fn exchange(state: &mut Cluster<Ballot, Leaders>) {
    let other = |node: u8| 2 - node;
    state.nodes.swap(0, 2);
    for node in 0..3 {
        let node = state.node_mut(node);
        node.disk.edit(|vote| vote.to = vote.to.map(other));
        if let Some(machine) = &mut node.machine {
            machine.edit(|machine| {
                machine.vote.to = machine.vote.to.map(other);
                if let Some(candidacy) = &mut machine.candidacy {
                    let votes = core::mem::take(&mut candidacy.votes);
                    candidacy.votes = votes.into_iter().map(|(from, count)| (other(from), count)).collect();
                }
            });
        }
        for effect in &mut node.tail {
            effect.edit(|effect| match effect {
                purlin::protocol::Effect::Persist(vote) => vote.to = vote.to.map(other),
                purlin::protocol::Effect::Send { to, .. } => *to = other(*to),
                _ => {}
            });
        }
        for own in &mut node.own {
            own.edit(|own| {
                if let purlin::protocol::Input::Message { from, .. } = own {
                    *from = other(*from);
                }
            });
        }
    }
    for packet in &mut state.network {
        packet.edit(|packet| (packet.from, packet.to) = (2 - packet.from, 2 - packet.to));
    }
    state.ghost.0 = state.ghost.0.iter().map(|(term, node)| (*term, 2 - node)).collect();
}

#[test]
fn symmetry_shrinks_the_world_and_changes_no_verdict() {
    for (fault, stalls) in [(Fault::None, 0), (Fault::TellsTooEarly, 0), (Fault::CountsItselfAtOnce, 1)] {
        let plain = check(crashing(fault, stalls), claims());
        let folded = check(ClusterScope { symmetries: vec![exchange], ..crashing(fault, stalls) }, claims());
        let verdicts = |report: &CheckReport| -> Vec<_> {
            report.properties.iter().map(|property| (property.name.clone(), property.holds)).collect()
        };
        assert_eq!(verdicts(&plain), verdicts(&folded), "{fault:?}");
        if plain.complete {
            let (few, many) = (folded.unique_states, plain.unique_states);
            assert!(few * 2 >= many && few * 10 < many * 6, "{few} of {many}");
        }
    }
}

#[test]
fn stateright_counts_the_same_states() {
    let slow = Budgets { requests: 1, crashes: 2, stalls: 1, ..Budgets::CALM };
    let unlucky = Budgets { requests: 1, crashes: 1, duplicates: 1, losses: 1, refusals: 1, ..Budgets::CALM };
    let one = |budgets| ClusterScope { budgets, ..three(Fault::None) };
    let worlds = [one(slow), one(unlucky), losing(Fault::None)];
    for world in worlds {
        let model = model(world, claims());
        let report = model.check(&|_| ());
        assert_eq!((report.unique_states, report.generated_states), model.count_by_stateright());
    }
}

#[test]
fn instants_are_counted_from_the_slowest_clock_in_every_state() {
    let world =
        ClusterScope { in_flight: 1, budgets: Budgets { requests: 1, ..Budgets::CALM }, ..leases(Fault::None, 2) };
    let model = ClusterModel::new(world, one_leads());
    let graph = Graph::explore(&model, 1_000_000).expect("the world is small");
    let slowest = |state: &Cluster<Ballot, Leaders>| state.nodes.iter().map(|node| node.now).min();
    assert!(graph.states.iter().all(|state| slowest(state) == Some(NOW)));
}

#[test]
fn an_action_can_be_written_by_hand() {
    let text = r#"[{"do":{"request":{"node":0,"request":"Stand"}}},
        {"do":{"deliver":{"packet":{"from":0,"to":1,"message":{"Ask":{"term":1}}},"twice":false}}},
        {"do":{"own":{"node":0}}},
        {"do":{"deliver":{"packet":{"from":1,"to":0,"message":{"Vote":{"term":1}}},"twice":false}}}]"#;
    let actions: Vec<Action<Ballot>> = serde_json::from_str(text).expect("a path can be written by hand");
    let model = ClusterModel::new(three(Fault::None), claims());
    assert_eq!(replay(&model, &actions), Verdict::Holds);
    let mut never = actions.clone();
    never.swap(1, 3);
    assert_eq!(replay(&model, &never), Verdict::NotOffered { at: 1 });
}
