//! The mistakes that can be planted. Each is one that real code makes, and takes one kind of fault to show.

use crate::machine::{Peer, SILENCE, Team};
use purlin::protocol::Fence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bug {
    /// After 25 tries it takes a word for told.
    GivesUpAfterManyTries,
    /// Who beats and has heard nothing for a second is deaf, until it greets again.
    DeafIsGone,
    /// Whatever token arrives is a new one.
    TokensAreTakenTwice,
    /// A beat that comes after a later one is an impostor's.
    OvertakenIsAnImpostor,
    /// Whoever answers beats only after a second is as good as gone.
    SlowIsGone,
    /// Whom nobody hears for a second is gone until it greets again.
    SilentIsGone,
    /// The only one who still hears somebody will pass the words on.
    TheNeighbourPassesThemOn,
    /// Of two who still hear somebody the other one will pass the words on.
    OneOfTheNeighboursPassesThemOn,
    /// A link that was up again five times is given up.
    FlappingIsForGood,
    /// A link that passes no large messages is of no use.
    LargeOnesMustPass,
    /// What is written down while the disk syncs is covered by that sync.
    SyncUnderWayCovers,
    /// What was handed to the system is durable.
    WrittenIsDurable,
    /// What was told to whom is nobody's business after a fresh start.
    UntoldIsForgotten,
    /// The lease was good when the preparations began.
    LeaseIsNotLookedAtAgain,
    /// Three late ticks in a row mean too much work, so some of it is dropped.
    LateTicksAreOverload,
    /// A word is said once everybody has it.
    WaitsForEverybody,
    /// The new version speaks as the new version does.
    NewFormAtOnce,
    /// A sync that takes longer than 700 ms never comes back.
    SlowDiskIsBroken,
    /// Who was not heard for 20 s by the clock is gone.
    SilenceByTheClock,
    /// Processes are numbered by the time at which they began.
    BootIsTheTime,
    /// Where no time passes nothing may be sent, ever.
    NoTimeNoBudget,
    /// Whoever does not beat at the right pace is ill.
    PaceIsHealth,
    /// What is drawn at random is unique.
    DrawnIsUnique,
    /// 64 ids a second are enough.
    SmallCounterASecond,
    /// Four ids in one instant are enough.
    FourInAnInstant,
}

/// What a mistake makes of what is seen; of one peer, or of the node itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Doubts {
    /// It is told nothing any more, ever, or until it greets.
    is_struck: bool,
    is_removed: bool,
    /// Small messages since the last large one.
    pub(crate) smalls: u32,
    /// How often something was so in a row.
    row: u32,
    echo: u64,
    reconnects: u32,
    silent_before: bool,
    /// When the latest beat came, by the clock and by the ticks.
    beat_nanos: u64,
    window: (u64, u64),
    trend: i32,
}

impl Doubts {
    pub(crate) fn since(nanos: u64) -> Self {
        Self { beat_nanos: nanos, ..Self::default() }
    }

    pub(crate) fn greeted(&mut self) {
        *self = Self { is_struck: self.is_struck, beat_nanos: self.beat_nanos, ..Self::default() };
    }

    /// Whether a word is told once more.
    pub(crate) fn let_pass(&self, bug: Option<Bug>, tries: u32) -> bool {
        let gives_up = bug == Some(Bug::GivesUpAfterManyTries) && tries >= 25;
        !self.is_struck && !self.is_removed && !gives_up
    }

    fn in_a_row(&mut self, so: bool) -> u32 {
        self.row = if so { self.row + 1 } else { 0 };
        self.row
    }
}

/// On each beat.
impl Peer {
    pub(crate) fn note_beat(&mut self, bug: Option<Bug>, seq: u64, ticks: u64, nanos: u64) {
        let later_by_nanos = nanos.saturating_sub(self.doubts.beat_nanos);
        self.doubts.is_struck |= match bug {
            Some(Bug::OvertakenIsAnImpostor) => seq < self.seq && later_by_nanos > 45_000_000,
            Some(Bug::LargeOnesMustPass) => {
                self.doubts.smalls += 1;
                self.doubts.smalls > 15
            }
            Some(Bug::FlappingIsForGood) => self.note_flap(ticks),
            Some(Bug::PaceIsHealth) => self.note_pace(seq, ticks),
            _ => false,
        };
        if seq > self.seq {
            self.doubts.beat_nanos = nanos;
        }
    }

    /// A link is up again when several beats come at once after a silence.
    fn note_flap(&mut self, ticks: u64) -> bool {
        if ticks > self.heard {
            self.doubts.silent_before = ticks - self.heard >= 3;
        } else if core::mem::take(&mut self.doubts.silent_before) {
            self.doubts.reconnects += 1;
        }
        self.doubts.reconnects >= 5
    }

    /// Its ticks are held against one's own, over ten of them at a time.
    fn note_pace(&mut self, seq: u64, ticks: u64) -> bool {
        let (from_seq, from_ticks) = self.doubts.window;
        let (theirs, own) = (seq.saturating_sub(from_seq), ticks.saturating_sub(from_ticks));
        if from_seq == 0 || own == 0 {
            (self.doubts.window, self.doubts.trend) = ((seq, ticks), 0);
        } else if theirs >= 10 {
            let trend = self.doubts.trend;
            self.doubts.window = (seq, ticks);
            self.doubts.trend = match () {
                () if own * 10 < theirs * 8 => trend.max(0) + 1,
                () if own * 10 > theirs * 13 => trend.min(0) - 1,
                () => 0,
            };
        }
        self.doubts.trend.abs() >= 3
    }
}

/// On each tick.
impl Team {
    pub(crate) fn doubt(&mut self, bug: Option<Bug>, nanos: u64, passed_nanos: u64) {
        let Some(bug) = bug else { return };
        match bug {
            Bug::LateTicksAreOverload => {
                self.strike_all_if(|team| team.doubts.in_a_row(passed_nanos > 200_000_000) >= 3)
            }
            Bug::NoTimeNoBudget => self.strike_all_if(|team| team.doubts.in_a_row(passed_nanos == 0) >= 8),
            Bug::SlowDiskIsBroken => {
                self.strike_all_if(|team| team.writing.values().any(|since| since + 7 < team.ticks));
            }
            _ => self.doubt_each(bug, nanos),
        }
    }

    fn strike_all_if(&mut self, so: impl Fn(&mut Self) -> bool) {
        if so(self) {
            self.peers.values_mut().for_each(|peer| peer.doubts.is_struck = true);
        }
    }

    fn doubt_each(&mut self, bug: Bug, nanos: u64) {
        let (ticks, all) = (self.ticks, self.peers.clone());
        for (node, peer) in &mut self.peers {
            let is_silent = peer.heard > 0 && peer.heard + 2 * SILENCE < ticks;
            let views = Views::of(&all, *node, ticks);
            match bug {
                Bug::DeafIsGone => peer.doubts.is_removed |= is_deaf(peer, ticks),
                Bug::SlowIsGone => peer.doubts.is_struck |= is_slow(peer, ticks),
                Bug::SilentIsGone => {
                    peer.doubts.is_removed |= is_silent && views.others > 0 && views.vouchers.is_empty()
                }
                Bug::TheNeighbourPassesThemOn => peer.doubts.is_struck |= is_silent && views.vouchers.len() == 1,
                Bug::OneOfTheNeighboursPassesThemOn => {
                    peer.doubts.is_struck |= is_silent && views.vouchers.len() == 2 && !views.know_each_other;
                }
                Bug::SilenceByTheClock => {
                    peer.doubts.is_struck |= nanos.saturating_sub(peer.doubts.beat_nanos) > 20_000_000_000;
                }
                _ => {}
            }
        }
    }
}

/// It goes on beating, but echoes nothing new; for a second.
fn is_deaf(peer: &mut Peer, ticks: u64) -> bool {
    let goes_on = peer.echo > core::mem::replace(&mut peer.doubts.echo, peer.echo);
    peer.doubts.in_a_row(!goes_on && peer.heard + 3 > ticks) >= 10
}

/// Its echoes go on coming, and each is more than a second old; for a second.
fn is_slow(peer: &mut Peer, ticks: u64) -> bool {
    let goes_on = peer.echo > core::mem::replace(&mut peer.doubts.echo, peer.echo);
    peer.doubts.in_a_row(goes_on && peer.echo + 10 < ticks) >= 10
}

/// What the others that are heard say of one.
struct Views {
    others: usize,
    vouchers: Vec<u32>,
    know_each_other: bool,
}

impl Views {
    fn of(peers: &BTreeMap<u32, Peer>, node: u32, ticks: u64) -> Self {
        let heard = || peers.iter().filter(|(other, peer)| **other != node && peer.heard + SILENCE > ticks);
        let vouchers: Vec<u32> =
            heard().filter(|(_, peer)| peer.hears.contains(&node)).map(|(node, _)| *node).collect();
        let knows = |one: &u32| vouchers.iter().any(|other| peers[one].hears.contains(other));
        Self { others: heard().count(), know_each_other: vouchers.iter().any(knows), vouchers }
    }
}

/// On each word that is heard.
impl Team {
    pub(crate) fn fence_of_acknowledgement(&self, bug: Option<Bug>, is_known: bool) -> Fence {
        let is_syncing = !self.writing.is_empty();
        match bug {
            Some(Bug::SyncUnderWayCovers) if is_syncing && !is_known => Fence::None,
            Some(Bug::WrittenIsDurable) if !is_syncing => Fence::None,
            _ => Fence::Durable,
        }
    }
}
