//! What goes over all wires, for comparing runs byte for byte.

use crate::hash::{Fingerprint, Hash};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Listens in on all wires of a [`Network`](super::Network): what is said and heard when, by whom, in which order.
///
/// Clones are the same tap. It holds one line of text for each write, read and end of a wire.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    fingerprint: Fingerprint,
    lines: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sound {
    Said,
    Heard,
    /// This end will say no more.
    Shut,
    /// This end is gone.
    Closed,
}

impl Tap {
    /// The fingerprint of everything so far. Ask before the simulation is dropped, which closes what is still open.
    pub fn fingerprint(&self) -> Hash {
        self.lock().fingerprint.finish()
    }

    /// What happened so far, a line each: for finding where two runs part.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// What happens outside of a host, as when a simulation is dropped, is not part of it.
    pub(super) fn note(&self, sound: Sound, [own, other]: [SocketAddr; 2], bytes: &[u8]) {
        let Some(at) = turmoil::sim_elapsed() else { return };
        let line =
            format!("{} ms, {own} to {other}: {sound:?} {} bytes, {}", at.as_millis(), bytes.len(), Hash::of(bytes));
        let mut record = self.lock();
        record.fingerprint.bytes(line.as_bytes());
        record.fingerprint.bytes(bytes);
        record.lines.push(line);
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
