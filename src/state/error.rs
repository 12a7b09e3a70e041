//! What can go wrong with a state, in words that say what to do.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Failure};
use crate::object::{Lineage, ObjectKey, OperationId};

use super::lock::LockInfo;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not a sandplan state: {why}", path.display())]
    NotAState { path: PathBuf, why: String },
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("`{}` was written by a newer sandplan (state version {found}, this one knows {known})", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the state is locked")]
    Locked { path: PathBuf, holder: Option<Box<LockInfo>> },
    #[error("lock `{id}` of the state was taken away by `force-unlock`")]
    LockLost { id: String },
    #[error("the state is not locked by `{given}`")]
    LockMismatch { given: String, holder: Option<Box<LockInfo>> },
    #[error("the state to write is of lineage `{theirs}`, and the present one of `{ours}`")]
    OtherLineage { ours: Lineage, theirs: Lineage },
    #[error("the state to write has serial {theirs}, and the present one {ours}")]
    OlderSerial { ours: u64, theirs: u64 },
    #[error("the state has no `{}`", key.address)]
    NoSuchRow { key: ObjectKey },
    #[error("the state has `{}` already", key.address)]
    RowExists { key: ObjectKey },
    #[error("the journal has no open operation `{id}`")]
    NoSuchOperation { id: OperationId },
    #[error("`{}`: {source}", path.display())]
    Sql { path: PathBuf, source: rusqlite::Error },
    /// Only tests see it: the process is to be thought of as killed here.
    #[error("killed")]
    Killed,
}

impl StateError {
    /// Wraps an error of a file operation.
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }

    /// Wraps an error of the database by what it means to the user.
    pub(super) fn sql(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        |source| {
            let path = path.to_owned();
            match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => {
                    Self::NotAState { path, why: "it is no SQLite database".to_owned() }
                }
                Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
                    Self::Damaged { path, why: source.to_string() }
                }
                _ if is_decoding(&source) => Self::Damaged { path, why: source.to_string() },
                _ => Self::Sql { path, source },
            }
        }
    }

    /// Returns the problem as users see it.
    pub fn diagnostic(&self) -> Diagnostic {
        let (code, summary) = self.kind();
        let failure = match self {
            Self::Locked { .. } | Self::LockLost { .. } => Failure::Locked,
            _ => Failure::Error,
        };
        Diagnostic::error(code, summary).detail(self.detail()).failure(failure)
    }

    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Io { .. } | Self::Sql { .. } | Self::Killed => {
                ("state-unusable", "Cannot use the state")
            }
            Self::NotAState { .. } => ("not-a-state", "Not a state"),
            Self::Damaged { .. } | Self::NoSuchOperation { .. } => {
                ("state-damaged", "Damaged state")
            }
            Self::Newer { .. } => ("state-newer", "State of a newer sandplan"),
            Self::Locked { .. } => ("state-locked", "Error acquiring the state lock"),
            Self::LockLost { .. } => ("state-lock-lost", "State lock lost"),
            Self::LockMismatch { .. } => ("state-lock-mismatch", "No such state lock"),
            Self::OtherLineage { .. } => ("state-other-lineage", "State of another lineage"),
            Self::OlderSerial { .. } => {
                ("state-older-serial", "State is older than the present one")
            }
            Self::NoSuchRow { .. } => ("state-no-such-resource", "No such resource in the state"),
            Self::RowExists { .. } => ("state-resource-exists", "Resource is in the state already"),
        }
    }

    fn detail(&self) -> String {
        let advice = match self {
            Self::Io { .. } | Self::Sql { .. } | Self::Killed => {
                "What was committed before is kept, and the next command goes on from there."
            }
            Self::NotAState { .. } => {
                "The file was left as it is. Name another path in `backend \"sqlite\"`."
            }
            Self::Damaged { .. } | Self::NoSuchOperation { .. } => {
                "The file was left as it is. Restore a copy of it, or move it away and rebuild it \
                 from the labels of the living objects with `sandplan state recover`."
            }
            Self::Newer { .. } => {
                "The file was left as it is. Use a sandplan at least as new as the one that wrote it."
            }
            Self::Locked { path, holder } => return locked_detail(path, holder.as_deref()),
            Self::LockLost { .. } => {
                "Nothing more was written. Look at what the other command does before you try again."
            }
            Self::LockMismatch { holder, .. } => return mismatch_detail(self, holder.as_deref()),
            Self::OtherLineage { .. } => {
                "They belong to different projects. Use `-force` if you mean to replace one by the other."
            }
            Self::OlderSerial { .. } => {
                "It would undo what was written since. Use `-force` if that is what you want."
            }
            Self::NoSuchRow { .. } => "`sandplan state list` shows what there is.",
            Self::RowExists { .. } => {
                "Remove or move it first (`sandplan state rm`, `sandplan state mv`)."
            }
        };
        format!("{}. {advice}", capitalized(&self.to_string()))
    }
}

fn is_decoding(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | QueryReturnedNoRows
    )
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn locked_detail(path: &Path, holder: Option<&LockInfo>) -> String {
    let Some(holder) = holder else {
        return format!(
            "Another sandplan is just opening or closing `{}`. Try again, or wait for it with \
             `-lock-timeout=30s`.",
            path.display()
        );
    };
    format!(
        "Another command is writing this state.\nLock Info:\n{holder}\n\
         Wait for it with `-lock-timeout=5m`. The lock is freed when that process ends, however it \
         ends; only where the file system does not tell (some network file systems) is \
         `sandplan force-unlock {}` needed.",
        holder.id
    )
}

fn mismatch_detail(error: &StateError, holder: Option<&LockInfo>) -> String {
    match holder {
        Some(holder) => format!("{}; the lock is:\n{holder}", capitalized(&error.to_string())),
        None => "The state is not locked at all, so there is nothing to do.".to_owned(),
    }
}

impl From<StateError> for Diagnostic {
    fn from(error: StateError) -> Self {
        error.diagnostic()
    }
}
