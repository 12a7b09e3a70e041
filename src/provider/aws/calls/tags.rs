//! Tags of objects that exist.

use aws_sdk_ec2::types::Tag;

use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::wire::Tags;

/// Returns tags as the API takes them.
pub(super) fn sent(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

impl Client {
    /// Makes tags as they are wanted; `was` are those that the object has. What AWS
    /// keeps for itself stays.
    pub async fn retag(
        &self,
        (region, id): (&str, &str),
        was: &Tags,
        wanted: &Tags,
    ) -> Result<(), ProviderError> {
        let differs = |(key, value): &(&String, &String)| was.get(*key) != Some(*value);
        let set: Tags =
            wanted.iter().filter(differs).map(|(k, v)| (k.clone(), v.clone())).collect();
        let is_left = |key: &&String| !wanted.contains_key(*key) && !key.starts_with("aws:");
        let left: Vec<&String> = was.keys().filter(is_left).collect();
        if !set.is_empty() {
            self.set_tags(region, &[id], &set).await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("take tags from {id}"));
        let keys = left.into_iter().map(|key| Tag::builder().key(key).build()).collect::<Vec<_>>();
        let send = || ec2.delete_tags().resources(id).set_tags(Some(keys.clone())).send();
        self.call(&call, send).await?;
        Ok(())
    }

    /// Sets tags of objects; others stay.
    pub async fn set_tags(
        &self,
        region: &str,
        ids: &[&str],
        tags: &Tags,
    ) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("tag {}", ids.join(" and ")));
        let all: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let send =
            || ec2.create_tags().set_resources(Some(all.clone())).set_tags(Some(sent(tags))).send();
        self.call(&call, send).await?;
        Ok(())
    }
}
