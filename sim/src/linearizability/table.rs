//! Hash tables that hold indices only: whoever fills them keeps the values, densely and in order.

/// Chains of the indices `0..len`, by hash.
#[derive(Clone, Debug)]
pub(super) struct Table {
    heads: Vec<u32>,
    links: Vec<(u64, u32)>,
}

impl Table {
    const NONE: u32 = u32::MAX;
    const HEADS_AT_FIRST: usize = 64;

    pub(super) fn new() -> Self {
        Self { heads: vec![Self::NONE; Self::HEADS_AT_FIRST], links: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The indices of this hash, the latest first.
    pub(super) fn matches(&self, hash: u64) -> impl Iterator<Item = u32> {
        let mut index = self.heads[self.head(hash)];
        core::iter::from_fn(move || {
            while index != Self::NONE {
                let (found, next) = self.links[index as usize];
                let candidate = core::mem::replace(&mut index, next);
                if found == hash {
                    return Some(candidate);
                }
            }
            None
        })
    }

    /// Adds the next index under its hash.
    pub(super) fn push(&mut self, hash: u64) -> u32 {
        if self.links.len() == self.heads.len() {
            self.grow();
        }
        let (index, head) = (self.links.len() as u32, self.head(hash));
        self.links.push((hash, self.heads[head]));
        self.heads[head] = index;
        index
    }

    fn head(&self, hash: u64) -> usize {
        // The number of heads is a power of two.
        hash as usize & (self.heads.len() - 1)
    }

    fn grow(&mut self) {
        self.heads = vec![Self::NONE; self.heads.len() * 2];
        for index in 0..self.links.len() {
            let head = self.head(self.links[index].0);
            self.links[index].1 = core::mem::replace(&mut self.heads[head], index as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn every_index_is_found_under_its_hash_however_often_the_table_grew() {
        let mut table = Table::new();
        (0..1_000_u64).for_each(|number| assert_eq!(u64::from(table.push(number % 250)), number));
        for hash in 0..250 {
            let found: Vec<u32> = table.matches(hash).collect();
            assert_eq!(found.len(), 4);
            assert!(found.iter().all(|index| u64::from(*index) % 250 == hash));
        }
        assert_eq!(table.matches(250).count(), 0);
    }
}
