//! Actions and steps in words.

use super::step::Told;
use super::{ActionOf, CallerModel, Callers, Ghost, Kind, NOW};
use crate::odometer::Odometer;
use crate::panics::catch;
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

/// Spells instants near the present of the models as what they mean: `now-2000000`, in nanoseconds.
pub(super) fn from_now(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let digits = rest[start..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len() - start);
        spelt.push_str(&rest[..start]);
        spell(&rest[start..start + digits], &mut spelt);
        rest = &rest[start + digits..];
    }
    spelt + rest
}

fn spell(digits: &str, spelt: &mut String) {
    const NEAR: i128 = 1_000_000_000_000_000;
    let offset = digits.parse::<i128>().ok().map(|number| number - i128::from(NOW.as_nanos()));
    let _ = match offset {
        Some(0) => write!(spelt, "now"),
        Some(offset) if offset.abs() < NEAR => write!(spelt, "now{offset:+}"),
        _ => write!(spelt, "{digits}"),
    };
}

#[cfg(test)]
mod tests {
    use super::from_now;

    #[test]
    fn instants_are_spelt_from_the_present() {
        assert_eq!(from_now("Instant(1000000000000000000), 3"), "Instant(now), 3");
        assert_eq!(from_now("at: 999999999999999998"), "at: now-2");
        assert_eq!(from_now("1000000000005000000 ns"), "now+5000000 ns");
        assert_eq!(from_now("none"), "none");
    }
}
