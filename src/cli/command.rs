//! One file per command.

pub mod apply;
pub mod completions;
pub mod console;
pub mod cp;
pub mod drift;
pub mod eval;
pub mod exec;
pub mod expire;
pub mod fmt;
pub mod force_unlock;
pub mod graph;
pub mod import;
pub mod init;
pub mod list;
pub mod logs;
pub mod new;
pub mod output;
pub mod plan;
pub mod planning;
pub mod show;
pub mod snapshot;
pub mod state;
pub mod validate;
pub mod version;
