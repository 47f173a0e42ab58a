//! One of something for each lane, and how what came in on both is taken.

use super::codec::Lane;
use tokio::sync::mpsc;

/// How many messages that came in on the normal lane go before one of the bulk lane that waits.
const NORMAL_IN_A_ROW_MAX: u32 = 64;

/// One for each lane.
pub(super) struct Lanes<T> {
    pub(super) normal: T,
    pub(super) bulk: T,
}

impl<T> Lanes<T> {
    pub(super) fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Normal => &self.normal,
            Lane::Bulk => &self.bulk,
        }
    }

    pub(super) fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Normal => &mut self.normal,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

/// What came in. The normal lane goes first, but not for ever.
pub(super) struct Inbox<T> {
    queues: Lanes<mpsc::Receiver<T>>,
    normal_in_a_row: u32,
}

impl<T> Inbox<T> {
    /// Both ends, with room for so many messages of each lane.
    pub(super) fn new(normal_max: usize, bulk_max: usize) -> (Lanes<mpsc::Sender<T>>, Self) {
        let ((normal, normals), (bulk, bulks)) = (mpsc::channel(normal_max.max(1)), mpsc::channel(bulk_max.max(1)));
        let queues = Lanes { normal: normals, bulk: bulks };
        (Lanes { normal, bulk }, Self { queues, normal_in_a_row: 0 })
    }

    pub(super) fn try_take(&mut self) -> Option<T> {
        if self.normal_in_a_row < NORMAL_IN_A_ROW_MAX
            && let Ok(received) = self.queues.normal.try_recv()
        {
            self.normal_in_a_row += 1;
            return Some(received);
        }
        self.normal_in_a_row = 0;
        self.queues.bulk.try_recv().or_else(|_| self.queues.normal.try_recv()).ok()
    }

    /// Dropping the future loses nothing.
    pub(super) async fn take(&mut self) -> T {
        if let Some(received) = self.try_take() {
            return received;
        }
        tokio::select! {
            biased;
            Some(received) = self.queues.normal.recv() => received,
            Some(received) = self.queues.bulk.recv() => received,
            else => core::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two lanes full, and what is taken of them.
    fn taken(normal: u32, bulk: u32) -> Vec<&'static str> {
        let (senders, mut inbox) = Inbox::new(1_000, 1_000);
        (0..normal).for_each(|_| senders.normal.try_send("normal").unwrap());
        (0..bulk).for_each(|_| senders.bulk.try_send("bulk").unwrap());
        core::iter::from_fn(|| inbox.try_take()).collect()
    }

    #[test]
    fn the_normal_lane_goes_first_but_not_for_ever() {
        let taken = taken(200, 2);
        let at: Vec<usize> = (0..taken.len()).filter(|at| taken[*at] == "bulk").collect();
        assert_eq!((taken.len(), at), (202, vec![64, 129]));
    }

    #[test]
    fn a_lane_that_is_empty_holds_the_other_up_in_nothing() {
        assert_eq!(taken(100, 0), ["normal"; 100]);
        assert_eq!(taken(0, 100), ["bulk"; 100]);
    }
}
