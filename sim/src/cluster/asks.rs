//! What is known of each ask that is open.

use super::client::Ask;
use std::collections::VecDeque;

/// Values by ask. Asks are numbered in their order and do not stay open for long, so their places lie close together.
#[derive(Clone, Debug)]
pub(crate) struct ByAsk<T> {
    first: u64,
    values: VecDeque<Option<T>>,
}

impl<T> Default for ByAsk<T> {
    fn default() -> Self {
        Self { first: 0, values: VecDeque::new() }
    }
}

impl<T> ByAsk<T> {
    pub(crate) fn insert(&mut self, ask: Ask, value: T) {
        if self.values.is_empty() {
            self.first = ask.0;
        }
        while ask.0 < self.first {
            self.first -= 1;
            self.values.push_front(None);
        }
        let place = (ask.0 - self.first) as usize;
        while self.values.len() <= place {
            self.values.push_back(None);
        }
        self.values[place] = Some(value);
    }

    pub(crate) fn remove(&mut self, ask: Ask) -> Option<T> {
        let place = ask.0.checked_sub(self.first)?;
        let value = self.values.get_mut(place as usize)?.take();
        while let Some(None) = self.values.front() {
            self.values.pop_front();
            self.first += 1;
        }
        value
    }

    /// All that are open, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ask, &T)> {
        (self.first..).zip(&self.values).filter_map(|(ask, value)| Some((Ask(ask), value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_in_any_order_is_found_once_and_told_in_order() {
        let mut open = ByAsk::default();
        [7, 5, 9, 6].into_iter().for_each(|ask| open.insert(Ask(ask), ask * 10));
        assert_eq!(open.remove(Ask(6)), Some(60));
        assert_eq!([4, 6, 8, 10].map(|ask| open.remove(Ask(ask))), [None; 4]);
        assert_eq!(open.iter().collect::<Vec<_>>(), [(Ask(5), &50), (Ask(7), &70), (Ask(9), &90)]);
        assert_eq!(open.remove(Ask(5)), Some(50));
        open.insert(Ask(5), 51);
        assert_eq!(open.iter().next(), Some((Ask(5), &51)));
    }
}
