//! What the API's answers and ids are written like. Pure.

use std::fmt;

use crate::object::RemoteId;
use crate::provider::{ProviderError, ProviderErrorKind};

/// Returns the last part of a resource's URL, which is its name.
pub fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Returns a resource's URL without the host and version: `projects/p/global/images/i`.
pub fn partial(url: &str) -> &str {
    url.find("/projects/").map_or(url, |at| &url[at + 1..])
}

/// Where an instance or a disk is. Names are unique in a zone, so its id is `ZONE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub zone: String,
    pub name: String,
}

impl Place {
    /// Names a place.
    pub fn new(zone: impl Into<String>, name: impl Into<String>) -> Self {
        Self { zone: zone.into(), name: name.into() }
    }

    /// Reads an id.
    pub fn of(id: &RemoteId) -> Result<Self, ProviderError> {
        match id.as_str().split_once('/') {
            Some((zone, name)) if is_name(zone) && is_name(name) => Ok(Self::new(zone, name)),
            _ => Err(no_id(id, "ZONE/NAME, such as us-central1-a/review")),
        }
    }

    /// Returns the id.
    pub fn id(&self) -> RemoteId {
        RemoteId::from(self.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.name)
    }
}

/// Reads an id of what is not in a zone: its name.
pub fn global(id: &RemoteId) -> Result<&str, ProviderError> {
    match is_name(id.as_str()) {
        true => Ok(id.as_str()),
        false => Err(no_id(id, "a name, such as `review`")),
    }
}

fn no_id(id: &RemoteId, form: &str) -> ProviderError {
    let message = format!("`{id}` is no id of Compute Engine's, which is {form}.");
    ProviderError::new(ProviderErrorKind::Rejected, message)
}

/// The longest name of a resource.
pub const LONGEST_NAME: usize = 63;

/// Tells whether a text can name a resource: lower-case letters, digits and inner
/// hyphens, a letter first.
pub fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= LONGEST_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_zone_and_name() {
        let place = Place::of(&"us-central1-a/web".into()).expect("an id");
        assert_eq!(place, Place::new("us-central1-a", "web"));
        assert_eq!(place.id().as_str(), "us-central1-a/web");
        for id in ["web", "a/b/c", "us-central1-a/", "/web", "us-central1-a/../x"] {
            assert!(Place::of(&id.into()).is_err(), "{id}");
        }
        assert!(global(&"disk/a".into()).is_err());
    }

    #[test]
    fn urls_are_read_by_their_ends() {
        let url = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a";
        assert_eq!(last(url), "us-central1-a");
        assert_eq!(partial(url), "projects/p/zones/us-central1-a");
        assert_eq!(partial("projects/p/zones/z"), "projects/p/zones/z");
    }

    #[test]
    fn a_name_begins_with_a_letter() {
        assert!(is_name("a-1") && !is_name("1a") && !is_name("a-") && !is_name("A"));
        assert!(is_name(&"a".repeat(63)) && !is_name(&"a".repeat(64)));
    }
}
