//! Opening the database: for writing, which may create it, and for reading,
//! which never changes a file and works where nothing can be written.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StateError;
use super::lock;
use super::migrations::{APPLICATION_ID, LATEST, migrate};

/// Small pages: a commit writes whole pages, and most of what it changes is small.
const PAGE_SIZE: i64 = 512;

/// Pages in the log before it is copied back; more would save writing hot pages
/// again, at the price of a longer file.
const CHECKPOINT_PAGES: i64 = 16384;

/// How long to wait for another process in the middle of a commit or checkpoint.
const BUSY: Duration = Duration::from_secs(10);

const STATEMENTS: usize = 40;

type Result<T> = std::result::Result<T, StateError>;

/// Opens the database to write, creating or migrating it under the file lock.
pub(super) fn to_write(path: &Path, lineage: &str) -> Result<Connection> {
    if !exists(path)? {
        create_directory(path)?;
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    if let Ok(connection) = connection
        && check(&connection, path)? == Found::Current
    {
        prepare(&connection).map_err(StateError::sql(path))?;
        return Ok(connection);
    }
    set_up(path, lineage)
}

/// Opens the database to read; nothing when there is none yet.
pub(super) fn to_read(path: &Path) -> Result<Option<(Connection, Option<tempfile::TempDir>)>> {
    if !exists(path)? {
        return Ok(None);
    }
    let (connection, copy) = readable(path)?;
    match check(&connection, path)? {
        Found::Current => {}
        Found::Nothing | Found::Older => return Ok(None),
    }
    connection.pragma_update(None, "query_only", true).map_err(StateError::sql(path))?;
    Ok(Some((connection, copy)))
}

/// Opens what can be read there: with the log if possible, without it where there
/// is none, else a private copy of both.
fn readable(path: &Path) -> Result<(Connection, Option<tempfile::TempDir>)> {
    if let Ok(connection) = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        && probe(&connection)
    {
        return Ok((connection, None));
    }
    let log = log_path(path);
    if std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        return Ok((connect_immutable(path)?, None));
    }
    let copy = tempfile::tempdir().map_err(StateError::io(path))?;
    let there = copy.path().join("state.db");
    for (from, to) in [(path, &there), (&log, &log_path(&there))] {
        std::fs::copy(from, to).map_err(StateError::io(from))?;
    }
    let connection = connect(&there, OpenFlags::SQLITE_OPEN_READ_WRITE);
    Ok((connection.map_err(StateError::sql(path))?, Some(copy)))
}

/// Tells whether the tables can be read at all this way. A file that is no
/// database can, so that `check` says so.
fn probe(connection: &Connection) -> bool {
    let first = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    !matches!(
        first.err().and_then(|e| e.sqlite_error_code()),
        Some(
            rusqlite::ErrorCode::CannotOpen
                | rusqlite::ErrorCode::ReadOnly
                | rusqlite::ErrorCode::SystemIoFailure
                | rusqlite::ErrorCode::PermissionDenied
        )
    )
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn connect_immutable(path: &Path) -> Result<Connection> {
    let absolute = std::path::absolute(path).map_err(StateError::io(path))?;
    let bytes = absolute.as_os_str().as_encoded_bytes();
    let encoded = percent_encoding::percent_encode(bytes, URI);
    let uri = format!("file://{encoded}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&uri), flags).map_err(StateError::sql(path))
}

const URI: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b'?').add(b'#').add(b'%').add(b' ');

fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn exists(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(StateError::NotAState {
            path: path.to_owned(),
            why: "it is no regular file".to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StateError::io(path)(error)),
    }
}

fn create_directory(path: &Path) -> Result<()> {
    let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(StateError::io(directory))
}

/// What a database file holds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// No table: a file that was just created.
    Nothing,
    Older,
    Current,
}

fn check(connection: &Connection, path: &Path) -> Result<Found> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = number("user_version").map_err(StateError::sql(path))?;
    let application = number("application_id").map_err(StateError::sql(path))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(StateError::sql(path))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(Found::Nothing),
        (APPLICATION_ID, LATEST) => Ok(Found::Current),
        (APPLICATION_ID, found) if found > LATEST => {
            Err(StateError::Newer { path: path.to_owned(), found, known: LATEST })
        }
        (APPLICATION_ID, _) => Ok(Found::Older),
        _ => Err(StateError::NotAState {
            path: path.to_owned(),
            why: "it is some other program's database".to_owned(),
        }),
    }
}

/// Creates or migrates the database. Only the holder of the file lock does that,
/// so that two commands that start together do not meet half-way.
fn set_up(path: &Path, lineage: &str) -> Result<Connection> {
    let Some(lock) = lock::take(path, BUSY)? else {
        return Err(StateError::Locked { path: path.to_owned(), holder: None });
    };
    create_file(path)?;
    let sql = || StateError::sql(path);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql())?;
    if check(&connection, path)? != Found::Current {
        connection.pragma_update(None, "page_size", PAGE_SIZE).map_err(sql())?;
        prepare(&connection).map_err(sql())?;
        migrate(&mut connection, lineage).map_err(sql())?;
    }
    prepare(&connection).map_err(sql())?;
    drop(lock);
    Ok(connection)
}

fn create_file(path: &Path) -> Result<()> {
    let create = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match create {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(StateError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Sets what every connection that writes needs.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))
}
