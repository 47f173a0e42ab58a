//! Snapshots: section 7 of the paper, chapter 5 of the dissertation.
//!
//! A snapshot goes from a leader's disk to a follower in pieces, one at a time. A piece that is lost is sent again with the
//! next heartbeat, from where the follower stands.

use super::alphabet::{Answer, Body, Event, Load, Loaded, Refusal};
use super::application::Application;
use super::config::Config;
use super::image::{Image, Record, Snapshot};
use super::machine::{Raft, World};
use super::member::Member;
use super::progress::{Pace, Progress, Sending};
use super::role::Role;
use crate::log::Boundary;
use crate::protocol::{Errands, Ticket};
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;

/// A snapshot that is arriving.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Incoming {
    /// In whose term: another leader may have written the same snapshot in other words.
    term: u64,
    at: Boundary,
    total: u64,
    bytes: Vec<u8>,
}

/// A snapshot that was read is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is damaged: its checksum does not match, or it cannot be read")]
pub struct DamagedSnapshot;

impl<S: Application> Snapshot<S> {
    /// The snapshot as it is sent and written: its bytes, and their checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = postcard::to_stdvec(self).expect("plain values can be written");
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The snapshot of these bytes.
    ///
    /// # Errors
    /// If they are not what [`Snapshot::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedSnapshot> {
        let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(DamagedSnapshot)?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err(DamagedSnapshot);
        }
        postcard::from_bytes(body).map_err(|_| DamagedSnapshot)
    }
}

impl<S: Application> Image<S> {
    /// What a load finds.
    pub fn look_up(&self, load: Load) -> Option<Loaded<S>> {
        match load {
            Load::Entries { first, last, bytes_max } => {
                let entries = self.log.read(first, last, usize::try_from(bytes_max).unwrap_or(usize::MAX));
                Some(Loaded::Entries { first, entries })
            }
            Load::Chunk { at, offset, bytes_max } => Some(self.piece(at, offset, bytes_max)),
        }
    }

    fn piece(&self, at: Boundary, offset: u64, bytes_max: u64) -> Loaded<S> {
        let whole = if self.snapshot.at == at { self.snapshot.encode() } else { Vec::new() };
        let total = whole.len() as u64;
        let (from, to) = (offset.min(total), offset.saturating_add(bytes_max).min(total));
        Loaded::Chunk { at, offset, total, bytes: Bytes::copy_from_slice(&whole[from as usize..to as usize]) }
    }
}

/// Taking a snapshot of one's own.
impl<S: Application> Raft<S> {
    pub(super) fn compact_if_due(&mut self, config: &Config, host: World<'_, S>) {
        let settings = config.settings();
        let since = self.applied - self.image.snapshot.at.index;
        let is_due = settings.snapshot_every > 0 && since >= settings.snapshot_every;
        if is_due && !self.is_sending_snapshot() {
            self.compact(self.applied.saturating_sub(settings.trailing_entries), host);
        }
    }

    /// A newer snapshot takes the place of the one that is on its way, which then begins anew: a follower that is slower than
    /// the snapshots come would never have a whole one.
    fn is_sending_snapshot(&self) -> bool {
        matches!(&self.role, Role::Leader(leader) if leader.progress.iter().any(Progress::takes_snapshot))
    }

    pub(super) fn compact_on_request(&mut self, _config: &Config, ticket: Ticket, through: u64, host: World<'_, S>) {
        let (first, last) = (self.image.log.boundary().index + 1, self.applied);
        if !(first..=last).contains(&through) {
            return self.refuse(ticket, Refusal::NothingToCompact { through, first, last }, host);
        }
        self.compact(through, host);
        host.answer(ticket, Answer::Compacted { at: self.applied });
    }

    fn compact(&mut self, through: u64, host: World<'_, S>) {
        let boundary = self.image.log.boundary();
        let index = through.max(boundary.index);
        let ends = [index, self.applied].map(|index| self.image.log.term(index).map(|term| Boundary { index, term }));
        let [Some(through), Some(at)] = ends else { return };
        let (membership_index, membership) = self.image.membership_at(at.index);
        let (membership, applied) = (membership.clone(), self.state.clone());
        let snapshot = Arc::new(Snapshot { at, membership_index, membership, applied });
        self.write(Record::Compact { snapshot, through }, host);
        self.announce(Event::Compacted { at }, host);
    }
}

/// Sending it.
impl<S: Application> Raft<S> {
    pub(super) fn begin_snapshot(&mut self, config: &Config, slot: usize, host: World<'_, S>) {
        let at = self.image.snapshot.at;
        let Some(progress) = self.progress_mut(slot) else { return };
        progress.pace = Pace::Snapshot(Sending::of(at));
        self.ask_for_piece(config, slot, host);
    }

    fn ask_for_piece(&mut self, config: &Config, slot: usize, host: World<'_, S>) {
        let newest = self.image.snapshot.at;
        let Some(progress) = self.progress_mut(slot) else { return };
        let Pace::Snapshot(sending) = &mut progress.pace else { return };
        if sending.at != newest {
            // A newer snapshot has taken its place on the disk.
            *sending = Sending::of(newest);
        }
        if !sending.is_sent {
            sending.is_sent = true;
            host.load(Load::Chunk { at: newest, offset: sending.received, bytes_max: config.settings().chunk_bytes });
        }
    }

    pub(super) fn on_piece(&mut self, at: Boundary, offset: u64, total: u64, bytes: Bytes, host: World<'_, S>) {
        let Some(leader) = self.role.leader().filter(|_| !bytes.is_empty()) else { return };
        let round = leader.round;
        let wants =
            |pace: &Pace| matches!(pace, Pace::Snapshot(one) if one.is_sent && one.at == at && one.received == offset);
        let wanting = leader.progress.iter().filter(|progress| wants(&progress.pace));
        let members: Vec<Member> = wanting.map(|progress| progress.member).collect();
        for member in members {
            let bytes = bytes.clone();
            self.say_unfenced(host, member, Body::Chunk { round, at, offset, total, bytes });
        }
    }

    pub(super) fn on_chunk_taken(
        &mut self,
        config: &Config,
        from: Member,
        round: u64,
        at: Boundary,
        received: u64,
        host: World<'_, S>,
    ) {
        let Some(leader) = self.role.leader() else { return };
        let (slot, now) = (leader.slot(from), leader.round);
        let Some(progress) = slot.and_then(|slot| leader.progress.get_mut(slot)) else { return };
        progress.round = progress.round.max(round.min(now));
        if let Pace::Snapshot(sending) = &mut progress.pace
            && sending.at == at
            && sending.received != received
        {
            (sending.received, sending.is_sent, sending.is_idle) = (received, false, false);
        }
        self.after_round(config, host);
        slot.into_iter().for_each(|slot| self.ask_for_piece(config, slot, host));
    }

    /// With a heartbeat, the piece that was not answered goes out once more.
    pub(super) fn send_piece_again(&mut self, config: &Config, slot: usize, host: World<'_, S>) {
        if let Some(Pace::Snapshot(sending)) = self.progress_mut(slot).map(|progress| &mut progress.pace) {
            sending.is_sent = false;
            self.ask_for_piece(config, slot, host);
        }
    }
}

/// Taking a leader's.
impl<S: Application> Raft<S> {
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one message")]
    pub(super) fn on_chunk(
        &mut self,
        config: &Config,
        from: Member,
        round: u64,
        at: Boundary,
        (offset, total): (u64, u64),
        bytes: Bytes,
        host: World<'_, S>,
    ) {
        if self.image.log.matches(at) || at.index <= self.commit {
            // All that is in it is there already.
            self.incoming = None;
            self.learn_commit(config, at.index, host);
            return self.say(host, from, Body::Appended { round, matched: at.index.max(self.commit) });
        }
        let incoming = self.incoming_of(at, total);
        if incoming.bytes.len() as u64 == offset {
            incoming.bytes.extend_from_slice(&bytes);
        }
        let received = incoming.bytes.len() as u64;
        if received < total {
            return self.say_unfenced(host, from, Body::ChunkTaken { round, at, received });
        }
        self.install(config, from, round, at, host);
    }

    fn incoming_of(&mut self, at: Boundary, total: u64) -> &mut Incoming {
        let term = self.image.term;
        self.incoming.take_if(|one| (one.term, one.at, one.total) != (term, at, total));
        self.incoming.get_or_insert_with(|| Incoming { term, at, total, bytes: Vec::new() })
    }

    fn install(&mut self, config: &Config, from: Member, round: u64, at: Boundary, host: World<'_, S>) {
        let Some(incoming) = self.incoming.take() else { return };
        match Snapshot::decode(&incoming.bytes) {
            Ok(snapshot) if snapshot.at == at => {
                self.put_in_place(Arc::new(snapshot), host);
                self.say(host, from, Body::Appended { round, matched: at.index });
                self.apply(config, host);
            }
            _ => {
                self.announce(Event::SnapshotDamaged { at }, host);
                self.say_unfenced(host, from, Body::ChunkTaken { round, at, received: 0 });
            }
        }
    }

    fn put_in_place(&mut self, snapshot: Arc<Snapshot<S>>, host: World<'_, S>) {
        let at = snapshot.at;
        self.state = snapshot.applied.clone();
        (self.commit, self.applied, self.fetching) = (at.index, at.index, None);
        self.write(Record::Install { snapshot }, host);
        self.announce(Event::Installed { at }, host);
        self.reads_after_applying(host);
    }
}
