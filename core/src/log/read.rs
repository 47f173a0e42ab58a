//! Reading entries back.

use super::record::{HEAD, Record};
use super::sector::{Position, SECTOR};
use super::staged::sectors_for;
use super::state::Slot;
use super::window::Window;
use super::{Blocks, Boundary, Corruption, Entry, Log, ReadError};
use core::ops::Range;

impl<B: Blocks> Log<B> {
    /// The term of an entry, also of the last one that was dropped.
    ///
    /// # Errors
    /// It was dropped, or is not there yet.
    pub fn term(&self, index: u64) -> Result<u64, ReadError> {
        let boundary = self.boundary();
        if index == boundary.index {
            return Ok(boundary.term);
        }
        if index < boundary.index {
            return Err(ReadError::Compacted { given: index, boundary: boundary.index });
        }
        let unavailable = ReadError::Unavailable { given: index, last: self.last_index() };
        self.state.slot(index).map(|slot| slot.term).ok_or(unavailable)
    }

    /// The entries with these indexes. What the disk gives is checked once more.
    ///
    /// # Errors
    /// One of them was dropped, or is not there yet, or the disk does not give back what was written.
    pub fn read(&mut self, indexes: Range<u64>) -> Result<Vec<Entry>, ReadError> {
        let (boundary, last) = (self.boundary().index, self.last_index());
        if indexes.start <= boundary {
            return Err(ReadError::Compacted { given: indexes.start, boundary });
        }
        if indexes.end.saturating_sub(1) > last {
            return Err(ReadError::Unavailable { given: indexes.end - 1, last });
        }
        let slots: Vec<Slot> = indexes.clone().filter_map(|index| self.state.slot(index).copied()).collect();
        let Some((first, last)) = slots.first().zip(slots.last()) else { return Ok(Vec::new()) };
        self.staged.seal();
        let span = last.position().sector - first.position().sector;
        let sectors = usize::try_from(span).unwrap_or(usize::MAX).saturating_add(sectors_of(last));
        let end = self.staged.next();
        let mut window = Window::new(&mut self.blocks, self.geometry, end).over(&self.staged, sectors);
        let mut bytes = Vec::new();
        indexes.zip(&slots).map(|(index, slot)| read_entry(&mut window, index, slot, &mut bytes)).collect()
    }
}

fn sectors_of(slot: &Slot) -> usize {
    sectors_for(HEAD + Record::ENTRY_FIELDS + slot.payload as usize)
}

fn read_entry<B: Blocks>(
    window: &mut Window<'_, B>,
    index: u64,
    slot: &Slot,
    bytes: &mut Vec<u8>,
) -> Result<Entry, ReadError> {
    let position = slot.position();
    let expected = Boundary { index, term: slot.term };
    if let Some(stamp) = window.stamp(position.sector)?
        && let Some((head, place, _)) = window.record(position, stamp.incarnation, bytes)?
        && let Some(Record::Entry { at, payload, .. }) = Record::decode(&head, bytes, place)
        && at == expected
    {
        return Ok(Entry { index, term: at.term, payload: payload.to_vec() });
    }
    Err(corruption(window, position).into())
}

fn corruption<B: Blocks>(window: &Window<'_, B>, position: Position) -> Corruption {
    debug_assert!(position.offset < SECTOR);
    let (segment, offset) = (window.geometry.segment(position.sector), window.geometry.offset(position));
    Corruption { segment, offset, problem: "an entry is not what was written" }
}
