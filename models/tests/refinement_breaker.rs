//! Bugs planted around the breaker, not in it: each host below mistreats a healthy breaker, and the comparison with the
//! specification tells.

use purlin::breaker::{Breaker, Outcome};
use purlin_models::caller::{ActionOf, CallerModel, Callers, Kind};
use purlin_models::golden::Golden;
use purlin_models::refinement::{Abstraction, compare};
use purlin_models::spec::{BreakerAbstraction, Constants, View, breaker};
use stateright::Model;

/// What a host does instead of an action.
type Mistreatment = fn(&CallerModel<Breaker>, &Callers<Breaker>, &ActionOf<Breaker>) -> Option<Callers<Breaker>>;

/// The breaker's world, with a host that mistreats it.
struct Mistreated {
    world: CallerModel<Breaker>,
    mistreat: Mistreatment,
}

impl Model for Mistreated {
    type State = Callers<Breaker>;
    type Action = ActionOf<Breaker>;

    fn init_states(&self) -> Vec<Self::State> {
        self.world.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.world.actions(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        (self.mistreat)(&self.world, state, &action).or_else(|| self.world.next_state(state, action))
    }
}

struct ByItsWorld(BreakerAbstraction);

impl Abstraction for ByItsWorld {
    type Model = Mistreated;

    fn view(&self, model: &Mistreated, state: &Callers<Breaker>) -> Result<View, String> {
        self.0.view(&model.world, state)
    }

    fn label(
        &self,
        model: &Mistreated,
        state: &Callers<Breaker>,
        action: &ActionOf<Breaker>,
        next: &Callers<Breaker>,
    ) -> Option<String> {
        self.0.label(&model.world, state, action, next)
    }
}

/// How many steps are unexplained, and how many are missing.
fn findings(mistreat: Mistreatment) -> (usize, usize) {
    let scope = &breaker::scopes()[0];
    let [_, module, configuration] = scope.sources;
    let constants = Constants::read(configuration.text, module.text).unwrap();
    let world = (scope.world)(configuration.text, &constants).unwrap();
    let graph = Golden::from_bytes(scope.golden).unwrap().graph;
    let model = Mistreated { world: world.model, mistreat };
    let outcome = compare(&ByItsWorld(world.abstraction), &model, &graph, &world.terms);
    (outcome.unexplained.len(), outcome.missing.len())
}

#[test]
fn a_host_that_does_nothing_wrong_is_found_to_agree() {
    assert_eq!(findings(|_, _, _| None), (0, 0));
}

#[test]
fn a_host_that_forgets_to_tell_of_a_cancelled_call_is_found() {
    let (unexplained, missing) = findings(|_, state, action| {
        let Kind::End { permit, outcome: Outcome::Cancelled } = action.kind else { return None };
        let mut next = state.clone();
        let ended = *next.distinct_permits().nth(permit)?;
        next.held.remove(next.held.iter().position(|held| *held == ended)?);
        Some(next)
    });
    assert!(unexplained > 0 && missing > 0, "{unexplained} unexplained, {missing} missing");
}

#[test]
fn a_host_that_passes_late_results_off_as_present_ones_is_found() {
    let (unexplained, missing) = findings(|world, state, action| {
        let Kind::End { permit, .. } = action.kind else { return None };
        let mut forged = state.clone();
        let ended = *forged.distinct_permits().nth(permit)?;
        let index = forged.held.iter().position(|held| *held == ended)?;
        forged.held[index].epoch = forged.machine.epoch();
        forged.held.sort_unstable();
        let permit = forged.distinct_permits().position(|held| held.epoch == forged.machine.epoch())?;
        world.next_state(&forged, ActionOf::<Breaker> { kind: end(permit, action), throws: action.throws.clone() })
    });
    assert!(unexplained > 0 && missing > 0, "{unexplained} unexplained, {missing} missing");
}

fn end(permit: usize, action: &ActionOf<Breaker>) -> Kind<Outcome> {
    let Kind::End { outcome, .. } = action.kind else { return action.kind };
    Kind::End { permit, outcome }
}
