//! Ids of objects: EC2's own, after the region that they are in.

use super::access::check_region;
use crate::object::RemoteId;
use crate::provider::{ProviderError, ProviderErrorKind};

/// An object of EC2: its region, and its id there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub region: String,
    pub id: String,
}

impl Place {
    /// Reads an id such as `us-east-1/i-0abc`; a bare one is in the provider's first
    /// region. `prefixes` are those of EC2's ids that will do.
    pub fn of(id: &RemoteId, first: &str, prefixes: &[&str]) -> Result<Self, ProviderError> {
        let text = id.as_str();
        let (region, bare) = text.split_once('/').unwrap_or((first, text));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_id = prefixes.iter().any(|p| bare.starts_with(p)) && bare.chars().all(is_word);
        if is_id && check_region(region).is_ok() {
            return Ok(Self { region: region.to_owned(), id: bare.to_owned() });
        }
        let example = prefixes.first().copied().unwrap_or_default();
        let message = format!(
            "`{id}` is no id of this kind on AWS, which are written like `{first}/{example}0123abc`."
        );
        Err(ProviderError::new(ProviderErrorKind::Rejected, message))
    }

    /// Returns the region and the id, as calls take them.
    pub fn parts(&self) -> (&str, &str) {
        (&self.region, &self.id)
    }
}

/// Writes the id of an object.
pub fn id(region: &str, id: &str) -> RemoteId {
    RemoteId::from(format!("{region}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_region_or_is_in_the_first() {
        let of = |text: &str| Place::of(&text.into(), "eu-west-1", &["i-"]);
        let place = |region: &str| Place { region: region.into(), id: "i-0abc".into() };
        assert_eq!(of("us-east-1/i-0abc"), Ok(place("us-east-1")));
        assert_eq!(of("i-0abc"), Ok(place("eu-west-1")));
        assert_eq!(id("us-east-1", "i-0abc").as_str(), "us-east-1/i-0abc");
        for strange in ["", "123", "us-east-1/sg-0abc", "i-0abc/i-1", "i-0 abc"] {
            assert_eq!(of(strange).unwrap_err().kind, ProviderErrorKind::Rejected, "{strange}");
        }
    }
}
