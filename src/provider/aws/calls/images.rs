//! Images: those of distributions, and disks that were saved.

use aws_sdk_ec2::types::{Filter, ResourceType};

use super::{PAGE, Which, filter, tagged};
use crate::provider::ProviderError;
use crate::provider::aws::call::Call;
use crate::provider::aws::client::Client;
use crate::provider::aws::wire::{Image, Tags, tags};

impl Client {
    /// Lists images of this account.
    pub async fn own_images(
        &self,
        region: &str,
        which: &Which,
    ) -> Result<Vec<Image>, ProviderError> {
        self.images_by(region, &["self"], vec![which.filter("image-id")]).await
    }

    /// Reads an image, whoever owns it; nothing when it is gone.
    pub async fn image(&self, region: &str, id: &str) -> Result<Option<Image>, ProviderError> {
        let filter = Which::Id(id.to_owned()).filter("image-id");
        Ok(self.images_by(region, &[], vec![filter]).await?.into_iter().next())
    }

    /// Lists public images of these owners whose names match one of the patterns.
    pub async fn images_named(
        &self,
        region: &str,
        owners: &[&str],
        patterns: &[&str],
    ) -> Result<Vec<Image>, ProviderError> {
        let usable = filter("state", ["available"]);
        let named = filter("name", patterns.iter().copied());
        self.images_by(region, owners, vec![usable, named]).await
    }

    async fn images_by(
        &self,
        region: &str,
        owners: &[&str],
        filters: Vec<Filter>,
    ) -> Result<Vec<Image>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list images");
        let owners: Vec<String> = owners.iter().map(|owner| (*owner).to_owned()).collect();
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        let ask = |token| {
            let ask = ec2.describe_images().set_owners(owners.clone());
            let ask = ask.set_filters(Some(filters.clone())).set_next_token(token).send();
            async {
                let answer = ask.await?;
                let all = answer.images().iter();
                Ok((all.map(|image| Image::of(region, image)).collect(), answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }

    /// Begins to save an instance's disk under a name; returns the image's id. The
    /// instance goes on running.
    pub async fn create_image(
        &self,
        (region, instance): (&str, &str),
        name: &str,
        labels: &Tags,
    ) -> Result<String, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::once(region, format!("save the disk of {instance} as `{name}`"));
        let (image, snapshot) =
            (tagged(ResourceType::Image, labels), tagged(ResourceType::Snapshot, labels));
        let send = || {
            let order = ec2.create_image().instance_id(instance).name(name).no_reboot(true);
            order.tag_specifications(image.clone()).tag_specifications(snapshot.clone()).send()
        };
        let answer = self.call(&call, send).await?;
        answer.image_id.ok_or_else(|| super::instances::strange(&call))
    }

    /// Deletes an image and what it is made of, in one call: a run that is killed leaves
    /// both or neither. One that is gone already is a success.
    pub async fn delete_image(&self, region: &str, image: &Image) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let id = &image.id;
        let call = Call::repeatable(region, format!("delete the image {id}"));
        let send = || ec2.deregister_image().image_id(id).delete_associated_snapshots(true).send();
        match self.call(&call, send).await {
            Err(error) if !error.is_not_found() && error.code() != "InvalidAMIID.Unavailable" => {
                return Err(error.into());
            }
            _ => {}
        }
        for snapshot in &image.snapshots {
            self.delete_snapshot(region, snapshot).await?;
        }
        Ok(())
    }

    /// Lists the ids and tags of snapshots of this account, which images are made of.
    pub async fn disk_snapshots(
        &self,
        region: &str,
        which: &Which,
    ) -> Result<Vec<(String, Tags)>, ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::read(region, "list snapshots");
        let ask = |token| {
            let ask = ec2.describe_snapshots().owner_ids("self");
            let ask = ask.filters(which.filter("snapshot-id")).max_results(PAGE);
            let ask = ask.set_next_token(token).send();
            async {
                let answer = ask.await?;
                let pair = |snapshot: &aws_sdk_ec2::types::Snapshot| {
                    Some((snapshot.snapshot_id()?.to_owned(), tags(snapshot.tags())))
                };
                Ok((answer.snapshots().iter().filter_map(pair).collect(), answer.next_token))
            }
        };
        Ok(self.pages(&call, ask).await?)
    }

    /// Deletes a snapshot; one that is gone already is a success.
    pub async fn delete_snapshot(&self, region: &str, id: &str) -> Result<(), ProviderError> {
        let ec2 = self.ec2(region)?;
        let call = Call::repeatable(region, format!("delete the snapshot {id}"));
        match self.call(&call, || ec2.delete_snapshot().snapshot_id(id).send()).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
