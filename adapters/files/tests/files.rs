//! What real files add to the log: folders, locks, lengths, and a process that ends in the midst of it.

use purlin::log::{Blocks, Boundary, Config, Entry, Log, OpenError, Settings};
use purlin_files::{Files, OpenFilesError};
use std::os::unix::fs::DirEntryExt;
use std::path::Path;

fn config() -> Config {
    Settings { segment_bytes: 1 << 14, ..Settings::new(3) }.validate().unwrap()
}

fn open(folder: &Path) -> Log<Files> {
    Log::open(config(), Files::open(folder).unwrap()).unwrap()
}

fn fill(log: &mut Log<Files>, count: u64) {
    for _ in 0..count {
        log.append(&[Entry { index: log.last_index() + 1, term: 1, payload: [7; 100] }]).unwrap();
        log.sync().unwrap();
    }
}

#[test]
fn a_log_is_there_again_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("not/there/yet");
    let mut log = open(&inner);
    fill(&mut log, 100);
    drop(log.close().unwrap());
    let mut log = open(&inner);
    let entries = log.read(1..101).unwrap();
    assert_eq!(entries.len(), 100);
    assert!(entries.iter().all(|entry| entry.payload == [7; 100]));
}

#[test]
fn a_folder_that_is_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    assert!(matches!(Files::open(folder.path()), Err(OpenFilesError::InUse(_))));
    drop(files);
    Files::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let error = Files::open(file.join("log")).unwrap_err();
    assert!(error.to_string().contains("a file"), "{error}");
}

#[test]
fn a_write_changes_no_files_length() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    fill(&mut log, 80);
    let lengths = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    let lengths: Vec<u64> = lengths.collect();
    assert!(lengths.len() > 2);
    assert!(lengths.iter().all(|length| *length == 1 << 14), "{lengths:?}");
}

/// Files are used again under other names, so a log that drops its beginning asks the system for no more room.
#[test]
fn a_log_that_drops_its_beginning_goes_on_in_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    let mut files = std::collections::BTreeSet::new();
    for _ in 0..20 {
        fill(&mut log, 40);
        let through = Boundary { index: log.last_index() - 1, term: 1 };
        log.truncate_prefix(through).unwrap();
        log.sync().unwrap();
        files.extend(std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().ino()));
    }
    let newest = log.blocks_mut().list().unwrap();
    assert!(newest[0] > 10, "{newest:?}");
    assert!(files.len() <= 6, "{files:?}");
    drop(log);
    assert_eq!(open(folder.path()).read(800..801).unwrap()[0].payload, [7; 100]);
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    fill(&mut log, 20);
    drop(log);
    let file = std::fs::OpenOptions::new().write(true).open(folder.path().join("0000000000000000.segment")).unwrap();
    file.set_len(4_000).unwrap();
    let refused = Log::open(config(), Files::open(folder.path()).unwrap()).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Io(_))), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("shorter than it was made"));
}

#[test]
fn what_a_process_left_unfinished_is_removed_and_what_is_strange_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("unfinished"), [0; 100]).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    assert!(!folder.path().join("unfinished").exists());
    assert_eq!(files.list(), Ok(vec![]));
    std::fs::write(folder.path().join("first.segment"), "").unwrap();
    assert!(files.list().unwrap_err().to_string().contains("no segment's name"));
}

#[test]
fn segments_keep_their_order_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    for segment in [255, 16, 9, u64::MAX] {
        files.create(segment, 1_024).unwrap();
    }
    files.recycle(9, 300).unwrap();
    files.remove(16).unwrap();
    assert_eq!(files.list(), Ok(vec![255, 300, u64::MAX]));
}
