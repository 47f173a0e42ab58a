//! What a vector expects, held against what was found.

use super::Case;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What was found, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Actual {
    /// There is no value.
    Nothing,
    Flag(bool),
    Text(&'static str),
    Number(Ratio),
}

impl Actual {
    pub(super) fn whole(number: impl Into<u128>) -> Self {
        Self::Number(Ratio { part: number.into(), whole: 1 })
    }

    fn to_json(self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Flag(flag) => json!(flag),
            Self::Text(text) => json!(text),
            Self::Number(ratio) => ratio.to_json(),
        }
    }
}

/// A number that is not negative, exactly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) part: u128,
    pub(super) whole: u128,
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        match (self.part.checked_mul(other.whole), other.part.checked_mul(self.whole)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        }
    }
}

impl Ratio {
    /// A whole number, also one written `5.0`, or the rational `[a, b]`. Other decimals have no exact value here.
    pub(super) fn read(value: &Value) -> Option<Self> {
        if let Some([part, whole]) = value.as_array().map(Vec::as_slice) {
            let whole = whole_number(whole)?;
            return (whole != 0).then_some(Self { part: whole_number(part)?, whole });
        }
        Some(Self { part: whole_number(value)?, whole: 1 })
    }

    fn approximate(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    fn to_json(self) -> Value {
        if !self.part.is_multiple_of(self.whole) {
            return json!(self.approximate());
        }
        u64::try_from(self.part / self.whole).map_or_else(|_| json!(self.approximate()), |number| json!(number))
    }
}

fn whole_number(value: &Value) -> Option<u128> {
    if let Some(number) = value.as_u64() {
        return Some(number.into());
    }
    let number = value.as_f64()?;
    (number.fract() == 0.0 && (0.0..1e30).contains(&number)).then_some(number as u128)
}

/// How far a number may lie from what is expected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tolerance {
    absolute: f64,
    relative: f64,
}

impl Tolerance {
    /// A decimal that is written without a tolerance stands for a real number: its last digits are rounding.
    const OF_DECIMALS: f64 = 1e-9;
    /// Near zero a relative tolerance alone would allow nothing.
    const NEAR_ZERO: f64 = 1e-12;

    /// What a case may call it.
    pub(super) const KEYS: [&str; 4] = ["tolerance", "tolerance_absolute", "tolerance_ns", "tolerance_relative"];

    pub(super) fn of(case: &Case) -> Self {
        let read = |key: &str| case.rest.get(key).and_then(decimal);
        let absolute = read("tolerance").or(read("tolerance_absolute")).or(read("tolerance_ns"));
        Self { absolute: absolute.unwrap_or(0.0), relative: read("tolerance_relative").unwrap_or(0.0) }
    }

    fn around(self, expected: f64) -> f64 {
        let relative = if self.relative > 0.0 { (self.relative * expected.abs()).max(Self::NEAR_ZERO) } else { 0.0 };
        self.absolute.max(relative)
    }

    fn allows(self, expected: &Value, actual: Ratio) -> bool {
        let exact = Ratio::read(expected);
        if exact == Some(actual) {
            return true;
        }
        let Some(number) = expected.as_f64().or(exact.map(Ratio::approximate)) else { return false };
        let rounding = if exact.is_none() { number.abs() * Self::OF_DECIMALS } else { 0.0 };
        let allowed = self.around(number).max(rounding);
        allowed > 0.0 && (number - actual.approximate()).abs() <= allowed
    }
}

fn decimal(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Whether `actual` is what a vector calls `expected`.
pub(super) fn agrees(expected: &Value, actual: Actual, tolerance: Tolerance) -> bool {
    match actual {
        Actual::Nothing => expected.is_null(),
        Actual::Flag(flag) => expected.as_bool() == Some(flag),
        Actual::Text(text) => expected.as_str() == Some(text),
        Actual::Number(ratio) => tolerance.allows(expected, ratio),
    }
}

/// The part of an expectation that does not hold, and what was found in its place.
#[derive(Debug, Serialize)]
pub(super) struct Mismatch {
    pub(super) expected: Value,
    pub(super) got: Value,
}

impl Mismatch {
    /// The case could not be run as it is written.
    pub(super) fn unreadable(problem: impl std::fmt::Display) -> Self {
        Self { expected: Value::Null, got: json!({ "error": problem.to_string() }) }
    }

    /// The same, in the row with this index.
    pub(super) fn at_row(self, row: usize) -> Self {
        self.at("row", json!(row))
    }

    /// The same, of the node with this id.
    pub(super) fn at_node(self, id: u64) -> Self {
        self.at("node", json!(id))
    }

    fn at(mut self, key: &str, place: Value) -> Self {
        for side in [&mut self.expected, &mut self.got] {
            if let Value::Object(keys) = side {
                keys.insert(key.to_owned(), place.clone());
            }
        }
        self
    }
}

/// Holds every key of `expect` against what `find` finds under that name; `None` from it is an unknown key.
pub(super) fn hold(
    expect: &Map<String, Value>,
    tolerance: Tolerance,
    find: impl Fn(&str) -> Option<Actual>,
) -> Result<(), Mismatch> {
    let (mut missed, mut found) = (Map::new(), Map::new());
    for (key, expected) in expect {
        match find(key) {
            None => {
                missed.insert(key.clone(), expected.clone());
                found.insert("error".to_owned(), json!(format!("the expectation `{key}` is not known")));
            }
            Some(actual) if !agrees(expected, actual, tolerance) => {
                missed.insert(key.clone(), expected.clone());
                found.insert(key.clone(), actual.to_json());
            }
            Some(_) => {}
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(Mismatch { expected: missed.into(), got: found.into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(part: u128, whole: u128) -> Actual {
        Actual::Number(Ratio { part, whole })
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_decimal_or_a_ratio() {
        for expected in [json!(5), json!(5.0), json!([10, 2])] {
            assert!(agrees(&expected, number(500, 100), Tolerance::default()), "{expected}");
        }
        assert!(!agrees(&json!(5), number(501, 100), Tolerance::default()));
    }

    #[test]
    fn large_integers_are_compared_exactly() {
        assert!(agrees(&json!(u64::MAX), Actual::whole(u64::MAX), Tolerance::default()));
        assert!(!agrees(&json!(u64::MAX), Actual::whole(u64::MAX - 1), Tolerance::default()));
    }

    #[test]
    fn null_stands_for_no_value_and_for_nothing_else() {
        assert!(agrees(&Value::Null, Actual::Nothing, Tolerance::default()));
        assert!(!agrees(&Value::Null, Actual::whole(0_u32), Tolerance::default()));
        assert!(!agrees(&json!(0), Actual::Nothing, Tolerance::default()));
    }

    #[test]
    fn decimals_allow_for_their_own_rounding_only() {
        assert!(agrees(&json!(33.333333333333336), number(100, 3), Tolerance::default()));
        assert!(!agrees(&json!(33.33), number(100, 3), Tolerance::default()));
        let tolerance = Tolerance { absolute: 0.01, relative: 0.0 };
        assert!(agrees(&json!(33.33), number(100, 3), tolerance));
    }

    #[test]
    fn an_unknown_expectation_is_a_mismatch() {
        let expect = Map::from_iter([("weather".to_owned(), json!("fine"))]);
        let mismatch = hold(&expect, Tolerance::default(), |_| None).unwrap_err();
        assert!(mismatch.got.to_string().contains("`weather` is not known"));
    }
}
