//! Finding out what a crash has left.

use super::header::{Header, Snapshot, Unusable};
use super::record::Record;
use super::sector::{Position, SECTOR, STAMP, Seed, Stamp};
use super::state::State;
use super::window::{Geometry, Window};
use super::{BlockError, Blocks, Boundary, Config, Corruption, HardState, OpenError};
use core::ops::Range;

/// A torn tail that was cut off: what was under way when the process ended, and had not been confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The number of the segment.
    pub segment: u64,
    /// The byte in it from which on nothing was kept.
    pub offset: u64,
}

/// What was found, all of it durable.
pub(super) struct Recovered {
    /// How many sectors a segment has.
    pub(super) sectors: u32,
    pub(super) state: State,
    /// The checksum of the last record.
    pub(super) chain: u32,
    /// The incarnation that begins now.
    pub(super) incarnation: u32,
    /// The first sector that is free.
    pub(super) tail: u64,
    pub(super) repair: Option<Repair>,
}

impl Recovered {
    pub(super) fn fresh(sectors: u32) -> Self {
        let (boundary, hard_state) = (Boundary::default(), HardState::default());
        let state = State::new(&Snapshot { boundary, last: 0, hard_state, chain: 0 });
        Self { sectors, state, chain: 0, incarnation: 1, tail: 0, repair: None }
    }
}

/// `None` if the log was not begun: its first sync never ended.
pub(super) fn recover<B: Blocks>(
    config: &Config,
    blocks: &mut B,
    segments: Range<u64>,
) -> Result<Option<Recovered>, OpenError> {
    let first = read_first_header(config, blocks, segments.start)?;
    let sectors = first.map_or(config.sectors(), |header| header.sectors);
    let geometry = Geometry { seed: Seed::of(config.settings().identity), sectors: sectors.into() };
    let mut window = Window::new(blocks, geometry, segments.end * geometry.sectors);
    // Nothing is written up to the end of a segment before the next one is there.
    if first.is_some() && window.stamp(window.end - 1)?.is_some() {
        return Err(missing_segment(segments.end).into());
    }
    let from = segments.start * geometry.sectors;
    let snapshot = first.map_or_else(|| Recovered::fresh(sectors).state.snapshot(0), |header| header.snapshot);
    let mut replay = Replay::new(window, &snapshot);
    match replay.enter(from)? {
        Some(_) => replay.run(from, sectors).map(Some),
        // Later segments are made, and earlier ones dropped, only when this header is durable.
        None if segments != (0..1) => Err(replay.corruption(Position::body_of(from), HEADER_DAMAGED).into()),
        None => replay.judge(Position::body_of(from)).map(|_| None),
    }
}

const HEADER_DAMAGED: &str = "the header of the segment is damaged";

pub(super) fn missing_segment(segment: u64) -> Corruption {
    Corruption { segment, offset: 0, problem: "the segment is missing" }
}

fn read_first_header<B: Blocks>(config: &Config, blocks: &mut B, segment: u64) -> Result<Option<Header>, OpenError> {
    let mut sector = [0; SECTOR];
    blocks.read(segment, 0, &mut sector)?;
    let expected = config.settings().identity;
    match Header::read(&sector) {
        Ok(Header { identity: found, .. }) if found != expected => Err(OpenError::Foreign { found, expected }),
        Ok(header) => Ok(Some(header)),
        Err(Unusable::Version(found)) => Err(OpenError::Version { segment, found }),
        Err(Unusable::Damaged) => Ok(None),
    }
}

struct Replay<'a, B> {
    window: Window<'a, B>,
    state: State,
    chain: u32,
    /// Of the sector that was entered last. It never falls.
    incarnation: u32,
    /// The change that is not complete yet.
    begun: Option<Begun>,
    /// The record at hand.
    bytes: Vec<u8>,
}

/// A change of several records, as far as it was followed.
#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Position,
    /// The checksum of the record before.
    chain: u32,
    entries: usize,
}

/// What a sector is, seen from where the log was followed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As it was written, and no older than what is before it.
    New(Stamp),
    /// As it was before: a crash has left it unwritten.
    Old,
    Damaged,
}

impl<'a, B: Blocks> Replay<'a, B> {
    fn new(window: Window<'a, B>, snapshot: &Snapshot) -> Self {
        let state = State::new(snapshot);
        Self { window, state, chain: snapshot.chain, incarnation: 0, begun: None, bytes: Vec::new() }
    }

    /// Follows the log from the segment that begins with the sector `from`, makes what it finds durable, and what it does
    /// not keep unreadable.
    fn run(mut self, from: u64, sectors: u32) -> Result<Recovered, OpenError> {
        let tail = match self.first_record(from)? {
            Ok(start) => self.follow(start)?,
            Err(tail) => tail,
        };
        let mut leftovers = self.judge(tail)?;
        let tail = self.take_back(tail, &mut leftovers)?;
        if self.state.is_incomplete() {
            return Err(self.corruption(Position::body_of(from), "the entries before this segment are missing").into());
        }
        if tail.offset == STAMP && self.kind(tail.sector)? != Kind::Old {
            leftovers.push(tail.sector);
        }
        let is_torn = !leftovers.is_empty() || tail.offset > STAMP;
        self.clean(from, tail, &leftovers)?;
        let geometry = self.window.geometry;
        let (segment, offset) = (geometry.segment(tail.sector), geometry.offset(tail));
        Ok(Recovered {
            sectors,
            state: self.state,
            chain: self.chain,
            incarnation: self.incarnation + 1,
            tail: if tail.offset > STAMP { tail.sector + 1 } else { tail.sector },
            repair: is_torn.then_some(Repair { segment, offset }),
        })
    }

    /// Of a change that is not complete, nothing is kept.
    fn take_back(&mut self, tail: Position, leftovers: &mut Vec<u64>) -> Result<Position, BlockError> {
        let Some(Begun { at, chain, entries }) = self.begun.take() else { return Ok(tail) };
        self.state.take_back(entries);
        self.chain = chain;
        for sector in at.sector + 1..=tail.sector {
            if !leftovers.contains(&sector) && self.kind(sector)? != Kind::Old {
                leftovers.push(sector);
            }
        }
        Ok(at)
    }

    /// Where the first record begins in a segment, or where the log ends before that.
    fn first_record(&mut self, from: u64) -> Result<Result<Position, Position>, OpenError> {
        let mut sector = from;
        loop {
            sector = match self.enter_after(sector)? {
                Ok(sector) => sector,
                Err(tail) => return Ok(Err(tail)),
            };
            let start = self.window.stamp(sector)?.and_then(|stamp| stamp.start);
            if let Some(offset) = start {
                return Ok(Ok(Position { sector, offset }));
            }
        }
    }

    /// Takes one record after the other, and tells where they end.
    fn follow(&mut self, mut at: Position) -> Result<Position, OpenError> {
        loop {
            if self.is_padding(at)? {
                at = match self.enter_after(at.sector)? {
                    Ok(sector) => Position::body_of(sector),
                    Err(tail) => return Ok(tail),
                };
            } else {
                match self.take(at)? {
                    Some(end) => at = end,
                    None => return Ok(at),
                }
            }
        }
    }

    fn is_padding(&mut self, at: Position) -> Result<bool, BlockError> {
        Ok(self.window.sector(at.sector)?[at.offset..].iter().all(|byte| *byte == 0))
    }

    /// Goes on to the next sector that holds records, or tells where the log ends.
    fn enter_after(&mut self, sector: u64) -> Result<Result<u64, Position>, OpenError> {
        let mut next = sector + 1;
        loop {
            if next >= self.window.end {
                return Err(missing_segment(self.window.geometry.segment(next)).into());
            }
            if self.enter(next)?.is_none() {
                return Ok(Err(Position::body_of(next)));
            }
            if !self.window.geometry.is_header(next) {
                return Ok(Ok(next));
            }
            next += 1;
        }
    }

    fn enter(&mut self, sector: u64) -> Result<Option<()>, BlockError> {
        let Kind::New(stamp) = self.kind(sector)? else { return Ok(None) };
        self.incarnation = stamp.incarnation;
        Ok(Some(()))
    }

    fn take(&mut self, at: Position) -> Result<Option<Position>, OpenError> {
        let Some((head, place, end)) = self.window.record(at, self.incarnation, &mut self.bytes)? else {
            return Ok(None);
        };
        let Some(record) = Record::decode(&head, &self.bytes, place) else { return Ok(None) };
        if head.previous != self.chain {
            return Ok(None);
        }
        let more = record.goes_on();
        let follows = self.state.apply(&record, at).is_some() && (self.begun.is_none() || record.is_entry());
        if !follows {
            return Err(self.corruption(at, "the record does not follow from those before it").into());
        }
        self.count(at, more);
        self.chain = head.checksum;
        Ok(Some(end))
    }

    fn count(&mut self, at: Position, more: bool) {
        let begun = self.begun.unwrap_or(Begun { at, chain: self.chain, entries: 0 });
        self.begun = more.then_some(Begun { entries: begun.entries + 1, ..begun });
    }

    fn kind(&mut self, sector: u64) -> Result<Kind, BlockError> {
        let incarnation = self.incarnation;
        if let Some(stamp) = self.window.stamp(sector)?.filter(|stamp| stamp.incarnation >= incarnation) {
            return Ok(Kind::New(stamp));
        }
        let seed = self.window.geometry.seed;
        let bytes = self.window.sector(sector)?;
        let is_older =
            |stamp: Stamp| stamp.number < sector || stamp.number == sector && stamp.incarnation < incarnation;
        let is_old = Stamp::read(seed, bytes).is_some_and(is_older) || bytes.iter().all(|byte| *byte == 0);
        Ok(if is_old { Kind::Old } else { Kind::Damaged })
    }

    /// Whether a crash can have ended the log at `tail`. Gives the sectors behind it that were written by what was under way,
    /// the damaged ones included.
    fn judge(&mut self, tail: Position) -> Result<Vec<u64>, OpenError> {
        let mut leftovers = Vec::new();
        for sector in tail.sector + 1..self.window.end {
            match self.kind(sector)? {
                Kind::New(stamp) if stamp.durable() > tail.sector => {
                    return Err(self.corruption(tail, "what was durable here is damaged or gone").into());
                }
                Kind::New(_) | Kind::Damaged => leftovers.push(sector),
                Kind::Old => {}
            }
        }
        if self.is_followed(tail)? {
            return Err(self.corruption(tail, "a damaged record has valid ones behind it").into());
        }
        Ok(leftovers)
    }

    /// Whether something valid follows that no unwritten sector parts from the damage.
    fn is_followed(&mut self, tail: Position) -> Result<bool, BlockError> {
        let incarnation = match self.kind(tail.sector)? {
            Kind::Old => return Ok(false),
            Kind::New(stamp) => stamp.incarnation,
            Kind::Damaged => self.incarnation,
        };
        if self.holds_valid(tail, incarnation)? {
            return Ok(true);
        }
        for sector in tail.sector + 1..self.window.end {
            let holds_valid = match self.kind(sector)? {
                Kind::Old => return Ok(false),
                Kind::New(Stamp { start: None, .. }) => false,
                Kind::New(Stamp { start: Some(offset), incarnation, .. }) => {
                    self.holds_valid(Position { sector, offset }, incarnation)?
                }
                Kind::Damaged => self.holds_valid(Position::body_of(sector), self.incarnation)?,
            };
            if holds_valid {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a change ends with a valid record that begins in this sector, at or after a place. Records of a change that
    /// is not complete say nothing: they may be what an interrupted repair has left.
    fn holds_valid(&mut self, from: Position, incarnation: u32) -> Result<bool, BlockError> {
        if self.window.geometry.is_header(from.sector) {
            return Ok(false);
        }
        for offset in from.offset..SECTOR {
            if self.is_end_of_change(Position { offset, ..from }, incarnation)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_end_of_change(&mut self, at: Position, incarnation: u32) -> Result<bool, BlockError> {
        let Some((head, place, _)) = self.window.record(at, incarnation, &mut self.bytes)? else { return Ok(false) };
        let record = Record::decode(&head, &self.bytes, place);
        Ok(record.is_some_and(|record| !record.goes_on()))
    }

    /// Makes what was found durable, and wipes what was left of the rest: otherwise it could be taken for damage later.
    ///
    /// A sync of an earlier process may have failed, and the system may have kept in memory alone what it was to write: it
    /// writes that only if it is told so once more.
    fn clean(&mut self, from: u64, tail: Position, leftovers: &[u64]) -> Result<(), BlockError> {
        let last_good = if tail.offset > STAMP { tail.sector } else { tail.sector - 1 };
        let durable = self.window.stamp(last_good)?.map_or(from, |stamp| stamp.durable()).max(from);
        self.window.write_again(durable..last_good + 1)?;
        self.wipe_durably(tail, leftovers)?;
        self.sync_segments_of(durable, tail.sector)
    }

    /// The leftovers go first: were the torn record gone and they not, they might seem to follow from what is before it.
    fn wipe_durably(&mut self, tail: Position, leftovers: &[u64]) -> Result<(), BlockError> {
        for &sector in leftovers {
            self.wipe(Position { sector, offset: 0 })?;
        }
        if let (Some(&first), Some(&last)) = (leftovers.iter().min(), leftovers.iter().max()) {
            self.sync_segments_of(first, last)?;
        }
        if tail.offset > STAMP { self.wipe(tail) } else { Ok(()) }
    }

    fn sync_segments_of(&mut self, first: u64, last: u64) -> Result<(), BlockError> {
        let geometry = self.window.geometry;
        (geometry.segment(first)..=geometry.segment(last)).try_for_each(|segment| self.window.sync(segment))
    }

    fn wipe(&mut self, from: Position) -> Result<(), BlockError> {
        self.window.write(from, &[0; SECTOR][from.offset..])
    }

    fn corruption(&self, at: Position, problem: &'static str) -> Corruption {
        let geometry = self.window.geometry;
        Corruption { segment: geometry.segment(at.sector), offset: geometry.offset(at), problem }
    }
}
