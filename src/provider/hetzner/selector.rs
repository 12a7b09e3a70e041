//! The selectors by which the API finds objects by their labels.

use crate::object::OperationId;
use crate::provider::cloud::labels::{OPERATION, PROJECT, WORDS, key_of};

/// Chooses objects by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(String);

impl Selector {
    /// Chooses whatever sandplan made, of any project.
    pub fn ours() -> Self {
        Self(PROJECT.to_owned())
    }

    /// Chooses what belongs to a project.
    pub fn project(project: &str) -> Self {
        Self(exactly(PROJECT, project))
    }

    /// Chooses what an operation made.
    pub fn operation(operation: &OperationId) -> Self {
        Self(exactly(OPERATION, operation.as_str()))
    }

    /// Chooses what has a label with this value, which has to be one word.
    pub fn equal(key: &str, value: &str) -> Self {
        Self(format!("{key}={value}"))
    }

    /// Returns it as the API takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Demands every part of a text, and no further one.
fn exactly(key: &str, text: &str) -> String {
    let labels = WORDS.labels_of(key, text);
    let none = format!("!{}", key_of(key, labels.len()));
    let parts = labels.into_iter().map(|(key, value)| format!("{key}={value}"));
    parts.chain([none]).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_one_project_and_no_longer_one() {
        assert_eq!(Selector::project("web").as_str(), "sandplan-project=web,!sandplan-project-2");
        let long = Selector::project(&"a".repeat(100));
        assert!(long.as_str().ends_with(",!sandplan-project-3"), "{}", long.as_str());
    }
}
