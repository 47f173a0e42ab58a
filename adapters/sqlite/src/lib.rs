//! A journal for any [protocol](purlin::protocol) in a SQLite file.
//!
//! ```text
//!   Driver ── append, compact ──▶ SqliteJournal ──▶ a thread of its own ──▶ one transaction each: check the generation,
//!                                                                            write, COMMIT (WAL, synchronous = FULL)
//! ```
//!
//! **What is durable.** An append is one transaction: when it resolves, its records have been synced to the disk, and after
//! a crash either all of them are there or none.
//!
//! **Who may write.** Opening a file takes the next *generation*, in the transaction that reads it. From then on every
//! append of an earlier opener, in this process or another, is [refused](purlin_tokio::JournalError::Refused) and changes
//! nothing: two processes never write one history, however late the first one notices.
//!
//! **What is in the file.** One image and the records after it, each encoded by postcard and with a CRC32C; the version of
//! this layout, the name of the room and the [`FORMAT`](purlin::protocol::Protocol::FORMAT) of its records. A file that
//! is not ours, or of another version, is [refused](OpenError) untouched; a damaged row is named.
//!
//! ```
//! use purlin::queue::{NewMessage, Queue, Request, Settings};
//! use purlin_sqlite::SqliteJournal;
//! use purlin_tokio::Setup;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("jobs.db");
//! let config = Settings::default().validate()?;
//! let (journal, image) = SqliteJournal::<Queue>::open(&file, "queue")?;
//! let (driver, handle) = Setup::new(config, journal, image).build();
//! let running = tokio::spawn(driver.run());
//!
//! let message = NewMessage { id: "parcel 7".into(), ..NewMessage::default() };
//! handle.request(Request::Enqueue(message)).await?; // and now it is on the disk
//!
//! handle.shutdown();
//! running.await??.close()?;
//! # Ok(())
//! # }
//! ```

mod codec;
mod error;
mod file;
mod journal;
mod layout;

pub use error::{OpenError, Row, SqliteError};
pub use journal::SqliteJournal;
