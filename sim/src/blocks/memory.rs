//! Segments in memory.

use purlin::log::{BlockError, Blocks};
use std::collections::BTreeMap;

/// Segments in memory. Everything is durable at once: put it into a [`FaultyDisk`](super::FaultyDisk).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    segments: BTreeMap<u64, Vec<u8>>,
}

impl Memory {
    /// What a segment holds.
    pub fn segment(&self, segment: u64) -> Option<&[u8]> {
        self.segments.get(&segment).map(Vec::as_slice)
    }

    fn get(&mut self, segment: u64) -> Result<&mut Vec<u8>, BlockError> {
        self.segments.get_mut(&segment).ok_or_else(|| BlockError::Failed(format!("there is no segment {segment}")))
    }

    fn part(&mut self, segment: u64, offset: u64, length: usize) -> Result<&mut [u8], BlockError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = self.get(segment)?.get_mut(from..from.saturating_add(length));
        part.ok_or_else(|| BlockError::Failed(format!("byte {offset} lies beyond the end of segment {segment}")))
    }
}

impl Blocks for Memory {
    fn list(&mut self) -> Result<Vec<u64>, BlockError> {
        Ok(self.segments.keys().copied().collect())
    }

    fn create(&mut self, segment: u64, bytes: u64) -> Result<(), BlockError> {
        let length = usize::try_from(bytes).map_err(|_| BlockError::Full(format!("for {bytes} bytes")))?;
        self.segments.insert(segment, vec![0; length]);
        Ok(())
    }

    fn recycle(&mut self, from: u64, to: u64) -> Result<(), BlockError> {
        let bytes = std::mem::take(self.get(from)?);
        self.segments.remove(&from);
        self.segments.insert(to, bytes);
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> Result<(), BlockError> {
        self.get(segment)?;
        self.segments.remove(&segment);
        Ok(())
    }

    fn read(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> Result<(), BlockError> {
        into.copy_from_slice(self.part(segment, offset, into.len())?);
        Ok(())
    }

    fn write(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.part(segment, offset, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, segment: u64) -> Result<(), BlockError> {
        self.get(segment).map(|_| ())
    }
}
