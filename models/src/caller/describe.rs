//! Actions and steps in words.

use super::step::Told;
use super::{ActionOf, CallerModel, Callers, Ghost, Kind};
use crate::odometer::Odometer;
use crate::panics::catch;
use crate::words::from_now;
use core::fmt::Write;
use purlin::Policy;

impl<P: Policy, G: Ghost<P>> CallerModel<P, G> {
    /// An action in words.
    pub(super) fn describe_action(&self, action: &ActionOf<P>) -> String {
        let mut text = match &action.kind {
            Kind::Ask => "ask".to_owned(),
            Kind::End { permit, outcome } => format!("end permit {permit}: {outcome:?}"),
            Kind::Advance { late: false } => format!("advance by {:?}", self.scope.tick),
            Kind::Advance { late: true } => format!("advance by {:?}, tick late", self.scope.tick),
            Kind::Input(index) => format!("input {:?}", self.scope.inputs.get(*index)),
            Kind::Reconfigure(index) => format!("reconfigure to {index}"),
        };
        if !action.throws.is_empty() {
            let _ = write!(text, " throwing {:?}", action.throws.as_slice());
        }
        from_now(&text)
    }

    /// A step in words: what went in, what came out, and where that led.
    pub(super) fn describe_step(&self, state: &Callers<P, G>, action: &ActionOf<P>) -> String {
        let mut die = Odometer::showing(&action.throws);
        let mut next = state.clone();
        match catch(|| self.take(state, &mut next, &action.kind, &mut die)) {
            Ok(told) => from_now(&self.describe_success(&next, told)),
            Err(message) => format!("PANIC: {message}"),
        }
    }

    fn describe_success(&self, next: &Callers<P, G>, told: Told<P>) -> String {
        let mut text = String::new();
        if let Some(reply) = told.reply {
            let _ = write!(text, "{reply:?}; ");
        }
        if !told.effects.is_empty() {
            let _ = write!(text, "effects {:?}; ", told.effects.as_slice());
        }
        let _ = write!(text, "now {:?}, held {:?}", next.machine, next.held.as_slice());
        if let Some(broken) = next.broken {
            let _ = write!(text, "; BROKEN: {}", self.claims.broken_name(broken));
        }
        text
    }
}
