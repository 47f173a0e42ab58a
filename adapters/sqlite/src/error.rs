//! What can go wrong.

use std::path::PathBuf;

/// A file was not opened. Unless it says otherwise the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Something else is there.
    #[error("{file} is not a journal of ours, and was left alone: give another path, or move it away")]
    NotOurs {
        /// The file.
        file: PathBuf,
    },
    /// The tables are laid out differently.
    #[error(
        "{file} is laid out as version {theirs}, and this program reads version {ours}: use the program that wrote it"
    )]
    Layout {
        /// The file.
        file: PathBuf,
        /// This program's version.
        ours: u32,
        /// The file's.
        theirs: u32,
    },
    /// It is the journal of another protocol.
    #[error("{file} is the journal of `{theirs}`, not of `{ours}`: give another path")]
    Room {
        /// The file.
        file: PathBuf,
        /// What was to be opened.
        ours: String,
        /// What it is.
        theirs: String,
    },
    /// Its records mean something else.
    #[error("{file} holds format {theirs} of `{room}`, and this program writes format {ours}: {}", mend(*.ours, *.theirs))]
    Format {
        /// The file.
        file: PathBuf,
        /// The protocol.
        room: String,
        /// This program's format.
        ours: u32,
        /// The file's.
        theirs: u32,
    },
    /// A row was altered or lost since it was written.
    #[error("{file} is damaged: {row} {why}; restore it from a copy")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Which row.
        row: Row,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file cannot be read, or not be made.
    #[error("{file} cannot be opened")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite has failed.
    #[error("{file} cannot be opened")]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

fn mend(ours: u32, theirs: u32) -> &'static str {
    if theirs > ours { "use the newer program that wrote it" } else { "it must be migrated first" }
}

/// A row of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The one row of the table `journal`.
    Image,
    /// A row of the table `records`, by its position.
    Record(u64),
}

impl std::fmt::Display for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Image => write!(formatter, "the image"),
            Self::Record(position) => write!(formatter, "record {position}"),
        }
    }
}

/// An open journal has failed. What it was asked to write may or may not be there: opening the file again tells.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// SQLite has failed: the disk is full, perhaps, or the file is gone.
    #[error("{file} could not be written")]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A record or an image cannot be encoded. That is a bug of the protocol's types; nothing was written.
    #[error("a value cannot be encoded for {file}")]
    Encode {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: postcard::Error,
    },
    /// What was read back cannot be decoded.
    #[error("{file} is damaged: {row} {why}; restore it from a copy")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Which row.
        row: Row,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing more is written: an earlier write was not done, or the thread has panicked.
    #[error("nothing more is written to {file}: an earlier write was not done; open it again")]
    Ended {
        /// The file.
        file: PathBuf,
    },
}
