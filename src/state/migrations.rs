//! The tables of the state. A migration that was released is never edited:
//! a change of shape is one more entry.
//!
//! All times are Unix nanoseconds. Rows are appended under integer keys, and
//! what changes often is kept apart from what is large, so that a commit
//! touches few pages.

use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as a sandplan state ("spln").
pub(super) const APPLICATION_ID: i64 = 0x7370_6c6e;

const MIGRATIONS: [&str; 1] = [V1];

/// The version of the tables that this build writes.
pub(super) const LATEST: i64 = MIGRATIONS.len() as i64;

const V1: &str = "
CREATE TABLE meta (
  n       INTEGER PRIMARY KEY CHECK (n = 1),
  lineage TEXT    NOT NULL,
  serial  INTEGER NOT NULL
) STRICT;

CREATE TABLE resource (
  n              INTEGER PRIMARY KEY,
  address        TEXT    NOT NULL,
  deposed        TEXT    NOT NULL,  -- '' when current
  version        INTEGER NOT NULL,  -- the serial of its last write
  provider       TEXT    NOT NULL,
  remote_id      TEXT    NOT NULL,
  status         TEXT    NOT NULL,
  schema_version INTEGER NOT NULL,
  create_before_destroy INTEGER NOT NULL,
  depends_on     TEXT    NOT NULL,  -- JSON: block addresses
  failure        TEXT,              -- JSON: the failed step
  UNIQUE (address, deposed)
) STRICT;

CREATE TABLE shape (
  n    INTEGER PRIMARY KEY,
  text TEXT    NOT NULL UNIQUE      -- JSON: the attributes that are null
) STRICT;

CREATE TABLE attributes (
  resource INTEGER PRIMARY KEY REFERENCES resource (n) ON DELETE CASCADE,
  shape    INTEGER NOT NULL REFERENCES shape (n),
  text     TEXT    NOT NULL         -- lossless JSON, sensitive parts as fingerprints
) STRICT;

CREATE TABLE step (
  resource INTEGER NOT NULL REFERENCES resource (n) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name     TEXT    NOT NULL,
  hash     TEXT    NOT NULL,
  rc       INTEGER NOT NULL,
  seconds  REAL    NOT NULL,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (resource, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE output (
  name      TEXT PRIMARY KEY,
  value     TEXT    NOT NULL,
  sensitive INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  n           INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL,
  command     TEXT    NOT NULL,
  who         TEXT    NOT NULL,
  version     TEXT    NOT NULL,
  first_operation INTEGER NOT NULL,  -- pruning goes by ranges of operation.n
  started_at  INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;

CREATE TABLE operation (
  n         INTEGER PRIMARY KEY,
  id        TEXT    NOT NULL,
  run       INTEGER,           -- runs are pruned, so this is no foreign key
  address   TEXT    NOT NULL,
  deposed   TEXT    NOT NULL,  -- of a create: the key that it gave to what was there
  kind      TEXT    NOT NULL,
  phase     TEXT    NOT NULL,  -- begun, succeeded, failed, unknown
  provider  TEXT    NOT NULL,
  remote_id TEXT,
  error     TEXT,
  begun_at  INTEGER NOT NULL,
  ended_at  INTEGER            -- NULL while open: begun or unknown
) STRICT;
CREATE UNIQUE INDEX operation_open ON operation (id) WHERE ended_at IS NULL;

CREATE TABLE intent (
  operation INTEGER PRIMARY KEY REFERENCES operation (n) ON DELETE CASCADE,
  request   TEXT    NOT NULL   -- JSON: what recovery needs of a create, while open
) STRICT;

CREATE TABLE lock (
  n       INTEGER PRIMARY KEY CHECK (n = 1),
  id      TEXT    NOT NULL,
  who     TEXT    NOT NULL,
  host    TEXT    NOT NULL,
  pid     INTEGER NOT NULL,
  command TEXT    NOT NULL,
  version TEXT    NOT NULL,
  since   INTEGER NOT NULL
) STRICT;
";

/// Brings the tables up to [`LATEST`] and gives a new state its lineage, all or nothing.
pub(super) fn migrate(connection: &mut Connection, lineage: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction
        .execute("INSERT OR IGNORE INTO meta (n, lineage, serial) VALUES (1, ?1, 0)", [lineage])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LATEST)?;
    transaction.commit()
}
