//! A log on a disk that fails as it is told, beside the naive one.

use crate::blocks::{DiskFault, DiskHandle, Memory, Survival};
use crate::naive::{Change, Content, change};
use purlin::log::{Config, Entry, Log, MutationError, OpenError, Settings};

pub type Disk = DiskHandle<Memory>;

pub struct Stand {
    pub config: Config,
    pub disk: Disk,
    pub log: Log<Disk>,
    /// What it is after each change since the last sync, the state at that sync first.
    pub history: Vec<Content>,
}

pub fn config(segment_bytes: u64, spare_segments_max: u32) -> Config {
    Settings { segment_bytes, spare_segments_max, ..Settings::new(7) }.validate().unwrap()
}

pub fn entry(index: u64, term: u64, payload: impl Into<Vec<u8>>) -> Entry {
    Entry { index, term, payload: payload.into() }
}

impl Stand {
    pub fn new(config: Config) -> Self {
        let disk = Disk::default();
        let log = Log::open(config.clone(), disk.clone()).unwrap();
        Self { config, disk, log, history: vec![Content::default()] }
    }

    pub fn present(&self) -> &Content {
        self.history.last().expect("there is always a state")
    }

    pub fn change(&mut self, given: &Change) -> Result<(), MutationError> {
        let done = change(&mut self.log, given);
        // A change that failed by the disk may survive all the same.
        if matches!(done, Ok(()) | Err(MutationError::Io(_))) {
            self.history.push(self.present().after(given));
        }
        done
    }

    pub fn append(&mut self, payload: impl Into<Vec<u8>>) -> Result<(), MutationError> {
        let entry = entry(self.present().last() + 1, 1, payload);
        self.change(&Change::Append(vec![entry]))
    }

    pub fn sync(&mut self) -> Result<(), MutationError> {
        self.log.sync()?;
        self.history.drain(..self.history.len() - 1);
        Ok(())
    }

    /// The log after a crash, which is one of the states since the last sync: that one from now on.
    pub fn crash(&mut self, survival: Survival) -> Result<(), String> {
        self.disk.disk().crash(survival).unwrap();
        self.restart()
    }

    /// The same after the process alone has ended: what it has handed over is still there.
    pub fn restart(&mut self) -> Result<(), String> {
        self.reopen().map_err(|error| error.to_string())?;
        let found = Content::of(&mut self.log);
        if !self.history.contains(&found) {
            return Err(format!("{found:?} is none of {:?}", self.history));
        }
        self.history = vec![found];
        Ok(())
    }

    /// Opens what is on the disk.
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        self.log = Log::open(self.config.clone(), self.disk.clone())?;
        Ok(())
    }

    pub fn arm(&self, fault: DiskFault) {
        self.disk.disk().arm(fault);
    }

    /// It still takes changes, and keeps them.
    pub fn is_writable(&mut self) -> Result<(), String> {
        self.append("one more").map_err(|error| error.to_string())?;
        self.sync().map_err(|error| error.to_string())?;
        self.crash(Survival::Lost)
    }
}
