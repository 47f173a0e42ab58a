//! Every throw of the die: a step that throws is taken once for each combination of faces.

use core::num::NonZeroU32;
use smallvec::SmallVec;

/// The faces that one step was shown, in the order of its throws.
pub type Throws = SmallVec<[u32; 2]>;

/// A die whose throws are counted through like the wheels of an odometer: the last wheel turns fastest, and a wheel that
/// turns over takes the wheels behind it off, because the machine may not throw them again.
#[derive(Clone, Debug, Default)]
pub struct Odometer {
    wheels: SmallVec<[Wheel; 2]>,
    thrown: usize,
    is_fixed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Wheel {
    face: u32,
    bound: NonZeroU32,
}

impl Odometer {
    /// A die that shows these faces, in this order, and no more.
    pub fn showing(throws: &[u32]) -> Self {
        let wheel = |face: &u32| Wheel { face: *face, bound: NonZeroU32::MAX };
        Self { wheels: throws.iter().map(wheel).collect(), thrown: 0, is_fixed: true }
    }

    /// The next throw. A wheel that is new shows zero first.
    ///
    /// # Panics
    /// If the faces were given and there are no more.
    pub fn choose(&mut self, bound: NonZeroU32) -> u32 {
        assert!(!self.is_fixed || self.thrown < self.wheels.len(), "the die was thrown more often than announced");
        if self.thrown == self.wheels.len() {
            self.wheels.push(Wheel { face: 0, bound });
        }
        let face = self.wheels[self.thrown].face;
        self.thrown += 1;
        face
    }

    /// The faces thrown since the last [`Odometer::turn`].
    pub fn throws(&self) -> Throws {
        self.wheels[..self.thrown].iter().map(|wheel| wheel.face).collect()
    }

    /// Turns on to the next combination; false when all have been shown.
    pub fn turn(&mut self) -> bool {
        self.wheels.truncate(self.thrown);
        self.thrown = 0;
        while let Some(wheel) = self.wheels.last_mut() {
            wheel.face += 1;
            if wheel.face < wheel.bound.get() {
                return true;
            }
            self.wheels.pop();
        }
        false
    }
}

/// Runs `run` once for every combination of throws that it makes, and collects what it returns.
pub fn every_throw<T>(mut run: impl FnMut(&mut Odometer) -> T) -> Vec<T> {
    let mut odometer = Odometer::default();
    let mut results = Vec::new();
    loop {
        results.push(run(&mut odometer));
        if !odometer.turn() {
            return results;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(bound: u32) -> NonZeroU32 {
        NonZeroU32::new(bound).expect("tests give positive bounds")
    }

    #[test]
    fn a_step_without_throws_runs_once() {
        assert_eq!(every_throw(|die| die.throws()), vec![Throws::new()]);
    }

    #[test]
    fn every_combination_is_thrown_exactly_once() {
        let pairs = every_throw(|die| (die.choose(bound(3)), die.choose(bound(2))));
        assert_eq!(pairs, vec![(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]);
    }

    #[test]
    fn later_throws_may_depend_on_earlier_ones() {
        let throws = every_throw(|die| {
            for _ in 0..die.choose(bound(3)) {
                die.choose(bound(2));
            }
            die.throws().to_vec()
        });
        let expected: [&[u32]; 7] = [&[0], &[1, 0], &[1, 1], &[2, 0, 0], &[2, 0, 1], &[2, 1, 0], &[2, 1, 1]];
        assert_eq!(throws, expected);
    }

    #[test]
    fn later_bounds_may_depend_on_earlier_throws() {
        let sums = every_throw(|die| {
            let first = die.choose(bound(3));
            first * 10 + die.choose(bound(first + 1))
        });
        assert_eq!(sums, vec![0, 10, 11, 20, 21, 22]);
    }
}
