//! An open file: read once, then written, compacted and closed. Everything here blocks.

use crate::codec::{self, Sealed};
use crate::error::{OpenError, Row, SqliteError};
use crate::layout;
use core::marker::PhantomData;
use purlin::protocol::Protocol;
use purlin_tokio::JournalError;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

type Failure = JournalError<SqliteError>;

/// Takes writes as long as its generation is the latest.
pub(crate) struct JournalFile<P> {
    connection: Connection,
    file: PathBuf,
    generation: u64,
    /// The last record that the image holds.
    covers: u64,
    /// The last record of all.
    last: u64,
    /// A write was refused or has failed: none may come after it, or there would be a gap.
    ended: bool,
    protocol: PhantomData<fn() -> P>,
}

/// Opening.
impl<P: Protocol> JournalFile<P> {
    /// Opens a file, or makes it if there is none, and takes the next generation.
    pub(crate) fn open(file: &Path, room: &str) -> Result<(Self, P::Image), OpenError> {
        find_or_create::<P>(file, room)?;
        let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
        let mut connection = layout::connect(file).map_err(failed)?;
        layout::check_layout(file, &connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        check_protocol::<P>(file, &transaction, room)?;
        let contents = read::<P>(&transaction).map_err(|unread| unread.at_opening(file))?;
        let generation = contents.generation + 1;
        layout::set_generation(&transaction, generation).and_then(|()| transaction.commit()).map_err(failed)?;
        let Contents { covers, last, image, .. } = contents;
        tracing::info!(file = %file.display(), generation, records = last - covers, "opened a journal");
        Ok((
            Self { connection, file: file.to_owned(), generation, covers, last, ended: false, protocol: PhantomData },
            image,
        ))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Records beside the image.
    pub(crate) fn records(&self) -> u64 {
        self.last - self.covers
    }
}

fn find_or_create<P: Protocol>(file: &Path, room: &str) -> Result<(), OpenError> {
    match File::open(file) {
        Ok(mut found) => layout::recognize(file, &mut found),
        Err(error) if error.kind() == ErrorKind::NotFound => layout::create::<P>(file, room),
        Err(source) => Err(OpenError::Io { file: file.to_owned(), source }),
    }
}

/// Writing.
impl<P: Protocol> JournalFile<P> {
    /// One transaction.
    pub(crate) fn append(&mut self, records: &[P::Record]) -> Result<(), Failure> {
        let first = self.last + 1;
        let sealed = (first..).zip(records).map(|(position, record)| codec::seal(position, record));
        let sealed: Vec<Sealed> = sealed.collect::<Result<_, _>>().map_err(|source| self.unencoded(source))?;
        self.write(|transaction| layout::insert_records(transaction, first, &sealed))?;
        self.last += sealed.len() as u64;
        Ok(())
    }

    /// One transaction. The image also holds records that were never appended, so no position tells what it covers
    /// but the last one; the next record comes after it.
    pub(crate) fn compact(&mut self, image: &P::Image) -> Result<(), Failure> {
        let covers = self.last;
        let sealed = codec::seal(covers, image).map_err(|source| self.unencoded(source))?;
        self.write(|transaction| layout::replace_image(transaction, covers, &sealed))?;
        self.covers = covers;
        Ok(())
    }

    /// A transaction of the present generation, or none at all; and none after one that was not done.
    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), Failure> {
        if self.ended {
            return Err(JournalError::Failed(SqliteError::Ended { file: self.file.clone() }));
        }
        let result = self.transact(work);
        self.ended = result.is_err();
        result
    }

    fn transact(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), Failure> {
        let Self { connection, file, generation, .. } = self;
        let failed = |source| JournalError::Failed(SqliteError::Sqlite { file: file.clone(), source });
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        if layout::latest_generation(&transaction).map_err(failed)? != *generation {
            return Err(JournalError::Refused);
        }
        work(&transaction).and_then(|()| transaction.commit()).map_err(failed)
    }

    fn unencoded(&self, source: postcard::Error) -> Failure {
        JournalError::Failed(SqliteError::Encode { file: self.file.clone(), source })
    }

    /// Reads every record beside the image and asks the protocol. One that loads often wants an index of its own.
    pub(crate) fn load(&self, load: P::Load) -> Result<Option<P::Loaded>, Failure> {
        let mut records = Vec::new();
        let read = read_records::<P>(&self.connection, self.covers, |record| records.push(record));
        read.map_err(|unread| JournalError::Failed(unread.later(&self.file)))?;
        Ok(P::lookup(&records, load))
    }

    /// Ends the connection; the last one of a file leaves nothing beside it.
    pub(crate) fn close(self) -> Result<(), SqliteError> {
        let Self { connection, file, .. } = self;
        connection.close().map_err(|(_, source)| SqliteError::Sqlite { file, source })
    }
}

/// What a file holds.
struct Contents<P: Protocol> {
    generation: u64,
    covers: u64,
    last: u64,
    image: P::Image,
}

/// A row cannot be read.
enum Unread {
    Sqlite(rusqlite::Error),
    Damaged(Row, &'static str),
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Unread {
    fn at_opening(self, file: &Path) -> OpenError {
        let file = file.to_owned();
        match self {
            Self::Sqlite(source) => OpenError::Sqlite { file, source },
            Self::Damaged(row, why) => OpenError::Damaged { file, row, why },
        }
    }

    fn later(self, file: &Path) -> SqliteError {
        let file = file.to_owned();
        match self {
            Self::Sqlite(source) => SqliteError::Sqlite { file, source },
            Self::Damaged(row, why) => SqliteError::Damaged { file, row, why },
        }
    }
}

fn read<P: Protocol>(connection: &Connection) -> Result<Contents<P>, Unread> {
    let sql = "SELECT generation, covers, image, checksum FROM journal";
    let row: (u64, u64, Vec<u8>, u32) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let (generation, covers, image, checksum) = row;
    let mut image: P::Image = codec::open(covers, &image, checksum).map_err(|why| Unread::Damaged(Row::Image, why))?;
    let last = read_records::<P>(connection, covers, |record| P::fold(&mut image, record))?;
    Ok(Contents { generation, covers, last, image })
}

fn check_protocol<P: Protocol>(file: &Path, connection: &Connection, room: &str) -> Result<(), OpenError> {
    let row = connection.query_row("SELECT room, format FROM journal", [], |row| Ok((row.get(0)?, row.get(1)?)));
    let file = file.to_owned();
    match row {
        Err(source) => Err(OpenError::Sqlite { file, source }),
        Ok((theirs, _)) if theirs != room => Err(OpenError::Room { file, ours: room.to_owned(), theirs }),
        Ok((room, theirs)) if theirs != P::FORMAT => Err(OpenError::Format { file, room, ours: P::FORMAT, theirs }),
        Ok::<(String, u32), _>(_) => Ok(()),
    }
}

/// Every record after a position, in order, and the position of the last one. None may be missing.
fn read_records<P: Protocol>(
    connection: &Connection,
    after: u64,
    mut each: impl FnMut(P::Record),
) -> Result<u64, Unread> {
    let mut last = after;
    let mut select = connection.prepare_cached("SELECT position, record, checksum FROM records ORDER BY position")?;
    let mut rows = select.query(params![])?;
    while let Some(row) = rows.next()? {
        let (position, checksum): (u64, u32) = (row.get(0)?, row.get(2)?);
        let damaged = |why| Unread::Damaged(Row::Record(position), why);
        if position != last + 1 {
            return Err(damaged("does not follow the one before it"));
        }
        let bytes = row.get_ref(1)?.as_blob().map_err(|_| damaged("is not made of bytes"))?;
        each(codec::open(position, bytes, checksum).map_err(damaged)?);
        last = position;
    }
    Ok(last)
}
