use super::WireError;
use bytes::Bytes;

/// What is left of a message. Everything that is taken from it lies where it was.
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<Bytes, WireError> {
        let left = self.left();
        if count > left { Err(WireError::TooShort { wanted: count, left }) } else { Ok(self.0.split_to(count)) }
    }

    pub(super) fn rest(self) -> Bytes {
        self.0
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let left = self.left();
        let taken = self.0.first_chunk::<N>().copied().ok_or(WireError::TooShort { wanted: N, left })?;
        bytes::Buf::advance(&mut self.0, N);
        Ok(taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// As many words as are wanted.
    pub(super) fn words<const N: usize>(&mut self) -> Result<[u64; N], WireError> {
        let mut words = [0; N];
        for word in &mut words {
            *word = u64::from_le_bytes(self.array()?);
        }
        Ok(words)
    }

    pub(super) fn end(&self) -> Result<(), WireError> {
        match self.left() {
            0 => Ok(()),
            left => Err(WireError::LeftOver(left)),
        }
    }
}
