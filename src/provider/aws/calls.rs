//! The calls of EC2 that sandplan makes, one file per kind of object.

pub mod groups;
pub mod images;
pub mod instances;
pub mod key_pairs;
pub mod offers;
pub mod subnets;
pub mod tags;

use std::error::Error;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, ResourceType, TagSpecification};

use super::call::Call;
use super::client::Client;
use super::error::CallError;
use super::wire::Tags;
use crate::object::OperationId;
use crate::provider::cloud::labels::{OPERATION, PROJECT};

/// The most objects of a page where a call has pages.
const PAGE: i32 = 1000;

/// Chooses objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Whatever sandplan made, of any project.
    Ours,
    /// What belongs to a project.
    Project(String),
    /// What an operation made.
    Operation(OperationId),
    /// What has a tag with this value.
    Tagged(&'static str, String),
    /// One object by its id.
    Id(String),
}

impl Which {
    /// Returns the filter as the API takes it; `id` is what it calls an id of the kind.
    fn filter(&self, id: &str) -> Filter {
        match self {
            Self::Ours => filter("tag-key", [PROJECT]),
            Self::Project(project) => filter(&format!("tag:{PROJECT}"), [literal(project)]),
            Self::Operation(operation) => {
                filter(&format!("tag:{OPERATION}"), [literal(operation.as_str())])
            }
            Self::Tagged(key, value) => filter(&format!("tag:{key}"), [literal(value)]),
            Self::Id(value) => filter(id, [value]),
        }
    }
}

/// Makes a filter: one of the values.
fn filter<T: Into<String>>(name: &str, values: impl IntoIterator<Item = T>) -> Filter {
    values.into_iter().fold(Filter::builder().name(name), |filter, v| filter.values(v)).build()
}

/// Writes a text so that nothing in it counts as a wildcard.
fn literal(text: &str) -> String {
    let escape = |c: char| if "*?\\".contains(c) { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

/// Returns the tags that something is to be made with.
fn tagged(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(self::tags::sent(tags))).build()
}

/// A page, and by which token the next one is asked for.
type Page<T> = (Vec<T>, Option<String>);

impl Client {
    /// Asks for page after page.
    async fn pages<T, E, F>(
        &self,
        call: &Call,
        ask: impl Fn(Option<String>) -> F,
    ) -> Result<Vec<T>, CallError>
    where
        F: Future<Output = Result<Page<T>, SdkError<E, HttpResponse>>>,
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = self.call(call, || ask(token.clone())).await?;
            all.extend(page);
            token = next.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_and_no_pattern() {
        let filter = Which::Project("a*b?\\".into()).filter("instance-id");
        assert_eq!(filter.name(), Some("tag:sandplan-project"));
        assert_eq!(filter.values(), ["a\\*b\\?\\\\"]);
        let filter = Which::Id("i-1".into()).filter("instance-id");
        assert_eq!(
            (filter.name(), filter.values()),
            (Some("instance-id"), &["i-1".to_owned()][..])
        );
    }
}
