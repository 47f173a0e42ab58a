//! Bugs planted around the queue, not in it: each host below mistreats a healthy queue, and the comparison with the
//! specification tells.

use purlin::protocol::Effect;
use purlin::queue::{Image, Queue};
use purlin_models::cluster::{Action, Cluster, ClusterModel, Kind, Node, Shared};
use purlin_models::golden::Golden;
use purlin_models::refinement::{Abstraction, compare};
use purlin_models::spec::{Constants, QueueAbstraction, View, queue};
use stateright::Model;

/// What a host makes of the state after an action, given the node before it.
type Mistreatment = fn(&Node<Queue>, &Action<Queue>, &mut Node<Queue>);

/// The queue's world, with a host that mistreats it.
struct Mistreated {
    world: ClusterModel<Queue>,
    mistreat: Mistreatment,
}

impl Model for Mistreated {
    type State = Cluster<Queue>;
    type Action = Action<Queue>;

    fn init_states(&self) -> Vec<Self::State> {
        self.world.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.world.actions(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = self.world.next_state(state, action.clone())?;
        (self.mistreat)(&state.nodes[0], &action, next.node_mut(0));
        Some(next)
    }
}

struct ByItsWorld(QueueAbstraction);

impl Abstraction for ByItsWorld {
    type Model = Mistreated;

    fn view(&self, model: &Mistreated, state: &Cluster<Queue>) -> Result<View, String> {
        self.0.view(&model.world, state)
    }

    fn label(
        &self,
        model: &Mistreated,
        state: &Cluster<Queue>,
        action: &Action<Queue>,
        next: &Cluster<Queue>,
    ) -> Option<String> {
        self.0.label(&model.world, state, action, next)
    }

    fn offers(&self, model: &Mistreated, state: &Cluster<Queue>, action: &Action<Queue>) -> bool {
        self.0.offers(&model.world, state, action)
    }

    fn refresh(&self, state: &mut Cluster<Queue>) {
        self.0.refresh(state);
    }
}

/// Whether steps are unexplained, and the labels of those that are missing.
fn findings(mistreat: Mistreatment) -> (bool, Vec<String>) {
    let scope = &queue::scopes()[0];
    let [_, module, configuration] = scope.sources;
    let constants = Constants::read(configuration.text, module.text).unwrap();
    let world = (scope.world)(configuration.text, &constants).unwrap();
    let graph = Golden::from_bytes(scope.golden).unwrap().graph;
    let model = Mistreated { world: world.model, mistreat };
    let outcome = compare(&ByItsWorld(world.abstraction), &model, &graph, &world.terms);
    let offered =
        |detail: &str| detail.split_once("offers ").and_then(|(_, rest)| rest.split(' ').next().map(str::to_owned));
    let mut missing: Vec<String> = outcome.missing.iter().filter_map(|finding| offered(&finding.detail)).collect();
    missing.sort_unstable();
    missing.dedup();
    (!outcome.unexplained.is_empty(), missing)
}

#[test]
fn a_host_that_does_nothing_wrong_by_a_queue_is_found_to_agree() {
    assert_eq!(findings(|_, _, _| ()), (false, Vec::new()));
}

#[test]
fn a_host_whose_answers_do_not_wait_for_the_disk_is_found() {
    let (unexplained, _) = findings(|_, _, node| {
        node.tail.retain(|effect| matches!(**effect, Effect::Persist(_)));
        node.asked.clear();
    });
    assert!(unexplained);
}

#[test]
fn a_crash_that_loses_what_was_durable_is_found() {
    let (unexplained, missing) = findings(|_, action, node| {
        if matches!(action.kind, Kind::Crash { .. }) {
            node.disk = Shared::new(Image::default());
        }
    });
    assert!(unexplained && missing.contains(&"Crash".to_owned()), "{missing:?}");
}

#[test]
fn a_recovery_that_sets_no_timer_is_found_by_the_step_that_is_lost_and_by_nothing_else() {
    let findings = findings(|_, action, node| {
        if matches!(action.kind, Kind::Restart { .. }) {
            node.timers.clear();
        }
    });
    assert_eq!(findings, (false, vec!["Expire".to_owned()]));
}

#[test]
fn a_sync_that_makes_nothing_durable_is_found() {
    let (unexplained, missing) = findings(|before, action, node| {
        if matches!(action.kind, Kind::Sync { .. }) {
            node.disk = before.disk.clone();
        }
    });
    assert!(unexplained && missing.contains(&"Sync".to_owned()), "{missing:?}");
}

#[test]
fn a_sync_after_which_nobody_is_answered_is_found() {
    let (unexplained, missing) = findings(|before, action, node| {
        if matches!(action.kind, Kind::Sync { .. }) {
            node.asked.clone_from(&before.asked);
        }
    });
    assert!(!unexplained && missing.contains(&"Claim".to_owned()), "{missing:?}");
}
