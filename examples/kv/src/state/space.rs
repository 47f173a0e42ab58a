//! How much space there is, and the alarm that tells when there is none.

use super::alphabet::{Event, Outcome};
use serde::{Deserialize, Serialize};

/// The quota and the alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Space {
    /// How many bytes the items may take; 0 is any number.
    pub(super) quota: u64,
    /// Whether something was refused since the alarm was disarmed.
    pub(super) alarm: bool,
}

impl Space {
    /// Whether the items may come to take so many bytes. If not, the alarm is raised: from then on nothing more is taken
    /// in, so that those who are to free space need not race those who fill it.
    pub(super) fn admits(&mut self, bytes: u64, announce: &mut dyn FnMut(Event)) -> bool {
        if !self.alarm && !self.fits(bytes) {
            self.alarm = true;
            announce(Event::OutOfSpace { bytes, quota: self.quota });
        }
        !self.alarm
    }

    /// Ends the alarm, if the items fit.
    pub(super) fn disarm(&mut self, bytes: u64, announce: &mut dyn FnMut(Event)) -> Outcome {
        if !self.fits(bytes) {
            return Outcome::OutOfSpace { bytes, quota: self.quota };
        }
        if core::mem::take(&mut self.alarm) {
            announce(Event::Disarmed);
        }
        Outcome::Disarmed
    }

    fn fits(self, bytes: u64) -> bool {
        self.quota == 0 || bytes <= self.quota
    }
}
