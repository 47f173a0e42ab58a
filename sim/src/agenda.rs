//! What is still to happen: a heap in which each item has four below it, which is flatter than one of two, and in which
//! items are only moved once.

use purlin::Instant;

/// Items in order of time; what is due at the same instant comes in the order it was put in.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<H> {
    /// No item comes before the one above it. Those below the one at `place` begin at `4 * place + 1`.
    items: Vec<Item<H>>,
    put_in: u64,
}

#[derive(Clone, Copy, Debug)]
struct Item<H> {
    at: Instant,
    order: u64,
    happening: H,
}

const BELOW: usize = 4;

impl<H> Default for Agenda<H> {
    fn default() -> Self {
        Self { items: Vec::new(), put_in: 0 }
    }
}

impl<H> Item<H> {
    /// Instant and order in one number, which takes one comparison.
    fn key(&self) -> u128 {
        u128::from(self.at.as_nanos()) << u64::BITS | u128::from(self.order)
    }
}

impl<H: Copy> Agenda<H> {
    /// Puts in what is due at that instant.
    pub(crate) fn put(&mut self, at: Instant, happening: H) {
        self.put_in += 1;
        let item = Item { at, order: self.put_in, happening };
        let place = self.items.len();
        self.items.push(item);
        self.rise(place, item);
    }

    /// When the first item is due.
    pub(crate) fn first_at(&self) -> Option<Instant> {
        self.items.first().map(|item| item.at)
    }

    /// Takes the first item out.
    pub(crate) fn take(&mut self) -> Option<(Instant, H)> {
        let last = self.items.pop()?;
        let first = self.items.first().copied().unwrap_or(last);
        if !self.items.is_empty() {
            self.sink(last);
        }
        Some((first.at, first.happening))
    }

    /// Finds the place for an item from the bottom up, beginning at a place that is free.
    fn rise(&mut self, mut place: usize, item: Item<H>) {
        while place > 0 {
            let above = (place - 1) / BELOW;
            if self.items[above].key() < item.key() {
                break;
            }
            self.items[place] = self.items[above];
            place = above;
        }
        self.items[place] = item;
    }

    /// Finds the place for an item from the top down, beginning at the top, which is free.
    fn sink(&mut self, item: Item<H>) {
        let mut place = 0;
        while let Some(below) = self.first_below(place) {
            if item.key() < self.items[below].key() {
                break;
            }
            self.items[place] = self.items[below];
            place = below;
        }
        self.items[place] = item;
    }

    /// The place below this one whose item comes first.
    fn first_below(&self, place: usize) -> Option<usize> {
        let begin = BELOW * place + 1;
        let below = self.items.get(begin..)?;
        let earlier = |first: usize, other: usize| if below[other].key() < below[first].key() { other } else { first };
        match below.len() {
            0 => None,
            BELOW.. => Some(begin + earlier(earlier(0, 1), earlier(2, 3))),
            few => Some(begin + (1..few).fold(0, earlier)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::die::Die;

    /// Goal: the order is that of a stable sort by time. Method: items of few different instants, put in and taken out by turns.
    #[test]
    fn items_come_out_as_a_stable_sort_has_them() {
        let mut die = Die::new(3, "agenda");
        let (mut agenda, mut sorted) = (Agenda::default(), Vec::new());
        for number in 0..5_000 {
            let at = Instant::from_nanos(die.below(50));
            agenda.put(at, number);
            sorted.push((at, number));
            if die.below(3) == 0 {
                sorted.sort_by_key(|(at, _)| *at);
                assert_eq!(agenda.first_at(), Some(sorted[0].0));
                assert_eq!(agenda.take(), Some(sorted.remove(0)));
            }
        }
        sorted.sort_by_key(|(at, _)| *at);
        assert_eq!(std::iter::from_fn(|| agenda.take()).collect::<Vec<_>>(), sorted);
    }
}
