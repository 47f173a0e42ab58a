//! A doubly linked list whose entries are taken out and put back in the reverse order, each in constant time.

/// The entries `0..count`, and an end that closes the ring.
#[derive(Clone, Debug)]
pub(super) struct Links {
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Links {
    /// All entries, in order.
    pub(super) fn new(count: u32) -> Self {
        let next = (1..=count).chain([0]).collect();
        let previous = [count].into_iter().chain(0..count).collect();
        Self { next, previous }
    }

    /// The first entry that is left, or the end.
    pub(super) fn first(&self) -> u32 {
        self.next[self.end() as usize]
    }

    /// The entry after this one, or the end.
    pub(super) fn after(&self, entry: u32) -> u32 {
        self.next[entry as usize]
    }

    /// The number that follows that of the last entry.
    pub(super) fn end(&self) -> u32 {
        self.next.len() as u32 - 1
    }

    /// Takes an entry out. It remembers its neighbours.
    pub(super) fn take(&mut self, entry: u32) {
        let (previous, next) = (self.previous[entry as usize], self.next[entry as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    /// Puts back the entry that was taken out last.
    pub(super) fn put_back(&mut self, entry: u32) {
        let (previous, next) = (self.previous[entry as usize], self.next[entry as usize]);
        self.next[previous as usize] = entry;
        self.previous[next as usize] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::Links;

    fn left(links: &Links) -> Vec<u32> {
        let entries = core::iter::successors(Some(links.first()), |entry| Some(links.after(*entry)));
        entries.take_while(|entry| *entry != links.end()).collect()
    }

    #[test]
    fn what_is_put_back_in_reverse_stands_where_it_stood() {
        let mut links = Links::new(4);
        [0, 3, 1].into_iter().for_each(|entry| links.take(entry));
        assert_eq!(left(&links), [2]);
        [1, 3].into_iter().for_each(|entry| links.put_back(entry));
        assert_eq!(left(&links), [1, 2, 3]);
        links.put_back(0);
        assert_eq!(left(&links), [0, 1, 2, 3]);
    }

    #[test]
    fn a_list_may_be_empty() {
        assert_eq!(left(&Links::new(0)), [0; 0]);
    }
}
