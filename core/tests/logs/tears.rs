//! The power goes in the midst of a sector, while a crash is repaired. Disks should write a sector whole or not at all; a log
//! holds all the same.

use crate::blocks::{DiskFault, Survival};
use crate::naive::Change;
use crate::stand::{Stand, config};
use purlin::log::{Boundary, HardState};

/// What a crash leaves is opened, and the power goes meanwhile.
fn cut_short(stand: &mut Stand, first: Survival, opening: DiskFault, second: Survival) -> Result<(), String> {
    stand.disk.disk().crash(first).unwrap();
    stand.arm(opening);
    // Whether the log is open before that is for the disk to say.
    let _ = stand.reopen();
    stand.crash(second)?;
    stand.is_writable()
}

/// Every way to cut an opening short, within so many bytes of a write.
fn try_all(make: impl Fn() -> Stand, first: &[Survival], bytes: core::ops::Range<u64>) {
    let seconds = || (0..8).map(|seed| Survival::Sectors { seed }).chain([Survival::Kept]);
    for (first, changes) in first.iter().flat_map(|first| (0..6).map(move |changes| (*first, changes))) {
        for (bytes, second) in bytes.clone().flat_map(|bytes| seconds().map(move |second| (bytes, second))) {
            let opening = DiskFault::PowerOff { changes, bytes };
            let cut_short = cut_short(&mut make(), first, opening, second);
            cut_short.unwrap_or_else(|problem| panic!("{first:?}, {opening:?}, {second:?}: {problem}"));
        }
    }
}

/// Entries of zeros in three sectors, of which the crash leaves some.
#[test]
fn a_record_of_zeros_that_is_wiped_in_part_is_not_taken_for_padding() {
    let make = || {
        let mut stand = Stand::new(config(1_536, 0));
        stand.change(&Change::TruncatePrefix(Boundary { index: 1, term: 1 })).unwrap();
        stand.change(&crate::append(stand.present(), &[450, 444], 0)).unwrap();
        stand.log.write().unwrap();
        stand
    };
    let firsts: Vec<Survival> = (0..12).map(|seed| Survival::Sectors { seed }).collect();
    try_all(make, &firsts, 0..40);
}

/// The header of the segment that was there before differs in a few bytes only.
#[test]
fn a_header_that_is_torn_over_an_older_one_is_not_taken_for_whole() {
    let make = || {
        let mut stand = Stand::new(config(1_024, 1));
        stand.change(&Change::HardState(HardState::default())).unwrap();
        stand.sync().unwrap();
        stand.change(&Change::TruncatePrefix(Boundary { index: 1, term: 1 })).unwrap();
        stand.log.write().unwrap();
        stand
    };
    try_all(make, &[Survival::Kept, Survival::Lost], 0..40);
}

/// Where the log goes on lies half a sector; what comes after it survives the next crash, and what replaces it does not.
#[test]
fn a_sector_that_is_torn_where_the_log_goes_on_is_no_corruption_later() {
    // At first in the sector that is written, then in the one in which its last record goes on.
    let cases = [(1_024, [0, 5], 1), (1_024, [0, 5], 30), (1_024, [0, 5], 560), (1_536, [0, 600], 542)];
    for (segment_bytes, lengths, torn) in cases {
        let make = || {
            let mut stand = Stand::new(config(segment_bytes, 0));
            lengths.iter().for_each(|length| stand.append(vec![b'x'; *length]).unwrap());
            stand.log.write().unwrap();
            stand
        };
        let first = Survival::Prefix { bytes: torn, rest: crate::blocks::Rest::Old };
        try_all(make, &[first], 540..556);
    }
}
