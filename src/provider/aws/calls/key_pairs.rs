//! Public keys that EC2 holds.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::ResourceType;

use super::{Which, tagged};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::wire::{KeyPair, Tags};

impl Client {
    /// Lists key pairs of a region, with their public keys.
    pub async fn key_pairs(
        &self,
        region: &str,
        which: &Which,
    ) -> Result<Vec<KeyPair>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list key pairs");
        let filter = which.filter("key-pair-id");
        let send =
            || ec2.describe_key_pairs().include_public_key(true).filters(filter.clone()).send();
        let answer = self.call(&call, send).await?;
        Ok(answer.key_pairs().iter().map(|key| KeyPair::of(region, key)).collect())
    }

    /// Reads a key pair; nothing when it is gone.
    pub async fn key_pair(&self, region: &str, id: &str) -> Result<Option<KeyPair>, ProviderError> {
        Ok(self.key_pairs(region, &Which::Id(id.to_owned())).await?.into_iter().next())
    }

    /// Hands in a public key under a name; returns its id.
    pub async fn import_key(
        &self,
        (region, name): (&str, &str),
        public_key: &str,
        tags: &Tags,
    ) -> Result<String, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::once(region, format!("import the SSH key `{name}`"));
        let tags = tagged(ResourceType::KeyPair, tags);
        let send = || {
            let key = Blob::new(public_key);
            let order = ec2.import_key_pair().key_name(name).public_key_material(key);
            order.tag_specifications(tags.clone()).send()
        };
        let answer = self.call(&call, send).await?;
        answer.key_pair_id.ok_or_else(|| super::instances::strange(&call))
    }

    /// Deletes a key pair; one that is gone already is a success.
    pub async fn delete_key(&self, region: &str, id: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let Some(KeyPair { name, .. }) = self.key_pair(region, id).await? else { return Ok(()) };
        let call = Call::repeatable(region, format!("delete the SSH key `{name}`"));
        match self.call(&call, || ec2.delete_key_pair().key_name(&name).send()).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
