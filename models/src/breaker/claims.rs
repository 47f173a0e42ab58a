//! What is claimed of every breaker model: the predicates of `purlin::breaker::invariants`.

use crate::caller::{Always, Callers, EveryStep, Ghost, Step};
use purlin::breaker::{Breaker, Config, Input, Reply, invariants};

/// Claims about states. `permitted_falls`: a reconfiguration may lower the permitted number under probes on their way,
/// and then more may be out than are permitted.
pub(super) fn always<G: Ghost<Breaker>>(permitted_falls: bool) -> Vec<Always<Breaker, G>> {
    let probes_are_bounded = Always {
        name: "probes are bounded",
        holds: |state, config| invariants::probes_are_bounded(&state.machine, config),
    };
    let mut claims = vec![
        Always {
            name: "the window counts its calls",
            holds: |state, _| invariants::window_counts_its_calls(&state.machine),
        },
        Always {
            name: "no decision is due",
            holds: |state, config| invariants::no_decision_is_due(&state.machine, config),
        },
        Always {
            name: "calm ends a row of opens",
            holds: |state, _| invariants::calm_ends_a_row_of_opens(&state.machine),
        },
        Always { name: "every probe is accounted for", holds: every_probe_is_accounted_for },
        Always {
            name: "waiting has a deadline",
            holds: |state, config| invariants::waiting_has_a_deadline(&state.machine, config),
        },
    ];
    claims.extend((!permitted_falls).then_some(probes_are_bounded));
    claims
}

fn every_probe_is_accounted_for<G: Ghost<Breaker>>(state: &Callers<Breaker, G>, _: &Config) -> bool {
    let epoch = state.machine.epoch();
    let held = state.held.iter().filter(|permit| permit.epoch == epoch).count();
    invariants::every_probe_is_accounted_for(&state.machine, held as u32)
}

/// Claims about steps.
pub(super) fn every_step<G: Ghost<Breaker>>() -> Vec<EveryStep<Breaker, G>> {
    vec![
        EveryStep::claim("epochs rise with transitions", |_, step| {
            invariants::epochs_rise_with_transitions(&step.before, step.after)
        }),
        EveryStep::claim("transitions are announced", |_, step| {
            invariants::transitions_are_announced(&step.before, step.effects, step.after)
        }),
        EveryStep::of_inputs("probes are admitted within bounds", |step, _, reply| {
            invariants::probes_are_admitted_within_bounds(&step.before, step.config, reply)
        }),
        EveryStep::of_inputs("late results change nothing", late_results_change_nothing),
        EveryStep::of_inputs("refusals change nothing", refusals_change_nothing),
        EveryStep::of_inputs("only its own probes decide half-open", |step, input, _| {
            invariants::only_its_own_probes_decide_half_open(&step.before, input, step.after)
        }),
        EveryStep::of_inputs("only its own results open closed", |step, input, _| {
            invariants::only_its_own_results_open_closed(&step.before, input, step.after)
        }),
        EveryStep::of_inputs("only operators end their own states", |step, input, _| {
            invariants::only_operators_end_their_own_states(&step.before, input, step.after)
        }),
        EveryStep::of_inputs("open lasts its wait", |step, _, reply| {
            invariants::open_lasts_its_wait(&step.before, step.config, reply, step.now)
        }),
        EveryStep::of_inputs("timers take effect at their deadline", |step, _, _| {
            invariants::timers_take_effect_at_their_deadline(step.stored, step.config, step.effects)
        }),
        EveryStep::of_inputs("hints are heeded up to their maximum", |step, input, reply| {
            invariants::hints_are_heeded_up_to_their_maximum(step.config, input, reply, step.after, step.now)
        }),
        EveryStep::of_inputs("slow is strictly longer", |step, input, reply| {
            invariants::slow_is_strictly_longer(step.config, input, reply, step.now)
        }),
        EveryStep::of_inputs("operators are obeyed", |step, input, reply| {
            invariants::operators_are_obeyed(input, reply, step.after)
        }),
    ]
}

fn late_results_change_nothing(step: &Step<'_, Breaker>, input: &Input, reply: &Reply) -> bool {
    let Input::End { permit, .. } = input else { return true };
    permit.epoch == step.before.epoch()
        || invariants::late_results_change_nothing(&step.before, input, reply, &noticed(step))
}

fn refusals_change_nothing(step: &Step<'_, Breaker>, _: &Input, reply: &Reply) -> bool {
    *step.after == *step.before || invariants::refusals_change_nothing(&step.before, reply, &noticed(step))
}

/// The breaker after the step, its window rolled on as the one before was.
fn noticed(step: &Step<'_, Breaker>) -> Breaker {
    step.after.at(step.config, step.now)
}
