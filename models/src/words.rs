//! Instants in words.

use crate::caller::NOW;
use core::fmt::Write;

/// Spells instants near the present of the models as what they mean: `now-2000000`, in nanoseconds.
pub(crate) fn from_now(text: &str) -> String {
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
