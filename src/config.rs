//! Text in, typed blocks out: the configuration of one directory.
//!
//! Nothing here calls a platform or knows what is alive. Expressions stay
//! expressions; `graph` evaluates them.

pub mod blocks;
pub mod body;
pub mod check;
pub mod expr;
pub mod format;
pub mod inputs;
pub mod load;
pub mod settings;
pub mod variable;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use blocks::{Lifecycle, Output, Profile, ProviderBlock, Resource, Rule};
pub use body::{Argument, BlockBody, NestedBlock};
pub use expr::Expr;
pub use settings::{Limits, Settings};
pub use variable::Variable;

use crate::address::BlockAddress;

/// What the files of one directory declare.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The directory of the files, as the user named it.
    pub directory: PathBuf,
    pub settings: Settings,
    pub providers: Vec<ProviderBlock>,
    pub variables: BTreeMap<Arc<str>, Variable>,
    pub locals: BTreeMap<Arc<str>, Expr>,
    pub profiles: BTreeMap<Arc<str>, Profile>,
    pub resources: BTreeMap<BlockAddress, Resource>,
    pub outputs: BTreeMap<Arc<str>, Output>,
}

#[cfg(test)]
mod tests;
