//! Where inside a value: `env["HOME"]`, `provision[0].run`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathStep {
    Attribute(Arc<str>),
    Index(usize),
    Key(Arc<str>),
}

/// Steps from a resource's object to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributePath(Vec<PathStep>);

impl AttributePath {
    /// Names a top-level attribute.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        Self(vec![PathStep::Attribute(name.into())])
    }

    /// Returns the path one step further in.
    pub fn join(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Lists the steps from the outside in.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// Returns the top-level attribute's name, or `""` for the object itself.
    pub fn root(&self) -> &str {
        match self.0.first() {
            Some(PathStep::Attribute(name) | PathStep::Key(name)) => name,
            _ => "",
        }
    }
}

impl FromIterator<PathStep> for AttributePath {
    fn from_iter<I: IntoIterator<Item = PathStep>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Attribute(name) if index == 0 => f.write_str(name)?,
                PathStep::Attribute(name) => write!(f, ".{name}")?,
                PathStep::Index(at) => write!(f, "[{at}]")?,
                PathStep::Key(key) => write!(f, "[{:?}]", &**key)?,
            }
        }
        Ok(())
    }
}
