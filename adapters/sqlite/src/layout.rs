//! How a file is laid out, made and recognized.

use crate::codec::{self, Sealed};
use crate::error::OpenError;
use core::time::Duration;
use purlin::protocol::Protocol;
use rusqlite::{Connection, OpenFlags, Transaction, params};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// "Prln": tells our files from others.
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"Prln");
/// The version of the tables below. Kept in `user_version`.
const LAYOUT: u32 = 1;
/// How long to wait for another process that is writing at this moment.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// The image holds every record up to `covers`.
const TABLES: &str = "
    CREATE TABLE journal (
        only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
        room       TEXT    NOT NULL,
        format     INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        covers     INTEGER NOT NULL,
        image      BLOB    NOT NULL,
        checksum   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        position   INTEGER PRIMARY KEY,
        record     BLOB    NOT NULL,
        checksum   INTEGER NOT NULL
    ) STRICT;
";
const FIRST_ROW: &str = "INSERT INTO journal VALUES (1, ?, ?, 0, 0, ?, ?)";

pub(crate) fn latest_generation(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT generation FROM journal")?.query_row([], |row| row.get(0))
}

pub(crate) fn set_generation(transaction: &Transaction<'_>, generation: u64) -> rusqlite::Result<()> {
    transaction.execute("UPDATE journal SET generation = ?", [generation]).map(drop)
}

pub(crate) fn insert_records(transaction: &Transaction<'_>, first: u64, records: &[Sealed]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO records VALUES (?, ?, ?)")?;
    for (position, Sealed { bytes, checksum }) in (first..).zip(records) {
        insert.execute(params![position, bytes, checksum])?;
    }
    Ok(())
}

/// The image in the place of all records.
pub(crate) fn replace_image(transaction: &Transaction<'_>, covers: u64, image: &Sealed) -> rusqlite::Result<()> {
    let Sealed { bytes, checksum } = image;
    transaction.execute("UPDATE journal SET covers = ?, image = ?, checksum = ?", params![covers, bytes, checksum])?;
    transaction.execute("DELETE FROM records", []).map(drop)
}

/// Connects to a file that is there.
pub(crate) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Looks at a file without SQLite, which would leave traces beside it.
pub(crate) fn recognize(file: &Path, found: &mut File) -> Result<(), OpenError> {
    /// What the first hundred bytes of a SQLite file say: <https://www.sqlite.org/fileformat2.html#the_database_header>.
    const HEADER: usize = 100;
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut header = Vec::with_capacity(HEADER);
    let read = found.take(HEADER as u64).read_to_end(&mut header);
    read.map_err(|source| OpenError::Io { file: file.to_owned(), source })?;
    let ours = header.starts_with(MAGIC) && header.get(68..72) == Some(&APPLICATION_ID.to_be_bytes());
    if ours { Ok(()) } else { Err(OpenError::NotOurs { file: file.to_owned() }) }
}

pub(crate) fn check_layout(file: &Path, connection: &Connection) -> Result<(), OpenError> {
    let theirs = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    match theirs.map_err(|source| OpenError::Sqlite { file: file.to_owned(), source })? {
        LAYOUT => Ok(()),
        theirs => Err(OpenError::Layout { file: file.to_owned(), ours: LAYOUT, theirs }),
    }
}

/// Makes a file with an empty image. It appears all at once, so that nobody ever finds half of one; if somebody else has
/// made it in the meantime, theirs stays.
pub(crate) fn create<P: Protocol>(file: &Path, room: &str) -> Result<(), OpenError> {
    let unready = beside(file, &format!(".new-{}", std::process::id()));
    let io = |source| OpenError::Io { file: file.to_owned(), source };
    remove(&unready).map_err(io)?;
    let made = fill::<P>(&unready, room).map_err(|source| OpenError::Sqlite { file: file.to_owned(), source });
    let linked = made.and_then(|()| link(&unready, file).map_err(io));
    remove(&unready).map_err(io)?;
    linked
}

fn fill<P: Protocol>(unready: &Path, room: &str) -> rusqlite::Result<()> {
    let mut connection = Connection::open(unready)?;
    let image = codec::seal(0, &P::Image::default());
    let image = image.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(FIRST_ROW, params![room, P::FORMAT, image.bytes, image.checksum])?;
    transaction.commit()?;
    // Stays with the file.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)
}

fn link(unready: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(unready, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked.and_then(|()| sync_folder(file)),
    }
}

/// A new name is durable once its folder is.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Elsewhere folders cannot be synced.
#[cfg(not(unix))]
fn sync_folder(_file: &Path) -> io::Result<()> {
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
